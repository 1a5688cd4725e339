"""Issuing planned invoices in sets: any number of bookings in one write, their numbers last.

A planned invoice asks for its period's sessions as the booking's Billing has them; those of a subscription at the
offering's price of the day. What is suspended on that day is waived, and invoiced after all when it is resumed in time.
What was given up or closed is dropped. Money of the family that waits for the booking settles the invoice at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from billing.ledger import invoice_issued, post
from billing.versions import next_version, write_kept
from catalogue.rules import Rule, answer, read_settings
from engine.actor import SYSTEM
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.fire import MovedMeanwhile, announce
from invoicing.issue import InvoiceDraft, issue_invoices
from models import PaymentState, ScheduleStatus
from workflows.booking_rows import settle_invoice
from workflows.direct_debit import collect
from workflows.order_effects import printed
from workflows.order_facts import ORDERS, Order, local_day, order_of
from workflows.period_due import DuePeriod, read_due
from workflows.wallet_debits import state_follows

# Whoever moves one of these bookings holds its account; an account that somebody holds is left to the next pass.
_HOLD = """
SELECT id FROM account WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""


@dataclass(frozen=True, slots=True)
class IssuedSet:
    """What one write did: the invoices that it issued, and how many planned ones it settled so or otherwise."""

    invoices: list[InvoiceDraft]
    settled: int


def issue_set(
    tx: Transaction, *, account_ids: Sequence[UUID], now: datetime, through: date, run_id: UUID | None = None
) -> IssuedSet:  # fmt: skip
    """Issue the oldest planned invoice, due through that day, of each booking of those accounts that nobody holds.

    Periods of which nothing is left are settled on the way. A booking of which more is due is found by `due_accounts`
    again.
    """
    held = [row["id"] for row in tx.rows(_HOLD, ids=list(account_ids))]
    due = read_due(tx, through=through, account_ids=held, is_first_only=True) if held else []
    return IssuedSet(issue_periods(tx, due, now=now, run_id=run_id), len(due))


def issue_due(tx: Transaction, *, booking_id: UUID, now: datetime) -> list[UUID]:
    """Issue the invoices of one booking whose day has come, the oldest period first; the caller holds its account.
    Returns their ids.
    """
    issued: list[UUID] = []
    for _ in range(_MOST_PERIODS):
        found = tx.row("SELECT (%(now)s AT TIME ZONE time_zone)::date AS today FROM organisation WHERE id = %(org)s",
                       now=now)  # fmt: skip
        assert found is not None
        due = read_due(tx, through=found["today"], booking_ids=[booking_id], is_first_only=True)
        if not due:
            return issued
        issued += [draft.id for draft in issue_periods(tx, due, now=now)]
    raise AssertionError(f"more than {_MOST_PERIODS} periods of {booking_id} were due")


_MOST_PERIODS = 500


def issue_periods(
    tx: Transaction, due: Sequence[DuePeriod], *, now: datetime, run_id: UUID | None = None
) -> list[InvoiceDraft]:
    """Issue what was read, one invoice of a booking at most, and settle each planned one. The caller holds the
    accounts, and tells the family of a session that is debited from the wallet.
    """
    if not due:
        return []
    billed = [period for period in due if period.billed]
    orders = _read_orders(tx, billed)
    dues = _due_days(tx, billed)
    drafts = [_draft(tx, period, order, due_days=days, now=now)
              for period, order, days in zip(billed, orders, dues, strict=True)]  # fmt: skip
    if drafts:
        issue_invoices(tx.batch, drafts, issued_on=local_day(now, orders[0]), now=now, run_id=run_id)
    for period, order, draft in zip(billed, orders, drafts, strict=True):
        _post(tx, period, order, draft, now)
    by_period = {period.schedule_id: draft.id for period, draft in zip(billed, drafts, strict=True)}
    _note(tx, due, by_period)
    if waiting := [p.booking_id for p in billed if p.head["payment_state"] == PaymentState.PENDING_PAYMENT]:
        state_follows(tx.batch, waiting, now=now)
    tx.flush()
    for period, draft in zip(billed, drafts, strict=True):
        # A family with a mandate is debited for its subscription on the day on which the invoice is due.
        if period.is_subscription and period.head["has_mandate"] and draft.total_minor > period.settled_minor:
            collect(tx, invoice_id=draft.id, collect_on=draft.due_on, actor=SYSTEM, now=now)
            tx.flush()
    return drafts


def _read_orders(tx: Transaction, due: Sequence[DuePeriod]) -> list[Order]:
    """The order of each of these periods."""
    rows = tx.rows(ORDERS, order_ids=[period.head["order_id"] for period in due]) if due else []
    orders = {row["id"]: order_of(row) for row in rows}
    return [orders[period.head["order_id"]] for period in due]


def _due_days(tx: Transaction, due: Sequence[DuePeriod]) -> list[int]:
    """How long each invoice may stay open: by the strictest rule of its offerings."""
    settings = read_settings(tx, {scope for period in due for chain in period.chains for scope in chain})
    known: dict[tuple[UUID, ...], int] = {}
    for period in due:
        for chain in period.chains:
            if chain not in known:
                known[chain] = answer(Rule.INVOICE_DUE, settings, chain=chain).value
    return [min(known[chain] for chain in period.chains) for period in due]


def _draft(tx: Transaction, period: DuePeriod, order: Order, *, due_days: int, now: datetime) -> InvoiceDraft:
    """The invoice of a period; where a line costs something else by now, over the next Billing version that says so."""
    billing_id = period.head["billing_id"]
    if period.is_repriced:
        group_id, version = next_version(
            tx.batch, group=period.head["billing_group"], account_id=period.head["account_id"],
            term_id=period.head["term_id"], now=now,
        )  # fmt: skip
        billing_id, total_minor = write_kept(
            tx.batch, period.next_version, group_id=group_id, version=version, order_id=period.head["order_id"], now=now
        )
        period.head["total_minor"] = total_minor
    lines = [_invoice_line(row, position) for position, row in enumerate(period.billed)]
    # A session may have been put off since it was planned.
    first, last = ((period.billed[0]["local_date"],) * 2 if period.session_id else
                   (period.period_from, period.period_until))  # fmt: skip
    of = {"from": first.isoformat(), "until": last.isoformat()}
    return InvoiceDraft(
        account_id=period.head["account_id"], booking_id=period.booking_id, billing_id=billing_id,
        net_minor=period.net_minor, tax_minor=period.tax_minor, lines=lines,
        printed=printed(order) | {"booking_reference": period.head["reference"], "period": of},
        due_on=local_day(now, order) + timedelta(days=due_days), term_product_id=period.session_id,
    )  # fmt: skip


def _invoice_line(row: Row, position: int) -> Row:
    return {
        "billing_line_id": row["as_id"], "booking_line_id": row["booking_line_id"], "description": row["description"],
        "session_date": row["local_date"], "quantity": row["quantity"], "net_minor": row["net_minor"],
        "tax_minor": row["tax_minor"], "gross_minor": row["gross_minor"], "tax_name": row["tax_name"],
        "tax_rate": str(row["tax_rate"]), "position": position,
    }  # fmt: skip


_CHARGED = Guarded(
    name="booking_is_charged",
    sql="UPDATE term_booking t SET billing_id = r.billing_id, total_minor = r.total_minor, "
    "payment_state = r.payment_state, updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.billing_id = r.from_billing_id RETURNING t.id",
    takes="id uuid, from_billing_id uuid, billing_id uuid, total_minor bigint, payment_state text, "
    "updated_at timestamptz",
    is_by_id=True,
)


def _post(tx: Transaction, period: DuePeriod, order: Order, draft: InvoiceDraft, now: datetime) -> None:
    """The books, what is paid of it already, the booking's payment state, and the message to the family."""
    today = local_day(now, order)
    post(tx.batch, source_kind="INVOICE", source_id=draft.id, purpose="ISSUED", account_id=draft.account_id,
         postings=invoice_issued(net_minor=draft.net_minor, tax_minor=draft.tax_minor), posted_on=today,
         now=now)  # fmt: skip
    for payment_id, amount in period.settle(draft.total_minor):
        settle_invoice(tx.batch, order, invoice_id=draft.id, payment_id=payment_id, amount_minor=amount, now=now)
    is_open = period.head["open_minor"] + draft.total_minor > period.settled_minor
    tx.batch.guard(
        _CHARGED,
        [{"id": period.booking_id, "from_billing_id": period.head["billing_id"], "billing_id": draft.billing_id,
          "total_minor": period.head["total_minor"], "updated_at": now,
          "payment_state": (PaymentState.OPEN if is_open else PaymentState.PAID).value}],
        otherwise=lambda _: MovedMeanwhile(f"{period.head['reference']} was changed meanwhile; look at it again."),
    )  # fmt: skip
    if period.session_id is not None:
        return
    announce(tx.batch, "subscription.invoiced" if period.is_subscription else "booking.invoiced", now=now,
             subject_id=order.id, invoice_id=draft.id, booking_id=period.booking_id,
             reference=period.head["reference"])  # fmt: skip


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


def _note(tx: Transaction, due: Sequence[DuePeriod], invoices: dict[UUID, UUID]) -> None:
    """Each schedule says what became of it and of each of its lines."""

    def meanwhile(_: set[str]) -> MovedMeanwhile:
        return MovedMeanwhile("Invoices of these bookings were issued meanwhile; look at them again.")

    lines = [{"id": line_id, "status": status.value} for period in due for line_id, status in period.moves]
    if lines:
        tx.batch.guard(_SETTLE_LINE, lines, otherwise=meanwhile)
    settled = [
        {"id": period.schedule_id, "invoice_id": invoices.get(period.schedule_id),
         "status": (ScheduleStatus.ISSUED if period.billed else ScheduleStatus.DROPPED).value}
        for period in due if not period.is_supplement
    ]  # fmt: skip
    if settled:
        tx.batch.guard(_SETTLE_PERIOD, settled, otherwise=meanwhile)
