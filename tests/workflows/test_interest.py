"""An expression of interest: it blocks time, takes no place, costs nothing, and becomes a booking."""

from datetime import date
from typing import Any
from uuid import UUID

import pytest

from engine.errors import Invalid
from engine.fire import NotAllowedNow, Refused
from engine.ids import new_id
from engine.outbox import read_message
from models import TermBookingOrderType as Type
from models import TermBookingStatus as S
from notifications.email import compose
from tests import builders as build
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    SYSTEM,
    WEEK,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    orders,
    refused,
    sundays,
)
from tests.workflows.test_change_orders import Story
from workflows import conversion
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope
from workflows.interest_facts import Wishes
from workflows.messages import compose_message
from workflows.order_facts import lock_order
from workflows.term_end import end_terms

OFFERED = ["BOOKING", "TRIAL_SESSION", "EOI"]


def course(centre: Centre, *starts: Any, **columns: Any) -> Course:
    """A course that takes expressions of interest."""
    return centre.course(*starts, **{**columns, "rules": {"order_types": OFFERED, **columns.get("rules", {})}})


def program_of(centre: Centre, course: Course) -> UUID:
    """The program of a course; any of its offerings takes expressions of interest."""
    program_id: UUID = course.offering["program_id"]
    centre.rule("order_types", OFFERED, program_id, scope="PROGRAM")
    return program_id


def interest(centre: Centre, by: Family, child: Any, lines: Any, **known: Any) -> Cart:
    """A registered expression of interest."""
    cart = centre.cart(by, child, lines, order_type=Type.EOI, **known)
    centre.pull(orders.express, cart, actor=by.actor)
    return cart


def convert(centre: Centre, cart: Cart, by: Family, **known: Any) -> Cart:
    """The order that converts it, submitted."""
    begun = centre.do(conversion.begin, order_id=cart.id, actor=by.actor)
    made = Cart(begun.order.id, begun.order.reference, begun.priced.fingerprint, begun.priced.total_minor)
    centre.submit(made, actor=by.actor, **known)
    return made


class TestInterest:
    def test_blocks_time_and_takes_no_place(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(2), capacity=1)
        riverside.submitted(rossi, rossi.child("Leo Rossi"), karate.lines())  # it is full

        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        assert [(c["takes_place"], c["blocks_time"]) for c in riverside.claims(cart)] == [(False, True)] * 2
        assert riverside.taken(karate) == [1, 1]
        assert (riverside.billings(cart), riverside.timers(cart)) == ([], [])
        assert riverside.history(cart)[-1] == ("express", S.CREATED, S.SUBMITTED)

    def test_keeps_the_attendee_from_being_elsewhere(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, FIRST + HOUR / 2)
        mia = rossi.child()
        interest(riverside, rossi, mia, karate.lines())

        cart = riverside.cart(rossi, mia, soccer.lines())

        assert codes(lambda: riverside.submit(cart, actor=rossi.actor)) == ["double_booked"]

    def test_is_converted_into_a_booking_that_takes_the_place(self, riverside: Centre) -> None:
        rossi, karate = (
            riverside.family(),
            course(riverside, *sundays(2), rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 15}}),
        )
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())

        made = convert(riverside, cart, rossi)

        assert riverside.status(made) == S.SUBMITTED
        assert riverside.taken(karate) == [1, 1]
        assert len(riverside.claims(made)) == 2
        assert len(riverside.timers(made)) == 1
        assert riverside.billings(made) == [(1, False, 2260)]
        assert riverside.claims(cart) == []
        ended = riverside.order(cart)
        assert (ended["status"], ended["converted_into_id"]) == (S.REMOVED, made.id)
        assert ended["cancel_reason"] == f"converted into {made.reference}"
        assert riverside.history(cart)[-1] == ("convert", S.SUBMITTED, S.REMOVED)


class TestRegistering:
    def test_does_not_wait_for_registration_to_open(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, bookable_from=NOW + DAY)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        assert riverside.status(cart) == S.SUBMITTED
        begun = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor)
        assert [reason.code for reason in begun.notices] == ["not_open_yet"]

    def test_asks_who_may_come(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, age_from_months=12 * 12)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), order_type=Type.EOI)
        express = lambda **known: riverside.pull(orders.express, cart, **known)  # noqa: E731

        assert cart.notices == ["age_does_not_fit"]
        assert codes(lambda: express(actor=rossi.actor)) == ["age_does_not_fit"]
        express(override_reason="agreed with the trainer")
        assert riverside.status(cart) == S.SUBMITTED

    def test_is_not_submitted_quoted_or_confirmed(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        saved = riverside.cart(rossi, rossi.child(), karate.lines(), order_type=Type.EOI)
        cart = interest(riverside, rossi, rossi.child("Leo Rossi"), karate.lines())

        assert "is_interest" in codes(lambda: riverside.submit(saved, actor=rossi.actor))
        for verb in (orders.quote, orders.approve_attendance, orders.confirm):
            assert codes(lambda verb=verb: riverside.pull(verb, cart)) == ["is_interest"]  # type: ignore[misc]

    def test_is_for_expressions_of_interest_only(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        assert codes(lambda: riverside.pull(orders.express, cart, actor=rossi.actor)) == ["not_interest"]

    def test_what_is_refused_names_what_is_open_to_an_interest(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        with pytest.raises(NotAllowedNow) as refusal:
            riverside.pull(orders.accept, cart)

        assert refusal.value.facts["allowed"] == ["reopen", "remove", "cancel"]

    @pytest.mark.parametrize(("ends", "status"), [("reopen", S.CREATED), ("remove", S.REMOVED), ("cancel", S.CANCELED)])
    def test_is_taken_back(self, riverside: Centre, ends: str, status: S) -> None:
        rossi, karate = riverside.family(), course(riverside)
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())

        riverside.pull(getattr(orders, ends), cart, actor=rossi.actor)

        assert riverside.status(cart) == status
        riverside.submitted(rossi, mia, karate.lines())  # her time is free


class TestWishes:
    def test_an_interest_without_sessions_says_what_it_is_about(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, name="Soccer")
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.EOI)
        wishes = Wishes([karate.offering["id"]], [program_of(riverside, soccer)], "Not on Mondays")

        riverside.save(cart, [], actor=rossi.actor, wishes=wishes)
        riverside.pull(orders.express, cart, actor=rossi.actor)

        assert riverside.status(cart) == S.SUBMITTED
        assert riverside.order(cart)["note"] == "Not on Mondays"
        assert riverside.claims(cart) == []
        begun = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor)
        assert begun.facts.lines == []

    def test_are_replaced_with_the_cart(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.EOI)
        riverside.save(cart, [], actor=rossi.actor, wishes=Wishes([karate.offering["id"]], note="Mornings"))

        riverside.save(cart, [], actor=rossi.actor)

        assert codes(lambda: riverside.pull(orders.express, cart, actor=rossi.actor)) == ["nothing_wanted"]
        assert riverside.order(cart)["note"] == ""

    def test_are_of_an_interest_only(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.draft(rossi, rossi.child())
        save = lambda: riverside.save(cart, [], actor=rossi.actor, wishes=Wishes([karate.offering["id"]]))  # noqa: E731

        assert codes(save) == ["not_interest"]

    def test_are_for_what_takes_interest_in_the_term(self, riverside: Centre) -> None:
        rossi, summer = riverside.family(), riverside.edit(build.term, riverside.site, name="Summer 2026")
        course(riverside)  # something in the term takes interest
        wanted = [course(riverside, term=summer), riverside.course(), course(riverside, status="DRAFT")]
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.EOI)
        wishes = Wishes([each.offering["id"] for each in wanted], [wanted[1].offering["program_id"]])

        reasons = refused(lambda: riverside.save(cart, [], actor=rossi.actor, wishes=wishes))

        assert [(reason.code, reason.field) for reason in reasons] == [
            ("other_term", "wishes.offering_ids[0]"), ("order_type_not_offered", "wishes.offering_ids[1]"),
            ("offering_not_published", "wishes.offering_ids[2]"), ("order_type_not_offered", "wishes.program_ids[0]"),
        ]  # fmt: skip

    def test_bad_ones_are_named(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.EOI)
        known = karate.offering["id"]

        for wishes, field in (
            (Wishes([new_id()]), "wishes.offering_ids[0]"), (Wishes([], [known]), "wishes.program_ids[0]"),
            (Wishes([known, known]), "wishes.offering_ids[1]"), (Wishes([new_id() for _ in range(51)]), "wishes"),
        ):  # fmt: skip
            with pytest.raises(Invalid) as refusal:
                riverside.save(cart, [], actor=rossi.actor, wishes=wishes)
            assert [reason.field for reason in refusal.value.reasons] == [field]


class TestConversion:
    def test_a_refused_one_changes_nothing(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, capacity=1)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        riverside.submitted(rossi, rossi.child("Leo Rossi"), karate.lines())
        before = riverside.snapshot()

        assert codes(lambda: convert(riverside, cart, rossi)) == ["session_full"]

        after = riverside.snapshot()
        changed = {table for table, rows in after.items() if rows != before[table]}
        assert changed == {"term_booking_order", "term_booking_order_line", "status_event"}  # the cart alone
        assert riverside.status(cart) == S.SUBMITTED
        assert len(riverside.claims(cart)) == 1

    def test_takes_other_sessions_at_the_same_time(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, FIRST + HOUR / 2)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        begun = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor, lines=soccer.lines())
        made = Cart(begun.order.id, begun.order.reference, begun.priced.fingerprint)

        riverside.submit(made, actor=rossi.actor)

        assert begun.notices == []
        assert [c["term_product_id"] for c in riverside.claims(made)] == soccer.ids
        assert riverside.claims(cart) == []

    def test_leaves_out_what_is_over_or_closed(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(3))
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        riverside.run("UPDATE term_product SET status = 'CLOSED' WHERE id = %(id)s", id=karate.ids[1])

        begun = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor, now=NOW + 2 * WEEK)

        assert [line.session_id for line in begun.facts.lines] == [karate.ids[2]]
        riverside.pull(orders.remove, cart)  # the session was closed behind its back

    def test_confirms_at_once_where_nothing_is_to_be_paid(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, session_price_minor=0)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        made = convert(riverside, cart, rossi)

        assert riverside.status(made) == S.APPROVED

    def test_once(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        second = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor)
        made = convert(riverside, cart, rossi)
        riverside.pull(orders.cancel, made)
        again = Cart(second.order.id, second.order.reference, second.priced.fingerprint)

        assert codes(lambda: riverside.submit(again, actor=rossi.actor)) == ["nothing_to_convert"]
        with pytest.raises(Refused):
            riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor)

    def test_reopened_and_submitted_again(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        made = convert(riverside, cart, rossi)
        riverside.pull(orders.reopen, made, actor=rossi.actor)

        riverside.submit(made, actor=rossi.actor)

        assert riverside.taken(karate) == [1]
        assert riverside.status(cart) == S.REMOVED

    def test_tells_who_did_it(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        made = convert(riverside, cart, rossi)

        event = riverside.one("SELECT * FROM status_event WHERE subject_id = %(id)s AND trigger = 'convert'",
                              id=cart.id)  # fmt: skip
        assert (event["actor_kind"], event["reason"]) == ("SYSTEM", f"converted into {made.reference}")
        assert event["changes"] == {"into": made.reference, "into_order_id": str(made.id), "released": 1,
                                    "by": str(rossi.actor.user_id)}  # fmt: skip


class TestTheSameSessionConvertsByItself:
    @pytest.mark.parametrize("wanted", [Type.BOOKING, Type.TRIAL_SESSION])
    def test_and_the_interest_ends(self, riverside: Centre, wanted: Type) -> None:
        rossi, karate = riverside.family(), course(riverside)
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())

        made = riverside.submitted(rossi, mia, karate.lines(), order_type=wanted)

        assert made.notices == []
        ended = riverside.order(cart)
        assert (ended["status"], ended["converted_into_id"]) == (S.REMOVED, made.id)
        assert (len(riverside.claims(made)), riverside.claims(cart)) == (1, [])

    def test_or_stands_for_the_rest(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(3))
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())

        made = riverside.submitted(rossi, mia, karate.lines(0, 1))

        left = riverside.order(cart)
        assert (left["status"], left["total_minor"], left["converted_into_id"]) == (S.SUBMITTED, 1130, None)
        assert [c["term_product_id"] for c in riverside.claims(cart)] == [karate.ids[2]]
        assert riverside.history(cart)[-1] == ("narrow", S.SUBMITTED, S.SUBMITTED)
        begun = riverside.do(conversion.begin, order_id=cart.id, actor=rossi.actor)
        assert [line.session_id for line in begun.facts.lines] == [karate.ids[2]]
        assert len(riverside.claims(made)) == 2

    def test_or_for_what_else_it_wishes_for(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, name="Soccer")
        mia = rossi.child()
        cart = riverside.draft(rossi, mia, order_type=Type.EOI)
        riverside.save(cart, karate.lines(), actor=rossi.actor, wishes=Wishes([soccer.offering["id"]]))
        riverside.pull(orders.express, cart, actor=rossi.actor)

        riverside.submitted(rossi, mia, karate.lines())

        assert riverside.status(cart) == S.SUBMITTED
        assert riverside.claims(cart) == []

    def test_what_it_wishes_for_is_booked_now(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(2))
        mia = rossi.child()
        cart = riverside.draft(rossi, mia, order_type=Type.EOI)
        wishes = Wishes([karate.offering["id"]], [program_of(riverside, karate)])
        riverside.save(cart, karate.lines(0), actor=rossi.actor, wishes=wishes)
        riverside.pull(orders.express, cart, actor=rossi.actor)

        made = riverside.submitted(rossi, mia, karate.lines())

        assert riverside.order(cart)["converted_into_id"] == made.id

    def test_several_interests_in_one_order(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(2))
        mia = rossi.child()
        carts = [interest(riverside, rossi, mia, karate.lines(n)) for n in range(2)]

        made = riverside.submitted(rossi, mia, karate.lines())

        assert [riverside.order(cart)["converted_into_id"] for cart in carts] == [made.id] * 2

    def test_undated_sessions_too(self, riverside: Centre) -> None:
        rossi, reading = riverside.family(), course(riverside, None)
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, reading.lines())

        riverside.submitted(rossi, mia, reading.lines())

        assert riverside.claims(cart) == []

    def test_not_of_an_order_that_is_refused(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        mia = rossi.child()
        cart = interest(riverside, rossi, mia, karate.lines())
        wanted = riverside.cart(rossi, mia, karate.lines())

        with pytest.raises(Refused):
            riverside.submit(wanted, actor=rossi.actor, price_fingerprint="not what was shown")

        assert riverside.status(cart) == S.SUBMITTED
        assert len(riverside.claims(cart)) == 1

    def test_another_accounts_interest_is_in_the_way(self, riverside: Centre) -> None:
        rossi, bianchi, karate = riverside.family(), riverside.family("Bianchi family"), course(riverside)
        mia = rossi.child()
        riverside.share(mia, bianchi)
        cart = interest(riverside, rossi, mia, karate.lines())
        wanted = riverside.cart(bianchi, mia, karate.lines())

        (to_the_family,) = refused(lambda: riverside.submit(wanted, actor=bianchi.actor))
        (to_the_admin,) = refused(lambda: riverside.submit(wanted, actor=riverside.admin, how=ADMIN_CONFIRM))

        assert to_the_family.message == "Karate, Sun 12 Apr 2026 09:30–10:30: not available at this time."
        assert to_the_admin.message == (
            f"Mia Rossi has an interest in Karate, Sun 12 Apr 2026 09:30–10:30 ({cart.reference})."
        )
        assert riverside.status(cart) == S.SUBMITTED

    def test_late_money_revives_an_order_over_it(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate = course(riverside, rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 15}})
        mia = rossi.child()
        late = riverside.submitted(rossi, mia, karate.lines())
        riverside.sweep(NOW + 16 * MINUTE)
        cart = interest(riverside, rossi, mia, karate.lines())
        fingerprint = riverside.order(late)["price_fingerprint"]

        def revive(tx: Any, now: Any) -> None:
            order = lock_order(tx, late.id, actor=SYSTEM)
            orders.revive_locked(tx, order, paid_fingerprint=fingerprint, now=now, reason="paid late")

        riverside.do(revive, now=NOW + HOUR)

        assert riverside.order(cart)["converted_into_id"] == late.id
        assert riverside.status(late) == S.SUBMITTED


class TestMail:
    def test_says_what_was_registered(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(email="rossi@family.example"), course(riverside)
        cart = riverside.draft(rossi, rossi.child(), order_type=Type.EOI)
        wishes = Wishes(program_ids=[program_of(riverside, karate)], note="Any morning")
        riverside.save(cart, karate.lines(), actor=rossi.actor, wishes=wishes)

        riverside.pull(orders.express, cart, actor=rossi.actor)

        (mail,) = mails(riverside, cart.reference)
        assert mail["Subject"] == f"We have registered your interest for Mia Rossi ({cart.reference})"
        text = mail.get_body(("plain",)).get_content()
        for fact in (
            "Sun 12 Apr 2026",
            "- Karate",
            "You told us: Any morning",
            "No place is being held and nothing has been charged.",
        ):
            assert fact in text

    def test_says_what_it_has_become(self, riverside: Centre) -> None:
        rossi = riverside.family(email="rossi@family.example")
        karate = course(riverside, rules={"auto_cancel_minutes": {"PAY_NOW_PAY_ALL": 15}})
        cart = interest(riverside, rossi, rossi.child(), karate.lines())

        made = convert(riverside, cart, rossi)

        mail = mails(riverside, cart.reference)[-1]
        assert mail["Subject"] == f"Mia Rossi's expression of interest {cart.reference} is now order {made.reference}"
        text = mail.get_body(("plain",)).get_content()
        assert "Places held until: Tue 31 Mar 2026, 9:15" in text
        assert "Credited" not in text


def mails(centre: Centre, reference: str) -> list[Any]:
    """The mails about a record, oldest first."""
    found = centre.rows("SELECT id FROM outbox_message WHERE payload->>'reference' = %(reference)s ORDER BY id",
                        reference=reference)  # fmt: skip

    def read(tx: Any, now: Any) -> list[Any]:
        told = [
            compose_message(tx, read_message(tx, row["id"]), base_url="https://example.org", secret="for tests")
            for row in found
        ]
        return [compose(each, message_id=new_id(), from_address="office@example.org", now=now) for each in told if each]

    mails: list[Any] = centre.do(read)
    return mails


class TestTermEnd:
    def test_ends_what_nobody_converted(self, riverside: Centre) -> None:
        rossi, winter = riverside.family(), riverside.edit(
            build.term, riverside.site, name="Winter", starts_on=date(2026, 1, 5), ends_on=date(2026, 3, 31)
        )  # fmt: skip
        karate = course(riverside, FIRST - 2 * WEEK + 2 * DAY, term=winter)
        cart = riverside.cart(rossi, rossi.child(), karate.lines(), order_type=Type.EOI, term=winter)
        riverside.pull(orders.express, cart, actor=rossi.actor)

        before = end_terms(riverside.database, now=NOW)
        after = end_terms(riverside.database, now=NOW + DAY)

        assert (before, after) == (0, 1)
        ended = riverside.order(cart)
        assert (ended["status"], ended["cancel_reason"]) == (S.REMOVED, "the term has ended")
        assert riverside.claims(cart) == []
        assert end_terms(riverside.database, now=NOW + DAY) == 0


class TestClosedSession:
    def test_leaves_the_interest_and_the_rest_is_converted(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside, *sundays(2))
        cart = interest(riverside, rossi, rossi.child(), karate.lines())
        scope = Scope(session_id=karate.ids[0])
        seen = riverside.do(lambda tx, now: preview(tx, scope))["fingerprint"]

        riverside.do(close_day, scope=scope, fingerprint=seen, reason="burst pipe", actor=riverside.admin)
        made = convert(riverside, cart, rossi)

        assert riverside.order(cart)["converted_into_id"] == made.id
        assert [c["term_product_id"] for c in riverside.claims(made)] == [karate.ids[1]]


class TestChangeOfABooking:
    def test_takes_over_the_familys_own_interest(self, riverside: Centre) -> None:
        rossi, karate, soccer = riverside.family(), course(riverside), course(riverside, FIRST + DAY, name="Soccer")
        mia = rossi.child()
        booked = riverside.confirmed(rossi, mia, karate.lines())
        cart = interest(riverside, rossi, mia, soccer.lines())

        change = Story(riverside, rossi, mia, karate, booked).changed([*karate.lines(), *soccer.lines()])

        assert riverside.order(cart)["converted_into_id"] == change.id
        assert riverside.taken(soccer) == [1]
