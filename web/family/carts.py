"""What a cart would come to: the same verbs as keeping it, in a transaction that is taken back."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from api.moves import Principal
from api.reads import group_orders
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from models import GroupOrderPolicy
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
        return {"orders": [], "total_minor": 0, "price_fingerprint": "", "notices": [], "children": [], "covered": {}}
    try:
        found = visit.foresee(lambda tx, who: keep(tx, who, visit, term_id, wanted, policy, promo_code))
    except (Conflict, Invalid, NotFound) as refusal:
        return {"orders": [], "total_minor": 0, "price_fingerprint": "", "children": [], "covered": {},
                "notices": _refused(refusal)}  # fmt: skip
    return summed(found)


def _refused(refusal: TermbookError) -> list[Row]:
    reasons = refusal.reasons or [Reason(refusal.code, refusal.message)]
    return [reason.as_dict() for reason in reasons]


def summed(group: Row) -> Row:
    """A group order with the sums that a person looks at: by child and program, discounts by their name and reason."""
    children, notices, covered = [], [], dict[str, str]()  # which session of whom a pass covers, by its name
    for order in group["orders"]:
        programs: dict[str, Row] = {}
        discounts: dict[tuple[str, str], int] = {}
        for line in order["lines"]:
            name = line["name"].rpartition(", ")[0] or line["name"]
            each = programs.setdefault(name, {"name": name, "count": 0, "price_minor": 0, "why": set()})
            each["count"] += 1
            taken = sum(one["amount_minor"] for one in line["discounts"])
            extras = sum(one["price_minor"] * one["quantity"] for one in line["extras"])
            each["price_minor"] += line["price_minor"] + taken + extras
            if line["mode_reason"]:
                each["why"].add(line["mode_reason"])
            if by := next((one for one in line["discounts"] if one["rule"] == "PASS"), None):
                covered[f"{order['attendee_id']}.{line['session_id']}"] = by["name"]
            for one in line["discounts"]:
                key = (one["name"], one["why"])
                discounts[key] = discounts.get(key, 0) + one["amount_minor"]
        children.append({
            "attendee_id": order["attendee_id"], "order_id": order["id"], "programs": list(programs.values()),
            "discounts": [{"name": n, "why": w, "amount_minor": a} for (n, w), a in discounts.items()],
            "total_minor": order["total_minor"],
        })  # fmt: skip
        notices += [{**one, "attendee_id": str(order["attendee_id"])} for one in order.get("notices", ())]
    return {**group, "children": children, "notices": notices, "covered": covered}


def merged(kept: Mapping[UUID, Sequence[Row]], chosen: Mapping[UUID, Sequence[Row]], sessions: set[UUID]) -> Any:
    """The cart with what was chosen on one page in place of what it held of that page's sessions."""
    found: dict[UUID, list[Row]] = {}
    for child in dict.fromkeys([*kept, *chosen]):
        rest = [line for line in kept.get(child, ()) if line["session_id"] not in sessions]
        found[child] = [*rest, *chosen.get(child, ())]
    return found
