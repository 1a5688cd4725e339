"""The Billing Difference: what a change of a booking changes of what it costs."""

from typing import Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field, field_validator

from api.schemas.base import LARGEST_AMOUNT_MINOR, Input, Name, Output, Whole, shows
from api.schemas.orders import Companion, IssuedDocument, WantedLine
from api.schemas.sample_enrolment import COMPANION, FINGERPRINT
from api.schemas.sample_programme import FIRST_SESSION, FIRST_SESSION_ID, Sample
from models import CreditRule

DIFFERENCE: Sample = {
    "fingerprint": FINGERPRINT, "currency": "CAD", "old_total_minor": 13500, "new_total_minor": 11700,
    "delta_minor": -1800, "paid_minor": 10000, "due_minor": 1700, "credit_minor": 0, "required_minor": 0,
    "old_tax_minor": 1553, "new_tax_minor": 1346, "invoice_minor": 900, "credit_note_minor": 2700, "later_minor": 0,
    "documents": [{"kind": "INVOICE", "total_minor": 900, "due_on": "2026-04-29"},
                  {"kind": "CREDIT_NOTE", "total_minor": 2700, "due_on": None}],
    "passes": [],
    "credit_goes_to": [
        {"rule": "SAME_CHANGE", "invoice": None, "payment": None, "amount_minor": 900, "balance_minor": 0,
         "bonus_minor": 0, "words": "$9.00 settles the invoice of the same change."},
        {"rule": "SAME_INVOICE", "invoice": "INV-2026-000017", "payment": None, "amount_minor": 1800,
         "balance_minor": 0, "bonus_minor": 0, "words": "$18.00 settles the unpaid part of INV-2026-000017."},
    ],
    "lines": [{
        "session_id": FIRST_SESSION_ID, "component": "SESSION", "description": FIRST_SESSION, "was_minor": 2700,
        "becomes_minor": 3000, "delta_minor": 300, "tax_delta_minor": 35, "causes": ["DISCOUNT_LOST"],
        "why": ["Multi-session discount: 4 sessions booked, given from 5"],
        "not_applied": ["Multi-session discount: 4 sessions booked, given from 5"],
        "trace": [{"step": "base", "basis": "session price", "unit_minor": 3000, "quantity": 1, "amount_minor": 3000}],
    }],
    "companions": [COMPANION | {"credit_goes_to": [
        {"rule": "TO_WALLET", "invoice": None, "payment": "PY-5T8WM4ZK", "amount_minor": 1500, "balance_minor": 1500,
         "bonus_minor": 0, "words": "$15.00 of PY-5T8WM4ZK goes to the wallet, and may be asked back the way it was "
         "paid, as far as it is still there."},
    ]}],
}  # fmt: skip


class PriceAdjustment(Input):
    """What is put on top of a session's price, or taken off it (negative)."""

    session_id: UUID = Field(description="Of a session that the booking has after the change.")
    amount_minor: Whole = Field(ge=-LARGEST_AMOUNT_MINOR, le=LARGEST_AMOUNT_MINOR, description="In minor units; not 0.")
    reason: Name

    @field_validator("amount_minor")
    @classmethod
    def _is_something(cls, amount: int) -> int:
        if amount == 0:
            raise ValueError("0 adjusts nothing")
        return amount


class Adjustments(Input):
    """All adjustments of a change, in place of those before."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [
            {"adjustments": [{"session_id": FIRST_SESSION_ID, "amount_minor": -500, "reason": "The hall was cold"}]}]}
    )  # fmt: skip

    adjustments: list[PriceAdjustment] = Field(max_length=100)


class ForeseenChange(Input):
    """All that the booking is to hold, and what an admin would adjust."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lines": [{"session_id": FIRST_SESSION_ID, "mode": "CASUAL", "extras": []}],
                                         "adjustments": []}]}
    )  # fmt: skip

    lines: list[WantedLine] = Field(max_length=500)
    adjustments: list[PriceAdjustment] = Field(default=[], max_length=100, description="An admin's only.")


class DifferenceLine(Output):
    """A session, or an extra of it, that costs something else than before."""

    session_id: UUID
    component: str = Field(description="SESSION, or EXTRA:<id>.")
    description: str
    was_minor: int
    becomes_minor: int
    delta_minor: int
    tax_delta_minor: int = Field(description="How much of the delta is tax.")
    causes: list[str] = Field(
        description="ADDED, CANCELLED, DISCOUNT_LOST, DISCOUNT_GAINED, FEE_CUTOFF, FEE_CHANGE, CATALOGUE_CHANGE or "
        "MANUAL, as many as apply."
    )
    why: list[str] = Field(description="The discounts that are given differently, fees and adjustments, with reasons.")
    not_applied: list[str] = Field(description="The discounts and fees that do not apply, and why.")
    trace: list[dict[str, Any]] = Field(
        description="How the price came about, step by step; of what is given up, how it had."
    )


class CreditStep(Output):
    """Where a part of the credit goes: as a step of the credit note will say (`GET /credit-notes/{id}/steps`)."""

    rule: CreditRule
    invoice: str | None = Field(description="That it settles or pays; none where it has no number yet.")
    payment: str | None = Field(description="Whose money it is.")
    amount_minor: int
    balance_minor: int = Field(description="What of it is wallet balance then.")
    bonus_minor: int = Field(description="What of it is wallet bonus then.")
    words: str


class PassStep(Output):
    """What the edit does to a pass."""

    kind: Literal["USES", "RETURNS", "LOSES"]
    session_id: UUID
    component: str
    reference: str = Field(description="Of the pass.")
    units: int
    words: str


class ReviewedCompanion(Companion):
    """The same in a review, which knows where its credit goes too."""

    credit_goes_to: list[CreditStep] = Field(description="After the change's own credit, in this order.")


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
    old_tax_minor: int
    new_tax_minor: int
    documents: list[IssuedDocument] = Field(description="None while the booking is not invoiced yet.")
    credit_goes_to: list[CreditStep] = Field(
        description="In this order, by what is open at this moment; what the change asks for counts as paid before. "
        "The fingerprint does not stand for it."
    )
    invoice_minor: int = Field(description="The supplementary invoice that will be issued; 0: none.")
    credit_note_minor: int = Field(description="The credit note that will be issued; it settles that invoice first.")
    passes: list[PassStep] = Field(description="Units that are used, given back, or lost; no money moves with them.")
    later_minor: int = Field(
        description="What of the delta is in sessions that are not invoiced yet: charged with their period."
    )
    lines: list[DifferenceLine]
    companions: list[ReviewedCompanion] = Field(
        description="The family's other bookings that cost something else then."
    )
