"""Ending a booking as a person does: look at what it comes to, then accept it."""

from typing import Any

from engine.database import Transaction
from workflows import enrolment
from workflows.booking_facts import Enrolled


def cancel(tx: Transaction, **known: Any) -> Enrolled:
    """Cancel with the review of this moment."""
    asked = {name: known[name] for name in ("booking_id", "actor", "now", "waives_fees") if name in known}
    review = enrolment.review_cancellation(tx, **asked)
    return enrolment.cancel(tx, fingerprint=review.difference.fingerprint, **known)


def close(tx: Transaction, **known: Any) -> Enrolled:
    """Close with the review of this moment."""
    asked = {name: known[name] for name in ("booking_id", "last_day", "actor", "now", "waives_fees") if name in known}
    review = enrolment.review_closure(tx, **asked)
    return enrolment.close(tx, fingerprint=review.difference.fingerprint, **known)
