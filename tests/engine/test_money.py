import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.errors import Invalid
from engine.money import (
    LARGEST_AMOUNT_MINOR,
    NotAnAmount,
    UnknownCurrency,
    UnknownLocale,
    format_money,
    minor_digits,
    parse_money,
    to_major,
)

NBSP = "\N{NO-BREAK SPACE}"


class TestMinorDigits:
    @pytest.mark.parametrize(
        ("currency", "digits"),
        [("CAD", 2), ("EUR", 2), ("JPY", 0), ("XOF", 0), ("KWD", 3), ("TND", 3)],
    )
    def test_are_those_of_iso_4217(self, currency, digits):
        assert minor_digits(currency) == digits

    @pytest.mark.parametrize(("currency", "digits"), [("RSD", 2), ("LBP", 2), ("IQD", 3), ("MGA", 2)])
    def test_do_not_follow_what_people_print(self, currency, digits):
        assert minor_digits(currency) == digits

    @pytest.mark.parametrize("currency", ["", "cad", "ABC", "CLF", "CA$"])
    def test_refuse_what_nobody_pays_in(self, currency):
        with pytest.raises(UnknownCurrency):
            minor_digits(currency)


class TestFormatMoney:
    @pytest.mark.parametrize(
        ("amount_minor", "currency", "locale", "text"),
        [
            (123456, "CAD", "en_CA", "$1,234.56"),
            (123456, "CAD", "en-CA", "$1,234.56"),
            (123456, "CAD", "en_US", "CA$1,234.56"),
            (123456, "CAD", "fr_CA", f"1{NBSP}234,56{NBSP}$"),
            (123456, "EUR", "de_DE", f"1.234,56{NBSP}€"),
            (123456, "JPY", "ja_JP", "￥123,456"),
            (123456, "KWD", "en_US", f"KWD{NBSP}123.456"),
            (123456, "IQD", "en_US", f"IQD{NBSP}123.456"),
            (5, "CAD", "en_CA", "$0.05"),
            (0, "CAD", "en_CA", "$0.00"),
            (0, "JPY", "en_US", "¥0"),
            (-5, "CAD", "en_CA", "-$0.05"),
            (10**17 + 1, "CAD", "en_CA", "$1,000,000,000,000,000.01"),
        ],
    )
    def test_writes_as_the_locale_does(self, amount_minor, currency, locale, text):
        assert format_money(amount_minor, currency, locale) == text

    @pytest.mark.parametrize(("currency", "text"), [("CAD", "-1,234.56"), ("JPY", "-123,456"), ("KWD", "-123.456")])
    def test_can_leave_the_currency_to_the_heading(self, currency, text):
        assert format_money(-123456, currency, "en_CA", symbol=False) == text

    @pytest.mark.parametrize("locale", ["", "xx_YY", "not a locale", "en_CA\n"])
    def test_refuses_a_locale_it_does_not_know(self, locale):
        with pytest.raises(UnknownLocale):
            format_money(1, "CAD", locale)


class TestParseMoney:
    @pytest.mark.parametrize(
        ("text", "currency", "amount_minor"),
        [
            ("12.50", "CAD", 1250),
            ("12.5", "CAD", 1250),
            (" 12 ", "CAD", 1200),
            ("+0.01", "CAD", 1),
            ("-12.50", "CAD", -1250),
            ("-0", "CAD", 0),
            ("1500", "JPY", 1500),
            ("1.234", "KWD", 1234),
        ],
    )
    def test_reads_minor_units(self, text, currency, amount_minor):
        assert parse_money(text, currency) == amount_minor

    @pytest.mark.parametrize(("text", "currency"), [("12.500", "CAD"), ("1.0", "JPY"), ("0.0001", "KWD")])
    def test_refuses_more_decimals_than_the_currency_has(self, text, currency):
        with pytest.raises(NotAnAmount, match="too many decimals"):
            parse_money(text, currency)

    @pytest.mark.parametrize(
        "text",
        ["", " ", "1,234.56", "12,50", "1e3", "NaN", "Infinity", ".5", "12.", "$12", "--1", "1 000", "١٢", "12.5\n0"],
    )
    def test_refuses_what_it_would_have_to_guess(self, text):
        with pytest.raises(NotAnAmount, match="not an amount"):
            parse_money(text, "CAD")

    @pytest.mark.parametrize("text", ["92233720368547758.08", "9" * 19])
    def test_refuses_more_than_a_column_holds(self, text):
        with pytest.raises(NotAnAmount, match="more than we can hold"):
            parse_money(text, "CAD")

    def test_a_refusal_is_an_invalid_input(self):
        with pytest.raises(Invalid):
            parse_money("12.345", "CAD")

    @given(
        st.integers(-LARGEST_AMOUNT_MINOR, LARGEST_AMOUNT_MINOR),
        st.sampled_from(["CAD", "JPY", "KWD"]),
    )
    def test_reads_back_what_was_written(self, amount_minor, currency):
        assert parse_money(f"{to_major(amount_minor, currency):f}", currency) == amount_minor
