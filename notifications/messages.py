"""What each e-mail tells: plain facts, read and priced elsewhere.

Amounts are integer minor units of the message's currency; moments are aware; names may hold anything a person typed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Organisation:
    """Who writes, as the family knows it."""

    name: str
    email: str | None = None  # where answers go
    phone: str | None = None
    locale: str = "en_CA"
    time_zone: str = "UTC"

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Organisation":
        """That of a row with `organisation` (its name), `locale`, `time_zone` and `letterhead`."""
        letterhead = row["letterhead"]
        return cls(name=row["organisation"], email=letterhead.get("email"), phone=letterhead.get("phone"),
                   locale=row["locale"], time_zone=row["time_zone"])  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Who reads it, in which language; the organisation's where that is not known."""

    name: str
    email: str
    language: str = ""
    account_id: UUID | None = None  # whose mails these are, where they may be stopped

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> "Recipient":
        """The family of a row with `account`, `email`, `language` and, of mails that may be stopped, `account_id`."""
        return cls(name=row["account"], email=row["email"], language=row["language"] or "",
                   account_id=row.get("account_id"))  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One booked session; an undated one has neither start nor end."""

    id: UUID
    title: str
    starts_at: datetime | None
    ends_at: datetime | None
    time_zone: str
    place: str = ""
    address: str = ""
    seat: str = ""  # where one sits, in a seated session


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file that goes along, such as the invoice as PDF."""

    filename: str
    content: bytes
    media_type: str = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What every e-mail has. `link` leads to the thing it is about."""

    organisation: Organisation
    recipient: Recipient
    link: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingConfirmed(Message):
    """The booking stands; a calendar file with its dated sessions goes along."""

    booking_reference: str
    revision: int = 1  # rises with every confirmed change, so that calendars take the newer dates
    attendee_id: UUID
    attendee_name: str
    sessions: tuple[Session, ...]
    currency: str
    total_minor: int
    owed_minor: int = 0
    due_on: date | None = None
    invoice_number: str | None = None
    next_invoice_on: date | None = None  # what is invoiced per period begins to be then

    @property
    def has_tickets(self) -> bool:
        """Somebody has a numbered seat: the tickets go along."""
        return any(session.seat for session in self.sessions)


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestOrder:
    """An order of a guest, and the signed address that opens it."""

    reference: str
    attendee_name: str
    link: str
    pay_until: datetime | None = None  # the places are given back then


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestLinks(Message):
    """Where a guest sees, pays and cancels what they ordered without a login."""

    orders: tuple[GuestOrder, ...]

    @property
    def is_one(self) -> bool:
        return len(self.orders) == 1

    @property
    def reference(self) -> str:
        """Of the latest."""
        return self.orders[0].reference


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationAsked(Message):
    """The address that proves whose the e-mail address is; `is_known` when somebody signs in with it already."""

    is_known: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignInAsked(Message):
    """The address that signs its reader in, once."""

    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTimedOut(Message):
    """The order was not confirmed in time, and its places are free again."""

    order_reference: str
    attendee_name: str
    sessions: tuple[Session, ...]
    cancelled_at: datetime
    currency: str
    returned_minor: int = 0  # what was paid already and now stands in the wallet


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderNotRevived(Message):
    """Money came after the order had run out of time, and its places cannot be had back: it is the family's credit."""

    order_reference: str
    attendee_name: str
    currency: str
    amount_minor: int
    received_at: datetime
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundNews(Message):
    """A refund was asked for, decided, sent, or could not be sent."""

    news: str  # requested, approved, rejected, paid, failed
    request_reference: str
    booking_reference: str  # empty, as its attendee's name, of what lay in the wallet
    attendee_name: str
    currency: str
    amount_minor: int
    is_to_wallet: bool
    note: str = ""

    @property
    def is_of_booking(self) -> bool:
        return bool(self.booking_reference)

    @property
    def is_requested(self) -> bool:
        return self.news == "requested"

    @property
    def is_approved(self) -> bool:
        return self.news == "approved"

    @property
    def is_rejected(self) -> bool:
        return self.news == "rejected"

    @property
    def is_paid(self) -> bool:
        return self.news == "paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class BookingCanceled(Message):
    """The sessions to come are given up; what was held stays billed. The credit note goes along."""

    booking_reference: str
    attendee_name: str
    sessions: tuple[Session, ...]  # those that are given up
    cancelled_at: datetime
    currency: str
    credited_minor: int
    freed_minor: int  # what was paid for them and is the family's credit now
    owed_minor: int
    credit_note_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReopened(Message):
    """Closed sessions of a booking take place after all."""

    reference: str
    attendee_name: str
    sessions: tuple[Session, ...]  # those that take place again
    why: str
    currency: str
    charged_minor: int = 0  # what they are invoiced for again
    from_credit_minor: int = 0  # what of it the credit of the closing pays
    later_minor: int = 0  # what the invoices of their periods ask for them


@dataclass(frozen=True, slots=True, kw_only=True)
class DayClosed(Message):
    """Sessions of a booking, or of an order on its way, do not take place. The credit note goes along."""

    reference: str
    attendee_name: str
    sessions: tuple[Session, ...]  # those that are closed
    why: str
    currency: str
    is_canceled: bool = False  # nothing is left of the order
    total_minor: int | None = None  # what the rest of an order costs
    credited_minor: int = 0
    freed_minor: int = 0  # what was paid for them and is the family's credit now
    credit_note_number: str | None = None

    @property
    def goes_on(self) -> bool:
        """The rest of an order stands."""
        return self.total_minor is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class InterestRegistered(Message):
    """An expression of interest stands: no place, no charge; `wishes` are offerings and programs without sessions."""

    order_reference: str
    attendee_name: str
    sessions: tuple[Session, ...]
    wishes: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted(Message):
    """An expression of interest or a trial has become an order of its own."""

    is_trial: bool
    reference: str  # of what was converted
    order_reference: str  # of what it has become
    attendee_name: str
    sessions: tuple[Session, ...]
    currency: str
    total_minor: int
    expires_at: datetime | None = None  # until when its places are held
    credited_minor: int = 0
    freed_minor: int = 0  # what was paid for the trial and is the family's credit now
    credit_note_number: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QuoteIssued(Message):
    """A numbered offer; the places are held until it expires."""

    quote_number: str
    order_reference: str
    attendee_name: str
    sessions: tuple[Session, ...]
    currency: str
    total_minor: int
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentReceived(Message):
    """Money came in."""

    payment_reference: str
    currency: str
    amount_minor: int
    received_at: datetime
    invoice_number: str | None = None
    owed_minor: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class DebitFailed(Message):
    """The bank refused a direct debit, or took back what it had paid: what it was for is open again."""

    payment_reference: str
    order_reference: str
    attendee_name: str
    currency: str
    amount_minor: int
    reason: str
    is_returned: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentDue(Message):
    """Something is due soon, or was due and is not paid."""

    order_reference: str
    attendee_name: str
    currency: str
    amount_minor: int
    due_on: date
    is_overdue: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OverdueFee(Message):
    """A fee is charged for what was not paid in time; its invoice goes along."""

    invoice_number: str
    booking_reference: str
    attendee_name: str
    currency: str
    fee_minor: int
    overdue_minor: int
    due_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingOffered(Message):
    """Places are kept for who waited, until the offer runs out."""

    order_reference: str
    attendee_names: tuple[str, ...]
    sessions: tuple[Session, ...]
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingExpired(Message):
    """An offer was not accepted in time; its places went to others."""

    order_reference: str
    attendee_names: tuple[str, ...]
    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionBooked(Message):
    """A subscription was begun, or goes on into the next term."""

    subscription_reference: str
    attendee_name: str
    offering: str
    weekdays: str
    term: str
    sessions: int  # how many are booked in the term


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnding(Message):
    """Notice was given: the last day is known."""

    subscription_reference: str
    attendee_name: str
    offering: str
    weekdays: str
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged(Message):
    """Other weekdays, or the notice was withdrawn."""

    subscription_reference: str
    attendee_name: str
    offering: str
    weekdays: str
    term: str
    next_day: date | None  # the first session to come on the weekdays as they are now


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionNotRolled(Message):
    """For the office: a subscription that could not go on into a term by itself."""

    subscription_reference: str
    attendee_name: str
    account_name: str
    offering: str
    weekdays: str
    term: str
    currency: str
    reasons: tuple[str, ...]


# Where a makeup credit can be booked that is bound to no program.
ANY_PROGRAM = "any program"


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeupGranted(Message):
    """An absence gave a makeup credit."""

    credit_reference: str
    attendee_name: str
    programs: str  # where it can be booked; `ANY_PROGRAM`, or their names
    absent_on: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeupExpiring(MakeupGranted):
    """It is about to run out, and nothing is booked with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeupExpired(MakeupGranted):
    """It ran out before anything was booked with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PassBought(Message):
    """A pass is the family's: what was paid, and what it is good for."""

    pass_name: str
    pass_reference: str
    pass_number: str  # of the sale
    currency: str
    total_minor: int
    tax_minor: int
    units: int | None  # None: as often as one likes
    first_day: date
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PassUsedUp(Message):
    """Its last unit is booked."""

    pass_name: str
    pass_reference: str
    last_day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PassEnding(Message):
    """It is about to run out, and can still be used."""

    pass_name: str
    pass_reference: str
    last_day: date
    units: int | None  # that are left; None: as often as one likes


@dataclass(frozen=True, slots=True, kw_only=True)
class PassRevoked(Message):
    """The office took it back: why, and what of its price went back into the wallet."""

    pass_name: str
    pass_reference: str
    pass_number: str
    currency: str
    returned_minor: int
    bonus_minor: int  # of that
    tax_minor: int  # of that, which is not owed to the tax office any more
    units_used: int
    revoked_on: date
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceIssued(Message):
    """The invoice of a period; the PDF goes along."""

    invoice_number: str
    booking_reference: str
    attendee_name: str
    currency: str
    total_minor: int
    owed_minor: int
    due_on: date
    period_from: date
    period_until: date
    is_debited: bool  # it is collected by the family's mandate on the day on which it is due
    is_from_wallet: bool = False  # the wallet pays it, and does not hold as much
