"""Money is an integer of the currency's minor units: its decimals, its text in a locale, and back; never a float."""

import re
from decimal import Decimal
from functools import cache, lru_cache

from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, parse_pattern

from engine.errors import Invalid, Reason

# ISO 4217 minor units, which banks and payment providers count in. Babel knows CLDR's digits instead, and those follow
# what people print: 0 for RSD, LBP or IQD, where ISO says 2, 2 and 3; an amount sent with them is wrong by a factor.
_WITHOUT_DECIMALS = frozenset(
    [
        "BIF",
        "CLP",
        "DJF",
        "GNF",
        "ISK",
        "JPY",
        "KMF",
        "KRW",
        "PYG",
        "RWF",
        "UGX",
        "UYI",
        "VND",
        "VUV",
        "XAF",
        "XOF",
        "XPF",
    ]
)
_WITH_THREE_DECIMALS = frozenset(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"])
# Units of account with 4 decimals: nobody pays in them, and our columns hold 0, 2 or 3.
_REFUSED = frozenset(["CLF", "UYW"])

# What a bigint column holds.
LARGEST_AMOUNT_MINOR = 2**63 - 1
# The most that anybody may ask for at once: far below what a column holds, so that sums never leave it.
MOST_ASKED_MINOR = 10**12

# CLDR's currency spacing, which babel leaves out: "KWD 5.000", not "KWD5.000".
_LETTER_BY_DIGIT = re.compile(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])")

_AMOUNT = re.compile(r"([+-]?)([0-9]{1,40})(?:\.([0-9]{1,9}))?")


class UnknownCurrency(Invalid):
    """The code is not a currency that an organisation can charge in."""

    code = "unknown_currency"


class UnknownLocale(Invalid):
    """The locale is not one that we can format numbers and dates in."""

    code = "unknown_locale"


class NotAnAmount(Invalid):
    """The text is not an amount of this currency."""

    code = "not_an_amount"


class AmountTooLarge(NotAnAmount):
    """It is an amount, and more than one may be."""

    code = "amount_too_large"


@cache
def minor_digits(currency: str) -> int:
    """How many decimals the currency has (ISO 4217): 0, 2 or 3. Raises `UnknownCurrency`."""
    if currency in _REFUSED or currency not in Locale("en").currencies:
        raise UnknownCurrency(f"{currency!r} is not a currency we can charge in; use an ISO 4217 code such as CAD")
    if currency in _WITHOUT_DECIMALS:
        return 0
    return 3 if currency in _WITH_THREE_DECIMALS else 2


def to_major(amount_minor: int, currency: str) -> Decimal:
    """The exact decimal of an amount in minor units: 1250 CAD is `Decimal("12.50")`."""
    return Decimal(amount_minor).scaleb(-minor_digits(currency))


def format_money(amount_minor: int, currency: str, locale: str, *, symbol: bool = True) -> str:
    """The amount as people of that locale write it, always with all decimals of the currency.

    `amount_minor` counts minor units (cents). `symbol=False` leaves the currency out, for a column whose heading names
    it. Raises `UnknownCurrency` or `UnknownLocale`.
    """
    value = to_major(amount_minor, currency)
    found = parse_locale(locale)
    if not symbol:
        return str(_pattern(locale, minor_digits(currency), False).apply(value, found))
    text = _pattern(locale, minor_digits(currency), True).apply(value, found, currency, currency_digits=False)
    return _LETTER_BY_DIGIT.sub("\N{NO-BREAK SPACE}", text)


def parse_money(text: str, currency: str) -> int:
    """Minor units of an amount written as `-12.50`: ASCII digits, a point, no grouping, no symbol.

    Fewer decimals than the currency has are filled up; more are refused and never rounded, because we would be
    guessing what was meant. Raises `NotAnAmount` or `UnknownCurrency`.
    """
    digits = minor_digits(currency)
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        raise NotAnAmount(f"{text[:40]!r} is not an amount; write it as {_example(digits)}")
    sign, whole, fraction = match[1], match[2], match[3] or ""
    if len(fraction) > digits:
        allowed = f"at most {digits} decimals" if digits else "no decimals"
        raise NotAnAmount(f"{text.strip()} has too many decimals: {currency} has {allowed}")
    amount_minor = int(whole + fraction.ljust(digits, "0"))
    if amount_minor > LARGEST_AMOUNT_MINOR:
        raise AmountTooLarge(f"{text.strip()} is more than we can hold")
    return -amount_minor if sign == "-" else amount_minor


def parse_asked(text: str, currency: str, locale: str) -> int:
    """The same of an amount that somebody asks for, which may not be more than `MOST_ASKED_MINOR`.

    Raises `NotAnAmount`, of what is too much with the most there may be, and `UnknownCurrency`.
    """
    too_large = AmountTooLarge(f"At most {format_money(MOST_ASKED_MINOR, currency, locale)}.")
    try:
        amount_minor = parse_money(text, currency)
    except AmountTooLarge:
        raise too_large from None
    if abs(amount_minor) > MOST_ASKED_MINOR:
        raise too_large
    return amount_minor


def why_no_amount(fault: NotAnAmount, field: str) -> Reason:
    """What is wrong with the field that it was read from."""
    if isinstance(fault, AmountTooLarge):
        return Reason("amount_too_large", fault.message, field=field)
    return Reason("not_an_amount", fault.message, field=field)


@cache
def parse_locale(locale: str) -> Locale:
    """Babel's locale of `en_CA` or `en-CA`. Raises `UnknownLocale`."""
    try:
        return Locale.parse(locale.replace("-", "_"))
    except (ValueError, TypeError, UnknownLocaleError) as error:
        raise UnknownLocale(f"{locale!r} is not a locale we know; use one such as en_CA or de_DE") from error


@lru_cache(maxsize=1024)
def _pattern(locale: str, digits: int, symbol: bool) -> NumberPattern:
    """The locale's pattern with exactly `digits` decimals: CLDR's own count of them is not ISO's."""
    found = parse_locale(locale)
    pattern = parse_pattern((found.currency_formats["standard"] if symbol else found.decimal_formats[None]).pattern)
    pattern.frac_prec = (digits, digits)
    return pattern


def _example(digits: int) -> str:
    return f"12.{'50'.ljust(digits, '0')}" if digits else "12"
