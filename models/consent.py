"""What a family is asked to agree to for a child, and what it answered; and the child's photo."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, flag, index, moment, one_of, refers, root, unique, word


class ConsentText(TenantRow, table=True):
    """One version of a text; nothing of it changes. The highest version of a code is asked, unless it is retired."""

    __tablename__ = "consent_text"
    __table_args__ = (
        root(),
        check("code ~ '^[A-Z][A-Z0-9_]{1,39}$'", "code_is_a_word"),
        check("version > 0", "versions_are_counted"),
        check("char_length(title) BETWEEN 1 AND 200 AND char_length(body) BETWEEN 1 AND 8000", "has_words"),
        unique("code", "version"),
    )
    code: str
    version: int
    title: str
    body: str
    is_retired: bool = flag()  # from this version on nobody is asked any more
    written_by: UUID | None = None
    created_at: datetime = moment()


class ConsentAnswer(StrEnum):
    """What was said."""

    GIVEN = "GIVEN"
    REFUSED = "REFUSED"
    WITHDRAWN = "WITHDRAWN"  # given before, and taken back


class Consent(TenantRow, table=True):
    """An answer for a child to one version of a text: by whom and when. The last one to a code counts."""

    __tablename__ = "consent"
    __table_args__ = (
        refers("attendee_id", "attendee"),
        refers("text_id", "consent_text"),
        one_of("answer", ConsentAnswer),
        index("ix_consent_attendee", "attendee_id", "at"),
    )
    attendee_id: UUID
    text_id: UUID
    answer: ConsentAnswer = word(ConsentAnswer)
    actor_kind: str
    actor_id: UUID | None = None
    at: datetime = moment()


class AttendeePhoto(TenantRow, table=True):
    """A small picture of a child, made anew from what was uploaded: a JPEG without anything that came along."""

    __tablename__ = "attendee_photo"
    __table_args__ = (
        refers("attendee_id", "attendee"),
        check("octet_length(content) BETWEEN 100 AND 200000", "is_small"),
        unique("attendee_id"),
    )
    attendee_id: UUID
    content: bytes = Field(sa_type=sa.LargeBinary)
    mark: str  # of the content: another picture has another address
    uploaded_by: UUID | None = None
    created_at: datetime = moment()
