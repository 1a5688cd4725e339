"""Wherever a mail leads, a browser gets a page: who reads a mail has no use for an answer that is made for programs."""

import re
from pathlib import Path

import pytest

from tests.web.conftest import Centre
from tests.web.test_family_forms import enter

_SOURCES = Path(__file__).parents[2]
_LINK = re.compile(r'\{base_url\}(/[^"\s?]*)"')
_SAMPLE = "01a2268d-7588-7619-a343-3a9f256d11e4"


def _links() -> set[str]:
    """The addresses that are composed into mails, as they stand in the sources."""
    files = [*_SOURCES.glob("workflows/*messages.py"), *_SOURCES.glob("notifications/*.py")]
    return {address for file in files for address in _LINK.findall(file.read_text())}


LINKS = sorted({re.sub(r"\{[^}]*\}", _SAMPLE, address) for address in _links()})


def test_the_links_are_found() -> None:
    assert len(LINKS) >= 7
    assert f"/bookings/{_SAMPLE}" in LINKS
    assert f"/makeup-credits/{_SAMPLE}/sessions" in LINKS


@pytest.mark.parametrize("address", LINKS)
def test_it_leads_to_a_page(centre: Centre, address: str) -> None:
    with enter(centre) as client:
        answer = client.get(address, follow_redirects=True)

    assert answer.headers["content-type"].startswith("text/html"), answer.text[:200]
    assert answer.status_code < 500
