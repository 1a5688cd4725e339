"""Bank accounts as families write them: told apart, checked and masked; nothing of a scheme beyond that."""

import re
from dataclasses import dataclass

from engine.errors import Invalid, Reason

_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_ACCOUNT_NUMBER = re.compile(r"[0-9]{4,20}")
_BANK_CODE = re.compile(r"[A-Z0-9]{3,12}")


@dataclass(frozen=True, slots=True)
class BankAccount:
    """An IBAN, or an account number with the code of its bank (sort code, routing or transit number)."""

    iban: str | None = None
    bank_code: str | None = None
    account_number: str | None = None


def read_bank_account(*, iban: str | None, bank_code: str | None, account_number: str | None) -> BankAccount:
    """The account in its written form without blanks. Raises Invalid naming each field and what is wrong with it."""
    given = BankAccount(_plain(iban), _plain(bank_code), _plain(account_number))
    reasons = _faults(given)
    if reasons:
        raise Invalid(reasons[0].message, reasons=reasons)
    return given


def masked(account: BankAccount) -> str:
    """What people are shown of it: enough to recognise it, too little to use it."""
    if account.iban:
        return f"{account.iban[:2]}•• •••• {account.iban[-4:]}"
    return f"•••• {(account.account_number or '')[-3:]}"


def _plain(text: str | None) -> str | None:
    return re.sub(r"[\s-]", "", text).upper() or None if text else None


def _faults(given: BankAccount) -> list[Reason]:
    if given.iban and (given.account_number or given.bank_code):
        return [_fault("iban", "Give an IBAN, or an account number with its bank code; not both.")]
    if given.iban:
        return [] if _is_iban(given.iban) else [_fault("iban", "This is not an IBAN; check its digits.")]
    found = []
    if not given.account_number or not _ACCOUNT_NUMBER.fullmatch(given.account_number):
        found.append(_fault("account_number", "An account number has 4 to 20 digits; or give an IBAN."))
    if not given.bank_code or not _BANK_CODE.fullmatch(given.bank_code):
        found.append(_fault("bank_code", "A bank code has 3 to 12 letters or digits; or give an IBAN."))
    return found


def _is_iban(text: str) -> bool:
    """Its form and its check digits (ISO 13616: modulo 97 with letters as 10 to 35)."""
    if not _IBAN.fullmatch(text):
        return False
    digits = "".join(str(int(character, 36)) for character in text[4:] + text[:4])
    return int(digits) % 97 == 1


def _fault(field: str, message: str) -> Reason:
    return Reason("bank_account_invalid", message, field=field, rule="bank_account")
