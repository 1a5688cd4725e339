"""Tickets on paper: a page each, in the language of the organisation, the same bytes each time."""

from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pypdf
import pytest
import segno
import weasyprint

from invoicing import pdf
from invoicing.document import Letterhead
from invoicing.ticket import Ticket, qr_code, render_tickets

LETTERHEAD = Letterhead(name="Centre 7", legal_name="Centre 7 Community Services", address_lines=("Toronto ON",))


def ticket(**changes: Any) -> Ticket:
    facts: dict[str, Any] = {
        "reference": "TK-4F7K9QW2M0XA6RZB", "booking_reference": "TB-4F7K9QW2", "attendee": "Mia Rossi",
        "session": "The magic show", "venue": "Main hall", "site": "Riverside", "address": "100 Sample Street",
        "row": "C", "seat": 12, "seat_type": "VIP", "starts_at": datetime(2026, 4, 12, 19, tzinfo=UTC),
        "ends_at": datetime(2026, 4, 12, 21, tzinfo=UTC), "time_zone": "America/Toronto",
        "issued_at": datetime(2026, 3, 31, 13, tzinfo=UTC),
    }  # fmt: skip
    return Ticket(**facts | changes)


def pages(*tickets: Ticket, locale: str = "en_CA") -> list[str]:
    printed = render_tickets(tickets, letterhead=LETTERHEAD, locale=locale)
    return [" ".join(page.extract_text().split()) for page in pypdf.PdfReader(BytesIO(printed)).pages]


def test_each_ticket_has_a_page_with_who_where_and_when() -> None:
    first, second = pages(ticket(), ticket(seat=13, attendee="Leo Rossi", reference="TK-0000000000000000"))

    for shown in ("The magic show", "Sunday, April 12, 2026", "3:00", "5:00", "Main hall", "Mia Rossi", "TB-4F7K9QW2",
                  "TK-4F7K9QW2M0XA6RZB", "Row C Seat 12 Category VIP"):  # fmt: skip
        assert shown in first, shown
    assert "Leo Rossi" in second
    assert "Seat 13" in second


def test_the_code_is_described_for_those_who_do_not_see_it() -> None:
    printed = render_tickets([ticket()], letterhead=LETTERHEAD, locale="en_CA")
    read = pypdf.PdfReader(BytesIO(printed))

    assert "QR code of the ticket TK-4F7K9QW2M0XA6RZB" in _descriptions(read.trailer["/Root"]["/StructTreeRoot"]["/K"])


def _descriptions(element: Any) -> list[str]:
    """The alternative texts in a tree of a tagged PDF."""
    element = element.get_object() if hasattr(element, "get_object") else element
    if isinstance(element, list):
        return [text for part in element for text in _descriptions(part)]
    if not isinstance(element, dict):
        return []
    own = [str(element["/Alt"])] if "/Alt" in element else []
    return own + (_descriptions(element["/K"]) if "/K" in element else [])


def test_it_speaks_the_language_of_the_organisation() -> None:
    (page,) = pages(ticket(), locale="fr_CA")

    assert "dimanche 12 avril 2026" in page
    assert "Rangée C Place 12 Catégorie VIP" in page


def test_an_undated_session_says_so() -> None:
    (page,) = pages(ticket(starts_at=None, ends_at=None))

    assert "No fixed date" in page


def test_the_same_tickets_give_the_same_bytes() -> None:
    first, second = (render_tickets([ticket()], letterhead=LETTERHEAD, locale="en_CA") for _ in range(2))

    assert first == second


def test_what_people_typed_is_text() -> None:
    (page,) = pages(ticket(session="<b>Magic</b> & <img src='nowhere.png'>"))

    assert "<b>Magic</b> & <img src='nowhere.png'>" in page


def test_the_code_is_a_qr_code_that_survives_a_fold() -> None:
    made = segno.make("TK-4F7K9QW2M0XA6RZB", error="q", micro=False)

    assert made.error in ("Q", "H")
    assert not made.is_micro
    assert qr_code("TK-4F7K9QW2M0XA6RZB").startswith(b"<?xml")
    assert qr_code("TK-4F7K9QW2M0XA6RZB") != qr_code("TK-4F7K9QW2M0XA6RZC")


def test_is_what_all_of_htmls_own_style_would_make_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = render_tickets([ticket(), ticket(seat=13)], letterhead=LETTERHEAD, locale="en_CA")

    monkeypatch.setattr(pdf._layout(), "html", weasyprint.HTML)

    assert render_tickets([ticket(), ticket(seat=13)], letterhead=LETTERHEAD, locale="en_CA") == ours
