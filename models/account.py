"""Families and the children they book for."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, json, moment, one_of, refers, root, unique, word


class AccountKind(StrEnum):
    """How an account came to be."""

    FAMILY = "FAMILY"  # a family with at least one login, or made by an admin
    GUEST = "GUEST"  # booked without a login, found again by e-mail


class Account(TenantRow, table=True):
    """The family or payer, responsible for finance."""

    __tablename__ = "account"
    __table_args__ = (
        root(),
        one_of("kind", AccountKind),
        check("char_length(name) BETWEEN 1 AND 200", "name_has_a_sane_length"),
        unique("reference"),
        index("ix_account_email", "email"),
        # A guest is found again by e-mail; a family with the same address is another account.
        index("uq_account_guest_email", "email", where="kind = 'GUEST'", is_unique=True),
        check("language IN ('en', 'fr')", "language_is_known"),
        check("kind <> 'GUEST' OR (email <> '' AND email = lower(email))", "guest_has_an_email"),
    )
    reference: str
    kind: AccountKind = word(AccountKind, default=AccountKind.FAMILY)
    name: str
    email: str = ""
    phone: str = ""
    address: list[str] = json(default_factory=list, nullable=False)
    # How much the family may owe under pay-later at any time; None asks the category's rule.
    credit_limit_minor: int | None = Field(default=None, sa_type=sa.BigInteger)
    language: str | None = None  # of its mails; None is the organisation's
    is_staff: bool = False  # of the organisation's own staff: what a staff discount asks
    created_at: datetime = moment()


class AlertSeverity(StrEnum):
    """How a note is shown to who looks after the attendee."""

    NOTICE = "NOTICE"  # good to know
    IMPORTANT = "IMPORTANT"  # to be acted on
    SEVERE = "SEVERE"  # a danger to life: anaphylaxis, a seizure


class Attendee(TenantRow, table=True):
    """The participant. May belong to several accounts; each order targets exactly one attendee."""

    __tablename__ = "attendee"
    __table_args__ = (
        root(),
        unique("reference"),
        unique("claim_key"),
        unique("id", "claim_key"),
        check("char_length(name) BETWEEN 1 AND 200", "name_has_a_sane_length"),
        check("height_cm BETWEEN 20 AND 260", "height_is_plausible"),
        check("weight_kg BETWEEN 1 AND 400", "weight_is_plausible"),
        one_of("medical_severity", AlertSeverity),
        one_of("allergy_severity", AlertSeverity),
    )
    reference: str
    name: str
    date_of_birth: date
    school_year: int | None = None
    height_cm: int | None = None
    weight_kg: Decimal | None = Field(default=None, max_digits=5, decimal_places=1)
    medical_notes: str = ""
    allergy_notes: str = ""
    # Where nobody has graded a note, an allergy is taken for severe and a medical note for important.
    medical_severity: AlertSeverity | None = word(AlertSeverity, default=None, nullable=True)
    allergy_severity: AlertSeverity | None = word(AlertSeverity, default=None, nullable=True)
    # Names without more: who has a phone number, a relationship or a PIN is an AuthorisedPerson.
    authorised_pick_ups: list[str] = json(default_factory=list, nullable=False)
    must_not_collect: list[str] = json(default_factory=list, nullable=False)
    # The whole-number key of the overlap constraint (gist has no uuid ranges); unique over the whole database.
    claim_key: int | None = Field(
        default=None, sa_column=sa.Column(sa.BigInteger, sa.Identity(always=True), nullable=False)
    )
    created_at: datetime = moment()


class AccountAttendee(TenantRow, table=True):
    """Which accounts may book for which attendees."""

    __tablename__ = "account_attendee"
    __table_args__ = (
        refers("account_id", "account"),
        refers("attendee_id", "attendee"),
        unique("account_id", "attendee_id"),
        index("ix_account_attendee_attendee", "attendee_id"),
        check("calendar_serial > 0", "calendar_addresses_are_counted"),
    )
    account_id: UUID
    attendee_id: UUID
    # Which address of the calendar opens it: asking for a new one closes those before it.
    calendar_serial: int = Field(default=1, sa_column_kwargs={"server_default": "1"})


class AttendeeMerge(TenantRow, table=True):
    """Two records of one child were brought together: `merged_id` has nothing of its own from then on."""

    __tablename__ = "attendee_merge"
    __table_args__ = (
        refers("keep_id", "attendee"),
        refers("merged_id", "attendee"),
        check("keep_id <> merged_id", "of_two"),
    )
    keep_id: UUID
    merged_id: UUID
    reason: str = ""
    actor_id: UUID | None = None
    moved: dict[str, object] = json(default_factory=dict, nullable=False)  # how many rows of each table
    at: datetime = moment()
