"""The entry of a waiting list: from the queue to an offered place, and to an order of the family's own.

The diagram is generated from the chart: `termbook diagram`. Whoever frees places has them offered by `offer_freed`, in
the same transaction. The answers to an offer stand in `workflows.waiting_offers`, what the order does with its entries
in `workflows.waiting_orders`.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from engine.actor import SYSTEM as BY_SYSTEM
from engine.batch import Guarded
from engine.chart import Chart, Step
from engine.database import Row, Transaction
from engine.errors import Reason
from engine.fire import MovedMeanwhile, announce, fire
from engine.ids import new_id
from models import ActorKind, PlaceClaim, TermBookingOrderType, Timer, TimerKind
from models import WaitingStatus as S
from workflows.waiting_facts import Entry, lock_queues, read_queue, saved_until
from workflows.waiting_fitness import Fitness
from workflows.waiting_guards import has_open_offer

OWNER = frozenset({ActorKind.ADMIN, ActorKind.FAMILY, ActorKind.GUEST})
SYSTEM = frozenset({ActorKind.SYSTEM})
_OPEN = (has_open_offer,)

CHART = Chart(
    name="waiting_entry",
    states=(S.WAITING, S.SAVED, S.OFFERED, S.ACCEPTED, S.DECLINED, S.EXPIRED, S.LEFT),
    initial=(S.WAITING,),
    steps=(
        #     trigger      source     target      who             guards
        Step("set_aside", S.WAITING, S.SAVED,    SYSTEM),
        Step("let_go",    S.SAVED,   S.WAITING,  SYSTEM),
        Step("offer",     S.WAITING, S.OFFERED,  SYSTEM),
        Step("offer",     S.SAVED,   S.OFFERED,  SYSTEM),
        Step("accept",    S.OFFERED, S.ACCEPTED, OWNER,          _OPEN),
        Step("decline",   S.OFFERED, S.DECLINED, OWNER),
        Step("expire",    S.OFFERED, S.EXPIRED,  SYSTEM),
        Step("leave",     S.WAITING, S.LEFT,     OWNER | SYSTEM),
        Step("leave",     S.SAVED,   S.LEFT,     OWNER | SYSTEM),
        Step("leave",     S.OFFERED, S.LEFT,     OWNER | SYSTEM),
    ),
)  # fmt: skip


def offer_freed(tx: Transaction, session_ids: Sequence[UUID], now: datetime) -> None:
    """What whoever freed places does before the commit: offer them to who waits. The sessions are locked already."""
    offer_free(tx, session_ids, now=now)


def offer_free(tx: Transaction, session_ids: Sequence[UUID], *, now: datetime) -> int:
    """Offer the free places of these sessions to who waits for them, longest first, until none is left or nobody can
    take one; returns how many were given out. Locks the sessions; no order and no account.
    """
    free = lock_queues(tx, session_ids)
    entries = read_queue(tx, session_ids)
    if not entries:
        return 0
    queue = _Queue(entries, free, Fitness(tx, now))
    for session_id in sorted(free):
        for entry in [e for e in entries if e.session_id == session_id]:
            queue.serve(entry, now=now)
    queue.offer_whole_groups()
    return _write(tx, queue, now=now)


@dataclass
class _Queue:
    """The queues of some sessions while their free places are given to whoever comes first."""

    entries: list[Entry]
    free: dict[UUID, int]
    fitness: Fitness

    def __post_init__(self) -> None:
        self.set_aside: list[Entry] = []
        self.offers: list[list[Entry]] = []
        self.passed_over: dict[UUID, str] = {}

    def serve(self, entry: Entry, *, now: datetime) -> None:
        """Give a free place of its session to an entry that has none, or pass it over."""
        if entry.status is not S.WAITING or self.free[entry.session_id] < 1 or self._has_place(entry):
            return
        if entry.group_id is None:
            if not (reasons := self.fitness.reasons([entry])):
                self._take([entry])
                self.offers.append([entry])
            else:
                self._pass_over(entry, reasons)
            return
        group = self._group(entry)
        if reasons := self.fitness.reasons(group):
            self._pass_over(entry, reasons)
        elif (until := saved_until(group)) is None or now < until:
            self._take([entry])
            self.set_aside.append(entry)
        else:
            self._serve_at_once(entry, group)

    def _serve_at_once(self, entry: Entry, group: list[Entry]) -> None:
        """Nothing is saved any more: a group gets all it asks for from what is free now, or nothing."""
        missing = [e for e in group if e.status is S.WAITING and not self._has_place(e)]
        asked = Counter(e.session_id for e in missing)
        if all(self.free.get(session_id, 0) >= places for session_id, places in asked.items()):
            self._take(missing)
            self.set_aside.extend(missing)
        else:
            self.passed_over[entry.id] = "There were not enough places for all of the group at once."

    def offer_whole_groups(self) -> None:
        """A group whose places are all set aside is offered them together, if it can still take them."""
        for group_id in {e.group_id: None for e in self.entries if e.group_id is not None}:
            group = [e for e in self.entries if e.group_id == group_id]
            is_whole = all(e.status is not S.OFFERED and self._has_place(e) for e in group)
            if is_whole and not self.fitness.reasons(group):
                self.set_aside = [e for e in self.set_aside if e.group_id != group_id]
                self.offers.append(group)

    def _group(self, entry: Entry) -> list[Entry]:
        return [e for e in self.entries if e.group_id == entry.group_id]

    def _has_place(self, entry: Entry) -> bool:
        return entry.claim_id is not None

    def _take(self, entries: list[Entry]) -> None:
        for entry in entries:
            self.free[entry.session_id] -= 1
            entry.claim_id = new_id()
            entry.record(places_taken=[entry.session_id])

    def _pass_over(self, entry: Entry, reasons: list[Reason]) -> None:
        self.passed_over[entry.id] = " ".join(dict.fromkeys(reason.message for reason in reasons))


# The sessions are locked by now; the places are counted all the same.
TAKE = Guarded(
    name="take_places_for_waiting",
    sql="UPDATE term_product s SET taken = s.taken + r.places, waiting_count = s.waiting_count - r.places FROM {rows} "
    "WHERE s.organisation_id = {org} AND s.id = r.id AND s.taken + r.places <= s.capacity RETURNING s.id",
    takes="id uuid, places int",
)
_PASS_OVER = Guarded(
    name="pass_over",
    sql="UPDATE waiting_entry t SET passed_over_at = r.at, passed_over_for = r.why FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id RETURNING t.id",
    takes="id uuid, at timestamptz, why text",
)


def _write(tx: Transaction, queue: _Queue, *, now: datetime) -> int:
    placed = [*queue.set_aside, *(entry for offer in queue.offers for entry in offer)]
    fresh = [entry for entry in placed if entry.status is S.WAITING]
    meanwhile = MovedMeanwhile("The places were taken meanwhile; look again.")
    if fresh:
        counted = Counter(entry.session_id for entry in fresh)
        tx.batch.guard(TAKE, [{"id": i, "places": n} for i, n in counted.items()], otherwise=lambda _: meanwhile)
        tx.batch.add(PlaceClaim, [_claim(queue.fitness, entry, now) for entry in fresh])
    for entry in queue.set_aside:
        fire(tx.batch, CHART, entry, "set_aside", actor=BY_SYSTEM, now=now)
    for offer in queue.offers:
        _write_offer(tx, queue.fitness, offer, now=now)
    # Who is looked at again and cannot for the same reason was passed over when that was first so.
    served, known = {entry.id for entry in placed}, {entry.id: entry.passed_over_for for entry in queue.entries}
    passed = [{"id": i, "at": now, "why": why} for i, why in queue.passed_over.items()
              if i not in served and known[i] != why]  # fmt: skip
    if passed:
        tx.batch.guard(_PASS_OVER, passed, otherwise=lambda _: meanwhile)
    return len(placed)


def _write_offer(tx: Transaction, fitness: Fitness, offer: list[Entry], *, now: datetime) -> None:
    """Places are offered together, with one timer: the order that is locked first stands for all of them."""
    offer_id, expires_at = new_id(), fitness.expires_at(offer)
    for entry in offer:
        entry.change(offer_id=offer_id, offer_expires_at=expires_at)
        fire(tx.batch, CHART, entry, "offer", actor=BY_SYSTEM, now=now,
             changes={"offer_id": str(offer_id), "expires_at": expires_at.isoformat()})  # fmt: skip
    first = min(offer, key=lambda entry: (entry.attendee_id, entry.order_id)).order_id
    tx.batch.add(
        Timer,
        [{"id": new_id(), "kind": TimerKind.WAITING_OFFER.value, "subject_id": first, "detail_id": offer_id,
          "due_at": expires_at, "status": "ARMED"}],
    )  # fmt: skip
    announce(tx.batch, "waiting.offered", now=now, subject_id=first, offer_id=offer_id,
             reference=fitness.order(offer[0]).reference)  # fmt: skip


def _claim(fitness: Fitness, entry: Entry, now: datetime) -> Row:
    """An offered place counts as taken and blocks nobody's time."""
    order, slot = fitness.order(entry), fitness.line(entry).slot
    starts, ends = slot.starts_at, slot.ends_at
    return {
        "id": entry.claim_id, "order_id": entry.order_id, "attendee_id": entry.attendee_id,
        "attendee_key": order.attendee["claim_key"], "term_product_id": entry.session_id,
        "order_type": int(TermBookingOrderType.WAITING_LIST), "takes_place": True, "blocks_time": False,
        "during": f"[{starts.isoformat()},{ends.isoformat()})" if starts and ends else "empty", "held_since": now,
        "is_seated": False, "venue_id": None, "seat_id": None,
    }  # fmt: skip
