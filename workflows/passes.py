"""Passes: declared, sold, and bought by families.

A pass is paid from the family's wallet. Bought at a provider or by hand, the money is a top-up of its price that buys
it in the same transaction; a top-up of another amount stays in the wallet.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

from billing.gateways.protocol import Gateway
from billing.ledger import pass_sold, post
from billing.pricing import half_up
from billing.wallet import Grant, Parts, lock_wallets, split_debit, split_return, write_entry
from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id, new_reference
from engine.money import MOST_ASKED_MINOR, format_money, to_major
from models import (
    DocumentSeries,
    Entitlement,
    PassCovers,
    PassProduct,
    PassRequest,
    PassReturns,
    PassScope,
    WalletEntryKind,
)
from workflows import wallet
from workflows.payments import StartedPayment, open_page
from workflows.wallet import OFFICE
from workflows.wallet_debits import debit_when_filled
from workflows.wallet_facts import AccountInLock, lock_account

_MILLION = 1_000_000


class PassWithdrawn(Conflict):
    """The pass is not sold any more."""

    code = "pass_withdrawn"


class PassRevoked(Conflict):
    """A pass is taken back once."""

    code = "pass_revoked"


class PassHasNothingLeft(Conflict):
    """It is used up, or has run out."""

    code = "pass_has_nothing_left"


@dataclass(frozen=True, slots=True)
class Offer:
    """A pass as it is to be sold; `units` None is without limit while it is valid."""

    name: str
    price_minor: int
    validity_days: int
    units: int | None = None
    covers: PassCovers = PassCovers.SESSIONS
    returns: PassReturns = PassReturns.IN_WINDOW
    tax_name: str = ""
    tax_percent: Decimal = Decimal(0)
    category_ids: tuple[UUID, ...] = ()
    program_ids: tuple[UUID, ...] = ()


def declare(tx: Transaction, *, offer: Offer, actor: Actor, now: datetime) -> UUID:
    """Put a pass on sale; it never changes from then on. Raises NotPermitted, Invalid (by field)."""
    if not actor.is_admin:
        raise NotPermitted("Passes are declared by admins.")
    _refuse(_faults(tx, offer), "The pass is not put on sale.")
    product_id = new_id()
    tx.batch.add(
        PassProduct,
        [{
            "id": product_id, "name": offer.name.strip(), "units": offer.units, "validity_days": offer.validity_days,
            "covers": offer.covers.value, "returns": offer.returns.value, "price_minor": offer.price_minor,
            "tax_name": offer.tax_name.strip(), "tax_rate": str(offer.tax_percent / 100), "created_at": now,
        }],
    )  # fmt: skip
    scopes = [*((i, None) for i in dict.fromkeys(offer.category_ids)),
              *((None, i) for i in dict.fromkeys(offer.program_ids))]  # fmt: skip
    tx.batch.add(
        PassScope,
        [{"id": new_id(), "product_id": product_id, "category_id": category_id, "program_id": program_id}
         for category_id, program_id in scopes],
    )  # fmt: skip
    return product_id


def _faults(tx: Transaction, offer: Offer) -> list[Reason]:
    reasons = []
    if not offer.name.strip():
        reasons.append(Reason("required", "Name the pass.", field="name"))
    assert offer.price_minor <= MOST_ASKED_MINOR, "it was read as an amount that is asked for"
    if offer.price_minor <= 0:
        reasons.append(Reason("amount_not_positive", "Let it cost more than 0.", field="price"))
    for field, table, ids in (("category_ids", "program_category", offer.category_ids),
                              ("program_ids", "program", offer.program_ids)):  # fmt: skip
        known = _known(tx, table, ids)
        reasons += [Reason("unknown", f"There is no such {table.replace('program_', '')}.", field=f"{field}[{n}]")
                    for n, each in enumerate(ids) if each not in known]  # fmt: skip
    return reasons


def _known(tx: Transaction, table: str, ids: Collection[UUID]) -> set[UUID]:
    if not ids:
        return set()
    rows = tx.rows(f"SELECT id FROM {table} WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)", ids=list(ids))
    return {row["id"] for row in rows}


def withdraw(tx: Transaction, *, product_id: UUID, actor: Actor, now: datetime) -> None:
    """Sell a pass no more; those that were sold are good as before. Again changes nothing. Raises NotPermitted,
    NotFound.
    """
    if not actor.is_admin:
        raise NotPermitted("Passes are withdrawn by admins.")
    found = tx.run("UPDATE pass_product SET withdrawn_at = coalesce(withdrawn_at, %(now)s) "
                   "WHERE organisation_id = %(org)s AND id = %(id)s", id=product_id, now=now)  # fmt: skip
    if not found:
        raise _no_pass()


def buy(
    tx: Transaction, *, account_id: UUID, product_id: UUID, actor: Actor, now: datetime, valid_from: date | None = None
) -> UUID:  # fmt: skip
    """Buy a pass from the family's wallet, bonus first; good from today on unless a later day is named.

    Raises NotFound, PassWithdrawn, WalletTooLow, Invalid (a first day that is past).
    """
    account = lock_account(tx, account_id, actor=actor)
    product = _on_sale(tx, product_id)
    _refuse_past(account, valid_from, now)
    return _sell(tx, account, product, total_minor=product["total_minor"], valid_from=valid_from,
                 sold_by=actor.user_id, now=now)  # fmt: skip


def buy_by_hand(
    tx: Transaction, *, account_id: UUID, product_id: UUID, provider: str, reason: str, actor: Actor, now: datetime,
    valid_from: date | None = None, is_muted: bool = False,
) -> UUID:  # fmt: skip
    """The same for money that came in over the counter or at the bank. Raises NotPermitted besides."""
    if actor.kind not in OFFICE:
        raise NotPermitted("Payments by hand are recorded by admins and finance.")
    account = lock_account(tx, account_id, actor=actor)
    product = _on_sale(tx, product_id)
    _refuse_past(account, valid_from, now)
    wallet.record_top_up(
        tx, account_id=account_id, amount=str(to_major(product["total_minor"], account.currency)), reason=reason,
        actor=actor, now=now, provider=provider,
    )  # fmt: skip
    tx.flush()
    return _sell(tx, account, product, total_minor=product["total_minor"], valid_from=valid_from,
                 sold_by=actor.user_id, now=now, is_muted=is_muted)  # fmt: skip


def start_purchase(
    tx: Transaction, *, account_id: UUID, product_id: UUID, provider: str, actor: Actor, now: datetime,
    valid_from: date | None = None,
) -> StartedPayment:  # fmt: skip
    """Ask a provider for the price of a pass: it is the family's as soon as that is paid. Raises as `buy`."""
    account = lock_account(tx, account_id, actor=actor)
    product = _on_sale(tx, product_id)
    _refuse_past(account, valid_from, now)
    started = wallet.start_top_up(
        tx, account_id=account_id, amount=str(to_major(product["total_minor"], account.currency)), provider=provider,
        actor=actor, now=now,
    )  # fmt: skip
    tx.batch.add(
        PassRequest,
        [{"id": new_id(), "product_id": product_id, "payment_id": started.payment_id,
          "price_minor": product["total_minor"], "valid_from": valid_from, "created_at": now}],
    )  # fmt: skip
    return started


def open_purchase(
    database: Database, organisation_id: UUID, gateway: Gateway, *, account_id: UUID, product_id: UUID, actor: Actor,
    return_url: str, webhook_url: str | None, now: datetime, valid_from: date | None = None,
) -> StartedPayment:  # fmt: skip
    """Start buying a pass and open its page at the provider. Raises what `start_purchase` and `open_page` raise."""
    return open_page(
        database, organisation_id, gateway, return_url=return_url, webhook_url=webhook_url, now=now,
        start=lambda tx: start_purchase(tx, account_id=account_id, product_id=product_id, provider=gateway.name,
                                        actor=actor, valid_from=valid_from, now=now),
    )  # fmt: skip


_REQUESTED = """
SELECT r.product_id, r.price_minor, r.valid_from, p.account_id, p.amount_minor, p.started_by
FROM pass_request r JOIN payment p ON p.organisation_id = r.organisation_id AND p.id = r.payment_id
WHERE r.organisation_id = %(org)s AND r.payment_id = ANY(%(payment_ids)s) AND p.status = 'SUCCESS'
  AND p.amount_minor = r.price_minor ORDER BY r.payment_id
"""


def buy_requested(tx: Transaction, payment_ids: Sequence[UUID], now: datetime) -> None:
    """Money that was asked for a pass is in the wallet by now: it buys the pass, withdrawn meanwhile or not, and is
    spent before anything else that waits for the wallet looks into it. The caller holds the lock of the account.
    """
    for row in tx.rows(_REQUESTED, payment_ids=list(payment_ids)):
        account = lock_account(tx, row["account_id"], actor=SYSTEM)
        product = _product(tx, row["product_id"])
        _sell(tx, account, product, total_minor=row["price_minor"], valid_from=row["valid_from"],
              sold_by=row["started_by"], now=now)  # fmt: skip
        tx.flush()


_PRODUCT = """
SELECT p.id, p.name, p.units, p.validity_days, p.price_minor, p.tax_name, p.tax_rate, p.withdrawn_at,
       g.prices_include_tax
FROM pass_product p JOIN organisation g ON g.id = p.organisation_id
WHERE p.organisation_id = %(org)s AND p.id = %(id)s
"""


def _product(tx: Transaction, product_id: UUID) -> Row:
    """A pass with what is paid for it, `total_minor`. Raises NotFound."""
    row = tx.row(_PRODUCT, id=product_id)
    if row is None:
        raise _no_pass()
    return {**row, "total_minor": total_minor(row["price_minor"], row["tax_rate"], is_inside=row["prices_include_tax"])}


def total_minor(price_minor: int, rate: Decimal, *, is_inside: bool) -> int:
    """What is paid for it, tax included."""
    return price_minor if is_inside else price_minor + half_up(price_minor * int(rate * _MILLION), _MILLION)


def _on_sale(tx: Transaction, product_id: UUID) -> Row:
    product = _product(tx, product_id)
    if product["withdrawn_at"] is not None:
        raise PassWithdrawn(f"{product['name']} is not sold any more.")
    return product


def _sell(
    tx: Transaction, account: AccountInLock, product: Row, *, total_minor: int, valid_from: date | None,
    sold_by: UUID | None, now: datetime, is_muted: bool = False,
) -> UUID:  # fmt: skip
    """The pass is the family's: paid from its wallet, numbered, and owed to it in the books until it is used."""
    purse = lock_wallets(tx, [account.id], now=now)[account.id]
    parts: Parts = split_debit(purse, total_minor, now=now)
    entitlement_id, reference, today = new_id(), new_reference("PS"), account.today(now)
    first = max(valid_from or today, today)
    millionths = int(product["tax_rate"] * _MILLION)
    tax = half_up(total_minor * millionths, _MILLION + millionths)
    entry_id = write_entry(
        tx.batch, account_id=account.id, kind=WalletEntryKind.PASS_BOUGHT, parts=parts.negated(), reason=reference,
        actor_id=sold_by, now=now,
    )  # fmt: skip
    sold = pass_sold(balance_minor=parts.balance_minor, bonus_minor=parts.bonus_minor, tax_minor=tax)
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=WalletEntryKind.PASS_BOUGHT.value,
         account_id=account.id, postings=sold, posted_on=today, now=now)  # fmt: skip
    tx.batch.add_numbered(
        Entitlement,
        {
            "id": entitlement_id, "reference": reference, "account_id": account.id, "product_id": product["id"],
            "wallet_entry_id": entry_id, "name": product["name"], "valid_from": first,
            "valid_until": first + timedelta(days=product["validity_days"] - 1), "granted": product["units"],
            "used": 0, "net_minor": total_minor - tax, "tax_minor": tax, "total_minor": total_minor,
            "tax_name": product["tax_name"], "tax_rate": str(product["tax_rate"]), "earned_minor": 0,
            "sold_on": today, "sold_by": sold_by, "created_at": now,
        },
        series=DocumentSeries.PASS, year=today.year,
    )  # fmt: skip
    if not is_muted:
        announce(tx.batch, "pass.bought", now=now, account_id=account.id, entitlement_id=entitlement_id,
                 reference=reference, total_minor=total_minor,
                 total=format_money(total_minor, account.currency, account.locale))  # fmt: skip
    return entitlement_id


def returnable_minor(tx: Transaction, pass_id: UUID, *, today: date) -> int:
    """What would go back into the wallet if the pass were taken back now, tax included. Raises NotFound."""
    found = tx.row(_TO_REVOKE.format(lock=""), id=pass_id)
    if found is None:
        raise _no_pass()
    return 0 if found["revoked_at"] is not None else max(0, sum(unused_minor(found, today=today)))


_OWNED = "SELECT account_id FROM entitlement WHERE organisation_id = %(org)s AND id = %(id)s"
_TO_REVOKE = """
SELECT e.id, e.reference, e.name, e.granted, e.used, e.valid_from, e.valid_until, e.net_minor, e.tax_minor,
       e.earned_minor, e.revoked_at, -w.balance_minor AS balance_minor, (
           SELECT max(s.local_date) FROM pass_use u
           JOIN term_product s ON s.organisation_id = u.organisation_id AND s.id = u.term_product_id
           WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id
             AND u.returned_at IS NULL) AS used_on,
       (SELECT json_agg(json_build_array(u.grant_id, -u.amount_minor) ORDER BY u.id) FROM bonus_use u
        WHERE u.organisation_id = e.organisation_id AND u.entry_id = w.id) AS grants
FROM entitlement e JOIN wallet_entry w ON w.organisation_id = e.organisation_id AND w.id = e.wallet_entry_id
WHERE e.organisation_id = %(org)s AND e.id = %(id)s {lock}
"""
# What is used of it stays; a use, or what is earned, that came between is seen here.
_REVOKE = Guarded(
    name="revoke_pass",
    sql="UPDATE entitlement e SET granted = e.used, revoked_net_minor = r.net_minor, revoked_tax_minor = r.tax_minor, "
    "revoked_on = r.day, revoked_at = r.at, revoked_by = r.by, revoke_reason = r.reason, revoke_entry_id = r.entry_id "
    "FROM {rows} WHERE e.organisation_id = {org} AND e.id = r.id AND e.revoked_at IS NULL AND e.used = r.used "
    "AND e.earned_minor = r.earned_minor RETURNING e.id",
    takes="id uuid, net_minor bigint, tax_minor bigint, day date, at timestamptz, by uuid, reason text, "
    "entry_id uuid, used int, earned_minor bigint",
)


def revoke(
    tx: Transaction, *, pass_id: UUID, reason: str, actor: Actor, now: datetime, is_muted: bool = False
) -> int:  # fmt: skip
    """Take a pass back: what is used of it stays, the price of the rest goes back into the wallet as it was paid.
    Returns how much that is, tax included.

    Raises NotPermitted, NotFound, PassRevoked, PassHasNothingLeft (used up, or run out), Invalid (no reason).
    """
    if actor.kind not in OFFICE:
        raise NotPermitted("Passes are taken back by admins and finance.")
    if not reason.strip():
        _refuse([Reason("reason_required", "Say why.", field="reason")], "The pass is not taken back.")
    owned = tx.row(_OWNED, id=pass_id)
    if owned is None:
        raise _no_pass()
    account = lock_account(tx, owned["account_id"], actor=actor)
    lock_wallets(tx, [account.id], now=now)
    found = tx.row(_TO_REVOKE.format(lock="FOR NO KEY UPDATE OF e"), id=pass_id)
    assert found is not None, "a pass is never deleted"
    if found["revoked_at"] is not None:
        raise PassRevoked(f"{found['reference']} is taken back already.")
    today = account.today(now)
    net, tax = unused_minor(found, today=today)
    if net + tax <= 0:
        raise PassHasNothingLeft(f"{found['reference']} has nothing left that could be given back.")
    paid = Parts(found["balance_minor"], tuple(Grant(UUID(grant), minor) for grant, minor in found["grants"] or ()))
    back = split_return(paid, net + tax)
    entry_id = write_entry(
        tx.batch, account_id=account.id, kind=WalletEntryKind.PASS_REVOKED, parts=back, actor_id=actor.user_id,
        reason=f"{found['reference']}: {reason.strip()}", now=now,
    )  # fmt: skip
    undone = pass_sold(balance_minor=-back.balance_minor, bonus_minor=-back.bonus_minor, tax_minor=-tax)
    post(tx.batch, source_kind="WALLET_ENTRY", source_id=entry_id, purpose=WalletEntryKind.PASS_REVOKED.value,
         account_id=account.id, postings=undone, posted_on=today, now=now)  # fmt: skip
    revoked = {
        "id": pass_id, "net_minor": net, "tax_minor": tax, "day": today, "at": now, "by": actor.user_id,
        "reason": reason.strip(), "entry_id": entry_id, "used": found["used"], "earned_minor": found["earned_minor"],
    }  # fmt: skip
    tx.batch.guard(_REVOKE, [revoked], otherwise=lambda _: MovedMeanwhile(
        f"{found['reference']} was used meanwhile; look at it again."))  # fmt: skip
    if not is_muted:
        announce(tx.batch, "pass.revoked", now=now, account_id=account.id, entitlement_id=pass_id,
                 reference=found["reference"], total_minor=net + tax)  # fmt: skip
    debit_when_filled(tx.batch, [account.id], now=now)
    return net + tax


def unused_minor(row: Row, *, today: date) -> tuple[int, int]:
    """What of the price, net and tax, was not used yet: by units, or where it has no limit by the days to come after
    its last session; of one that has run out nothing. Never more than what is not earned.
    """
    if row["valid_until"] < today:
        return 0, 0
    if row["granted"] is None:
        gone = max(today, row["used_on"] + timedelta(days=1) if row["used_on"] else today)
        part, whole = max(0, (gone - row["valid_from"]).days), (row["valid_until"] - row["valid_from"]).days + 1
    else:
        part, whole = row["used"], row["granted"]
    if not whole:
        return 0, 0
    # What stays is rounded up, so that nothing comes back that could be earned; the tax of it follows from the whole.
    total = row["net_minor"] + row["tax_minor"]
    net_stays, total_stays = -(-row["net_minor"] * part // whole), -(-total * part // whole)
    net = min(row["net_minor"] - net_stays, row["net_minor"] - row["earned_minor"])
    return net, row["tax_minor"] - (total_stays - net_stays)


def _refuse_past(account: AccountInLock, valid_from: date | None, now: datetime) -> None:
    if valid_from is not None and valid_from < account.today(now):
        reason = Reason("in_the_past", "Let it be good from today on, or from a later day.", field="valid_from")
        _refuse([reason], "The pass is not sold.")


def _refuse(reasons: Sequence[Reason], headline: str) -> None:
    if reasons:
        raise Invalid(f"{headline} {reasons[0].message}", reasons=list(reasons))


def _no_pass() -> NotFound:
    return NotFound("There is no such pass.", what="pass")
