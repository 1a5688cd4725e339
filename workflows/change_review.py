"""A change with all that it alters: the booking that it changes, and the family's other bookings behind it."""

from dataclasses import replace
from typing import Any

from engine.database import Transaction
from models import TermBookingOrderType
from workflows.booking_facts import Enrolled
from workflows.change_credits import with_credits
from workflows.change_facts import Change, read_change
from workflows.companion_facts import enrolling_by_change, fingerprint_with, read_companions
from workflows.order_facts import Order


def read_reviewed(tx: Transaction, order: Order, enrolled: Enrolled, **asked: Any) -> Change:
    """What a change comes to, with its companions; one fingerprint stands for all of it. `asked` is as for
    `read_change`.
    """
    return with_companions(tx, read_change(tx, order, enrolled, **asked))


def with_companions(tx: Transaction, change: Change) -> Change:
    """The same with what it alters of the family's other bookings, and what stands behind the credits of all of it."""
    # A quote counts for nobody before it is confirmed.
    is_counted = change.enrolled.order_type == TermBookingOrderType.BOOKING and not change.is_quoted
    if not (change.facts.counting and is_counted):
        return with_credits(tx, change)
    its = enrolling_by_change(change)
    (companions,) = read_companions(tx, [(change.order, its)], change.facts.counting, now=change.now)
    fingerprint = fingerprint_with(change.difference.fingerprint, companions)
    return with_credits(tx, replace(
        change, companions=companions, priced=replace(change.priced, fingerprint=fingerprint),
        difference=replace(change.difference, fingerprint=fingerprint),
    ))  # fmt: skip
