"""Double entry: what each event posts. Debits are positive, credits negative; every entry balances."""

from collections.abc import Iterable
from datetime import date, datetime
from uuid import UUID

from engine.batch import Batch
from engine.ids import new_id
from models import LedgerAccount, LedgerEntry, LedgerPosting

Posting = tuple[LedgerAccount, int]


def post(
    batch: Batch, *, source_kind: str, source_id: UUID, purpose: str, account_id: UUID, postings: Iterable[Posting],
    posted_on: date, now: datetime, reverses_id: UUID | None = None,
) -> None:  # fmt: skip
    """Add one balanced entry; postings of 0 are left out, an entry without postings is not written."""
    kept = [(account, amount) for account, amount in postings if amount]
    assert sum(amount for _, amount in kept) == 0, f"{source_kind} {purpose} does not balance"
    if not kept:
        return
    entry_id = new_id()
    batch.add(
        LedgerEntry,
        [{
            "id": entry_id, "posted_on": posted_on, "source_kind": source_kind, "source_id": source_id,
            "purpose": purpose, "reverses_id": reverses_id, "created_at": now,
        }],
    )  # fmt: skip
    batch.add(
        LedgerPosting,
        [{
            "id": new_id(), "entry_id": entry_id, "ledger_account": account.value, "account_id": account_id,
            "amount_minor": amount,
        } for account, amount in kept],
    )  # fmt: skip


def invoice_issued(*, net_minor: int, tax_minor: int) -> list[Posting]:
    """The family owes the gross; the net is earned when the sessions are held, the tax belongs to the tax office."""
    return [
        (LedgerAccount.RECEIVABLE, net_minor + tax_minor),
        (LedgerAccount.DEFERRED_REVENUE, -net_minor),
        (LedgerAccount.TAX, -tax_minor),
    ]


def payment_captured(*, amount_minor: int) -> list[Posting]:
    """Money that a provider holds for us, until it is used it is the family's credit."""
    return [(LedgerAccount.GATEWAY_CLEARING, amount_minor), (LedgerAccount.CUSTOMER_CREDIT, -amount_minor)]


def payment_returned(*, amount_minor: int) -> list[Posting]:
    """A captured payment is undone: the provider has taken the money back."""
    return [(account, -amount) for account, amount in payment_captured(amount_minor=amount_minor)]


def credit_applied(*, amount_minor: int) -> list[Posting]:
    """The family's credit settles what it owes."""
    return [(LedgerAccount.CUSTOMER_CREDIT, amount_minor), (LedgerAccount.RECEIVABLE, -amount_minor)]


def credit_note_issued(*, net_minor: int, tax_minor: int) -> list[Posting]:
    """The family owes the gross less: it is not earned any more, nor owed to the tax office."""
    return [(account, -amount) for account, amount in invoice_issued(net_minor=net_minor, tax_minor=tax_minor)]


def credit_released(*, amount_minor: int) -> list[Posting]:
    """What was paid and is not owed any more is the family's credit again."""
    return [(account, -amount) for account, amount in credit_applied(amount_minor=amount_minor)]
