"""The Billing Difference as it is answered."""

from api.moves import Answer, Principal
from api.reads.orders import companion_shown
from workflows.change_facts import Change
from workflows.change_guards import shown_difference


def difference(change: Change, who: Principal) -> Answer:
    """What an edit comes to, with the family's other bookings behind it."""
    found = shown_difference(change)
    companions = [companion_shown(row, who) for row in found["companions"]]
    return Answer({**found, "companions": companions, "currency": who.organisation["currency"]})
