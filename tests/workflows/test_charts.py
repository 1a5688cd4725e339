"""The charts against the specification (DOMAIN §3), and every pair of trigger and status outside of them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import IntEnum
from itertools import product

import pytest

from engine.actor import Actor
from engine.batch import Batch
from engine.chart import Chart
from engine.errors import NotPermitted
from engine.fire import NotAllowedNow, Subject, fire
from engine.ids import new_id
from models import (
    ActorKind,
    DirectDebitMandate,
    LatePickup,
    MakeupCredit,
    RefundRequest,
    Subscription,
    TermBooking,
    TermBookingOrder,
    WaitingEntry,
)
from models import LatePickupStatus as L
from models import MakeupStatus as C
from models import MandateStatus as M
from models import RefundRequestStatus as R
from models import SubscriptionStatus as T
from models import TermBookingStatus as S
from models import WaitingStatus as W
from models.status import HOLDING
from workflows import (
    late_pickup,
    makeup_credit,
    mandate,
    refund_request,
    subscription,
    term_booking,
    term_booking_order,
    waiting_list,
)
from workflows.charts import CHARTS, edges

NOW = datetime(2026, 3, 31, 13, tzinfo=UTC)
ADMIN, FAMILY, GUEST, SYSTEM = ActorKind.ADMIN, ActorKind.FAMILY, ActorKind.GUEST, ActorKind.SYSTEM
FINANCE = ActorKind.FINANCE
OWNER = {ADMIN, FAMILY, GUEST}

# The specification: trigger, from, to, who.
ORDER = (
    ("save", {S.DRAFT}, S.CREATED, {*OWNER, SYSTEM}),  # the system makes the next term of a subscription
    ("save", {S.CREATED}, S.CREATED, OWNER),
    ("reopen", {S.SUBMITTED}, S.CREATED, OWNER),
    ("submit", {S.CREATED}, S.SUBMITTED, {*OWNER, SYSTEM}),
    ("express", {S.CREATED}, S.SUBMITTED, OWNER),  # the submit of an expression of interest
    ("narrow", {S.SUBMITTED}, S.SUBMITTED, {SYSTEM}),  # some of its sessions were booked
    ("convert", {S.SUBMITTED}, S.REMOVED, {SYSTEM}),  # it has become another order
    ("lapse", {S.SUBMITTED}, S.REMOVED, {SYSTEM}),  # an interest whose term has ended
    ("wait", {S.CREATED}, S.SUBMITTED, OWNER),  # the submit of a waiting-list order
    ("end_wait", {S.SUBMITTED}, S.REMOVED, {SYSTEM}),  # nothing of it waits any more
    ("quote", {S.SUBMITTED, S.QUOTE}, S.QUOTE, {ADMIN}),
    ("accept", {S.QUOTE}, S.ACCEPT, OWNER),
    ("approve_attendance", {S.SUBMITTED}, S.ATTENDANCE_APPROVED, {ADMIN}),
    ("confirm", {S.SUBMITTED, S.ACCEPT, S.ATTENDANCE_APPROVED}, S.APPROVED, {*OWNER, SYSTEM}),
    ("confirm_change", {S.SUBMITTED}, S.APPROVED, {*OWNER, SYSTEM}),  # the confirm of a change order
    ("remove", {S.DRAFT, S.CREATED, S.SUBMITTED_CHANGE}, S.REMOVED, {*OWNER, SYSTEM}),
    ("remove", {S.SUBMITTED}, S.REMOVED, OWNER),  # the system removes idle carts, and holds it cancels
    ("cancel", {S.SUBMITTED, S.QUOTE, S.ACCEPT, S.ATTENDANCE_APPROVED}, S.CANCELED, {*OWNER, SYSTEM}),
    ("revive", {S.CANCELED}, S.SUBMITTED, {SYSTEM}),
    ("revise", {S.QUOTE}, S.QUOTE, {SYSTEM}),  # a change of it was confirmed: it is quoted anew
    ("revise", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {SYSTEM}),  # with its booking
    # A day of it is closed: it goes on with the others, or will invoice them.
    ("close_day", {S.SUBMITTED}, S.SUBMITTED, {SYSTEM}),
    ("close_day", {S.QUOTE}, S.QUOTE, {SYSTEM}),
    ("close_day", {S.ACCEPT}, S.ACCEPT, {SYSTEM}),
    ("close_day", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {SYSTEM}),
    ("reopen_day", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {SYSTEM}),
    ("confirm", {S.SUBMITTED_CHANGE}, S.APPROVED, {SYSTEM}),  # a companion, with its cause
)
BOOKING = (
    ("approve", {S.ATTENDANCE_APPROVED}, S.APPROVED, {ADMIN, SYSTEM}),
    ("cancel", {S.ATTENDANCE_APPROVED, S.APPROVED, S.SUSPENDED}, S.CANCELED, OWNER),
    ("close", {S.ATTENDANCE_APPROVED}, S.CLOSED, {ADMIN}),
    ("close", {S.APPROVED, S.SUSPENDED}, S.CLOSED, {ADMIN, SYSTEM}),  # by itself when the last day or the term is over
    ("convert", {S.APPROVED}, S.CANCELED, {SYSTEM}),  # a trial whose places went over to another order
    ("follow", {S.APPROVED}, S.APPROVED, {SYSTEM}),  # a trial that was held, and what followed it
    ("close_day", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {SYSTEM}),
    ("close_day", {S.APPROVED}, S.APPROVED, {SYSTEM}),
    ("close_day", {S.SUSPENDED}, S.SUSPENDED, {SYSTEM}),
    ("reopen_day", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {SYSTEM}),
    ("reopen_day", {S.APPROVED}, S.APPROVED, {SYSTEM}),
    *(
        (trigger, {status}, status, {SYSTEM})  # a fee is charged, or waived after that
        for trigger in ("charge_pickup", "credit_pickup", "charge_overdue", "credit_overdue")
        for status in (S.APPROVED, S.SUSPENDED, S.CLOSED, S.CANCELED)
    ),
    ("plan_close", {S.APPROVED}, S.APPROVED, {ADMIN, SYSTEM}),  # a last day ahead: later lines go now, the status then
    ("plan_close", {S.SUSPENDED}, S.SUSPENDED, {ADMIN, SYSTEM}),  # the system where its subscription ends
    ("suspend", {S.APPROVED}, S.SUSPENDED, {ADMIN}),
    ("revise", {S.APPROVED}, S.APPROVED, {*OWNER, SYSTEM}),  # a change order was confirmed
    ("revise", {S.ATTENDANCE_APPROVED}, S.ATTENDANCE_APPROVED, {*OWNER, SYSTEM}),
    ("resume", {S.SUSPENDED}, S.APPROVED, {ADMIN}),
    ("archive", {S.APPROVED, S.CLOSED}, S.ARCHIVED, {ADMIN, SYSTEM}),
)
OFFICE = {ADMIN, ActorKind.FINANCE}
MANDATE = (
    ("activate", {M.PENDING}, M.ACTIVE, OFFICE),
    ("revoke", {M.PENDING, M.ACTIVE}, M.REVOKED, {*OFFICE, *OWNER, SYSTEM}),
)
WAITING = (
    ("set_aside", {W.WAITING}, W.SAVED, {SYSTEM}),  # saved for its all-or-nothing group
    ("let_go", {W.SAVED}, W.WAITING, {SYSTEM}),  # the group's first session is near
    ("offer", {W.WAITING, W.SAVED}, W.OFFERED, {SYSTEM}),
    ("accept", {W.OFFERED}, W.ACCEPTED, OWNER),
    ("decline", {W.OFFERED}, W.DECLINED, OWNER),
    ("expire", {W.OFFERED}, W.EXPIRED, {SYSTEM}),
    ("leave", {W.WAITING, W.SAVED, W.OFFERED}, W.LEFT, {*OWNER, SYSTEM}),  # by itself when it is over
)
SUBSCRIPTION = (
    ("begin", {T.REQUESTED}, T.ACTIVE, {ADMIN}),
    ("decline", {T.REQUESTED}, T.DECLINED, OWNER),
    ("roll", {T.ACTIVE}, T.ACTIVE, {ADMIN, SYSTEM}),
    ("roll", {T.ENDING}, T.ENDING, {ADMIN, SYSTEM}),
    ("give_notice", {T.ACTIVE, T.ENDING}, T.ENDING, OWNER),
    ("put_off_notice", {T.ENDING}, T.ENDING, OWNER),  # before its last day is over
    ("withdraw_notice", {T.ENDING}, T.ACTIVE, OWNER),
    ("change_weekdays", {T.ACTIVE}, T.ACTIVE, {ADMIN}),
    ("end", {T.ENDING}, T.ENDED, {SYSTEM}),
)


MAKEUP = (
    ("book", {C.AVAILABLE}, C.BOOKED, {SYSTEM}),
    ("give_back", {C.BOOKED}, C.AVAILABLE, {SYSTEM}),
    ("use", {C.BOOKED}, C.USED, {SYSTEM}),
    ("expire", {C.AVAILABLE, C.BOOKED}, C.EXPIRED, {SYSTEM}),
    ("revoke", {C.AVAILABLE}, C.REVOKED, {ADMIN, SYSTEM}),
    ("withdraw", {C.AVAILABLE}, C.REVOKED, {SYSTEM}),  # with the absence that gave it
    ("renew", {C.REVOKED}, C.AVAILABLE, {SYSTEM}),  # the absence is told again
)


LATE_PICKUP = (
    ("accept", {L.PROPOSED}, L.ACCEPTED, {ADMIN, FINANCE}),
    ("waive", {L.PROPOSED, L.ACCEPTED}, L.WAIVED, {ADMIN, FINANCE}),
)


REFUND = (
    ("approve", {R.PENDING}, R.APPROVED, OFFICE),
    ("reject", {R.PENDING}, R.REJECTED, OFFICE),
    ("ask_again", {R.REJECTED, R.APPROVED}, R.PENDING, {*OFFICE, FAMILY}),  # more became refundable, or asked anew
)


class AnOrder(Subject):
    table = TermBookingOrder


class ABooking(Subject):
    table = TermBooking


class ACredit(Subject):
    table = MakeupCredit


class ALatePickup(Subject):
    table = LatePickup


class AMandate(Subject):
    table = DirectDebitMandate


class AnEntry(Subject):
    table = WaitingEntry


class ARefundRequest(Subject):
    table = RefundRequest


class ASubscription(Subject):
    table = Subscription


SUBJECTS = {
    term_booking_order.CHART: AnOrder, term_booking.CHART: ABooking, mandate.CHART: AMandate,
    waiting_list.CHART: AnEntry, subscription.CHART: ASubscription, makeup_credit.CHART: ACredit,
    late_pickup.CHART: ALatePickup, refund_request.CHART: ARefundRequest,
}  # fmt: skip
SPECIFIED = (
    (term_booking_order.CHART, ORDER), (term_booking.CHART, BOOKING), (mandate.CHART, MANDATE),
    (waiting_list.CHART, WAITING), (subscription.CHART, SUBSCRIPTION), (makeup_credit.CHART, MAKEUP),
    (late_pickup.CHART, LATE_PICKUP), (refund_request.CHART, REFUND),
)  # fmt: skip


def subject(chart: Chart, status: IntEnum) -> Subject:
    return SUBJECTS[chart](id=new_id(), reference="T-1", status=status, version=3)


def triggers(chart: Chart) -> list[str]:
    return sorted({step.trigger for step in chart.steps})


def undeclared() -> Iterator[tuple[Chart, str, IntEnum]]:
    """Every trigger of a chart in every status there is, but for its edges."""
    for chart in CHARTS:
        for trigger, status in product(triggers(chart), type(chart.initial[0])):
            if chart.step(trigger, status) is None:
                yield chart, trigger, status


def not_permitted() -> Iterator[tuple[Chart, str, IntEnum, ActorKind]]:
    for chart in CHARTS:
        for step in chart.steps:
            for kind in sorted(set(ActorKind) - step.who):  # each process names the same cases
                yield chart, step.trigger, step.source, kind


class TestSpecification:
    @pytest.mark.parametrize(("chart", "table"), SPECIFIED)
    def test_chart_is_the_table_of_the_specification(self, chart: Chart, table: tuple[tuple[object, ...], ...]) -> None:
        specified = {
            (trigger, source, target, frozenset(who))
            for trigger, sources, target, who in table
            for source in sources  # type: ignore[attr-defined]
        }  # fmt: skip

        declared = {(step.trigger, step.source, step.target, step.who) for step in chart.steps}

        assert declared == specified

    def test_counts(self) -> None:
        assert [(chart.name, len(chart.states), len(chart.steps)) for chart in CHARTS] == [
            ("term_booking_order", 10, 35), ("term_booking", 6, 38), ("direct_debit_mandate", 3, 3),
            ("waiting_entry", 7, 10), ("subscription", 5, 10), ("makeup_credit", 5, 8),
            ("late_pickup", 3, 3), ("refund_request", 3, 4),
        ]  # fmt: skip
        # Every pair of trigger and status is an edge or is refused; nothing is left over.
        assert len(list(undeclared())) == (7 * 5 - 8) + (20 * 13 - 35) + (16 * 13 - 38) + (2 * 3 - 3) + (7 * 7 - 10) + (
            8 * 5 - 10
        ) + (2 * 3 - 3) + (3 * 3 - 4)
        assert len(list(not_permitted())) == sum(6 - len(step.who) for chart in CHARTS for step in chart.steps)

    def test_places_are_held_where_the_specification_says(self) -> None:
        assert {S.SUBMITTED, S.QUOTE, S.ACCEPT, S.ATTENDANCE_APPROVED, S.APPROVED, S.SUSPENDED} == HOLDING

    def test_statuses_have_their_codes(self) -> None:
        assert {s.name: s.value for s in S} == {
            "REMOVED": 0, "DRAFT": 100, "CREATED": 200, "SUBMITTED": 300, "SUBMITTED_CHANGE": 350,
            "ATTENDANCE_APPROVED": 450, "QUOTE": 475, "ACCEPT": 485, "APPROVED": 500, "ARCHIVED": 600,
            "SUSPENDED": 700, "CLOSED": 800, "CANCELED": 900,
        }  # fmt: skip

    def test_edges_tell_the_invariants_how_each_begins(self) -> None:
        new = {name: [edge for edge in of if edge[0] == "new"] for name, of in edges().items()}

        assert new == {
            "term_booking_order": [("new", None, 100), ("new", None, 350)],
            "term_booking": [("new", None, 500), ("new", None, 450)],
            "direct_debit_mandate": [("new", None, 100)],
            "waiting_entry": [("new", None, 10)],
            "subscription": [("new", None, 10)],
            "makeup_credit": [("new", None, 100)],
            "late_pickup": [("new", None, 100)],
            "refund_request": [("new", None, 100)],
        }


@pytest.mark.parametrize(("chart", "trigger", "status"), list(undeclared()), ids=lambda v: getattr(v, "name", str(v)))
def test_what_is_not_declared_is_refused_in_words(chart: Chart, trigger: str, status: IntEnum) -> None:
    one, batch = subject(chart, status), Batch(new_id())

    with pytest.raises(NotAllowedNow) as refusal:
        fire(batch, chart, one, trigger, actor=Actor(ActorKind.ADMIN), now=NOW)

    allowed = chart.triggers_from(status, ActorKind.ADMIN)
    assert refusal.value.facts == {"status": status.name, "trigger": trigger, "allowed": allowed}
    for word in ("T-1", status.name.lower().replace("_", " "), trigger, *allowed):
        assert word in refusal.value.message
    assert one.status is status
    assert batch.is_empty


@pytest.mark.parametrize(
    ("chart", "trigger", "status", "kind"), list(not_permitted()), ids=lambda v: getattr(v, "name", str(v))
)
def test_nobody_else_may_pull_a_trigger(chart: Chart, trigger: str, status: IntEnum, kind: ActorKind) -> None:
    one, batch = subject(chart, status), Batch(new_id())

    with pytest.raises(NotPermitted):
        fire(batch, chart, one, trigger, actor=Actor(kind), now=NOW)

    assert one.status is status
    assert batch.is_empty
