"""What a family owes of money that its bank took back is paid by the next money that comes into its wallet.

Revision: 0070, after 0069.
"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None

_KINDS = ("TOPPED_UP", "GRANTED", "DEBITED", "PASS_BOUGHT", "PASS_REVOKED", "RETURNED", "CREDITED", "EXPIRED",
          "WITHDRAWN", "RESTORED", "TAKEN_BACK", "SET_OFF", "CORRECTED")  # fmt: skip
_CHECK = "ck_payment_set_off_within_payment"


def upgrade() -> None:
    op.add_column("payment", sa.Column("set_off_minor", sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    op.create_check_constraint(op.f(_CHECK), "payment", "set_off_minor BETWEEN 0 AND amount_minor")
    op.create_index("ix_payment_owed", "payment", ["organisation_id", "account_id"], postgresql_where=sa.text(
        "disputed_minor > 0 OR returned_owed_minor > 0 OR set_off_minor > 0"))  # fmt: skip
    _kinds(_KINDS)


def downgrade() -> None:
    """Refused by the older check of wallet entries where a debt was paid so."""
    _kinds(tuple(kind for kind in _KINDS if kind != "SET_OFF"))
    op.drop_index("ix_payment_owed", "payment")
    op.drop_constraint(_CHECK, "payment")
    op.drop_column("payment", "set_off_minor")


def _kinds(kinds: tuple[str, ...]) -> None:
    name = "ck_wallet_entry_kind_is_known"
    op.drop_constraint(name, "wallet_entry")
    named = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(name), "wallet_entry", f"kind IN ({named})")
