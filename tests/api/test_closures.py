"""Closing a day over HTTP: look, close what was shown, and what the family sees then."""

from tests.api.conftest import World


class TestOneSession:
    def test_is_previewed_and_closed(self, world: World) -> None:
        wanted = world.new_sessions(count=10)[8:10]
        booked = world.confirmed(world.new_child("Ada"), wanted)
        session = wanted[0]["id"]

        seen = world.admin.get(f"/sessions/{session}/closure-preview")
        done = world.admin.post(
            f"/sessions/{session}/closure", {"reason": "Burst pipe", "fingerprint": seen.json()["fingerprint"]}
        )

        assert (seen.status_code, done.status_code) == (200, 200), done.text
        assert done.json() == seen.json()
        assert [one["attendee"] for one in done.json()["bookings"]] == ["Ada"]
        booking = world.rossi.get(f"/bookings/{booked['booking']['id']}").json()
        assert [(line["kind"], line["attendance"]) for line in booking["lines"]] == [
            ("CLOSURE_DAY", "CANCELLED"), ("SESSION", "EXPECTED")
        ]  # fmt: skip
        assert (booking["session_count"], booking["total_minor"], len(booking["credit_notes"])) == (1, 1130, 1)
        events = world.rossi.get(f"/bookings/{booked['booking']['id']}/history").json()["items"]
        assert (events[-1]["trigger"], events[-1]["actor"]) == ("close_day", "admin")

    def test_of_a_stale_preview_is_refused_with_the_fresh_one(self, world: World) -> None:
        (session,) = world.new_sessions(count=10)[9:]
        seen = world.admin.get(f"/sessions/{session['id']}/closure-preview").json()
        world.confirmed(world.new_child("Ben"), [session])

        refused = world.admin.post(
            f"/sessions/{session['id']}/closure", {"reason": "Storm", "fingerprint": seen["fingerprint"]}
        )

        problem = refused.json()
        assert (refused.status_code, problem["code"]) == (409, "closure_is_stale")
        assert problem["facts"]["credited_minor"] == 1130
        again = world.admin.post(
            f"/sessions/{session['id']}/closure",
            {"reason": "Storm", "fingerprint": problem["facts"]["fingerprint"]},
        )  # fmt: skip
        assert again.status_code == 200

    def test_is_for_admins(self, world: World) -> None:
        for person in (world.rossi, world.staff, world.finance):
            assert person.get(f"/sessions/{world.sessions[0]['id']}/closure-preview").status_code == 403


class TestADay:
    def test_without_sessions_is_kept_for_later_ones(self, world: World) -> None:
        day = f"/sites/{world.site['id']}/days/2026-06-23"
        seen = world.admin.get(f"{day}/closure-preview").json()

        done = world.admin.post(f"{day}/closure", {"reason": "Holiday", "fingerprint": seen["fingerprint"]})

        assert (done.status_code, done.json()["sessions"]) == (200, [])
        days = world.admin.get("/closure-days").json()["items"]
        assert ("2026-06-23", "Holiday") in {(each["date"], each["reason"]) for each in days}

    def test_needs_its_fingerprint_and_a_date(self, world: World) -> None:
        site = f"/sites/{world.site['id']}"

        blind = world.admin.post(f"{site}/days/2026-06-23/closure", {"reason": "Storm"})
        nowhen = world.admin.get(f"{site}/days/tomorrow/closure-preview")

        assert [reason["field"] for reason in blind.json()["reasons"]] == ["fingerprint"]
        assert (nowhen.status_code, nowhen.json()["reasons"][0]["field"]) == (422, "day")


class TestOpenedAgain:
    def test_as_its_preview_showed(self, world: World) -> None:
        session = world.new_sessions(count=10)[7]
        booked = world.confirmed(world.new_child("Zoe"), [session])["booking"]["id"]
        path = f"/sessions/{session['id']}"
        shown = world.admin.get(f"{path}/closure-preview").json()
        world.admin.post(f"{path}/closure", {"reason": "Storm", "fingerprint": shown["fingerprint"]})

        seen = world.admin.get(f"{path}/reopening-preview")
        stale = world.admin.post(f"{path}/reopening", {"reason": "It passed", "fingerprint": "another"})
        done = world.admin.post(
            f"{path}/reopening", {"reason": "It passed", "fingerprint": seen.json()["fingerprint"]}
        )  # fmt: skip

        assert (seen.status_code, done.status_code) == (200, 200), done.text
        assert (stale.status_code, stale.json()["code"]) == (409, "reopening_is_stale")
        assert done.json() == seen.json()
        (one,) = done.json()["bookings"]
        assert (one["attendee"], one["comes_back"], one["charged_minor"]) == ("Zoe", True, 1130)
        booking = world.rossi.get(f"/bookings/{booked}").json()
        assert [(line["kind"], line["attendance"]) for line in booking["lines"]] == [("SESSION", "EXPECTED")]
        assert world.admin.get(f"{path}/reopening-preview").status_code == 404
