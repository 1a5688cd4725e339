"""Passes: what is sold, what families bought, and what uses them.

Revision: 0040, after 0046.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0040"
down_revision = "0046"
branch_labels = None
depends_on = None

TABLES = ("pass_product", "pass_scope", "pass_request", "entitlement", "pass_use")
_KINDS = ("TOPPED_UP", "GRANTED", "DEBITED", "RETURNED", "CREDITED", "EXPIRED", "WITHDRAWN", "RESTORED", "TAKEN_BACK",
          "CORRECTED")  # fmt: skip
_SERIES = ("INV", "CN", "Q", "ZS")
_COVERED = ("term_booking_order_extra", "term_booking_extra")


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    _words("wallet_entry", "kind", (*_KINDS[:3], "PASS_BOUGHT", *_KINDS[3:]))
    _words("document_counter", "series", (*_SERIES, "PASS"))
    for table in ("invoice", "credit_note"):
        _words(table, "series", (*_SERIES, "PASS"))
    _table(
        "pass_product", _text("name"), sa.Column("units", sa.Integer()), _count("validity_days"),
        sa.Column("covers", sa.Text(), nullable=False), sa.Column("returns", sa.Text(), nullable=False),
        _money("price_minor"), _text("tax_name"), _rate("tax_rate"), _moment("withdrawn_at", nullable=True),
        _moment("created_at"), refers={},
        checks={
            "covers_is_known": "covers IN ('SESSIONS', 'EXTRAS', 'SESSIONS_AND_EXTRAS')",
            "returns_is_known": "returns IN ('ALWAYS', 'IN_WINDOW', 'NEVER')",
            "has_a_name": "char_length(name) BETWEEN 1 AND 200",
            "units_are_sane": "units BETWEEN 1 AND 10000",
            "validity_is_sane": "validity_days BETWEEN 1 AND 3660",
            "price_is_positive": "price_minor > 0",
            "tax_rate_is_a_share": "tax_rate BETWEEN 0 AND 1",
        },
    )  # fmt: skip
    op.create_foreign_key(op.f("fk_pass_product_organisation_id"), "pass_product", "organisation",
                          ["organisation_id"], ["id"])  # fmt: skip
    _table(
        "pass_scope", _id("product_id"), _id("category_id", nullable=True), _id("program_id", nullable=True),
        refers={"product_id": "pass_product", "category_id": "program_category", "program_id": "program"},
        checks={"of_a_category_or_a_program": "num_nonnulls(category_id, program_id) = 1"},
    )  # fmt: skip
    _table(
        "pass_request", _id("product_id"), _id("payment_id"), _money("price_minor"),
        sa.Column("valid_from", sa.Date()), _moment("created_at"),
        refers={"product_id": "pass_product", "payment_id": "payment"}, checks={}, once=(("payment_id",),),
    )  # fmt: skip
    _table(
        "entitlement", sa.Column("series", sa.Text(), nullable=False), _count("year"),
        sa.Column("number", sa.BigInteger(), nullable=False), _text("reference"), _id("account_id"),
        _id("product_id"), _id("wallet_entry_id"), _text("name"), _day("valid_from"), _day("valid_until"),
        sa.Column("granted", sa.Integer()), _count("used"), _money("net_minor"), _money("tax_minor"),
        _money("total_minor"), _text("tax_name"), _rate("tax_rate"), _money("earned_minor"), _day("sold_on"),
        _id("sold_by", nullable=True), _moment("created_at"),
        refers={"account_id": "account", "product_id": "pass_product", "wallet_entry_id": "wallet_entry"},
        checks={
            "series_is_known": "series IN ('INV', 'CN', 'Q', 'ZS', 'PASS')",
            "series_is_of_passes": "series = 'PASS'",
            "number_is_positive": "number > 0",
            "net_and_tax_make_the_total": "total_minor = net_minor + tax_minor",
            "is_valid_for_a_day": "valid_until >= valid_from",
            "used_within_granted": "used BETWEEN 0 AND coalesce(granted, used)",
            "earned_within_net": "earned_minor BETWEEN 0 AND net_minor",
        },
        once=(("series", "year", "number"), ("reference",), ("wallet_entry_id",)),
    )  # fmt: skip
    _table(
        "pass_use", _id("entitlement_id"), _id("order_id"), _id("term_product_id"), _text("component"),
        _count("units"), _moment("forfeited_at", nullable=True), _moment("returned_at", nullable=True),
        _text("return_reason", nullable=True), sa.Column("earned_minor", sa.BigInteger()), _moment("created_at"),
        refers={"entitlement_id": "entitlement", "order_id": "term_booking_order", "term_product_id": "term_product"},
        checks={
            "units_are_sane": "units BETWEEN 0 AND 1000",
            "returned_with_a_reason": "(returned_at IS NULL) = (return_reason IS NULL)",
        },
    )  # fmt: skip
    for name, table, columns, where in (
        ("ix_pass_product_name", "pass_product", ("name",), None),
        ("ix_pass_scope_product", "pass_scope", ("product_id",), None),
        ("ix_entitlement_account", "entitlement", ("account_id", "valid_until"), None),
        ("ix_entitlement_unearned", "entitlement", ("valid_until",), "earned_minor < net_minor"),
        ("ix_pass_use_entitlement", "pass_use", ("entitlement_id", "id"), None),
        ("uq_pass_use_line", "pass_use", ("order_id", "term_product_id", "component"), "returned_at IS NULL"),
    ):
        op.create_index(name, table, ["organisation_id", *columns], unique=name.startswith("uq"),
                        postgresql_where=sa.text(where) if where else None)  # fmt: skip
    for table in _COVERED:
        op.create_foreign_key(op.f(f"fk_{table}_organisation_id_covered_by_entitlement_id"), table, "entitlement",
                              ["organisation_id", "covered_by_entitlement_id"], ["organisation_id", "id"])  # fmt: skip
    for table in TABLES:
        guards.keep_tenants_apart(table, role)


def downgrade() -> None:
    """Refused by the older schema where a pass was sold."""
    for table in _COVERED:
        op.drop_constraint(op.f(f"fk_{table}_organisation_id_covered_by_entitlement_id"), table, type_="foreignkey")
    for table in reversed(TABLES):
        op.drop_table(table)
    for table in ("credit_note", "invoice", "document_counter"):
        _words(table, "series", _SERIES)
    _words("wallet_entry", "kind", _KINDS)


def _words(table: str, column: str, words: tuple[str, ...]) -> None:
    name = op.f(f"ck_{table}_{column}_is_known")
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(name, table, f"{column} IN (" + ", ".join(f"'{word}'" for word in words) + ")")


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.String(), nullable=nullable)


def _count(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Integer(), nullable=False)


def _money(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _rate(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Numeric(9, 6), nullable=False)


def _day(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.Date(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(
    table: str, *columns: sa.Column[Any], refers: dict[str, str], checks: dict[str, str],
    once: tuple[tuple[str, ...], ...] = (),
) -> None:  # fmt: skip
    op.create_table(
        table,
        _id("organisation_id"),
        _id("id"),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{table}_organisation_id_{column}")) for column, to in refers.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        *(sa.UniqueConstraint("organisation_id", *names, name=op.f("_".join(["uq", table, "organisation_id", *names])))
          for names in once),
    )  # fmt: skip
