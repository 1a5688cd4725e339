"""Signing in, and tokens for programs."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Email, Input, Moment, Name, Output, Slug, shows
from api.schemas.sample_enrolment import FRESH_TOKEN, SIGNED_IN, TOKEN
from models import CredentialKind, Role

Password = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=NO_NUL)]
NewPassword = Annotated[str, StringConstraints(min_length=10, max_length=200, pattern=NO_NUL)]


class NewSignIn(Input):
    """Who signs in where."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"organisation": "centre7", "email": "admin@centre7.example", "password": "correct horse battery"}
            ]
        }
    )

    organisation: Slug
    email: Email
    password: Password


class SignedIn(Output):
    """Who is signed in, and what they may do."""

    model_config = shows(SIGNED_IN)

    user_id: UUID
    name: str
    email: str
    roles: list[Role]
    acts_as: Role
    account_ids: list[UUID]
    site_ids: list[UUID]
    organisation_id: UUID
    organisation: str
    currency: str
    time_zone: str


class NewToken(Input):
    """A bearer token for a program, which may do what its user may."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"label": "Front desk kiosk"}]})

    label: Name
    user_id: UUID | None = Field(default=None, description="Whose token it is; by default one's own.")
    expires_at: Moment | None = Field(default=None, description="By default in a year; two years at most.")


class Token(Output):
    """A credential, without its secret."""

    model_config = shows(TOKEN)

    id: UUID
    kind: CredentialKind
    user_id: UUID
    user: str
    label: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


class FreshToken(Token):
    """A token just made. The secret is shown this once; a repeated request answers null here."""

    model_config = shows(FRESH_TOKEN)

    token: str | None
