"""The steps of a booking over HTTP, with the credit note that a cancellation leaves behind."""

from httpx import Response

from tests.api.conftest import Person, World


def make(world: World, name: str) -> str:
    """A confirmed booking of four Sundays that nobody else's test touches; its id."""
    booking: str = world.confirmed(world.new_child(name), world.new_sessions(count=10)[5:9])["booking"]["id"]
    return booking


def cancel(world: World, booking: str, reason: str = "moved", *, by: Person | None = None, **headers: str) -> Response:
    """Look at what cancelling comes to, and accept it."""
    who = by or world.admin
    seen = who.get(f"/bookings/{booking}/cancellation").json()
    body = {"fingerprint": seen["fingerprint"], **({"reason": reason} if reason else {})}
    return who.post(f"/bookings/{booking}/cancellation", body, headers=headers)


class TestCancellation:
    def test_shows_what_is_left_and_its_credit_note(self, world: World) -> None:
        booking = make(world, "Ada")

        answer = cancel(world, booking, "The family moved away")

        shown = answer.json()
        assert (answer.status_code, shown["status"], shown["total_minor"]) == (200, "CANCELED", 0)
        assert (shown["session_count"], shown["allowed"]) == (0, [])
        assert {line["attendance"] for line in shown["lines"]} == {"CANCELLED"}
        (credited,) = shown["credit_notes"]
        note = world.rossi.get(f"/credit-notes/{credited['id']}").json()
        assert (note["total_minor"], note["reason"], len(note["lines"])) == (4520, "The family moved away", 4)
        assert note["invoice_ids"] == [shown["invoices"][0]["id"]]
        invoice = world.finance.get(f"/invoices/{shown['invoices'][0]['id']}").json()
        assert (invoice["credited_minor"], invoice["owing_minor"]) == (4520, 0)
        pdf = world.rossi.get(f"/credit-notes/{credited['id']}/document")
        assert (pdf.headers["content-type"], pdf.content[:5]) == ("application/pdf", b"%PDF-")

    def test_is_listed_and_told_in_the_history(self, world: World) -> None:
        booking = make(world, "Ben")
        cancel(world, booking)

        notes = world.finance.get(f"/credit-notes?booking_id={booking}").json()["items"]
        events = world.rossi.get(f"/bookings/{booking}/history").json()["items"]

        assert [note["number"][:8] for note in notes] == ["CN-2026-"]
        assert (events[-1]["trigger"], events[-1]["actor"], events[-1]["reason"]) == ("cancel", "admin", "moved")
        assert events[-1]["changes"]["credited_minor"] == 4520

    def test_of_a_family_needs_no_reason_and_an_admins_does(self, world: World) -> None:
        first, second = make(world, "Cleo"), make(world, "Dora")

        by_family = cancel(world, first, "", by=world.rossi)
        by_admin = cancel(world, second, "")

        assert by_family.status_code == 200, by_family.text
        assert (by_admin.status_code, by_admin.json()["reasons"][0]["code"]) == (409, "reason_required")

    def test_of_a_version_that_is_gone_changes_nothing(self, world: World) -> None:
        booking = make(world, "Emil")
        version = world.admin.get(f"/bookings/{booking}").headers["etag"]
        world.admin.post(f"/bookings/{booking}/suspension", {"reason": "broken arm"})

        answer = cancel(world, booking, **{"If-Match": version})

        assert (answer.status_code, answer.json()["code"]) == (412, "changed")

    def test_with_the_same_key_answers_the_same(self, world: World) -> None:
        path, key = f"/bookings/{make(world, 'Finn')}/cancellation", {"Idempotency-Key": "cancel-finn"}
        body = {"fingerprint": world.admin.get(path).json()["fingerprint"], "reason": "moved"}

        first = world.admin.post(path, body, headers=key)
        again = world.admin.post(path, body, headers=key)

        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"

    def test_without_its_review_is_refused_with_it_and_changes_nothing(self, world: World) -> None:
        path = f"/bookings/{make(world, 'Gina')}/cancellation"

        refused = world.admin.post(path, {"reason": "moved"})

        (reason,) = refused.json()["reasons"]
        assert (refused.status_code, reason["code"]) == (409, "difference_is_stale")
        assert (reason["facts"]["delta_minor"], reason["facts"]["credit_note_minor"]) == (-4520, 4520)
        assert [each["rule"] for each in reason["facts"]["credit_goes_to"]] == ["SAME_INVOICE"]
        assert world.admin.get(path).json()["fingerprint"] == reason["facts"]["fingerprint"]
        accepted = world.admin.post(path, {"reason": "moved", "fingerprint": reason["facts"]["fingerprint"]})
        assert accepted.json()["status"] == "CANCELED"


class TestOtherSteps:
    def test_suspended_resumed_and_closed(self, world: World) -> None:
        booking = make(world, "Gus")

        suspended = world.admin.post(f"/bookings/{booking}/suspension", {"reason": "broken arm"}).json()
        resumed = world.admin.post(f"/bookings/{booking}/resumption").json()
        seen = world.admin.get(f"/bookings/{booking}/closure?last_day=2026-05-17").json()
        closing = world.admin.post(
            f"/bookings/{booking}/closure",
            {"last_day": "2026-05-17", "reason": "moves in June", "fingerprint": seen["fingerprint"]},
        ).json()

        assert (suspended["status"], resumed["status"], closing["status"]) == ("SUSPENDED", "APPROVED", "APPROVED")
        assert (closing["closes_on"], closing["session_count"], closing["total_minor"]) == ("2026-05-17", 2, 2260)
        assert [bool(line["cancelled_at"]) for line in closing["lines"]] == [False, False, True, True]

    def test_a_mistyped_year_closes_nothing(self, world: World) -> None:
        booking = make(world, "Jon")

        for day, code in (("2025-05-17", "before_term"), ("2062-05-17", "after_term")):
            refused = world.admin.post(f"/bookings/{booking}/closure", {"last_day": day, "reason": "moves"})
            assert refused.status_code == 409
            assert (code, "last_day") in {(r["code"], r["field"]) for r in refused.json()["reasons"]}

        assert world.admin.get(f"/bookings/{booking}").json()["status"] == "APPROVED"

    def test_archiving_says_what_stands_in_its_way(self, world: World) -> None:
        answer = world.admin.post(f"/bookings/{make(world, 'Hana')}/archiving")

        assert (answer.status_code, {r["code"] for r in answer.json()["reasons"]}) == (409, {"still_running", "owing"})

    def test_attendance_before_the_invoice(self, world: World) -> None:
        order = world.submitted(world.new_child("Ida"), world.new_sessions()[:2])

        approved = world.admin.post(f"/orders/{order['id']}/attendance-approval").json()
        confirmed = world.admin.post(f"/orders/{order['id']}/confirmation", {"reason": "papers came in"}).json()

        assert approved["status"] == "ATTENDANCE_APPROVED"
        assert approved["invoice_id"] is None
        assert confirmed["status"] == "APPROVED"
        assert confirmed["booking"] == approved["booking"]
        assert confirmed["invoice_id"]
