"""The sessions of a guest's cart, to be chosen anew: what stands in the way goes out, all else stays as it was."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from api.moves import Principal
from api.reads import carts, programmes
from api.reads.seats import best_seat
from engine.database import Row, Transaction
from engine.fire import Refused
from models import BookingMode
from web.forms import Form
from workflows.term_booking_order import Outcome

_MOST_PROGRAMS = 200
_OF_THE_CHILD = ("age", "school_year", "height", "weight")

_SEATED = """
SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) AND is_seated
"""


def read_choice(
    tx: Transaction, order: Row, *, added: UUID | None, form: Form, now: datetime
) -> Row:  # fmt: skip
    """What the cart's programs have to come, and those of one more; what is full is ticked no more. `gone` are the
    sessions of the cart that cannot be had any more, by their names.
    """
    held = carts.held_lines(tx, order["id"])
    wanted = {line["offering_id"] for line in held.values()} | ({added} if added else set())
    offerings = [one for one in programmes.several(tx, wanted, now=now) if one["term_id"] == order["term_id"]]
    sessions = {one["id"]: programmes.sessions_to_come(tx, one["id"], now=now) for one in offerings}
    free = {str(one["id"]) for each in sessions.values() for one in each if one["left"] > 0}
    there = {one["id"] for each in sessions.values() for one in each}
    ticked = set(form.texts("pick")) if form.has("shown") else {str(one) for one in held}
    return {
        "offerings": offerings, "sessions": sessions, "ticked": ticked & free, "added": added,
        "gone": [line["name"] for line in order["lines"] if line["session_id"] not in map(str, there)],
        "others": _others(tx, order["term_id"], {one["id"] for one in offerings}, now=now),
    }  # fmt: skip


def _others(tx: Transaction, term_id: UUID, shown: set[UUID], *, now: datetime) -> list[tuple[UUID, str]]:
    """The other programs of the term that have a place left."""
    found = programmes.offerings()
    programmes.narrow(found, term_id=term_id, only_free=True)
    page = found.page(tx, cursor=None, limit=_MOST_PROGRAMS, show=dict, now=now).body or {}
    return [(one["id"], one["name"]) for one in page["items"] if one["id"] not in shown]


def wanted_lines(
    tx: Transaction, who: Principal, picks: Sequence[UUID], *, held: dict[UUID, Row], now: datetime
) -> list[Row]:  # fmt: skip
    """What a cart of these sessions asks for: what it held stays as it was, with its seat while that is free, else the
    best there is. Of a week or a term that is not whole any more each session is paid for by itself.
    """
    broken = {line["offering_id"] for session_id, line in held.items() if session_id not in picks}
    seated = {row["id"] for row in tx.rows(_SEATED, ids=list(picks))}
    lines = []
    for session_id in dict.fromkeys(picks):
        line = held.get(session_id, {"session_id": session_id, "offering_id": None})
        if line["offering_id"] in broken:
            line = {**line, "mode": BookingMode.CASUAL}
        if session_id in seated:
            line = {**line, "seat_id": best_seat(tx, who, session_id, now=now, wished=line.get("seat_id"))}
        lines.append(line)
    return lines


def refuse_unfit(outcome: Outcome) -> None:
    """Whom a program does not take is told while the form is still there. Raises Refused."""
    if unfit := [one for one in outcome.notices or () if one.rule in _OF_THE_CHILD]:
        raise Refused(unfit[0].message, reasons=unfit)
