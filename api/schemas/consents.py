"""Consents: the texts that families are asked to agree to, and what was answered for a child."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Input, Name, Output, YesNo, shows
from api.schemas.sample_programme import sample_id
from models import ConsentAnswer

_TEXT = {
    "id": sample_id(80), "code": "PHOTOS", "version": 2, "title": "Photos in our newsletter",
    "body": "We may show your child in photos of our newsletter.", "is_retired": False,
    "created_at": "2026-03-31T13:09:00+00:00",
}  # fmt: skip
_STANDING = {
    "text_id": sample_id(80), "code": "PHOTOS", "version": 2, "title": "Photos in our newsletter",
    "body": "We may show your child in photos of our newsletter.", "answer": "GIVEN", "answered_version": 2,
    "at": "2026-04-01T13:00:00+00:00", "actor": "Rosa Rossi", "is_given": True, "is_open": False,
}  # fmt: skip

Body = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=8000, pattern=NO_NUL),
    Field(description="What is agreed to, in full.", examples=["We may show your child in photos of our newsletter."]),
]  # fmt: skip
Code = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[A-Z][A-Z0-9_]{1,39}$"),
    Field(description="Names the text through all its versions.", examples=["PHOTOS"]),
]  # fmt: skip


class ConsentText(Output):
    """One version of a text."""

    model_config = shows(_TEXT)

    id: UUID
    code: str
    version: int
    title: str
    body: str
    is_retired: bool
    created_at: datetime


class NewConsentText(Input):
    """A new version of a text; families are asked again. Retired, nobody is asked any more."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"code": "PHOTOS", "title": "Photos in our newsletter",
         "body": "We may show your child in photos of our newsletter."}]})  # fmt: skip

    code: Code
    title: Name
    body: Body
    is_retired: YesNo = False


class ConsentStanding(Output):
    """What is asked of a child's family today, and its last answer."""

    model_config = shows(_STANDING)

    text_id: UUID
    code: str
    version: int
    title: str
    body: str
    answer: ConsentAnswer | None
    answered_version: int | None = Field(description="Of the text that was answered.")
    at: datetime | None
    actor: str | None
    is_given: bool = Field(description="Given to this very version.")
    is_open: bool = Field(description="Nobody has answered this version yet.")


class NewConsent(Input):
    """An answer to the newest version of a text."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"text_id": sample_id(80), "answer": "GIVEN"}]})

    text_id: UUID
    answer: ConsentAnswer
