"""A small world and random steps in it, over every order type, with a clock that moves.

Each step is a verb with whatever comes to hand: most are refused, as in life. A refusal writes nothing; whatever is
written, no promise of the domain is ever broken.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from catalogue.seat_plan import Block
from engine.actor import Actor
from engine.check import check, report
from engine.database import Database, Overtaken, Row
from engine.errors import TermbookError
from engine.replay import replay
from engine.replay import report as say_replayed
from engine.timers import sweep
from models import SeatType, TermBookingConfirmationType, TermBookingOrderType
from tests.workflows import endings
from tests.workflows.centre import NOW, make_centre, sundays
from tests.workflows.hall import show
from workflows import term_booking as bookings
from workflows import term_booking_order as orders
from workflows import waiting_offers
from workflows.capacity import set_capacity
from workflows.charts import edges
from workflows.payments import record_manual_payment
from workflows.term_end import end_terms
from workflows.timeouts import handlers
from workflows.waiting_orders import wait, wait_together

# So many steps lie between two looks at the whole.
LOOK_EVERY = 40
NOBODY_ASKS = TermBookingConfirmationType.ADMIN_CONFIRM
PICK = st.integers(min_value=0, max_value=10_000)
ORDER_TYPES = st.sampled_from(list(TermBookingOrderType))
CONFIRMED_BY = st.sampled_from(list(TermBookingConfirmationType))
A_WHILE = st.sampled_from([
    timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=20), timedelta(hours=5), timedelta(days=1),
    timedelta(days=4),
])  # fmt: skip

_NAMES = count(1)


@dataclass
class Tally:
    """What the steps of all worlds came to."""

    steps: int = 0
    done: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)


class RandomSteps(RuleBasedStateMachine):
    """Two families of two children, who share one, four courses of few places and a show with two seats."""

    database: Database
    url: str
    tally: Tally

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.since_look = 0
        self.centre = make_centre(self.database, self.url, name=f"Centre {next(_NAMES)} of random steps")
        self.families = [self.centre.family("Rossi family"), self.centre.family("Chen family")]
        self.children = [(family, family.child(f"Child {n}")) for family in self.families for n in (1, 2)]
        self.centre.share(self.children[0][1], self.families[1])
        self.children.append((self.families[1], self.children[0][1]))
        rules = {
            "order_types": [kind.name for kind in TermBookingOrderType],
            "confirmation_types": [how.name for how in TermBookingConfirmationType], "trial_limit": 2,
            "pay_later_limit_minor": 8_000, "cancellation_window_hours": 2,
            "deposit": {"percent": "20"}, "instalments": {"count": 3}, "late_fee": {"percent": "50"},
            "change_fee_minor": 300,
        }  # fmt: skip
        self.courses = [
            self.centre.course(*sundays(6), name="Karate", rules=rules, session={"capacity": 2}),
            self.centre.course(*sundays(6), name="Judo", rules=rules, session={"capacity": 3}),  # at the same time
            self.centre.course(*sundays(4, first=sundays(1)[0] + timedelta(hours=1)), name="Chess", rules=rules,
                               session={"capacity": 1}),
            self.centre.course(None, name="Reading", rules=rules, session={"capacity": 2}),
        ]  # fmt: skip
        self.show = show(self.centre, *sundays(2, first=sundays(1)[0] + timedelta(hours=3)), rules=rules,
                         blocks=(Block("A", "1-2", SeatType.VIP),))  # fmt: skip
        self.sessions = [session_id for course in (*self.courses, self.show) for session_id in course.ids]

    # --- the clock ---

    @rule(while_=A_WHILE, is_swept=st.booleans())
    def time_passes(self, while_: timedelta, is_swept: bool) -> None:
        """The workers may be down: what is overdue is void all the same."""
        self.now += while_
        if is_swept:
            self._counted("sweep", lambda: sweep(self.database, now=self.now, handlers=handlers()))
            self._counted("end terms", lambda: end_terms(self.database, now=self.now))

    # --- orders ---

    @rule(child=PICK, picks=st.lists(PICK, min_size=1, max_size=4), how=CONFIRMED_BY)
    def somebody_books(self, child: int, picks: list[int], how: TermBookingConfirmationType) -> None:
        self.somebody_orders(child, TermBookingOrderType.BOOKING, picks, how, by_admin=True)

    @rule(child=PICK, kind=ORDER_TYPES, picks=st.lists(PICK, max_size=4), how=CONFIRMED_BY, by_admin=st.booleans())
    def somebody_orders(
        self, child: int, kind: TermBookingOrderType, picks: list[int], how: TermBookingConfirmationType, by_admin: bool
    ) -> None:
        """A whole way at once: draft, cart, submit (or wait, or an interest) and, where it can be, confirm."""
        family, attendee = self.children[child % len(self.children)]
        actor = self.centre.admin if by_admin else family.actor
        begun = self._try("new", orders.new, actor=actor, account_id=family.id, attendee_id=attendee["id"],
                          term_id=self.centre.term["id"], order_type=kind)  # fmt: skip
        if begun is None:
            return
        lines = self._lines(picks)
        saved = self._try("save", orders.save, order_id=begun.order.id, lines=lines, actor=actor)
        if saved is not None:
            self._hand_in(kind, saved, actor, how)

    def _hand_in(
        self, kind: TermBookingOrderType, saved: orders.Outcome, actor: Actor, how: TermBookingConfirmationType
    ) -> None:
        known: dict[str, Any] = {"order_id": saved.order.id, "actor": actor}
        if kind is TermBookingOrderType.WAITING_LIST:
            self._try("wait", wait, **known)
            return
        if kind is TermBookingOrderType.EOI:
            self._try("express", orders.express, **known)
            return
        assert saved.priced is not None
        done = self._try("submit", orders.submit, confirmation_type=how, price_fingerprint=saved.priced.fingerprint,
                         **known)  # fmt: skip
        if done is not None and done.made is None and how is TermBookingConfirmationType.ADMIN_CONFIRM:
            self._try("confirm", orders.confirm, reason="as agreed", **known)

    @rule(pick=PICK, how=CONFIRMED_BY)
    def a_cart_is_submitted(self, pick: int, how: TermBookingConfirmationType) -> None:
        order = self._pick("SELECT id, price_fingerprint FROM term_booking_order WHERE status = 200", pick)
        if order:
            self._try("submit", orders.submit, order_id=order["id"], confirmation_type=how, actor=self.centre.admin,
                      price_fingerprint=order["price_fingerprint"])  # fmt: skip

    @rule(pick=PICK, step=st.sampled_from(["reopen", "remove", "cancel", "quote", "accept", "confirm",
                                           "approve_attendance"]), by_admin=st.booleans())  # fmt: skip
    def an_order_moves(self, pick: int, step: str, by_admin: bool) -> None:
        order = self._pick("SELECT id, account_id FROM term_booking_order WHERE status >= 100", pick)
        if order:
            more = {"reason": "because"} if step in ("remove", "cancel", "confirm", "approve_attendance") else {}
            self._try(step, getattr(orders, step), order_id=order["id"], actor=self._actor(order, by_admin), **more)

    @rule(pick=PICK, whole=st.booleans())
    def money_comes_in(self, pick: int, whole: bool) -> None:
        order = self._pick(
            "SELECT id, total_minor FROM term_booking_order WHERE status >= 300 AND total_minor > 0", pick
        )
        if order:
            amount = order["total_minor"] if whole else max(1, order["total_minor"] // 2)
            self._try("pay", record_manual_payment, order_id=order["id"], amount_minor=amount, reason="cash",
                      actor=self.centre.admin)  # fmt: skip

    # --- waiting ---

    @rule(child=PICK, picks=st.lists(PICK, min_size=1, max_size=3))
    def somebody_waits(self, child: int, picks: list[int]) -> None:
        self.somebody_orders(child, TermBookingOrderType.WAITING_LIST, picks, NOBODY_ASKS, by_admin=True)

    @rule(pick=PICK, siblings=st.booleans())
    def a_family_waits_for_all_or_nothing(self, pick: int, siblings: bool) -> None:
        family = self.families[pick % 2]
        children = [child for owner, child in self.children if owner is family]
        session_ids = [self.sessions[pick % len(self.sessions)], self.sessions[(pick + 7) % len(self.sessions)]]
        carts = []
        for child in children[:2] if siblings else children[:1]:
            begun = self._try("new", orders.new, actor=self.centre.admin, account_id=family.id, attendee_id=child["id"],
                              term_id=self.centre.term["id"],
                              order_type=TermBookingOrderType.WAITING_LIST)  # fmt: skip
            lines = [{"session_id": i} for i in (session_ids[:1] if siblings else session_ids)]
            if begun and self._try("save", orders.save, order_id=begun.order.id, lines=lines, actor=self.centre.admin):
                carts.append(begun.order.id)
        if carts:
            self._try("wait together", wait_together, order_ids=carts, actor=self.centre.admin)

    @rule(pick=PICK, is_wanted=st.booleans(), how=CONFIRMED_BY)
    def an_offer_is_answered(self, pick: int, is_wanted: bool, how: TermBookingConfirmationType) -> None:
        offer = self._pick("SELECT DISTINCT offer_id AS id FROM waiting_entry WHERE offer_id IS NOT NULL", pick)
        if offer is None:
            return
        known = {"offer_id": offer["id"], "actor": self.centre.admin}
        if not is_wanted:
            self._try("decline", waiting_offers.decline, **known)
            return
        shown = self.centre.do(waiting_offers.show_offer, now=self.now, **known)
        self._try("accept", waiting_offers.accept, confirmation_type=how, price_fingerprint=shown.fingerprint, **known)

    # --- bookings and sessions ---

    @rule(pick=PICK, step=st.sampled_from(["cancel", "close", "suspend", "resume", "archive"]), by_admin=st.booleans())
    def a_booking_moves(self, pick: int, step: str, by_admin: bool) -> None:
        booking = self._pick("SELECT id, account_id FROM term_booking", pick)
        if booking:
            verb = getattr(endings if step in ("cancel", "close") else bookings, step)
            more = {"last_day": self.now.date() + timedelta(days=pick % 14)} if step == "close" else {}
            self._try(f"booking {step}", verb, booking_id=booking["id"], actor=self._actor(booking, by_admin),
                      reason="because", **more)  # fmt: skip

    @rule(pick=PICK, capacity=st.integers(min_value=0, max_value=3))
    def an_admin_changes_the_capacity(self, pick: int, capacity: int) -> None:
        self._try("capacity", set_capacity, session_id=self.sessions[pick % len(self.sessions)], capacity=capacity,
                  reason="room", actor=self.centre.admin)  # fmt: skip

    # --- how ---

    def _lines(self, picks: list[int]) -> list[Row]:
        """A line for each session that is picked, in a show with one of its two seats."""
        seats = list(self.show.seats.values())
        chosen = {self.sessions[pick % len(self.sessions)]: seats[pick % 2] for pick in picks}
        return [{"session_id": i} | ({"seat_id": seat} if i in self.show.ids else {}) for i, seat in chosen.items()]

    def _actor(self, row: Row, by_admin: bool) -> Actor:
        family = next(f for f in self.families if f.id == row["account_id"])
        return self.centre.admin if by_admin else family.actor

    def _pick(self, sql: str, pick: int) -> Row | None:
        rows = self.centre.rows(f"{sql} ORDER BY id")
        return rows[pick % len(rows)] if rows else None

    def _try(self, name: str, verb: Callable[..., Any], **known: Any) -> Any:
        """A verb now; None where the domain says no."""
        return self._counted(name, lambda: self.centre.do(verb, now=self.now, **known))

    def _counted(self, name: str, step: Callable[[], Any]) -> Any:
        self.tally.steps += 1
        self.since_look += 1
        try:
            done = step()
        except Overtaken as conflict:  # nobody else is at work here
            raise AssertionError(f"{name}: {conflict.message}") from conflict
        except TermbookError as refusal:
            self.tally.refused[f"{name}: {refusal.reasons[0].code if refusal.reasons else refusal.code}"] += 1
            return None
        self.tally.done[name] += 1
        if self.since_look >= LOOK_EVERY:
            self._look()
        return done

    def _look(self) -> None:
        self.since_look = 0
        breaches = check(self.database, edges=edges(), organisation_id=self.centre.organisation_id)
        assert not breaches, report(breaches)

    def teardown(self) -> None:
        self._look()
        replayed = replay(self.database, edges=edges(), organisation_id=self.centre.organisation_id)
        assert not replayed.breaches, say_replayed(replayed)
        for row in self.centre.rows("SELECT status, count(*) AS n FROM term_booking_order GROUP BY status"):
            self.tally.statuses[row["status"]] += row["n"]
