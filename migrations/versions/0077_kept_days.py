"""What the books and documents come to is kept of each day that is over; it takes the place of what locks kept.

Revision: 0077, after 0076.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards, sums

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None

_ACCOUNTS = (
    "RECEIVABLE", "DEFERRED_REVENUE", "REVENUE", "TAX", "GATEWAY_CLEARING", "BANK", "CASH", "CUSTOMER_CREDIT", "WALLET",
    "BONUS", "BONUS_EXPENSE", "PASS_LIABILITY", "REFUND_PAYABLE", "FEE_REVENUE", "WRITE_OFF",
)  # fmt: skip
_ACCOUNT_IS_KNOWN = ("ledger_account_is_known", "ledger_account IN (" + ", ".join(f"'{a}'" for a in _ACCOUNTS) + ")")
# As the models' convention shortens what is too long a name.
_SHORT = {
    "kept_revenue": "uq_kept_revenue_organisation_id_kept_id_term_program_se_8a4d",
    "kept_takings": "uq_kept_takings_organisation_id_kept_id_ledger_account__ec27",
}
_SUMS = ("kept_balance", "kept_revenue", "kept_takings", "kept_tax", "kept_deferral")


def upgrade() -> None:
    _make_days()
    _make_sums(
        "kept_balance", _text("ledger_account"), _minor("debit"), _minor("credit"),
        checks=(_ACCOUNT_IS_KNOWN, ("sides_are_not_negative", "debit_minor >= 0 AND credit_minor >= 0 "
                                                              "AND debit_minor + credit_minor > 0")),
        one_each=("ledger_account",),
    )  # fmt: skip
    _make_sums(
        "kept_revenue", sa.Column("term_program_set_id", sa.Uuid()), _text("ledger_account"), sa.Column("source_kind", sa.String(), nullable=False),
        sa.Column("component", sa.String()), sa.Column("lines", sa.Integer(), nullable=False), _minor("amount"),
        checks=(_ACCOUNT_IS_KNOWN, ("lines_are_counted", "lines > 0")),
        one_each=("term_program_set_id", "ledger_account", "source_kind", "component"),
    )  # fmt: skip
    op.create_foreign_key(op.f("fk_kept_revenue_organisation_id_term_program_set_id"), "kept_revenue",
                          "term_program_set", ["organisation_id", "term_program_set_id"],
                          ["organisation_id", "id"])  # fmt: skip
    _make_sums(
        "kept_takings", _text("ledger_account"), sa.Column("provider", sa.String()), sa.Column("source_kind", sa.String(), nullable=False),
        sa.Column("postings", sa.Integer(), nullable=False), _minor("in"), _minor("out"),
        checks=(_ACCOUNT_IS_KNOWN, ("in_and_out", "in_minor >= 0 AND out_minor <= 0 AND postings > 0")),
        one_each=("ledger_account", "provider", "source_kind"),
    )  # fmt: skip
    _make_sums(
        "kept_tax", sa.Column("tax_name", sa.String(), nullable=False), sa.Column("tax_rate", sa.Numeric(9, 6), nullable=False), _minor("net"),
        _minor("tax"), _minor("credited_net"), _minor("credited_tax"), one_each=("tax_name", "tax_rate"),
    )  # fmt: skip
    _make_sums(
        "kept_deferral", sa.Column("month", sa.Date(), nullable=False), _minor("invoiced"), _minor("credited"),
        _minor("earned"), checks=(("is_a_month", "extract(day FROM month) = 1"),), one_each=("month",),
    )  # fmt: skip
    sums.forget_kept_days()
    op.drop_table("locked_balance")


def downgrade() -> None:
    _make_locked_balances()
    sums.keep_no_days()
    for table in (*_SUMS, "kept_day"):
        op.drop_table(table)


def _make_days() -> None:
    op.create_table(
        "kept_day",
        *_key(),
        _text("kind"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("is_summed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_kept_day")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_kept_day_organisation_id")),
        sa.UniqueConstraint("organisation_id", "kind", "day", name=op.f("uq_kept_day_organisation_id_kind_day")),
        sa.CheckConstraint("kind IN ('JOURNAL', 'DEFERRAL')", name=op.f("ck_kept_day_kind_is_known")),
    )
    _keep_apart("kept_day")


def _make_sums(
    table: str, *columns: sa.Column[object], one_each: tuple[str, ...], checks: tuple[tuple[str, str], ...] = ()
) -> None:  # fmt: skip
    """Sums of a kept day, one row for each of these columns; they go with their day."""
    unique = ("organisation_id", "kept_id", *one_each)
    op.create_table(
        table,
        *_key(),
        sa.Column("kept_id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["organisation_id", "kept_id"], ["kept_day.organisation_id", "kept_day.id"],
                                name=op.f(f"fk_{table}_organisation_id_kept_id"), ondelete="CASCADE"),
        sa.UniqueConstraint(*unique, name=op.f(_SHORT.get(table, f"uq_{table}_" + "_".join(unique))),
                            postgresql_nulls_not_distinct=any(c.nullable for c in columns if c.name in one_each)),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks),
    )  # fmt: skip
    _keep_apart(table)


def _key() -> list[sa.Column[object]]:
    return [sa.Column("organisation_id", sa.Uuid(), nullable=False), sa.Column("id", sa.Uuid(), nullable=False)]


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), nullable=False)


def _minor(name: str) -> sa.Column[int]:
    return sa.Column(f"{name}_minor", sa.BigInteger(), nullable=False)


def _keep_apart(table: str) -> None:
    guards.keep_tenants_apart(table, context.config.attributes.get("app_role", "termbook_app"))


def _make_locked_balances() -> None:
    """As locks kept them; of the months that are locked."""
    table = "locked_balance"
    key = f"{table}_organisation_id"
    op.create_table(
        table,
        *_key(),
        sa.Column("lock_id", sa.Uuid(), nullable=False),
        _text("ledger_account"), _minor("debit"), _minor("credit"),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["organisation_id", "lock_id"], ["period_lock.organisation_id", "period_lock.id"],
                                name=op.f(f"fk_{key}_lock_id")),
        sa.UniqueConstraint("organisation_id", "lock_id", "ledger_account", name=op.f(f"uq_{key}_lock_id_ledger_account")),
        sa.CheckConstraint(_ACCOUNT_IS_KNOWN[1], name=op.f(f"ck_{table}_ledger_account_is_known")),
        sa.CheckConstraint("debit_minor >= 0 AND credit_minor >= 0 AND debit_minor + credit_minor > 0",
                           name=op.f(f"ck_{table}_sides_are_not_negative")),
    )  # fmt: skip
    for read in ("period_lock", "ledger_posting"):
        op.execute(f"ALTER TABLE {read} NO FORCE ROW LEVEL SECURITY")
    op.execute("""
        INSERT INTO locked_balance (organisation_id, id, lock_id, ledger_account, debit_minor, credit_minor)
        SELECT l.organisation_id, gen_random_uuid(), l.id, p.ledger_account, sum(greatest(p.amount_minor, 0)),
               sum(greatest(-p.amount_minor, 0))
        FROM period_lock l
        JOIN ledger_posting p ON p.organisation_id = l.organisation_id AND p.posted_on >= l.month
             AND p.posted_on < l.month + interval '1 month'
        WHERE l.unlocked_at IS NULL GROUP BY l.organisation_id, l.id, p.ledger_account
    """)
    for read in ("period_lock", "ledger_posting"):
        op.execute(f"ALTER TABLE {read} FORCE ROW LEVEL SECURITY")
    _keep_apart(table)
    guards.refuse_changes(table)
