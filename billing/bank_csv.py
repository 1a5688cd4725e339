"""A bank's CSV file, read by a mapping that says which column is what."""

import csv
import io
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from billing.bank_files import BankEntry, read_amount, unreadable


class DateForm(StrEnum):
    """How the bank writes a day."""

    ISO = "YYYY-MM-DD"
    DAY_FIRST = "DD/MM/YYYY"
    MONTH_FIRST = "MM/DD/YYYY"
    DOTTED = "DD.MM.YYYY"
    PLAIN = "YYYYMMDD"


_FORMS = {DateForm.ISO: "%Y-%m-%d", DateForm.DAY_FIRST: "%d/%m/%Y", DateForm.MONTH_FIRST: "%m/%d/%Y",
          DateForm.DOTTED: "%d.%m.%Y", DateForm.PLAIN: "%Y%m%d"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CsvMapping:
    """Names of columns. The amount is one column with a sign, or what came in and what went out in two."""

    booked_on: str
    amount: str | None = None
    money_in: str | None = None
    money_out: str | None = None
    payer_name: str | None = None
    payer_account: str | None = None
    text: tuple[str, ...] = ()
    bank_reference: str | None = None
    our_reference: str | None = None
    return_code: str | None = None
    date_form: DateForm = DateForm.ISO
    delimiter: str = ","
    decimal_mark: str = "."
    skip_lines: int = 0

    @property
    def columns(self) -> list[str]:
        named = (self.booked_on, self.amount, self.money_in, self.money_out, self.payer_name, self.payer_account,
                 self.bank_reference, self.our_reference, self.return_code, *self.text)  # fmt: skip
        return [name for name in named if name]


def read_csv(content: str, mapping: CsvMapping, *, currency: str) -> list[BankEntry]:
    """Every row as an entry. Raises BankFileUnreadable naming the line; nothing is read by halves."""
    lines = content.removeprefix("\ufeff").splitlines()[mapping.skip_lines :]
    rows = csv.DictReader(io.StringIO("\n".join(lines)), delimiter=mapping.delimiter)
    found = []
    try:
        missing = [name for name in mapping.columns if name not in (rows.fieldnames or ())]
        if missing:
            raise unreadable(f"The file has no column {', '.join(missing)}.", field="mapping")
        for number, row in enumerate(rows, mapping.skip_lines + 2):
            if any((value or "").strip() for value in row.values() if not isinstance(value, list)):
                found.append(_entry(row, mapping, currency, number))
    except csv.Error as error:
        raise unreadable(f"The file cannot be read: {error}.") from error
    return found


def _entry(row: dict[str, str], mapping: CsvMapping, currency: str, line: int) -> BankEntry:
    def cell(name: str | None) -> str:
        return " ".join((row.get(name) or "").split()) if name else ""

    try:
        booked_on = _day(cell(mapping.booked_on), mapping.date_form)
        amount = _amount(cell(mapping.amount), cell(mapping.money_in), cell(mapping.money_out), mapping, currency)
    except ValueError as error:
        raise unreadable(f"Line {line}: {error}.", line=line) from error
    return BankEntry(
        booked_on=booked_on, amount_minor=amount, currency=currency, payer_name=cell(mapping.payer_name),
        payer_account=cell(mapping.payer_account), text=" ".join(filter(None, map(cell, mapping.text))),
        bank_reference=cell(mapping.bank_reference), our_reference=cell(mapping.our_reference),
        return_code=cell(mapping.return_code),
    )  # fmt: skip


def _amount(signed: str, came_in: str, went_out: str, mapping: CsvMapping, currency: str) -> int:
    mark = mapping.decimal_mark
    if mapping.amount:
        return read_amount(signed, currency, decimal_mark=mark)
    given = [abs(read_amount(text, currency, decimal_mark=mark)) if text else 0 for text in (came_in, went_out)]
    return given[0] - given[1]


def _day(text: str, form: DateForm) -> date:
    """Raises ValueError in words."""
    try:
        return datetime.strptime(text, _FORMS[form]).date()  # noqa: DTZ007 - a day
    except ValueError:
        raise ValueError(f"{text!r} is no day") from None
