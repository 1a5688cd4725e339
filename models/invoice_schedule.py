"""Invoices to come: what of a booking is invoiced per period or session, and the runs that issue them."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, money, one_of, refers, root, unique, word
from models.status import ActorKind


class ScheduleStatus(StrEnum):
    """What became of an invoice that was planned."""

    SCHEDULED = "SCHEDULED"  # waits for its day
    ISSUED = "ISSUED"  # was issued
    DROPPED = "DROPPED"  # nothing of it was left to invoice


class ScheduledLineStatus(StrEnum):
    """What became of a session that is to be invoiced."""

    SCHEDULED = "SCHEDULED"  # will be invoiced with its period
    INVOICED = "INVOICED"  # stands on the period's invoice
    WAIVED = (
        "WAIVED"  # was suspended, or its day closed, when its period was invoiced: billed if it is attended after all
    )
    DROPPED = "DROPPED"  # was given up before it was invoiced


class InvoiceSchedule(TenantRow, table=True):
    """An invoice to come: the sessions of one period of a booking, issued on its day; or one session that was held, to
    be debited from the wallet.
    """

    __tablename__ = "invoice_schedule"
    __table_args__ = (
        refers("booking_id", "term_booking"),
        refers("invoice_id", "invoice"),
        refers("term_product_id", "term_product"),
        one_of("status", ScheduleStatus),
        check("(status = 'ISSUED') = (invoice_id IS NOT NULL)", "issued_has_an_invoice"),
        check("period_from <= period_until", "period_is_a_range"),
        unique("invoice_id"),
        # One invoice is planned for a period; what is added after it was issued is planned anew.
        index(
            "uq_invoice_schedule_planned_once",
            "booking_id",
            "period_from",
            "period_until",
            "issue_on",
            where="status = 'SCHEDULED' AND term_product_id IS NULL",
            is_unique=True,
        ),
        index(
            "uq_invoice_schedule_session",
            "booking_id",
            "term_product_id",
            where="term_product_id IS NOT NULL",
            is_unique=True,
        ),
        index("ix_invoice_schedule_booking", "booking_id"),
        index("ix_invoice_schedule_due", "issue_on", where="status = 'SCHEDULED'"),
    )
    booking_id: UUID
    period_from: date
    period_until: date
    issue_on: date  # the organisation's local day
    status: ScheduleStatus = word(ScheduleStatus, default=ScheduleStatus.SCHEDULED)
    invoice_id: UUID | None = None
    term_product_id: UUID | None = None  # of pay as you go: the session that it asks for, after it was held


class ScheduledLine(TenantRow, table=True):
    """A confirmed session in the schedule of its invoices."""

    __tablename__ = "scheduled_line"
    __table_args__ = (
        refers("schedule_id", "invoice_schedule"),
        refers("booking_line_id", "term_booking_line"),
        one_of("status", ScheduledLineStatus),
        unique("booking_line_id"),
        index("ix_scheduled_line_schedule", "schedule_id"),
        # What may be attended after all.
        index("ix_scheduled_line_waived", "booking_line_id", where="status = 'WAIVED'"),
    )
    schedule_id: UUID
    booking_line_id: UUID
    status: ScheduledLineStatus = word(ScheduledLineStatus, default=ScheduledLineStatus.SCHEDULED)


class InvoiceRunStatus(StrEnum):
    """Whether a run still has invoices to issue."""

    RUNNING = "RUNNING"  # workers issue its invoices, set by set; one at a time in an organisation
    DONE = "DONE"  # nothing that was due is left


class InvoiceRun(TenantRow, table=True):
    """One run over all planned invoices that are due through a day; each invoice that it issued names it."""

    __tablename__ = "invoice_run"
    __table_args__ = (
        root(),
        one_of("status", InvoiceRunStatus),
        one_of("made_by", ActorKind),
        check("(status = 'DONE') = (finished_at IS NOT NULL)", "done_has_its_moment"),
        check("previewed_invoices >= 0", "counts_are_not_negative"),
        index("uq_invoice_run_one_at_a_time", is_unique=True, where="status = 'RUNNING'"),
        index("ix_invoice_run_started", "started_at"),
    )
    through: date  # planned invoices up to this local day of the organisation
    status: InvoiceRunStatus = word(InvoiceRunStatus, default=InvoiceRunStatus.RUNNING)
    # What was due when it began: figures that somebody of finance has seen, or the worker has counted.
    previewed_invoices: int
    previewed_minor: int = money()
    made_by: ActorKind = word(ActorKind)
    user_id: UUID | None = None
    started_at: datetime = moment()
    finished_at: datetime | None = moment(default=None, nullable=True)
