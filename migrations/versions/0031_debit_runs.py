"""Runs of direct debits with their files, our accounts that they collect to, and the files of what came back.

Revision: 0031, after 0030.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_ACCOUNT, _RUN, _ENTRY = "collection_account", "debit_run", "debit_run_entry"
_FILE, _RETURN = "debit_return_file", "debit_return"
_TEXT, _WORD, _WHOLE, _ID, _DAY, _MINOR = sa.String(), sa.Text(), sa.Integer(), sa.Uuid(), sa.Date(), sa.BigInteger()
_MOMENT = sa.DateTime(timezone=True)
_SCHEME = {"scheme_is_known": "scheme IN ('SEPA', 'ABA')"}
_Columns = Mapping[str, sa.types.TypeEngine[object]]


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _make(
        _ACCOUNT,
        {"scheme": _WORD, **dict.fromkeys(("name", "iban", "bic", "creditor_id", "bsb", "account_number", "bank",
                                           "user_id"), _TEXT), "updated_at": _MOMENT},
        checks=_SCHEME | {
            "sepa_names_its_creditor": "scheme <> 'SEPA' OR (iban <> '' AND creditor_id <> '')",
            "aba_names_its_user":
                "scheme <> 'ABA' OR (bsb <> '' AND account_number <> '' AND user_id <> '' AND bank <> '')",
        }, uniques=[("scheme",)],
    )  # fmt: skip
    _make(
        _RUN,
        {"reference": _TEXT, "scheme": _WORD, "collect_on": _DAY, "debits": _WHOLE, "total_minor": _MINOR,
         "content": _TEXT, "made_by": _ID, "made_at": _MOMENT},
        checks=_SCHEME | {"collects_something": "debits > 0 AND total_minor > 0"}, uniques=[("reference",)],
        optional=("made_by",),
    )  # fmt: skip
    _make(
        _ENTRY, {"run_id": _ID, "payment_id": _ID, "amount_minor": _MINOR},
        refers={"run_id": _RUN, "payment_id": "payment"}, checks={"amount_is_positive": "amount_minor > 0"},
        uniques=[("payment_id",)],
    )  # fmt: skip
    _make(
        _FILE,
        {"filename": _TEXT, "format": _WORD, "content_hash": _TEXT, "imported_by": _ID, "imported_at": _MOMENT},
        checks={"format_is_known": "format IN ('PAIN002', 'CAMT', 'ABA', 'CSV')"}, uniques=[("content_hash",)],
        optional=("imported_by",),
    )  # fmt: skip
    _make(
        _RETURN,
        {"file_id": _ID, "position": _WHOLE, "payment_id": _ID, "reference": _TEXT, "code": _TEXT, "reason": _TEXT,
         "outcome": _WORD},
        refers={"file_id": _FILE, "payment_id": "payment"},
        checks={"outcome_is_known": "outcome IN ('REFUSED', 'RETURNED', 'ALREADY', 'UNKNOWN')",
                "unknown_has_no_payment": "(payment_id IS NULL) = (outcome = 'UNKNOWN')"},
        uniques=[("file_id", "position")], optional=("payment_id",),
    )  # fmt: skip
    op.create_index("ix_debit_run_made", _RUN, ["organisation_id", "made_at"])
    op.create_index("ix_debit_run_entry_run", _ENTRY, ["organisation_id", "run_id"])
    op.create_index("ix_debit_return_file_imported", _FILE, ["organisation_id", "imported_at"])
    op.create_index("uq_debit_return_payment", _RETURN, ["organisation_id", "payment_id"], unique=True,
                    postgresql_where=sa.text("outcome IN ('REFUSED', 'RETURNED')"))  # fmt: skip
    for table in (_ACCOUNT, _RUN, _ENTRY, _FILE, _RETURN):
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    for table in (_RETURN, _FILE, _ENTRY, _RUN, _ACCOUNT):
        op.drop_table(table)


def _make(
    table: str, columns: _Columns, *, checks: Mapping[str, str], uniques: Sequence[tuple[str, ...]],
    refers: Mapping[str, str] | None = None, optional: Sequence[str] = (),
) -> None:  # fmt: skip
    op.create_table(
        table,
        *(sa.Column(name, _ID, nullable=False) for name in ("organisation_id", "id")),
        *(sa.Column(name, kind, nullable=name in optional) for name, kind in columns.items()),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *_refers(table, refers or {}),
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
