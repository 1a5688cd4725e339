"""A roll of today with its children, and what one does on it."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from playwright.sync_api import Page, expect

from attendance.people import add_person
from tests import builders as build
from tests.web.browsing import SCREENSHOTS
from tests.web.conftest import Centre

STAFF = "staff@centre7.example"
PIN = "4711"
SOON = datetime(2026, 3, 31, 9, 30)  # noqa: DTZ001 - local


@dataclass
class Roll:
    """A session that is about to start, with its children."""

    centre: Centre
    session_id: UUID
    address: str

    def rows(self) -> dict[str, dict[str, Any]]:
        found = self.centre.rows(
            "SELECT t.name, a.* FROM term_attendance a JOIN attendee t ON t.id = a.attendee_id "
            "WHERE a.term_product_id = %(id)s", id=self.session_id,
        )  # fmt: skip
        return {row["name"]: row for row in found}

    def statuses(self) -> dict[str, str]:
        return {name: row["status"] for name, row in self.rows().items()}


def make_roll(
    centre: Centre, count: int, *, name: str = "After-school club", starts: datetime = SOON, minutes: int = 60
) -> Roll:
    """A session of today that starts in half an hour, at the site of the sample's staff."""

    def make(tx: Any) -> UUID:
        (site,) = tx.rows("SELECT s.* FROM site s JOIN user_site x ON x.site_id = s.id LIMIT 1")
        term = build.term(tx, site, name=f"{name} term", starts_on=date(2026, 3, 1), ends_on=date(2026, 3, 31))
        program = build.program(tx, site, name=name)
        offering = build.offering(tx, term, program, capacity=count)
        (session,) = build.sessions(tx, offering, starts, minutes=minutes)
        account = build.account(tx, name="Door family")
        for number in range(1, count + 1):
            child = build.attendee(tx, account, name=f"Child {number:02}", **(_SPECIAL if number == 1 else {}))
            build.confirmed(tx, account, child, term, [session])
            if number == 1:
                add_person(tx, attendee_id=child["id"], name="Rosa Rossi", relationship="grandmother",
                           phone="+1 416 555 0107", pin_hash=_HASH, now=centre.clock.now())  # fmt: skip
        found: UUID = session["id"]
        return found

    session_id = centre.edit(make)
    return Roll(centre, session_id, f"/staff/rolls/{session_id}")


_HASH = PasswordHasher().hash(PIN)
_SPECIAL = {
    "allergy_notes": "Peanuts, carries an EpiPen", "allergy_severity": "SEVERE", "medical_notes": "Inhaler in her bag",
    "must_not_collect": ["Max Mustermann"], "authorised_pick_ups": ["Uncle Bob"],
}  # fmt: skip


def row_of(page: Page, name: str) -> Any:
    return page.locator(f'[data-row][data-name="{name}"]')


def tap(page: Page, name: str, what: str) -> None:
    row_of(page, name).get_by_role("button", name=f"{what} {name}", exact=True).click()


def wait_until_sent(page: Page) -> None:
    expect(page.locator("#sending")).to_have_text("All sent", timeout=60_000)


def draw(page: Page, box: Any, *, start: float = 0.2) -> None:
    """One stroke on a field to sign on."""
    field = box.bounding_box()
    x, y = field["x"], field["y"]
    page.mouse.move(x + field["width"] * start, y + field["height"] * 0.3)
    page.mouse.down()
    page.mouse.move(x + field["width"] * (start + 0.2), y + field["height"] * 0.8, steps=6)
    page.mouse.up()


def picture_file(name: str) -> Path:
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    return SCREENSHOTS / f"{name}.png"
