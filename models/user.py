"""Logins, roles, sign-ins and tokens."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, moment, one_of, refers, root, unique, word


class Role(StrEnum):
    """What a login may do."""

    ADMIN = "admin"  # sets up, books for anyone, quotes, confirms
    FINANCE = "finance"  # invoices, payments, refunds
    STAFF = "staff"  # takes roll calls at their sites
    FAMILY = "family"  # books for the attendees of their account


class User(TenantRow, table=True):
    """A login of one organisation. The password is an argon2 hash; None: cannot sign in with a password."""

    __tablename__ = "user"
    __table_args__ = (
        root(),
        unique("email"),
        check("email = lower(email)", "email_is_lower_case"),
    )
    email: str
    name: str
    password_hash: str | None = None
    roles: list[str] = Field(sa_type=sa.ARRAY(sa.Text))
    is_active: bool = True
    created_at: datetime = moment()


class AccountUser(TenantRow, table=True):
    """A guardian: a user who acts for an account."""

    __tablename__ = "account_user"
    __table_args__ = (
        refers("account_id", "account"),
        refers("user_id", "user"),
        unique("account_id", "user_id"),
        index("ix_account_user_user", "user_id"),
    )
    account_id: UUID
    user_id: UUID


class UserSite(TenantRow, table=True):
    """The sites a staff member works at."""

    __tablename__ = "user_site"
    __table_args__ = (refers("site_id", "site"), refers("user_id", "user"), unique("user_id", "site_id"))
    site_id: UUID
    user_id: UUID


class CredentialKind(StrEnum):
    """How a caller proves who they are."""

    SIGN_IN = "SIGN_IN"  # a person's browser session
    TOKEN = "TOKEN"  # noqa: S105 - a kind, not a secret: a program's bearer token


class Credential(TenantRow, table=True):
    """A server-side session of a person or a bearer token of a program; only the secret's SHA-256 is kept."""

    __tablename__ = "credential"
    __table_args__ = (
        refers("user_id", "user"),
        one_of("kind", CredentialKind),
        unique("secret_hash"),
        index("ix_credential_user", "user_id"),
    )
    kind: CredentialKind = word(CredentialKind)
    user_id: UUID
    secret_hash: str
    label: str = ""
    created_at: datetime = moment()
    expires_at: datetime = moment()
    revoked_at: datetime | None = moment(default=None, nullable=True)
