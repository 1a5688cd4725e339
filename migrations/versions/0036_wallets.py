"""Wallets with their bonus and entries, payments that are for a wallet, and the steps of a credit.

Revision: 0036, after 0035.
"""

from typing import Any

import sqlalchemy as sa
from alembic import context, op

from migrations import guards

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_KINDS = ("TOPPED_UP", "GRANTED", "DEBITED", "RETURNED", "CREDITED", "EXPIRED", "WITHDRAWN", "RESTORED", "TAKEN_BACK",
          "CORRECTED")  # fmt: skip
_USED, _FREES = "payment_allocation", "ck_payment_allocation_a_credit_frees"
_FREED = "fk_payment_allocation_organisation_id_credit_note_id"
_FOR_ONE = "ck_payment_for_an_order_or_the_wallet"
_RULES = ("SAME_CHANGE", "SAME_INVOICE", "SAME_BOOKING", "SAME_GROUP", "TO_SOURCE", "TO_WALLET")
TABLES = ("wallet", "bonus_grant", "wallet_entry", "bonus_use", "credit_step")


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    for column in ("order_id", "billing_id"):
        op.alter_column("payment", column, nullable=True)
    op.create_check_constraint(op.f(_FOR_ONE), "payment", "(order_id IS NULL) = (billing_id IS NULL)")
    _table("wallet", _money("balance_minor"), _money("bonus_minor"), _moment("updated_at"), refers={"id": "account"},
           checks={"balance_is_not_negative": "balance_minor >= 0", "bonus_is_not_negative": "bonus_minor >= 0"})  # fmt: skip
    _table(
        "bonus_grant", _id("account_id"), _money("granted_minor"), _money("left_minor"),
        _moment("expires_at", nullable=True), sa.Column("reason", sa.String(), nullable=False),
        _id("granted_by", nullable=True), _moment("created_at"), refers={"account_id": "wallet"},
        checks={"granted_is_positive": "granted_minor > 0",
                "left_is_part_of_granted": "left_minor BETWEEN 0 AND granted_minor"},
    )  # fmt: skip
    _table(
        "wallet_entry", _id("account_id"), sa.Column("kind", sa.Text(), nullable=False), _money("balance_minor"),
        _money("bonus_minor"), _id("payment_id", nullable=True), _money("moved_minor"),
        _id("corrects_id", nullable=True), sa.Column("reason", sa.String(), nullable=False),
        _id("actor_id", nullable=True), _moment("created_at"),
        refers={"account_id": "wallet", "payment_id": "payment", "corrects_id": "wallet_entry"},
        checks={
            "kind_is_known": "kind IN (" + ", ".join(f"'{kind}'" for kind in _KINDS) + ")",
            "moves_something": "balance_minor <> 0 OR bonus_minor <> 0",
            "moved_from_a_payment": "moved_minor = 0 OR payment_id IS NOT NULL",
            "corrects_an_entry": "(kind = 'CORRECTED') = (corrects_id IS NOT NULL)",
        },
        once=("corrects_id",),
    )  # fmt: skip
    _table(
        "bonus_use", _id("entry_id"), _id("grant_id"), _money("amount_minor"),
        refers={"entry_id": "wallet_entry", "grant_id": "bonus_grant"},
        checks={"amount_is_not_zero": "amount_minor <> 0"}, once=("entry_id", "grant_id"),
    )  # fmt: skip
    _table(
        "credit_step", _id("credit_note_id"), sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False), _money("amount_minor"),
        *(_id(name, nullable=True) for name in ("invoice_id", "payment_id", "wallet_entry_id")),
        sa.Column("words", sa.String(), nullable=False), _moment("created_at"),
        refers={"credit_note_id": "credit_note", "invoice_id": "invoice", "payment_id": "payment",
                "wallet_entry_id": "wallet_entry"},
        checks={"rule_is_known": "rule IN (" + ", ".join(f"'{rule}'" for rule in _RULES) + ")",
                "amount_is_positive": "amount_minor > 0"},
        once=("credit_note_id", "position"),
    )  # fmt: skip
    op.add_column(_USED, _id("credit_note_id", nullable=True))
    op.create_foreign_key(op.f(_FREED), _USED, "credit_note", ["organisation_id", "credit_note_id"],
                          ["organisation_id", "id"])  # fmt: skip
    op.create_check_constraint(op.f(_FREES), _USED, "credit_note_id IS NULL OR amount_minor < 0")
    op.create_index("ix_payment_allocation_credit", _USED, ["organisation_id", "credit_note_id"],
                    postgresql_where=sa.text("credit_note_id IS NOT NULL"))  # fmt: skip
    for name, table, columns, where in (
        ("account", "bonus_grant", ("account_id",), None),
        ("expiry", "bonus_grant", ("expires_at",), "left_minor > 0"),
        ("account", "wallet_entry", ("account_id", "id"), None),
        ("payment", "wallet_entry", ("payment_id",), "payment_id IS NOT NULL"),
        ("grant", "bonus_use", ("grant_id",), None),
    ):
        op.create_index(f"ix_{table}_{name}", table, ["organisation_id", *columns],
                        postgresql_where=sa.text(where) if where else None)  # fmt: skip
    for table in TABLES:
        guards.keep_tenants_apart(table, role)
    for table in guards.WALLETS:
        guards.refuse_changes(table)
    guards.hold_wallets()


def downgrade() -> None:
    """Refused by the older schema where a wallet was used."""
    op.drop_index("ix_payment_allocation_credit", _USED)
    op.drop_constraint(op.f(_FREES), _USED, type_="check")
    op.drop_column(_USED, "credit_note_id")
    for table in reversed(TABLES):
        op.drop_table(table)
    guards.drop_wallets()
    op.drop_constraint(op.f(_FOR_ONE), "payment", type_="check")
    for column in ("order_id", "billing_id"):
        op.alter_column("payment", column, nullable=False)


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _money(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _moment(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(
    table: str, *columns: sa.Column[Any], refers: dict[str, str], checks: dict[str, str], once: tuple[str, ...] = ()
) -> None:
    op.create_table(
        table,
        _id("organisation_id"),
        _id("id"),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{table}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{table}_organisation_id_{column}")) for column, to in refers.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{table}_{name}")) for name, rule in checks.items()),
        *([sa.UniqueConstraint("organisation_id", *once, name=op.f("_".join(["uq", table, "organisation_id", *once])))]
          if once else []),
    )  # fmt: skip
