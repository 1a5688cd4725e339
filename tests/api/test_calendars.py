"""Calendar feeds: a signed address that shows what stands, to who has it, of one account."""

from urllib.parse import urlsplit

from icalendar import Calendar

from engine.links import sign_link
from tests.api.conftest import World
from tests.builders import NOW, Row
from workflows.calendar_feeds import PURPOSE, VALID_FOR


def feed_path(world: World, child: Row) -> str:
    answer = world.rossi.get(f"/attendees/{child['id']}/calendar")
    assert answer.status_code == 200, answer.text
    return urlsplit(answer.json()["url"]).path


def events(world: World, path: str) -> list[str]:
    answer = world.client.get(path)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/calendar")
    return [str(event["summary"]) for event in Calendar.from_ical(answer.content).walk("VEVENT")]


class TestFeed:
    def test_shows_what_is_booked_and_forgets_what_is_given_up(self, world: World) -> None:
        child = world.new_child("Ida")
        path = feed_path(world, child)
        assert events(world, path) == []

        order = world.confirmed(child, world.new_sessions(count=3))
        assert events(world, path) == ["Karate – Ida"] * 3

        way_out = f"/bookings/{order['booking_id']}/cancellation"
        seen = world.admin.get(way_out).json()
        ended = world.admin.post(way_out, {"reason": "moved away", "fingerprint": seen["fingerprint"]})
        assert ended.status_code == 200, ended.text
        assert events(world, path) == []

    def test_is_closed_to_who_has_no_address(self, world: World, elsewhere: World) -> None:
        child = world.new_child("Uma")
        assert world.chen.get(f"/attendees/{child['id']}/calendar").status_code == 404
        forged = feed_path(world, child).replace("/calendars/", "/calendars/x")

        answer = world.client.get(forged)

        assert (answer.status_code, answer.json()["code"]) == (403, "link_invalid")

    def test_runs_out(self, world: World) -> None:
        old = sign_link("for tests", PURPOSE, expires_at=NOW, organisation=world.organisation_id.hex,
                        account=world.rossi_account["id"].hex, attendee=world.mia["id"].hex)  # fmt: skip

        answer = world.client.get(f"/calendars/{old}.ics")

        assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")
        assert VALID_FOR.days == 400

    def test_a_new_address_closes_the_old_one(self, world: World) -> None:
        child = world.new_child("Eva")
        old = feed_path(world, child)
        assert world.chen.post(f"/attendees/{child['id']}/calendar").status_code == 404
        assert events(world, old) == []

        renewed = world.rossi.post(f"/attendees/{child['id']}/calendar")

        assert renewed.status_code == 201, renewed.text
        assert events(world, urlsplit(renewed.json()["url"]).path) == []
        assert world.client.get(old).status_code == 404
        assert events(world, feed_path(world, child)) == []

    def test_shows_nothing_of_another_account_of_the_same_child(self, world: World) -> None:
        child = world.new_child("Pia")
        world.admin.put(f"/accounts/{world.chen_account['id']}/attendees/{child['id']}")
        world.confirmed(child, world.new_sessions(count=2))

        chens = urlsplit(world.chen.get(f"/attendees/{child['id']}/calendar").json()["url"]).path

        assert events(world, chens) == []
        world.admin.delete(f"/accounts/{world.chen_account['id']}/attendees/{child['id']}")
        assert world.client.get(chens).status_code == 404
