"""What closing a day does to a booking and to an order besides what any session that is given up does."""

from datetime import datetime
from typing import Any

from billing.credits import Credit
from billing.versions import next_version, write_kept
from engine.batch import Batch, Guarded
from engine.database import Row
from engine.fire import MovedMeanwhile, Subject, announce
from invoicing.issue import issue_quote
from models import TermBookingStatus
from workflows.booking_facts import BookedLine, Booking, Enrolled
from workflows.order_effects import local_day, printed
from workflows.order_facts import Order
from workflows.order_sets import Carried
from workflows.places import RELEASE


def _turning(table: str) -> Guarded:
    return Guarded(
        name=f"close_{table}",
        sql=f"UPDATE {table} t SET kind = 'CLOSURE_DAY' FROM {{rows}} "
        "WHERE t.organisation_id = {org} AND t.id = r.id AND t.kind <> 'CLOSURE_DAY' RETURNING t.id",
        takes="id uuid",
        is_by_id=True,
    )


_BOOKING_LINES, _ORDER_LINES = _turning("term_booking_line"), _turning("term_booking_order_line")


def turn_lines(booking: Booking, *, batch: Batch, leaving: list[BookedLine], **_: Any) -> None:
    """The sessions become closure days: they take no place and no time, and are billed no more."""
    _turn(booking, batch, _BOOKING_LINES, [line.id for line in leaving])


def turn_order_lines(order: Order, *, batch: Batch, carried: Carried, closed: set[str], **_: Any) -> None:
    """The sessions that the order asks for become closure days; it goes on with the others."""
    _turn(order, batch, _ORDER_LINES, [line for session, line in carried.sessions.items() if session in closed])


def _turn(subject: Subject, batch: Batch, statement: Guarded, ids: list[Any]) -> None:
    if ids:
        batch.guard(statement, [{"id": line_id} for line_id in ids], otherwise=lambda _: _meanwhile(subject))


def free_claims(subject: Subject, *, batch: Batch, claims: list[Row], **_: Any) -> None:
    """Nothing is held in the closed sessions any more; their counters are set for all at once."""
    if claims:
        batch.guard(RELEASE, [{"id": claim["id"]} for claim in claims], otherwise=lambda _: _meanwhile(subject))
        subject.record(places_released=[claim["term_product_id"] for claim in claims if claim["takes_place"]])


def rebill_order(
    order: Order, *, batch: Batch, carried: Carried, kept: list[Row], now: datetime, **_: Any
) -> None:  # fmt: skip
    """The order costs what is left of it. Its price fingerprint stays: money that is on its way for the higher price
    confirms it, and what is over is the family's credit.
    """
    if order.billing_id is None:
        return
    group_id, version = next_version(
        batch, group=carried.group, account_id=order.account_id, term_id=order.term_id, now=now
    )
    billing_id, total_minor = write_kept(batch, kept, group_id=group_id, version=version, order_id=order.id, now=now)
    order.change(billing_id=billing_id, total_minor=total_minor)


def reissue_quote(order: Order, *, batch: Batch, carried: Carried, now: datetime, **_: Any) -> None:
    """A quote is for a Billing version: the new one gets a number of its own, good until the same moment."""
    if order.status is not TermBookingStatus.QUOTE:
        return
    assert carried.quote_expires_at is not None, "a quoted order has a quote"
    issue_quote(
        batch, order_id=order.id, billing={"id": order.billing_id, "total_minor": order.total_minor},
        printed=printed(order), issued_on=local_day(now, order), expires_at=carried.quote_expires_at, now=now,
    )  # fmt: skip


def carry_billing(order: Order, *, enrolled: Enrolled, **_: Any) -> None:
    """An order that is approved for attendance will invoice what is left of its booking."""
    order.change(billing_id=enrolled.booking.billing_id, total_minor=enrolled.booking.total_minor)


def tell_closure(
    booking: Booking, *, batch: Batch, enrolled: Enrolled, leaving: list[BookedLine], credit: Credit, reason: str,
    is_muted: bool, now: datetime, **_: Any,
) -> None:  # fmt: skip
    """The family is told what is closed and what it gets back."""
    if not is_muted:
        announce(
            batch, "booking.day_closed", now=now, subject_id=booking.id, reference=booking.reference, reason=reason,
            session_ids=[line.session_id for line in leaving], credit_note_id=enrolled.credit_note_id,
            credited_minor=credit.total_minor, freed_minor=credit.freed_minor,
        )  # fmt: skip


def tell_order_closure(
    order: Order, *, batch: Batch, closed: set[str], carried: Carried, reason: str, is_muted: bool, now: datetime,
    **_: Any,
) -> None:  # fmt: skip
    """The family is told what of its order is closed, and what the rest costs."""
    if not is_muted:
        announce_order_closure(batch, order, sorted(carried.sessions.keys() & closed), reason=reason, now=now)


def announce_order_closure(batch: Batch, order: Order, session_ids: list[str], *, reason: str, now: datetime) -> None:
    announce(batch, "order.day_closed", now=now, subject_id=order.id, reference=order.reference, reason=reason,
             session_ids=session_ids)  # fmt: skip


def _meanwhile(subject: Subject) -> MovedMeanwhile:
    return MovedMeanwhile(f"{subject.reference} was changed meanwhile; look at it again.")
