"""What a bank says of debits that it did not pay or took back: pain.002, CAMT entries, ABA records, a plain CSV."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from billing.bank_csv import CsvMapping, read_csv
from billing.bank_files import BankEntry, parse_xml, read_camt, text_of, unreadable
from models import ReturnFormat

# What families and finance read; a code that is not here is shown as it is.
_REASONS = {
    "AC01": "the account number is wrong", "AC04": "the account is closed", "AC06": "the account is blocked",
    "AM04": "insufficient funds", "MD01": "there is no mandate", "MD06": "the payer asked for it back",
    "MD07": "the payer has died", "MS02": "the payer refused it", "MS03": "the bank gives no reason",
    "SL01": "the bank's own service refused it",
}  # fmt: skip
_ABA_REASONS = {
    "1": "the BSB is wrong", "2": "the payer stopped it", "3": "the account is closed", "4": "the payer has died",
    "5": "there is no such account", "6": "refer to the payer", "8": "the user id is wrong", "9": "the record is wrong",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class ReturnedDebit:
    """A debit that came back, by the reference that it carried; without one, by the run that was refused whole, or by
    one of the parts (payment information blocks) of its file.
    """

    reference: str
    code: str
    reason: str
    run_reference: str = ""
    part_reference: str = ""


def read_returns(content: str, kind: ReturnFormat, *, mapping: CsvMapping | None, currency: str) -> list[ReturnedDebit]:
    """What a file of that kind names; a CSV by its mapping. Raises BankFileUnreadable."""
    if mapping is not None:
        return from_entries(read_csv(content, mapping, currency=currency))
    readers = {ReturnFormat.PAIN002: read_pain002, ReturnFormat.CAMT: read_camt_returns,
               ReturnFormat.ABA: read_aba_returns}  # fmt: skip
    return readers[kind](content)


def read_pain002(content: str) -> list[ReturnedDebit]:
    """What a status report refuses; what it accepts is no news. Raises BankFileUnreadable."""
    root = parse_xml(content)
    report = root.find("./CstmrPmtStsRpt")
    if report is None:
        raise unreadable("The file holds no payment status report (pain.002).")
    found = []
    run = text_of(report, "OrgnlGrpInfAndSts/OrgnlMsgId")
    group = report.find("OrgnlGrpInfAndSts")
    if group is not None and text_of(group, "GrpSts") == "RJCT":
        found.append(_returned("", group, run_reference=run))
    for part in report.iter("OrgnlPmtInfAndSts"):
        named = part.findall("TxInfAndSts")
        # What is refused as a part names no debit of it: it is all of them.
        if text_of(part, "PmtInfSts") == "RJCT" and not named:
            found.append(_returned("", part, run_reference=run, part_reference=text_of(part, "OrgnlPmtInfId")))
        found += [_returned(text_of(one, "OrgnlEndToEndId"), one) for one in named if text_of(one, "TxSts") == "RJCT"]
    return found


def _returned(reference: str, said: Element, *, run_reference: str = "", part_reference: str = "") -> ReturnedDebit:
    code = text_of(said, "StsRsnInf/Rsn/Cd", "StsRsnInf/Rsn/Prtry")
    reason = _REASONS.get(code, code or "the bank gives no reason")
    return ReturnedDebit(reference, code, reason, run_reference, part_reference)


def read_camt_returns(content: str) -> list[ReturnedDebit]:
    """The entries of a CAMT file that are debits of ours which came back. Raises BankFileUnreadable."""
    return from_entries(read_camt(content)[1])


def from_entries(entries: Iterable[BankEntry]) -> list[ReturnedDebit]:
    """Of entries those that carry our reference and why they came back."""
    return [
        ReturnedDebit(entry.our_reference, entry.return_code, _REASONS.get(entry.return_code, entry.return_code))
        for entry in entries if entry.our_reference and entry.return_code
    ]  # fmt: skip


def read_aba_returns(content: str) -> list[ReturnedDebit]:
    """The records of type 2 of an ABA file. Raises BankFileUnreadable naming the line."""
    return list(_aba_records(content))


def _aba_records(content: str) -> Iterator[ReturnedDebit]:
    records = content.splitlines()
    if not records or not records[0].startswith("0"):
        raise unreadable("The file does not begin with a descriptive record.", line=1)
    for number, record in enumerate(records, 1):
        if len(record.rstrip("\x1a")) not in (0, 120):
            raise unreadable(f"Line {number} does not have 120 characters.", line=number)
        if record.startswith("2"):
            code = record[17]
            yield ReturnedDebit(record[62:80].strip(), code, _ABA_REASONS.get(code, f"code {code}"))
