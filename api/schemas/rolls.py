"""The door: the day's rolls, bundles of devices, conflicts, signatures, headcounts, staff on site, late pick-ups."""

import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import ConfigDict, Field

from api.schemas.base import Change, FailedRule, Input, Moment, Name, Output, ShortText, Whole, shows
from api.schemas.sample_enrolment import ATTENDANCE_ID, ATTENDEE_ID
from api.schemas.sample_programme import FIRST_SESSION_ID, SITE_ID, sample_id
from attendance.marks import Outcome
from attendance.signatures import HEIGHT, WIDTH
from models import AttendanceStatus, ConflictResolution

_MARK_ID, _CONFLICT_ID, _PERSON_ID = sample_id(60), sample_id(61), sample_id(62)
_LATE_ID, _USER_ID = sample_id(63), sample_id(64)
_MINUTES = "2026-04-12T14:41:00+00:00"
_END = "2026-04-12T15:35:00+00:00"


def _example(**fields: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [fields]})


class RollCall(Output):
    """A session of the day, and where its roll stands."""

    model_config = shows({
        "session_id": FIRST_SESSION_ID, "name": "Karate", "title": "", "site_id": SITE_ID, "site": "Riverside",
        "time_zone": "America/Toronto", "local_date": "2026-04-12", "starts_at": "2026-04-12T14:45:00+00:00",
        "ends_at": "2026-04-12T15:30:00+00:00", "closed_at": None, "capacity": 12, "expected": 11, "waited_for": 3,
        "present": 8, "left": 0, "absent": 0, "severe": 1, "conflicts": 0,
    })  # fmt: skip

    session_id: UUID
    name: str
    title: str
    site_id: UUID
    site: str
    time_zone: str
    local_date: datetime.date
    starts_at: datetime.datetime
    ends_at: datetime.datetime
    closed_at: datetime.datetime | None
    capacity: int
    expected: int = Field(description="Everybody who has not cancelled.")
    waited_for: int = Field(description="Of whom nothing is marked yet.")
    present: int
    left: int
    absent: int
    severe: int = Field(description="With an alert that is a danger to life.")
    conflicts: int = Field(description="That a person has to decide.")


Device = Annotated[ShortText, Field(max_length=80, description="How the device is called; two that disagree differ.")]
Strokes = Annotated[
    list[Annotated[list[Annotated[list[Whole], Field(min_length=2, max_length=2)]], Field(max_length=4000)]],
    Field(max_length=500, description=f"Strokes of points [x, y] on a field of {WIDTH} by {HEIGHT}."),
]


class BundledMark(Input):
    """A mark, or a sign-out where its status is LEFT: then who collected is named, and a PIN proof may go with it."""

    id: UUID = Field(description="Made by the device: the same one sent again is known.")
    attendance_id: UUID
    status: AttendanceStatus
    marked_at: Moment
    seen_version: Annotated[Whole, Field(ge=0, le=2**31 - 1)] | None = Field(
        default=None, description="Of the row, as the device showed it."
    )
    reason: ShortText | None = None
    collected_by: ShortText | None = None
    person_id: UUID | None = Field(default=None, description="Of the authorised person, where there is a record.")
    pin_proof: Annotated[str, Field(max_length=1000)] | None = Field(
        default=None, description="From `POST /authorised-people/{person_id}/pin-proofs`; a PIN is never kept."
    )


class BundledSignature(Input):
    """The signature of a sign-out, in this bundle or sent before."""

    id: UUID
    sign_out_id: UUID = Field(description="The id of the mark that signed out.")
    strokes: Strokes
    signed_at: Moment


class BundledCount(Input):
    """Heads counted."""

    id: UUID
    session_id: UUID
    counted: Annotated[Whole, Field(ge=0, le=10_000)]
    counted_at: Moment
    explanation: ShortText = ""


class Bundle(Input):
    """What a device kept while it had no network: marks first, then signatures, then counts."""

    model_config = _example(
        device="Tablet at the door",
        marks=[{"id": _MARK_ID, "attendance_id": ATTENDANCE_ID, "status": "PRESENT",
                "marked_at": "2026-04-12T10:41:00-04:00", "seen_version": 1}],
    )  # fmt: skip

    device: Device = ""
    marks: Annotated[list[BundledMark], Field(max_length=500)] = Field(default_factory=list)
    signatures: Annotated[list[BundledSignature], Field(max_length=100)] = Field(default_factory=list)
    headcounts: Annotated[list[BundledCount], Field(max_length=100)] = Field(default_factory=list)


class ItemAnswer(Output):
    """What became of one item."""

    id: UUID
    outcome: Outcome
    conflict_id: UUID | None
    reasons: list[FailedRule]


class BundleAnswer(Output):
    """What became of each item, in their order."""

    model_config = shows({"items": [{"id": _MARK_ID, "outcome": "TAKEN", "conflict_id": None, "reasons": []}],
                          "received_at": _MINUTES})  # fmt: skip

    items: list[ItemAnswer]
    received_at: datetime.datetime = Field(description="By the server's clock.")


class Resolution(Input):
    """Which account is right: the roll's, or the mark's."""

    model_config = _example(resolution="KEPT", note="Asked Stella: he is in the gym")

    resolution: ConflictResolution
    note: ShortText = ""


class MissingSignature(Output):
    """Somebody was collected, and neither a PIN nor a signature proves it yet."""

    model_config = shows({
        "sign_out_id": _MARK_ID, "session_id": FIRST_SESSION_ID, "session": "Karate", "site": "Riverside",
        "time_zone": "America/Toronto", "name": "Mia Rossi", "collected_by": "Rosa Rossi", "left_at": _END,
    })  # fmt: skip

    sign_out_id: UUID
    session_id: UUID
    session: str
    site: str
    time_zone: str
    name: str
    collected_by: str
    left_at: datetime.datetime


class NewSignature(Input):
    """The signature of who collected, given now or later."""

    model_config = _example(strokes=[[[10, 10], [200, 300]]], signed_at=_END)

    strokes: Strokes
    signed_at: Moment


class NewHeadcount(Input):
    """Heads counted in the room."""

    model_config = _example(counted=8, counted_at="2026-04-12T10:55:00-04:00")

    id: UUID | None = Field(default=None, description="Made by the device: the same count sent again is known.")
    counted: Annotated[Whole, Field(ge=0, le=10_000)]
    counted_at: Moment | None = None
    device: Device = ""
    explanation: ShortText = ""


class Explanation(Input):
    """Why the heads counted and the roll differ."""

    model_config = _example(explanation="A visiting sister sat with them")

    explanation: Name


class Headcount(Output):
    """The last count of a session, beside what the roll says of that moment."""

    model_config = shows({
        "id": sample_id(65), "counted": 8, "counted_at": "2026-04-12T14:55:00+00:00", "counted_by": "Stella Roll",
        "device": "Tablet at the door", "on_roll": 8, "difference": 0, "is_reconciled": True, "explanation": "",
    })  # fmt: skip

    id: UUID
    counted: int
    counted_at: datetime.datetime
    counted_by: str | None
    device: str
    on_roll: int
    difference: int
    is_reconciled: bool
    explanation: str


class StaffPresence(Output):
    """A member of staff who is on site."""

    model_config = shows({"id": sample_id(66), "site_id": SITE_ID, "user_id": _USER_ID})

    id: UUID
    site_id: UUID
    user_id: UUID


class Reopening(Input):
    """Why a closed roll is opened again."""

    model_config = _example(reason="Leo was there; the tablet had no network")

    reason: Name


class LatePickup(Output):
    """A child that was collected late, with the fee that the rule asks."""

    model_config = shows({
        "id": _LATE_ID, "reference": "LP-4F7K9QW2", "status": "PROPOSED", "account_id": sample_id(1),
        "account": "Rossi family", "attendee_id": ATTENDEE_ID, "attendee": "Mia Rossi",
        "session_id": FIRST_SESSION_ID, "session": "Karate", "local_date": "2026-04-12", "minutes_late": 20,
        "amount_minor": 2000, "amount": "$20.00", "created_at": _END, "invoice_id": None, "invoice": None,
    })  # fmt: skip

    id: UUID
    reference: str
    status: Literal["PROPOSED", "ACCEPTED", "WAIVED"]
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    session_id: UUID
    session: str
    local_date: datetime.date
    minutes_late: int
    amount_minor: int
    amount: str
    created_at: datetime.datetime
    invoice_id: UUID | None  # that charges it, once it was accepted
    invoice: str | None


class Waiver(Input):
    """Why the fee is not charged."""

    model_config = _example(reason="The bus was late")

    reason: Name


Pin = Annotated[str, Field(pattern=r"^[0-9]{4,8}$", description="4 to 8 digits; only its hash is kept.")]


class NewAuthorisedPerson(Input):
    """Somebody who may collect the attendee."""

    model_config = _example(name="Rosa Rossi", relationship="grandmother", phone="+1 416 555 0107", pin="4711")

    name: Name
    relationship: ShortText = ""
    phone: ShortText = ""
    pin: Pin | None = None


class AuthorisedPersonChange(Change):
    """A change of an authorised person; another name is another person. `pin` null takes the PIN away."""

    model_config = _example(phone="+1 416 555 0199")

    relationship: ShortText = ""
    phone: ShortText = ""
    pin: Pin | None = None


class AuthorisedPerson(Output):
    """Somebody who may collect; never the PIN."""

    model_config = shows({
        "id": _PERSON_ID, "attendee_id": ATTENDEE_ID, "name": "Rosa Rossi", "relationship": "grandmother",
        "phone": "+1 416 555 0107", "has_pin": True, "created_at": _MINUTES,
    })  # fmt: skip

    id: UUID
    attendee_id: UUID
    name: str
    relationship: str
    phone: str
    has_pin: bool
    created_at: datetime.datetime


class PinTyped(Input):
    """A PIN as it was typed at the door."""

    model_config = _example(pin="4711")

    pin: Pin


class PinProof(Output):
    """Proves for ten minutes that this person typed the PIN; goes with the sign-out."""

    model_config = shows({"proof": "eyJwZXJzb24iOiIw…", "expires_at": _END})

    proof: str
    expires_at: datetime.datetime
