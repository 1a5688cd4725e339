"""Bank accounts as people write them."""

import pytest

from billing.bank_accounts import BankAccount, masked, read_bank_account
from engine.errors import Invalid

NOTHING = {"iban": None, "bank_code": None, "account_number": None}


class TestReading:
    @pytest.mark.parametrize("iban", ["DE89 3704 0044 0532 0130 00", "gb82west12345698765432", "NL91ABNA0417164300"])
    def test_an_iban_with_its_check_digits(self, iban: str) -> None:
        assert read_bank_account(**NOTHING | {"iban": iban}) == BankAccount(iban=iban.replace(" ", "").upper())

    def test_a_number_with_its_bank(self) -> None:
        read = read_bank_account(iban=None, bank_code="000-1234", account_number="123 4567")

        assert read == BankAccount(bank_code="0001234", account_number="1234567")

    @pytest.mark.parametrize(
        ("given", "fields"),
        [
            ({"iban": "DE88370400440532013000"}, ["iban"]),
            ({"iban": "DE89"}, ["iban"]),
            ({"iban": "ÄÖ89370400440532013000"}, ["iban"]),
            ({"iban": "DE89370400440532013000", "account_number": "1234567"}, ["iban"]),
            ({"account_number": "1234567"}, ["bank_code"]),
            ({"bank_code": "0001234"}, ["account_number"]),
            ({"bank_code": "0001234", "account_number": "12E4567"}, ["account_number"]),
            ({"iban": "  "}, ["account_number", "bank_code"]),
            ({}, ["account_number", "bank_code"]),
        ],
    )
    def test_anything_else_is_refused_field_by_field(self, given: dict[str, str], fields: list[str]) -> None:
        with pytest.raises(Invalid) as refusal:
            read_bank_account(**NOTHING | given)

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("bank_account_invalid", f) for f in fields]


class TestShowing:
    def test_shows_only_the_end(self) -> None:
        assert masked(BankAccount(iban="DE89370400440532013000")) == "DE•• •••• 3000"
        assert masked(BankAccount(bank_code="0001234", account_number="1234567")) == "•••• 567"
