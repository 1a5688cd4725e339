"""Ten sweepers at once: each timeout fires exactly once, many in a statement, and nothing that is paid is cancelled."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest

from engine import timers
from engine.database import Row, Transaction
from engine.ids import new_id, new_reference
from models import (
    Account,
    Attendee,
    Billing,
    BillingGroup,
    BillingLine,
    PlaceClaim,
    StatusEvent,
    TermBookingOrder,
    TermBookingOrderLine,
    Timer,
    TimerKind,
)
from models import TermBookingStatus as S
from tests import builders as build
from tests.workflows.centre import DAY, MINUTE, NOW, Centre, Course, sundays
from tests.workflows.race import Sweep, clients
from workflows import order_holdings
from workflows.order_guards import QUOTE_EXPIRED
from workflows.timeouts import cancel_overdue

SWEEPERS, ORDERS = 10, 3000
DUE = NOW + 15 * MINUTE


def overdue(centre: Centre, karate: Course, count: int, *, paid_every: int = 0) -> list[UUID]:
    """So many submitted orders that are overdue, each of a family of its own, written in sets; returns their ids.

    Every so many is paid, though nobody has noticed yet.
    """
    ids = [new_id() for _ in range(count)]
    price = karate.sessions[0]["price_minor"]

    def each(make: Any) -> list[Row]:
        return [make(n) for n in range(count)]

    def write(tx: Transaction) -> None:
        accounts = build.insert(tx, Account, each(lambda n: {"reference": new_reference("AC"), "name": f"Family {n}"}))
        children = build.insert(tx, Attendee, each(lambda n: {
            "reference": new_reference("AT"), "name": f"Child {n}", "date_of_birth": "2017-02-03"}))  # fmt: skip
        groups = build.insert(tx, BillingGroup, each(lambda n: {
            "account_id": accounts[n]["id"], "term_id": centre.term["id"], "last_version": 1}))  # fmt: skip
        total = price * len(karate.sessions)
        placed = build.insert(tx, TermBookingOrder, each(lambda n: {
            "id": ids[n], "reference": new_reference("TO"), "account_id": accounts[n]["id"],
            "attendee_id": children[n]["id"], "term_id": centre.term["id"], "made_by": "FAMILY",
            "confirmation_type": 201, "status": S.SUBMITTED, "version": 3, "total_minor": total,
            "group_id": groups[n]["id"], "submitted_at": NOW}))  # fmt: skip
        billings = build.insert(tx, Billing, each(lambda n: {
            "group_id": groups[n]["id"], "version": 1, "order_id": ids[n], "net_minor": total, "tax_minor": 0,
            "total_minor": total, "fingerprint": "f"}))  # fmt: skip
        tx.run("UPDATE term_booking_order o SET billing_id = b.id FROM billing b WHERE b.order_id = o.id "
               "AND o.id = ANY(%(ids)s)", ids=ids)  # fmt: skip
        build.insert(tx, BillingLine, [{
            "billing_id": billings[n]["id"], "attendee_id": children[n]["id"], "term_product_id": session["id"],
            "component": "SESSION", "description": "A session", "printed": {}, "base_minor": price, "net_minor": price,
            "tax_minor": 0, "gross_minor": price, "tax_rate": "0", "trace": [], "position": position,
        } for n in range(count) for position, session in enumerate(karate.sessions)])  # fmt: skip
        _hold(tx, karate, placed, children)
        moves = build.SUBMITTED
        build.insert(tx, StatusEvent, [{
            "chart": "term_booking_order", "subject_id": order_id, "sequence": sequence, "trigger": trigger,
            "from_status": source, "to_status": target, "actor_kind": "FAMILY",
            "changes": {"places_taken": karate.ids} if trigger == "submit" else {},
        } for order_id in ids for sequence, ((trigger, target), source)
            in enumerate(zip(moves, [None, *(to for _, to in moves)], strict=False), 1)])  # fmt: skip
        build.insert(tx, Timer, each(lambda n: {"kind": "AUTO_CANCEL", "subject_id": ids[n], "due_at": DUE}))
        if paid_every:
            _pay(tx, [order | {"billing_id": b["id"]} for order, b in zip(placed, billings, strict=True)][::paid_every])

    centre.edit(write)
    return ids


def _hold(tx: Transaction, karate: Course, placed: Sequence[Row], children: Sequence[Row]) -> None:
    build.insert(tx, TermBookingOrderLine, [
        {"order_id": order["id"], "term_product_id": s["id"], "term_program_set_id": s["term_program_set_id"],
         "price_minor": s["price_minor"], "position": position}
        for order in placed for position, s in enumerate(karate.sessions)
    ])  # fmt: skip
    build.insert(tx, PlaceClaim, [
        {"order_id": order["id"], "attendee_id": child["id"], "attendee_key": child["claim_key"],
         "term_product_id": s["id"], "order_type": 0, "takes_place": True, "blocks_time": True,
         "during": f"[{s['starts_at'].isoformat()},{s['ends_at'].isoformat()})"}
        for order, child in zip(placed, children, strict=True) for s in karate.sessions
    ])  # fmt: skip
    tx.run("UPDATE term_product SET taken = taken + %(count)s WHERE id = ANY(%(ids)s)", count=len(placed),
           ids=karate.ids)  # fmt: skip


def _pay(tx: Transaction, paid: Sequence[Row]) -> None:
    for order in paid:
        build.payment(tx, build.Ordered(order, []))


def standing(centre: Centre, ids: Sequence[UUID]) -> Counter[int]:
    rows = centre.rows("SELECT status FROM term_booking_order WHERE id = ANY(%(ids)s)", ids=list(ids))
    return Counter(row["status"] for row in rows)


def race(centre: Centre, url: str, *, sweepers: int = SWEEPERS) -> list[int]:
    """How many timers each of the sweepers fired, all beginning at the same moment."""
    with clients(url, processes=sweepers // 2, each=2) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [[Sweep(DUE) for _ in range(sweepers)]])
    assert all(outcome.startswith("fired ") for outcome in outcomes), outcomes
    return [int(outcome.removeprefix("fired ")) for outcome in outcomes]


class TestTenSweepers:
    def test_fire_each_timeout_once_and_cancel_nothing_that_is_paid(
        self, riverside: Centre, database_url: str
    ) -> None:  # fmt: skip
        karate = riverside.course(*sundays(2), capacity=10_000)
        ids = overdue(riverside, karate, ORDERS, paid_every=10)

        fired = race(riverside, database_url)

        assert sum(fired) == ORDERS
        assert sum(1 for count in fired if count) > 1, "several sweepers took part"
        assert standing(riverside, ids) == {S.CANCELED: ORDERS * 9 // 10, S.SUBMITTED: ORDERS // 10}
        assert riverside.taken(karate) == [ORDERS // 10] * 2
        events = riverside.one("SELECT count(*) AS events, count(DISTINCT subject_id) AS subjects FROM status_event "
                               "WHERE trigger = 'cancel' AND subject_id = ANY(%(ids)s)", ids=ids)  # fmt: skip
        assert events == {"events": ORDERS * 9 // 10, "subjects": ORDERS * 9 // 10}
        timers = riverside.rows("SELECT status, count(*) AS n FROM timer WHERE subject_id = ANY(%(ids)s) GROUP BY 1",
                                ids=ids)  # fmt: skip
        assert timers == [{"status": "FIRED", "n": ORDERS}]

    def test_control_without_settling_by_a_guard_some_fire_twice(
        self, riverside: Centre, database_url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        karate = riverside.course(*sundays(2), capacity=10_000)
        ids = overdue(riverside, karate, 400)
        monkeypatch.setattr(timers, "_LOCK", timers._LOCK.replace(" SKIP LOCKED", ""))
        monkeypatch.setattr(timers, "_SETTLE", timers._SETTLE.replace("AND status = 'ARMED' AND due_at <= %(now)s", ""))

        fired = race(riverside, database_url, sweepers=4)

        assert sum(fired) > 400
        assert standing(riverside, ids) == {S.CANCELED: 400}, "its status still moved once: fire saw to that"

    def test_control_where_nobody_looks_for_money_the_paid_are_cancelled(
        self, riverside: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        karate = riverside.course(*sundays(2), capacity=10_000)
        ids = overdue(riverside, karate, 20, paid_every=10)
        found: list[Counter[int]] = []
        with (
            suppress(_RollBack), riverside.database.transaction(riverside.organisation_id) as tx,
            monkeypatch.context() as off,
        ):  # fmt: skip
            off.setattr(order_holdings.Holdings, "paid_minor", 0)
            due = timers.claim(tx, TimerKind.AUTO_CANCEL, subject_table="term_booking_order", subjects=ids, now=DUE)
            cancel_overdue(tx, due, DUE)
            rows = tx.rows("SELECT status FROM term_booking_order WHERE id = ANY(%(ids)s)", ids=ids)
            found.append(Counter(row["status"] for row in rows))
            raise _RollBack

        assert found == [{S.CANCELED: 20}]
        riverside.sweep(DUE)
        assert standing(riverside, ids) == {S.CANCELED: 18, S.SUBMITTED: 2}


class _RollBack(Exception):
    pass


class TestOneSweep:
    def test_takes_as_many_statements_for_many_as_for_one(
        self, riverside: Centre, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        karate = riverside.course(*sundays(2), capacity=10_000)
        counts = []
        execute = Transaction._execute
        seen: list[str] = []

        def counting(tx: Transaction, sql: str, parameters: Row) -> Any:
            seen.append(sql)
            return execute(tx, sql, parameters)

        for number in (1, 60):
            overdue(riverside, karate, number)
            monkeypatch.setattr(Transaction, "_execute", counting)
            seen.clear()
            riverside.sweep(DUE)
            counts.append(len(seen))
            monkeypatch.setattr(Transaction, "_execute", execute)

        assert counts[0] == counts[1]

    def test_of_two_orders_of_one_family_for_one_session(self, riverside: Centre) -> None:
        """They share the Billing group, the session, and the promo code."""
        rossi, karate = riverside.family(), riverside.course(capacity=5)
        first, second = (riverside.submitted(rossi, rossi.child(), karate.lines()) for _ in range(2))

        assert riverside.sweep(DUE) == 2

        assert (riverside.status(first), riverside.status(second)) == (S.CANCELED, S.CANCELED)
        assert riverside.taken(karate) == [0]
        versions = [row for cart in (first, second) for row in riverside.billings(cart)]
        assert sorted(versions) == [(1, False, 1130), (2, False, 1130), (3, True, 0), (4, True, 0)]

    def test_one_that_cannot_be_cancelled_does_not_keep_the_others(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(capacity=5)
        moving, unpaid = (riverside.submitted(rossi, rossi.child(), karate.lines()) for _ in range(2))
        riverside.pay(moving, 1130, status="PROCESSING")

        riverside.sweep(DUE)

        assert (riverside.status(moving), riverside.status(unpaid)) == (S.SUBMITTED, S.CANCELED)
        assert riverside.timers(moving)[-1] == ("AUTO_CANCEL", "ARMED", DUE + 10 * MINUTE)


class TestQuoteExpiry:
    def test_says_that_the_quote_ran_out(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        cart = riverside.quoted(rossi, rossi.child(), karate.lines())

        riverside.sweep(NOW + 20 * DAY)

        assert (riverside.status(cart), riverside.order(cart)["cancel_reason"]) == (S.CANCELED, QUOTE_EXPIRED)
