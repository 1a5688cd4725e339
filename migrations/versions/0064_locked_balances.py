"""What was posted to each account in a locked month is kept with its lock, of the locks that there are too; and the
entries among which something may be owed without an invoice have an index.

Revision: 0064, after 0063.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None

_TABLE = "locked_balance"
_APART = (
    "source_kind NOT IN ('INVOICE', 'CREDIT_NOTE', 'PAYMENT_ALLOCATION', 'WRITE_OFF', 'RECOGNITION') "
    "AND (source_kind <> 'PAYMENT' OR purpose <> 'CAPTURED')"
)
_READ = ("period_lock", "ledger_entry", "ledger_posting")
_ACCOUNTS = (
    "RECEIVABLE", "DEFERRED_REVENUE", "REVENUE", "TAX", "GATEWAY_CLEARING", "BANK", "CASH", "CUSTOMER_CREDIT", "WALLET",
    "BONUS", "BONUS_EXPENSE", "PASS_LIABILITY", "REFUND_PAYABLE", "FEE_REVENUE", "WRITE_OFF",
)  # fmt: skip


def upgrade() -> None:
    _make_table()
    # The owner is under row level security too, and names no organisation here.
    for table in _READ:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO locked_balance (organisation_id, id, lock_id, ledger_account, debit_minor, credit_minor)
        SELECT l.organisation_id, gen_random_uuid(), l.id, p.ledger_account, sum(greatest(p.amount_minor, 0)),
               sum(greatest(-p.amount_minor, 0))
        FROM period_lock l
        JOIN ledger_entry e ON e.organisation_id = l.organisation_id AND e.posted_on >= l.month
             AND e.posted_on < l.month + interval '1 month'
        JOIN ledger_posting p ON p.organisation_id = e.organisation_id AND p.entry_id = e.id
        WHERE l.unlocked_at IS NULL
        GROUP BY l.organisation_id, l.id, p.ledger_account
    """)
    for table in _READ:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
    guards.keep_tenants_apart(_TABLE, context.config.attributes.get("app_role", "termbook_app"))
    guards.refuse_changes(_TABLE)
    op.create_index("ix_ledger_entry_apart", "ledger_entry", ["organisation_id", "posted_on"],
                    postgresql_where=sa.text(_APART))  # fmt: skip


def downgrade() -> None:
    op.drop_index("ix_ledger_entry_apart", "ledger_entry")
    op.drop_table(_TABLE)


def _make_table() -> None:
    name = f"{_TABLE}_organisation_id"
    op.create_table(
        _TABLE,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lock_id", sa.Uuid(), nullable=False),
        sa.Column("ledger_account", sa.Text(), nullable=False),
        sa.Column("debit_minor", sa.BigInteger(), nullable=False),
        sa.Column("credit_minor", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{_TABLE}")),
        sa.ForeignKeyConstraint(["organisation_id", "lock_id"], ["period_lock.organisation_id", "period_lock.id"],
                                name=op.f(f"fk_{name}_lock_id")),
        sa.UniqueConstraint("organisation_id", "lock_id", "ledger_account", name=op.f(f"uq_{name}_lock_id_ledger_account")),
        sa.CheckConstraint("ledger_account IN (" + ", ".join(f"'{each}'" for each in _ACCOUNTS) + ")",
                           name=op.f(f"ck_{_TABLE}_ledger_account_is_known")),
        sa.CheckConstraint("debit_minor >= 0 AND credit_minor >= 0 AND debit_minor + credit_minor > 0",
                           name=op.f(f"ck_{_TABLE}_sides_are_not_negative")),
    )  # fmt: skip
