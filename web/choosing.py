"""Choosing sessions on a page, whoever books: who may come to which, what the ticks say, and what they come to."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from api.reads.extras import extras_of_sessions
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from models import BookingMode
from web.forms import Form
from web.visitor import Reader
from web.words import N_, monday

FULL_TERM, FULL_WEEK, CASUAL = BookingMode.FULL_TERM.value, BookingMode.FULL_WEEK.value, BookingMode.CASUAL.value
# What one may tick.
_BOXES = ("pick", "week", "term", "activity", "extra", "each")
NOTHING_CHOSEN: Row = {
    "orders": [], "total_minor": 0, "price_fingerprint": "", "notices": [], "children": [], "covered": {}
}  # fmt: skip


def read_choice(
    tx: Transaction, offerings: Collection[Row], sessions: Sequence[Row], *, term_id: UUID, children: Sequence[Row],
    why_not: Mapping[tuple[UUID, UUID], Sequence[Any]], held: Mapping[str, Row], in_cart: Sequence[Row],
) -> Row:  # fmt: skip
    """All that a page of these sessions shows; each of them knows its `offering_id`. `held` is by box, `in_cart` what
    the cart holds already, `why_not` by child and offering.
    """
    return {
        "offerings": {offering["id"]: offering for offering in offerings}, "sessions": sessions, "term_id": term_id,
        "children": children, "extras": extras_of_sessions(tx, [session["id"] for session in sessions]),
        "why_not": why_not, "held": held, "in_cart": in_cart,
        "replaced": {session["id"] for session in sessions},
    }  # fmt: skip


def ticked_in(form: Form, seen: Row) -> dict[str, set[str]]:
    """The boxes that are ticked: those of the form, else what the cart holds already of these sessions."""
    if form.fields:
        return {name: set(form.texts(name)) for name in _BOXES}
    own = {session["id"]: session for session in seen["sessions"]}
    lines = [line for line in seen["in_cart"] if line["session_id"] in own]
    boxes = [(f"{line['attendee_id']}.{line['session_id']}", line) for line in lines]
    return {
        "pick": {box for box, line in boxes if own[line["session_id"]]["left"] > 0}, "each": set(),
        "week": _whole(seen, lines, FULL_WEEK, lambda line: f"{line['attendee_id']}.{monday(line['local_date'])}"),
        "term": _whole(seen, lines, FULL_TERM, lambda line: str(line["attendee_id"])),
        "activity": {f"{box}.{activity}" for box, line in boxes for activity in line["activity_ids"]},
        "extra": {f"{box}.{extra['extra_id']}" for box, line in boxes for extra in line["extras"] or ()},
    }  # fmt: skip


def _whole(seen: Row, lines: Sequence[Row], mode: str, box_of: Callable[[Row], str]) -> set[str]:
    """The weeks or terms that the cart holds as wholes. One of which somebody else has a place by now is ticked day by
    day, so that the others can be kept; where there are no single days it stays, and the page says what is full.
    """
    full = {session["id"] for session in seen["sessions"] if session["left"] <= 0}
    broken = {box_of(line) for line in lines
              if line["session_id"] in full and CASUAL in seen["offerings"][line["offering_id"]]["modes"]}  # fmt: skip
    return {box_of(line) for line in lines if line["mode"] == mode} - broken


def chosen_lines(form: Form, seen: Row) -> dict[UUID, list[Row]]:
    """The ticks as lines of a cart: a whole term or week counts before its single days. Which of them is a whole, and
    what it costs, is for the catalogue's modes to say.
    """
    terms, weeks, picks = set(form.texts("term")), set(form.texts("week")), set(form.texts("pick"))
    themes, activities = set(form.texts("activity")), seen.get("activities", {})
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
            found.setdefault(child["id"], []).append({
                "session_id": session["id"], "mode": mode, "seat_id": None,
                "extras": extras_with(form, seen, child["id"], session["id"]),
                "activity_ids": [one["id"] for one in activities.get(session["local_date"], ())
                                 if f"{box}.{one['id']}" in themes],
            })  # fmt: skip
    return found


def extras_with(form: Form, seen: Row, child_id: UUID, session_id: UUID) -> list[Row]:
    """What is ticked to come with this session of the child: there alone, or with every day."""
    each, extras = set(form.texts("each")), set(form.texts("extra"))
    return [
        {"extra_id": extra["extra_id"], "quantity": 1} for extra in seen["extras"].get(session_id, ())
        if f"{child_id}.{session_id}.{extra['extra_id']}" in extras or f"{child_id}.{extra['extra_id']}" in each
    ]  # fmt: skip


def refuse_unknown(form: Form, seen: Row) -> None:
    """What is ticked is on the page, and nothing is left out in silence: it may have gone since it was shown, or never
    have been there. Raises Invalid with the field of each.
    """
    known = {name: set(boxes) for name, boxes in _boxes_of(seen).items()}
    if missing := [name for name in _BOXES if set(filter(None, form.texts(name))) - known[name]]:
        raise unknown(*missing)


def unknown(*fields: str) -> Invalid:
    """What is ticked in these fields is not on the page."""
    message = N_("Something you selected is no longer offered. Everything else is still selected below.")
    return Invalid(message, reasons=[Reason("not_offered", message, field=name, rule="offered") for name in fields])


def _boxes_of(seen: Row) -> dict[str, Iterator[str]]:
    """Every box that a page of these sessions may have."""
    children, sessions = [str(child["id"]) for child in seen["children"]], seen["sessions"]
    activities = seen.get("activities", {})
    return {
        "pick": (f"{child}.{one['id']}" for child in children for one in sessions),
        "week": (f"{child}.{monday(one['local_date'])}" for child in children for one in sessions),
        "term": iter(children),
        "extra": (f"{child}.{session_id}.{extra['extra_id']}" for child in children
                  for session_id, sold in seen["extras"].items() for extra in sold),
        "each": (f"{child}.{extra['extra_id']}" for child in children
                 for sold in seen["extras"].values() for extra in sold),
        "activity": (f"{child}.{one['id']}.{activity['id']}" for child in children for one in sessions
                     for activity in activities.get(one["local_date"], ())),
    }  # fmt: skip


def merged(kept: Mapping[UUID, Sequence[Row]], chosen: Mapping[UUID, Sequence[Row]], sessions: set[UUID]) -> Any:
    """The cart with what was chosen on one page in place of what it held of that page's sessions."""
    found: dict[UUID, list[Row]] = {}
    for child in dict.fromkeys([*kept, *chosen]):
        rest = [line for line in kept.get(child, ()) if line["session_id"] not in sessions]
        found[child] = [*rest, *chosen.get(child, ())]
    return found


def without(rows: Sequence[Row], is_out: Callable[[Row], bool]) -> list[Row]:
    """What stays in a cart of which something is taken out. A week or term that loses a day is asked for as a whole no
    more, where single days are to be had: which of the others are one, and what they cost, the catalogue says.
    """
    broken = {_whole_of(row) for row in rows if is_out(row)}
    return [
        {**row, "mode": CASUAL} if _whole_of(row) in broken and CASUAL in row["modes"] else row
        for row in rows if not is_out(row)
    ]  # fmt: skip


def _whole_of(row: Row) -> tuple[Any, ...]:
    """The days that a line is asked for with."""
    day = {FULL_TERM: None, FULL_WEEK: monday(row["local_date"])}.get(row["mode"], row["local_date"])
    return row["attendee_id"], row["offering_id"], row["mode"], day


# Of what stands in the way of a cart what nobody can have, or this child not: it only goes by being taken out.
_NOT_TO_BE_HAD = frozenset({"session_closed", "session_over", "session_full", "past_cut_off"})


def unavailable_in(outlook: Row) -> list[tuple[str, str]]:
    """The sessions of a cart that cannot be booked as things stand, each with its child first."""
    lost = [{"attendee_id": one.get("attendee_id"), **one["facts"]} for one in outlook["notices"] if _is_lost(one)]
    return list(dict.fromkeys((str(one["attendee_id"]), str(one["session_id"])) for one in lost))


def _is_lost(notice: Row) -> bool:
    """Two sessions of the cart that overlap are both to be had: which of them goes is for whoever books to say."""
    return notice["code"] in _NOT_TO_BE_HAD or (notice["code"] == "double_booked" and "other" in notice["facts"])


def foreseen(look: Callable[[], Row]) -> Row:
    """What `look` finds that the cart would come to, with its sums; or nothing, and why it cannot be."""
    try:
        return summed(look())
    except (Conflict, Invalid, NotFound) as refusal:
        return {**NOTHING_CHOSEN, "notices": _refused(refusal)}


def _refused(refusal: TermbookError) -> list[Row]:
    reasons = refusal.reasons or [Reason(refusal.code, refusal.message)]
    return [reason.as_dict() for reason in reasons]


def summed(group: Row) -> Row:
    """A group order with the sums that a person looks at: by child and program, extras and discounts by their name,
    discounts with their reason.
    """
    children, notices, covered = [], [], dict[str, str]()  # which session of whom a pass covers, by its name
    for order in group["orders"]:
        programs: dict[str, Row] = {}
        extras: dict[str, Row] = {}
        discounts: dict[tuple[str, str], int] = {}
        for line in order["lines"]:
            name = line["name"].rpartition(", ")[0] or line["name"]
            each = programs.setdefault(name, {"name": name, "count": 0, "price_minor": 0, "why": set()})
            each["count"] += 1
            taken = sum(one["amount_minor"] for one in line["discounts"])
            each["price_minor"] += line["price_minor"] + taken
            for one in line["extras"]:
                sold = extras.setdefault(one["name"], {"name": one["name"], "count": 0, "price_minor": 0})
                sold["count"] += one["quantity"]
                sold["price_minor"] += one["price_minor"] * one["quantity"]
            if line["mode_reason"]:
                each["why"].add(line["mode_reason"])
            if by := next((one for one in line["discounts"] if one["rule"] == "PASS"), None):
                covered[f"{order['attendee_id']}.{line['session_id']}"] = by["name"]
            for one in line["discounts"]:
                key = (one["name"], one["why"])
                discounts[key] = discounts.get(key, 0) + one["amount_minor"]
        children.append({
            "attendee_id": order["attendee_id"], "order_id": order["id"], "programs": list(programs.values()),
            "extras": list(extras.values()),
            "discounts": [{"name": n, "why": w, "amount_minor": a} for (n, w), a in discounts.items()],
            "total_minor": order["total_minor"],
        })  # fmt: skip
        notices += [{**one, "attendee_id": str(order["attendee_id"])} for one in order.get("notices", ())]
    return {**group, "children": children, "notices": notices, "covered": covered}


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


def live_answer(visit: Reader, seen: Row, outlook: Row) -> dict[str, Any]:
    """For a page's script: the summary as it is shown, and each clash by its box."""
    html = visit.show("parts/summary.html", None, outlook=outlook, children=seen["children"], in_cart=seen["in_cart"])
    clashes = [{"box": box, "message": visit.told(said[0])} for box, said in clashes_in(outlook).items()]
    return {
        "total_minor": outlook["total_minor"], "html": bytes(html.body).decode(), "clashes": clashes,
        "left": [{"session": str(session["id"]), **left_of(visit, session["left"])} for session in seen["sessions"]],
    }  # fmt: skip


def left_of(visit: Reader, count: int) -> Row:
    """How many places a session has left, as the page says it."""
    if count <= 0:
        return {"words": visit.say("Full"), "kind": "badge bad"}
    words = visit.say_many("%(num)s place left", "%(num)s places left", count)
    return {"words": words, "kind": "badge warn" if count <= 3 else "tiny quiet"}
