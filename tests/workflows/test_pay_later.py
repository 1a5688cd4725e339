"""Pay later: for accounts in good standing, up to a limit, confirmed by the family in the same transaction."""

from datetime import timedelta

from engine.fire import Refused
from models import TermBookingStatus as S
from tests.engine.later import together
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    NOW,
    PAY_LATER,
    PAY_NOW,
    WEEK,
    Cart,
    Centre,
    Family,
    orders,
    refused,
    sundays,
)


def trusted(centre: Centre, limit_minor: int = 5000) -> Family:
    return centre.family(credit_limit_minor=limit_minor)


class TestPayLater:
    def test_by_a_family_is_confirmed_with_the_submit(self, riverside: Centre) -> None:
        rossi, karate = trusted(riverside), riverside.course(*sundays(2))
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        outcome = riverside.submit(cart, actor=rossi.actor, how=PAY_LATER)

        booking = riverside.booking(cart)
        assert outcome.made.booking.reference == booking["reference"]
        assert (riverside.status(cart), booking["status"], booking["payment_state"]) == (S.APPROVED, S.APPROVED, "OPEN")
        assert riverside.history(cart)[-2:] == [
            ("submit", S.CREATED, S.SUBMITTED), ("confirm", S.SUBMITTED, S.APPROVED),
        ]  # fmt: skip
        events = riverside.rows("SELECT at, actor_id FROM status_event WHERE subject_id = %(id)s "
                                "ORDER BY sequence", id=cart.id)[-2:]  # fmt: skip
        assert events == [{"at": NOW, "actor_id": rossi.actor.user_id}] * 2
        assert riverside.timers(cart) == []
        invoice = riverside.one("SELECT * FROM invoice WHERE booking_id = %(id)s", id=booking["id"])
        assert invoice["due_on"] - invoice["issued_on"] == timedelta(days=14)

    def test_by_an_admin_waits_for_the_confirmation(self, riverside: Centre) -> None:
        rossi, karate = trusted(riverside), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER, actor=riverside.admin)

        before = riverside.status(cart)
        riverside.pull(orders.confirm, cart)

        assert (before, riverside.status(cart)) == (S.SUBMITTED, S.APPROVED)

    def test_up_to_the_limit_to_the_cent(self, riverside: Centre) -> None:
        karate = riverside.course(*sundays(2))
        enough, short = trusted(riverside, 2260), trusted(riverside, 2259)

        bought = riverside.submitted(enough, enough.child(), karate.lines(), how=PAY_LATER)
        cart = riverside.cart(short, short.child(), karate.lines())
        (reason,) = refused(lambda: riverside.submit(cart, actor=short.actor, how=PAY_LATER))

        assert riverside.status(bought) == S.APPROVED
        assert (reason.code, reason.rule, reason.facts) == (
            "pay_later_limit", "pay_later", {"limit_minor": 2259, "owed_minor": 0},
        )  # fmt: skip
        assert (
            reason.message == "Pay later goes up to $22.59: $0.00 is open and this order adds $22.60. "
            "Choose another way to pay."
        )
        assert riverside.status(cart) == S.CREATED

    def test_counts_unpaid_invoices_and_open_orders(self, riverside: Centre) -> None:
        rossi, karate = trusted(riverside, 3000), riverside.course(*sundays(1))
        riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER)
        riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER, actor=riverside.admin)

        cart = riverside.cart(rossi, rossi.child(), karate.lines())
        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor, how=PAY_LATER))

        assert reason.facts == {"limit_minor": 3000, "owed_minor": 2260}

    def test_does_not_count_what_waits_for_its_payment(self, riverside: Centre) -> None:
        rossi, karate = trusted(riverside, 1130), riverside.course()
        riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_NOW)

        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER)

        assert riverside.status(cart) == S.APPROVED

    def test_asks_the_rule_where_the_account_has_no_limit(self, riverside: Centre) -> None:
        rossi = riverside.family()
        generous = riverside.course(rules={"pay_later_limit_minor": 100_00})
        strict = riverside.course(name="Soccer", rules={"pay_later_limit_minor": 11_29})

        bought = riverside.submitted(rossi, rossi.child(), generous.lines(), how=PAY_LATER)
        other = riverside.family()
        cart = riverside.cart(other, other.child(), strict.lines())

        assert riverside.status(bought) == S.APPROVED
        reasons = refused(lambda: riverside.submit(cart, actor=other.actor, how=PAY_LATER))
        assert [reason.code for reason in reasons] == ["pay_later_limit"]

    def test_is_for_nobody_unless_a_rule_says_so(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.cart(rossi, rossi.child(), karate.lines())

        reasons = refused(lambda: riverside.submit(cart, actor=rossi.actor, how=PAY_LATER))

        assert [reason.code for reason in reasons] == ["pay_later_limit"]

    def test_not_with_an_invoice_overdue(self, riverside: Centre) -> None:
        rossi, karate = trusted(riverside), riverside.course(FIRST + 6 * WEEK)
        riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER)
        last_day, next_day = NOW + 14 * DAY, NOW + 15 * DAY

        fine = riverside.submitted(rossi, rossi.child(), karate.lines(), how=PAY_LATER, now=last_day)
        cart = riverside.cart(rossi, rossi.child(), karate.lines())
        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor, how=PAY_LATER, now=next_day))

        assert riverside.status(fine) == S.APPROVED
        assert (reason.code, reason.rule) == ("overdue", "pay_later")
        number = reason.facts["invoices"][0]
        assert reason.message == (
            f"Pay later needs every due invoice paid; overdue: {number} ($11.30 since 14 Apr 2026). "
            "Pay $11.30 and submit again."
        )

    def test_limits_the_confirmation_of_an_admin_too(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.submitted(rossi, rossi.child(), karate.lines(), how=ADMIN_CONFIRM)

        reasons = refused(lambda: riverside.pull(orders.confirm, cart, confirmation_type=PAY_LATER))

        assert [reason.code for reason in reasons] == ["pay_later_limit"]

    def test_two_at_once_do_not_pass_the_limit_together(self, riverside: Centre) -> None:
        """The account's lock: what one order adds, the other one sees."""
        karate = riverside.course(capacity=100)
        for _ in range(10):
            rossi = trusted(riverside, 1130)
            carts = [riverside.cart(rossi, rossi.child(f"Child {n}"), karate.lines()) for n in range(2)]

            def submit(number: int, carts: list[Cart] = carts, rossi: Family = rossi) -> list[str]:
                try:
                    riverside.submit(carts[number], actor=rossi.actor, how=PAY_LATER)
                except Refused as refusal:
                    return [reason.code for reason in refusal.reasons]
                return []

            assert sorted(together(2, submit)) == [[], ["pay_later_limit"]]
