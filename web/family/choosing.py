"""Choosing sessions on a page: who may come to which, what is held and in the cart already, and what the ticks say."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from api.moves import Answer, Principal
from api.reads import carts, programmes
from api.reads.extras import extras_of_sessions
from engine.database import Row, Transaction
from models import BookingMode, TermBookingOrderType, TermBookingStatus
from web.family.carts import foresee, keep, merged
from web.family.people import children_of
from web.family.programs import why_not
from web.forms import Form, id_in
from web.visitor import Family
from web.words import monday

FULL_TERM, FULL_WEEK, CASUAL = BookingMode.FULL_TERM.value, BookingMode.FULL_WEEK.value, BookingMode.CASUAL.value


def read_choice(
    tx: Transaction, who: Principal, offerings: Collection[Row], sessions: Sequence[Row], *, term_id: UUID
) -> Row:  # fmt: skip
    """All that a page of these sessions shows; each of them knows its `offering_id`."""
    children = children_of(tx, who)
    ids = [session["id"] for session in sessions]
    held = programmes.held(tx, [child["id"] for child in children], ids, who.actor.account_ids)
    return {
        "offerings": {offering["id"]: offering for offering in offerings}, "sessions": sessions, "term_id": term_id,
        "children": children, "extras": extras_of_sessions(tx, ids),
        "why_not": {(child["id"], offering["id"]): why_not(offering, child)
                    for child in children for offering in offerings},
        "held": {f"{row['attendee_id']}.{row['session_id']}": _held(row) for row in held},
        "in_cart": carts.lines(tx, who.actor.account_ids, term_id=term_id),
    }  # fmt: skip


def _held(row: Row) -> Row:
    """What a box says where there is nothing to tick any more."""
    is_waiting = row["order_type"] == TermBookingOrderType.WAITING_LIST
    is_booked = row["booking_id"] is not None
    where = f"/family/bookings/{row['booking_id']}" if is_booked else f"/family/orders/{row['order_id']}"
    return {"is_waiting": is_waiting, "is_booked": is_booked, "address": where,
            "is_held": row["status"] == TermBookingStatus.SUBMITTED}  # fmt: skip


def ticked_in(form: Form, seen: Row) -> dict[str, set[str]]:
    """The boxes that are ticked: those of the form, else what the cart holds already of these sessions."""
    if form.fields:
        return {name: set(form.texts(name)) for name in ("pick", "week", "term", "activity", "extra", "each")}
    own = {session["id"] for session in seen["sessions"]}
    lines = [line for line in seen["in_cart"] if line["session_id"] in own]
    boxes = [(f"{line['attendee_id']}.{line['session_id']}", line) for line in lines]
    return {
        "pick": {box for box, _ in boxes}, "each": set(),
        "week": {f"{line['attendee_id']}.{monday(line['local_date'])}" for line in lines if line["mode"] == FULL_WEEK},
        "term": {str(line["attendee_id"]) for line in lines if line["mode"] == FULL_TERM},
        "activity": {f"{box}.{activity}" for box, line in boxes for activity in line["activity_ids"]},
        "extra": {f"{box}.{extra['extra_id']}" for box, line in boxes for extra in line["extras"] or ()},
    }  # fmt: skip


def chosen_lines(form: Form, seen: Row) -> dict[UUID, list[Row]]:
    """The ticks as lines of a cart: a whole term or week counts before its single days."""
    terms, weeks, picks = set(form.texts("term")), set(form.texts("week")), set(form.texts("pick"))
    each, extras, themes = set(form.texts("each")), set(form.texts("extra")), _themes(form)
    found: dict[UUID, list[Row]] = {}
    for child in seen["children"]:
        for session in seen["sessions"]:
            box = f"{child['id']}.{session['id']}"
            offering = seen["offerings"][session["offering_id"]]
            if box in seen["held"] or seen["why_not"][child["id"], offering["id"]]:
                continue
            if str(child["id"]) in terms:
                mode = FULL_TERM if FULL_TERM in offering["modes"] else CASUAL
            elif f"{child['id']}.{monday(session['local_date'])}" in weeks:
                mode = FULL_WEEK if FULL_WEEK in offering["modes"] else CASUAL
            elif box in picks:
                mode = CASUAL
            else:
                continue
            with_it = [
                {"extra_id": extra["extra_id"], "quantity": 1} for extra in seen["extras"].get(session["id"], ())
                if f"{box}.{extra['extra_id']}" in extras or f"{child['id']}.{extra['extra_id']}" in each
            ]  # fmt: skip
            found.setdefault(child["id"], []).append({
                "session_id": session["id"], "mode": mode, "seat_id": None, "extras": with_it,
                "activity_ids": themes.get(box, []),
            })  # fmt: skip
    return found


def _themes(form: Form) -> dict[str, list[UUID]]:
    found: dict[str, list[UUID]] = {}
    for text in form.texts("activity"):
        box, _, activity = text.rpartition(".")
        found.setdefault(box, []).append(id_in(activity, "activity"))
    return found


def outlook_of(visit: Family, seen: Row, lines: dict[UUID, list[Row]] | None, code: str | None = None) -> Row:
    """What the cart comes to with these lines in place of what it holds of the page's sessions, else as it stands."""
    kept = carts.wanted(seen["in_cart"])
    if lines is not None:
        kept = merged(kept, lines, {session["id"] for session in seen["sessions"]})
    return foresee(visit, seen["term_id"], kept, promo_code=code)


def put_into_cart(visit: Family, form: Form, seen: Row, lines: dict[UUID, list[Row]]) -> Row:
    """Keep them in the cart; what it comes to, empty where it holds nothing now."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        kept = carts.wanted(carts.lines(tx, who.actor.account_ids, term_id=seen["term_id"]))
        wanted = merged(kept, lines, {session["id"] for session in seen["sessions"]})
        return Answer(keep(tx, who, visit, seen["term_id"], wanted, promo_code=code_of(form)))

    return visit.move(form, verb)


def code_of(form: Form) -> str | None:
    """The promo code that the page asks for; None where it has no field for one."""
    return form.text("promo_code") if form.has("promo_code") else None


def clashes_in(outlook: Row) -> dict[str, list[str]]:
    """What stands in the way, by the box that it is about."""
    found: dict[str, list[str]] = {}
    for one in outlook["notices"]:
        if one.get("attendee_id") and one.get("facts", {}).get("session_id"):
            found.setdefault(f"{one['attendee_id']}.{one['facts']['session_id']}", []).append(one["message"])
    return found


def live_answer(visit: Family, seen: Row, outlook: Row) -> dict[str, Any]:
    """For a page's script: the summary as it is shown, and each clash by its box."""
    html = visit.show("family/_summary.html", None, outlook=outlook, children=seen["children"], in_cart=seen["in_cart"])
    clashes = [{"box": box, "message": visit.told(said[0])} for box, said in clashes_in(outlook).items()]
    return {
        "total_minor": outlook["total_minor"], "html": bytes(html.body).decode(), "clashes": clashes,
        "left": [{"session": str(session["id"]), **left_of(visit, session["left"])} for session in seen["sessions"]],
    }  # fmt: skip


def left_of(visit: Family, count: int) -> Row:
    """How many places a session has left, as the page says it."""
    if count <= 0:
        return {"words": visit.say("Full"), "kind": "badge bad"}
    words = visit.say_many("%(num)s place left", "%(num)s places left", count)
    return {"words": words, "kind": "badge warn" if count <= 3 else "tiny quiet"}
