"""What must never break, each promise as a query over the whole database."""

from engine.invariants.attendance import ATTENDANCE
from engine.invariants.billing import BILLING, INVOICING
from engine.invariants.changes import CHANGES
from engine.invariants.debit import DEBIT
from engine.invariants.discounts import DISCOUNTS
from engine.invariants.form import Invariant, Scope
from engine.invariants.group_orders import GROUP_ORDERS
from engine.invariants.holiday import HOLIDAY
from engine.invariants.lifecycle import LIFECYCLE
from engine.invariants.money import LEDGER, PAYMENTS
from engine.invariants.places import PLACES
from engine.invariants.schedule import SCHEDULES
from engine.invariants.seats import SEATS
from engine.invariants.subscriptions import SUBSCRIPTIONS
from engine.invariants.tenancy import TENANCY
from engine.invariants.waiting import WAITING

INVARIANTS: tuple[Invariant, ...] = (
    *PLACES, *SEATS, *LIFECYCLE, *GROUP_ORDERS, *BILLING, *INVOICING, *DISCOUNTS, *CHANGES, *SUBSCRIPTIONS, *LEDGER,
    *PAYMENTS, *DEBIT, *SCHEDULES, *ATTENDANCE, *HOLIDAY, *WAITING, *TENANCY,
)  # fmt: skip

__all__ = ["INVARIANTS", "Invariant", "Scope"]
