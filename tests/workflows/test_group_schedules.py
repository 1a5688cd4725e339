"""A group order by direct debit or deposit: the schedules of its orders are shown and agreed as one."""

from typing import Any

from models import TermBookingStatus as S
from tests.workflows.centre import Centre, Family, codes
from tests.workflows.groups import BEST_EFFORT, begin, statuses, submit
from tests.workflows.test_direct_debit import activate, give
from tests.workflows.test_schedules import DEBIT, DEPOSIT, agreed, course
from workflows import group_order
from workflows.group_facts import Group
from workflows.group_schedule import fingerprint_of_all


def shown(centre: Centre, group: Group, by: Family, how: Any = DEBIT) -> str | None:
    """The fingerprint of what a submission would agree to."""
    _, found, reasons = centre.do(group_order.payment_schedules, group_order_id=group.id, confirmation_type=how,
                                  actor=by.actor)  # fmt: skip
    assert reasons == []
    return fingerprint_of_all(schedule for _, schedule in found if schedule is not None)


def two(centre: Centre, by: Family, **known: Any) -> Group:
    """Mia and Leo in three Sundays of a course that takes direct debits."""
    karate = course(centre)
    return begin(centre, by, [(by.child(), karate.lines()), (by.child("Leo Rossi"), karate.lines())], **known)


class TestByDirectDebit:
    def test_is_confirmed_whole_where_a_mandate_is_in_force(self, riverside: Centre) -> None:
        rossi = riverside.family()
        activate(riverside, give(riverside, rossi))
        group = two(riverside, rossi)

        done = submit(riverside, group, actor=rossi.actor, how=DEBIT,
                      schedule_fingerprint=shown(riverside, group, rossi))  # fmt: skip

        assert statuses(riverside, group) == [S.APPROVED, S.APPROVED]
        for outcome in done.outcomes:
            parts = agreed(riverside, outcome.order)
            assert [kind for kind, _, _ in parts] == ["INSTALMENT"] * 3
            assert sum(amount for _, _, amount in parts) == outcome.order.total_minor

    def test_waits_for_the_mandate_else(self, riverside: Centre) -> None:
        rossi = riverside.family()
        group = two(riverside, rossi)

        submit(riverside, group, actor=rossi.actor, how=DEBIT, schedule_fingerprint=shown(riverside, group, rossi))

        assert statuses(riverside, group) == [S.SUBMITTED, S.SUBMITTED]

    def test_is_not_agreed_unseen_and_nothing_is_written(self, riverside: Centre) -> None:
        rossi = riverside.family()
        group = two(riverside, rossi)

        def blind() -> None:
            submit(riverside, group, actor=rossi.actor, how=DEBIT)

        assert codes(blind) == ["schedule_changed"]
        assert statuses(riverside, group) == [S.CREATED, S.CREATED]

    def test_of_a_best_effort_agrees_to_the_schedule_of_what_is_had(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), course(riverside)
        group = begin(riverside, rossi, [(rossi.child(), karate.lines()), (rossi.child("Leo Rossi"), karate.lines())],
                      policy=BEST_EFFORT)  # fmt: skip
        seen = shown(riverside, group, rossi)
        riverside.run("UPDATE term_product SET capacity = taken + 1 WHERE id = %(id)s", id=karate.ids[1])

        done = submit(riverside, group, actor=rossi.actor, how=DEBIT, schedule_fingerprint=seen)

        assert statuses(riverside, group) == [S.SUBMITTED, S.SUBMITTED]
        totals = [sum(amount for _, _, amount in agreed(riverside, outcome.order)) for outcome in done.outcomes]
        assert totals == [outcome.order.total_minor for outcome in done.outcomes] == [3390, 2260]


class TestByDeposit:
    def test_needs_no_second_look_and_compares_what_was_shown(self, riverside: Centre) -> None:
        rossi = riverside.family()
        group = two(riverside, rossi)

        assert codes(lambda: submit(riverside, group, actor=rossi.actor, how=DEPOSIT,
                                    schedule_fingerprint="another")) == ["schedule_changed"]  # fmt: skip
        submit(riverside, group, actor=rossi.actor, how=DEPOSIT)

        assert statuses(riverside, group) == [S.SUBMITTED, S.SUBMITTED]
