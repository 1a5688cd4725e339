"""Who may hold what at the same time: the double-booking matrix (DOMAIN §3) as a table, and the pairs that break it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models import TermBookingOrderType as Type


class Rule(StrEnum):
    """What one held kind says to one wanted kind."""

    OVERLAP = "X"  # any overlap in time is refused
    SAME_SESSION = "D"  # only the same session is refused
    FREE = "-"  # nothing is refused
    CONVERTS = "*"  # any overlap is refused, but the same session converts instead


_X, _D, _FREE, _CONVERTS = Rule.OVERLAP, Rule.SAME_SESSION, Rule.FREE, Rule.CONVERTS
WANTED = (Type.BOOKING, Type.TRIAL_SESSION, Type.EOI, Type.SUBSCRIPTION, Type.WAITING_LIST)
MATRIX: dict[Type, dict[Type, Rule]] = {
    held: dict(zip(WANTED, row, strict=True))
    for held, row in {
        #                    Booking    Trial      EoI        Subscr.  Waiting
        Type.BOOKING:       (_X,        _X,        _X,        _D,      _D),
        Type.TRIAL_SESSION: (_X,        _X,        _X,        _D,      _D),
        Type.EOI:           (_CONVERTS, _CONVERTS, _X,        _FREE,   _FREE),
        Type.SUBSCRIPTION:  (_D,        _D,        _FREE,     _D,      _D),
        Type.WAITING_LIST:  (_FREE,     _FREE,     _FREE,     _FREE,   _D),
    }.items()
}  # fmt: skip

TAKES_PLACE = frozenset({Type.BOOKING, Type.TRIAL_SESSION, Type.SUBSCRIPTION})
BLOCKS_TIME = frozenset({Type.BOOKING, Type.TRIAL_SESSION, Type.EOI})


@dataclass(frozen=True, slots=True)
class Slot:
    """A session as far as conflicts care; without times it conflicts with nothing but itself."""

    session_id: UUID
    starts_at: datetime | None
    ends_at: datetime | None

    def overlaps(self, other: "Slot") -> bool:
        """Half-open: a session that ends when the next one starts is no conflict."""
        if self.starts_at is None or other.starts_at is None:
            return False
        assert self.ends_at is not None
        assert other.ends_at is not None
        return self.starts_at < other.ends_at and other.starts_at < self.ends_at


def clashes(held: Type, held_slot: Slot, wanted: Type, wanted_slot: Slot) -> bool:
    """Whether a held claim refuses a wanted one. A conversion is no clash; the caller releases the old claim."""
    rule = MATRIX[held][wanted]
    if held_slot.session_id == wanted_slot.session_id:
        return rule in (Rule.OVERLAP, Rule.SAME_SESSION)
    return rule in (Rule.OVERLAP, Rule.CONVERTS) and held_slot.overlaps(wanted_slot)


def converts(held: Type, held_slot: Slot, wanted: Type, wanted_slot: Slot) -> bool:
    """Whether a held claim on the same session becomes the wanted one instead of refusing it."""
    return MATRIX[held][wanted] is Rule.CONVERTS and held_slot.session_id == wanted_slot.session_id


def clashing_pairs(wanted: Type, slots: Iterable[Slot]) -> Iterator[tuple[Slot, Slot]]:
    """Sessions of one submission that clash with each other, each pair once; kinds that block no time never do."""
    if MATRIX[wanted][wanted] is not Rule.OVERLAP:
        return
    running: list[Slot] = []
    for slot in sorted((s for s in slots if s.starts_at), key=lambda s: (s.starts_at, s.session_id)):
        running = [r for r in running if r.overlaps(slot)]
        yield from ((r, slot) for r in running)
        running.append(slot)
