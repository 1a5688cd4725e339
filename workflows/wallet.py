"""The family's wallet: topped up, given bonus, spent on orders, and what is put right in it by hand.

A wallet is locked after account → attendee → order; what a wallet pays is a payment like any other, of the provider
"wallet", so it confirms, settles and is freed like one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.gateways.protocol import Gateway
from billing.ledger import bonus_given, payment_captured, post, wallet_moved
from billing.wallet import Grant, Parts, Wallet, grant_bonus, lock_wallets, split_debit, write_entry
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import announce
from engine.ids import new_id, new_reference
from engine.money import NotAnAmount, format_money, parse_asked, why_no_amount
from models import ActorKind, Payment, PaymentStatus, WalletEntryKind
from workflows.order_effects import local_day
from workflows.order_facts import Order, lock_order
from workflows.order_holdings import read_holdings
from workflows.payment_use import Captured, Use, capture, due_minor, read_owed
from workflows.payments import (
    MANUAL,
    NothingDue,
    StartedPayment,
    open_page,
    payment_row,
    refuse_unless_payable_online,
    refuse_while_moving,
)
from workflows.wallet_debits import WALLET, debit_when_filled
from workflows.wallet_facts import AccountInLock, lock_account

KIND = WalletEntryKind
OFFICE = frozenset({ActorKind.ADMIN, ActorKind.FINANCE})
# What a person may undo: a debit comes back through its booking, a correction is undone by a movement of its own.
UNDOABLE = frozenset({KIND.TOPPED_UP, KIND.GRANTED, KIND.CREDITED, KIND.RETURNED})


class NothingInWallet(Conflict):
    """There is nothing in the wallet that could be spent."""

    code = "wallet_empty"


class NotUndoable(Conflict):
    """The entry cannot be undone by a correction."""

    code = "not_undoable"


@dataclass(frozen=True, slots=True)
class Paid:
    """A payment from the wallet, and what became of it."""

    payment_id: UUID
    use: Use
    parts: Parts


def pay_order(
    tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime, amount_minor: int | None = None
) -> Paid:  # fmt: skip
    """Pay what the order requires now from its account's wallet: all of it, as much as there is, or `amount_minor`.

    What is not enough is kept for the order, whose timeout goes on; the rest is paid another way. Raises NotFound,
    NotPayable, NothingDue, NothingInWallet, PaymentMoving, Invalid (more than is due or there is).
    """
    order = lock_order(tx, order_id, actor=actor)
    refuse_unless_payable_online(order)
    holdings = read_holdings(tx, order, with_lines=True)
    refuse_while_moving(order, holdings.payments)
    due = due_minor(order, holdings, read_owed(tx, order), today=local_day(now, order))
    if not due:
        raise NothingDue(f"Everything that {order.reference} requires is paid.")
    wallet = lock_wallets(tx, [order.account_id], now=now)[order.account_id]
    amount = _amount(order, wallet, due, amount_minor, now)
    row, parts = debit_for(tx, order, wallet, amount_minor=amount, actor=actor, now=now)
    holdings.payments.append({"id": row["id"], "status": "SUCCESS", "amount_minor": amount, "allocated_minor": 0,
                              "moved_minor": 0, "disputed_minor": 0})  # fmt: skip
    money = Captured(
        payment_id=row["id"], reference=row["reference"], provider=WALLET, external_id=None, asked_minor=amount,
        amount_minor=amount, currency=row["currency"], fingerprint=row["fingerprint"], bonus_minor=parts.bonus_minor,
    )  # fmt: skip
    return Paid(row["id"], capture(tx, order, holdings, money=money, now=now), parts)


def _amount(order: Order, wallet: Wallet, due: int, asked: int | None, now: datetime) -> int:
    available = wallet.available_minor(now)
    if asked is None:
        if not available:
            raise NothingInWallet(f"There is nothing in the wallet of {order.account['name']}.")
        return min(due, available)
    if 0 < asked <= min(due, available):
        return asked
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    message = (
        f"Take more than 0 and at most what {order.reference} requires, {format_money(due, **money)}, and the wallet "
        f"holds, {format_money(available, **money)}."
    )
    raise Invalid(message, reasons=[Reason("amount_not_in_wallet", message, field="amount_minor",
                                           facts={"due_minor": due, "available_minor": available})])  # fmt: skip


def debit_for(
    tx: Transaction, order: Order, wallet: Wallet, *, amount_minor: int, actor: Actor, now: datetime, note: str = ""
) -> tuple[Row, Parts]:  # fmt: skip
    """Take it from a locked wallet as a payment of the order; the caller captures it. Raises WalletTooLow."""
    parts = split_debit(wallet, amount_minor, now=now)
    row = payment_row(
        order, amount_minor=amount_minor, provider=WALLET, status=PaymentStatus.SUCCESS, actor=actor, now=now
    )
    tx.batch.add(Payment, [row | {"note": note}])
    write_entry(tx.batch, account_id=order.account_id, kind=KIND.DEBITED, parts=parts.negated(), payment_id=row["id"],
                reason=order.reference, actor_id=actor.user_id, now=now)  # fmt: skip
    return row, parts


def give_bonus(
    tx: Transaction, *, account_id: UUID, amount: str, reason: str, actor: Actor, now: datetime,
    expires_at: datetime | None = None,
) -> UUID:  # fmt: skip
    """Give bonus to a family, `amount` in the currency's major unit; unused, it is gone at `expires_at`. Returns the
    entry. Raises NotPermitted, NotFound, Invalid (not a positive amount, no reason, an expiry that is past).
    """
    _require_office(actor, "Bonus is given by admins and finance.")
    account = lock_account(tx, account_id, actor=actor)
    minor, reasons = _checked(amount, account, reason)
    if expires_at is not None and expires_at <= now:
        reasons.append(Reason("expires_in_the_past", "Let the bonus expire later than now.", field="expires_at"))
    _raise(reasons, "No bonus is given.")
    lock_wallets(tx, [account_id], now=now)
    entry_id = grant_bonus(
        tx.batch, account_id=account_id, amount_minor=minor, expires_at=expires_at, reason=reason.strip(),
        actor_id=actor.user_id, now=now,
    )  # fmt: skip
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=KIND.GRANTED.value, account_id=account_id,
         postings=bonus_given(amount_minor=minor), posted_on=account.today(now), now=now)  # fmt: skip
    announce(tx.batch, "wallet.bonus_given", now=now, account_id=account_id, amount_minor=minor,
             expires_at=expires_at and expires_at.isoformat(), reason=reason.strip())  # fmt: skip
    debit_when_filled(tx.batch, [account_id], now=now)
    return entry_id


def record_top_up(
    tx: Transaction, *, account_id: UUID, amount: str, reason: str, actor: Actor, now: datetime, provider: str = MANUAL
) -> UUID:  # fmt: skip
    """Record cash or a transfer that came in for a family's wallet, `amount` in the currency's major unit. Returns the
    payment. Raises NotPermitted, NotFound, Invalid (not a positive amount, no reason).
    """
    _require_office(actor, "Payments by hand are recorded by admins and finance.")
    account = lock_account(tx, account_id, actor=actor)
    minor, reasons = _checked(amount, account, reason)
    _raise(reasons, "The wallet is not topped up.")
    row = _top_up_row(account, minor, provider=provider, status=PaymentStatus.SUCCESS, actor=actor, now=now)
    tx.batch.add(Payment, [row | {"note": reason.strip()}])
    land_top_up(tx, account, payment=row, amount_minor=minor, actor_id=actor.user_id, now=now)
    return row["id"]  # type: ignore[no-any-return]


def start_top_up(
    tx: Transaction, *, account_id: UUID, amount: str, provider: str, actor: Actor, now: datetime
) -> StartedPayment:  # fmt: skip
    """Ask a family's provider for money for its wallet; it is there when the provider says so.

    Raises NotFound, Invalid (not a positive amount).
    """
    account = lock_account(tx, account_id, actor=actor)
    minor, reasons = _checked(amount, account, "asked for")
    _raise(reasons, "The wallet is not topped up.")
    row = _top_up_row(account, minor, provider=provider, status=PaymentStatus.PENDING, actor=actor, now=now)
    tx.batch.add(Payment, [row])
    return StartedPayment(
        payment_id=row["id"], reference=row["reference"], amount_minor=minor, currency=row["currency"],
        key=str(row["id"]), description=f"{account.organisation_name}: wallet", status=PaymentStatus.PENDING,
    )  # fmt: skip


def open_top_up(
    database: Database, organisation_id: UUID, gateway: Gateway, *, account_id: UUID, amount: str, actor: Actor,
    return_url: str, webhook_url: str | None, now: datetime,
) -> StartedPayment:  # fmt: skip
    """Start a top-up and open its page at the provider. Raises what `start_top_up` and `open_page` raise."""
    return open_page(
        database, organisation_id, gateway, return_url=return_url, webhook_url=webhook_url, now=now,
        start=lambda tx: start_top_up(
            tx, account_id=account_id, amount=amount, provider=gateway.name, actor=actor, now=now
        ),
    )  # fmt: skip


def land_top_up(
    tx: Transaction, account: AccountInLock, *, payment: Row, amount_minor: int, now: datetime,
    actor_id: UUID | None = None,
) -> None:  # fmt: skip
    """Captured money of a top-up is in the books and in the wallet; the payment is written by the caller."""
    known: dict[str, Any] = {"account_id": account.id, "posted_on": account.today(now), "now": now}
    lock_wallets(tx, [account.id], now=now)
    post(tx.batch, source_kind="PAYMENT", source_id=payment["id"], purpose="CAPTURED",
         postings=payment_captured(amount_minor=amount_minor, provider=payment["provider"]), **known)  # fmt: skip
    entry_id = write_entry(
        tx.batch, account_id=account.id, kind=KIND.TOPPED_UP, parts=Parts(amount_minor), payment_id=payment["id"],
        moved_minor=amount_minor, reason=payment["reference"], actor_id=actor_id, now=now,
    )  # fmt: skip
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=KIND.TOPPED_UP.value,
         postings=wallet_moved(balance_minor=amount_minor, bonus_minor=0), **known)  # fmt: skip
    announce(tx.batch, "wallet.topped_up", now=now, account_id=account.id, payment_id=payment["id"],
             reference=payment["reference"], amount_minor=amount_minor)  # fmt: skip
    debit_when_filled(tx.batch, [account.id], now=now)


def _top_up_row(
    account: AccountInLock, amount_minor: int, *, provider: str, status: PaymentStatus, actor: Actor, now: datetime
) -> Row:  # fmt: skip
    return {
        "id": new_id(), "reference": new_reference("PM"), "account_id": account.id, "order_id": None,
        "billing_id": None, "amount_minor": amount_minor, "currency": account.currency, "provider": provider,
        "status": status.value, "fingerprint": "wallet", "started_by": actor.user_id, "note": "", "created_at": now,
        "updated_at": now,
    }  # fmt: skip


_ENTRY = """
SELECT e.id, e.account_id, e.kind, e.balance_minor, e.bonus_minor, e.payment_id, e.moved_minor,
       (SELECT c.id FROM wallet_entry c WHERE c.organisation_id = e.organisation_id AND c.corrects_id = e.id) AS undone,
       (SELECT p.returned_at IS NOT NULL FROM payment p WHERE p.organisation_id = e.organisation_id
        AND p.id = e.payment_id) AS is_taken_back,
       (SELECT p.disputed_minor > 0 OR sum(x.moved_minor) < e.moved_minor FROM payment p
        JOIN wallet_entry x ON x.organisation_id = p.organisation_id AND x.payment_id = p.id
        WHERE p.organisation_id = e.organisation_id AND p.id = e.payment_id
        GROUP BY p.disputed_minor) AS is_disputed,
       e.moved_minor > 0 AND EXISTS (SELECT FROM refund r WHERE r.organisation_id = e.organisation_id
        AND r.payment_id = e.payment_id AND r.status <> 'FAILED') AS is_sent_back,
       (SELECT json_agg(json_build_array(u.grant_id, u.amount_minor) ORDER BY u.grant_id) FROM bonus_use u
        WHERE u.organisation_id = e.organisation_id AND u.entry_id = e.id) AS grants,
       (SELECT l.id FROM ledger_entry l WHERE l.organisation_id = e.organisation_id
        AND l.source_kind = 'WALLET_ENTRY' AND l.source_id = e.id) AS posted_id
FROM wallet_entry e WHERE e.organisation_id = %(org)s AND e.id = %(id)s
"""


def correct(tx: Transaction, *, entry_id: UUID, reason: str, actor: Actor, now: datetime) -> UUID:
    """Undo an entry that was wrong by one that takes as much back; once. Money of a payment is the family's credit
    outside the wallet again. Returns the new entry.

    Raises NotPermitted, NotFound, NotUndoable, WalletTooLow (it was spent meanwhile), Invalid (no reason).
    """
    _require_office(actor, "Entries are corrected by admins and finance.")
    found = tx.row(_ENTRY, id=entry_id)
    if found is None:
        raise NotFound("There is no such wallet entry.", what="wallet entry")
    account = lock_account(tx, found["account_id"], actor=actor)
    entry = tx.row(_ENTRY, id=entry_id)
    assert entry is not None, "entries stay"
    if not reason.strip():
        _raise([Reason("reason_required", "Say what was wrong.", field="reason")], "The entry is not corrected.")
    if entry["undone"] is not None:
        raise NotUndoable("The entry was corrected already.")
    if entry["is_taken_back"]:
        raise NotUndoable("The payment was taken back, and the entry with it.")
    if entry["is_disputed"]:
        raise NotUndoable("The payer's bank took money of the payment back; the dispute says where it is.")
    if entry["is_sent_back"]:
        raise NotUndoable("Money of the payment was sent back, or is on its way: the entry stays.")
    kind = KIND(entry["kind"])
    if kind not in UNDOABLE:
        raise NotUndoable(f"An entry that is {kind.value.lower()} is not undone by a correction.")
    lock_wallets(tx, [account.id], now=now)
    grants = tuple(Grant(UUID(grant_id), amount) for grant_id, amount in entry["grants"] or ())
    parts = Parts(entry["balance_minor"], grants).negated()
    made = write_entry(
        tx.batch, account_id=account.id, kind=KIND.CORRECTED, parts=parts, payment_id=entry["payment_id"],
        moved_minor=-entry["moved_minor"], corrects_id=entry_id, reason=reason.strip(), actor_id=actor.user_id,
        now=now,
    )  # fmt: skip
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=made, purpose=KIND.CORRECTED.value, account_id=account.id,
         postings=_undoing(kind, parts), posted_on=account.today(now), reverses_id=entry["posted_id"],
         now=now)  # fmt: skip
    return made


def _undoing(kind: WalletEntryKind, parts: Parts) -> list[Any]:
    if kind is KIND.GRANTED:
        return bonus_given(amount_minor=parts.bonus_minor)
    return wallet_moved(balance_minor=parts.balance_minor, bonus_minor=parts.bonus_minor)


_EXPIRED = """
SELECT account_id FROM bonus_grant
WHERE organisation_id = %(org)s AND left_minor > 0 AND expires_at <= %(now)s
GROUP BY account_id ORDER BY account_id LIMIT %(batch)s
"""


def expire_bonus(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Take back bonus that nobody used in time; what a worker does now and then. Returns how many wallets it was in."""
    count = 0
    for organisation_id in database.organisations():
        while done := database.run(organisation_id, lambda tx: _expire_some(tx, now=now, batch=batch)):
            count += done
    return count


def _expire_some(tx: Transaction, *, now: datetime, batch: int) -> int:
    accounts = [row["account_id"] for row in tx.rows(_EXPIRED, now=now, batch=batch)]
    if not accounts:
        return 0
    day = _organisation_day(tx, now)
    done = 0
    for wallet in lock_wallets(tx, accounts, now=now).values():
        gone = tuple(grant for grant in wallet.grants if grant.expires_at is not None and grant.expires_at <= now)
        if not gone:
            continue  # another worker was faster
        parts = Parts(0, gone).negated()
        entry_id = write_entry(tx.batch, account_id=wallet.account_id, kind=KIND.EXPIRED, parts=parts, now=now)
        post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=KIND.EXPIRED.value,
             account_id=wallet.account_id, postings=bonus_given(amount_minor=parts.bonus_minor), posted_on=day,
             now=now)  # fmt: skip
        done += 1
    return done


def _organisation_day(tx: Transaction, now: datetime) -> Any:
    row = tx.row("SELECT (%(now)s::timestamptz AT TIME ZONE time_zone)::date AS day FROM organisation "
                 "WHERE id = %(org)s", now=now)  # fmt: skip
    assert row is not None
    return row["day"]


def _checked(amount: str, account: AccountInLock, reason: str) -> tuple[int, list[Reason]]:
    """The amount in minor units, and what is wrong with it or with the reason."""
    minor, reasons = 0, []
    try:
        minor = parse_asked(amount, account.currency, account.locale)
        if minor <= 0:
            reasons.append(Reason("amount_not_positive", "Name an amount of more than 0.", field="amount"))
    except NotAnAmount as error:
        reasons.append(why_no_amount(error, "amount"))
    if not reason.strip():
        reasons.append(Reason("reason_required", "Say what it is for.", field="reason"))
    return minor, reasons


def _raise(reasons: Sequence[Reason], headline: str) -> None:
    if reasons:
        raise Invalid(f"{headline} {reasons[0].message}", reasons=list(reasons))


def _require_office(actor: Actor, message: str) -> None:
    if actor.kind not in OFFICE:
        raise NotPermitted(message)
