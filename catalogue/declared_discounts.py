"""The discounts of a level as the office keeps them: one is put in its place, changed, or taken away.

A level that declares discounts inherits none. So the first one that is kept on a level takes along what applied to it
before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from catalogue.discount_values import Discount, discount
from catalogue.rules import Rule, RuleIsInvalid, answer, chain_of, names_of, read_settings, set_rule
from engine.database import Transaction
from engine.errors import NotFound, Reason
from models import RuleScope

APART = 10  # between the orders of two discounts, so that another fits in


@dataclass(frozen=True, slots=True)
class InForce:
    """What applies on a level, in its order, and the level that declares it; None where nothing does."""

    discounts: tuple[Discount, ...]
    scope: RuleScope | None
    level: str

    @property
    def next_order(self) -> int:
        return max((each.order for each in self.discounts), default=0) + APART


def discounts_of(tx: Transaction, scope: RuleScope, scope_id: UUID) -> InForce:
    """Raises `ScopeNotFound`."""
    chain = chain_of(tx, scope, scope_id)
    found = answer(Rule.DISCOUNTS, read_settings(tx, chain), chain=chain)
    level = names_of(tx, [found.scope_id]).get(found.scope_id, "") if found.scope_id is not None else ""
    return InForce(found.value, found.scope, level)


def declared_in_force(tx: Transaction, scope: RuleScope, scope_id: UUID) -> list[Any]:
    """The discounts that apply on the level as they were declared, whose changes now come one after the other."""
    tx.row("SELECT pg_advisory_xact_lock(hashtextextended(%(org)s::text || 'discounts', 0))")
    chain = chain_of(tx, scope, scope_id)
    settings = read_settings(tx, chain)
    found = answer(Rule.DISCOUNTS, settings, chain=chain)
    stored: Any = settings[found.scope_id, Rule.DISCOUNTS] if found.scope_id is not None else []
    return list(stored)


def add_discount(tx: Transaction, scope: RuleScope, scope_id: UUID, terms: Mapping[str, Any]) -> Discount:
    """Declare one more on a level; `terms` are the JSON of a discount. Raises `RuleIsInvalid`, `ScopeNotFound`."""
    made, kept = _parsed(terms), declared_in_force(tx, scope, scope_id)
    _require_free(made, kept)
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, [*kept, dict(made.declared)])
    return made


def change_discount(
    tx: Transaction, scope: RuleScope, scope_id: UUID, seen_version: str, terms: Mapping[str, Any]
) -> Discount:
    """Other terms for the discount that was seen, from the next order on; what was sold keeps its own.

    Raises `RuleIsInvalid`, also where it was changed since it was seen, and `ScopeNotFound`.
    """
    made = _parsed(terms)
    kept = _without(declared_in_force(tx, scope, scope_id), seen_version)
    _require_free(made, kept)
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, [*kept, dict(made.declared)])
    return made


def take_discount_away(tx: Transaction, scope: RuleScope, scope_id: UUID, seen_version: str) -> None:
    """The level gives it no more; what was sold with it keeps it. Raises as `change_discount` does."""
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, _without(declared_in_force(tx, scope, scope_id), seen_version))


def find_discount(tx: Transaction, scope: RuleScope, scope_id: UUID, order: int) -> Discount:
    """The one in that place of what applies on the level. Raises `NotFound`, `ScopeNotFound`."""
    found = next((each for each in discounts_of(tx, scope, scope_id).discounts if each.order == order), None)
    if found is None:
        raise NotFound("There is no such discount.", what="discount")
    return found


def _parsed(terms: Mapping[str, Any]) -> Discount:
    try:
        return discount(terms)
    except ValueError as error:
        raise _refused(str(error)) from None


def _without(declared: list[Any], seen_version: str) -> list[Any]:
    left = [each for each in declared if discount(each).version != seen_version]
    if len(left) == len(declared):
        raise _refused("The discount was changed meanwhile; look at it again.")
    return left


def _require_free(made: Discount, kept: list[Any]) -> None:
    beside = next((each for each in map(discount, kept) if each.order == made.order), None)
    if beside is not None:
        raise _refused(f"{beside.name} comes at {made.order} already; choose another place.", field="order")


def _refused(message: str, field: str | None = None) -> RuleIsInvalid:
    return RuleIsInvalid(message, reasons=[Reason("rule_is_invalid", message, field=field, rule=str(Rule.DISCOUNTS))])
