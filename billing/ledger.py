"""Double entry: what each event posts. Debits are positive, credits negative; every entry balances (docs/ledger.md)."""

from collections.abc import Collection, Iterable
from datetime import date, datetime, timedelta
from uuid import UUID

from engine.batch import Batch
from engine.errors import Conflict
from engine.ids import new_id
from models import LedgerAccount, LedgerEntry, LedgerPosting

Posting = tuple[LedgerAccount, int]

_OPEN_MONTHS = "entries_in_open_months"


class PeriodLocked(Conflict):
    """Finance has locked the month: nothing is posted into it."""

    code = "period_locked"


def post(
    batch: Batch, *, source_kind: str, source_id: UUID, purpose: str, account_id: UUID | None,
    postings: Iterable[Posting], posted_on: date, now: datetime, reverses_id: UUID | None = None,
    event_on: date | None = None, entry_id: UUID | None = None,
) -> None:  # fmt: skip
    """Add one balanced entry; postings of 0 are left out, an entry without postings is not written.

    The write raises PeriodLocked where the month of `posted_on` is locked. An event that became known too late for its
    month is posted on the first open day (`first_open_day`), and keeps its own in `event_on`. Without an account the
    house moves its own money.
    """
    kept = [(account, amount) for account, amount in postings if amount]
    assert sum(amount for _, amount in kept) == 0, f"{source_kind} {purpose} does not balance"
    if not kept:
        return
    entry_id = entry_id or new_id()
    batch.on_violation(_OPEN_MONTHS, is_locked(posted_on))
    batch.add(
        LedgerEntry,
        [{
            "id": entry_id, "posted_on": posted_on, "source_kind": source_kind, "source_id": source_id,
            "purpose": purpose, "reverses_id": reverses_id, "created_at": now,
            "event_on": event_on if event_on is not None and event_on < posted_on else None,
        }],
    )  # fmt: skip
    batch.add(
        LedgerPosting,
        [{
            "id": new_id(), "entry_id": entry_id, "posted_on": posted_on, "ledger_account": account.value,
            "account_id": account_id, "amount_minor": amount,
        } for account, amount in kept],
    )  # fmt: skip


def is_locked(day: date) -> PeriodLocked:
    """The refusal that names the month of this day."""
    month = f"{day:%B %Y}"
    return PeriodLocked(f"{month} is locked: nothing is posted into it.", month=f"{day:%Y-%m}")


def month_of(day: date) -> date:
    """The first day of its month."""
    return day.replace(day=1)


def next_month(day: date) -> date:
    """The first day of the month after."""
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1)


def first_open_day(day: date, locked: Collection[date]) -> date:
    """The day itself, or the first one after it whose month is not locked."""
    while month_of(day) in locked:
        day = next_month(day)
    return day


def invoice_issued(*, net_minor: int, tax_minor: int) -> list[Posting]:
    """The family owes the gross; the net is earned when the sessions are held, the tax belongs to the tax office."""
    return [
        (LedgerAccount.RECEIVABLE, net_minor + tax_minor),
        (LedgerAccount.DEFERRED_REVENUE, -net_minor),
        (LedgerAccount.TAX, -tax_minor),
    ]


# Where money is that came otherwise than through a provider; else that one holds it for us.
_RECEIVED_IN = {
    "manual": LedgerAccount.BANK,
    "bank": LedgerAccount.BANK,
    "direct_debit": LedgerAccount.BANK,
    "cash": LedgerAccount.CASH,
}


def payment_captured(*, amount_minor: int, provider: str) -> list[Posting]:
    """Money came in, at the bank, at the desk, or held by a provider; until it is used it is the family's credit."""
    received_in = _RECEIVED_IN.get(provider, LedgerAccount.GATEWAY_CLEARING)
    return [(received_in, amount_minor), (LedgerAccount.CUSTOMER_CREDIT, -amount_minor)]


def payment_returned(*, amount_minor: int, provider: str) -> list[Posting]:
    """A captured payment is undone: who sent the money has taken it back."""
    return [(account, -amount) for account, amount in payment_captured(amount_minor=amount_minor, provider=provider)]


def spent_credit_owed(*, amount_minor: int) -> list[Posting]:
    """What the family spent of money that was taken back: its credit lacks it, so it is owed."""
    return [(LedgerAccount.RECEIVABLE, amount_minor), (LedgerAccount.CUSTOMER_CREDIT, -amount_minor)]


def credit_taken_back(*, amount_minor: int, owed_minor: int) -> list[Posting]:
    """A payer's bank takes money back from the provider: out of the family's credit, and what that lacks is owed."""
    return [
        (LedgerAccount.GATEWAY_CLEARING, -amount_minor),
        (LedgerAccount.CUSTOMER_CREDIT, amount_minor - owed_minor),
        (LedgerAccount.RECEIVABLE, owed_minor),
    ]


def credit_applied(*, amount_minor: int) -> list[Posting]:
    """The family's credit settles what it owes."""
    return [(LedgerAccount.CUSTOMER_CREDIT, amount_minor), (LedgerAccount.RECEIVABLE, -amount_minor)]


def credit_note_issued(*, net_minor: int, tax_minor: int) -> list[Posting]:
    """The family owes the gross less: it is not earned any more, nor owed to the tax office."""
    return [(account, -amount) for account, amount in invoice_issued(net_minor=net_minor, tax_minor=tax_minor)]


def credit_released(*, amount_minor: int) -> list[Posting]:
    """What was paid and is not owed any more is the family's credit again."""
    return [(account, -amount) for account, amount in credit_applied(amount_minor=amount_minor)]


def revenue_earned(*, net_minor: int, is_fee: bool = False) -> list[Posting]:
    """What was invoiced is earned; where negative, what was earned is taken back."""
    earned = LedgerAccount.FEE_REVENUE if is_fee else LedgerAccount.REVENUE
    return [(LedgerAccount.DEFERRED_REVENUE, net_minor), (earned, -net_minor)]


def written_off(*, amount_minor: int) -> list[Posting]:
    """A receivable is given up; where negative, it is owed again."""
    return [(LedgerAccount.WRITE_OFF, amount_minor), (LedgerAccount.RECEIVABLE, -amount_minor)]


def wallet_moved(*, balance_minor: int, bonus_minor: int) -> list[Posting]:
    """Credit of the family goes into its wallet, or where negative, out of it: to be used for what it owes."""
    return [
        (LedgerAccount.CUSTOMER_CREDIT, balance_minor + bonus_minor),
        (LedgerAccount.WALLET, -balance_minor),
        (LedgerAccount.BONUS, -bonus_minor),
    ]


def debt_set_off(*, amount_minor: int) -> list[Posting]:
    """Balance pays what the family owes without an invoice; negative: it is balance again."""
    return [(LedgerAccount.WALLET, amount_minor), (LedgerAccount.RECEIVABLE, -amount_minor)]


def bonus_given(*, amount_minor: int) -> list[Posting]:
    """Bonus is owed to the family from the moment it is given, and costs as much; what expires undoes that."""
    return [(LedgerAccount.BONUS_EXPENSE, amount_minor), (LedgerAccount.BONUS, -amount_minor)]


def pass_sold(*, balance_minor: int, bonus_minor: int, tax_minor: int) -> list[Posting]:
    """A pass was paid from the wallet: its net price is owed in units, the tax belongs to the tax office at once."""
    return [
        (LedgerAccount.WALLET, balance_minor),
        (LedgerAccount.BONUS, bonus_minor),
        (LedgerAccount.PASS_LIABILITY, tax_minor - balance_minor - bonus_minor),
        (LedgerAccount.TAX, -tax_minor),
    ]


def pass_earned(*, amount_minor: int) -> list[Posting]:
    """What a pass has paid for was held, or can be used no more; negative: what was earned is taken back."""
    return [(LedgerAccount.PASS_LIABILITY, amount_minor), (LedgerAccount.REVENUE, -amount_minor)]


def withdrawn(*, amount_minor: int) -> list[Posting]:
    """Balance is set aside to be paid back; negative: what could not be paid is balance again."""
    return [(LedgerAccount.WALLET, amount_minor), (LedgerAccount.REFUND_PAYABLE, -amount_minor)]


def refund_paid(*, amount_minor: int, provider: str) -> list[Posting]:
    """What was set aside has left from where it was received."""
    received_in = _RECEIVED_IN.get(provider, LedgerAccount.GATEWAY_CLEARING)
    return [(LedgerAccount.REFUND_PAYABLE, amount_minor), (received_in, -amount_minor)]
