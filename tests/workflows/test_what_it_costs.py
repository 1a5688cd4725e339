"""What an enrolment costs on its documents: tax, totals of nothing, extras, and numbers without a gap."""

from datetime import date

import pytest

from engine.database import Database
from engine.fire import Refused
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    MINUTE,
    NOW,
    PAY_NOW,
    Centre,
    make_centre,
    orders,
    refused,
    sundays,
)


class TestTax:
    def test_on_adult_fitness_is_13_percent_and_the_rest_is_exempt(self, riverside: Centre) -> None:
        rossi = riverside.family()
        fitness = riverside.course(*sundays(3), name="Fitness", session={"price_minor": 999})
        riverside.rule("tax", {"name": "HST", "rate_percent": "13"}, fitness.offering["program_id"], "PROGRAM")
        story_time = riverside.course(*(s + 300 * MINUTE for s in sundays(1)), name="Story time")

        cart = riverside.confirmed(rossi, rossi.child(), [*fitness.lines(), *story_time.lines()])

        invoice = riverside.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=riverside.booking(cart)["id"])
        # 29.97 with tax: 3.4479… of it, half-up once over the whole, not 1.15 per line.
        assert (invoice["net_minor"], invoice["tax_minor"], invoice["total_minor"]) == (3782, 345, 4127)
        lines = riverside.rows("SELECT tax_minor, tax_name FROM invoice_line WHERE invoice_id = %(id)s "
                               "ORDER BY position", id=invoice["id"])  # fmt: skip
        assert [tuple(line.values()) for line in lines] == [(115, "HST")] * 3 + [(0, "")]

    def test_is_added_where_prices_are_without_tax(self, checked_database: Database, database_url: str) -> None:
        net = make_centre(checked_database, database_url, name="Net Centre", prices_include_tax=False)
        rossi, fitness = net.family(), net.course(rules={"tax": {"name": "HST", "rate_percent": "13"}})

        cart = net.confirmed(rossi, rossi.child(), fitness.lines())

        invoice = net.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=net.booking(cart)["id"])
        assert (invoice["net_minor"], invoice["tax_minor"], invoice["total_minor"]) == (1130, 147, 1277)
        # Each organisation numbers for itself.
        assert invoice["number"] == 1


class TestNumbers:
    def test_invoices_have_no_gap_though_attempts_fail(self, riverside: Centre) -> None:
        rossi = riverside.family()
        for n in range(3):
            karate = riverside.course(sundays(3)[n], name=f"Karate {n}")
            riverside.confirmed(rossi, rossi.child(), karate.lines())
            cart = riverside.submitted(rossi, rossi.child(), karate.lines())
            with pytest.raises(Refused):
                riverside.pull(orders.confirm, cart)

        numbers = [
            row["number"] for row in riverside.rows("SELECT number FROM invoice WHERE series = 'INV' ORDER BY 1")
        ]

        assert numbers == list(range(1, len(numbers) + 1))

    def test_a_new_year_begins_at_one(self, riverside: Centre) -> None:
        rossi = riverside.family()
        starts = [start.replace(year=2027) for start in sundays(1)]
        dates = {"starts_on": date(2026, 12, 1), "ends_on": date(2027, 6, 30)}
        year = riverside.edit(build.term, riverside.site, name="2027", **dates)
        karate = riverside.course(*starts, term=year)
        # 23:30 of New Year's Eve in Toronto is already the next year in UTC.
        eve = NOW.replace(year=2027, month=1, day=1, hour=4, minute=30)

        first = riverside.confirmed(rossi, rossi.child(), karate.lines(), term=year, now=eve)
        second = riverside.confirmed(rossi, rossi.child(), karate.lines(), term=year, now=eve + 30 * MINUTE)

        found = [riverside.one("SELECT year, number FROM invoice WHERE booking_id = %(id)s",
                               id=riverside.booking(cart)["id"]) for cart in (first, second)]  # fmt: skip
        assert found[0]["year"] == 2026
        assert found[1] == {"year": 2027, "number": 1}


class TestZeroTotal:
    def test_is_confirmed_at_submit_by_the_system(self, riverside: Centre) -> None:
        rossi, free = riverside.family(), riverside.course(*sundays(2), session_price_minor=0, name="Open day")
        cart = riverside.cart(rossi, rossi.child(), free.lines())

        riverside.submit(cart, actor=rossi.actor, how=PAY_NOW)

        booking = riverside.booking(cart)
        invoice = riverside.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=booking["id"])
        assert riverside.status(cart) == S.APPROVED
        assert (booking["payment_state"], invoice["total_minor"]) == ("PAID", 0)
        assert riverside.timers(cart) == [("AUTO_CANCEL", "DISARMED", NOW + 15 * MINUTE)]
        actors = [row["actor_kind"] for row in riverside.rows(
            "SELECT actor_kind FROM status_event WHERE subject_id = %(id)s ORDER BY sequence", id=cart.id)]  # fmt: skip
        assert actors == ["FAMILY", "FAMILY", "FAMILY", "SYSTEM"]

    def test_waits_for_the_admin_where_one_confirms(self, riverside: Centre) -> None:
        rossi, free = riverside.family(), riverside.course(session_price_minor=0, name="Open day")

        cart = riverside.submitted(rossi, rossi.child(), free.lines(), how=ADMIN_CONFIRM)

        assert riverside.status(cart) == S.SUBMITTED


class TestExtras:
    def test_are_priced_by_quantity_and_copied_as_snapshots(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(*sundays(2)), riverside.extra()
        lines = karate.lines()
        lines[1]["extras"] = [{"extra_id": lunch, "quantity": 3}]

        cart = riverside.confirmed(rossi, rossi.child(), lines)

        assert cart.total_minor == 2 * 1130 + 3 * 800
        (extra,) = riverside.rows(
            "SELECT e.*, l.term_product_id FROM term_booking_extra e "
            "JOIN term_booking_line l ON l.id = e.booking_line_id WHERE e.booking_id = %(id)s",
            id=riverside.booking(cart)["id"],
        )  # fmt: skip
        assert (extra["name"], extra["quantity"], extra["price_minor"], extra["price_paid_minor"]) == (
            "Lunch",
            3,
            800,
            800,
        )
        assert extra["term_product_id"] == karate.ids[1]

    def test_a_new_price_is_shown_again_and_is_what_the_booking_says(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra()
        cart = riverside.cart(
            rossi, rossi.child(), karate.lines(extras=[{"extra_id": lunch, "quantity": 2}]), actor=riverside.admin
        )
        riverside.run("UPDATE extra SET price_minor = 950 WHERE id = %(id)s", id=lunch)

        (reason,) = refused(lambda: riverside.submit(cart, actor=riverside.admin, how=ADMIN_CONFIRM))
        riverside.submit(cart, actor=riverside.admin, how=ADMIN_CONFIRM,
                         price_fingerprint=reason.facts["price_fingerprint"])  # fmt: skip
        riverside.pull(orders.confirm, cart, reason="agreed")

        booking = riverside.booking(cart)
        (extra,) = riverside.rows("SELECT * FROM term_booking_extra WHERE booking_id = %(id)s", id=booking["id"])
        assert booking["total_minor"] == 1130 + 2 * 950
        assert (extra["price_minor"], extra["price_paid_minor"]) == (950, 950)

    def test_of_another_program_is_refused(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), riverside.course(), riverside.course(name="Soccer")
        boots = riverside.extra("Boots", program_id=soccer.offering["program_id"])
        cart = riverside.draft(rossi, rossi.child())

        lines = karate.lines(extras=[{"extra_id": boots, "quantity": 1}])
        (reason,) = refused(lambda: riverside.save(cart, lines, actor=rossi.actor))

        assert (reason.code, reason.rule) == ("extra_not_offered", "extras")
        assert reason.message == "Boots is not offered with Karate, Sun 12 Apr 2026 09:30–10:30."

    def test_withdrawn_since_the_cart_was_saved_is_refused(self, riverside: Centre) -> None:
        rossi, karate, lunch = riverside.family(), riverside.course(), riverside.extra()
        cart = riverside.cart(rossi, rossi.child(), karate.lines(extras=[{"extra_id": lunch, "quantity": 1}]))
        riverside.run("UPDATE extra SET is_active = false WHERE id = %(id)s", id=lunch)

        codes = [r.code for r in refused(lambda: riverside.submit(cart, actor=rossi.actor))]

        assert codes == ["extra_not_offered"]
