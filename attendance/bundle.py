"""What a device kept while it had no network, sent as a bundle: each item has an id of the device and is answered.

Nothing that an item says is lost: it is taken, known, kept as a conflict that a person decides, or refused with a
reason that the device shows to a person.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from attendance.headcounts import take_count
from attendance.marks import Answered, Mark, Outcome, take_marks
from attendance.roll import read_roll
from attendance.signatures import Strokes, sign
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Reason, TermbookError


@dataclass(frozen=True, slots=True)
class SentSignature:
    """Of a sign-out in this bundle, or of one that was sent before."""

    id: UUID
    sign_out_id: UUID
    strokes: Strokes
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class SentCount:
    """Heads counted."""

    id: UUID
    session_id: UUID
    counted: int
    counted_at: datetime
    device: str
    explanation: str = ""


Item = Mark | SentSignature | SentCount


@dataclass(slots=True)
class ItemAnswer:
    """What became of one item."""

    id: UUID
    outcome: Outcome
    reasons: list[Reason]
    conflict_id: UUID | None = None


def take_bundle(tx: Transaction, *, items: Sequence[Item], actor: Actor, now: datetime) -> list[ItemAnswer]:
    """Take the items in their order, each by itself: one that is refused does not hold up the others."""
    answers: list[ItemAnswer] = []
    for is_mark, run in groupby(items, key=lambda item: isinstance(item, Mark)):
        if is_mark:
            marks = [item for item in run if isinstance(item, Mark)]
            answers += [_of_mark(found) for found in take_marks(tx, marks=marks, actor=actor, now=now)]
            tx.flush()
        else:
            answers += [_alone(tx, item, actor, now) for item in run]
    return answers


def _of_mark(found: Answered) -> ItemAnswer:
    return ItemAnswer(found.mark.mark_id, found.outcome, found.reasons, found.conflict_id)


def _alone(tx: Transaction, item: Item, actor: Actor, now: datetime) -> ItemAnswer:
    """An item that may be refused by itself."""
    try:
        with tx.part():
            is_new = _takers(tx, item, actor, now)()
    except TermbookError as refusal:
        return ItemAnswer(_id_of(item), Outcome.REFUSED, list(_reasons(refusal)))
    return ItemAnswer(_id_of(item), Outcome.TAKEN if is_new else Outcome.KNOWN, [])


def _takers(tx: Transaction, item: Item, actor: Actor, now: datetime) -> Callable[[], bool]:
    if isinstance(item, SentSignature):
        return lambda: sign(tx, sign_out_id=item.sign_out_id, strokes=item.strokes, signed_at=item.signed_at,
                            signature_id=item.id, actor=actor, now=now)  # fmt: skip
    assert isinstance(item, SentCount)
    read_roll(tx, session_id=item.session_id, actor=actor)
    return lambda: take_count(tx, session_id=item.session_id, count_id=item.id, counted=item.counted,
                              counted_at=item.counted_at, device=item.device, explanation=item.explanation,
                              actor=actor, now=now)  # fmt: skip


def _id_of(item: Item) -> UUID:
    return item.mark_id if isinstance(item, Mark) else item.id


def _reasons(refusal: TermbookError) -> Iterator[Reason]:
    yield from refusal.reasons or [Reason(refusal.code, refusal.message)]
