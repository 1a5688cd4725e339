"""What else an attendee may join where a session is full or overlaps: the nearest sessions with a place left.

The same program at another time, or the same category at the same time at another site. Every rule of a submit is asked
of each: whoever takes one that was named here is not told then that the attendee is too old for it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from engine.actor import Actor
from engine.chart import Guard
from engine.database import Row, Transaction
from engine.errors import Reason
from engine.ids import new_id
from models import BookingMode, LineKind
from workflows.double_booking import clashing_pairs
from workflows.order_facts import Beside, Facts, Order, WantedLine
from workflows.order_guards import (
    has_confirmation_type_on_offer,
    has_no_conflict,
    has_order_type_on_offer,
    has_place,
    has_trial_left,
    is_before_cut_off,
    is_eligible,
    is_in_booking_window,
    is_selectable,
)
from workflows.order_reads import read_facts_together

# What a session must be refused for to have alternatives named.
ANSWERED = frozenset({"session_full", "double_booked"})
# Of each kind so many are named, out of so many that are looked at; of so many sessions of one request.
MOST = 3
_LOOKED_AT = 20
_MOST_SESSIONS = 50

_GUARDS: tuple[Guard, ...] = (
    has_order_type_on_offer, is_selectable, is_in_booking_window, is_before_cut_off, is_eligible, has_trial_left,
    has_place, has_no_conflict,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Lost:
    """An order that cannot have some of its sessions, and why; `keeps` is what it still has or wants besides."""

    order: Order
    facts: Facts
    keeps: Sequence[WantedLine]
    reasons: Sequence[Reason]


_NEAREST = """
SELECT w.order_id, w.session_id, c.kind, c.id
FROM jsonb_to_recordset(%(wanted)s::jsonb) AS w(order_id uuid, session_id uuid)
JOIN term_product s ON s.organisation_id = %(org)s AND s.id = w.session_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
CROSS JOIN LATERAL (
    (SELECT 'same_program' AS kind, x.id, abs(extract(epoch FROM x.starts_at - s.starts_at)) AS away, true AS is_alike
     FROM term_program_set q
     JOIN term_product x ON x.organisation_id = q.organisation_id AND x.term_program_set_id = q.id
     WHERE q.organisation_id = %(org)s AND q.program_id = p.program_id AND q.status = 'PUBLISHED'
       AND x.id <> s.id AND x.product_type = 'SESSION' AND x.status = 'OPEN' AND x.starts_at > %(now)s
       AND x.taken < x.capacity
     ORDER BY away, x.id LIMIT %(most)s)
    UNION ALL
    (SELECT 'same_time', x.id, abs(extract(epoch FROM x.starts_at - s.starts_at)) AS away, r.name = g.name AS is_alike
     FROM program r
     JOIN term_program_set q ON q.organisation_id = r.organisation_id AND q.program_id = r.id AND q.status = 'PUBLISHED'
     JOIN term_product x ON x.organisation_id = q.organisation_id AND x.term_program_set_id = q.id
     WHERE r.organisation_id = %(org)s AND r.category_id = g.category_id AND r.site_id <> g.site_id
       AND x.product_type = 'SESSION' AND x.status = 'OPEN' AND x.starts_at > %(now)s AND x.taken < x.capacity
       AND x.starts_at < s.ends_at AND x.ends_at > s.starts_at
     ORDER BY is_alike DESC, away, x.id LIMIT %(most)s)
) c
ORDER BY w.order_id, w.session_id, c.kind, c.is_alike DESC, c.away, c.id
"""


def with_alternatives(tx: Transaction, lost: Sequence[Lost], *, actor: Actor, now: datetime) -> list[list[Reason]]:
    """The reasons of each order, those of full and overlapping sessions with `alternatives` among their facts.

    Two statements at any number of orders and sessions, none where nothing is full or overlaps. Of a request with very
    many such sessions the first ones are answered.
    """
    asked = [(each, line) for each in lost for line in _asked(each)][:_MOST_SESSIONS]
    if not asked:
        return [list(each.reasons) for each in lost]
    wanted = [{"order_id": each.order.id, "session_id": line.session_id} for each, line in asked]
    found = tx.rows(_NEAREST, wanted=_json(wanted), now=now, most=_LOOKED_AT)
    facts = {each.order.id: its for each, its in zip(lost, _read(tx, lost, found, now), strict=True)} if found else {}
    free = {
        (each.order.id, str(line.session_id)): list(_free(each, line, found, facts[each.order.id], actor, now))
        if found else [] for each, line in asked
    }  # fmt: skip
    return [[_answered(reason, each, free) for reason in each.reasons] for each in lost]


def _asked(lost: Lost) -> list[WantedLine]:
    """The lines to find something for. A whole week or term is not replaced session by session."""
    lines = {str(line.session_id): line for line in lost.facts.lines if _is_single(line)}
    named = dict.fromkeys(_session_of(reason) for reason in lost.reasons if reason.code in ANSWERED)
    return [lines[session_id] for session_id in named if session_id in lines]


def _session_of(reason: Reason) -> str:
    return str((reason.facts or {}).get("session_id"))


def _answered(reason: Reason, lost: Lost, free: Mapping[tuple[UUID, str], list[Row]]) -> Reason:
    found = free.get((lost.order.id, _session_of(reason))) if reason.code in ANSWERED else None
    return reason if found is None else replace(reason, facts={**(reason.facts or {}), "alternatives": found})


def _is_single(line: WantedLine) -> bool:
    return (line.asked_mode or line.mode) is BookingMode.CASUAL


def _read(tx: Transaction, lost: Sequence[Lost], found: Iterable[Row], now: datetime) -> list[Facts]:
    """What the guards ask of every session that was found, for the order that it was found for."""
    sessions = dict.fromkeys((row["order_id"], row["id"]) for row in found)
    wanted = [
        {"order_id": order_id, "line_id": new_id(), "id": session_id, "kind": LineKind.SESSION.value,
         "mode": BookingMode.CASUAL.value, "position": position, "seat_id": None}
        for position, (order_id, session_id) in enumerate(sessions)
    ]  # fmt: skip
    orders, today = [each.order for each in lost], lost[0].facts.today
    return read_facts_together(tx, orders, now=now, today=today, wanted=wanted)


def _free(
    lost: Lost, line: WantedLine, found: Sequence[Row], facts: Facts, actor: Actor, now: datetime
) -> Iterator[Row]:  # fmt: skip
    """The nearest of each kind that the attendee may join."""
    by_session = {candidate.session_id: candidate for candidate in facts.lines}
    keeps = [kept for kept in lost.keeps if kept.session_id != line.session_id]
    counts = {"same_program": 0, "same_time": 0}
    for row in found:
        is_for_it = row["order_id"] == lost.order.id and row["session_id"] == line.session_id
        if not is_for_it or counts[row["kind"]] >= MOST:
            continue
        candidate = by_session[row["id"]]
        if _may_join(lost, candidate, keeps, facts, actor, now):
            counts[row["kind"]] += 1
            yield _shown(row["kind"], candidate, lost.facts.beside)


def _may_join(
    lost: Lost, candidate: WantedLine, keeps: Sequence[WantedLine], facts: Facts, actor: Actor, now: datetime
) -> bool:  # fmt: skip
    """Every rule of a submit, of this one session; it may belong to another term than the order."""
    if any(_is_beside(lost.order, candidate, kept) for kept in keeps):
        return False
    order = replace(lost.order, term_id=UUID(candidate.offering.facts["term_id"]))
    guards = (*_GUARDS, has_confirmation_type_on_offer) if order.confirmation_type is not None else _GUARDS
    known: dict[str, Any] = {
        "facts": replace(facts.of([candidate]), beside=lost.facts.beside), "actor": actor, "now": now,
        "override": "",
    }  # fmt: skip
    return not any(True for guard in guards for _ in guard(order, **known))


def _is_beside(order: Order, candidate: WantedLine, kept: WantedLine) -> bool:
    """Whether the order asks for the same session, or for one at the same time."""
    is_same = candidate.session_id == kept.session_id
    return is_same or any(True for _ in clashing_pairs(order.order_type, [candidate.slot, kept.slot]))


def _shown(kind: str, line: WantedLine, beside: Beside | None) -> Row:
    left = line.facts["capacity"] - line.facts["taken"] - (beside.places[line.session_id] if beside else 0)
    return {
        "kind": kind, "session_id": str(line.session_id), "session": line.label,
        "site": line.offering.facts["site"], "term_id": line.offering.facts["term_id"],
        "starts_at": line.facts["starts_at"], "price_minor": line.facts["price_minor"], "left": left,
    }  # fmt: skip


def _json(rows: Sequence[Row]) -> str:
    return orjson.dumps(rows, default=str).decode()
