"""Planned invoices and the runs that issue them."""

from datetime import date, datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Day, Input, Output, ShortText, shows
from api.schemas.sample_enrolment import ACCOUNT_ID, BOOKING_ID, FINGERPRINT
from api.schemas.sample_programme import Sample, sample_id

_PERIOD: Sample = {
    "period_from": "2026-05-01", "period_until": "2026-05-31", "invoices": 412, "total_minor": 2_318_400,
    "total": "$23,184.00",
}  # fmt: skip
PREVIEW: Sample = {
    "through": "2026-04-24", "invoices": 412, "lines": 1893, "total_minor": 2_318_400, "total": "$23,184.00",
    "settled_minor": 120_000, "waived": 12, "dropped": 7, "periods": [_PERIOD], "fingerprint": FINGERPRINT,
}  # fmt: skip
RUN: Sample = {
    "id": sample_id(80), "through": "2026-04-24", "status": "DONE", "previewed_invoices": 412,
    "previewed_minor": 2_318_400, "invoices": 412, "total_minor": 2_318_400, "total": "$23,184.00",
    "made_by": "FINANCE", "user_id": sample_id(81), "started_at": "2026-04-24T13:00:00+00:00",
    "finished_at": "2026-04-24T13:00:01+00:00",
}  # fmt: skip
SCHEDULED: Sample = {
    "id": sample_id(82), "account_id": ACCOUNT_ID, "booking_id": BOOKING_ID, "booking_reference": "TB-6H3N8RXA",
    "period_from": "2026-05-01", "period_until": "2026-05-31", "issue_on": "2026-04-24", "sessions": 5,
    "total_minor": 5650, "total": "$56.50",
}  # fmt: skip


class PeriodPreview(Output):
    """What a run would issue for one period."""

    period_from: date
    period_until: date
    invoices: int
    total_minor: int
    total: str


class InvoiceRunPreview(Output):
    """What a run would issue now. Nothing is written."""

    model_config = shows(PREVIEW)

    through: date
    invoices: int
    lines: int
    total_minor: int
    total: str
    settled_minor: int = Field(description="Of the total, what is paid already.")
    waived: int = Field(description="Suspended sessions that are not billed.")
    dropped: int = Field(description="Sessions that were given up or closed before they were invoiced.")
    periods: list[PeriodPreview]
    fingerprint: str = Field(
        description="Presented by `POST /invoice-runs`: nobody begins a run that they did not see."
    )


class NewInvoiceRun(Input):
    """Begin the run that was previewed."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"through": "2026-04-24", "fingerprint": FINGERPRINT}]})

    through: Day = Field(description="Planned invoices that are to be issued by this day, at most 100 days from now.")
    fingerprint: ShortText


class InvoiceRun(Output):
    """A run. Workers issue its invoices in sets; `invoices` of `previewed_invoices` are issued so far."""

    model_config = shows(RUN)

    id: UUID
    through: date
    status: Literal["RUNNING", "DONE"]
    previewed_invoices: int
    previewed_minor: int
    invoices: int
    total_minor: int
    total: str
    made_by: str
    user_id: UUID | None
    started_at: datetime
    finished_at: datetime | None


class ScheduledInvoice(Output):
    """An invoice to come, with what it would ask as the booking stands now."""

    model_config = shows(SCHEDULED)

    id: UUID
    account_id: UUID
    booking_id: UUID
    booking_reference: str
    period_from: date
    period_until: date
    issue_on: date = Field(description="A local day of the organisation.")
    sessions: int
    total_minor: int
    total: str
