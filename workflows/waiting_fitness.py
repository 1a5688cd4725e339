"""Whether somebody who waits may and can take a place at this moment: the rules of a booking, asked without a lock.

An acceptance asks them again under its own locks; nothing is promised here but the place itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from uuid import UUID

from catalogue.rules import Rule
from engine.actor import SYSTEM
from engine.database import Transaction
from engine.errors import Reason
from models import TermBookingOrderType
from workflows.order_facts import Facts, Order, WantedLine, local_day, read_order
from workflows.order_guards import (
    has_no_conflict,
    has_order_type_on_offer,
    is_before_cut_off,
    is_eligible,
    is_in_booking_window,
    is_selectable,
)
from workflows.order_reads import read_facts
from workflows.waiting_facts import Entry

_RULES = (
    has_order_type_on_offer, is_selectable, is_in_booking_window, is_before_cut_off, is_eligible, has_no_conflict,
)  # fmt: skip


@dataclass
class Fitness:
    """What is known of the orders that wait, each read once."""

    tx: Transaction
    now: datetime
    _known: dict[UUID, tuple[Order, Facts]] = field(default_factory=dict)

    def order(self, entry: Entry) -> Order:
        return self._read(entry.order_id)[0]

    def line(self, entry: Entry) -> WantedLine:
        """The session as the order asks for it."""
        return next(line for line in self._read(entry.order_id)[1].lines if line.session_id == entry.session_id)

    def reasons(self, entries: Iterable[Entry]) -> list[Reason]:
        """Why these cannot all be booked now; the entries of one order are judged together."""
        found: list[Reason] = []
        entries = list(entries)
        for order_id in dict.fromkeys(entry.order_id for entry in entries):
            order, facts = self._read(order_id)
            wanted = {entry.session_id for entry in entries if entry.order_id == order_id}
            asked = replace(facts, lines=[line for line in facts.lines if line.session_id in wanted])
            booking = replace(order, order_type=TermBookingOrderType.BOOKING)
            found += [reason for rule in _RULES
                      for reason in rule(booking, facts=asked, actor=SYSTEM, now=self.now, override="")]  # fmt: skip
            if self.expires_at([e for e in entries if e.order_id == order_id]) <= self.now:
                found.append(Reason("past_cut_off", "It is too late to book.", rule="booking_cut_off"))
        return found

    def expires_at(self, entries: Iterable[Entry]) -> datetime:
        """When an offer made now runs out: after the shortest time that any of the offerings gives, and never later
        than the first cut-off of its sessions.
        """
        ends = []
        for entry in entries:
            facts, line = self._read(entry.order_id)[1], self.line(entry)
            ends.append(self.now + timedelta(hours=facts.rule(Rule.WAITING_OFFER, line.offering).value))
            if line.slot.starts_at is not None:
                cut_off = timedelta(minutes=facts.rule(Rule.BOOKING_CUT_OFF, line.offering).value)
                ends.append(line.slot.starts_at - cut_off)
        return min(ends)

    def _read(self, order_id: UUID) -> tuple[Order, Facts]:
        if order_id not in self._known:
            order = read_order(self.tx, order_id)
            facts = read_facts(self.tx, order, now=self.now, today=local_day(self.now, order))
            self._known[order_id] = order, facts
        return self._known[order_id]
