"""The books: what is earned of an invoice line, months that are locked, write-offs, entries by hand.

Revision: 0028, after 0027.
"""

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_TABLES = ("manual_entry", "period_lock", "revenue_recognition", "write_off")
_ALLOCATION, _ENTRY = "credit_allocation", "ledger_entry"
_NOTED = "fk_credit_allocation_organisation_id_credit_note_id"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make_tables()
    for table in _TABLES:
        guards.keep_tenants_apart(table, role)
    for table in guards.BOOKS:
        guards.refuse_changes(table)
    op.add_column(_ENTRY, sa.Column("event_on", sa.Date(), nullable=True))
    op.create_foreign_key(op.f(f"fk_{_ENTRY}_organisation_id_reverses_id"), _ENTRY, _ENTRY,
                          ["organisation_id", "reverses_id"], ["organisation_id", "id"])  # fmt: skip
    op.create_check_constraint(op.f(f"ck_{_ENTRY}_reverses_another"), _ENTRY, "reverses_id <> id")
    op.create_check_constraint(op.f(f"ck_{_ENTRY}_late_event_keeps_its_day"), _ENTRY, "event_on < posted_on")
    op.alter_column("ledger_posting", "account_id", nullable=True)
    _let_write_offs_settle()
    guards.hold_books()


def downgrade() -> None:
    guards.drop_books()
    op.drop_constraint(op.f(f"ck_{_ALLOCATION}_of_a_note_or_a_write_off"), _ALLOCATION)
    op.drop_constraint(op.f(f"ck_{_ALLOCATION}_only_a_write_off_is_undone"), _ALLOCATION)
    op.drop_index("ix_credit_allocation_write_off", _ALLOCATION)
    op.drop_column(_ALLOCATION, "write_off_id")
    op.alter_column(_ALLOCATION, "credit_note_id", nullable=False)
    op.create_check_constraint(op.f(f"ck_{_ALLOCATION}_amount_is_positive"), _ALLOCATION, "amount_minor > 0")
    op.alter_column("ledger_posting", "account_id", nullable=False)
    for name in ("late_event_keeps_its_day", "reverses_another"):
        op.drop_constraint(op.f(f"ck_{_ENTRY}_{name}"), _ENTRY)
    op.drop_constraint(op.f(f"fk_{_ENTRY}_organisation_id_reverses_id"), _ENTRY)
    op.drop_column(_ENTRY, "event_on")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _let_write_offs_settle() -> None:
    op.add_column(_ALLOCATION, sa.Column("write_off_id", sa.Uuid(), nullable=True))
    op.alter_column(_ALLOCATION, "credit_note_id", nullable=True)
    op.create_foreign_key(op.f(f"fk_{_ALLOCATION}_organisation_id_write_off_id"), _ALLOCATION, "write_off",
                          ["organisation_id", "write_off_id"], ["organisation_id", "id"])  # fmt: skip
    op.drop_constraint(op.f(f"ck_{_ALLOCATION}_amount_is_positive"), _ALLOCATION)
    op.create_check_constraint(op.f(f"ck_{_ALLOCATION}_only_a_write_off_is_undone"), _ALLOCATION,
                               "amount_minor > 0 OR (write_off_id IS NOT NULL AND amount_minor < 0)")  # fmt: skip
    op.create_check_constraint(op.f(f"ck_{_ALLOCATION}_of_a_note_or_a_write_off"), _ALLOCATION,
                               "(credit_note_id IS NULL) <> (write_off_id IS NULL)")  # fmt: skip
    op.create_index("ix_credit_allocation_write_off", _ALLOCATION, ["organisation_id", "write_off_id"],
                    postgresql_where=sa.text("write_off_id IS NOT NULL"))  # fmt: skip


def _make_tables() -> None:
    moment = sa.DateTime(timezone=True)
    _table(
        "manual_entry",
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        refers={"account_id": "account", "reverses_id": "manual_entry"}, unique=[["reverses_id"]], is_root=True,
        checks={"reverses_another": "reverses_id <> id", "has_a_reason": "char_length(reason) BETWEEN 1 AND 4000"},
    )  # fmt: skip
    op.create_index("ix_manual_entry_made", "manual_entry", ["organisation_id", "created_at"])
    _table(
        "period_lock",
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("locked_by", sa.Uuid(), nullable=True),
        sa.Column("locked_at", moment, nullable=False),
        sa.Column("unlocked_by", sa.Uuid(), nullable=True),
        sa.Column("unlocked_at", moment, nullable=True),
        sa.Column("unlock_reason", sa.String(), nullable=True),
        is_root=True,
        checks={
            "is_a_month": "extract(day FROM month) = 1",
            "unlocked_with_a_reason": "(unlocked_at IS NULL) = (unlock_reason IS NULL) "
            "AND (unlocked_at IS NOT NULL OR unlocked_by IS NULL)",
        },
    )  # fmt: skip
    op.create_index("uq_period_lock_month", "period_lock", ["organisation_id", "month"], unique=True,
                    postgresql_where=sa.text("unlocked_at IS NULL"))  # fmt: skip
    op.create_index("ix_period_lock_locked", "period_lock", ["organisation_id", "locked_at"])
    _table(
        "revenue_recognition",
        sa.Column("invoice_line_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("earned_on", sa.Date(), nullable=False),
        sa.Column("created_at", moment, nullable=False),
        refers={"invoice_line_id": "invoice_line", "entry_id": "ledger_entry"},
        unique=[["invoice_line_id", "sequence"], ["entry_id"]],
        checks={"amount_is_not_zero": "amount_minor <> 0", "sequence_is_positive": "sequence > 0"},
    )  # fmt: skip
    op.create_index("ix_revenue_recognition_earned", "revenue_recognition", ["organisation_id", "earned_on"])
    _table(
        "write_off",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("written_off_on", sa.Date(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("undone_by", sa.Uuid(), nullable=True),
        sa.Column("undone_at", moment, nullable=True),
        sa.Column("undo_reason", sa.String(), nullable=True),
        refers={"account_id": "account", "invoice_id": "invoice"},
        checks={
            "amount_is_positive": "amount_minor > 0", "has_a_reason": "char_length(reason) BETWEEN 1 AND 4000",
            "undone_with_a_reason": "(undone_at IS NULL) = (undo_reason IS NULL)",
        },
    )  # fmt: skip
    for column in ("account", "invoice"):
        op.create_index(f"ix_write_off_{column}", "write_off", ["organisation_id", f"{column}_id"])


def _table(
    name: str, *columns: "sa.Column[object]", checks: dict[str, str], refers: dict[str, str] | None = None,
    unique: list[list[str]] | None = None, is_root: bool = False,
) -> None:  # fmt: skip
    constraints: list[sa.Constraint] = [
        sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                name=op.f(f"fk_{name}_organisation_id_{column}"))
        for column, to in (refers or {}).items()
    ]  # fmt: skip
    constraints += [sa.UniqueConstraint("organisation_id", *columns,
                                        name=op.f(f"uq_{name}_organisation_id_{'_'.join(columns)}"))
                    for columns in unique or ()]  # fmt: skip
    constraints += [sa.CheckConstraint(rule, name=op.f(f"ck_{name}_{rule_name}")) for rule_name, rule in checks.items()]
    if is_root:
        constraints.append(sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"],
                                                   name=op.f(f"fk_{name}_organisation_id")))  # fmt: skip
    op.create_table(
        name,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{name}")),
        *constraints,
    )
