"""What a bank is given to collect: SEPA's pain.008 and the Australian Direct Entry (ABA) file. Pure: the same run gives
the same bytes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from xml.etree import ElementTree

from billing.bank_files import parse_xml, text_of
from engine.errors import Invalid, Reason

SEPA_SCHEMA = "pain.008.001.08"
_SPACE = f"urn:iso:std:iso:20022:tech:xsd:{SEPA_SCHEMA}"


class NotCollectable(Invalid):
    """A bank would not take the file; `reasons` name each debit, or what is missing of our own account."""

    code = "not_collectable"


@dataclass(frozen=True, slots=True)
class Creditor:
    """Our own account; what a scheme does not use is empty."""

    name: str
    iban: str = ""
    bic: str = ""
    creditor_id: str = ""
    bsb: str = ""
    account_number: str = ""
    bank: str = ""
    user_id: str = ""


@dataclass(frozen=True, slots=True)
class DebitOrder:
    """One debit: whose account, how much in minor units, by which mandate; `reference` comes back with what the bank
    says of it.
    """

    reference: str
    amount_minor: int
    holder: str
    mandate_reference: str
    signed_on: date
    is_first: bool  # of its mandate
    iban: str = ""
    bank_code: str = ""
    account_number: str = ""


def faults(debits: Sequence[DebitOrder], *, scheme: str, currency: str) -> list[Reason]:
    """Why a scheme cannot collect these; empty where it can."""
    wanted = {"SEPA": "EUR", "ABA": "AUD"}[scheme]
    if currency != wanted:
        return [Reason("not_collectable", f"{scheme} collects {wanted}; the books are in {currency}.", rule="scheme")]
    return [
        Reason("not_collectable", f"{debit.reference}: {fault}.", rule="scheme", facts={"reference": debit.reference})
        for debit in debits if (fault := _fault(debit, scheme))
    ]  # fmt: skip


def _fault(debit: DebitOrder, scheme: str) -> str:
    if scheme == "SEPA":
        return "" if debit.iban else "its mandate names no IBAN"
    if not (debit.bank_code.isdecimal() and len(debit.bank_code) == 6):
        return "its mandate's bank code is no BSB of six digits"
    if not 0 < len(debit.account_number) <= 9:
        return "its account number has more than nine digits"
    return "" if debit.amount_minor < 10**10 else "its amount has more than ten digits"


def sepa_file(
    creditor: Creditor, debits: Sequence[DebitOrder], *, reference: str, collect_on: date, now: datetime
) -> str:  # fmt: skip
    """A pain.008 file, valid by its schema. Raises NotCollectable where something in it cannot be written so."""
    # Its library and the schema take a while to load, and few processes write a run.
    from sepaxml import SepaDD
    from sepaxml.validation import ValidationError, try_valid_xml

    config = {"name": creditor.name, "IBAN": creditor.iban, "batch": True, "creditor_id": creditor.creditor_id,
              "currency": "EUR", **({"BIC": creditor.bic} if creditor.bic else {})}  # fmt: skip
    made = SepaDD(config, schema=SEPA_SCHEMA, clean=True)
    for debit in debits:
        made.add_payment({
            "name": debit.holder, "IBAN": debit.iban, "amount": debit.amount_minor,
            "type": "FRST" if debit.is_first else "RCUR", "collection_date": collect_on,
            "mandate_id": debit.mandate_reference, "mandate_date": debit.signed_on,
            "description": debit.reference, "endtoend_id": debit.reference,
        })  # fmt: skip
    content = _named(made.export(validate=False), reference, now)
    try:
        try_valid_xml(content, SEPA_SCHEMA)
    except ValidationError as error:
        message = f"The file would not be valid: {error.__cause__ or error}".splitlines()[0][:300]
        raise NotCollectable(message, reasons=[Reason("not_collectable", message, rule="scheme")]) from error
    return content.decode()


def _named(content: bytes, reference: str, now: datetime) -> bytes:
    """Our own names and moment where the library makes some up, so that a run has one file."""
    ElementTree.register_namespace("", _SPACE)
    root = ElementTree.fromstring(content)  # noqa: S314 - written a moment ago
    for tag, text in (("MsgId", reference), ("CreDtTm", now.strftime("%Y-%m-%dT%H:%M:%S"))):
        for element in root.iter(f"{{{_SPACE}}}{tag}"):
            element.text = text
    for number, element in enumerate(root.iter(f"{{{_SPACE}}}PmtInfId"), 1):
        element.text = f"{reference}-{number}"
    written: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def debits_of_part(content: str, part_reference: str) -> list[str]:
    """The references of the debits that stand in one payment information block of a pain.008 file of ours."""
    parts = parse_xml(content).iter("PmtInf")
    return [text_of(debit, "PmtId/EndToEndId") for part in parts if text_of(part, "PmtInfId") == part_reference
            for debit in part.findall("DrctDbtTxInf")]  # fmt: skip


def aba_file(creditor: Creditor, debits: Sequence[DebitOrder], *, collect_on: date) -> str:
    """A Direct Entry file of debits (transaction code 13): records of 120 characters, one for each debit, between a
    description and the totals. It is not balanced by a record of our own: the bank adds that.
    """
    total = sum(debit.amount_minor for debit in debits)
    head = (
        f"0{'':17}01{creditor.bank:3.3}{'':7}{_plain(creditor.name):26.26}{creditor.user_id:0>6.6}"
        f"{'DIRECT DEBIT':12}{collect_on:%d%m%y}{'':40}"
    )
    foot = f"7999-999{'':12}{total:010}{0:010}{total:010}{'':24}{len(debits):06}{'':40}"
    lines = [head, *(_aba_line(creditor, debit) for debit in debits), foot]
    assert all(len(line) == 120 for line in lines), "records have 120 characters"
    return "".join(line + "\r\n" for line in lines)


def _aba_line(creditor: Creditor, debit: DebitOrder) -> str:
    return (
        f"1{_bsb(debit.bank_code)}{debit.account_number:>9.9} 13{debit.amount_minor:010}{_plain(debit.holder):32.32}"
        f"{debit.reference:18.18}{_bsb(creditor.bsb)}{creditor.account_number:>9.9}{_plain(creditor.name):16.16}"
        f"{0:08}"
    )


def _bsb(digits: str) -> str:
    return f"{digits[:3]}-{digits[3:6]}"


def _plain(text: str) -> str:
    """As the banks' character set has it: accents taken off, the rest left out."""
    from text_unidecode import unidecode

    ascii_text: str = unidecode(text)
    return "".join(character for character in ascii_text if character.isprintable())
