"""What a payment provider has on its books, beside ours."""

from datetime import datetime

from pydantic import Field

from api.schemas.base import Output, shows
from api.schemas.sample_programme import Sample
from models import PaymentStatus
from workflows.reconciliation import DifferenceKind

RECONCILIATION: Sample = {
    "provider": "stripe", "since": "2026-03-31T00:00:00+00:00", "until": "2026-04-01T00:00:00+00:00", "agreeing": 41,
    "differences": [{
        "kind": "DIFFERS", "external_id": "cs_live_a1B2c3", "references": ["PM-7Q2M9XKD"],
        "here": {"status": "SUCCESS", "amount_minor": 22600, "currency": "CAD", "refunded_minor": 0,
                 "disputed_minor": 0},
        "there": {"status": "SUCCESS", "amount_minor": 22600, "currency": "CAD", "refunded_minor": 5000,
                  "disputed_minor": 0},
        "differs_in": ["refunded_minor"],
    }],
}  # fmt: skip


class ProviderSide(Output):
    """What one of the two says."""

    status: PaymentStatus
    amount_minor: int
    currency: str
    refunded_minor: int = Field(description="Sent back, or on its way.")
    disputed_minor: int = Field(description="What the payer's bank has taken at present.")


class PaymentDifference(Output):
    """A payment on which the two disagree."""

    kind: DifferenceKind
    external_id: str | None
    references: list[str] = Field(description="Our payments: several where they were paid at once.")
    here: ProviderSide | None
    there: ProviderSide | None
    differs_in: list[str] = Field(description="What of the two sides is not the same, where both know it.")


class PaymentReconciliation(Output):
    """How many payments agree, and those that do not."""

    model_config = shows(RECONCILIATION)

    provider: str
    since: datetime
    until: datetime
    agreeing: int
    differences: list[PaymentDifference]
