"""Attempts that are counted: signing in, booking as a guest, registering."""

from datetime import datetime

from models.base import TenantRow, index, moment, root


class SignInAttempt(TenantRow, table=True):
    """One attempt. Forgotten when its window has passed, or when its owner signs in."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (
        root(),
        index("ix_sign_in_attempt_subject", "subject", "at"),
        index("ix_sign_in_attempt_at", "at"),
    )
    subject: str  # SHA-256 of what is counted and of the e-mail or network address: neither is kept
    at: datetime = moment()
