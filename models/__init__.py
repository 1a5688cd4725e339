"""Tables, one subject per file; importing the package declares the whole schema."""

from models.account import Account, AccountAttendee, AccountKind, AlertSeverity, Attendee, AttendeeMerge
from models.adjustment import TermBookingOrderAdjustment
from models.attendance import AttendanceStatus, SignMethod, TermAttendance, TicketCheckIn
from models.bank import BankFileFormat, BankLine, BankMatch, BankStatement
from models.billing import Billing, BillingGroup, BillingLine
from models.booking import PaymentState, TermBooking, TermBookingDiscount, TermBookingExtra, TermBookingLine
from models.consent import AttendeePhoto, Consent, ConsentAnswer, ConsentText
from models.credit_note import CreditAllocation, CreditNote, CreditNoteLine, CreditRule, CreditStep
from models.debit_run import (
    CollectionAccount,
    DebitReturn,
    DebitReturnFile,
    DebitRun,
    DebitRunEntry,
    DebitScheme,
    ReturnFormat,
    ReturnOutcome,
)
from models.direct_debit import DirectDebitMandate, MandateStatus
from models.dispute import PaymentDispute, PaymentDisputeStatus
from models.entitlement import Entitlement, PassCovers, PassProduct, PassRequest, PassReturns, PassScope, PassUse
from models.extra import ExtraClaim, ExtraStock
from models.group_order import GroupOrder, GroupOrderMember, GroupOrderPolicy
from models.history import StatusEvent
from models.invoice import DocumentCounter, DocumentSeries, Invoice, InvoiceLine, Quote, Receivable
from models.invoice_schedule import (
    InvoiceRun,
    InvoiceRunStatus,
    InvoiceSchedule,
    ScheduledLine,
    ScheduledLineStatus,
    ScheduleStatus,
)
from models.kept import KeptBalance, KeptDay, KeptDeferral, KeptKind, KeptRevenue, KeptTakings, KeptTax
from models.ledger import LedgerAccount, LedgerEntry, LedgerPosting, ManualEntry, PeriodLock
from models.mail import MailStop, MailText
from models.makeup import MakeupCredit, MakeupReach, MakeupStatus
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
from models.overdue_fee import OverdueFee
from models.passkey import Passkey, SpentChallenge
from models.payment import Capture, Payment, PaymentAllocation, PaymentReview, PaymentReviewKind, PaymentStatus
from models.pick_up import AuthorisedPerson
from models.place import PlaceClaim
from models.program import Program, ProgramCategory, ProgramType
from models.promo import PromoCode, PromoRedemption
from models.refund import Refund, RefundDestination, RefundRequest, RefundRequestStatus, RefundStatus
from models.reminder import PaymentReminder, ReminderKind
from models.revenue import Deferral, RevenueRecognition
from models.roll import (
    ConflictResolution,
    Headcount,
    LatePickup,
    LatePickupStatus,
    MarkOutcome,
    RollConflict,
    RollEvent,
    RollEventKind,
    RollMark,
    Signature,
    SignOut,
    StaffPresence,
)
from models.rule import RuleScope, RuleSetting
from models.schedule import Instalment, InstalmentKind, PaymentSchedule
from models.search import SearchText
from models.sign_in import SignInAttempt
from models.status import (
    HOLDING,
    ActorKind,
    LineKind,
    TermBookingConfirmationType,
    TermBookingOrderType,
    TermBookingStatus,
)
from models.subscription import BillingPeriod, Subscription, SubscriptionReview, SubscriptionStatus
from models.term import Term, TermStatus
from models.timer import Timer, TimerKind, TimerStatus
from models.user import AccountUser, Credential, CredentialKind, Role, User, UserSite
from models.venue import Seat, SeatPrice, SeatType, Venue
from models.waiting import WaitingEntry, WaitingGroup, WaitingStatus
from models.wallet import BonusGrant, BonusUse, Wallet, WalletEntry, WalletEntryKind
from models.webhook import DeliveryStatus, WebhookDelivery, WebhookEndpoint
from models.write_off import WriteOff

__all__ = [
    "HOLDING",
    "Account",
    "AccountAttendee",
    "AccountKind",
    "AccountUser",
    "ActorKind",
    "AlertSeverity",
    "AttendanceStatus",
    "Attendee",
    "AttendeeMerge",
    "AttendeePhoto",
    "AuthorisedPerson",
    "BankFileFormat",
    "BankLine",
    "BankMatch",
    "BankStatement",
    "Billing",
    "BillingGroup",
    "BillingLine",
    "BillingPeriod",
    "BonusGrant",
    "BonusUse",
    "BookingMode",
    "CapacityChange",
    "Capture",
    "ClosureDay",
    "CollectionAccount",
    "ConflictResolution",
    "Consent",
    "ConsentAnswer",
    "ConsentText",
    "Credential",
    "CredentialKind",
    "CreditAllocation",
    "CreditNote",
    "CreditNoteLine",
    "CreditRule",
    "CreditStep",
    "DebitReturn",
    "DebitReturnFile",
    "DebitRun",
    "DebitRunEntry",
    "DebitScheme",
    "Deferral",
    "DeliveryStatus",
    "DirectDebitMandate",
    "DocumentCounter",
    "DocumentSeries",
    "Entitlement",
    "Extra",
    "ExtraClaim",
    "ExtraStock",
    "GroupOrder",
    "GroupOrderMember",
    "GroupOrderPolicy",
    "Headcount",
    "IdempotencyKey",
    "Instalment",
    "InstalmentKind",
    "Invoice",
    "InvoiceLine",
    "InvoiceRun",
    "InvoiceRunStatus",
    "InvoiceSchedule",
    "KeptBalance",
    "KeptDay",
    "KeptDeferral",
    "KeptKind",
    "KeptRevenue",
    "KeptTakings",
    "KeptTax",
    "LatePickup",
    "LatePickupStatus",
    "LedgerAccount",
    "LedgerEntry",
    "LedgerPosting",
    "LineKind",
    "MailStop",
    "MailText",
    "MakeupCredit",
    "MakeupReach",
    "MakeupStatus",
    "MandateStatus",
    "ManualEntry",
    "MarkOutcome",
    "OfferingStatus",
    "Organisation",
    "OutboxMessage",
    "OverdueFee",
    "PassCovers",
    "PassProduct",
    "PassRequest",
    "PassReturns",
    "PassScope",
    "PassUse",
    "Passkey",
    "Payment",
    "PaymentAllocation",
    "PaymentDispute",
    "PaymentDisputeStatus",
    "PaymentReminder",
    "PaymentReview",
    "PaymentReviewKind",
    "PaymentSchedule",
    "PaymentState",
    "PaymentStatus",
    "PeriodLock",
    "PlaceClaim",
    "ProcessedEvent",
    "ProductType",
    "Program",
    "ProgramCategory",
    "ProgramType",
    "PromoCode",
    "PromoRedemption",
    "Quote",
    "Receivable",
    "Refund",
    "RefundDestination",
    "RefundRequest",
    "RefundRequestStatus",
    "RefundStatus",
    "ReminderKind",
    "ReturnFormat",
    "ReturnOutcome",
    "RevenueRecognition",
    "Role",
    "RollConflict",
    "RollEvent",
    "RollEventKind",
    "RollMark",
    "RuleScope",
    "RuleSetting",
    "ScheduleStatus",
    "ScheduledLine",
    "ScheduledLineStatus",
    "SearchText",
    "Seat",
    "SeatPrice",
    "SeatType",
    "SessionStatus",
    "SignInAttempt",
    "SignMethod",
    "SignOut",
    "Signature",
    "Site",
    "SpentChallenge",
    "StaffPresence",
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
    "TermBookingOrderAdjustment",
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
    "Wallet",
    "WalletEntry",
    "WalletEntryKind",
    "WebhookDelivery",
    "WebhookEndpoint",
    "WriteOff",
]
