"""Absences that are told in advance, and the makeup credits that they give."""

import datetime
from typing import Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Input, Name, Output, ShortText, shows
from api.schemas.sample_enrolment import ATTENDANCE_ID, ATTENDEE_ID
from api.schemas.sample_programme import CATEGORY_ID, FIRST_SESSION_ID, PROGRAM_ID, TERM_ID, sample_id

_CREDIT = {
    "id": sample_id(45), "reference": "MC-7Q2W9K4X", "status": "AVAILABLE", "account_id": sample_id(1),
    "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi", "program_id": PROGRAM_ID, "program": "Karate",
    "category_id": CATEGORY_ID, "reach": "PROGRAM",
    "term_id": TERM_ID, "absent_on": "2026-04-12", "expires_at": "2026-06-10T14:00:00+00:00", "order_id": None,
    "session_id": None, "created_at": "2026-04-11T14:00:00+00:00",
}  # fmt: skip


class MakeupCredit(Output):
    """The right to a session at a base price of 0.00."""

    model_config = shows(_CREDIT)

    id: UUID
    reference: str
    status: Literal["AVAILABLE", "BOOKED", "USED", "EXPIRED", "REVOKED"]
    account_id: UUID
    attendee_id: UUID
    attendee: str
    program_id: UUID
    program: str
    category_id: UUID
    reach: Literal["PROGRAM", "CATEGORY", "ORGANISATION"] = Field(description="Where it can be booked.")
    term_id: UUID
    absent_on: datetime.date = Field(description="The day that it makes up for.")
    expires_at: datetime.datetime = Field(description="The session that it is booked for starts before.")
    order_id: UUID | None = Field(description="Who has it booked or used.")
    session_id: UUID | None
    created_at: datetime.datetime


class NewAbsence(Input):
    """Tells that the attendee will not come to one session of the booking."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": FIRST_SESSION_ID, "reason": "A cold"}]})

    session_id: UUID
    reason: ShortText = ""


class Absence(Output):
    """The absence as it stands on the roll, with the credit that it gave or why it gave none."""

    model_config = shows({
        "session_id": FIRST_SESSION_ID, "status": "ABSENT_NOTIFIED", "makeup_credit_id": sample_id(45),
        "makeup_credit": "MC-7Q2W9K4X", "expires_at": "2026-06-10T14:00:00+00:00", "why_none": "",
    })  # fmt: skip

    session_id: UUID
    status: Literal["ABSENT_NOTIFIED"]
    makeup_credit_id: UUID | None
    makeup_credit: str | None
    expires_at: datetime.datetime | None
    why_none: str


class AbsenceWithdrawal(Input):
    """The attendee comes after all."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"session_id": FIRST_SESSION_ID}]})

    session_id: UUID


class Expected(Output):
    """The attendee is expected again."""

    model_config = shows({"session_id": FIRST_SESSION_ID, "status": "EXPECTED"})

    session_id: UUID
    status: Literal["EXPECTED"]


class RollClosing(Input):
    """Who did not come, of those whom nobody marked."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"absent": [ATTENDANCE_ID]}]})

    absent: list[UUID] = Field(
        default_factory=list, max_length=1000,
        description="Rows of the roll (`attendance_id`). One that is neither marked nor named refuses the closing.",
    )  # fmt: skip


class SettledRoll(Output):
    """What closing a roll did."""

    model_config = shows(
        {"session_id": FIRST_SESSION_ID, "absent": 2, "granted": 1, "revoked": 0, "used": 1, "late": 0}
    )

    session_id: UUID
    absent: int = Field(description="Were expected, and did not come.")
    granted: int = Field(description="Makeup credits that were given.")
    revoked: int = Field(description="Taken back from those who came after all.")
    used: int = Field(description="Makeup sessions that were held.")
    late: int = Field(description="Fees for late pick-ups that were proposed.")


class Revocation(Input):
    """Why a credit is taken back."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Given by mistake"}]})

    reason: Name
