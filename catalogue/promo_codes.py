"""Promo codes as the office keeps them: discounts of the rule, each known by its code on the level that declares it.

A level that declares discounts inherits none. So the first code of a level takes along what applied to it before.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any
from uuid import UUID

from catalogue.declared_discounts import APART, declared_in_force
from catalogue.discount_values import Discount, DiscountKind, discount
from catalogue.rules import Rule, RuleIsInvalid, names_of, read_settings, set_rule
from engine.database import Transaction
from engine.errors import Conflict, NotFound, Reason
from models import RuleScope


class CodeIsTaken(Conflict):
    """The level has this code already."""

    code = "promo_code_is_taken"


class CodeNotFound(NotFound):
    """The level does not declare this code."""

    code = "promo_code_not_found"


class CodeState(StrEnum):
    """What an order would get from a code today."""

    GOOD = "GOOD"
    NOT_YET = "NOT_YET"  # it begins later
    OVER = "OVER"  # its last day has passed
    USED_UP = "USED_UP"  # as often as its limit allows


@dataclass(frozen=True, slots=True)
class Level:
    """A level with discounts of its own, by its name."""

    scope: RuleScope
    scope_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class DeclaredCode:
    """A code with its terms, and where it is good."""

    level: Level
    discount: Discount

    @property
    def code(self) -> str:
        return str(self.discount.conditions["code"])


def state_of(terms: Discount, *, used: int, today: date) -> CodeState:
    """`today` is the organisation's own day."""
    starts, ends, limit = (terms.conditions[name] for name in ("from", "until", "limit"))
    if ends is not None and today > ends:
        return CodeState.OVER
    if limit is not None and used >= limit:
        return CodeState.USED_UP
    return CodeState.NOT_YET if starts is not None and today < starts else CodeState.GOOD


_SETTINGS = """
SELECT scope, scope_id, value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'discounts'
ORDER BY scope, scope_id
"""


def declared_codes(tx: Transaction) -> tuple[list[DeclaredCode], list[Level]]:
    """Every code in force or not, in alphabetical order; and the levels that have discounts of their own."""
    rows = tx.rows(_SETTINGS)
    names = names_of(tx, [row["scope_id"] for row in rows])
    levels = [Level(RuleScope(row["scope"]), row["scope_id"], names.get(row["scope_id"], "")) for row in rows]
    found = [
        DeclaredCode(level, each) for level, row in zip(levels, rows, strict=True)
        for each in map(discount, row["value"]) if each.kind is DiscountKind.PROMO_CODE
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.code, each.level.scope, each.level.name)), levels


def find_code(tx: Transaction, code: str, *, scope_id: UUID | None = None) -> list[DeclaredCode]:
    """Where a code is declared, that level first where one is named. Raises `CodeNotFound`."""
    found = [each for each in declared_codes(tx)[0] if each.code == code]
    if not found or (scope_id is not None and all(each.level.scope_id != scope_id for each in found)):
        raise CodeNotFound(f"Nothing declares the promo code {code}.", what="promo code")
    return sorted(found, key=lambda each: each.level.scope_id != scope_id)


def add_code(tx: Transaction, scope: RuleScope, scope_id: UUID, terms: Mapping[str, Any]) -> Discount:
    """Declare a code on a level, after its other discounts. `terms` are those of a discount but for `kind` and `order`.

    Raises `CodeIsTaken`, `RuleIsInvalid`, `ScopeNotFound`.
    """
    made = _parsed(terms, order=0)
    kept = declared_in_force(tx, scope, scope_id)
    code = made.conditions["code"]
    if code in _codes(kept):
        message = f"The promo code {code} is there already; change its terms instead."
        raise CodeIsTaken(message, reasons=[Reason("promo_code_is_taken", message, field="code")])
    last = max((int(each["order"]) for each in kept), default=0)
    declared = {**made.declared, "order": last + APART}
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, [*kept, declared])
    return discount(declared)


def change_code(tx: Transaction, scope: RuleScope, scope_id: UUID, code: str, terms: Mapping[str, Any]) -> None:
    """Other terms for a code of this level, from the next order on. Raises `CodeNotFound`, `RuleIsInvalid`."""
    kept = _own(tx, scope, scope_id, code)
    changed = [
        dict(_parsed({**terms, "conditions": {**terms["conditions"], "code": code}}, order=int(each["order"])).declared)
        if _is_of(each, code) else each for each in kept
    ]  # fmt: skip
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, changed)


def remove_code(tx: Transaction, scope: RuleScope, scope_id: UUID, code: str) -> None:
    """The level takes the code no more; what was sold with it keeps it. Raises `CodeNotFound`."""
    kept = _own(tx, scope, scope_id, code)
    set_rule(tx, scope, scope_id, Rule.DISCOUNTS, [each for each in kept if not _is_of(each, code)])


def _parsed(terms: Mapping[str, Any], *, order: int) -> Discount:
    """Raises `RuleIsInvalid` in words."""
    try:
        return discount({**terms, "kind": DiscountKind.PROMO_CODE.value, "order": order})
    except ValueError as error:
        reason = Reason("rule_is_invalid", str(error), rule=str(Rule.DISCOUNTS))
        raise RuleIsInvalid(str(error), reasons=[reason]) from None


def _own(tx: Transaction, scope: RuleScope, scope_id: UUID, code: str) -> list[Any]:
    """The level's own discounts, of which one is the code. Raises `CodeNotFound`."""
    kept = declared_in_force(tx, scope, scope_id)
    if code not in _codes(kept) or (scope_id, Rule.DISCOUNTS) not in read_settings(tx, [scope_id]):
        raise CodeNotFound(f"Nothing declares the promo code {code} there.", what="promo code")
    return kept


def _codes(declared: Sequence[Any]) -> set[str]:
    return {str(each.conditions["code"]) for each in map(discount, declared)
            if each.kind is DiscountKind.PROMO_CODE}  # fmt: skip


def _is_of(declared: Any, code: str) -> bool:
    return code in _codes([declared])
