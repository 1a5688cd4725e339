"""The plan of accounts grows: bank and cash, what bonuses cost, passes, refunds on their way, fees.

Revision: 0024, after 0023.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_BEFORE = (
    "RECEIVABLE", "DEFERRED_REVENUE", "REVENUE", "TAX", "GATEWAY_CLEARING", "CUSTOMER_CREDIT", "WALLET", "BONUS",
    "WRITE_OFF",
)  # fmt: skip
_SINCE = (
    "RECEIVABLE", "DEFERRED_REVENUE", "REVENUE", "TAX", "GATEWAY_CLEARING", "BANK", "CASH", "CUSTOMER_CREDIT", "WALLET",
    "BONUS", "BONUS_EXPENSE", "PASS_LIABILITY", "REFUND_PAYABLE", "FEE_REVENUE", "WRITE_OFF",
)  # fmt: skip


def upgrade() -> None:
    _know(_SINCE)


def downgrade() -> None:
    _know(_BEFORE)


def _know(accounts: tuple[str, ...]) -> None:
    name = op.f("ck_ledger_posting_ledger_account_is_known")
    op.drop_constraint(name, "ledger_posting", type_="check")
    names = ", ".join(f"'{account}'" for account in accounts)
    op.create_check_constraint(name, "ledger_posting", f"ledger_account IN ({names})")
