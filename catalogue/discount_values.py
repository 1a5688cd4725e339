"""The discounts that a rule may declare: what each is given for, how much, in which order, and what an edit does to it.

A discount is a value: the same declaration is the same version wherever it is set, so a line that keeps its discount
keeps the very terms that it was sold under. Pure; what of them a line gets is decided in billing.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID

import orjson

from catalogue.rule_values import LARGEST_MINOR, count, fields_of, percent_or_amount


class DiscountKind(StrEnum):
    """What a discount is given for."""

    SIBLING = "SIBLING"  # another child of the account in the same term
    MULTI_SESSION = "MULTI_SESSION"  # many sessions in one booking
    FULL_WEEK = "FULL_WEEK"  # a whole week
    FULL_TERM = "FULL_TERM"  # the whole term
    EARLY_BIRD = "EARLY_BIRD"  # booked early
    COMBINE_BOOKING = "COMBINE_BOOKING"  # programs booked together
    PROMO_CODE = "PROMO_CODE"  # a code was given
    STAFF = "STAFF"  # for the organisation's own staff


class EditPolicy(StrEnum):
    """What becomes of a discount on the sessions that an edit keeps."""

    FREEZE = "FREEZE"  # each keeps what it was sold with
    REPRICE_FUTURE = "REPRICE_FUTURE"  # what was held keeps it, what is to come is judged again
    REPRICE_ALL = "REPRICE_ALL"  # all of them are judged again


@dataclass(frozen=True)
class Discount:
    """A declared discount: `order` says which comes first, `stacks` whether it may follow another on the same session.

    `percent` is taken of what earlier discounts left, `amount_minor` once per booking; `cap_minor` is the most that it
    gives to one booking. `declared` is the JSON that was set.
    """

    kind: DiscountKind
    order: int
    declared: Mapping[str, Any]
    conditions: Mapping[str, Any]
    name: str
    percent: Decimal | None = None
    amount_minor: int | None = None
    stacks: bool = False
    cap_minor: int | None = None
    on_edit: EditPolicy = EditPolicy.REPRICE_FUTURE

    @cached_property
    def version(self) -> str:
        """A short name of these very terms."""
        return hashlib.sha256(orjson.dumps(self.declared, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]


_NAMES = {
    DiscountKind.SIBLING: "Sibling discount",
    DiscountKind.MULTI_SESSION: "Multi-session discount",
    DiscountKind.FULL_WEEK: "Full week discount",
    DiscountKind.FULL_TERM: "Full term discount",
    DiscountKind.EARLY_BIRD: "Early bird discount",
    DiscountKind.COMBINE_BOOKING: "Combined booking discount",
    DiscountKind.PROMO_CODE: "Promo code",
    DiscountKind.STAFF: "Staff discount",
}

# What the conditions of each kind may name.
_CONDITIONS: dict[DiscountKind, frozenset[str]] = {
    DiscountKind.SIBLING: frozenset({"from_child", "every_child"}),
    DiscountKind.MULTI_SESSION: frozenset({"sessions"}),
    DiscountKind.FULL_WEEK: frozenset(),
    DiscountKind.FULL_TERM: frozenset(),
    DiscountKind.EARLY_BIRD: frozenset({"until", "days_before"}),
    DiscountKind.COMBINE_BOOKING: frozenset({"programs"}),
    DiscountKind.PROMO_CODE: frozenset({"code", "from", "until", "limit", "once_per_account"}),
    DiscountKind.STAFF: frozenset(),
}
_FIELDS = {"kind", "order", "name", "percent", "amount_minor", "stacks", "cap_minor", "on_edit", "conditions"}


def discounts(value: object) -> tuple[Discount, ...]:
    """A list of discounts, answered in their explicit order; two with the same order are refused."""
    if not isinstance(value, list | tuple):
        raise ValueError(f"{value!r} is not a list of discounts")
    declared = sorted((discount(each) for each in value), key=lambda each: each.order)
    if len({each.order for each in declared}) < len(declared):
        raise ValueError("two discounts have the same order")
    codes = [each.conditions["code"] for each in declared if each.kind is DiscountKind.PROMO_CODE]
    if len(set(codes)) < len(codes):
        raise ValueError("two discounts have the same promo code")
    return tuple(declared)


def discount(value: object) -> Discount:
    """One declared discount. Raises ValueError in words."""
    fields = fields_of(value, _FIELDS)
    try:
        text = orjson.dumps(dict(fields), option=orjson.OPT_SORT_KEYS)
    except TypeError as error:
        raise ValueError("a discount is plain JSON") from error
    return _parsed(text)


# Orders ask the same few declarations again and again.
@lru_cache(maxsize=500)
def _parsed(text: bytes) -> Discount:
    fields: dict[str, Any] = orjson.loads(text)
    given, stacks, name = fields.get("kind"), fields.get("stacks", False), fields.get("name", "")
    if not isinstance(given, str) or given not in DiscountKind.__members__:
        raise ValueError(f"{given!r} is none of {', '.join(DiscountKind.__members__)}")
    kind = DiscountKind[given]
    if not isinstance(stacks, bool):
        raise ValueError("`stacks` is true or false")
    if not isinstance(name, str) or len(name) > 60:
        raise ValueError("`name` is a text of at most 60 characters")
    on_edit = fields.get("on_edit", EditPolicy.REPRICE_FUTURE)
    if not isinstance(on_edit, str) or on_edit not in EditPolicy.__members__:
        raise ValueError(f"{on_edit!r} is none of {', '.join(EditPolicy.__members__)}")
    percent, amount_minor = percent_or_amount(fields)
    cap = fields.get("cap_minor")
    return Discount(
        kind=kind, order=count()(fields.get("order")), declared=fields,
        conditions=_conditions(kind, fields.get("conditions")), name=name.strip() or _NAMES[kind], percent=percent,
        amount_minor=amount_minor, stacks=stacks, on_edit=EditPolicy(on_edit),
        cap_minor=None if cap is None else count(most=LARGEST_MINOR)(cap),
    )  # fmt: skip


def _conditions(kind: DiscountKind, value: object) -> dict[str, Any]:
    given = dict(fields_of({} if value is None else value, set(_CONDITIONS[kind])))
    match kind:
        case DiscountKind.SIBLING:
            return {
                "from_child": count(least=2, most=20)(given.get("from_child", 2)),
                "every_child": _yes_no("every_child", given.get("every_child", False)),
            }
        case DiscountKind.MULTI_SESSION:
            return {"sessions": count(least=2)(given.get("sessions"))}
        case DiscountKind.EARLY_BIRD:
            if ("until" in given) == ("days_before" in given):
                raise ValueError("an early bird has either `until` (a date) or `days_before`")
            days = count(least=1)(given["days_before"]) if "days_before" in given else None
            return {"until": _day(given.get("until")), "days_before": days}
        case DiscountKind.COMBINE_BOOKING:
            return {"programs": _programs(given.get("programs"))}
        case DiscountKind.PROMO_CODE:
            return _promo(given)
        case _:
            return {}


def _promo(given: Mapping[str, object]) -> dict[str, Any]:
    starts, ends, limit = _day(given.get("from")), _day(given.get("until")), given.get("limit")
    if starts and ends and ends < starts:
        raise ValueError("a promo code does not end before it starts")
    return {
        "code": promo_code(given.get("code")), "from": starts, "until": ends,
        "limit": None if limit is None else count(least=1)(limit),
        "once_per_account": _yes_no("once_per_account", given.get("once_per_account", True)),
    }  # fmt: skip


def promo_code(value: object) -> str:
    """A code as it is compared: in capitals. Letters, digits and dashes, 3 to 30 of them."""
    text = value.strip().upper() if isinstance(value, str) else ""
    if not (3 <= len(text) <= 30 and text.isascii() and text.replace("-", "").isalnum()):
        raise ValueError(f"{value!r} is not a promo code of 3 to 30 letters, digits and dashes")
    return text


def _programs(value: object) -> frozenset[UUID]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("`programs` is a list of the ids of the programs that it is combined with")
    try:
        return frozenset(UUID(str(program)) for program in value)
    except ValueError as error:
        raise ValueError(f"{value!r} holds something that is not a program id") from error


def _yes_no(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"`{name}` is true or false")
    return value


def _day(value: object) -> date | None:
    if value is None:
        return None
    try:
        return date.fromisoformat(str(value))
    except ValueError as error:
        raise ValueError(f"{value!r} is not a date such as 2026-04-01") from error
