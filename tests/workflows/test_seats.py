"""Seats: asked for in the cart, taken at submit, priced by their type, given back with the place."""

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest
from psycopg.types.json import Jsonb

from catalogue.seat_plan import Block
from catalogue.sessions import generate_sessions
from catalogue.venues import SeatInUse, SessionInUse, keep_seats, require_seats, seat_offering, seat_session
from engine.errors import Invalid
from engine.ids import new_id
from models import PlaceClaim, Venue
from tests import builders as build
from tests.workflows.centre import MINUTE, NOW, PAY_LATER, Cart, Centre, Family, codes, orders, sundays
from tests.workflows.hall import REGULAR, VIP, Show, show, venue
from workflows import change_order


class TestCart:
    def test_prices_the_seat_by_its_type_and_holds_nothing(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, *sundays(2)), riverside.family()

        cart = riverside.cart(rossi, rossi.child(), magic.asking("A3", "B3"))

        assert cart.notices == []
        assert cart.total_minor == 4520 + 2260
        assert magic.holders() == {}
        (first, second) = riverside.rows(
            "SELECT price_minor FROM term_booking_order_line WHERE order_id = %(id)s ORDER BY position", id=cart.id
        )
        assert (first["price_minor"], second["price_minor"]) == (4520, 2260)

    def test_a_type_without_a_price_costs_what_the_session_does(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()

        assert riverside.cart(rossi, rossi.child(), magic.asking("D1")).total_minor == 1130

    def test_the_price_of_one_session_counts_before_that_of_the_offering(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, *sundays(2)), riverside.family()
        riverside.do(
            lambda tx, now: seat_session(tx, magic.ids[1], venue_id=magic.venue["id"], prices={VIP: 6780})
        )  # fmt: skip

        assert riverside.cart(rossi, rossi.child(), magic.asking("A1", "A1")).total_minor == 4520 + 6780

    def test_a_seat_price_holds_in_any_mode_and_the_set_is_still_asked_for(self, riverside: Centre) -> None:
        magic = show(riverside, *sundays(2), modes=["CASUAL", "FULL_TERM"], full_term_price_minor=100)
        rossi = riverside.family()
        whole = [{**line, "mode": "FULL_TERM"} for line in magic.asking("A1", "A1")]

        assert riverside.cart(rossi, rossi.child(), whole).total_minor == 2 * 4520
        assert codes(lambda: riverside.cart(rossi, rossi.child("Leo Rossi"), whole[:1])) == ["selection_incomplete"]

    def test_says_that_a_seat_is_missing_or_taken(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        riverside.submitted(rossi, rossi.child("Leo Rossi"), magic.asking("A3"))

        assert riverside.cart(rossi, rossi.child(), magic.lines()).notices == ["seat_required"]
        assert riverside.cart(rossi, rossi.child("Ben Rossi"), magic.asking("A3")).notices == ["seat_taken"]

    def test_refuses_a_seat_of_another_venue_and_one_that_is_none(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        _, elsewhere = venue(riverside)
        child = rossi.child()

        for seat_id in (elsewhere["A1"], new_id()):
            lines = [{"session_id": magic.ids[0], "seat_id": seat_id}]
            assert codes(lambda lines=lines: riverside.cart(rossi, child, lines)) == ["seat_elsewhere"]

    def test_refuses_a_seat_in_a_session_without_seats(self, riverside: Centre) -> None:
        karate, rossi = riverside.course(), riverside.family()
        _, seats = venue(riverside)
        child = rossi.child()

        assert codes(lambda: riverside.cart(rossi, child, karate.lines(seat_id=seats["A1"]))) == ["session_not_seated"]


class TestSubmit:
    def test_takes_the_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()

        cart = riverside.submitted(rossi, rossi.child(), magic.asking("B3"))

        assert magic.holders() == {"B3": cart.id}
        assert riverside.taken(magic) == [1]

    def test_is_refused_without_a_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        cart = riverside.cart(rossi, rossi.child(), magic.lines())

        assert codes(lambda: riverside.submit(cart, actor=rossi.actor)) == ["seat_required"]

    def test_names_the_seat_that_is_gone_and_the_nearest_free_ones(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        late = riverside.cart(rossi, rossi.child(), magic.asking("B3"))
        riverside.submitted(rossi, rossi.child("Leo Rossi"), magic.asking("B3"))
        riverside.submitted(rossi, rossi.child("Ben Rossi"), magic.asking("B4"))

        refusal = riverside.refusal(lambda: riverside.submit(late, actor=rossi.actor))["seat_taken"]

        assert "row B seat 3 is taken" in refusal.message
        assert "row B seat 2, row C seat 3" in refusal.message
        assert [f"{seat['row']}{seat['number']}" for seat in refusal.facts["nearest"]] == ["B2", "C3", "B1", "B5", "C2"]
        assert refusal.field == "lines[0].seat_id"

    def test_one_seat_may_be_sold_in_each_session(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, *sundays(2)), riverside.family()
        first = riverside.submitted(rossi, rossi.child(), magic.asking("A1"))
        second = riverside.submitted(rossi, rossi.child("Leo Rossi"), magic.asking("A2", "A1"))

        assert magic.holders(0) == {"A1": first.id, "A2": second.id}
        assert magic.holders(1) == {"A1": second.id}

    def test_a_trial_takes_a_seat_too(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, rules={"order_types": ["BOOKING", "TRIAL_SESSION"]}), riverside.family()

        cart = riverside.submitted(
            rossi, rossi.child(), magic.asking("C1"), order_type=orders.TermBookingOrderType.TRIAL_SESSION
        )

        assert magic.holders() == {"C1": cart.id}


class TestGivingBack:
    def test_every_way_out_frees_the_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        for verb in (orders.cancel, orders.remove, orders.reopen):
            cart = riverside.submitted(rossi, rossi.child(), magic.asking("B3"))
            riverside.pull(verb, cart)

            assert magic.holders() == {}

    def test_a_timeout_frees_the_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        riverside.submitted(rossi, rossi.child(), magic.asking("B3"))
        late = NOW + 60 * MINUTE

        assert riverside.sweep(late) >= 1
        assert magic.holders() == {}


class TestConfirm:
    def test_keeps_the_seat_and_makes_a_ticket_for_each(self, riverside: Centre) -> None:
        magic, karate, rossi = show(riverside, *sundays(2)), riverside.course(sundays(9)[8]), riverside.family()

        cart = riverside.confirmed(rossi, rossi.child(), [*magic.asking("A3", "B3"), *karate.lines()])

        lines = riverside.rows(
            "SELECT l.seat_id, l.ticket_reference FROM term_booking_line l JOIN term_booking b ON b.id = l.booking_id "
            "WHERE b.order_id = %(id)s ORDER BY l.position", id=cart.id,
        )  # fmt: skip
        assert [line["seat_id"] for line in lines] == [magic.seats["A3"], magic.seats["B3"], None]
        tickets = [line["ticket_reference"] for line in lines]
        assert tickets[2] is None
        assert len({*tickets[:2]}) == 2
        assert all(len(ticket) == 19 and ticket.startswith("TK-") for ticket in tickets[:2])

    def test_the_invoice_names_the_seat_and_the_trace_its_price(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        cart = riverside.confirmed(rossi, rossi.child(), magic.asking("A3"))

        line = riverside.one(
            "SELECT i.description, b.printed, b.trace FROM invoice_line i "
            "JOIN billing_line b ON b.id = i.billing_line_id JOIN billing v ON v.id = b.billing_id "
            "WHERE v.order_id = %(id)s", id=cart.id,
        )  # fmt: skip

        assert line["description"] == "Magic show, Sun 12 Apr 2026 09:30–10:30, row A seat 3"
        assert line["printed"]["seat"] == "Row A seat 3 (VIP)"
        assert line["trace"][0]["basis"] == "seat price, VIP"


class TestVenue:
    def test_sessions_have_as_many_places_as_there_are_seats(self, riverside: Centre) -> None:
        magic, small = show(riverside), show(riverside, capacity=5)

        assert _capacities(riverside, magic.ids[0], small.ids[0]) == [22, 5]

    def test_sessions_that_are_made_later_are_seated_and_the_others_stay_as_they_are(self, riverside: Centre) -> None:
        magic, (other, _) = show(riverside, *sundays(2)), venue(riverside, Block("A", "1-3", VIP))
        riverside.do(lambda tx, now: seat_session(tx, magic.ids[1], venue_id=other["id"], prices={}))
        days = [day.date().isoformat() for day in sundays(3)]
        schedule = [{"component": "", "title": "", "weekdays": [], "dates": days, "starts": "09:30", "ends": "10:30",
                     "from": None, "until": None}]  # fmt: skip
        riverside.run("UPDATE term_program_set SET schedule = %(schedule)s WHERE id = %(id)s",
                      schedule=Jsonb(schedule), id=magic.offering["id"])  # fmt: skip

        changes = riverside.do(lambda tx, now: generate_sessions(tx, [magic.offering["id"]]))

        assert (changes.created, changes.updated, changes.unchanged) == (1, 0, 2)
        rows = riverside.rows(
            "SELECT venue_id, is_seated, capacity FROM term_product WHERE term_program_set_id = %(id)s "
            "ORDER BY local_date", id=magic.offering["id"],
        )  # fmt: skip
        assert [(row["venue_id"], row["capacity"]) for row in rows] == [
            (magic.venue["id"], 22), (other["id"], 3), (magic.venue["id"], 22)
        ]  # fmt: skip
        assert all(row["is_seated"] for row in rows)

    def test_taking_seats_away_takes_places_away(self, riverside: Centre) -> None:
        magic = show(riverside)

        changes = riverside.do(lambda tx, now: keep_seats(tx, magic.venue["id"], [Block("A-B", "1-6", VIP)]))

        assert (changes.removed, changes.changed, changes.created, changes.seats) == (10, 6, 0, 12)
        assert _capacities(riverside, magic.ids[0]) == [12]

    def test_a_seat_that_is_asked_for_stays(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        riverside.cart(rossi, rossi.child(), magic.asking("C2"))

        with pytest.raises(SeatInUse, match="booking: row C seat 2"):
            riverside.do(lambda tx, now: keep_seats(tx, magic.venue["id"], [Block("A-B", "1-6", VIP)]))

    def test_more_places_than_seats_are_refused(self, riverside: Centre) -> None:
        magic = show(riverside)

        with pytest.raises(Invalid, match="has 22 seats"):
            riverside.do(lambda tx, now: require_seats(tx, magic.ids[0], capacity=23))
        riverside.do(lambda tx, now: require_seats(tx, magic.ids[0], capacity=22))

    def test_a_booked_session_stays_as_it_is_seated(self, riverside: Centre) -> None:
        magic, rossi = show(riverside, *sundays(2)), riverside.family()
        riverside.submitted(rossi, rossi.child(), magic.asking("A1"))

        with pytest.raises(SessionInUse):
            riverside.do(lambda tx, now: seat_session(tx, magic.ids[0], venue_id=None, prices={}))
        seating = riverside.do(lambda tx, now: seat_offering(tx, magic.offering["id"], venue_id=None, prices={}))

        assert seating.kept == [magic.ids[0]]
        assert _capacities(riverside, *magic.ids) == [22, 1000]

    def test_a_venue_of_another_site_is_refused(self, riverside: Centre) -> None:
        other = riverside.edit(build.site, name="Hillside")
        barn = riverside.edit(build.add, Venue, site_id=other["id"], name="Barn")
        karate = riverside.course()

        with pytest.raises(Invalid, match="another site"):
            riverside.do(lambda tx, now: seat_offering(tx, karate.offering["id"], venue_id=barn["id"], prices={}))


class TestDatabase:
    """What the database itself refuses, whoever writes."""

    def _claim(self, centre: Centre, cart: Cart, **columns: object) -> None:
        row = centre.one(
            "SELECT o.id AS order_id, o.attendee_id, a.claim_key AS attendee_key FROM term_booking_order o "
            "JOIN attendee a ON a.id = o.attendee_id WHERE o.id = %(id)s", id=cart.id,
        )  # fmt: skip
        defaults = {"order_type": 0, "takes_place": True, "blocks_time": False, "during": "empty"}
        centre.edit(build.add, PlaceClaim, **{**row, **defaults, **columns})

    def test_a_claim_without_a_seat_of_another_venue_or_of_a_held_seat(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        hall, elsewhere = venue(riverside)
        riverside.submitted(rossi, rossi.child("Leo Rossi"), magic.asking("A1"))
        cart = riverside.cart(rossi, rossi.child(), magic.asking("A2"))
        session = {"term_product_id": magic.ids[0]}
        own = {"is_seated": True, "venue_id": magic.venue["id"]}
        wrong = (
            ({}, psycopg.errors.ForeignKeyViolation),
            ({"is_seated": True}, psycopg.errors.CheckViolation),
            ({**own, "seat_id": elsewhere["A2"]}, psycopg.errors.ForeignKeyViolation),
            ({**own, "venue_id": hall["id"], "seat_id": elsewhere["A2"]}, psycopg.errors.ForeignKeyViolation),
            ({**own, "seat_id": magic.seats["A1"]}, psycopg.errors.UniqueViolation),
        )
        for columns, error in wrong:
            with pytest.raises(error):
                self._claim(riverside, cart, **session, **columns)


def _capacities(centre: Centre, *session_ids: object) -> list[int]:
    rows = centre.rows("SELECT id, capacity FROM term_product WHERE id = ANY(%(ids)s)", ids=list(session_ids))
    found = {row["id"]: row["capacity"] for row in rows}
    return [found[session_id] for session_id in session_ids]


def test_a_free_type_keeps_its_own_price_when_only_one_is_set(riverside: Centre) -> None:
    magic, rossi = show(riverside, prices={REGULAR: 0}), riverside.family()

    assert riverside.cart(rossi, rossi.child(), magic.asking("B1")).total_minor == 0
    assert riverside.cart(rossi, rossi.child("Leo Rossi"), magic.asking("A1")).total_minor == 1130


class TestChangedMeanwhile:
    """An admin changes the seats at the very moment at which somebody asks for one."""

    def test_a_seat_that_is_being_asked_for_is_not_removed(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        draft = riverside.draft(rossi, rossi.child())
        rows = [Block("A-B", "1-6", VIP)]

        with ThreadPoolExecutor(1) as other, riverside.database.transaction(riverside.organisation_id) as tx:
            orders.save(tx, order_id=draft.id, lines=magic.asking("C2"), actor=rossi.actor, now=NOW)
            tx.flush()
            removal = other.submit(riverside.do, lambda tx, now: keep_seats(tx, magic.venue["id"], rows))
            _wait_for_a_lock(riverside)
        with pytest.raises(SeatInUse):
            removal.result(30)

    def test_a_seat_that_is_being_removed_is_none(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        draft = riverside.draft(rossi, rossi.child())

        with ThreadPoolExecutor(1) as other, riverside.database.transaction(riverside.organisation_id) as tx:
            keep_seats(tx, magic.venue["id"], [Block("A-B", "1-6", VIP)])
            saving = other.submit(riverside.save, draft, magic.asking("C2"), actor=rossi.actor)
            _wait_for_a_lock(riverside)

        assert codes(lambda: saving.result(30)) == ["seat_elsewhere"]

    def test_a_session_that_is_unseated_while_its_seat_is_taken(self, riverside: Centre) -> None:
        magic, rossi = show(riverside), riverside.family()
        cart = riverside.cart(rossi, rossi.child(), magic.asking("A1"))

        with ThreadPoolExecutor(1) as other, riverside.database.transaction(riverside.organisation_id) as tx:
            seat_session(tx, magic.ids[0], venue_id=None, prices={})
            submission = other.submit(riverside.submit, cart, actor=rossi.actor)
            _wait_for_a_lock(riverside)

        # Seated no more, the session has another price too: nobody pays what they did not see.
        assert codes(lambda: submission.result(30)) == ["price_changed", "session_not_seated"]


def _wait_for_a_lock(centre: Centre) -> None:
    """Until somebody waits for what this test holds."""
    with psycopg.connect(centre.url, autocommit=True) as looking:
        for _ in range(500):
            if looking.execute("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                               "AND datname = current_database()").fetchall():  # fmt: skip
                return
            time.sleep(0.01)
    raise AssertionError("nobody came to wait")


class TestChange:
    def booked(self, centre: Centre, *labels: str, weeks: int = 2) -> tuple[Show, Family, Cart]:
        magic, rossi = show(centre, *sundays(weeks)), centre.family(credit_limit_minor=100_000)
        return magic, rossi, centre.confirmed(rossi, rossi.child(), magic.asking(*labels))

    def seats_of(self, centre: Centre, order_id: UUID) -> list[str | None]:
        rows = centre.rows(
            "SELECT s.row_name || s.number AS label FROM term_booking_order_line l "
            "LEFT JOIN seat s ON s.id = l.seat_id WHERE l.order_id = %(id)s ORDER BY l.position", id=order_id,
        )  # fmt: skip
        return [row["label"] for row in rows]

    def begun(self, centre: Centre, rossi: Family, first: Cart) -> UUID:
        booking = centre.booking(first)["id"]
        order_id: UUID = centre.do(change_order.begin_change, booking_id=booking, actor=rossi.actor).order.id
        return order_id

    def test_begins_with_the_seats_that_are_booked_and_keeps_them(self, riverside: Centre) -> None:
        magic, rossi, first = self.booked(riverside, "A3")
        change = self.begun(riverside, rossi, first)
        begun = self.seats_of(riverside, change)

        # Who adds a session says nothing of the seat that is kept.
        lines = [magic.lines(0)[0], magic.asking("A1", "B3")[1]]
        saved = riverside.do(change_order.save, order_id=change, lines=lines, actor=rossi.actor)
        riverside.do(change_order.submit, order_id=change, confirmation_type=PAY_LATER, actor=rossi.actor,
                     price_fingerprint=saved.priced.fingerprint)  # fmt: skip

        assert begun == ["A3"]
        assert saved.notices == []
        assert self.seats_of(riverside, change) == ["A3", "B3"]
        assert (set(magic.holders(0)), set(magic.holders(1))) == ({"A3"}, {"B3"})

    def test_a_session_that_is_added_needs_a_seat(self, riverside: Centre) -> None:
        magic, rossi, first = self.booked(riverside, "A3")
        change = self.begun(riverside, rossi, first)

        saved = riverside.do(change_order.save, order_id=change, lines=magic.lines(0, 1), actor=rossi.actor)

        assert [reason.code for reason in saved.notices] == ["seat_required"]

    def test_the_seat_of_a_session_that_stays_is_not_changed(self, riverside: Centre) -> None:
        magic, rossi, first = self.booked(riverside, "A3")
        change = self.begun(riverside, rossi, first)

        saved = riverside.do(change_order.save, order_id=change, lines=magic.asking("A1", "B1"), actor=rossi.actor)

        assert [reason.code for reason in saved.notices] == ["seat_stays"]
        assert codes(lambda: riverside.do(
            change_order.submit, order_id=change, confirmation_type=PAY_LATER, actor=rossi.actor,
            price_fingerprint=saved.priced.fingerprint)) == ["seat_stays"]  # fmt: skip
        assert set(magic.holders(0)) == {"A3"}
