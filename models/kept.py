"""What the books and documents come to, day by day: kept of days that are over, so that a report of years reads sums.

`billing.reports.keeping` adds them up. Whoever posts into such a day takes away what is kept of it, and a session that
is moved to another month what is kept of its deferral: a trigger does, whoever writes. Then it is added up again.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, flag, money, one_of, refers, root, unique, unique_with_nulls, word
from models.ledger import LedgerAccount


class KeptKind(StrEnum):
    """What is kept of a day: each is taken away by itself."""

    JOURNAL = "JOURNAL"  # what was posted, and the tax of what was invoiced and credited
    DEFERRAL = "DEFERRAL"  # what was invoiced, credited and earned, by the month of the sessions


class KeptDay(TenantRow, table=True):
    """A day that is kept, or about to be: until it is summed, nothing is read of it."""

    __tablename__ = "kept_day"
    __table_args__ = (root(), one_of("kind", KeptKind), unique("kind", "day"))
    kind: KeptKind = word(KeptKind)
    day: date  # in the organisation's zone
    is_summed: bool = flag()


class KeptBalance(TenantRow, table=True):
    """What was posted to an account of the books on a day."""

    __tablename__ = "kept_balance"
    __table_args__ = (
        refers("kept_id", "kept_day", ondelete="CASCADE"),
        one_of("ledger_account", LedgerAccount),
        check("debit_minor >= 0 AND credit_minor >= 0 AND debit_minor + credit_minor > 0", "sides_are_not_negative"),
        unique("kept_id", "ledger_account"),
    )
    kept_id: UUID
    ledger_account: LedgerAccount = word(LedgerAccount)
    debit_minor: int = money()
    credit_minor: int = money()


class KeptRevenue(TenantRow, table=True):
    """What was earned on a day: with what, and of which sessions where it is of any."""

    __tablename__ = "kept_revenue"
    __table_args__ = (
        refers("kept_id", "kept_day", ondelete="CASCADE"),
        refers("term_program_set_id", "term_program_set"),
        one_of("ledger_account", LedgerAccount),
        check("lines > 0", "lines_are_counted"),
        unique_with_nulls("kept_id", "term_program_set_id", "ledger_account", "source_kind", "component"),
    )
    kept_id: UUID
    term_program_set_id: UUID | None = None
    ledger_account: LedgerAccount = word(LedgerAccount)
    source_kind: str
    component: str | None = None
    lines: int
    amount_minor: int = money()  # earned; negative: taken back


class KeptTakings(TenantRow, table=True):
    """What came in and went out on a day, by provider and where the money is."""

    __tablename__ = "kept_takings"
    __table_args__ = (
        refers("kept_id", "kept_day", ondelete="CASCADE"),
        one_of("ledger_account", LedgerAccount),
        check("in_minor >= 0 AND out_minor <= 0 AND postings > 0", "in_and_out"),
        unique_with_nulls("kept_id", "ledger_account", "provider", "source_kind"),
    )
    kept_id: UUID
    ledger_account: LedgerAccount = word(LedgerAccount)
    provider: str | None = None  # of the payment, where there is one
    source_kind: str
    postings: int
    in_minor: int = money()
    out_minor: int = money()


class KeptTax(TenantRow, table=True):
    """Tax of what was invoiced and credited on a day, passes that were sold and revoked among it, by rate."""

    __tablename__ = "kept_tax"
    __table_args__ = (refers("kept_id", "kept_day", ondelete="CASCADE"), unique("kept_id", "tax_name", "tax_rate"))
    kept_id: UUID
    tax_name: str
    tax_rate: Decimal = Field(sa_type=sa.Numeric(9, 6))
    net_minor: int = money()
    tax_minor: int = money()
    credited_net_minor: int = money()
    credited_tax_minor: int = money()


class KeptDeferral(TenantRow, table=True):
    """What was invoiced, credited and earned on a day, net, by the month of the sessions."""

    __tablename__ = "kept_deferral"
    __table_args__ = (
        refers("kept_id", "kept_day", ondelete="CASCADE"),
        check("extract(day FROM month) = 1", "is_a_month"),
        unique("kept_id", "month"),
    )
    kept_id: UUID
    month: date  # its first day
    invoiced_minor: int = money()
    credited_minor: int = money()
    earned_minor: int = money()
