"""What a door leaves behind: marks as devices sent them, where two disagreed, sign-outs, counts, closings."""

from datetime import datetime
from enum import IntEnum, StrEnum
from uuid import UUID

from models.attendance import AttendanceStatus
from models.base import TenantRow, check, code, index, json, moment, money, one_of, refers, unique, word

# Of a signature as it is stored.
LARGEST_SIGNATURE_BYTES = 65_536


class MarkOutcome(StrEnum):
    """What became of a mark when it arrived."""

    TAKEN = "TAKEN"  # the row says so now
    KNOWN = "KNOWN"  # the row said so already
    CONFLICT = "CONFLICT"  # it contradicts what is known: a person decides


class RollMark(TenantRow, table=True):
    """A mark as it arrived. Its id was made by the device, so that the same one sent again is known."""

    __tablename__ = "roll_mark"
    __table_args__ = (
        refers("attendance_id", "term_attendance"),
        one_of("status", AttendanceStatus),
        one_of("outcome", MarkOutcome),
        index("ix_roll_mark_attendance", "attendance_id"),
    )
    attendance_id: UUID
    status: AttendanceStatus = word(AttendanceStatus)
    marked_at: datetime = moment()  # by the device's own clock
    device: str
    seen_version: int | None = None  # of the row, when the device showed it
    collected_by: str | None = None
    reason: str | None = None
    marked_by: UUID | None = None
    received_at: datetime = moment()
    outcome: MarkOutcome = word(MarkOutcome)


class ConflictResolution(StrEnum):
    """How a person decided."""

    KEPT = "KEPT"  # the row was right
    TAKEN = "TAKEN"  # the mark was right


class RollConflict(TenantRow, table=True):
    """A mark that contradicted what was known: shown until a person has decided, and kept after that."""

    __tablename__ = "roll_conflict"
    __table_args__ = (
        refers("mark_id", "roll_mark"),
        refers("attendance_id", "term_attendance"),
        refers("term_product_id", "term_product"),
        one_of("known_status", AttendanceStatus),
        one_of("resolution", ConflictResolution),
        check("(resolved_at IS NULL) = (resolution IS NULL)", "resolved_whole"),
        unique("mark_id"),
        index("ix_roll_conflict_open", "term_product_id", where="resolved_at IS NULL"),
        index("ix_roll_conflict_attendance", "attendance_id"),
    )
    mark_id: UUID
    attendance_id: UUID
    term_product_id: UUID
    code: str  # why, as in the answer to the device
    known_status: AttendanceStatus = word(AttendanceStatus)  # what the row said then
    known_at: datetime | None = moment(default=None, nullable=True)
    raised_at: datetime = moment()
    resolved_at: datetime | None = moment(default=None, nullable=True)
    resolved_by: UUID | None = None
    resolution: ConflictResolution | None = word(ConflictResolution, default=None, nullable=True)
    note: str = ""


class SignOut(TenantRow, table=True):
    """An attendee left with this person. Its id is that of the mark; who must not collect stands in it as the roll said
    it then, and the database refuses a sign-out to one of them.
    """

    __tablename__ = "sign_out"
    __table_args__ = (
        refers("attendance_id", "term_attendance"),
        refers("person_id", "authorised_person"),
        check("collected_by <> '' AND collected_key <> ''", "names_a_person"),
        check("NOT jsonb_exists(must_not_keys, collected_key)", "not_with_who_must_not_collect"),
        index("ix_sign_out_attendance", "attendance_id"),
        index("ix_sign_out_person", "person_id"),
    )
    attendance_id: UUID
    collected_by: str
    collected_key: str  # the name as names are compared
    person_id: UUID | None = None
    must_not_keys: list[str] = json(default_factory=list, nullable=False)
    is_pin_proven: bool = False
    needs_proof: bool = True  # by the rule of the program, then
    left_at: datetime = moment()  # by the device's own clock
    signed_by: UUID | None = None  # the member of staff
    recorded_at: datetime = moment()


class Signature(TenantRow, table=True):
    """What the person signed with a finger, as strokes; drawn by us, never a picture from elsewhere."""

    __tablename__ = "signature"
    __table_args__ = (
        refers("sign_out_id", "sign_out"),
        check(f"octet_length(strokes::text) <= {LARGEST_SIGNATURE_BYTES}", "is_small"),
        check("jsonb_array_length(strokes) > 0", "is_not_empty"),
        unique("sign_out_id"),
    )
    sign_out_id: UUID
    strokes: list[list[list[int]]] = json(nullable=False)
    signed_at: datetime = moment()  # by the device's own clock
    taken_by: UUID | None = None
    recorded_at: datetime = moment()


class Headcount(TenantRow, table=True):
    """Heads counted in a room, apart from the roll."""

    __tablename__ = "headcount"
    __table_args__ = (
        refers("term_product_id", "term_product"),
        check("counted BETWEEN 0 AND 10000", "counted_is_sane"),
        check("(explained_at IS NULL) = (explanation = '')", "explained_whole"),
        index("ix_headcount_session", "term_product_id", "counted_at"),
    )
    term_product_id: UUID
    counted: int
    counted_at: datetime = moment()  # by the device's own clock
    counted_by: UUID | None = None
    device: str
    recorded_at: datetime = moment()
    explanation: str = ""  # of a difference to the roll
    explained_by: UUID | None = None
    explained_at: datetime | None = moment(default=None, nullable=True)


class StaffPresence(TenantRow, table=True):
    """A member of staff at a site, from and until."""

    __tablename__ = "staff_presence"
    __table_args__ = (
        refers("user_id", "user"),
        refers("site_id", "site"),
        check("left_at >= arrived_at", "leaves_after_it_came"),
        index("uq_staff_presence_at_one_site", "user_id", where="left_at IS NULL", is_unique=True),
        index("ix_staff_presence_site", "site_id", "arrived_at"),
    )
    user_id: UUID
    site_id: UUID
    arrived_at: datetime = moment()
    left_at: datetime | None = moment(default=None, nullable=True)


class RollEventKind(StrEnum):
    """What happens to a roll as a whole."""

    CLOSED = "CLOSED"  # settled
    REOPENED = "REOPENED"  # by an admin, with a reason


class RollEvent(TenantRow, table=True):
    """A roll was closed or opened again, by whom and why."""

    __tablename__ = "roll_event"
    __table_args__ = (
        refers("term_product_id", "term_product"),
        one_of("kind", RollEventKind),
        check("kind = 'CLOSED' OR reason <> ''", "reopened_with_a_reason"),
        index("ix_roll_event_session", "term_product_id", "at"),
    )
    term_product_id: UUID
    kind: RollEventKind = word(RollEventKind)
    at: datetime = moment()
    actor_id: UUID | None = None
    reason: str = ""
    facts: dict[str, object] = json(default_factory=dict, nullable=False)


class LatePickupStatus(IntEnum):
    """Where a fee for a late pick-up stands."""

    PROPOSED = 100  # by the closed roll: the office decides
    ACCEPTED = 200  # the family is charged
    WAIVED = 900  # it is not


class LatePickup(TenantRow, table=True):
    """A child that was collected late, with the fee that the program's rule asks."""

    __tablename__ = "late_pickup"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        refers("attendance_id", "term_attendance"),
        refers("term_product_id", "term_product"),
        one_of("status", LatePickupStatus),
        check("minutes_late > 0", "is_late"),
        check("amount_minor > 0", "amount_is_positive"),
        unique("reference"),
        unique("attendance_id"),
        index("ix_late_pickup_account", "account_id", "created_at"),
        index("ix_late_pickup_attendee", "attendee_id"),
        index("ix_late_pickup_session", "term_product_id"),
        index("ix_late_pickup_open", "created_at", where="status = 100"),
    )
    reference: str
    account_id: UUID
    attendee_id: UUID
    attendance_id: UUID
    term_product_id: UUID
    status: LatePickupStatus = code(LatePickupStatus)
    version: int = 1
    minutes_late: int
    amount_minor: int = money()
    # Accepted when accepted fees were not invoiced yet: no invoice is made of it.
    is_only_recorded: bool = False
    created_at: datetime = moment()
    updated_at: datetime = moment()
