"""Orders: what a person asks for until it is confirmed."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator

from api.schemas.base import FailedRule, Input, LongText, Minor, Output, ShortText, Whole, YesNo, shows
from api.schemas.sample_enrolment import ATTENDEE_ID, FINGERPRINT, HISTORY, ORDER, ORDER_SUMMARY, ORDER_WHOLE
from api.schemas.sample_programme import FIRST_SESSION_ID, TERM_ID
from models import BookingMode, LineKind, SeatType
from workflows.payments import BY_HAND

OrderType = Literal["BOOKING", "WAITING_LIST", "TRIAL_SESSION", "SUBSCRIPTION", "EOI"]
ConfirmationType = Literal[
    "CONFIRM_WITHOUT_PAYMENT", "PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT", "DIRECT_DEBIT", "ADMIN_CONFIRM"
]
BookingStatus = Literal[
    "REMOVED", "DRAFT", "CREATED", "SUBMITTED", "SUBMITTED_CHANGE", "ATTENDANCE_APPROVED", "QUOTE", "ACCEPT",
    "APPROVED", "ARCHIVED", "SUSPENDED", "CLOSED", "CANCELED",
]  # fmt: skip


class NewOrder(Input):
    """A draft for one attendee in one term. An admin selects the account; a family's own account is taken."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"attendee_id": ATTENDEE_ID, "term_id": TERM_ID}]})

    attendee_id: UUID
    term_id: UUID
    account_id: UUID | None = None
    order_type: OrderType = "BOOKING"


class WantedExtra(Input):
    """An extra beside a session."""

    extra_id: UUID
    quantity: Whole = Field(default=1, ge=1, le=1000)


class WantedLine(Input):
    """One session, with its extras."""

    session_id: UUID
    mode: BookingMode = BookingMode.CASUAL
    seat_id: UUID | None = Field(default=None, description="The seat, in a seated session.")
    makeup_credit_id: UUID | None = Field(
        default=None, description="Makes it a makeup session: its base price is 0.00, its extras are charged."
    )
    activity_ids: list[UUID] = Field(
        default_factory=list, max_length=10, description="Activities of the day, in a holiday programme."
    )
    extras: list[WantedExtra] = Field(default_factory=list, max_length=20)


class Wishes(Input):
    """What an expression of interest is about without naming sessions."""

    offering_ids: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)
    program_ids: Annotated[list[UUID], Field(max_length=50)] = Field(
        default_factory=list, description="Any offering of the program."
    )
    note: LongText = Field(default="", description="Whatever the office should know: days that suit, a friend, …")


class Cart(Input):
    """All that is in the cart from now on; what was in it before is replaced."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"lines": [{"session_id": FIRST_SESSION_ID, "mode": "CASUAL", "extras": []}]}]}
    )

    lines: Annotated[list[WantedLine], Field(max_length=500)]
    wishes: Wishes | None = Field(default=None, description="Of an expression of interest only.")
    promo_code: ShortText | None = Field(default=None, description="Used up when the order is submitted.")


class Interest(Input):
    """Registers an expression of interest."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"is_muted": False}]})

    override_reason: LongText = Field(default="", description="Why an admin sets cut-off and eligibility aside.")
    is_muted: YesNo = Field(default=False, description="The family is not notified.")


class Submission(Input):
    """Takes the places at the price that was shown."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"confirmation_type": "PAY_NOW_PAY_ALL", "price_fingerprint": FINGERPRINT}]}
    )

    confirmation_type: ConfirmationType
    price_fingerprint: ShortText = Field(description="Of the price that was shown when the cart was saved.")
    schedule_fingerprint: ShortText | None = Field(
        default=None,
        description="Of the payment schedule that was shown: needed for direct debit, compared for a deposit.",
    )
    override_reason: LongText = Field(
        default="", description="Why an admin sets booking window, cut-off and eligibility aside."
    )
    is_muted: YesNo = Field(default=False, description="The family is not notified.")
    from_wallet: YesNo = Field(
        default=False,
        description="What is to be paid now is taken from the family's wallet in the same step: all of it, or as much "
        "as there is; refused where there is nothing.",
    )


class Confirmation(Input):
    """Confirms an order; an admin may do so by another confirmation type, with a reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "Paid by cheque at the front desk"}]})

    reason: LongText = ""
    confirmation_type: ConfirmationType | None = None
    is_muted: YesNo = False
    difference_fingerprint: ShortText = Field(
        default="", description="Of the Billing Difference that was reviewed; a change order is confirmed with it."
    )


class Ending(Input):
    """Why it ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "The family moved away"}]})

    reason: LongText = ""


class OrderExtra(Output):
    """An extra of a line."""

    extra_id: UUID
    name: str
    quantity: int
    price_minor: int


class ShownSeat(Output):
    """A seat in words."""

    id: UUID
    row: str
    number: int
    seat_type: SeatType


class LineDiscount(Output):
    """What a discount takes off a session, and why."""

    rule: str = Field(description="What it is given for: SIBLING, EARLY_BIRD, …")
    version: str = Field(description="A short name of its terms as they were then.")
    name: str
    why: str
    amount_minor: int


class OrderLine(Output):
    """One session asked for, with the price that was shown."""

    session_id: UUID
    name: str = Field(description="Offering, date and time in words.")
    kind: LineKind
    mode: BookingMode = Field(description="The one that the line got.")
    asked_mode: BookingMode | None = Field(default=None, description="The one that was asked for.")
    mode_reason: str | None = Field(default=None, description="Why it got another one, in words.")
    position: int
    price_minor: int = Field(description="With its discounts taken off.")
    discounts: list[LineDiscount]
    seat: ShownSeat | None = Field(default=None, description="The seat asked for, in a seated session.")
    activities: list[str] | None = Field(default=None, description="The activities that are chosen, by title.")
    extras: list[OrderExtra]


class OrderWish(Output):
    """An offering, or any offering of a program, that an expression of interest is about."""

    offering_id: UUID | None
    program_id: UUID | None
    name: str


class MadeBooking(Output):
    """The booking that a confirmation made."""

    id: UUID
    reference: str


class IssuedDocument(Output):
    """A document that an edit will issue."""

    kind: Literal["INVOICE", "CREDIT_NOTE", "ZERO_STATEMENT"]
    total_minor: int
    due_on: date | None = Field(
        description="By when an invoice is to be paid, as the confirmation type says; where that is not chosen yet, by "
        "the offering's rule."
    )


class Companion(Output):
    """What an order alters of the price of another confirmed booking of the family."""

    order_id: UUID | None = Field(description="The companion order, once the order that causes it is submitted.")
    status: BookingStatus | None = Field(
        description="SUBMITTED_CHANGE until its cause is confirmed (APPROVED) or ends otherwise (REMOVED)."
    )
    booking_id: UUID
    booking_reference: str
    attendee: str
    was_minor: int
    becomes_minor: int
    delta_minor: int = Field(description="More is invoiced, due by the offering's rule; less is credited.")
    delta: str = Field(description="The delta in words of the organisation's locale.")
    why: list[str] = Field(description="The discounts that are given differently, with the reason.")
    documents: list[IssuedDocument] | None = Field(
        default=None, description="That will be issued for it; not where an order is read that was submitted before."
    )
    due_minor: int | None = Field(
        default=None, description="Its new total less what is paid of it; where `documents` are."
    )
    credit_minor: int | None = Field(
        default=None, description="What is paid of it beyond its new total; where `documents` are."
    )


class Order(Output):
    """An order as it stands."""

    model_config = shows(ORDER)

    id: UUID
    reference: str
    status: BookingStatus
    status_code: int
    version: int = Field(description="Rises with every change; the ETag.")
    allowed: list[str] = Field(description="The triggers that the status leaves open to this caller.")
    account_id: UUID
    attendee_id: UUID
    term_id: UUID
    order_type: OrderType
    confirmation_type: ConfirmationType | None
    currency: str
    total_minor: int
    total: str = Field(description="The total in words of the organisation's locale.")
    price_fingerprint: str
    created_at: datetime
    submitted_at: datetime | None
    expires_at: datetime | None = Field(description="When the places are given back, or the quote runs out.")
    cancel_reason: str | None
    promo_code: str | None
    original_booking_id: UUID | None = Field(description="The booking that a change order changes.")
    original_order_id: UUID | None = Field(default=None, description="The quoted order that a change order changes.")
    cause_order_id: UUID | None = Field(default=None, description="Of a companion: the order that it goes with.")
    booking_id: UUID | None
    lines: list[OrderLine] | None = Field(default=None, description="With a saved cart and a read order.")
    notices: list[FailedRule] | None = Field(
        default=None, description="What a submission would be refused for at this moment."
    )
    companions: list[Companion] | None = Field(
        default=None,
        description="Other bookings that it alters the price of: with a saved cart, a submission and a "
        "read order. `price_fingerprint` stands for them too.",
    )
    wishes: list[OrderWish] | None = Field(
        default=None, description="Of an expression of interest, with a saved cart and a read order."
    )
    note: str = ""
    converts_order_id: UUID | None = Field(
        default=None, description="The expression of interest or trial that this order converts when it is submitted."
    )
    booking: MadeBooking | None = None
    invoice_id: UUID | None = None
    quote_id: UUID | None = None


class PaymentOfOrder(Output):
    """A payment for the order."""

    id: UUID
    reference: str
    status: str
    amount_minor: int
    provider: str


class OrderWhole(Order):
    """An order with what belongs to it."""

    model_config = shows(ORDER_WHOLE)

    account: str
    attendee: str
    term: str
    converted_into_id: UUID | None = Field(default=None, description="The order that it has become.")
    quote_number: str | None
    payments: list[PaymentOfOrder]


class OrderSummary(Output):
    """An order in a list."""

    model_config = shows(ORDER_SUMMARY)

    id: UUID
    reference: str
    status: BookingStatus
    version: int
    account_id: UUID
    account: str
    attendee_id: UUID
    attendee: str
    term_id: UUID
    order_type: OrderType
    confirmation_type: ConfirmationType | None
    total_minor: int
    session_count: int
    first_date: date | None
    booking_id: UUID | None
    created_at: datetime


class HistoryEvent(Output):
    """One change, by whom, when and why."""

    sequence: int
    trigger: str
    from_status: BookingStatus | None
    to_status: BookingStatus
    actor_kind: str
    actor_id: UUID | None
    actor: str | None = Field(description="The person's name.")
    reason: str
    changes: dict[str, object]
    at: datetime


class History(Output):
    """Every change, oldest first."""

    model_config = shows(HISTORY)

    items: list[HistoryEvent]


class NewPayment(Input):
    """Money for an order: through a provider, from the family's "wallet", or received by hand (admins and finance, with
    amount and reason): "cash" at the desk, "bank" by transfer, "manual" otherwise.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"provider": "sandbox"}]})

    provider: Annotated[str, Field(max_length=40, pattern=r"^[a-z0-9_-]+$")] = "sandbox"
    amount_minor: Minor | None = Field(default=None, description="By hand or from the wallet; else what is required.")
    reason: LongText = Field(default="", description="For a payment by hand: cheque number, transfer, …")

    @model_validator(mode="after")
    def _is_by_hand_or_by_provider(self) -> Self:
        if self.provider not in (*BY_HAND, "wallet") and self.amount_minor is not None:
            raise ValueError("only a payment by hand, or from the wallet, has an amount of its own")
        if self.provider not in BY_HAND and self.reason:
            raise ValueError("only a payment by hand has a reason of its own")
        return self
