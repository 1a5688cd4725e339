"""A family books several children in one step: begun, saved, submitted and refused together."""

import pytest

from engine.errors import Invalid, NotFound
from engine.fire import NotAllowedNow
from models import TermBookingStatus as S
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    DAY,
    FIRST,
    HOUR,
    MINUTE,
    NOW,
    PAY_LATER,
    PAY_NOW,
    Cart,
    Centre,
    orders,
    refused,
    sundays,
)
from tests.workflows.groups import begin, fill, order_ids, statuses, submit
from tests.workflows.hall import show
from workflows import group_order


class TestBegin:
    def test_makes_an_order_for_each_child_and_holds_nothing(self, riverside: Centre) -> None:
        rossi, karate, swim = riverside.family(), riverside.course(*sundays(2)), riverside.course(name="Swimming")
        mia, leo = rossi.child(), rossi.child("Leo Rossi")

        group = begin(riverside, rossi, [(mia, karate.lines()), (leo, swim.lines())])

        assert statuses(riverside, group) == [S.CREATED, S.CREATED]
        assert [outcome.order.total_minor for outcome in group.outcomes] == [2260, 1130]
        assert group.total_minor == 3390
        assert riverside.taken(karate) == [0, 0]

    def test_shows_what_a_submission_would_be_refused_for(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        mia, leo = rossi.child(), rossi.child("Leo Rossi")

        group = begin(riverside, rossi, [(mia, karate.lines()), (leo, karate.lines())])

        noticed = [[reason.code for reason in outcome.notices or ()] for outcome in group.outcomes]
        assert noticed == [[], ["session_full"]]

    def test_has_one_order_for_each_child(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        mia = rossi.child()

        with pytest.raises(Invalid) as refusal:
            begin(riverside, rossi, [(mia, karate.lines()), (mia, karate.lines())])

        (reason,) = refusal.value.reasons
        assert (reason.code, reason.field) == ("twice", "orders[1].attendee_id")

    def test_names_the_cart_and_line_of_every_fault(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        unknown = [{"session_id": riverside.organisation_id}]

        with pytest.raises(Invalid) as refusal:
            begin(riverside, rossi, [(rossi.child(), karate.lines()), (rossi.child("Leo Rossi"), unknown)])

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("unknown", "orders[1].lines[0].session_id")]
        assert riverside.rows("SELECT FROM group_order WHERE account_id = %(id)s", id=rossi.id) == []

    def test_of_another_familys_child_is_not_found(self, riverside: Centre) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), riverside.course()

        with pytest.raises(NotFound):
            begin(riverside, rossi, [(rossi.child(), karate.lines()), (chen.child("Lin Chen"), karate.lines())])


class TestSave:
    def test_fills_the_carts_anew(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3))
        mia, leo = rossi.child(), rossi.child("Leo Rossi")
        group = begin(riverside, rossi, [(mia, karate.lines()), (leo, karate.lines())])

        saved = riverside.do(group_order.save, group_order_id=group.id, actor=rossi.actor,
                             asked=[{"attendee_id": leo["id"], "lines": karate.lines(1)}])  # fmt: skip

        assert [outcome.order.total_minor for outcome in saved.outcomes] == [0, 1130]
        assert saved.price_fingerprint != group.price_fingerprint

    def test_for_a_child_that_is_not_in_it_is_refused(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(), karate.lines())])

        with pytest.raises(Invalid) as refusal:
            riverside.do(group_order.save, group_order_id=group.id, actor=rossi.actor,
                         asked=[{"attendee_id": rossi.child("Leo Rossi")["id"], "lines": []}])  # fmt: skip

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("unknown", "orders[0].attendee_id")]


class TestSubmit:
    def test_takes_the_places_of_all_at_once(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2), capacity=3)
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo", "Ada")])

        submitted = submit(riverside, group, actor=rossi.actor)

        assert statuses(riverside, group) == [S.SUBMITTED] * 3
        assert riverside.taken(karate) == [3, 3]
        assert submitted.total_minor == 3 * 2260
        versions = [riverside.billings(Cart(each, "")) for each in order_ids(group)]
        assert versions == [[(1, False, 2260)], [(2, False, 2260)], [(3, False, 2260)]]

    def test_goes_on_in_the_familys_billing_group(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(2))
        earlier = riverside.submitted(rossi, rossi.child("Ada Rossi"), karate.lines(0))
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])

        submit(riverside, group, actor=rossi.actor)

        assert riverside.billings(earlier) == [(1, False, 1130)]
        assert [riverside.billings(Cart(each, ""))[0][0] for each in order_ids(group)] == [2, 3]

    def test_each_order_has_its_own_timeout_and_they_run_out_together(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        submit(riverside, group, actor=rossi.actor)

        riverside.sweep(NOW + 16 * MINUTE)

        assert statuses(riverside, group) == [S.CANCELED] * 2
        assert riverside.taken(karate) == [0]

    def test_by_pay_later_is_confirmed_in_the_same_step(self, riverside: Centre) -> None:
        rossi = riverside.family(credit_limit_minor=2260)
        karate = riverside.course(rules={"confirmation_types": ["PAY_NOW_PAY_ALL", "CONFIRM_WITHOUT_PAYMENT"]})
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])

        submitted = submit(riverside, group, actor=rossi.actor, how=PAY_LATER)

        assert statuses(riverside, group) == [S.APPROVED] * 2
        assert all(outcome.made and outcome.made.invoice_id for outcome in submitted.outcomes)

    def test_by_pay_later_counts_what_the_siblings_owe(self, riverside: Centre) -> None:
        rossi = riverside.family(credit_limit_minor=2259)
        karate = riverside.course(rules={"confirmation_types": ["PAY_NOW_PAY_ALL", "CONFIRM_WITHOUT_PAYMENT"]})
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])

        (reason,) = refused(lambda: submit(riverside, group, actor=rossi.actor, how=PAY_LATER))

        assert reason.code == "pay_later_limit"
        assert statuses(riverside, group) == [S.CREATED] * 2

    def test_a_second_time_is_refused(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(), karate.lines())])
        submit(riverside, group, actor=rossi.actor)

        with pytest.raises(NotAllowedNow) as refusal:
            submit(riverside, group, actor=rossi.actor)

        assert refusal.value.facts == {"status": "SUBMITTED", "trigger": "submit", "allowed": ["confirm", "pay"]}

    def test_of_a_group_of_another_family_is_not_found(self, riverside: Centre) -> None:
        rossi, chen, karate = riverside.family(), riverside.family("Chen family"), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(), karate.lines())])

        with pytest.raises(NotFound):
            submit(riverside, group, actor=chen.actor)

    def test_leaves_out_an_order_that_was_removed(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        riverside.pull(orders.remove, Cart(order_ids(group)[0], ""), actor=rossi.actor)
        saved = riverside.do(group_order.save, group_order_id=group.id, actor=rossi.actor, asked=[
            {"attendee_id": group.outcomes[1].order.attendee_id, "lines": karate.lines()}])  # fmt: skip

        submit(riverside, saved, actor=rossi.actor)

        assert statuses(riverside, group) == [S.REMOVED, S.SUBMITTED]


class TestAllOrNothing:
    def test_submits_nothing_where_one_place_is_missing_and_names_every_conflict(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(3), capacity=2)
        swim = riverside.course(FIRST + HOUR / 2, name="Swimming")
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        riverside.submitted(rossi, leo, swim.lines())
        fill(riverside, karate, 1, places=1)
        fill(riverside, karate, 2, places=2)
        group = begin(riverside, rossi, [(mia, karate.lines()), (leo, karate.lines())])
        before = riverside.snapshot()

        reasons = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert [(reason.code, reason.field) for reason in reasons] == [
            ("session_full", "orders[0].lines[2].session_id"),
            ("session_full", "orders[1].lines[1].session_id"),
            ("session_full", "orders[1].lines[2].session_id"),
            ("double_booked", "orders[1].lines[0].session_id"),
        ]
        assert reasons[1].message == "Leo Rossi: Karate, Sun 19 Apr 2026 09:30–10:30 is full (2 places)."
        assert reasons[1].facts["attendee_id"] == str(leo["id"])
        assert riverside.snapshot() == before

    def test_two_siblings_and_one_place_is_one_conflict(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=1)
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])

        (reason,) = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert (reason.code, reason.field) == ("session_full", "orders[1].lines[0].session_id")
        assert riverside.taken(karate) == [0]

    def test_at_another_price_shows_the_price_of_all(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        riverside.run("UPDATE term_product SET price_minor = 1500 WHERE id = %(id)s", id=karate.ids[0])

        (reason,) = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert (reason.code, reason.facts["total_minor"]) == ("price_changed", 3000)
        submit(riverside, group, actor=rossi.actor, price_fingerprint=reason.facts["price_fingerprint"])
        assert statuses(riverside, group) == [S.SUBMITTED] * 2

    def test_one_of_it_is_not_submitted_alone_before(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        order = group.outcomes[0].order
        cart = Cart(order.id, order.reference, order.price_fingerprint)

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert (reason.code, reason.facts["group_order_id"]) == ("group_order_open", str(group.id))

    def test_one_of_it_goes_its_own_way_after(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        submit(riverside, group, actor=rossi.actor)
        order = group.outcomes[0].order
        cart = Cart(order.id, order.reference, order.price_fingerprint)

        riverside.pull(orders.reopen, cart, actor=rossi.actor)
        riverside.submit(cart, actor=rossi.actor, now=NOW + DAY)

        assert statuses(riverside, group) == [S.SUBMITTED] * 2

    def test_of_an_admin_sets_rules_aside_with_a_reason(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(age_from_months=12 * 12)
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])

        reasons = refused(lambda: submit(riverside, group, actor=rossi.actor, how=PAY_NOW))
        submit(riverside, group, actor=riverside.admin, how=ADMIN_CONFIRM, override_reason="they train with seniors")

        assert [reason.code for reason in reasons] == ["age_does_not_fit"] * 2
        assert statuses(riverside, group) == [S.SUBMITTED] * 2

    def test_a_promo_code_is_good_for_one_of_its_orders(self, riverside: Centre) -> None:
        promo = {"kind": "PROMO_CODE", "order": 4, "amount_minor": 500, "conditions": {"code": "TOGETHER"}}
        rossi, karate = riverside.family(), riverside.course(rules={"discounts": [promo]})
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        for order_id in order_ids(group):
            riverside.save(Cart(order_id, ""), karate.lines(), actor=rossi.actor, promo_code="TOGETHER")

        reasons = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert [(reason.code, reason.field) for reason in reasons[1:]] == [
            ("promo_code_used_before", "orders[1].promo_code")
        ]


class TestConfirm:
    def test_confirms_all_that_wait_for_it(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        children = [rossi.child(name) for name in ("Mia", "Leo", "Ada")]
        group = begin(riverside, rossi, [(child, karate.lines()) for child in children])
        submit(riverside, group, actor=riverside.admin, how=ADMIN_CONFIRM)
        riverside.pull(orders.cancel, Cart(order_ids(group)[2], ""))

        confirmed = riverside.do(group_order.confirm, group_order_id=group.id, actor=riverside.admin, reason="agreed")

        assert statuses(riverside, group) == [S.APPROVED, S.APPROVED, S.CANCELED]
        numbers = [riverside.one("SELECT number FROM invoice WHERE id = %(id)s", id=outcome.made.invoice_id)["number"]
                   for outcome in confirmed.outcomes if outcome.made]  # fmt: skip
        assert numbers[1] == numbers[0] + 1
        with pytest.raises(NotAllowedNow):
            riverside.do(group_order.confirm, group_order_id=group.id, actor=riverside.admin, reason="again")

    def test_is_refused_for_all_where_one_is_not_paid(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        submit(riverside, group, actor=rossi.actor)
        riverside.pay(Cart(order_ids(group)[0], ""), 1130)

        (reason,) = refused(lambda: riverside.do(group_order.confirm, group_order_id=group.id, actor=riverside.admin))

        assert (reason.code, reason.field) == ("not_paid", "orders[1]")
        assert statuses(riverside, group) == [S.SUBMITTED] * 2


class TestTogether:
    def test_siblings_of_one_submission_count_for_each_others_discount(self, riverside: Centre) -> None:
        sibling = {"kind": "SIBLING", "order": 1, "percent": "10"}
        rossi = riverside.family()
        karate = riverside.course(session_price_minor=3000, rules={"discounts": [sibling]})

        group = begin(riverside, rossi, [(rossi.child(name), karate.lines()) for name in ("Mia", "Leo")])
        submit(riverside, group, actor=rossi.actor)

        assert [outcome.order.total_minor for outcome in group.outcomes] == [3000, 2700]
        assert [riverside.billings(Cart(each, ""))[0][2] for each in order_ids(group)] == [3000, 2700]

    def test_two_siblings_do_not_sit_on_one_seat(self, riverside: Centre) -> None:
        rossi, magic = riverside.family(), show(riverside)
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        group = begin(riverside, rossi, [(mia, magic.asking("A1")), (leo, magic.asking("A1"))])

        (reason,) = refused(lambda: submit(riverside, group, actor=rossi.actor))
        saved = riverside.do(group_order.save, group_order_id=group.id, actor=rossi.actor, asked=[
            {"attendee_id": mia["id"], "lines": magic.asking("A1")},
            {"attendee_id": leo["id"], "lines": magic.asking("A2")}])  # fmt: skip
        submit(riverside, saved, actor=rossi.actor)

        assert (reason.code, reason.field) == ("seat_taken", "orders[1].lines[0].seat_id")
        assert magic.holders() == dict(zip(("A1", "A2"), order_ids(group), strict=True))
