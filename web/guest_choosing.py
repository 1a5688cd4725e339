"""What a guest chooses: for the one person who comes, before there is an order and in its cart, and what it comes to.

Before, nobody is known: what is ticked is priced for somebody who is made up, in a transaction that is taken back. So
the price tells nothing of who has booked here before.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from api.moves import Answer, Principal
from api.reads import carts
from api.reads import orders as shown
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason
from engine.fire import Refused
from engine.ids import new_id
from models import TermBookingOrderType, TermBookingStatus
from web import choosing
from web.choosing import NOTHING_CHOSEN, code_of, foreseen, merged, unknown, without
from web.forms import Form, day_in
from web.visitor import ByItsLink, Query, Reader, Stranger
from web.words import N_
from workflows import guests
from workflows import term_booking_order as orders
from workflows.guests import Opened
from workflows.term_booking_order import Outcome

# Who comes, as long as nobody has said who that is.
SOMEBODY = UUID(int=0)
_OF_THE_CHILD = ("age", "school_year", "height", "weight")
_NO_BIRTHDAY = date(2000, 1, 1)


class NoCart(Conflict):
    """What is held or booked already is not chosen anew."""

    code = "no_cart"


def read_first_choice(visit: Stranger, form: Form, tx: Transaction, offering: Row, sessions: Sequence[Row]) -> Row:
    """What a stranger may choose of these sessions, for whoever that is."""
    name = form.text("child_name")[:100] or visit.say("Your selection")
    return _choice_of_one(tx, offering, sessions, child={
        "id": SOMEBODY, "name": name, "first_name": visit.say("Select"), "tone": 0}, in_cart=[])  # fmt: skip


def read_cart_choice(visit: ByItsLink, tx: Transaction, offering: Row, sessions: Sequence[Row]) -> Row:
    """The same beside what the cart holds. Raises NoCart where it is none any more."""
    order = tx.row(_ORDER, id=visit.call.order_id)
    if order is None or order["status"] not in (TermBookingStatus.DRAFT, TermBookingStatus.CREATED):
        raise NoCart(N_("This order can't be changed here any more."))
    child = {"id": order["attendee_id"], "name": order["name"], "first_name": order["name"].split()[0], "tone": 0}
    in_cart = list(carts.held_lines(tx, visit.call.order_id).values())
    return _choice_of_one(tx, offering, sessions, child=child, in_cart=in_cart)


_ORDER = """
SELECT o.status, o.attendee_id, t.name FROM term_booking_order o
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
WHERE o.organisation_id = %(org)s AND o.id = %(id)s
"""


def _choice_of_one(
    tx: Transaction, offering: Row, sessions: Sequence[Row], *, child: Row, in_cart: Sequence[Row]
) -> Row:  # fmt: skip
    """Whom a program takes is told by the verbs, of the person whom the guest names: no box is kept from anybody."""
    return choosing.read_choice(
        tx, [offering], sessions, term_id=offering["term_id"], children=[child], held={}, in_cart=in_cart,
        why_not={(child["id"], offering["id"]): []},
    )  # fmt: skip


def first_outlook(visit: Stranger, form: Form, seen: Row, lines: dict[UUID, list[Row]]) -> Row:
    """What the ticks would come to for somebody of this birthday whom nobody knows; without one, of any age."""
    wanted = lines.get(SOMEBODY, [])
    born = day_in(form.text("date_of_birth"))
    code, child_name = code_of(form), seen["children"][0]["name"]

    def look(tx: Transaction, who: Principal) -> Row:
        nobody = {"name": child_name, "email": f"{new_id()}@guest.invalid", "phone": ""}
        child = {"name": child_name, "date_of_birth": born or _NO_BIRTHDAY, "school_year": None,
                 "height_cm": None, "weight_kg": None, "medical_notes": "", "allergy_notes": ""}  # fmt: skip
        outcome = guests.begin(
            tx, guest=nobody, attendee=child, term_id=seen["term_id"], order_type=TermBookingOrderType.BOOKING,
            lines=wanted, promo_code=code, now=visit.now,
        )  # fmt: skip
        found = _alone(outcome, who, SOMEBODY)
        if born is None:
            for order in found["orders"]:
                order["notices"] = [one for one in order["notices"] if one.get("rule") not in _OF_THE_CHILD]
        return found

    return _foreseen(visit, wanted, look)


def cart_outlook(visit: ByItsLink, form: Form, seen: Row, lines: dict[UUID, list[Row]] | None) -> Row:
    """What the cart comes to with these lines in place of what it holds of the page's sessions, else as it stands."""
    wanted = carts.wanted(seen["in_cart"])
    if lines is not None:
        wanted = merged(wanted, lines, seen["replaced"])
    every = [line for each in wanted.values() for line in each]
    code = _code(form, seen["in_cart"])

    def look(tx: Transaction, who: Principal) -> Row:
        opened = guests.opened(tx, visit.call.order_id)
        outcome = orders.save(
            tx, order_id=opened.order_id, lines=every, actor=opened.actor, promo_code=code, now=visit.now
        )
        return _alone(outcome, who, outcome.order.attendee_id)

    return _foreseen(visit, every, look)


def _foreseen(visit: Reader, wanted: Sequence[Row], look: Query) -> Row:
    return foreseen(lambda: visit.foresee(look)) if wanted else NOTHING_CHOSEN


def _alone(outcome: Outcome, who: Principal, child_id: UUID) -> Row:
    """The one order of a guest as a cart that holds nothing else; `child_id` is who comes for the page."""
    order = shown.saved(outcome, who).body
    assert order is not None
    order["attendee_id"] = child_id
    return {"orders": [order], "total_minor": order["total_minor"], "price_fingerprint": order["price_fingerprint"]}


def begin(visit: Stranger, form: Form, seen: Row, lines: dict[UUID, list[Row]], *, guest: Row, attendee: Row) -> UUID:
    """A cart of what is chosen; its order. Raises what the verb refuses, and Refused for whom a program does not take:
    then no cart is left behind.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        outcome = guests.begin(
            tx, guest=guest, attendee=attendee, term_id=seen["term_id"], order_type=TermBookingOrderType.BOOKING,
            lines=lines[SOMEBODY], promo_code=code_of(form), now=visit.now,
        )  # fmt: skip
        _refuse_unfit(outcome)
        return Answer({"id": outcome.order.id})

    return UUID(str(visit.move(form, verb)["id"]))


def put_into_cart(visit: ByItsLink, form: Form, seen: Row, lines: dict[UUID, list[Row]]) -> None:
    """Keep them in the cart in place of what it held of this page. Raises what the verb refuses."""

    def verb(tx: Transaction, who: Principal, opened: Opened) -> Answer:
        held = list(carts.held_lines(tx, opened.order_id).values())
        wanted = require_some(merged(carts.wanted(held), lines, seen["replaced"]))
        outcome = orders.save(
            tx, order_id=opened.order_id, lines=[line for each in wanted.values() for line in each],
            promo_code=_code(form, held), actor=opened.actor, now=visit.now,
        )  # fmt: skip
        _refuse_unfit(outcome)
        return Answer({})

    visit.move(form, verb)


def take_out_of_cart(tx: Transaction, opened: Opened, out: Collection[UUID], *, now: datetime) -> None:
    """Leave these sessions out of the cart. Raises Invalid where it holds one of them not, or nothing else."""
    held = list(carts.held_lines(tx, opened.order_id).values())
    if not out or not set(out) <= {line["session_id"] for line in held}:
        raise unknown("out")
    rest = without(held, lambda line: line["session_id"] in out)
    orders.save(tx, order_id=opened.order_id, lines=require_some({SOMEBODY: rest})[SOMEBODY],
                promo_code=held[0]["promo_code"], actor=opened.actor, now=now)  # fmt: skip


def _code(form: Form, in_cart: Sequence[Row]) -> str | None:
    """The promo code that the page asks for, else the one that the cart has."""
    asked = code_of(form)
    return next((line["promo_code"] for line in in_cart), None) if asked is None else asked


def require_some(lines: dict[UUID, list[Row]]) -> dict[UUID, list[Row]]:
    """Raises Invalid where nothing is chosen."""
    if any(lines.values()):
        return lines
    message = N_("Select at least one session.")
    raise Invalid(message, reasons=[Reason("cart_empty", message, field="pick", rule="lines")])


def _refuse_unfit(outcome: Outcome) -> None:
    """Whom a program does not take is told while the form is still there. Raises Refused."""
    if unfit := [one for one in outcome.notices or () if one.rule in _OF_THE_CHILD]:
        raise Refused(unfit[0].message, reasons=unfit)
