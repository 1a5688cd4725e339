"""Identifiers: uuid7 inside, short references for people."""

import secrets
from uuid import UUID

from uuid_utils.compat import uuid7

# Crockford's alphabet: no I, L, O, U, so that a reference survives a telephone call.
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
REFERENCE_LENGTH = 8
TICKET_LENGTH = 16

# Where two short references may clash, once in a trillion; the unit of work is then simply done again.
REFERENCE_CONSTRAINTS = frozenset(
    f"uq_{table}_organisation_id_reference"
    for table in (
        "account",
        "attendee",
        "debit_run",
        "direct_debit_mandate",
        "entitlement",
        "group_order",
        "late_pickup",
        "makeup_credit",
        "overdue_fee",
        "payment",
        "refund_request",
        "subscription",
        "term_booking",
        "term_booking_order",
        "waiting_entry",
    )
)


def new_id() -> UUID:
    """A time-ordered identifier (RFC 9562 version 7)."""
    return uuid7()


def new_reference(prefix: str) -> str:
    """A reference people can read out, such as `TB-4F7K9QW2`; unique per organisation by constraint."""
    return f"{prefix}-{_letters(REFERENCE_LENGTH)}"


def new_ticket() -> str:
    """A ticket's reference, such as `TK-4F7K9QW2M0XA6RZB`: it lets its bearer in, so 80 bits make it hard to guess."""
    return f"TK-{_letters(TICKET_LENGTH)}"


def _letters(count: int) -> str:
    bits = secrets.randbits(5 * count)
    return "".join(_ALPHABET[(bits >> shift) & 31] for shift in range(0, 5 * count, 5))
