"""Tables, one subject per file; importing the package declares the whole schema."""

from models.account import Account, AccountAttendee, AccountKind, Attendee, AttendeeMerge
from models.attendance import AttendanceStatus, SignMethod, TermAttendance, TicketCheckIn
from models.billing import Billing, BillingGroup, BillingLine
from models.booking import PaymentState, TermBooking, TermBookingDiscount, TermBookingExtra, TermBookingLine
from models.credit_note import CreditAllocation, CreditNote, CreditNoteLine
from models.direct_debit import DirectDebitMandate, MandateStatus
from models.group_order import GroupOrder, GroupOrderMember, GroupOrderPolicy
from models.history import StatusEvent
from models.invoice import DocumentCounter, DocumentSeries, Invoice, InvoiceLine, Quote
from models.ledger import LedgerAccount, LedgerEntry, LedgerPosting
from models.makeup import MakeupCredit, MakeupStatus
from models.message import IdempotencyKey, OutboxMessage, ProcessedEvent
from models.offering import (
    BookingMode,
    CapacityChange,
    Extra,
    OfferingStatus,
    ProductType,
    SessionStatus,
    TermProduct,
    TermProgramSet,
)
from models.order import (
    TermBookingOrder,
    TermBookingOrderActivity,
    TermBookingOrderDiscount,
    TermBookingOrderExtra,
    TermBookingOrderLine,
    TermBookingOrderWish,
)
from models.organisation import ClosureDay, Organisation, Site, Tenant
from models.payment import Payment, PaymentAllocation, PaymentReview, PaymentReviewKind, PaymentStatus
from models.place import PlaceClaim
from models.program import Program, ProgramCategory, ProgramType
from models.promo import PromoCode, PromoRedemption
from models.rule import RuleScope, RuleSetting
from models.schedule import Instalment, InstalmentKind, PaymentSchedule
from models.sign_in import SignInAttempt
from models.status import (
    HOLDING,
    ActorKind,
    LineKind,
    TermBookingConfirmationType,
    TermBookingOrderType,
    TermBookingStatus,
)
from models.subscription import (
    BillingPeriod,
    InvoiceSchedule,
    ScheduledLine,
    ScheduledLineStatus,
    ScheduleStatus,
    Subscription,
    SubscriptionReview,
    SubscriptionStatus,
)
from models.term import Term, TermStatus
from models.timer import Timer, TimerKind, TimerStatus
from models.user import AccountUser, Credential, CredentialKind, Role, User, UserSite
from models.venue import Seat, SeatPrice, SeatType, Venue
from models.waiting import WaitingEntry, WaitingGroup, WaitingStatus

__all__ = [
    "HOLDING",
    "Account",
    "AccountAttendee",
    "AccountKind",
    "AccountUser",
    "ActorKind",
    "AttendanceStatus",
    "Attendee",
    "AttendeeMerge",
    "Billing",
    "BillingGroup",
    "BillingLine",
    "BillingPeriod",
    "BookingMode",
    "CapacityChange",
    "ClosureDay",
    "Credential",
    "CredentialKind",
    "CreditAllocation",
    "CreditNote",
    "CreditNoteLine",
    "DirectDebitMandate",
    "DocumentCounter",
    "DocumentSeries",
    "Extra",
    "GroupOrder",
    "GroupOrderMember",
    "GroupOrderPolicy",
    "IdempotencyKey",
    "Instalment",
    "InstalmentKind",
    "Invoice",
    "InvoiceLine",
    "InvoiceSchedule",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerPosting",
    "LineKind",
    "MakeupCredit",
    "MakeupStatus",
    "MandateStatus",
    "OfferingStatus",
    "Organisation",
    "OutboxMessage",
    "Payment",
    "PaymentAllocation",
    "PaymentReview",
    "PaymentReviewKind",
    "PaymentSchedule",
    "PaymentState",
    "PaymentStatus",
    "PlaceClaim",
    "ProcessedEvent",
    "ProductType",
    "Program",
    "ProgramCategory",
    "ProgramType",
    "PromoCode",
    "PromoRedemption",
    "Quote",
    "Role",
    "RuleScope",
    "RuleSetting",
    "ScheduleStatus",
    "ScheduledLine",
    "ScheduledLineStatus",
    "Seat",
    "SeatPrice",
    "SeatType",
    "SessionStatus",
    "SignInAttempt",
    "SignMethod",
    "Site",
    "StatusEvent",
    "Subscription",
    "SubscriptionReview",
    "SubscriptionStatus",
    "Tenant",
    "Term",
    "TermAttendance",
    "TermBooking",
    "TermBookingConfirmationType",
    "TermBookingDiscount",
    "TermBookingExtra",
    "TermBookingLine",
    "TermBookingOrder",
    "TermBookingOrderActivity",
    "TermBookingOrderDiscount",
    "TermBookingOrderExtra",
    "TermBookingOrderLine",
    "TermBookingOrderType",
    "TermBookingOrderWish",
    "TermBookingStatus",
    "TermProduct",
    "TermProgramSet",
    "TermStatus",
    "TicketCheckIn",
    "Timer",
    "TimerKind",
    "TimerStatus",
    "User",
    "UserSite",
    "Venue",
    "WaitingEntry",
    "WaitingGroup",
    "WaitingStatus",
]  # fmt: skip
