"""What a family is to pay, and on to the provider's page, where it does."""

from typing import Any
from uuid import UUID

from api.moves import Principal
from api.reads.wallets import wallet
from engine.database import Row, Transaction
from engine.errors import NotFound
from web.orders import BACK, payment_news
from web.visitor import Family
from workflows.payment_due import Due, read_due


def due_of(visit: Family, tx: Transaction, who: Principal, order_id: UUID) -> Due | None:
    """What is to be paid for an order now; None where nothing is."""
    return read_due(tx, [order_id], actor=who.actor, now=visit.now).get(order_id)


def in_wallet(visit: Family, tx: Transaction, who: Principal, account_id: UUID) -> int:
    """What the family can spend out of its wallet, in minor units."""
    found = wallet(tx, who, account_id, visit.now).body
    assert found is not None
    return int(found["available_minor"])


# What was asked for the wallet at a provider's page, newest first.
_FOR_THE_WALLET = """
SELECT status FROM payment
WHERE organisation_id = %(org)s AND account_id = %(account)s AND order_id IS NULL AND mandate_id IS NULL
ORDER BY created_at DESC, id DESC LIMIT 1
"""


def wallet_news(visit: Family, tx: Transaction, account_id: UUID) -> Row:
    """What became of the top-up, or of the pass, from whose payment one comes back."""
    found = tx.row(_FOR_THE_WALLET, account=account_id)
    return payment_news(visit, {found["status"]} if found else ())


def provider_page(visit: Family, open_page: Any, about: dict[str, Any], back_to: str) -> str:
    """The address of the provider's page. No transaction is open while the provider is asked."""
    state = visit.state
    gateway = state.gateway
    if gateway is None:
        raise NotFound(visit.say("Online payment isn't available here. Please ask the centre."), what="provider")
    who: Principal = visit.fetch(lambda _, who: who)
    back_to += f"{'&' if '?' in back_to else '?'}{BACK}"
    base = state.settings.base_url.rstrip("/")
    organisation_id = visit.call.organisation_id
    started = open_page(
        state.database, organisation_id, gateway, actor=who.actor, return_url=f"{base}{back_to}",
        webhook_url=f"{base}/webhooks/payments/{gateway.name}?organisation={organisation_id}", now=visit.now, **about,
    )  # fmt: skip
    return str(started.checkout_url)
