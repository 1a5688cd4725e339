"""The Billing Difference: what a change of a booking changes of what it costs."""

from uuid import UUID

from pydantic import Field

from api.schemas.base import Output, shows
from api.schemas.orders import Companion
from api.schemas.sample_enrolment import COMPANION, FINGERPRINT
from api.schemas.sample_programme import FIRST_SESSION, FIRST_SESSION_ID, Sample

DIFFERENCE: Sample = {
    "fingerprint": FINGERPRINT, "currency": "CAD", "old_total_minor": 13500, "new_total_minor": 11700,
    "delta_minor": -1800, "paid_minor": 10000, "due_minor": 1700, "credit_minor": 0, "required_minor": 0,
    "invoice_minor": 900, "credit_note_minor": 2700,
    "lines": [{
        "session_id": FIRST_SESSION_ID, "component": "SESSION", "description": FIRST_SESSION, "was_minor": 2700,
        "becomes_minor": 3000, "delta_minor": 300, "causes": ["DISCOUNT_LOST"],
        "why": ["Multi-session discount: 4 sessions booked, given from 5"],
    }],
    "companions": [COMPANION],
}  # fmt: skip


class DifferenceLine(Output):
    """A session, or an extra of it, that costs something else than before."""

    session_id: UUID
    component: str = Field(description="SESSION, or EXTRA:<id>.")
    description: str
    was_minor: int
    becomes_minor: int
    delta_minor: int
    causes: list[str] = Field(
        description="ADDED, CANCELLED, DISCOUNT_LOST, DISCOUNT_GAINED or CATALOGUE_CHANGE, as many as apply."
    )
    why: list[str] = Field(description="The discounts that are given differently, with the reason.")


class BillingDifference(Output):
    """Two numbers that are never mixed: `delta` is new total less old, `due` is new total less what is paid."""

    model_config = shows(DIFFERENCE)

    fingerprint: str = Field(description="Presented by the submission (`price_fingerprint`) and the confirmation.")
    currency: str
    old_total_minor: int
    new_total_minor: int
    delta_minor: int
    paid_minor: int
    due_minor: int
    credit_minor: int = Field(description="Paid beyond the new total: it becomes the family's credit.")
    required_minor: int = Field(description="What this change asks to be paid, no more than it adds.")
    invoice_minor: int = Field(description="The supplementary invoice that will be issued; 0: none.")
    credit_note_minor: int = Field(description="The credit note that will be issued; it settles that invoice first.")
    lines: list[DifferenceLine]
    companions: list[Companion] = Field(description="The family's other bookings that cost something else then.")
