"""What must never break, each promise as a query over the whole database."""

from engine.invariants.attendance import ATTENDANCE
from engine.invariants.bank import BANK
from engine.invariants.billing import BILLING, INVOICING
from engine.invariants.books import BOOKS
from engine.invariants.changes import CHANGES
from engine.invariants.consents import CONSENTS
from engine.invariants.debit import DEBIT
from engine.invariants.discounts import DISCOUNTS
from engine.invariants.documents import DOCUMENTS
from engine.invariants.extras import EXTRAS
from engine.invariants.form import Invariant, Scope
from engine.invariants.group_orders import GROUP_ORDERS
from engine.invariants.holiday import HOLIDAY
from engine.invariants.kept import KEPT
from engine.invariants.lifecycle import LIFECYCLE
from engine.invariants.mail import MAIL
from engine.invariants.money import LEDGER, PAYMENTS
from engine.invariants.passes import PASSES
from engine.invariants.places import PLACES
from engine.invariants.schedule import SCHEDULES
from engine.invariants.search import SEARCH
from engine.invariants.seats import SEATS
from engine.invariants.session_debits import SESSION_DEBITS
from engine.invariants.subscriptions import SUBSCRIPTIONS
from engine.invariants.tenancy import TENANCY
from engine.invariants.waiting import WAITING
from engine.invariants.wallet import WALLETS

INVARIANTS: tuple[Invariant, ...] = (
    *PLACES, *EXTRAS, *SEATS, *LIFECYCLE, *GROUP_ORDERS, *BILLING, *INVOICING, *DOCUMENTS, *DISCOUNTS, *CHANGES,
    *SUBSCRIPTIONS, *LEDGER, *BOOKS, *KEPT, *PAYMENTS, *BANK, *WALLETS, *PASSES, *DEBIT, *SCHEDULES, *ATTENDANCE,
    *HOLIDAY, *SESSION_DEBITS, *WAITING, *MAIL, *CONSENTS, *SEARCH, *TENANCY,
)  # fmt: skip

__all__ = ["INVARIANTS", "Invariant", "Scope"]
