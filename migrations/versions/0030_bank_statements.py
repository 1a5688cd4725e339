"""Bank statements, their lines, and which payments those are.

Revision: 0030, after 0029.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

_STATEMENT, _LINE, _MATCH = "bank_statement", "bank_line", "bank_match"
_TEXT, _WHOLE, _ID, _DAY, _MINOR = sa.String(), sa.Integer(), sa.Uuid(), sa.Date(), sa.BigInteger()
_MOMENT = sa.DateTime(timezone=True)
_OPEN = "amount_minor > 0 AND matched_minor < amount_minor AND set_aside_at IS NULL"


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make(
        _STATEMENT,
        {"filename": _TEXT, "format": sa.Text(), "bank_account": _TEXT, "content_hash": _TEXT, "lines": _WHOLE,
         "fresh_lines": _WHOLE, "imported_by": _ID, "imported_at": _MOMENT},
        refers={},
        checks={"format_is_known": "format IN ('CSV', 'CAMT053')",
                "fresh_among_its_lines": "fresh_lines BETWEEN 0 AND lines"},
        uniques=[("content_hash",)], optional=("imported_by",),
    )  # fmt: skip
    _make(
        _LINE,
        {"statement_id": _ID, "position": _WHOLE, "bank_account": _TEXT, "identity": _TEXT, "booked_on": _DAY,
         "amount_minor": _MINOR, "currency": _TEXT, "payer_name": _TEXT, "payer_account": _TEXT, "text": _TEXT,
         "matched_minor": _MINOR, "set_aside_reason": _TEXT, "set_aside_by": _ID, "set_aside_at": _MOMENT},
        refers={"statement_id": _STATEMENT},
        checks={"amount_is_not_zero": "amount_minor <> 0",
                "matches_within_the_line": "matched_minor BETWEEN 0 AND greatest(amount_minor, 0)",
                "set_aside_with_a_reason": "(set_aside_at IS NULL) = (set_aside_reason = '')",
                "set_aside_or_matched": "set_aside_at IS NULL OR matched_minor = 0"},
        uniques=[("bank_account", "identity")], optional=("set_aside_by", "set_aside_at"),
    )  # fmt: skip
    _make(
        _MATCH,
        {"line_id": _ID, "payment_id": _ID, "amount_minor": _MINOR, "matched_by": _ID, "matched_at": _MOMENT},
        refers={"line_id": _LINE, "payment_id": "payment"}, checks={"amount_is_positive": "amount_minor > 0"},
        uniques=[("payment_id",)], optional=("matched_by",),
    )  # fmt: skip
    op.create_index("ix_bank_statement_imported", _STATEMENT, ["organisation_id", "imported_at"])
    op.create_index("ix_bank_line_statement", _LINE, ["organisation_id", "statement_id", "position"])
    op.create_index("ix_bank_line_open", _LINE, ["organisation_id", "booked_on"], postgresql_where=sa.text(_OPEN))
    op.create_index("ix_bank_match_line", _MATCH, ["organisation_id", "line_id"])
    for table in (_STATEMENT, _LINE, _MATCH):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    for table in (_MATCH, _LINE, _STATEMENT):
        op.drop_table(table)


def _make(
    table: str, columns: Mapping[str, sa.types.TypeEngine[object]], *, refers: Mapping[str, str],
    checks: Mapping[str, str], uniques: Sequence[tuple[str, ...]], optional: Sequence[str],
) -> None:  # fmt: skip
    op.create_table(
        table,
        *(sa.Column(name, _ID, nullable=False) for name in ("organisation_id", "id")),
        *(sa.Column(name, kind, nullable=name in optional) for name, kind in columns.items()),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *_refers(table, refers),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        *(sa.UniqueConstraint("organisation_id", *names, name=op.f(f"uq_{table}_organisation_id_{'_'.join(names)}"))
          for names in uniques),
    )  # fmt: skip


def _refers(table: str, refers: Mapping[str, str]) -> list[sa.ForeignKeyConstraint]:
    """A root refers to its organisation alone, its children through it."""
    if not refers:
        return [sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"],
                                        name=op.f(f"fk_{table}_organisation_id"))]  # fmt: skip
    return [
        sa.ForeignKeyConstraint(
            ["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
            name=op.f(f"fk_{table}_organisation_id_{column}"),
        ) for column, to in refers.items()
    ]  # fmt: skip
