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
        "here": {"status": "PROCESSING", "amount_minor": 22600, "currency": "CAD"},
        "there": {"status": "SUCCESS", "amount_minor": 22600, "currency": "CAD"},
    }],
}  # fmt: skip


class ProviderSide(Output):
    """What one of the two says."""

    status: PaymentStatus
    amount_minor: int
    currency: str


class PaymentDifference(Output):
    """A payment on which the two disagree."""

    kind: DifferenceKind
    external_id: str | None
    references: list[str] = Field(description="Our payments: several where they were paid at once.")
    here: ProviderSide | None
    there: ProviderSide | None


class PaymentReconciliation(Output):
    """How many payments agree, and those that do not."""

    model_config = shows(RECONCILIATION)

    provider: str
    since: datetime
    until: datetime
    agreeing: int
    differences: list[PaymentDifference]
