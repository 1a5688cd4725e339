"""Passkeys: the public halves of keys that people's devices keep, and the challenges that were answered."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, refers, root, unique


class Passkey(TenantRow, table=True):
    """A key of one user that signs in instead of a password. `sign_count` only rises: a copy of the device shows."""

    __tablename__ = "passkey"
    __table_args__ = (
        refers("user_id", "user"),
        unique("key_id"),
        check("sign_count >= 0", "sign_count_is_not_negative"),
        check("label <> ''", "has_a_label"),
        index("ix_passkey_user", "user_id"),
    )
    user_id: UUID
    key_id: bytes = Field(sa_type=sa.LargeBinary)  # what the device calls it
    public_key: bytes = Field(sa_type=sa.LargeBinary)  # COSE
    sign_count: int = Field(default=0, sa_type=sa.BigInteger)
    label: str
    created_at: datetime = moment()
    used_at: datetime | None = moment(default=None, nullable=True)


class SpentChallenge(TenantRow, table=True):
    """A challenge that was answered: it is answered once. Forgotten when it could not be answered any more anyway."""

    __tablename__ = "spent_challenge"
    __table_args__ = (root(), unique("challenge_hash"), index("ix_spent_challenge_expires_at", "expires_at"))
    challenge_hash: str  # SHA-256
    expires_at: datetime = moment()
