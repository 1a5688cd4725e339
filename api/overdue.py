"""An overdue hold is void when it is read: a refused submission makes way for itself and is tried once more."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from engine.database import Database, Transaction
from engine.errors import Reason
from engine.fire import Refused
from workflows.group_facts import Group, refused
from workflows.timeouts import find_overdue, release_overdue

# What an overdue hold may stand behind.
_IN_THE_WAY = frozenset({"session_full", "seat_taken", "double_booked", "place_offered"})


def release_in_the_way(
    database: Database, organisation_id: UUID, *, order_id: UUID, refusal: Refused, now: datetime
) -> bool:
    """Give back the overdue holds in the way of a refused order, and say whether there were any."""
    blocking = [reason for reason in refusal.reasons if reason.code in _IN_THE_WAY]
    if not blocking:
        return False
    with database.transaction(organisation_id) as tx:
        order = tx.row("SELECT attendee_id FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                       id=order_id)  # fmt: skip
    assert order is not None, "a refused order exists"
    sessions = {UUID(str((reason.facts or {})["session_id"])) for reason in blocking}
    return bool(
        release_overdue(
            database, organisation_id, session_ids=sessions, attendee_ids=[order["attendee_id"]], now=now
        )
    )  # fmt: skip


def release_in_the_way_of_group(
    database: Database, organisation_id: UUID, *, refusal: Refused, now: datetime
) -> bool:  # fmt: skip
    """The same of a refused group order, whose reasons name the attendee that each is about."""
    sessions, attendees = _in_the_way(refusal.reasons)
    if not sessions:
        return False
    return bool(
        release_overdue(database, organisation_id, session_ids=sessions, attendee_ids=attendees, now=now)
    )  # fmt: skip


def refuse_while_overdue(tx: Transaction, group: Group, *, now: datetime) -> None:
    """What a group order leaves out is not left out for an overdue hold: raises Refused where there is one, so that
    it is released and all is tried once more.
    """
    reasons = [reason for left in group.left_out for reason in left.reasons]
    sessions, attendees = _in_the_way(reasons)
    if sessions and find_overdue(tx, session_ids=sessions, attendee_ids=attendees, now=now):
        raise refused(group, "submit", reasons)


def _in_the_way(reasons: Iterable[Reason]) -> tuple[set[UUID], set[UUID]]:
    """The sessions and attendees of the reasons that an overdue hold may be behind."""
    facts = [reason.facts or {} for reason in reasons if reason.code in _IN_THE_WAY]
    return {UUID(each["session_id"]) for each in facts}, {UUID(each["attendee_id"]) for each in facts}
