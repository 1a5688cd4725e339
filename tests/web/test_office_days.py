"""The office's pages of a day: activities of a holiday programme, and a closed roll that is opened again."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest

from engine.actor import Actor
from engine.clock import SetClock
from models import ActorKind, ProgramType, Role
from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import WAY, Tab, booked, enter, submission
from workflows.roll_closing import close_roll

OFFICE = "admin@centre7.example"


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, OFFICE) as client:
        yield Tab(client, client.get("/admin/programme"))


def offering(centre: Centre, name: str) -> dict[str, Any]:
    (found,) = centre.rows(
        "SELECT id, program_id FROM term_program_set WHERE organisation_id = %(org)s AND name = %(name)s", name=name
    )
    return found


def holiday(centre: Centre, name: str) -> UUID:
    """An offering of a holiday programme with sessions."""
    family_class(centre, name)
    made = offering(centre, name)
    centre.edit(lambda tx: tx.run(
        "UPDATE program g SET category_id = (SELECT id FROM program_category WHERE organisation_id = %(org)s AND "
        "program_type = %(type)s LIMIT 1) WHERE organisation_id = %(org)s AND id = %(id)s",
        type=int(ProgramType.HOLIDAY), id=made["program_id"]))  # fmt: skip
    found: UUID = made["id"]
    return found


def first_day(centre: Centre, offering_id: UUID) -> date:
    (row,) = centre.rows("SELECT min(local_date) AS day FROM term_product WHERE organisation_id = %(org)s AND "
                         "term_program_set_id = %(id)s AND product_type = 'SESSION'", id=offering_id)  # fmt: skip
    day: date = row["day"]
    return day


def activities(centre: Centre, offering_id: UUID) -> list[dict[str, Any]]:
    return centre.rows("SELECT id, title, capacity, local_date FROM term_product WHERE organisation_id = %(org)s AND "
                       "term_program_set_id = %(id)s AND product_type = 'ACTIVITY' ORDER BY title",
                       id=offering_id)  # fmt: skip


def choose(centre: Centre, activity: dict[str, Any]) -> str:
    """Mia comes for this activity; the reference of her order."""
    mia = centre.sample.rossi.attendee_ids[0]
    (day,) = centre.rows(
        "SELECT s.id, s.term_program_set_id AS offering_id FROM term_product s JOIN term_product a "
        "ON a.organisation_id = s.organisation_id AND a.term_program_set_id = s.term_program_set_id "
        "AND a.local_date = s.local_date WHERE a.organisation_id = %(org)s AND a.id = %(id)s "
        "AND s.product_type = 'SESSION'", id=activity["id"],
    )  # fmt: skip
    with enter(centre) as client:
        family, program = Tab(client, client.get("/family")), f"/family/programs/{day['offering_id']}"
        family.open(program).send(program, {"pick": f"{mia}.{day['id']}", "do": "keep",
                                            "activity": f"{mia}.{day['id']}.{activity['id']}"})  # fmt: skip
        cart = submission(family)
        family.text(client.post(cart, data={**family.hidden(cart), **WAY}))
    (order,) = centre.rows(
        "SELECT o.reference FROM place_claim c JOIN term_booking_order o ON o.organisation_id = c.organisation_id "
        "AND o.id = c.order_id WHERE c.organisation_id = %(org)s AND c.term_product_id = %(id)s", id=activity["id"],
    )  # fmt: skip
    reference: str = order["reference"]
    return reference


class TestActivities:
    def test_a_day_is_given_activities_with_places_or_without(self, centre: Centre, office: Tab) -> None:
        camp = holiday(centre, "Activity camp")
        page, day = f"/admin/offerings/{camp}/activities", first_day(centre, camp)

        assert "Activities by day" in office.open(f"/admin/offerings/{camp}").page.text
        for title, places in (("Pirates", "20"), ("Zoo", "")):
            given = {"date": day.isoformat(), "title": title, "capacity": places}
            said = office.text(office.open(page).send(page, given, action=page))
            assert f"{title} added" in said

        pirates, zoo = activities(centre, camp)
        assert (pirates["title"], pirates["capacity"], pirates["local_date"]) == ("Pirates", 20, day)
        assert (zoo["title"], zoo["capacity"]) == ("Zoo", None)

        change = f"/admin/activities/{pirates['id']}"
        office.text(office.send(change, {"title": "Pirates and parrots", "capacity": ""}, action=change))
        assert activities(centre, camp)[0]["title"] == "Pirates and parrots"
        assert activities(centre, camp)[0]["capacity"] is None

    def test_what_cannot_be_is_said_and_nothing_is_kept(self, centre: Centre, office: Tab) -> None:
        camp = holiday(centre, "Careful camp")
        page, day = f"/admin/offerings/{camp}/activities", first_day(centre, camp)
        for given in (
            {"date": day.isoformat(), "title": "", "capacity": ""},
            {"date": day.isoformat(), "title": "Pirates", "capacity": "-1"},
            {"date": day.isoformat(), "title": "Pirates", "capacity": "many"},
            {"date": (day - timedelta(days=1)).isoformat(), "title": "Pirates", "capacity": ""},
        ):
            assert office.open(page).send(page, given, action=page).status_code in (409, 422)
        assert activities(centre, camp) == []

        office.send(page, {"date": day.isoformat(), "title": "Pirates", "capacity": "5"}, action=page)
        (made,) = activities(centre, camp)
        change = f"/admin/activities/{made['id']}"
        answer = office.open(page).send(change, {"title": "Pirates", "capacity": "few"}, action=change)
        assert answer.status_code == 422
        assert 'value="few"' in answer.text

    def test_one_that_nobody_chose_is_removed_and_one_that_is_chosen_names_who(
        self, centre: Centre, office: Tab
    ) -> None:  # fmt: skip
        camp = holiday(centre, "Regretted camp")
        page, day = f"/admin/offerings/{camp}/activities", first_day(centre, camp)
        for title in ("Mistake", "Zoo"):
            office.open(page).send(page, {"date": day.isoformat(), "title": title, "capacity": ""}, action=page)
        mistake, zoo = activities(centre, camp)

        gone = f"{page}/{mistake['id']}/removal"
        assert "Mistake removed." in office.text(office.open(page).send(gone, {}, action=gone))
        assert [each["title"] for each in activities(centre, camp)] == ["Zoo"]

        stays, ticked = f"{page}/{zoo['id']}/removal", office.open(page)
        reference = choose(centre, zoo)
        answer = ticked.send(stays, {}, action=stays)
        assert answer.status_code == 409
        assert f"Zoo is chosen by 1 and stays: Mia Rossi ({reference})." in answer.text
        assert "Remove Zoo" not in office.open(page).page.text
        assert [each["title"] for each in activities(centre, camp)] == ["Zoo"]

    def test_a_class_has_none(self, centre: Centre, office: Tab) -> None:
        family_class(centre, "No activities")
        made = offering(centre, "No activities")["id"]

        assert "Activities by day" not in office.open(f"/admin/offerings/{made}").page.text
        assert "Only holiday programmes have activities" in office.open(f"/admin/offerings/{made}/activities").page.text


class TestClosedRolls:
    """Last, since it moves the clock on to the end of a session."""

    def test_one_is_opened_again_with_a_reason(self, centre: Centre) -> None:
        with enter(centre) as client:
            booking = booked(Tab(client, client.get("/family")), centre, "Rolled", hour=14).rpartition("/")[2]
        (session,) = centre.rows(
            "SELECT s.id, s.ends_at FROM term_booking_line l JOIN term_product s "
            "ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id "
            "WHERE l.organisation_id = %(org)s AND l.booking_id = %(id)s ORDER BY s.starts_at LIMIT 1", id=booking,
        )  # fmt: skip
        assert isinstance(centre.clock, SetClock)
        centre.clock.move(session["ends_at"] + timedelta(minutes=1) - centre.clock.now())
        page, admin = f"/admin/rolls/{session['id']}", Actor(ActorKind.ADMIN, user_id=centre.sample.users[Role.ADMIN])

        with enter(centre, OFFICE) as client:
            office = Tab(client, client.get("/admin"))
            assert "Staff take and close it at the door" in office.text(office.open(page).page)
            waited_for = centre.rows("SELECT id FROM term_attendance WHERE organisation_id = %(org)s "
                                     "AND term_product_id = %(id)s", id=session["id"])  # fmt: skip
            centre.edit(close_roll, session_id=session["id"], absent=[row["id"] for row in waited_for], actor=admin,
                        now=centre.clock.now())  # fmt: skip
            read = office.text(office.open(page).page)
            assert "Nothing is reversed automatically" in read
            assert "1 absent" in read

            assert office.send(page, {"reason": " "}).status_code == 422
            said = office.text(office.open(page).send(page, {"reason": "She was there"}))

        assert "Roll reopened" in said
        assert "She was there" in said
        kept = centre.rows("SELECT roll_closed_at FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s",
                           id=session["id"])  # fmt: skip
        assert kept == [{"roll_closed_at": None}]
