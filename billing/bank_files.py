"""What the files of banks have in common: entries of a statement, amounts as they are written, XML that is harmless."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from engine.errors import Invalid, Reason
from engine.money import minor_digits


class BankFileUnreadable(Invalid):
    """The file is not what it is said to be; `reasons` say where."""

    code = "bank_file_unreadable"


@dataclass(frozen=True, slots=True)
class BankEntry:
    """A movement on our bank account; what came in is positive. `bank_reference` is the bank's own, where it gives one.

    `our_reference` is what we gave a debit to carry; `return_code` says why a debit came back.
    """

    booked_on: date
    amount_minor: int
    currency: str
    payer_name: str = ""
    payer_account: str = ""
    text: str = ""
    bank_reference: str = ""
    our_reference: str = ""
    return_code: str = ""


def unreadable(message: str, *, line: int | None = None, field: str = "content") -> BankFileUnreadable:
    reason = Reason("bad_row", message, field=field, facts=None if line is None else {"line": line})
    return BankFileUnreadable(message, reasons=[reason])


def read_amount(text: str, currency: str, *, decimal_mark: str = ".") -> int:
    """An amount as a bank writes it, in minor units: "-1.234,50", "(20.00)", "+5". Raises ValueError."""
    plain = re.sub(r"[\s\u00a0'’]", "", text)
    is_negative = plain.startswith("-") or plain.endswith("-") or (plain.startswith("(") and plain.endswith(")"))
    plain = plain.strip("+-()")
    thousands = "," if decimal_mark == "." else "."
    whole, _, fraction = plain.partition(decimal_mark)
    digits = minor_digits(currency)
    is_whole = re.fullmatch(rf"[0-9]{{1,3}}(?:\{thousands}[0-9]{{3}})+|[0-9]+", whole)
    if not is_whole or len(whole) > 15 or not re.fullmatch(r"[0-9]*", fraction):
        raise ValueError(f"{text!r} is no amount")
    if fraction[digits:].strip("0"):
        raise ValueError(f"{text!r} has more than {digits} decimals")
    minor = int(whole.replace(thousands, "") + fraction[:digits].ljust(digits, "0"))
    return -minor if is_negative else minor


def parse_xml(content: str) -> Element:
    """The document without its namespaces; entities and external parts are refused. Raises BankFileUnreadable."""
    try:
        root: Element = fromstring(content)
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise unreadable("The file is no XML that can be read.") from error
    for element in root.iter():
        element.tag = element.tag.rsplit("}", 1)[-1]
    return root


def text_of(element: Element, *paths: str) -> str:
    """The first of these that says something."""
    return next((found.strip() for path in paths if (found := element.findtext(path)) and found.strip()), "")


def read_camt(content: str) -> tuple[str, list[BankEntry]]:
    """The account and the booked entries of a CAMT.053 statement or a CAMT.054 notification.

    An entry that is a batch comes as its single transactions where the bank gives their amounts. Raises
    BankFileUnreadable.
    """
    root = parse_xml(content)
    parts = root.findall("./BkToCstmrStmt/Stmt") + root.findall("./BkToCstmrDbtCdtNtfctn/Ntfctn")
    if not parts:
        raise unreadable("The file holds no statement (CAMT.053) and no notification (CAMT.054).")
    accounts = {text_of(part, "Acct/Id/IBAN", "Acct/Id/Othr/Id") for part in parts}
    if len(accounts) > 1:
        raise unreadable("The file holds statements of several accounts; import them one by one.")
    entries = [entry for part in parts for element in part.findall("Ntry") for entry in _entries(element)]
    return accounts.pop(), entries


def _entries(element: Element) -> Iterator[BankEntry]:
    status = text_of(element, "Sts/Cd", "Sts")
    if status not in ("BOOK", ""):
        return  # announced only
    day, sign = text_of(element, "BookgDt/Dt", "BookgDt/DtTm", "ValDt/Dt"), text_of(element, "CdtDbtInd")
    amount = element.find("Amt")
    if not day or sign not in ("CRDT", "DBIT") or amount is None:
        raise unreadable("An entry has no day, no amount, or does not say whether it came in or went out.")
    whole = _of_currency(amount)
    details = element.findall("NtryDtls/TxDtls")
    found = [detail.find(path) for detail in details for path in ("Amt", "AmtDtls/TxAmt/Amt")
             if detail.find(path) is not None]  # fmt: skip
    is_split = len(details) > 1 and len(found) >= len(details)
    booked_on, sign_factor = _day(day), 1 if sign == "CRDT" else -1
    bank_reference = text_of(element, "AcctSvcrRef")
    if not is_split:
        yield _entry(element, details[0] if details else element, booked_on, sign_factor, whole, bank_reference)
        return
    for number, detail in enumerate(details, 1):
        own = detail.find("Amt") if detail.find("Amt") is not None else detail.find("AmtDtls/TxAmt/Amt")
        assert own is not None, "each detail has its amount"
        reference = text_of(detail, "Refs/AcctSvcrRef") or (bank_reference and f"{bank_reference}/{number}")
        yield _entry(element, detail, booked_on, sign_factor, _of_currency(own), reference)


def _entry(
    entry: Element, detail: Element, booked_on: date, sign: int, amount: tuple[int, str], bank_reference: str
) -> BankEntry:  # fmt: skip
    other = "Dbtr" if sign > 0 else "Cdtr"
    who = f"RltdPties/{other}"
    parts = [found.text or "" for found in detail.findall("RmtInf/Ustrd")]
    parts += [text_of(detail, "RmtInf/Strd/CdtrRefInf/Ref"), text_of(entry, "AddtlNtryInf")]
    return BankEntry(
        booked_on=booked_on, amount_minor=sign * amount[0], currency=amount[1],
        payer_name=text_of(detail, f"{who}/Nm", f"{who}/Pty/Nm"),
        payer_account=text_of(detail, f"{who}Acct/Id/IBAN", f"{who}Acct/Id/Othr/Id"),
        text=" ".join(part.strip() for part in parts if part.strip()), bank_reference=bank_reference,
        our_reference=text_of(detail, "Refs/EndToEndId"),
        return_code=text_of(detail, "RtrInf/Rsn/Cd", "RtrInf/Rsn/Prtry"),
    )  # fmt: skip


def _of_currency(amount: Any) -> tuple[int, str]:
    currency = amount.get("Ccy", "")
    try:
        return read_amount(amount.text or "", currency), currency
    except ValueError as error:
        raise unreadable(f"{amount.text!r} {currency} is no amount.") from error


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text[:10])
    except ValueError as error:
        raise unreadable(f"{text!r} is no day.") from error
