"""What the organisation's e-mails say, and which of them a family does without."""

from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, StringConstraints

from api.schemas.base import NO_NUL, Input, Output, Whole, YesNo, shows
from notifications.choices import STOPPABLE
from notifications.texts import LONGEST_BODY, LONGEST_SUBJECT

_SUBJECT, _BODY = "Booked: {{ attendee_name }}", "{{ attendee_name }} is booked ({{ booking_reference }})."
_MAIL = {"kind": "booking_confirmed", "language": "en", "is_own": True, "can_be_stopped": False}
_VERSION = {
    "version": 2, "subject": _SUBJECT, "body": _BODY, "created_at": "2026-04-01T13:09:00+00:00", "made_by": "Ada Min",
}  # fmt: skip
_TEXT = {
    "kind": "booking_confirmed", "language": "en", "version": 2, "is_own": True, "subject": _SUBJECT, "body": _BODY,
    "placeholders": ["attendee_name", "booking_reference"], "versions": [_VERSION],
}  # fmt: skip
_PREVIEW = {"subject": "Booked: Mia Rossi", "plain": "Mia Rossi is booked (TB-4F7K9QW2).\n",
            "html": "<!doctype html><p>Mia Rossi is booked (TB-4F7K9QW2).</p>"}  # fmt: skip
_STOPS = {"items": [{"kind": kind, "is_stopped": kind == "payment_due"} for kind in sorted(STOPPABLE)]}

Subject = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_SUBJECT, pattern=NO_NUL)]
Body = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_BODY, pattern=NO_NUL)]


class Mail(Output):
    """A mail in one language."""

    model_config = shows(_MAIL)

    kind: str
    language: str
    is_own: bool = Field(description="Whether the organisation says it in its own words.")
    can_be_stopped: bool = Field(description="Whether a family can do without it.")


class Mails(Output):
    """Every mail in every language."""

    model_config = shows({"items": [_MAIL]})

    items: list[Mail]


class MailVersion(Output):
    """A saved version; without a subject and a body it put the standard text in force again."""

    model_config = shows(_VERSION)

    version: int
    subject: str | None
    body: str | None
    created_at: datetime
    made_by: str | None


class MailText(Output):
    """The text in force, with what it may name, and all versions, the latest first."""

    model_config = shows(_TEXT)

    kind: str
    language: str
    version: int = Field(description="0 where none was saved; the next saving presents it.")
    is_own: bool
    subject: str
    body: str
    placeholders: list[str]
    versions: list[MailVersion]


class MailWords(Input):
    """What a mail says: placeholders, conditions on them, and nothing else of a template language."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"subject": _SUBJECT, "body": _BODY}]})

    subject: Subject
    body: Body


class SavedMailText(Input):
    """Words to put in force; null puts the standard text in force again."""

    model_config = ConfigDict(json_schema_extra={"examples": [
        {"text": {"subject": _SUBJECT, "body": _BODY}, "seen_version": 0}]})  # fmt: skip

    text: MailWords | None
    seen_version: Annotated[Whole, Field(ge=0, le=100_000)] = Field(
        description="The version on which the words were written; refused where another was saved since."
    )


class MailPreview(Output):
    """Both forms, about a family that is made up."""

    model_config = shows(_PREVIEW)

    subject: str
    plain: str
    html: str


class MailStop(Output):
    """A mail that a family can do without, and whether it does."""

    model_config = shows(_STOPS["items"][0])

    kind: str
    is_stopped: bool


class MailStops(Output):
    """Each mail that a family can do without."""

    model_config = shows(_STOPS)

    items: list[MailStop]


class ChangedMailStop(Input):
    """Whether the family does without it from now on."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_stopped": True}]})

    is_stopped: YesNo
