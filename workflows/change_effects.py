"""What a revision makes of a booking: claims swapped, lines, roll, Billing version, invoice and credit note.

`change.leaving` are the sessions that are given up; the steps of a booking that strike them off are used as they are.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.ledger import invoice_issued, post
from billing.passes import paid_of
from billing.pricing import PricedLine
from billing.versions import next_version, write_version, write_void
from engine.batch import Batch, Guarded, Values
from engine.database import Transaction
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from invoicing.issue import issue_invoice
from models import (
    TermAttendance,
    TermBookingDiscount,
    TermBookingExtra,
    TermBookingLine,
)
from workflows.booking_effects import rebill, say_how_it_stands, write_credit
from workflows.booking_facts import Booking
from workflows.booking_rows import booking_extra, booking_line, settle_invoice
from workflows.change_documents import Documents, charge_due_on, plan_documents, settled_at_once
from workflows.change_facts import Change
from workflows.change_invoicing import planned_sessions
from workflows.double_booking import BLOCKS_TIME
from workflows.invoice_periods import Planned
from workflows.invoice_plan import planned_already, schedule_lines
from workflows.order_discounts import discount_rows
from workflows.order_effects import local_day, printed
from workflows.order_facts import WantedLine
from workflows.order_holdings import NOTHING_HELD, Holdings

Key = tuple[UUID, str]


_SWAP = Guarded(
    name="swap_claims",
    sql="UPDATE place_claim c SET order_id = r.to_order_id, blocks_time = r.blocks_time FROM {rows} "
    "WHERE c.organisation_id = {org} AND c.id = r.id AND c.order_id = r.from_order_id RETURNING c.id",
    takes="id uuid, from_order_id uuid, to_order_id uuid, blocks_time boolean",
)


def swap_claims(booking: Booking, *, batch: Batch, change: Change, holdings: Holdings, **_: Any) -> None:
    """What the change held is the booking's from now on, its time included: what it gave up for it is free already."""
    meanwhile = MovedMeanwhile("The attendee was booked elsewhere meanwhile; look again.")
    batch.on_violation("ex_place_claim_no_overlap", meanwhile)
    blocks = change.order.order_type in BLOCKS_TIME
    rows = [{"id": claim["id"], "from_order_id": change.order.id, "to_order_id": booking.order_id,
             "blocks_time": blocks} for claim in holdings.claims]  # fmt: skip
    if rows:
        batch.guard(_SWAP, rows, otherwise=lambda _: meanwhile)


def bill_change(
    booking: Booking, *, batch: Batch, change: Change, holdings: Holdings, now: datetime, reason: str = "",
    is_revision: bool = True, **_: Any,
) -> None:  # fmt: skip
    """The next Billing version of the booking, its lines, and the documents over the difference."""
    enrolled, priced = change.enrolled, change.priced
    group_id, version = next_version(
        batch, group=enrolled.group, account_id=booking.account_id, term_id=enrolled.term["id"], now=now
    )
    ids: dict[Key, UUID] = {_key(p): new_id() for p in priced.lines}
    numbered: dict[str, Any] = {"group_id": group_id, "version": version, "order_id": booking.order_id, "now": now}
    if priced.lines:
        billing_id = write_version(batch, priced, line_ids=list(ids.values()), **numbered)
    else:
        billing_id = write_void(batch, **numbered)
    booking.change(billing_id=billing_id, total_minor=priced.total_minor)
    if is_revision:
        booking.change(revision=booking.revision + 1)
    booked = {line.session_id: line.id for line in enrolled.lines}
    booked |= _add_lines(booking, batch, change, ids)
    _reprice_kept(booking, batch, change, ids)
    if change.is_invoiced:
        why = reason or f"changed by {change.order.reference}"
        _write_documents(booking, batch, change, holdings, ids, booked, why, now)


def settle_ending(
    booking: Booking, *, batch: Batch, change: Change | None = None, reason: str, now: datetime, **known: Any
) -> None:
    """What a booking that ends, or is to, costs from now on: as its review said; a step of the system takes back what
    is given up and leaves the rest at its price.
    """
    if change is None:
        write_credit(booking, batch=batch, reason=reason, now=now, **known)
        rebill(booking, batch=batch, reason=reason, now=now, **known)
    elif change.leaving or change.difference.lines:
        bill_change(booking, batch=batch, change=change, holdings=held_for(change), now=now, reason=reason,
                    is_revision=False)  # fmt: skip


def held_for(change: Change) -> Holdings:
    """Of an edit without an order of its own: nothing is held for it, its rules are those of all that it is about."""
    chains = {line.chain for line in change.enrolled.lines} | {line.offering.chain for line in change.facts.whole}
    return replace(NOTHING_HELD, chains=sorted(chains), settings=change.enrolled.settings | change.facts.settings)


def _key(priced: PricedLine) -> Key:
    return priced.line.term_product_id, priced.line.component


def _add_lines(booking: Booking, batch: Batch, change: Change, ids: dict[Key, UUID]) -> dict[UUID, UUID]:
    """The sessions that are added, with extras, discounts and rows on the roll. Returns their lines by session."""
    position = max((line.position for line in change.enrolled.lines), default=-1) + 1
    by_key = {_key(p): p for p in change.priced.lines}
    made: dict[UUID, Values] = {}
    for place, line in enumerate(change.facts.lines, start=position):
        session = line.session_id, "SESSION"
        made[line.session_id] = booking_line(booking, {
            "term_product_id": line.session_id, "term_program_set_id": line.offering.id, "kind": line.kind.value,
            "mode": line.mode.value, "id": ids[session], "gross_minor": by_key[session].gross_minor,
            "line_position": place, "seat_id": line.seat_id,
        })  # fmt: skip
    batch.add(TermBookingLine, made.values())
    _add_extras(booking, batch, change, change.facts.lines, {session: row["id"] for session, row in made.items()})
    _add_discounts(booking, batch, (by_key[session, "SESSION"] for session in made),
                   {session: row["id"] for session, row in made.items()})  # fmt: skip
    batch.add(
        TermAttendance,
        [{
            "id": new_id(), "booking_line_id": made[line.session_id]["id"], "booking_id": booking.id,
            "term_product_id": line.session_id, "attendee_id": booking.attendee_id, "local_date": line.local_date,
            "status": "EXPECTED", "version": 1,
        } for line in change.facts.lines if line.local_date],
    )  # fmt: skip
    return {session: row["id"] for session, row in made.items()}


def _add_extras(
    booking: Booking, batch: Batch, change: Change, lines: Iterable[WantedLine], booked: dict[UUID, UUID]
) -> None:
    paid = {_key(p): paid_of(p) for p in change.priced.lines if p.line.component.startswith("EXTRA")}
    asked = [(line.session_id, extra, paid[line.session_id, f"EXTRA:{extra.extra_id}"])
             for line in lines for extra in line.extras]  # fmt: skip
    batch.add(
        TermBookingExtra,
        [booking_extra(booking, {"extra_id": extra.extra_id, "name": extra.name, "quantity": extra.quantity, **prices},
                       {"id": booked[session_id]}) for session_id, extra, prices in asked],
    )  # fmt: skip


def _add_discounts(booking: Booking, batch: Batch, lines: Iterable[PricedLine], booked: dict[UUID, UUID]) -> None:
    batch.add(
        TermBookingDiscount,
        [{**row, "booking_id": booking.id, "booking_line_id": booked[p.line.term_product_id]}
         for p in lines for row in discount_rows(p.trace)],
    )  # fmt: skip


_REPRICE = Guarded(
    name="reprice_lines",
    sql="UPDATE term_booking_line t SET billing_line_id = r.billing_line_id, gross_minor = r.gross_minor, "
    "mode = r.mode FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.cancelled_at IS NULL RETURNING t.id",
    takes="id uuid, billing_line_id uuid, gross_minor bigint, mode text",
)


def repriced_sessions(change: Change) -> set[UUID]:
    """The sessions that stay and cost something else, or have another mode."""
    kept = {line.session_id for line in change.facts.staying}
    switched = {line.session_id for line in change.facts.staying
                if line.mode is not change.booked(line.session_id).mode}  # fmt: skip
    return switched | {line.session_id for line in change.difference.lines if line.session_id in kept}


def forget_repriced(tx: Transaction, change: Change) -> None:
    """Extras and discounts of sessions that stay at another price are written anew by the confirmation."""
    ids = [change.booked(session_id).id for session_id in repriced_sessions(change)]
    for table in ("term_booking_extra", "term_booking_discount") if ids else ():
        tx.run(f"DELETE FROM {table} WHERE organisation_id = %(org)s AND booking_line_id = ANY(%(ids)s)", ids=ids)


def _reprice_kept(booking: Booking, batch: Batch, change: Change, ids: dict[Key, UUID]) -> None:
    """Sessions that stay and cost something else say so; their extras and discounts are written anew (the verb has
    deleted those that were).
    """
    changed = repriced_sessions(change)
    lines = [line for line in change.facts.staying if line.session_id in changed]
    if not lines:
        return
    by_key = {_key(p): p for p in change.priced.lines}
    booked = {line.session_id: change.booked(line.session_id).id for line in lines}
    batch.guard(
        _REPRICE,
        [{"id": booked[line.session_id], "billing_line_id": ids[line.session_id, "SESSION"],
          "gross_minor": by_key[line.session_id, "SESSION"].gross_minor, "mode": line.mode.value} for line in lines],
        otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
    _add_extras(booking, batch, change, lines, booked)
    _add_discounts(booking, batch, (by_key[line.session_id, "SESSION"] for line in lines), booked)


def _write_documents(
    booking: Booking, batch: Batch, change: Change, holdings: Holdings, ids: dict[Key, UUID],
    booked: dict[UUID, UUID], why: str, now: datetime,
) -> None:  # fmt: skip
    """What the review said is issued; the money that came in for a change settles what its credit leaves open."""
    enrolled, documents = change.enrolled, plan_documents(change)
    _plan_added(booking, batch, change, booked)
    charged, credit = documents.charged_minor, documents.credit
    invoice_id = _charge(booking, batch, change, documents, ids, booked, now) if documents.charges else None
    write_credit(booking, batch=batch, enrolled=enrolled, credit=credit, now=now, charge_id=invoice_id,
                 is_zero=documents.is_zero, reason=why)  # fmt: skip
    left = charged - credit.to_charge_minor
    captured = [(payment["id"], payment["amount_minor"] - payment["allocated_minor"])
                for payment in holdings.payments if payment["status"] == "SUCCESS"]  # fmt: skip
    for payment_id, amount in settled_at_once(change, documents, captured):
        assert invoice_id is not None, "money settles an invoice"
        left -= amount
        settle_invoice(batch, change.order, invoice_id=invoice_id, payment_id=payment_id, amount_minor=amount, now=now)
    if invoice_id is not None or enrolled.invoices:
        open_minor = credit.open_minor - (charged - credit.to_charge_minor) + left
        say_how_it_stands(booking, batch, is_open=open_minor > 0, now=now)


def _plan_added(booking: Booking, batch: Batch, change: Change, booked: dict[UUID, UUID]) -> None:
    """Sessions that are invoiced per period stand on the planned invoice of theirs."""
    later: dict[Planned, list[UUID]] = {}
    for session_id, invoice in planned_sessions(change).items():
        later.setdefault(invoice, []).append(booked[session_id])
    schedule_lines(batch, later, booking_id=booking.id, existing=planned_already(change.enrolled))


def _charge(
    booking: Booking, batch: Batch, change: Change, documents: Documents, ids: dict[Key, UUID],
    booked: dict[UUID, UUID], now: datetime,
) -> UUID:  # fmt: skip
    order, by_key = change.order, {_key(p): p for p in change.priced.lines}
    charges = documents.charges
    days: dict[UUID, date | None] = {line.session_id: line.day for line in change.enrolled.lines}
    days |= {line.session_id: line.local_date for line in change.facts.whole}
    lines = []
    for position, line in enumerate(charges):
        key = line.session_id, line.component
        priced, is_new = by_key[key], line.is_new
        lines.append({
            "billing_line_id": ids[key], "booking_line_id": booked[line.session_id], "is_difference": not is_new,
            "description": line.description if is_new else f"{line.description}: difference",
            "session_date": days[line.session_id], "quantity": priced.line.quantity if is_new else 1,
            "net_minor": line.net_delta_minor, "tax_minor": line.tax_delta_minor, "gross_minor": line.delta_minor,
            "tax_name": priced.line.tax_name, "tax_rate": str(priced.line.tax_rate), "position": position,
        })  # fmt: skip
    net, tax = sum(line.net_delta_minor for line in charges), sum(line.tax_delta_minor for line in charges)
    today = local_day(now, order)
    due_days = (charge_due_on(change) - today).days
    invoice_id = issue_invoice(
        batch, account_id=order.account_id, booking_id=booking.id,
        billing={"id": booking.billing_id, "net_minor": net, "tax_minor": tax, "total_minor": net + tax}, lines=lines,
        printed=printed(order) | {"booking_reference": booking.reference}, issued_on=today, due_days=due_days, now=now,
        is_zero=documents.is_zero,
    )  # fmt: skip
    post(batch, source_kind="INVOICE", source_id=invoice_id, purpose="ISSUED", account_id=order.account_id,
         postings=invoice_issued(net_minor=net, tax_minor=tax), posted_on=today, now=now)  # fmt: skip
    return invoice_id
