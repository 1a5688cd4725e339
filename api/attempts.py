"""Counted attempts: passwords cannot be guessed, and a form that needs no sign-in cannot be flooded."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from api.errors import TooManyAttempts
from engine.database import Transaction
from engine.ids import new_id
from engine.words import so_many


@dataclass(frozen=True, slots=True)
class Limit:
    """So many attempts in such a time; `what` completes "Too many attempts to …"."""

    what: str
    most: int
    window: timedelta


def subject_of(*parts: str) -> str:
    """What attempts are counted by, as nobody can read it back."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def count_attempt(tx: Transaction, limit: Limit, subject: str, *, now: datetime) -> UUID:
    """Count this attempt before anything of it is looked at: parallel ones are counted as well. Returns its id.

    Raises TooManyAttempts, which says when the oldest one is forgotten.
    """
    tx.rows("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended(%(subject)s, 1))", subject=subject)
    tx.run("DELETE FROM sign_in_attempt WHERE organisation_id = %(org)s AND subject = %(subject)s AND at <= %(before)s",
           subject=subject, before=now - limit.window)  # fmt: skip
    counted = tx.row("SELECT count(*) AS attempts, min(at) AS oldest FROM sign_in_attempt "
                     "WHERE organisation_id = %(org)s AND subject = %(subject)s", subject=subject)  # fmt: skip
    assert counted is not None
    if counted["attempts"] >= limit.most:
        wait = max(1, int((counted["oldest"] + limit.window - now).total_seconds()))
        raise TooManyAttempts(f"Too many attempts to {limit.what}; try again in {so_many(-(-wait // 60), 'minute')}.",
                              retry_after_seconds=wait)  # fmt: skip
    attempt_id = new_id()
    tx.run("INSERT INTO sign_in_attempt (organisation_id, id, subject, at) VALUES (%(org)s, %(id)s, %(subject)s, "
           "%(now)s)", id=attempt_id, subject=subject, now=now)  # fmt: skip
    return attempt_id


def forget_attempts(tx: Transaction, subject: str) -> None:
    """It succeeded: its owner starts afresh."""
    tx.run("DELETE FROM sign_in_attempt WHERE organisation_id = %(org)s AND subject = %(subject)s", subject=subject)


def forget_attempt(tx: Transaction, attempt_id: UUID) -> None:
    """It succeeded, and says nothing for the others of its subject: so many people come from one network address."""
    tx.run("DELETE FROM sign_in_attempt WHERE organisation_id = %(org)s AND id = %(id)s", id=attempt_id)
