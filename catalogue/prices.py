"""What the organisation decides itself, beside a source that has no prices: prices, capacities and rules, per category.

The nearest one set wins: the row's own value, then its program's, then its category's, then the default.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

from pydantic import Field, model_validator

from catalogue import cells
from catalogue.mapping import MappingIsInvalid, Strict, read_toml
from catalogue.rules import Rule, parse_value, rule_named
from catalogue.schedule import Slot
from engine.errors import Reason, TermbookError
from models import BookingMode


class PriceList(Strict):
    """Prices in major units (`"12.50"`), a capacity, modes, rules by name; what is not given is inherited."""

    capacity: int | None = Field(default=None, ge=0, le=cells.LARGEST_NUMBER)
    modes: list[BookingMode] | None = Field(default=None, min_length=1)
    session_price: str | None = None
    full_week_price: str | None = None
    # A full week costs this for each day of its fullest week: four days in a week with a public holiday.
    full_week_price_per_day: str | None = None
    full_term_price: str | None = None
    rules: dict[str, object] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_one_week_price(self) -> "PriceList":
        if self.full_week_price is not None and self.full_week_price_per_day is not None:
            raise ValueError("give either `full_week_price` or `full_week_price_per_day`")
        for name, value in self.rules.items():
            try:
                parse_value(rule_named(name), value)
            except TermbookError as error:
                raise ValueError(error.message) from None
        return self


class Prices(Strict):
    """A whole prices file: the organisation's own rules, defaults, and price lists by category and by program."""

    organisation: dict[str, object] = Field(default_factory=dict)
    default: PriceList = PriceList()
    categories: dict[str, PriceList] = Field(default_factory=dict)
    programs: dict[str, PriceList] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _has_rules_where_they_belong(self) -> "Prices":
        PriceList(rules=self.organisation)
        if self.default.rules:
            raise ValueError("rules of the whole organisation stand in [organisation]")
        return self

    def lists_for(self, category: str, program: str) -> tuple[PriceList, ...]:
        """The price lists that apply, nearest first."""
        empty = PriceList()
        return (self.programs.get(program, empty), self.categories.get(category, empty), self.default)


def read_prices(path: Path | None, currency: str) -> Prices:
    """A prices file, with amounts that the currency has; an empty one for None. Raises `MappingIsInvalid`."""
    if path is None:
        return Prices()
    prices = read_toml(path, Prices)
    lists = {
        "default": prices.default,
        **{f"categories.{name}": each for name, each in prices.categories.items()},
        **{f"programs.{name}": each for name, each in prices.programs.items()},
    }
    reasons = [
        Reason("mapping_is_invalid", f"{where}.{name}: {fault}", f"{where}.{name}")
        for where, each in lists.items()
        for name, fault in _faults(each, currency)
    ]
    if reasons:
        raise MappingIsInvalid(f"{path.name}: " + "; ".join(reason.message for reason in reasons), reasons=reasons)
    return prices


def rules_of(rules: Mapping[str, object]) -> dict[Rule, object]:
    """The rules of a checked price list."""
    return {rule_named(name): value for name, value in rules.items()}


def full_week_days(slots: Sequence[Slot]) -> int:
    """Days with a session in the fullest week, Monday to Sunday."""
    days: set[date] = {slot.local_date for slot in slots if slot.local_date is not None}
    weeks = Counter(day.isocalendar()[:2] for day in days)
    return max(weeks.values(), default=0)


def _faults(prices: PriceList, currency: str) -> list[tuple[str, str]]:
    faults = []
    for name in ("session_price", "full_week_price", "full_week_price_per_day", "full_term_price"):
        given = getattr(prices, name)
        try:
            if given is not None:
                cells.amount(given, currency)
        except ValueError as error:
            faults.append((name, str(error)))
    return faults
