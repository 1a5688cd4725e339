"""What a cart would come to: the same verbs as keeping it, in a transaction that is taken back."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from api.moves import Principal
from api.reads import group_orders
from engine.database import Row, Transaction
from models import GroupOrderPolicy
from web.choosing import NOTHING_CHOSEN, foreseen
from web.family.people import account_for
from web.visitor import SignedIn
from workflows import family_cart


def keep(
    tx: Transaction, who: Principal, visit: SignedIn, term_id: UUID, wanted: Mapping[UUID, Sequence[Row]],
    policy: GroupOrderPolicy | None = None, promo_code: str | None = None,
) -> Row | None:  # fmt: skip
    """Fill the cart of the term; what it comes to, or None where it is empty now."""
    group = family_cart.put(
        tx, actor=who.actor, account_id=account_for(tx, who, list(wanted)), term_id=term_id, wanted=wanted,
        now=visit.now, policy=policy, promo_code=promo_code,
    )  # fmt: skip
    return group_orders.saved(group, who).body if group else None


def foresee(
    visit: SignedIn, term_id: UUID, wanted: Mapping[UUID, Sequence[Row]], policy: GroupOrderPolicy | None = None,
    promo_code: str | None = None,
) -> Row:  # fmt: skip
    """What the cart would come to, and what a submission would be refused for at this moment; nothing is kept."""
    if not any(wanted.values()):
        return NOTHING_CHOSEN

    def look() -> Row:
        found: Row = visit.foresee(lambda tx, who: keep(tx, who, visit, term_id, wanted, policy, promo_code))
        return found

    return foreseen(look)
