"""The one status enum of orders and bookings, and the kinds they share."""

from enum import IntEnum, StrEnum


class TermBookingStatus(IntEnum):
    """Where an order or a booking stands; 400 (Processing) is not in use."""

    REMOVED = 0  # a deleted request or change request
    DRAFT = 100  # begun; holds nothing
    CREATED = 200  # saved to the cart; holds nothing
    SUBMITTED = 300  # places and time held, Billing created
    SUBMITTED_CHANGE = 350  # a companion of another submit; not displayed, holds nothing
    ATTENDANCE_APPROVED = 450  # confirmed for attendance only, not invoiced
    QUOTE = 475  # quoted: price frozen, places held until it expires
    ACCEPT = 485  # quote accepted, to be confirmed
    APPROVED = 500  # confirmed
    ARCHIVED = 600  # after the term, read-only
    SUSPENDED = 700  # place and time kept, nobody expected
    CLOSED = 800  # ended before the term did
    CANCELED = 900  # cancelled


# Place and time are held in these and in no other status (DOMAIN §3).
HOLDING = frozenset(
    {
        TermBookingStatus.SUBMITTED,
        TermBookingStatus.QUOTE,
        TermBookingStatus.ACCEPT,
        TermBookingStatus.ATTENDANCE_APPROVED,
        TermBookingStatus.APPROVED,
        TermBookingStatus.SUSPENDED,
    }
)


class TermBookingOrderType(IntEnum):
    """What kind of enrolment is asked for."""

    BOOKING = 0  # the normal path
    WAITING_LIST = 1  # a place in the queue, none in the room
    TRIAL_SESSION = 2  # a first visit; limits per attendee and program
    SUBSCRIPTION = 4  # open-ended enrolment on weekdays
    EOI = 5  # expression of interest


class TermBookingConfirmationType(IntEnum):
    """What must hold before an order is confirmed."""

    CONFIRM_WITHOUT_PAYMENT = 101  # pay later, for accounts in good standing
    PAY_NOW_PAY_ALL = 201  # everything this billing requires is paid
    PAY_NOW_PAY_DEPOSIT = 202  # the deposit is paid
    DIRECT_DEBIT = 301  # mandate active and schedule agreed
    ADMIN_CONFIRM = 401  # an admin says so, with a reason


class LineKind(StrEnum):
    """What a line of an order or booking is."""

    SESSION = "SESSION"  # a session that is booked
    MAKEUP_SESSION = "MAKEUP_SESSION"  # booked with the credit of an absence
    CLOSURE_DAY = "CLOSURE_DAY"  # was a session, the day was closed


class ActorKind(StrEnum):
    """Who moves something."""

    ADMIN = "ADMIN"  # an admin of the organisation
    FINANCE = "FINANCE"  # a finance officer
    STAFF = "STAFF"  # staff at a site
    FAMILY = "FAMILY"  # a guardian of the account
    GUEST = "GUEST"  # without a login, through a signed link
    SYSTEM = "SYSTEM"  # a timer, a payment event, a job
