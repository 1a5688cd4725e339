"""What somebody asks a booking to hold, and what that comes to with all that it alters."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

from bench.edits.family import Booked, Session
from billing.adjustments import Adjustment
from billing.passes import Right
from billing.waterfall import Open
from catalogue.selection import OfferedSession, by_week, in_one_set
from models import BookingMode, LineKind
from workflows.change_facts import Change, compute
from workflows.change_pricing import OF_ITSELF, Asked
from workflows.companion_facts import altered, companion_of, enrolling_by_change, fingerprint_with
from workflows.credit_facts import Behind
from workflows.double_booking import Slot
from workflows.order_facts import Facts, Offering, WantedExtra, WantedLine
from workflows.pass_facts import with_freed
from workflows.pass_use import parted, uncovered


@dataclass
class Edit:
    """All that a booking is to hold, in any order of clicks."""

    its: Booked
    wanted: set[UUID]
    extras: dict[tuple[UUID, UUID], int]
    asked: Asked
    modes: dict[UUID, BookingMode] = field(default_factory=dict)  # that what is added is asked for in; else casual

    def judged(self, *, shuffled: bool = False, without: Iterable[Booked] = ()) -> Change:
        """What it comes to by itself; the bookings in `without` do not count."""
        its, family = self.its, self.its.family
        clicks = sorted(self.wanted)
        if shuffled:
            family.dice.shuffle(clicks)
        by_id = {session[0]: session for session in family.sessions}
        live = {line.session_id: line for line in its.kept()}
        lines = [self._line(n, by_id[session]) for n, session in enumerate(clicks)]
        staying = [line for line in lines if line.session_id in live]
        for line in staying:
            line.mode = line.asked_mode = live[line.session_id].mode
        leaving = [line for session, line in live.items() if session not in self.wanted]
        enrolled = its.enrolled()
        freed = [*parted(enrolled, leaving, family.now)[0], *uncovered(enrolled, staying)]
        facts = Facts(
            lines=[line for line in lines if line.session_id not in live], staying=staying,
            settings=dict(family.settings),  # type: ignore[arg-type]
            claims=[], siblings=family.offered(), group={}, trials_taken={}, standing=None, today=family.now.date(),
            peers=family.peers([its, *without]), passes=with_freed(self._rights(), freed),
        )  # fmt: skip
        return compute(replace(its.order, original_booking_id=its.booking.id), enrolled, facts, leaving, family.now,
                       self.asked, "")  # fmt: skip

    def _rights(self) -> list[Right]:
        return [replace(each.right, left=None if each.granted is None else each.granted - each.used)
                for each in self.its.family.passes]  # fmt: skip

    def _line(self, position: int, session: Session) -> WantedLine:
        session_id, offering, starts, price = session
        facts = {"local_date": starts.date().isoformat(), "local_start": "09:30:00", "local_end": "10:30:00",
                 "price_minor": price, "seat_id": None, "activities": None, "makeup_credit_id": None}  # fmt: skip
        mode = self.modes.get(session_id, BookingMode.CASUAL)
        line = WantedLine(session_id, session_id, offering, LineKind.SESSION, mode, position,
                          Slot(session_id, starts, starts + timedelta(hours=1)), facts)  # fmt: skip
        line.extras = [
            WantedExtra(UUID(int=extra_id.int ^ session_id.int), session_id, extra_id, name, unit, quantity, True)
            for extra_id, name, unit in self.its.family.extras
            if (quantity := self.extras.get((session_id, extra_id), 0))
        ]
        return line

    def reviewed(self, *, shuffled: bool = False) -> Change:
        """The same with the family's other bookings that it alters, and what stands behind the credits of all."""
        family, change = self.its.family, self.judged(shuffled=shuffled)
        cause, enrolling = change.order, enrolling_by_change(change)
        others = [other for other in family.bookings if other is not self.its and _counts_others(other)]
        kept = [self._kept(other, change) for other in others]
        companions = altered(kept, cause, enrolling, [], family.now)
        fingerprint = fingerprint_with(change.difference.fingerprint, companions)
        difference = replace(change.difference, fingerprint=fingerprint)
        return replace(change, companions=companions, difference=difference, behind=behind(self.its))

    def _kept(self, other: Booked, change: Change) -> Change:
        """Another booking with all that it holds, as a change of nothing."""
        held = {line.session_id for line in other.kept()}
        extras = {(UUID(row["term_product_id"]), UUID(row["component"].removeprefix("EXTRA:"))): row["quantity"]
                  for row in other.billed if row["component"].startswith("EXTRA:")}  # fmt: skip
        found = Edit(other, held, extras, OF_ITSELF).judged(without=[self.its])
        return replace(found, order=companion_of(change.order, found.enrolled, change.now))


def _counts_others(its: Booked) -> bool:
    """It was sold with a discount that counts other bookings and is judged again when they change."""
    return any(step["rule"] in ("SIBLING", "COMBINE_BOOKING") and step["terms"]["on_edit"] != "FREEZE"
               for row in its.billed for step in row["trace"] if step["step"] == "discount")  # fmt: skip


def behind(its: Booked) -> Behind:
    """What the waterfall asks: the open invoices of the group, and whose money is used."""
    family = its.family
    others = [Open(i, bill.number, bill.due_on, bill.open_minor) for i, bill in family.bills.items() if bill.open_minor]
    return Behind({family.group_id: others}, family.payments, family.debited)


def pick(its: Booked, *, first: bool = False) -> Edit:
    """What somebody asks for: mostly a bit more or less than before; sometimes nothing but what was held."""
    family, dice = its.family, its.family.dice
    live = {line.session_id: line for line in its.kept()}
    held = {session for session, line in live.items() if line.is_held(family.now)}
    keeps = {session for session in live if session in held or dice.random() < 0.8}
    if not first and dice.random() < 0.05:
        keeps = held
    adds = _added(its, chance=0.6 if first else 0.2)
    was = {(UUID(row["term_product_id"]), row["component"]): row["quantity"] for row in its.billed}
    extras = {}
    for session in sorted(keeps | adds):
        for extra_id, _, _ in family.extras:
            before = was.get((session, f"EXTRA:{extra_id}"), 0)
            is_fixed = session in held
            extras[session, extra_id] = before if is_fixed or dice.random() < 0.7 else dice.randint(0, 3)
    adjusts = [s for s in sorted(keeps | adds) if not first and dice.random() < 0.1][:2]
    adjustments = tuple(Adjustment(s, dice.choice((-1, -500, 250, 7)), "as agreed") for s in adjusts)
    return Edit(its, keeps | adds, extras, Asked(adjustments, has_change_fee=not first), _modes(its, keeps, adds))


def _added(its: Booked, *, chance: float) -> set[UUID]:
    """Sessions to come that it never had; where single days are not sold, whole weeks of them."""
    family, had = its.family, {line.session_id for line in its.lines}
    adds: set[UUID] = set()
    for offering in family.offerings:
        sessions = family.offered().get(offering.id, [])
        ahead = [session for session in sessions if session.is_to_come]
        if "CASUAL" in offering.facts["modes"]:
            adds |= {session.id for session in ahead if session.id not in had and family.dice.random() < chance}
            continue
        for week in by_week(ahead).values():
            if not had & {session.id for session in week} and family.dice.random() < chance:
                adds |= {session.id for session in week}
    return adds


def _modes(its: Booked, keeps: set[UUID], adds: set[UUID]) -> dict[UUID, BookingMode]:
    """A week or the term of an offering is asked for as a whole where all that is to come of it is chosen."""
    dice, found = its.family.dice, dict[UUID, BookingMode]()
    for offering in its.family.offerings:
        sessions = its.family.offered().get(offering.id, [])
        own = {session.id for session in sessions if session.id in adds}
        for mode in (BookingMode.FULL_WEEK, BookingMode.FULL_TERM):
            if mode.value in offering.facts["modes"] and (dice.random() < 0.3 or _has_no_days(offering)):
                found |= dict.fromkeys(_whole(mode, sessions, own, keeps), mode)
    return found


def _has_no_days(offering: Offering) -> bool:
    return "CASUAL" not in offering.facts["modes"]


def _whole(mode: BookingMode, sessions: list[OfferedSession], own: set[UUID], keeps: set[UUID]) -> set[UUID]:
    """Of what is added the sessions whose week, or term, is whole with what stays."""
    chosen, ahead = own | keeps, {session.id for session in sessions if session.is_to_come}
    return {each for each in own if in_one_set(mode, sessions, {each}) & ahead <= chosen}
