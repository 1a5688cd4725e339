"""What a subscription costs: a schedule of invoices with each booking, and each invoice on its day.

A period is billed in advance by its sessions, at the offering's price of the day on which its invoice is issued. What
is suspended on that day is waived, and invoiced after all when it is resumed in time. What was given up is dropped.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from billing.ledger import invoice_issued, post
from billing.pricing import LineToPrice, PricedLine, price
from billing.versions import next_version, write_kept
from catalogue.rules import Rule, read_rules
from engine.actor import SYSTEM
from engine.batch import Batch, Guarded, Values
from engine.database import Database, Row, Transaction
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id
from invoicing.issue import issue_invoice
from models import (
    AttendanceStatus,
    LineKind,
    PaymentState,
    ScheduledLineStatus,
    ScheduleStatus,
)
from workflows.booking_effects import SUSPENDED
from workflows.booking_facts import BookedLine, Enrolled, lock_booking
from workflows.direct_debit import collect
from workflows.mandate import read_active
from workflows.order_effects import local_day, printed
from workflows.order_facts import Order

# Due: an invoice whose day has come; and what was waived while it was suspended and is attended after all.
_DUE = """
SELECT DISTINCT b.id FROM term_booking b
JOIN organisation g ON g.id = b.organisation_id
JOIN invoice_schedule s ON s.organisation_id = b.organisation_id AND s.booking_id = b.id
WHERE b.organisation_id = %(org)s AND b.status IN (500, 700, 800, 900) AND (
    s.status = 'SCHEDULED' AND s.issue_on <= (%(now)s AT TIME ZONE g.time_zone)::date
    OR b.status = 500 AND EXISTS (
        SELECT FROM scheduled_line l
        JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.booking_line_id
        WHERE l.organisation_id = s.organisation_id AND l.schedule_id = s.id AND l.status = 'WAIVED'
          AND a.status <> 'CANCELLED'))
ORDER BY b.id LIMIT %(limit)s
"""


def issue_due_invoices(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Issue what is due of up to `batch` bookings of each organisation, each in a transaction of its own; returns how
    many invoices were issued. Run as often as you like: each is issued once.
    """
    issued = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            found = tx.rows(_DUE, now=now, limit=batch)
        issued += sum(len(database.run(organisation_id, partial(issue_due, booking_id=row["id"], now=now)))
                      for row in found)  # fmt: skip
    return issued


_SCHEDULES = """
SELECT s.id, s.period_from, s.period_until, s.status,
       (SELECT json_agg(json_build_object('id', l.id, 'booking_line_id', l.booking_line_id, 'status', l.status))
        FROM scheduled_line l WHERE l.organisation_id = s.organisation_id AND l.schedule_id = s.id
          AND l.status IN ('SCHEDULED', 'WAIVED')) AS lines
FROM invoice_schedule s
WHERE s.organisation_id = %(org)s AND s.booking_id = %(booking_id)s
  AND (s.status = 'SCHEDULED' AND s.issue_on <= %(today)s OR s.status <> 'SCHEDULED')
ORDER BY s.period_from
"""


def issue_due(tx: Transaction, *, booking_id: UUID, now: datetime) -> list[UUID]:
    """Issue the invoices of a booking whose day has come, the oldest period first. Returns their ids."""
    issued: list[UUID] = []
    for _ in range(_MOST_PERIODS):
        enrolled = lock_booking(tx, booking_id, actor=SYSTEM)
        assert enrolled.order is not None, "locked with its order"
        found = tx.rows(_SCHEDULES, booking_id=booking_id, today=local_day(now, enrolled.order))
        due = next((each for row in found if (each := _sorted_out(row, enrolled)) is not None), None)
        if due is None:
            return issued
        if due.billed:
            issued.append(_issue(tx, enrolled, due, now))
        _note(tx.batch, due, issued[-1] if due.billed else None)
        tx.flush()
        if due.billed:
            _collect(tx, enrolled.order, issued[-1], now)
    raise AssertionError(f"more than {_MOST_PERIODS} periods of {booking_id} were due")


_MOST_PERIODS = 500


def _collect(tx: Transaction, order: Order, invoice_id: UUID, now: datetime) -> None:
    """A family with a mandate is debited on the day on which the invoice is due."""
    invoice = tx.row("SELECT total_minor, due_on FROM invoice WHERE organisation_id = %(org)s AND id = %(id)s",
                     id=invoice_id)  # fmt: skip
    assert invoice is not None
    if invoice["total_minor"] and read_active(tx, order.account_id) is not None:
        collect(tx, invoice_id=invoice_id, collect_on=invoice["due_on"], actor=SYSTEM, now=now)
        tx.flush()


@dataclass(frozen=True, slots=True)
class _DuePeriod:
    """One period to settle: its lines by what becomes of them. A supplement invoices what was resumed after its period
    had been invoiced."""

    row: Row
    billed: list[BookedLine]
    moves: dict[ScheduledLineStatus, list[UUID]]
    is_supplement: bool


def _sorted_out(row: Row, enrolled: Enrolled) -> _DuePeriod | None:
    """What becomes of the lines of a period; None where there is nothing to do."""
    lines = {str(line.id): line for line in enrolled.lines}
    moves: dict[ScheduledLineStatus, list[UUID]] = defaultdict(list)
    billed = []
    for kept in row["lines"] or ():
        line, was = lines[kept["booking_line_id"]], ScheduledLineStatus(kept["status"])
        now_is = _fate(line, enrolled)
        if now_is is not was:
            moves[now_is].append(UUID(kept["id"]))
        if now_is is ScheduledLineStatus.INVOICED:
            billed.append(line)
    is_supplement = row["status"] != ScheduleStatus.SCHEDULED
    if is_supplement and not moves:
        return None
    return _DuePeriod(row, billed, moves, is_supplement)


def _fate(line: BookedLine, enrolled: Enrolled) -> ScheduledLineStatus:
    if line.is_cancelled or line.kind is LineKind.CLOSURE_DAY:
        return ScheduledLineStatus.DROPPED
    if line.attendance and (line.attendance["status"], line.attendance["reason"]) == (
        AttendanceStatus.CANCELLED, SUSPENDED
    ):  # fmt: skip
        return ScheduledLineStatus.WAIVED
    return ScheduledLineStatus.INVOICED


_SETTLE_LINE = Guarded(
    name="settle_scheduled_line",
    sql="UPDATE scheduled_line t SET status = r.status FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status IN ('SCHEDULED', 'WAIVED') RETURNING t.id",
    takes="id uuid, status text",
)
_SETTLE_PERIOD = Guarded(
    name="settle_schedule",
    sql="UPDATE invoice_schedule t SET status = r.status, invoice_id = r.invoice_id FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = 'SCHEDULED' RETURNING t.id",
    takes="id uuid, status text, invoice_id uuid",
)


def _note(batch: Batch, due: _DuePeriod, invoice_id: UUID | None) -> None:
    """The schedule says what became of the period and of each of its lines."""
    meanwhile = MovedMeanwhile("The invoices of this booking were issued meanwhile; look at it again.")
    lines = [{"id": line_id, "status": status.value} for status, ids in due.moves.items() for line_id in ids]
    if lines:
        batch.guard(_SETTLE_LINE, lines, otherwise=lambda _: meanwhile)
    if not due.is_supplement:
        status = ScheduleStatus.ISSUED if invoice_id else ScheduleStatus.DROPPED
        batch.guard(
            _SETTLE_PERIOD, [{"id": due.row["id"], "status": status.value, "invoice_id": invoice_id}],
            otherwise=lambda _: meanwhile,
        )  # fmt: skip


_PRICES = """
SELECT p.id, p.session_price_minor FROM term_program_set p WHERE p.organisation_id = %(org)s AND p.id = %(offering_id)s
"""
_CHARGED = Guarded(
    name="booking_is_charged",
    sql="UPDATE term_booking t SET billing_id = r.billing_id, total_minor = r.total_minor, "
    "payment_state = r.payment_state, updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.billing_id = r.from_billing_id RETURNING t.id",
    takes="id uuid, from_billing_id uuid, billing_id uuid, total_minor bigint, payment_state text, "
    "updated_at timestamptz",
)


def _issue(tx: Transaction, enrolled: Enrolled, due: _DuePeriod, now: datetime) -> UUID:
    """The invoice of a period at the price of today, with the Billing version that says so, and its postings."""
    order, booking = enrolled.order, enrolled.booking
    assert order is not None
    rules = read_rules(tx, term_program_set_id=due.billed[0].chain[0])
    priced = _priced(tx, order, enrolled, due, rules[Rule.TAX].value)
    today = local_day(now, order)
    of_session = {str(line.session_id): line for line in due.billed}
    lines = [_invoice_line(row, of_session[row["term_product_id"]], n) for n, row in enumerate(priced)]
    sums = {name: sum(row[name] for row in priced) for name in ("net_minor", "tax_minor")}
    billing_id, total_minor = _rebill(tx, enrolled, priced, now)
    whole = {**sums, "id": billing_id, "total_minor": sums["net_minor"] + sums["tax_minor"]}
    period = {"from": due.row["period_from"].isoformat(), "until": due.row["period_until"].isoformat()}
    invoice_id = issue_invoice(
        tx.batch, account_id=booking.account_id, booking_id=booking.id, billing=whole, lines=lines,
        printed=printed(order) | {"booking_reference": booking.reference, "period": period},
        issued_on=today, due_days=rules[Rule.INVOICE_DUE].value, now=now,
    )  # fmt: skip
    post(tx.batch, source_kind="INVOICE", source_id=invoice_id, purpose="ISSUED", account_id=booking.account_id,
         postings=invoice_issued(**sums), posted_on=today, now=now)  # fmt: skip
    is_open = whole["total_minor"] > 0 or any(invoice.open_minor for invoice in enrolled.invoices)
    tx.batch.guard(
        _CHARGED,
        [{"id": booking.id, "from_billing_id": booking.billing_id, "billing_id": billing_id,
          "total_minor": total_minor, "updated_at": now,
          "payment_state": (PaymentState.OPEN if is_open else PaymentState.PAID).value}],
        otherwise=lambda _: MovedMeanwhile(f"{booking.reference} was changed meanwhile; look at it again."),
    )  # fmt: skip
    announce(tx.batch, "subscription.invoiced", now=now, subject_id=order.id, invoice_id=invoice_id,
             booking_id=booking.id, reference=booking.reference)  # fmt: skip
    return invoice_id


def _priced(tx: Transaction, order: Order, enrolled: Enrolled, due: _DuePeriod, tax: Any) -> list[Values]:
    """The Billing lines of the period at the offering's price of today, with their ids in the next version."""
    found = tx.row(_PRICES, offering_id=due.billed[0].chain[0])
    assert found is not None
    gone = {str(line.session_id) for line in due.billed}
    kept = [row for row in enrolled.billing_lines if row["term_product_id"] in gone]
    name, rate = (tax.name, tax.rate_percent / 100) if tax else ("", Decimal(0))
    asked = [
        LineToPrice(
            order.attendee_id, UUID(row["term_product_id"]), row["component"], row["description"],
            found["session_price_minor"] if row["component"] == "SESSION" else row["base_minor"] // row["quantity"],
            row["quantity"], "session price", name, rate, row["printed"],
        ) for row in kept
    ]  # fmt: skip
    made = price(asked, prices_include_tax=order.organisation["prices_include_tax"])
    return [_as_row(line) for line in made.lines]


def _as_row(line: PricedLine) -> Values:
    return {
        "as_id": new_id(), "attendee_id": line.line.attendee_id, "term_product_id": str(line.line.term_product_id),
        "component": line.line.component, "description": line.line.description, "printed": line.line.printed,
        "quantity": line.line.quantity, "base_minor": line.base_minor, "discount_minor": line.discount_minor,
        "net_minor": line.net_minor, "tax_minor": line.tax_minor, "gross_minor": line.gross_minor,
        "tax_name": line.line.tax_name, "tax_rate": str(line.line.tax_rate), "trace": line.trace,
    }  # fmt: skip


def _rebill(tx: Transaction, enrolled: Enrolled, priced: list[Values], now: datetime) -> tuple[UUID, int]:
    """The next Billing version: the period's lines as they are invoiced, the others as they were."""
    booking = enrolled.booking
    group_id, version = next_version(
        tx.batch, group=enrolled.group, account_id=booking.account_id, term_id=enrolled.term["id"], now=now
    )
    new = {(row["term_product_id"], row["component"]): row for row in priced}
    gone = {str(line.session_id) for line in enrolled.lines if line.is_cancelled}
    lines = [new.get((row["term_product_id"], row["component"]), row) for row in enrolled.billing_lines
             if row["term_product_id"] not in gone]  # fmt: skip
    return write_kept(tx.batch, lines, group_id=group_id, version=version, order_id=booking.order_id, now=now)


def _invoice_line(row: Values, line: BookedLine, position: int) -> Values:
    return {
        "billing_line_id": row["as_id"], "booking_line_id": line.id, "description": row["description"],
        "session_date": line.day, "quantity": row["quantity"], "net_minor": row["net_minor"],
        "tax_minor": row["tax_minor"], "gross_minor": row["gross_minor"], "tax_name": row["tax_name"],
        "tax_rate": row["tax_rate"], "position": position,
    }  # fmt: skip
