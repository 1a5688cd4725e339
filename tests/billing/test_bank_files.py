"""What banks give as files: statements as CSV and CAMT, amounts as people of many countries write them."""

from datetime import date

import pytest

from billing.bank_csv import CsvMapping, DateForm, read_csv
from billing.bank_files import BankEntry, BankFileUnreadable, read_amount, read_camt

CAMT = """<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt>
<Id>1</Id><Acct><Id><IBAN>DE89370400440532013000</IBAN></Id></Acct>
<Ntry><Amt Ccy="EUR">22.60</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><Dt>2026-03-31</Dt></BookgDt><AcctSvcrRef>B-1</AcctSvcrRef>
 <NtryDtls><TxDtls><Refs><EndToEndId>NOTPROVIDED</EndToEndId></Refs>
  <RltdPties><Dbtr><Pty><Nm>Carla Rossi</Nm></Pty></Dbtr>
   <DbtrAcct><Id><IBAN>DE02120300000000202051</IBAN></Id></DbtrAcct></RltdPties>
  <RmtInf><Ustrd>TO-4F7K9QW2</Ustrd><Ustrd>karate</Ustrd></RmtInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">30.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-31</Dt></BookgDt>
 <AcctSvcrRef>B-2</AcctSvcrRef><NtryDtls>
  <TxDtls><Amt Ccy="EUR">10.00</Amt><RltdPties><Dbtr><Nm>Chen</Nm></Dbtr></RltdPties></TxDtls>
  <TxDtls><Amt Ccy="EUR">20.00</Amt><RltdPties><Dbtr><Nm>Roy</Nm></Dbtr></RltdPties></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">5.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts>
 <BookgDt><DtTm>2026-04-01T09:00:00</DtTm></BookgDt>
 <NtryDtls><TxDtls><Refs><EndToEndId>PM-7Q2M9XKD</EndToEndId></Refs>
  <RtrInf><Rsn><Cd>AM04</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="EUR">99.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts><Cd>PDNG</Cd></Sts>
 <BookgDt><Dt>2026-04-02</Dt></BookgDt></Ntry>
</Stmt></BkToCstmrStmt></Document>"""


class TestAmount:
    @pytest.mark.parametrize(
        ("text", "currency", "mark", "minor"),
        [
            ("22.60", "CAD", ".", 2260), ("1,234.5", "CAD", ".", 123450), ("-1.234,50", "EUR", ",", -123450),
            ("(20.00)", "CAD", ".", -2000), ("20,00-", "EUR", ",", -2000), ("+5", "CAD", ".", 500),
            ("1 234,50", "EUR", ",", 123450), ("1'234.50", "CHF", ".", 123450), ("500", "JPY", ".", 500),
            ("500.00", "JPY", ".", 500), ("1.234", "KWD", ".", 1234), (".5", "CAD", ".", None), ("", "CAD", ".", None),
            ("22.605", "CAD", ".", None), ("12,34", "CAD", ".", None), ("1.2.3", "CAD", ".", None),
            ("1e3", "CAD", ".", None), ("1,000,000,000,000,000,000", "CAD", ".", None), ("٣", "CAD", ".", None),
        ],
    )  # fmt: skip
    def test_is_read_exactly_or_refused(self, text: str, currency: str, mark: str, minor: int | None) -> None:
        if minor is None:
            with pytest.raises(ValueError, match=r"amount|decimals"):
                read_amount(text, currency, decimal_mark=mark)
        else:
            assert read_amount(text, currency, decimal_mark=mark) == minor


class TestCamt:
    def test_gives_what_was_booked_with_its_payer_and_text(self) -> None:
        account, entries = read_camt(CAMT)

        assert account == "DE89370400440532013000"
        assert entries[0] == BankEntry(
            date(2026, 3, 31), 2260, "EUR", "Carla Rossi", "DE02120300000000202051", "TO-4F7K9QW2 karate", "B-1",
            "NOTPROVIDED",
        )  # fmt: skip
        assert [entry.amount_minor for entry in entries] == [2260, 1000, 2000, -500]

    def test_takes_a_batch_apart_and_tells_a_return_by_its_code(self) -> None:
        _, [_, chen, roy, returned] = read_camt(CAMT)

        assert [(e.payer_name, e.bank_reference) for e in (chen, roy)] == [("Chen", "B-2/1"), ("Roy", "B-2/2")]
        assert (returned.our_reference, returned.return_code, returned.booked_on) == (
            "PM-7Q2M9XKD", "AM04", date(2026, 4, 1),
        )  # fmt: skip

    @pytest.mark.parametrize(
        "content",
        [
            "no xml", "<Document/>", CAMT.replace("22.60", "22.605"), CAMT.replace("2026-03-31", "31.3."),
            '<!DOCTYPE a [<!ENTITY b "c">]><Document>&b;</Document>',
            '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><Document>&b;</Document>',
        ],
    )  # fmt: skip
    def test_refuses_what_it_cannot_read_and_what_would_do_harm(self, content: str) -> None:
        with pytest.raises(BankFileUnreadable):
            read_camt(content)


class TestCsv:
    MAPPING = CsvMapping(
        booked_on="Datum", money_in="Haben", money_out="Soll", payer_name="Name", text=("Zweck", "Notiz"),
        date_form=DateForm.DOTTED, delimiter=";", decimal_mark=",", skip_lines=1,
    )  # fmt: skip
    CONTENT = (
        "\ufeffKonto 1\nDatum;Name;Zweck;Notiz;Soll;Haben\n31.03.2026;Carla  Rossi;TO-4F7K9QW2;;;1.022,60\n\n"
        "01.04.2026;Stadt;Miete;Halle;-500,00;\n"
    )

    def test_is_read_by_its_mapping(self) -> None:
        assert read_csv(self.CONTENT, self.MAPPING, currency="EUR") == [
            BankEntry(date(2026, 3, 31), 102260, "EUR", "Carla Rossi", text="TO-4F7K9QW2"),
            BankEntry(date(2026, 4, 1), -50000, "EUR", "Stadt", text="Miete Halle"),
        ]

    def test_names_the_line_and_the_column_that_are_wrong(self) -> None:
        with pytest.raises(BankFileUnreadable, match="Line 3") as refusal:
            read_csv(self.CONTENT.replace("1.022,60", "1.022,605"), self.MAPPING, currency="EUR")
        assert refusal.value.reasons[0].facts == {"line": 3}

        with pytest.raises(BankFileUnreadable, match="cannot be read"):
            read_csv('1\n"' + "x" * 200_000, self.MAPPING, currency="EUR")
        with pytest.raises(BankFileUnreadable, match="no column Haben"):
            read_csv(self.CONTENT.replace("Haben", "Credit"), self.MAPPING, currency="EUR")
