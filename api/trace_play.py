"""Plays the demand of a real registration through the public verbs, with made-up attendees.

A trace tells numbers, not people: each enrolment is somebody of the crowd, each drop one of the enrolled, each line on
a waiting list somebody new. Where our rules lead elsewhere than the source, the reason is counted.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from api.trace_file import Count, Sighting
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import TermbookError
from engine.fire import Refused
from engine.ids import new_id
from engine.timers import sweep
from models import ActorKind, TermBookingConfirmationType, TermBookingOrderType
from samples.sample import Child, add_family
from workflows import enrolment, waiting_offers
from workflows import term_booking_order as orders
from workflows.booking_facts import Enrolled
from workflows.capacity import set_capacity
from workflows.timeouts import handlers
from workflows.waiting_orders import wait

_ADMIN_CONFIRM = TermBookingConfirmationType.ADMIN_CONFIRM
_REASON = "as the source tells"
# So many enrolments are of somebody who is known already, and may be elsewhere at that time.
_KNOWN = 0.5


@dataclass
class Section:
    """A section of the timetable, how it stands in the source, and who is in it with us."""

    name: str
    offering_id: UUID
    term_id: UUID
    real: Count = field(default_factory=Count)
    enrolled: dict[UUID, UUID] = field(default_factory=dict)  # attendee → booking
    waiting: dict[UUID, UUID] = field(default_factory=dict)  # attendee → order
    # Promotions that our rule made and the source has not told yet.
    ahead: int = 0
    why: Counter[str] = field(default_factory=Counter)


@dataclass
class Played:
    """What has been played so far."""

    sections: dict[str, Section]
    unknown: Counter[str] = field(default_factory=Counter)  # sections that the timetable does not hold
    lines: int = 0
    verbs: int = 0


@dataclass
class Player:
    """Plays sightings in the order of their time; the same seed plays the same people."""

    database: Database
    organisation_id: UUID
    played: Played
    seed: int = 0
    crowd: list[tuple[UUID, UUID]] = field(default_factory=list)  # (account, attendee)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)  # noqa: S311 - a story, not a secret
        self.admin = Actor(ActorKind.ADMIN, user_id=new_id())

    def play(self, sighting: Sighting) -> None:
        """What has changed since the section was seen last, at the moment of the sighting."""
        self.played.lines += 1
        section = self.played.sections.get(sighting.section)
        if section is None:
            self.played.unknown[sighting.section] += 1
            return
        now, was, found = sighting.at, section.real, sighting.count
        section.real = found
        sweep(self.database, now=now, handlers=handlers())
        if found.seats != was.seats:
            self._set_seats(section, found.seats, now)
        came, left = max(0, found.enrolled - was.enrolled), max(0, was.enrolled - found.enrolled)
        queued, unqueued = max(0, found.waitlisted - was.waitlisted), max(0, was.waitlisted - found.waitlisted)
        promoted = min(came, unqueued)
        for _ in range(left):
            self._drop(section, now)
        for _ in range(queued):
            self._queue(section, now)
        for _ in range(promoted):
            self._promote(section, now)
        for _ in range(unqueued - promoted):
            self._leave(section, now)
        for _ in range(came - promoted):
            self._enrol(section, now)

    # --- what happens ---

    def _set_seats(self, section: Section, seats: int, now: datetime) -> None:
        if section.enrolled or section.waiting:
            section.why["seats changed in the source"] += 1
        for session in self._sessions(section):
            if session["capacity"] == seats:
                continue
            if self._try(section, "seats below what is taken", set_capacity, session_id=session["id"], capacity=seats,
                         reason=_REASON, actor=self.admin, now=now) is None:  # fmt: skip
                break
        self._answer_offers(section, now)

    def _enrol(self, section: Section, now: datetime) -> None:
        account_id, attendee_id = self._somebody(section, now)
        sessions = self._open_sessions(section, now)
        order = self._order(section, account_id, attendee_id, TermBookingOrderType.BOOKING, sessions, now)
        if order is None:
            return
        submitted = self._try(
            section, "", orders.submit, order_id=order.order.id, confirmation_type=_ADMIN_CONFIRM, actor=self.admin,
            price_fingerprint=order.priced.fingerprint, now=now, override_reason=_REASON,
        )  # fmt: skip
        if submitted is not None:
            self._confirm(section, order.order.id, attendee_id, now)

    def _confirm(self, section: Section, order_id: UUID, attendee_id: UUID, now: datetime) -> None:
        made = self._try(section, "", orders.confirm, order_id=order_id, actor=self.admin, now=now, reason=_REASON)
        if made is not None:
            section.enrolled[attendee_id] = made.made.booking.id

    def _drop(self, section: Section, now: datetime) -> None:
        if not section.enrolled:
            section.why["dropped by more than we enrolled"] += 1
            return
        attendee_id = self.chance.choice(list(section.enrolled))
        if self._try(section, "", _cancel, booking_id=section.enrolled[attendee_id], actor=self.admin, now=now,
                     reason=_REASON) is not None:  # fmt: skip
            del section.enrolled[attendee_id]
        self._answer_offers(section, now)

    def _queue(self, section: Section, now: datetime) -> None:
        account_id, attendee_id = self._somebody(section, now, is_new=True)
        sessions = self._open_sessions(section, now)
        order = self._order(section, account_id, attendee_id, TermBookingOrderType.WAITING_LIST, sessions, now)
        if order is not None and self._try(section, "", wait, order_id=order.order.id, actor=self.admin, now=now,
                                           override_reason=_REASON) is not None:  # fmt: skip
            section.waiting[attendee_id] = order.order.id
        self._answer_offers(section, now)

    def _promote(self, section: Section, now: datetime) -> None:
        """The source took somebody off its list; ours was offered the place when it became free."""
        if section.ahead:
            section.ahead -= 1
            section.why["queue promoted by our rule, at once"] += 1
            return
        self._leave(section, now)
        self._enrol(section, now)

    def _leave(self, section: Section, now: datetime) -> None:
        if not section.waiting:
            if section.ahead:
                section.ahead -= 1
                section.why["left the source's list when ours had promoted them"] += 1
            else:
                section.why["left a list on which nobody waits with us"] += 1
            return
        attendee_id = self.chance.choice(list(section.waiting))
        order_id = section.waiting.pop(attendee_id)
        self._try(section, "", orders.remove, order_id=order_id, actor=self.admin, now=now, reason=_REASON)
        self._answer_offers(section, now)

    def _answer_offers(self, section: Section, now: datetime) -> None:
        """Whoever is offered a place takes it at once."""
        while offered := self._run(lambda tx: tx.rows(_OFFERED, orders=list(section.waiting.values()))):
            for offer in offered:
                self._accept(section, offer, now)

    def _accept(self, section: Section, offer: Row, now: datetime) -> None:
        attendee_id = offer["attendee_id"]
        shown = self._run(partial(waiting_offers.show_offer, offer_id=offer["offer_id"], actor=self.admin, now=now))
        accepted = self._try(
            section, "", waiting_offers.accept, offer_id=offer["offer_id"], confirmation_type=_ADMIN_CONFIRM,
            price_fingerprint=shown.fingerprint, actor=self.admin, now=now, override_reason=_REASON,
        )  # fmt: skip
        del section.waiting[attendee_id]
        if accepted is None:
            self._try(section, "", waiting_offers.decline, offer_id=offer["offer_id"], actor=self.admin, now=now)
            return
        section.ahead += 1
        for outcome in accepted:
            self._confirm(section, outcome.order.id, attendee_id, now)

    # --- who and what ---

    def _somebody(self, section: Section, now: datetime, *, is_new: bool = False) -> tuple[UUID, UUID]:
        """Somebody who is not in the section: of the crowd, or new to it."""
        if self.crowd and not is_new and self.chance.random() < _KNOWN:
            account_id, attendee_id = self.chance.choice(self.crowd)
            if attendee_id not in section.enrolled and attendee_id not in section.waiting:
                return account_id, attendee_id
        number = len(self.crowd) + 1
        child = Child(f"Student {number}", date(2004, 1, 1) + timedelta(days=number % 365))
        family = self._run(partial(
            add_family, name=f"Household {number}", email=f"student{number}@trace.example", children=(child,), now=now,
        ))  # fmt: skip
        self.crowd.append((family.account_id, family.attendee_ids[0]))
        return self.crowd[-1]

    def _order(
        self, section: Section, account_id: UUID, attendee_id: UUID, order_type: TermBookingOrderType,
        sessions: list[Row], now: datetime,
    ) -> Any:  # fmt: skip
        begun = self._try(
            section, "", orders.new, actor=self.admin, account_id=account_id, attendee_id=attendee_id,
            term_id=section.term_id, order_type=order_type, now=now,
        )  # fmt: skip
        if begun is None:
            return None
        lines = [{"session_id": session["id"], "mode": "FULL_TERM"} for session in sessions]
        return self._try(section, "", orders.save, order_id=begun.order.id, lines=lines, actor=self.admin, now=now)

    def _sessions(self, section: Section) -> list[Row]:
        found: list[Row] = self._run(lambda tx: tx.rows(_SESSIONS, offering=section.offering_id))
        return found

    def _open_sessions(self, section: Section, now: datetime) -> list[Row]:
        return [s for s in self._sessions(section) if s["starts_at"] is None or s["starts_at"] >= now]

    def _run(self, work: Callable[[Transaction], Any]) -> Any:
        self.played.verbs += 1
        return self.database.run(self.organisation_id, work)

    def _try(self, section: Section, why: str, verb: Callable[..., Any], **known: Any) -> Any:
        """A verb in a transaction of its own; None where it is refused, and the reason is counted."""
        try:
            return self._run(lambda tx: verb(tx, **known))
        except Refused as refusal:
            for code in dict.fromkeys(reason.code for reason in refusal.reasons):
                section.why[why or _WORDS.get(code, code)] += 1
        except TermbookError as refusal:
            section.why[why or refusal.code] += 1
        return None


_WORDS = {
    "double_booked": "overlap refused",
    "session_full": "full: the source enrolled beyond its seats, or later than we promoted",
    "cart_empty": "every session had begun",
    "nothing_to_cancel": "dropped when every session was over",
}

_SESSIONS = """
SELECT id, starts_at, capacity FROM term_product
WHERE organisation_id = %(org)s AND term_program_set_id = %(offering)s AND status = 'OPEN' ORDER BY id
"""

_OFFERED = """
SELECT DISTINCT e.offer_id, o.attendee_id FROM waiting_entry e
JOIN term_booking_order o ON o.organisation_id = e.organisation_id AND o.id = e.order_id
WHERE e.organisation_id = %(org)s AND e.order_id = ANY(%(orders)s) AND e.status = 30
"""

_SECTIONS = "SELECT id, code, term_id FROM term_program_set WHERE organisation_id = %(org)s"


def sections_of(tx: Transaction) -> dict[str, Section]:
    """The sections of the imported timetable by their code."""
    return {row["code"]: Section(row["code"], row["id"], row["term_id"]) for row in tx.rows(_SECTIONS)}


def _cancel(tx: Transaction, *, booking_id: UUID, actor: Actor, now: datetime, reason: str) -> Enrolled:
    """Look at what a cancellation comes to, and accept it."""
    review = enrolment.review_cancellation(tx, booking_id=booking_id, actor=actor, now=now)
    return enrolment.cancel(tx, booking_id=booking_id, fingerprint=review.difference.fingerprint, actor=actor, now=now,
                            reason=reason)  # fmt: skip
