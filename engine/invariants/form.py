"""What an invariant is, and the pieces of SQL that many of them share.

The statements run under row level security, so a join by id cannot leave the organisation.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, StrEnum

from models import LineKind, TermBookingOrderType, TermBookingStatus, WaitingStatus
from models.waiting import LIVE


class Scope(StrEnum):
    """What one run of an invariant looks at."""

    ORGANISATION = "ORGANISATION"  # the rows of one organisation
    SCHEMA = "SCHEMA"  # the database itself: tables, policies, roles


@dataclass(frozen=True, slots=True)
class Invariant:
    """A promise of the domain as a query.

    `sql` yields a row for each record that breaks it, none when all is well. `says` is a template over the columns of
    that row, in words a person can act on; a column `…_minor` is written as money there.
    """

    name: str
    promise: str
    sql: str
    says: str
    scope: Scope = Scope.ORGANISATION


def members(values: Iterable[Enum]) -> str:
    """The values of an enum as the right side of `IN`."""
    return "(" + ", ".join(str(v.value) if isinstance(v.value, int) else f"'{v.value}'" for v in values) + ")"


Status, OrderType = TermBookingStatus, TermBookingOrderType

# Lines that take a place and time; a closed day does not.
SESSION_LINES = members((LineKind.SESSION, LineKind.MAKEUP_SESSION))
# An order holds by itself until it is confirmed; from then on its booking does.
HOLDING_ORDER = members((Status.SUBMITTED, Status.QUOTE, Status.ACCEPT))
HOLDING_BOOKING = members((Status.ATTENDANCE_APPROVED, Status.APPROVED, Status.SUSPENDED))
CONFIRMED_ORDER = members((Status.ATTENDANCE_APPROVED, Status.APPROVED))

TAKES_PLACE = members((OrderType.BOOKING, OrderType.TRIAL_SESSION, OrderType.SUBSCRIPTION))
BLOCKS_TIME = members((OrderType.BOOKING, OrderType.TRIAL_SESSION, OrderType.EOI))
CLAIMS = members((OrderType.BOOKING, OrderType.TRIAL_SESSION, OrderType.SUBSCRIPTION, OrderType.EOI))
# Entries of a waiting list that stand in the queue or have a place kept for them, and the latter alone.
WAITS = members(LIVE)
KEPT_FOR_WAITING = members((WaitingStatus.SAVED, WaitingStatus.OFFERED))
IS_BILLED = members((OrderType.BOOKING, OrderType.TRIAL_SESSION, OrderType.SUBSCRIPTION))

# "Karate Sat 11 Apr 2026 10:00", of the aliases `session` and `offering`.
SESSION_NAME = """concat_ws(' ', offering.name, nullif(session.component, ''), nullif(session.title, ''),
    coalesce(to_char(session.local_date, 'Dy DD Mon YYYY') || to_char(session.local_start, ' HH24:MI'), '(undated)'))"""


# What payments and credits together have settled of each invoice.
SETTLED = """(SELECT invoice_id, sum(amount_minor) AS settled_minor
    FROM (SELECT invoice_id, amount_minor FROM payment_allocation
          UNION ALL SELECT invoice_id, amount_minor FROM credit_allocation) each
    GROUP BY invoice_id)"""


def named_session(product: str) -> str:
    """The joins that `SESSION_NAME` needs, from a column that holds the session's id."""
    return f"""LEFT JOIN term_product session ON session.id = {product}
        LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id"""


def document_name(alias: str) -> str:
    """ "INV-2026-000017" of an invoice, credit note or quote."""
    return f"concat({alias}.series, '-', {alias}.year, '-', lpad({alias}.number::text, 6, '0'))"
