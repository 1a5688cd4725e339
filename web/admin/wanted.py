"""The lines of a cart that the office fills: what a session had stays with it but for the extras that it is asked for,
and what is asked for with all goes with those that are new.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from api.moves import Principal
from api.reads import seats as shown
from engine.database import Row, Transaction
from models import BookingMode
from web.forms import Form
from web.words import monday

# Of more sessions than these a page offers the best seat alone: each hall has hundreds.
_MOST_MAPS = 12

_SEATED = """
SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) AND is_seated
"""


def mode_of(sessions: Sequence[Row], held: dict[UUID, Row]) -> str:
    """How the sessions that the cart holds of these are priced, where all are alike."""
    modes = {held[session["id"]]["mode"].value for session in sessions if session["id"] in held}
    return str(modes.pop()) if len(modes) == 1 else BookingMode.CASUAL.value


def seats_to_choose(
    tx: Transaction, who: Principal, sessions: Sequence[Row], held: dict[UUID, Row], *, now: datetime
) -> dict[UUID, list[Row]]:  # fmt: skip
    """The seats that are free, and the one that the cart holds, by session; none where there are too many sessions."""
    seated = _seated(tx, [session["id"] for session in sessions])
    if len(seated) > _MOST_MAPS:
        return {session_id: [] for session_id in seated}
    return {session_id: _to_choose(tx, who, session_id, held.get(session_id), now=now) for session_id in seated}


def _seated(tx: Transaction, session_ids: Sequence[UUID]) -> list[UUID]:
    return [row["id"] for row in tx.rows(_SEATED, ids=list(session_ids))]


def _to_choose(tx: Transaction, who: Principal, session_id: UUID, held: Row | None, *, now: datetime) -> list[Row]:
    plan = shown.seat_map(tx, who, session_id, now=now).body or {}
    own = held and held["seat_id"]
    return [{**seat, "row": row["row"]} for row in plan["rows"] for seat in row["seats"]
            if seat["state"] == "FREE" or seat["id"] == own]  # fmt: skip


def wanted_lines(
    tx: Transaction, who: Principal, form: Form, held: dict[UUID, Row], *, is_change: bool, now: datetime
) -> list[Row]:  # fmt: skip
    """All that the cart is to hold: what the form did not show stays, of what it showed what is ticked. A way of
    pricing, or extras for all, count for what was there before only where the office chose so; the extras that are
    sold beside a session have a box there. A whole term or week counts before its single days.
    """
    whole = _in_wholes(tx, form)
    shown_ids, ticked = set(form.ids("shown")), list(dict.fromkeys([*form.ids("session"), *whole]))
    kept = [line for session_id, line in held.items() if session_id not in shown_ids]
    mode = BookingMode[form.text("mode")] if form.text("mode") in BookingMode.__members__ else BookingMode.CASUAL
    extras = [{"extra_id": extra_id, "quantity": 1} for extra_id in form.ids("extra")]
    own: dict[str, Any] = {}
    if form.text("mode") != form.text("mode_before"):
        own["mode"] = mode
    if form.is_ticked("extras_for_all"):
        own["extras"] = extras
    new = {"mode": mode, "makeup_credit_id": None, "activity_ids": [], "extras": extras, "seat_id": None}
    seated = set(_seated(tx, ticked))
    for session_id in ticked:
        line = {**held[session_id], **own} if session_id in held else {**new, "session_id": session_id}
        line["mode"] = whole.get(session_id) or line["mode"]
        if not form.is_ticked("extras_for_all"):
            for_all = extras if session_id not in held else []
            line["extras"] = _beside(form, session_id, held.get(session_id, {}).get("extras", []), for_all)
        if session_id in seated:
            line["seat_id"] = form.id(f"seat.{session_id}") or line["seat_id"]
            if line["seat_id"] is None and not (is_change and session_id in held):
                line["seat_id"] = shown.best_seat(tx, who, session_id, now=now)
        kept.append(line)
    return kept


_OF_WHOLES = """
SELECT s.id, s.local_date, p.modes FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(ids)s) ORDER BY s.starts_at, s.id
"""


def _in_wholes(tx: Transaction, form: Form) -> dict[UUID, BookingMode | None]:
    """The sessions shown that a whole term or week is ticked for, each with its mode; None where the offering has no
    price for a whole term: then they are priced as the others.
    """
    is_term, weeks = form.is_ticked("term"), set(form.texts("week"))
    found: dict[UUID, BookingMode | None] = {}
    for session in tx.rows(_OF_WHOLES, ids=form.ids("shown")) if is_term or weeks else ():
        if is_term:
            found[session["id"]] = _offered(BookingMode.FULL_TERM, session)
        elif session["local_date"] and str(monday(session["local_date"])) in weeks:
            found[session["id"]] = _offered(BookingMode.FULL_WEEK, session)
    return found


def _offered(mode: BookingMode, session: Row) -> BookingMode | None:
    return mode if mode.value in session["modes"] else None


def weeks_of(sessions: Sequence[Row], modes: Sequence[str]) -> list[tuple[date | None, list[Row]]]:
    """The sessions as the page lays them out: by the Monday of their week where weeks are sold, else in one list."""
    if BookingMode.FULL_WEEK.value not in modes:
        return [(None, list(sessions))] if sessions else []
    found: dict[date | None, list[Row]] = {}
    for session in sessions:
        found.setdefault(monday(session["local_date"]) if session["local_date"] else None, []).append(session)
    return list(found.items())


def _beside(form: Form, session_id: UUID, had: Sequence[Row], for_all: Sequence[Row]) -> list[Row]:
    """What is ticked beside the session, as many as it had, besides what goes with all; what has no box stays."""
    quantities = {one["extra_id"]: one["quantity"] for one in had}
    boxes, ticked = set(form.ids("extra_shown")), set(form.texts("extra_with"))
    asked = {one for one in boxes if f"{session_id}.{one}" in ticked}
    wanted = asked | (quantities.keys() - boxes) | {one["extra_id"] for one in for_all}
    return [{"extra_id": one, "quantity": quantities.get(one, 1)} for one in sorted(wanted)]
