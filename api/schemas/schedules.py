"""When the parts of what an order costs are due."""

from datetime import date
from uuid import UUID

from pydantic import Field

from api.schemas.base import FailedRule, Output, shows
from api.schemas.orders import ConfirmationType
from api.schemas.sample_enrolment import ORDER_ID
from api.schemas.sample_programme import Sample, sample_id
from models import InstalmentKind, PaymentStatus

SCHEDULE_PLANNED: Sample = {
    "confirmation_type": "PAY_NOW_PAY_DEPOSIT", "is_agreed": False, "currency": "CAD", "total_minor": 3750,
    "deposit_minor": 938, "fingerprint": "0b9f2c41d7e84a6f9c3d5e1f7a2b4c6d",
    "instalments": [
        {"kind": "DEPOSIT", "due_on": "2026-03-31", "amount_minor": 938, "amount": "$9.38", "payment_id": None,
         "payment_status": None},
        {"kind": "REST", "due_on": "2026-03-31", "amount_minor": 2812, "amount": "$28.12", "payment_id": None,
         "payment_status": None},
    ],
    "notices": [],
}  # fmt: skip


class Instalment(Output):
    """One part with its due date."""

    kind: InstalmentKind
    due_on: date
    amount_minor: int
    amount: str
    payment_id: UUID | None = Field(description="The debit that collects it, once it is due.")
    payment_status: PaymentStatus | None


class PaymentSchedule(Output):
    """What a submit agrees to, or agreed to. Its instalments sum to its total."""

    model_config = shows(SCHEDULE_PLANNED)

    confirmation_type: ConfirmationType
    is_agreed: bool = Field(description="False: what the next submission would agree to.")
    currency: str
    total_minor: int
    deposit_minor: int = Field(description="What is to be paid before the confirmation.")
    fingerprint: str | None = Field(description="Send it with the submission; null: nothing is due later.")
    instalments: list[Instalment]
    notices: list[FailedRule] = Field(description="Why there is none, where a submission would be refused for it.")


GROUP_SCHEDULE_PLANNED: Sample = {
    "group_order_id": sample_id(80), "confirmation_type": "DIRECT_DEBIT", "currency": "CAD", "total_minor": 3750,
    "deposit_minor": 0, "fingerprint": "6f9c3d5e1f7a2b4c6d0b9f2c41d7e84a",
    "orders": [{"order_id": ORDER_ID, "reference": "TO-4F7KXM29", "attendee": "Mia Rossi", "instalments": [
        {"kind": "INSTALMENT", "due_on": "2026-04-07", "amount_minor": 3750, "amount": "$37.50", "payment_id": None,
         "payment_status": None},
    ]}],
    "notices": [],
}  # fmt: skip


class OrderInstalments(Output):
    """What one order of a group would be paid by."""

    order_id: UUID
    reference: str
    attendee: str
    instalments: list[Instalment]


class GroupSchedule(Output):
    """What a submission of a group order would agree to, order by order."""

    model_config = shows(GROUP_SCHEDULE_PLANNED)

    group_order_id: UUID
    confirmation_type: ConfirmationType
    currency: str
    total_minor: int
    deposit_minor: int = Field(description="What is to be paid before the confirmations.")
    fingerprint: str | None = Field(description="Send it with the submission; null: nothing is due later.")
    orders: list[OrderInstalments]
    notices: list[FailedRule] = Field(description="Why there is none, where a submission would be refused for it.")
