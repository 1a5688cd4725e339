import os
import pickle
import socket
import struct
import subprocess
import sys
import tomllib
import zlib
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
import weasyprint
from pypdf import PdfReader

from engine.errors import StartupFailed
from invoicing import pdf
from invoicing.document import (
    DiscountLine,
    Document,
    DocumentKind,
    DocumentLine,
    Instalment,
    Letterhead,
    LineTax,
    PaymentLine,
    Recipient,
    TaxLine,
)
from invoicing.pdf import paper, render_files, render_pdf

ROOT = Path(__file__).parents[2]
FIRST_SATURDAY = date(2026, 4, 11)
HARBOUR_ARTS = Letterhead(
    name="Harbour Arts",
    legal_name="Harbour Arts Society",
    address_lines=("12 Pier Road", "Halifax NS B3J 2K9"),
    email="accounts@harbourarts.example",
    tax_registration="HST 12345 6789 RT0001",
)
INGRID = Recipient(name="Ingrid Andersen", address_lines=("1830 Robie Street", "Halifax NS B3H 3G2"))
SIBLING = DiscountLine(label="Sibling discount, 2nd child", amount_minor=-250)
DEPOSIT = PaymentLine(paid_on=date(2026, 4, 1), label="Deposit, Visa ending 4242", amount_minor=1000)
HST = (("HST", Decimal(15)),)


def a_line(week=0, *, attendee="Mia", course="Karate Juniors", price=2500, discounts=(), taxes=HST, **other):
    gross = price * other.get("quantity", 1) + sum(d.amount_minor for d in discounts)
    line_taxes = tuple(LineTax(name=n, rate_percent=r, amount_minor=int(gross * r / (100 + r))) for n, r in taxes)
    return DocumentLine(
        **{
            "attendee": attendee,
            "course": course,
            "session_on": FIRST_SATURDAY + timedelta(weeks=week),
            "starts_at": time(10),
            "ends_at": time(11, 30),
            "site": "Dojo East",
            "unit_amount_minor": price,
            "net_minor": gross - sum(t.amount_minor for t in line_taxes),
            "gross_minor": gross,
            "discounts": tuple(discounts),
            "taxes": line_taxes,
        }
        | other
    )


def a_document(*lines, kind=DocumentKind.INVOICE, payments=(), **other):
    totals = defaultdict(lambda: [0, 0])
    for line in lines:
        for tax in line.taxes:
            totals[tax.name, tax.rate_percent][0] += line.net_minor
            totals[tax.name, tax.rate_percent][1] += tax.amount_minor
    gross, paid = sum(line.gross_minor for line in lines), sum(p.amount_minor for p in payments)
    return Document(
        **{
            "kind": kind,
            "number": "2026-000417",
            "reference": "TB-4F7K9QW2",
            "issued_on": date(2026, 4, 1),
            "due_on": date(2026, 4, 15) if kind is DocumentKind.INVOICE else None,
            "valid_until": datetime(2026, 4, 9, 20, tzinfo=UTC) if kind is DocumentKind.QUOTE else None,
            "corrects_number": "2026-000391" if kind is DocumentKind.CREDIT_NOTE else None,
            "currency": "CAD",
            "locale": "en_CA",
            "time_zone": "America/Halifax",
            "prices_include_tax": True,
            "letterhead": HARBOUR_ARTS,
            "recipient": INGRID,
            "lines": lines,
            "taxes": tuple(
                TaxLine(name=n, rate_percent=r, base_minor=b, tax_minor=t) for (n, r), (b, t) in totals.items()
            ),
            "net_minor": sum(line.net_minor for line in lines),
            "gross_minor": gross,
            "paid_minor": paid,
            "owing_minor": gross - paid,
            "payments": tuple(payments),
            "payment_instructions": ("Interac e-Transfer to accounts@harbourarts.example",),
        }
        | other
    )


def reader(document):
    return PdfReader(BytesIO(render_pdf(document)))


def pages(document):
    """The text of each page with single plain spaces."""
    return [" ".join(page.extract_text().split()) for page in reader(document).pages]


def text(document):
    return " ".join(pages(document))


def a_logo():
    def chunk(name, body):
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    header = struct.pack(">IIBBBBB", 4, 2, 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + b"\x1d\x4e\x5f" * 4 for _ in range(2)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


class TestInvoice:
    def test_says_who_owes_what_to_whom_until_when(self):
        shown = text(a_document(a_line(0), a_line(1), payments=[DEPOSIT]))

        for part in (
            *("Harbour Arts", "12 Pier Road", "Ingrid Andersen", "1830 Robie Street"),
            *("Invoice", "2026-000417", "TB-4F7K9QW2", "April 1, 2026", "Amount due by April 15, 2026"),
            *("Mia · Karate Juniors · Dojo East", "Sat, Apr 11, 2026 10:00–11:30 a.m.", "Sat, Apr 18, 2026"),
            *("HST 15% on $43.48 $6.52", "Total $50.00", "Deposit, Visa ending 4242, Apr 1, 2026 -$10.00"),
            *("Amount due $40.00", "DUE", "Interac e-Transfer", "Prices and amounts in the list include tax."),
            *("Harbour Arts Society", "HST 12345 6789 RT0001", "Page 1 of 1"),
        ):
            assert part in shown

    def test_explains_discounts_quantities_and_extras(self):
        shown = text(
            a_document(a_line(discounts=[SIBLING]), a_line(price=750, quantity=2, description="Lunch", taxes=()))
        )

        assert "Sat, Apr 11, 2026 10:00–11:30 a.m. 1 25.00 15% 22.50 Sibling discount, 2nd child -2.50" in shown
        assert "10:00–11:30 a.m. Lunch 2 7.50 15.00" in shown

    def test_groups_by_attendee_and_course(self):
        shown = text(a_document(a_line(attendee="Mia"), a_line(attendee="Noah", price=2000), a_line(1, attendee="Mia")))

        assert shown.index("Apr 18, 2026") < shown.index("Noah")
        assert "Subtotal 50.00" in shown
        assert "Subtotal 20.00" in shown

    def test_shows_each_of_two_taxes_on_a_line(self):
        quebec = (("GST", Decimal(5)), ("QST", Decimal("9.975")))

        shown = text(a_document(a_line(taxes=quebec), a_line(1, taxes=())))

        assert "5% + 9.975%" in shown
        assert "GST 5% on" in shown
        assert "QST 9.975% on" in shown

    def test_paid_in_full_asks_for_nothing(self):
        line = a_line()

        shown = text(a_document(line, payments=[replace(DEPOSIT, amount_minor=2500)]))

        assert "PAID" in shown
        assert "Amount due $0.00" in shown
        assert "How to pay" not in shown

    def test_a_total_of_nothing_is_paid(self):
        covered = DiscountLine(label="Covered by 10-session pass", amount_minor=-2500)

        shown = text(a_document(a_line(discounts=[covered])))

        assert "PAID" in shown
        assert "Total $0.00" in shown

    def test_lists_the_instalments(self):
        parts = (
            Instalment(due_on=date(2026, 5, 1), amount_minor=1500),
            Instalment(due_on=date(2026, 6, 1), amount_minor=1000),
        )

        assert "Payment schedule May 1, 2026 $15.00 June 1, 2026 $10.00" in text(
            a_document(a_line(), instalments=parts)
        )

    def test_prices_before_tax_show_the_net(self):
        hst = LineTax(name="HST", rate_percent=Decimal(15), amount_minor=375)
        line = replace(a_line(), net_minor=2500, gross_minor=2875, taxes=(hst,))

        shown = text(a_document(line, prices_include_tax=False))

        assert "10:00–11:30 a.m. 25.00" in shown
        assert "HST 15% on $25.00 $3.75 Total $28.75" in shown
        assert "before tax." in shown

    def test_a_session_past_midnight_and_one_without_a_date(self):
        night = a_line(starts_at=time(22), ends_at=time(1))
        own_time = a_line(session_on=None, starts_at=None, ends_at=None)

        shown = text(a_document(night, own_time))

        assert "10:00 p.m.–1:00 a.m. (+1 day)" in shown
        assert "No fixed date" in shown


class TestQuoteAndCreditNote:
    def test_a_quote_says_until_when_in_the_organisations_zone(self):
        shown = text(a_document(a_line(), kind=DocumentKind.QUOTE))

        assert "Quoted total $25.00" in shown
        assert "held until April 9, 2026, 5:00 p.m. ADT. This is not an invoice." in shown
        assert "DUE" not in shown

    def test_a_credit_note_names_its_invoice(self):
        shown = text(a_document(a_line(), kind=DocumentKind.CREDIT_NOTE, payments=[DEPOSIT]))

        assert "Credit note" in shown
        assert "For invoice 2026-000391" in shown
        assert "Total credited $25.00" in shown
        assert "Credit left $15.00" in shown


class TestPages:
    LONG = a_document(
        *(a_line(week, attendee=name, discounts=[SIBLING]) for name in ("Mia", "Noah") for week in range(30))
    )

    def test_repeat_whose_sessions_and_which_columns(self):
        shown = pages(self.LONG)

        assert len(shown) > 2
        for number, page in enumerate(shown, start=1):
            assert f"Page {number} of {len(shown)}" in page
            assert "Karate Juniors · Dojo East Date Time Price Amount" in page
        assert all("Harbour Arts · Invoice 2026-000417 · Ingrid Andersen" in page for page in shown[1:])

    def test_keep_a_line_with_its_discounts(self):
        for page in pages(self.LONG):
            assert page.count("10:00–11:30 a.m. 25.00 22.50 Sibling discount, 2nd child -2.50") == page.count("a.m.")

    def test_lose_and_repeat_no_line(self):
        assert text(self.LONG).count("10:00–11:30 a.m.") == 60

    @pytest.mark.parametrize(
        ("locale", "size"),
        [("en_CA", "Letter"), ("fr-CA", "Letter"), ("en_US", "Letter"), ("en_GB", "A4"), ("de_DE", "A4"), ("en", "A4")],
    )
    def test_are_the_paper_of_the_locale(self, locale, size):
        assert paper(locale) == size

        width, height = reader(a_document(a_line(), locale=locale)).pages[0].mediabox[2:]

        assert (round(width), round(height)) == {"Letter": (612, 792), "A4": (595, 842)}[size]


class TestLanguageAndCurrency:
    def test_french(self):
        shown = text(a_document(a_line(), locale="fr_CA"))

        for part in ("Facture", "À PAYER", "sam. 11 avr. 2026", "Solde à payer 25,00 $", "Page 1 de 1"):
            assert part in shown

    def test_a_language_without_words_of_its_own_is_english_with_its_numbers(self):
        document = a_document(a_line(price=123450), locale="de_DE", currency="EUR")

        assert "Total 1.234,50 €" in text(document)
        assert reader(document).trailer["/Root"]["/Lang"] == "en-DE"

    @pytest.mark.parametrize(("currency", "total"), [("JPY", "¥123,456"), ("KWD", "KWD 123.456")])
    def test_other_decimals(self, currency, total):
        assert f"Total {total}" in text(a_document(a_line(price=123456), currency=currency, locale="en_US"))

    def test_every_language_has_the_same_words(self):
        keys = [tomllib.loads(path.read_text("utf-8")).keys() for path in pdf._TEMPLATES.glob("labels.*.toml")]

        assert len(keys) > 1
        assert all(found == keys[0] for found in keys)


class TestFile:
    def test_has_a_title_an_author_and_fixed_dates(self):
        found = reader(a_document(a_line()))

        assert found.metadata.title == "Invoice 2026-000417 · Harbour Arts"
        assert found.metadata.author == "Harbour Arts Society"
        assert found.metadata["/CreationDate"] == found.metadata["/ModDate"] == "D:20260401"

    def test_is_tagged_for_screen_readers(self):
        root = reader(a_document(a_line())).trailer["/Root"]

        assert root["/MarkInfo"]["/Marked"]
        assert root["/Lang"] == "en-CA"
        assert b'pdfuaid:part="1"' in root["/Metadata"].get_data()

    def test_shows_the_logo(self):
        assert len(reader(a_document(a_line(), letterhead=replace(HARBOUR_ARTS, logo=a_logo()))).pages[0].images) == 1

    def test_is_the_same_in_another_process_and_after_other_work(self, tmp_path):
        first = a_document(a_line())
        second = a_document(a_line(), a_line(1), locale="fr_CA", recipient=replace(INGRID), number="2026-000418")
        here = [render_pdf(first), render_pdf(second), render_pdf(first)]

        elsewhere = [path.read_bytes() for path in render_files([second, first, first], into=tmp_path, workers=2)]

        assert here[0] == here[2]
        assert elsewhere == [here[1], here[0], here[0]]

    @pytest.mark.parametrize(
        "document",
        [
            a_document(
                a_line(), kind=kind, payments=[DEPOSIT] if kind is DocumentKind.INVOICE else [], notes=("Thanks",)
            )
            for kind in (DocumentKind.INVOICE, DocumentKind.QUOTE, DocumentKind.CREDIT_NOTE)
        ]
        + [
            a_document(a_line(discounts=[SIBLING]), a_line(price=750, quantity=2, description="Lunch", taxes=())),
            a_document(a_line(), letterhead=replace(HARBOUR_ARTS, logo=a_logo()), payment_url="https://pay.example/1"),
            a_document(
                *(a_line(week, attendee=name) for name in ("Mia", "Noah") for week in range(30)), locale="fr_CA"
            ),
        ],
    )
    def test_is_what_all_of_htmls_own_style_would_make_of_it(self, document, monkeypatch):
        ours = render_pdf(document)

        monkeypatch.setattr(pdf._layout(), "html", weasyprint.HTML)

        assert render_pdf(document) == ours

    def test_takes_its_elements_from_a_sheet_of_its_own(self):
        assert pdf._layout().html._ua_stylesheets is not weasyprint.HTML._ua_stylesheets

    def test_differs_when_the_document_differs(self):
        ids = {reader(a_document(a_line(), number=number)).trailer["/ID"][0] for number in ("1", "2")}

        assert len(ids) == 2

    def test_threads_do_not_disturb_each_other(self):
        documents = [a_document(*(a_line(week) for week in range(count))) for count in (1, 3, 5, 7)]
        alone = [render_pdf(document) for document in documents]

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(render_pdf, documents)) == alone


class TestHostileText:
    MARKUP = '<b>Mia</b> & <img src="http://127.0.0.1:9/x.png">'

    def test_markup_in_names_is_shown_as_it_was_typed(self):
        shown = text(
            a_document(
                a_line(attendee=self.MARKUP, description="{{ 7*7 }} %(x)s"),
                recipient=replace(INGRID, name="O'Neil <script>alert(1)</script>"),
                notes=(self.MARKUP,),
                number='1"><link rel=attachment href=file:///etc/passwd>',
            )
        )

        assert shown.count("<b>Mia</b> & <img src=") == 2
        assert "{{ 7*7 }} %(x)s" in shown
        assert "O'Neil <script>alert(1)</script>" in shown

    def test_long_words_and_other_scripts_are_shown(self):
        lines = (
            a_line(attendee="Maximiliana" * 20, course="Outdoor leadership " * 12),
            a_line(attendee="محمد بن عبد الله", price=-2500),
            a_line(attendee="נועה Zoë", site="\N{RIGHT-TO-LEFT OVERRIDE}00.1\0", price=0),
        )

        shown = text(a_document(*lines))

        assert "".join(shown.split()).count("Maximiliana") == 20
        assert "محمد" in shown
        assert "Zoë" in shown
        assert "-25.00" in shown
        assert "Total $0.00" in shown

    def test_a_name_in_signs_that_no_font_has_is_still_a_document(self):
        assert len(reader(a_document(a_line(attendee="Zoë 🎉 \U0001fae8"))).pages) == 1

    def test_nothing_is_fetched(self, tmp_path):
        (tmp_path / "secret.txt").write_text("secret")
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.2)
            web = f"http://127.0.0.1:{server.getsockname()[1]}"
            html = f"""<html lang="en"><title>x</title>
                <link rel="stylesheet" href="{web}/a.css"><link rel="attachment" href="file://{tmp_path}/secret.txt">
                <style>@import url({web}/b.css); body {{ background: url({web}/c.png) }}
                       @font-face {{ font-family: f; src: url({web}/f.woff) }}</style>
                <body style="font-family: f"><img alt="d" src="{web}/d.png"><img alt="e" src="file:///etc/passwd">
                <img alt="f" src="data:image/png;base64,aGVsbG8="><img alt="g" src="termbook:logo">"""

            written = PdfReader(BytesIO(pdf._write_pdf(html, paper="A4", images={})))

            with pytest.raises(TimeoutError):
                server.accept()
        assert not written.attachments
        assert not written.pages[0].images


class TestAddsUp:
    """A document that does not add up is our bug and never leaves the house."""

    GOOD = a_document(a_line(), a_line(1), payments=[DEPOSIT])

    @pytest.mark.parametrize(
        "wrong",
        [
            {"gross_minor": 5001},
            {"net_minor": 4347},
            {"owing_minor": 3999},
            {"paid_minor": 999, "owing_minor": 4001},
            {"payments": ()},
            {"lines": GOOD.lines[:1]},
            {"taxes": ()},
            {"taxes": GOOD.taxes * 2},
            {"taxes": (replace(GOOD.taxes[0], base_minor=1),)},
            {"taxes": (replace(GOOD.taxes[0], rate_percent=Decimal(13)),)},
            {"instalments": (Instalment(due_on=date(2026, 5, 1), amount_minor=1),)},
            {"due_on": None},
            {"kind": DocumentKind.QUOTE},
            {"kind": DocumentKind.CREDIT_NOTE},
            {"payment_url": "javascript:alert(1)"},
        ],
    )
    def test_or_is_refused(self, wrong):
        with pytest.raises(AssertionError):
            replace(self.GOOD, **wrong)

    @pytest.mark.parametrize(
        "wrong", [{"gross_minor": 2501}, {"quantity": 0}, {"ends_at": None}, {"session_on": None}, {"taxes": ()}]
    )
    def test_or_its_line_is_refused(self, wrong):
        with pytest.raises(AssertionError):
            replace(a_line(), **wrong)

    def test_a_price_that_its_discounts_do_not_explain_is_refused(self):
        with pytest.raises(AssertionError, match="price and discounts"):
            a_document(replace(a_line(discounts=[SIBLING]), discounts=()))

    def test_a_logo_is_a_picture(self):
        with pytest.raises(AssertionError):
            replace(HARBOUR_ARTS, logo=b"<svg/>")


class TestMissingLibraries:
    def test_name_the_packages_to_install(self, tmp_path):
        (tmp_path / "weasyprint.py").write_text("raise OSError('cannot load library libpango-1.0-0')")
        code = "from invoicing.pdf import check_libraries, PdfLibraryMissing\n"
        code += "try:\n    check_libraries()\nexcept PdfLibraryMissing as error:\n    print(error.message)"

        told = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
            check=True,
        ).stdout

        assert issubclass(pdf.PdfLibraryMissing, StartupFailed)
        assert "libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0" in told

    def test_are_told_by_a_worker_too(self):
        error = pickle.loads(pickle.dumps(pdf.PdfLibraryMissing("install Pango")))

        assert (type(error), error.message) == (pdf.PdfLibraryMissing, "install Pango")
