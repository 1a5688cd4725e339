"""The rules of an expression of interest, and what it does for the order that it becomes."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from engine.actor import SYSTEM, Actor
from engine.batch import Batch, Guarded
from engine.chart import Chart
from engine.errors import Reason
from engine.fire import MovedMeanwhile, fire
from engine.ids import new_id
from models import TermBookingOrderType, TermBookingOrderWish, TermBookingStatus
from workflows import places
from workflows.interest_facts import Interest, Wish
from workflows.order_facts import Facts, Order
from workflows.order_holdings import NOTHING_HELD

_EOI = TermBookingOrderType.EOI


def is_enrolment(order: Order, **_: object) -> Iterator[Reason]:
    """Interest is converted, who waits accepts an offer; neither is submitted, quoted or confirmed itself."""
    if order.order_type is _EOI:
        yield Reason("is_interest", f"{order.reference} is an expression of interest; convert it into a booking.",
                     field="order_type", rule="order_type")  # fmt: skip
    if order.order_type is TermBookingOrderType.WAITING_LIST:
        yield Reason("is_waiting", f"{order.reference} is a waiting-list order: it joins the list, and a booking "
                     "comes of accepting an offer.", field="order_type", rule="order_type")  # fmt: skip


def is_interest(order: Order, **_: object) -> Iterator[Reason]:
    """Only an expression of interest is registered as one."""
    if order.order_type is not _EOI:
        yield Reason("not_interest", f"{order.reference} is no expression of interest; submit it.",
                     field="order_type", rule="order_type")  # fmt: skip


def has_something_wanted(order: Order, *, facts: Facts, wishes: list[Wish], **_: object) -> Iterator[Reason]:
    """It says what it is about: sessions, an offering or a program."""
    if not facts.lines and not wishes:
        yield Reason("nothing_wanted", "Name at least one session, offering or program.", field="lines", rule="wishes")


def has_wishes_on_offer(order: Order, *, wishes: list[Wish], **_: object) -> Iterator[Reason]:
    """Only what takes expressions of interest in this term is wished for, and only by one."""
    if wishes and order.order_type is not _EOI:
        yield Reason("not_interest", "Only an expression of interest names offerings without sessions.",
                     field="wishes", rule="order_type")  # fmt: skip
    for wish in wishes:
        if not wish.is_of_term:
            yield Reason("other_term", f"{wish.name} belongs to another term ({wish.term}).", field=wish.field,
                         rule="term")  # fmt: skip
        if not wish.is_published:
            yield Reason("offering_not_published", f"{wish.name} cannot be booked.", field=wish.field,
                         rule="offering_status")  # fmt: skip
        if not wish.offers_interest:
            yield Reason("order_type_not_offered", f"{wish.name} takes no expressions of interest.", field=wish.field,
                         rule="order_types")  # fmt: skip


def keep_wishes(order: Order, *, batch: Batch, wishes: list[Wish], note: str, **_: Any) -> None:
    """What is wished for, in the order that it was named."""
    batch.add(
        TermBookingOrderWish,
        [{"order_id": order.id, "term_program_set_id": wish.offering_id, "program_id": wish.program_id,
          "position": wish.position, "id": new_id()} for wish in wishes],
    )  # fmt: skip
    if order.order_type is _EOI:
        order.change(note=note)


_DROP_LINES = Guarded(
    name="drop_interest",
    sql="DELETE FROM term_booking_order_line l USING {rows} WHERE l.organisation_id = {org} "
    "AND l.order_id = r.order_id AND l.term_product_id = r.id RETURNING l.term_product_id AS id",
    takes="order_id uuid, id uuid",
)


def make_way(
    order: Order, *, batch: Batch, chart: Chart, facts: Facts, actor: Actor, now: datetime, is_muted: bool, **_: Any
) -> None:  # fmt: skip
    """The family's own interest in these sessions becomes this order: its claims go, and what has nothing left ends."""
    wanted = {str(line.session_id) for line in facts.lines}
    programs = {offering.facts["program_id"] for offering in facts.offerings.values()}
    for interest in facts.making_way:
        if interest.status is not TermBookingStatus.SUBMITTED:
            continue  # it became this order before that was reopened
        whole = interest.id == order.converts_order_id
        leaving = [claim for claim in interest.claims if whole or claim["term_product_id"] in wanted]
        places.give_back(batch, interest, leaving, now=now)
        if whole or (len(leaving) == len(interest.claims)
                     and not interest.wishes_besides(facts.offerings, programs)):  # fmt: skip
            _end(interest, order, batch=batch, chart=chart, actor=actor, now=now, is_muted=is_muted)
        else:
            _narrow(interest, order, leaving, batch=batch, chart=chart, now=now)
    batch.on_violation(_ONE_BOOKING, MovedMeanwhile(f"What {order.reference} converts was converted meanwhile."))


_ONE_BOOKING = "uq_term_booking_order_converts"


def _end(
    interest: Interest, order: Order, *, batch: Batch, chart: Chart, actor: Actor, now: datetime, is_muted: bool
) -> None:  # fmt: skip
    interest.change(converted_into_id=order.id)
    fire(batch, chart, interest, "convert", actor=SYSTEM, now=now, reason=f"converted into {order.reference}",
         holdings=NOTHING_HELD, is_muted=is_muted,
         changes={"into": order.reference, "into_order_id": str(order.id), "released": len(interest.claims),
                  "by": str(actor.user_id) if actor.user_id else actor.kind.value})  # fmt: skip


def _narrow(
    interest: Interest, order: Order, leaving: list[dict[str, Any]], *, batch: Batch, chart: Chart, now: datetime
) -> None:
    """What is booked now is no wish any more; the price that was shown for all of it is not its price."""
    sessions = [claim["term_product_id"] for claim in leaving]
    interest.change(
        total_minor=interest.total_minor - sum(interest.prices[session] for session in sessions), price_fingerprint=""
    )  # fmt: skip
    fire(batch, chart, interest, "narrow", actor=SYSTEM, now=now, reason=f"booked with {order.reference}",
         changes={"into": order.reference, "into_order_id": str(order.id), "sessions": sessions})  # fmt: skip
    batch.guard(
        _DROP_LINES, [{"order_id": interest.id, "id": session} for session in sessions],
        otherwise=lambda _: MovedMeanwhile(f"{interest.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
