"""Wallets: what is in them, what moves them, and where a credit went."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Input, Moment, Name, Output, ShortText, shows
from api.schemas.sample_enrolment import PAYMENT_ID
from api.schemas.sample_programme import sample_id
from models import CreditRule, WalletEntryKind

Amount = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=24, pattern=NO_NUL),
    Field(description="In the currency's major unit, with no more decimals than it has.", examples=["50.00"]),
]  # fmt: skip
_GRANT = {"left_minor": 500, "granted_minor": 1000, "expires_at": "2026-12-31T05:00:00+00:00", "reason": "Welcome"}
_ENTRY = {
    "id": sample_id(60), "account_id": sample_id(1), "kind": "TOPPED_UP", "balance_minor": 5000, "bonus_minor": 0,
    "amount": "$50.00", "payment_id": PAYMENT_ID, "payment_reference": "PY-5T8WM4ZK", "order_id": None,
    "corrects_id": None, "reason": "PY-5T8WM4ZK", "created_at": "2026-03-31T13:09:00+00:00",
}  # fmt: skip


class BonusLeft(Output):
    """Bonus of one grant that can still be spent."""

    model_config = shows(_GRANT)

    left_minor: int
    granted_minor: int
    expires_at: datetime | None = Field(description="Gone then, if nobody has used it.")
    reason: str


class Wallet(Output):
    """What a family can spend. A debit takes bonus first, the soonest to expire first, and then balance."""

    model_config = shows({
        "account_id": sample_id(1), "currency": "CAD", "balance_minor": 5000, "balance": "$50.00", "bonus_minor": 500,
        "bonus": "$5.00", "available_minor": 5500, "available": "$55.00", "grants": [_GRANT],
        "owed_minor": 0, "owed": "$0.00",
    })  # fmt: skip

    account_id: UUID
    currency: str
    balance_minor: int
    balance: str
    bonus_minor: int
    bonus: str
    available_minor: int
    available: str
    grants: list[BonusLeft]
    owed_minor: int = Field(description="Spent of money that a bank took back; the next money that comes in pays it.")
    owed: str


class WalletEntry(Output):
    """One movement of a wallet; positive into it."""

    model_config = shows(_ENTRY)

    id: UUID
    account_id: UUID
    kind: WalletEntryKind
    balance_minor: int
    bonus_minor: int
    amount: str
    payment_id: UUID | None = Field(description="Whose debit it is, or whose money came into the wallet.")
    payment_reference: str | None
    order_id: UUID | None
    corrects_id: UUID | None = Field(description="The entry that it undoes.")
    reason: str
    created_at: datetime


class NewTopUp(Input):
    """Money for a wallet: through a provider, or received by hand (admins and finance, with a reason)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": "50.00", "provider": "sandbox"}]})

    amount: Amount
    provider: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_-]+$")] = "sandbox"
    reason: ShortText = Field(default="", description="Of money by hand: cheque number, transfer, …")


class NewBonus(Input):
    """Bonus for a family."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"amount": "10.00", "reason": "Welcome", "expires_at": "2026-12-31T00:00:00-05:00"}]})  # fmt: skip

    amount: Amount
    reason: Name
    expires_at: Moment | None = None


class Correction(Input):
    """Why an entry was wrong."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Typed twice"}]})

    reason: Name


class CreditStep(Output):
    """One step of a credit, in words."""

    model_config = shows({
        "position": 0, "rule": "TO_WALLET", "amount_minor": 1500, "amount": "$15.00", "invoice_id": None,
        "payment_id": PAYMENT_ID, "wallet_entry_id": sample_id(60),
        "words": "$15.00 of PY-5T8WM4ZK goes to the wallet, and may be asked back the way it was paid, as far as it is "
        "still there.",
    })  # fmt: skip

    position: int
    rule: CreditRule
    amount_minor: int
    amount: str
    invoice_id: UUID | None = Field(description="That it settles or pays.")
    payment_id: UUID | None = Field(description="Whose money it is.")
    wallet_entry_id: UUID | None = Field(description="With which it went to the wallet.")
    words: str


class CreditSteps(Output):
    """Where a credit went, step by step; the steps sum to it."""

    model_config = shows({
        "credit_note_id": sample_id(46), "number": "CN-2026-000003", "total_minor": 1500, "total": "$15.00",
        "steps": [CreditStep.model_config["json_schema_extra"]["examples"][0]],  # type: ignore[index]
    })  # fmt: skip

    credit_note_id: UUID
    number: str
    total_minor: int
    total: str
    steps: list[CreditStep]
