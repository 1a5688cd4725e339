"""A small healthy world with an order in each station of its way, for the invariants to be right about."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from engine.database import Transaction
from models import (
    Extra,
    ExtraClaim,
    ProcessedEvent,
    StatusEvent,
    TermBookingOrderExtra,
    TermBookingOrderType,
    TermBookingStatus,
)
from models import WaitingStatus as W
from tests import builders as build
from tests.builders import NOW, Enrolled, Ordered, Row, Waited

S = TermBookingStatus
EDGES = {
    "term_booking_order": [
        ("new", None, S.DRAFT), ("new", None, S.SUBMITTED_CHANGE), ("confirm", S.SUBMITTED_CHANGE, S.APPROVED),
        ("save", S.DRAFT, S.CREATED), ("save", S.CREATED, S.CREATED),
        ("submit", S.CREATED, S.SUBMITTED), ("express", S.CREATED, S.SUBMITTED), ("convert", S.SUBMITTED, S.REMOVED),
        ("quote", S.SUBMITTED, S.QUOTE), ("accept", S.QUOTE, S.ACCEPT),
        ("approve_attendance", S.SUBMITTED, S.ATTENDANCE_APPROVED), ("confirm", S.SUBMITTED, S.APPROVED),
        ("confirm", S.ACCEPT, S.APPROVED), ("cancel", S.SUBMITTED, S.CANCELED), ("wait", S.CREATED, S.SUBMITTED),
    ],
    "subscription": [("new", None, 10), ("begin", 10, 20)],
    "refund_request": [("new", None, 100), ("approve", 100, 200)],
    "makeup_credit": [("new", None, 100), ("book", 100, 200)],
    "late_pickup": [("new", None, 100), ("accept", 100, 200)],
    "direct_debit_mandate": [("new", None, 100), ("activate", 100, 200), ("revoke", 200, 900)],
    "waiting_entry": [("new", None, W.WAITING), ("offer", W.WAITING, W.OFFERED)],
    "term_booking": [
        ("new", None, S.APPROVED), ("new", None, S.ATTENDANCE_APPROVED), ("suspend", S.APPROVED, S.SUSPENDED),
        ("cancel", S.APPROVED, S.CANCELED), ("plan_close", S.APPROVED, S.APPROVED),
    ],
}  # fmt: skip


@dataclass
class World:
    """The Okafors (Mia, Leo), who pay at once, and the Chens (Ana), who pay later, in one spring."""

    tx: Transaction
    term: Row
    karate: list[Row]
    swimming: list[Row]  # from 10:30 to 11:30 on the Saturdays on which karate is from 10:00 to 11:00
    reading: list[Row]  # undated
    okafor: Row
    chen: Row
    mia: Row
    leo: Row
    ana: Row
    mias: Enrolled  # karate, paid
    leos: Enrolled  # swimming, paid at the second attempt
    anas: Enrolled  # karate and reading, open
    failed: Row  # Leo's first payment
    paid: dict[str, Row]  # the payments that succeeded, by attendee
    settled: dict[str, Row]  # their allocations
    quoted: Ordered
    waiting: Ordered  # submitted, its auto-cancel armed
    timed_out: Ordered
    cart: Ordered
    canceled: Enrolled
    suspended: Enrolled
    together: list[Ordered]  # two orders of the Okafors, submitted as one group order for all or nothing
    group: Row  # that group order
    closing: Enrolled  # Mia's, two weeks of karate: the last day is before the second, which is credited
    interest: Ordered  # Ana's, in karate
    converted: Ordered  # Ana's, which became her booking of karate and reading
    attends: Enrolled  # approved for attendance, not invoiced
    instalments: list[Row]  # of Zoe's order by direct debit
    returned: Row  # a debit of the Chens that their bank took back
    show: Row  # two seats
    seats: list[Row]
    seated: Enrolled  # Ana's, on the first of them
    chess: Row  # its one place is offered to Ana; Leo waits
    offered: Waited
    behind: Waited
    subscription: Row  # Ana's, on Mondays
    subscribed: Enrolled  # its spring, two Mondays whose invoice is planned
    purse: dict[str, Row]  # the wallet of the Chens, with what made it
    bought: Row  # a pass of theirs, not used yet
    lunch: Row  # one of three is held with Leo's place in swimming
    with_lunch: Ordered

    def ordered(self, maker: Callable[..., Any], week: int, *, child: Row | None = None, **more: Any) -> Any:
        """One more order of karate in that week, of Ana unless told otherwise."""
        by = self.okafor if child in (self.mia, self.leo) else self.chen
        return maker(self.tx, by, child or self.ana, self.term, [self.karate[week]], **more)


def populate(tx: Transaction) -> World:
    """A small healthy world with an order in each station of its way."""
    place = build.site(tx)
    term = build.term(tx, place)
    saturdays = [datetime(2026, 4, 11, 10) + timedelta(weeks=week) for week in range(12)]  # noqa: DTZ001 - local
    karate, swimming, reading = (
        build.sessions(tx, build.offering(tx, term, build.program(tx, place, name=name)), *starts)
        for name, starts in (
            ("Karate", saturdays), ("Swimming", [s + timedelta(minutes=30) for s in saturdays]), ("Reading", [None]),
        )
    )  # fmt: skip
    okafor, chen = build.account(tx), build.account(tx, name="Chen family")
    mia, leo = build.attendee(tx, okafor), build.attendee(tx, okafor, name="Leo Okafor")
    ana = build.attendee(tx, chen, name="Ana Chen")
    mias = build.confirmed(tx, okafor, mia, term, karate[:2])
    leos = build.confirmed(tx, okafor, leo, term, swimming[:2])
    anas = build.confirmed(tx, chen, ana, term, [karate[0], reading[0]], confirmation_type=101)
    failed = build.payment(tx, leos, status="FAILED", failure_reason="card declined")
    paid = {"mia": build.payment(tx, mias), "leo": build.payment(tx, leos)}
    settled = {"mia": build.settle(tx, mias, paid["mia"]), "leo": build.settle(tx, leos, paid["leo"])}
    build.add(tx, ProcessedEvent, provider="sandbox", event_id="evt_1", event_type="captured", processed_at=NOW)

    def anas_order(maker: Callable[..., Any], week: int, **more: Any) -> Any:
        return maker(tx, chen, ana, term, [karate[week]], **more)

    quoted = anas_order(build.submitted, 1, moves=build.QUOTED)
    build.quote(tx, quoted)
    build.arm(tx, quoted, "QUOTE_EXPIRY", minutes=7 * 24 * 60)
    waiting = anas_order(build.submitted, 2)
    build.arm(tx, waiting)
    anas_order(build.submitted, 3, moves=build.ACCEPTED)
    anas_order(build.submitted, 4, order_type=TermBookingOrderType.TRIAL_SESSION)
    anas_order(build.cart, 5, moves=build.DRAFTED)
    interest = _interest(tx, chen, ana, term, karate[6])
    return World(
        tx, term, karate, swimming, reading, okafor, chen, mia, leo, ana, mias, leos, anas, failed, paid, settled,
        quoted, waiting,
        timed_out=anas_order(build.timed_out, 5), cart=anas_order(build.cart, 5),
        canceled=anas_order(build.confirmed, 7, booking_moves=build.BOOKING_CANCELED),
        suspended=anas_order(build.confirmed, 8, booking_moves=build.SUSPENDED),
        closing=_closing(tx, okafor, mia, term, karate[6:8]),
        **_together(tx, okafor, (mia, leo), term, karate[10]),
        interest=interest, converted=_converted(tx, anas, ana, term),
        attends=anas_order(
            build.confirmed, 9, moves=build.ATTENDANCE_APPROVED, booking_moves=build.BOOKED_FOR_ATTENDANCE,
            is_invoiced=False,
        ),
        instalments=_instalments(tx, okafor, term, swimming[10]),
        returned=_returned(tx, chen, anas),
        **_seated(tx, place, chen, ana, term), **_awaited(tx, place, (chen, ana), (okafor, leo), term),
        **_subscribed(tx, place, chen, ana, term),
        purse=build.wallet(tx, chen, top_up_minor=2000, bonus_minor=500), bought=build.a_pass(tx, chen),
        **_lunch(tx, okafor, leo, term, swimming[11]),
    )  # fmt: skip


def _together(tx: Transaction, by: Row, children: tuple[Row, Row], term: Row, session: Row) -> dict[str, Any]:
    """Mia and Leo in one session, submitted in one step."""
    together = [build.submitted(tx, by, child, term, [session]) for child in children]
    return {"together": together, "group": build.group_order(tx, by, term, together, submitted_at=NOW)}


def _lunch(tx: Transaction, by: Row, child: Row, term: Row, session: Row) -> dict[str, Any]:
    """An extra with a stock, one of which goes with a session of an order."""
    order = build.submitted(tx, by, child, term, [session])
    lunch = build.add(tx, Extra, name="Lunch", price_minor=0, stock=3)
    asked = {"extra_id": lunch["id"], "quantity": 1}
    build.add(tx, TermBookingOrderExtra, order_id=order.order["id"], order_line_id=order.lines[0]["id"], name="Lunch",
              price_minor=0, price_paid_minor=0, **asked)  # fmt: skip
    build.add(tx, ExtraClaim, place_claim_id=order.claims[0]["id"],
              term_product_id=order.claims[0]["term_product_id"], **asked)  # fmt: skip
    return {"lunch": lunch, "with_lunch": order}


def _seated(tx: Transaction, place: Row, by: Row, child: Row, term: Row) -> dict[str, Any]:
    """A show on a Sunday with one of its two seats booked."""
    hall, seats = build.venue(tx, place, 1, 2)
    offering = build.offering(tx, term, build.program(tx, place, name="Show"), capacity=2, venue_id=hall["id"])
    sunday = datetime(2026, 4, 12, 15)  # noqa: DTZ001 - local
    (show,) = build.sessions(tx, offering, sunday, venue_id=hall["id"], is_seated=True)
    seated = build.confirmed(tx, by, child, term, [{**show, "seat_id": seats[0]["id"]}])
    return {"show": show, "seats": seats, "seated": seated}


def _awaited(tx: Transaction, place: Row, first: tuple[Row, Row], second: tuple[Row, Row], term: Row) -> dict[str, Any]:
    """An hour of chess with one place, which is offered; somebody else waits for it."""
    offering = build.offering(tx, term, build.program(tx, place, name="Chess"), capacity=1)
    (chess,) = build.sessions(tx, offering, datetime(2026, 4, 13, 17))  # noqa: DTZ001 - local
    offered = build.wait(tx, *first, term, chess, moves=build.OFFERED)
    return {"chess": chess, "offered": offered, "behind": build.wait(tx, *second, term, chess)}


def _subscribed(tx: Transaction, place: Row, by: Row, child: Row, term: Row) -> dict[str, Any]:
    """A subscription to a club on Mondays, begun and not invoiced yet."""
    club = build.offering(tx, term, build.program(tx, place, name="Club"))
    mondays = [datetime(2026, 4, 13, 16), datetime(2026, 4, 20, 16)]  # noqa: DTZ001 - local
    subscription = build.subscription(tx, by, child, club)
    subscribed = build.confirmed(
        tx, by, child, term, build.sessions(tx, club, *mondays), order_type=TermBookingOrderType.SUBSCRIPTION,
        subscription_id=subscription["id"], confirmation_type=401, is_invoiced=False,
    )  # fmt: skip
    build.schedule(tx, subscribed)
    return {"subscription": subscription, "subscribed": subscribed}


def _closing(tx: Transaction, by: Row, child: Row, term: Row, wanted: list[Row]) -> Enrolled:
    """A booking whose last day is that of its first session."""
    closing = build.confirmed(tx, by, child, term, wanted, booking_moves=build.CLOSING)
    build.give_up(tx, closing, 1)
    tx.run("UPDATE term_booking SET closes_on = %(day)s WHERE id = %(id)s", day=wanted[0]["local_date"],
           id=closing.booking["id"])  # fmt: skip
    build.arm(tx, closing, "BOOKING_CLOSE", subject_id=closing.booking["id"])
    return closing


def _interest(tx: Transaction, by: Row, child: Row, term: Row, session: Row) -> Ordered:
    """An expression of interest: it blocks the attendee's time, takes no place and has no Billing."""
    interest: Ordered = build.cart(
        tx, by, child, term, [session], moves=build.EXPRESSED, order_type=TermBookingOrderType.EOI
    )  # fmt: skip
    interest.claims = build.hold(tx, interest, child)
    return interest


def _converted(tx: Transaction, made: Enrolled, child: Row, term: Row) -> Ordered:
    """An expression of interest that became this booking."""
    by, into = {"id": made.order["account_id"]}, made.order["id"]
    was = build.cart(
        tx, by, child, term, made.sessions, moves=build.EXPRESSED, order_type=TermBookingOrderType.EOI
    )  # fmt: skip
    build.add(tx, StatusEvent, chart="term_booking_order", subject_id=was.order["id"], sequence=4, trigger="convert",
              from_status=S.SUBMITTED, to_status=S.REMOVED, actor_kind="SYSTEM",
              changes={"into_order_id": str(into)})  # fmt: skip
    tx.run("UPDATE term_booking_order SET status = 0, version = 4, converted_into_id = %(into)s WHERE id = %(id)s",
           into=into, id=was.order["id"])  # fmt: skip
    tx.run("UPDATE term_booking_order SET converts_order_id = %(was)s WHERE id = %(id)s", was=was.order["id"],
           id=into)  # fmt: skip
    return was


def _returned(tx: Transaction, by: Row, enrolled: Enrolled) -> Row:
    """A debit that the bank paid and took back: nothing of it is left but the history."""
    mandate, invoice = build.mandate(tx, by), enrolled.invoice
    assert invoice is not None
    debit = build.payment(tx, enrolled, provider="direct_debit", mandate_id=mandate["id"], invoice_id=invoice["id"],
                          collect_on=NOW.date())  # fmt: skip
    build.settle(tx, enrolled, debit)
    return build.give_back(tx, enrolled, debit)


def _instalments(tx: Transaction, by: Row, term: Row, session: Row) -> list[Row]:
    """An order by direct debit that waits for its mandate."""
    zoe = build.attendee(tx, by, name="Zoe Okafor")
    placed = build.submitted(tx, by, zoe, term, [session], confirmation_type=301, submitted_at=NOW)
    return build.agree(tx, placed, ("INSTALMENT", 565), ("INSTALMENT", 565))
