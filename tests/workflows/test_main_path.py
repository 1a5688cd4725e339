"""The main path, room by room: what stands in the database after each step from Draft to Approved."""

from datetime import date
from functools import cached_property

import pytest

from models import TermBookingStatus as S
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    MINUTE,
    NOW,
    PAY_NOW,
    TRIAL,
    Cart,
    Centre,
    orders,
    refused,
    sundays,
)


def ledger(centre: Centre, cart: Cart) -> dict[str, int]:
    """What the books say of the family's account, by ledger account."""
    rows = centre.rows(
        "SELECT ledger_account, sum(amount_minor)::bigint AS amount FROM ledger_posting WHERE account_id = %(id)s "
        "GROUP BY 1", id=centre.order(cart)["account_id"],
    )  # fmt: skip
    return {row["ledger_account"]: row["amount"] for row in rows}


def topics(centre: Centre, cart: Cart) -> list[str]:
    rows = centre.rows("SELECT topic FROM outbox_message WHERE payload->>'reference' = %(ref)s ORDER BY id",
                       ref=cart.reference)  # fmt: skip
    return [row["topic"] for row in rows]


class Story:
    """An admin books ten Sundays of Karate for Mia Rossi; each step is taken when it is first asked for."""

    def __init__(self, centre: Centre) -> None:
        self.centre = centre
        self.rossi = centre.family()
        self.mia = self.rossi.child()
        self.karate = centre.course(*sundays(10), rules={"tax": {"name": "HST", "rate_percent": "13"}})

    @cached_property
    def drafted(self) -> Cart:
        return self.centre.draft(self.rossi, self.mia, actor=self.centre.admin)

    @cached_property
    def saved(self) -> Cart:
        return self.centre.save(self.drafted, self.karate.lines(), actor=self.centre.admin)

    @cached_property
    def submitted(self) -> Cart:
        self.centre.submit(self.saved, actor=self.centre.admin, how=PAY_NOW)
        return self.saved

    @cached_property
    def quoted(self) -> Cart:
        cart = self.submitted
        # What the catalogue asks later does not touch the price that is frozen.
        self.centre.run("UPDATE term_product SET price_minor = 9900 WHERE id = %(id)s", id=self.karate.ids[0])
        self.centre.pull(orders.quote, cart)
        return cart

    @cached_property
    def accepted(self) -> Cart:
        self.centre.pull(orders.accept, self.quoted, actor=self.rossi.actor, now=NOW + 60 * MINUTE)
        return self.quoted

    @cached_property
    def confirmed(self) -> Cart:
        self.centre.pull(orders.confirm, self.accepted, now=NOW + 62 * MINUTE, reason="subsidy",
                         confirmation_type=ADMIN_CONFIRM)  # fmt: skip
        return self.accepted


@pytest.fixture(scope="module")
def story(riverside: Centre) -> Story:
    return Story(riverside)


class TestTenSundaysOfKarate:
    def test_draft_holds_nothing(self, riverside: Centre, story: Story) -> None:
        cart = story.drafted

        order = riverside.order(cart)
        assert (order["status"], order["version"], order["made_by"]) == (S.DRAFT, 1, "ADMIN")
        assert (order["group_id"], order["billing_id"], order["booking_id"]) == (None, None, None)
        assert riverside.history(cart) == [("new", None, S.DRAFT)]
        assert riverside.claims(cart) == []

    def test_created_is_priced_and_holds_nothing(self, riverside: Centre, story: Story) -> None:
        cart = story.saved

        order = riverside.order(cart)
        assert (order["status"], order["total_minor"]) == (S.CREATED, 11_300)
        assert order["price_fingerprint"] == cart.fingerprint
        assert riverside.claims(cart) == riverside.timers(cart) == riverside.billings(cart) == []
        assert riverside.taken(story.karate) == [0] * 10

    def test_submitted_holds_the_places_and_opens_the_billing(self, riverside: Centre, story: Story) -> None:
        cart = story.submitted

        assert riverside.status(cart) == S.SUBMITTED
        assert riverside.taken(story.karate) == [1] * 10
        assert len(riverside.claims(cart)) == 10
        assert riverside.billings(cart) == [(1, False, 11_300)]
        assert riverside.timers(cart) == [("AUTO_CANCEL", "ARMED", NOW + 15 * MINUTE)]
        assert ledger(riverside, cart) == {}

    def test_tax_is_inside_and_each_line_explains_itself(self, riverside: Centre, story: Story) -> None:
        lines = riverside.rows("SELECT l.* FROM billing_line l JOIN billing b ON b.id = l.billing_id "
                               "WHERE b.order_id = %(id)s ORDER BY l.position", id=story.submitted.id)  # fmt: skip

        assert [(line["net_minor"], line["tax_minor"], line["gross_minor"]) for line in lines] == [
            (1000, 130, 1130)
        ] * 10
        assert [step["step"] for step in lines[0]["trace"]] == ["base", "tax"]
        assert lines[0]["description"] == "Karate, Sun 12 Apr 2026 09:30–10:30"

    def test_quote_is_numbered_and_freezes_the_price(self, riverside: Centre, story: Story) -> None:
        cart = story.quoted

        quote = riverside.one("SELECT * FROM quote WHERE order_id = %(id)s", id=cart.id)
        assert riverside.status(cart) == S.QUOTE
        assert (quote["series"], quote["year"], quote["number"]) == ("Q", 2026, 1)
        assert (quote["total_minor"], quote["issued_on"]) == (11_300, date(2026, 3, 31))
        # Fourteen days would run past the cut-off of the first session.
        assert quote["expires_at"] == story.karate.sessions[0]["starts_at"]
        assert riverside.timers(cart) == [
            ("AUTO_CANCEL", "DISARMED", NOW + 15 * MINUTE), ("QUOTE_EXPIRY", "ARMED", quote["expires_at"]),
        ]  # fmt: skip

    def test_accept_arms_the_confirmation_types_timer(self, riverside: Centre, story: Story) -> None:
        cart = story.accepted

        assert riverside.status(cart) == S.ACCEPT
        assert [t for t in riverside.timers(cart) if t[1] == "ARMED"] == [("AUTO_CANCEL", "ARMED", NOW + 75 * MINUTE)]
        assert riverside.taken(story.karate) == [1] * 10

    def test_confirm_needs_its_payment(self, riverside: Centre, story: Story) -> None:
        (reason,) = refused(lambda: riverside.pull(orders.confirm, story.accepted, now=NOW + 61 * MINUTE))

        assert (reason.code, reason.facts) == (
            "not_paid",
            {
                "total_minor": 11_300,
                "required_minor": 11_300,
                "paid_minor": 0,
            },
        )

    def test_confirmed_makes_booking_invoice_and_roll_at_once(self, riverside: Centre, story: Story) -> None:
        cart = story.confirmed

        booking = riverside.booking(cart)
        invoice = riverside.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=booking["id"])
        rolls = riverside.rows("SELECT * FROM term_attendance WHERE booking_id = %(id)s", id=booking["id"])
        assert riverside.order(cart)["booking_id"] == booking["id"]
        assert (booking["status"], booking["payment_state"], booking["total_minor"]) == (S.APPROVED, "OPEN", 11_300)
        assert (invoice["series"], invoice["number"]) == ("INV", 1)
        assert (invoice["net_minor"], invoice["tax_minor"], invoice["total_minor"]) == (10_000, 1_300, 11_300)
        assert (invoice["issued_on"], invoice["due_on"]) == (date(2026, 3, 31), date(2026, 4, 14))
        assert {r["term_product_id"] for r in rolls} == set(story.karate.ids)
        assert {r["status"] for r in rolls} == {"EXPECTED"}
        assert riverside.taken(story.karate) == [1] * 10
        assert all(timer[1] == "DISARMED" for timer in riverside.timers(cart))
        assert ledger(riverside, cart) == {"RECEIVABLE": 11_300, "DEFERRED_REVENUE": -10_000, "TAX": -1_300}

    def test_invoice_lines_are_the_billed_lines(self, riverside: Centre, story: Story) -> None:
        booking = riverside.booking(story.confirmed)

        lines = riverside.rows("SELECT l.* FROM invoice_line l JOIN invoice i ON i.id = l.invoice_id "
                               "WHERE i.booking_id = %(id)s ORDER BY l.position", id=booking["id"])  # fmt: skip

        assert [line["session_date"] for line in lines] == [start.date() for start in sundays(10)]
        assert sum(line["gross_minor"] for line in lines) == 11_300
        assert {line["tax_name"] for line in lines} == {"HST"}

    def test_history_is_an_unbroken_chain(self, riverside: Centre, story: Story) -> None:
        assert riverside.history(story.confirmed) == [
            ("new", None, S.DRAFT), ("save", S.DRAFT, S.CREATED), ("submit", S.CREATED, S.SUBMITTED),
            ("quote", S.SUBMITTED, S.QUOTE), ("accept", S.QUOTE, S.ACCEPT), ("confirm", S.ACCEPT, S.APPROVED),
        ]  # fmt: skip
        events = riverside.rows("SELECT * FROM status_event WHERE subject_id = %(id)s ORDER BY sequence",
                                id=story.confirmed.id)  # fmt: skip
        assert [event["sequence"] for event in events] == [1, 2, 3, 4, 5, 6]
        assert [event["actor_kind"] for event in events] == ["ADMIN"] * 4 + ["FAMILY", "ADMIN"]
        assert events[-1]["reason"] == "subsidy"

    def test_each_visible_step_is_announced(self, riverside: Centre, story: Story) -> None:
        assert topics(riverside, story.confirmed) == ["order.submitted", "order.quoted", "booking.confirmed"]


class TestSaving:
    def test_replaces_what_was_in_the_cart(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        cart = riverside.cart(rossi, rossi.child(), karate.lines(0, 1))

        riverside.save(cart, karate.lines(2), actor=rossi.actor)

        lines = riverside.rows("SELECT * FROM term_booking_order_line WHERE order_id = %(id)s", id=cart.id)
        assert [line["term_product_id"] for line in lines] == [karate.ids[2]]
        assert cart.total_minor == 1130

    def test_an_empty_cart_is_saved_and_not_submitted(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        riverside.save(cart, [], actor=rossi.actor)

        assert riverside.rows("SELECT * FROM term_booking_order_line WHERE order_id = %(id)s", id=cart.id) == []
        assert (riverside.status(cart), cart.total_minor) == (S.CREATED, 0)
        codes = [r.code for r in refused(lambda: riverside.submit(cart, actor=rossi.actor))]
        assert codes == ["cart_empty"]

    def test_shows_what_a_submit_would_be_refused_for(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()
        full = riverside.course(session={"capacity": 0}, age_from_months=12 * 12, bookable_from=NOW + 5 * MINUTE)
        riverside.submitted(rossi, mia, riverside.course(name="Soccer").lines())

        cart = riverside.cart(rossi, mia, full.lines())

        assert sorted(cart.notices) == ["age_does_not_fit", "double_booked", "not_open_yet", "session_full"]
        assert riverside.status(cart) == S.CREATED


class TestTrial:
    def test_shares_submit_and_confirm_with_booking(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()

        cart = riverside.confirmed(rossi, rossi.child(), karate.lines(), order_type=TRIAL)

        assert riverside.booking(cart)["order_type"] == TRIAL
        assert riverside.taken(karate) == [1]

    def test_is_limited_per_attendee_and_program(self, riverside: Centre) -> None:
        rossi, program = riverside.family(), riverside.program()
        mia = rossi.child()
        mornings, evenings = (
            riverside.course(*sundays(2), program=program),
            riverside.course(*(s + 600 * MINUTE for s in sundays(2)), program=program, name="Karate evenings"),
        )  # fmt: skip
        riverside.submitted(rossi, mia, mornings.lines(0), order_type=TRIAL)

        other = riverside.cart(rossi, mia, evenings.lines(0), order_type=TRIAL)
        (reason,) = refused(lambda: riverside.submit(other, actor=rossi.actor))

        assert (reason.code, reason.rule) == ("trial_limit", "trial_limit")
        assert reason.message == "Mia Rossi may try Karate once; already taken: 1, asked for: 1."
        leo = riverside.submitted(rossi, rossi.child("Leo Rossi"), evenings.lines(0), order_type=TRIAL)
        assert riverside.status(leo) == S.SUBMITTED

    def test_counts_sessions_not_orders(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia, karate = rossi.child(), riverside.course(*sundays(4), rules={"trial_limit": 3})
        riverside.submitted(rossi, mia, karate.lines(0, 1), order_type=TRIAL)

        cart = riverside.cart(rossi, mia, karate.lines(2, 3), order_type=TRIAL)

        assert [r.code for r in refused(lambda: riverside.submit(cart, actor=rossi.actor))] == ["trial_limit"]

    def test_a_cancelled_trial_may_be_had_again(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        mia = rossi.child()
        first = riverside.submitted(rossi, mia, karate.lines(), order_type=TRIAL)
        riverside.pull(orders.cancel, first, actor=rossi.actor)

        assert riverside.status(riverside.submitted(rossi, mia, karate.lines(), order_type=TRIAL)) == S.SUBMITTED


class TestUndatedSession:
    """Independent work of a university's timetable: capacity, no time to conflict with, no roll."""

    def test_is_booked_beside_anything_and_is_on_no_roll(self, riverside: Centre) -> None:
        rossi = riverside.family()
        lab = riverside.course(None, name="Independent work", capacity=2)
        karate = riverside.course()

        cart = riverside.confirmed(rossi, rossi.child(), [*karate.lines(), *lab.lines()])

        assert riverside.taken(lab) == [1]
        rolls = riverside.rows("SELECT term_product_id AS id FROM term_attendance WHERE booking_id = %(id)s",
                               id=riverside.booking(cart)["id"])  # fmt: skip
        assert [roll["id"] for roll in rolls] == karate.ids

    def test_alone_makes_a_booking_without_a_roll(self, riverside: Centre) -> None:
        rossi, lab = riverside.family(), riverside.course(None, name="Independent work")

        cart = riverside.confirmed(rossi, rossi.child(), lab.lines())

        assert riverside.status(cart) == S.APPROVED
        assert riverside.rows("SELECT * FROM term_attendance WHERE booking_id = %(id)s",
                              id=riverside.booking(cart)["id"]) == []  # fmt: skip

    def test_has_places_and_is_had_once(self, riverside: Centre) -> None:
        rossi, lab = riverside.family(), riverside.course(None, name="Independent work", capacity=1)
        mia = rossi.child()
        riverside.submitted(rossi, mia, lab.lines())

        again, leo = riverside.cart(rossi, mia, lab.lines()), riverside.cart(rossi, rossi.child("Leo"), lab.lines())

        assert sorted(again.notices) == ["double_booked", "session_full"]
        assert leo.notices == ["session_full"]
