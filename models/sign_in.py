"""Attempts to sign in, counted so that passwords cannot be guessed."""

from datetime import datetime

from models.base import TenantRow, index, moment, root


class SignInAttempt(TenantRow, table=True):
    """One attempt that has not succeeded. Forgotten when its window has passed, or when its owner signs in."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        root(),
        index("ix_sign_in_attempt_subject", "subject", "at"),
        index("ix_sign_in_attempt_at", "at"),
    )
    subject: str  # SHA-256 of the e-mail address and the network address: neither is kept
    at: datetime = moment()
