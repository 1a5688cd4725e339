"""A pass that the office takes back: what was not used goes back to the wallet, once.

Revision: 0062, after 0061.
"""

import sqlalchemy as sa
from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None

_TABLE = "entitlement"
_KINDS = ("TOPPED_UP", "GRANTED", "DEBITED", "PASS_BOUGHT", "PASS_REVOKED", "RETURNED", "CREDITED", "EXPIRED",
          "WITHDRAWN", "RESTORED", "TAKEN_BACK", "CORRECTED")  # fmt: skip
_CHECKS = {
    "no_more_is_revoked_than_was_sold":
        "revoked_net_minor BETWEEN 0 AND net_minor AND revoked_tax_minor BETWEEN 0 AND tax_minor",
    "revoked_with_a_reason": "num_nonnulls(revoked_at, revoked_on, revoke_reason, revoke_entry_id) IN (0, 4)",
    "revoked_at_a_moment": "revoked_at IS NOT NULL OR revoked_net_minor + revoked_tax_minor = 0",
}  # fmt: skip
_COLUMNS = {
    "revoked_on": sa.Date(), "revoked_at": sa.DateTime(timezone=True), "revoked_by": sa.Uuid(),
    "revoke_reason": sa.String(), "revoke_entry_id": sa.Uuid(),
}  # fmt: skip
_ONE = f"uq_{_TABLE}_organisation_id_revoke_entry_id"
_ENTRY = f"fk_{_TABLE}_organisation_id_revoke_entry_id"


def upgrade() -> None:
    for name in ("revoked_net_minor", "revoked_tax_minor"):
        op.add_column(_TABLE, sa.Column(name, sa.BigInteger(), nullable=False, server_default=sa.text("0")))
    for name, kind in _COLUMNS.items():
        op.add_column(_TABLE, sa.Column(name, kind, nullable=True))
    op.create_foreign_key(op.f(_ENTRY), _TABLE, "wallet_entry", ["organisation_id", "revoke_entry_id"],
                          ["organisation_id", "id"])  # fmt: skip
    op.create_unique_constraint(op.f(_ONE), _TABLE, ["organisation_id", "revoke_entry_id"])
    for name, rule in _CHECKS.items():
        op.create_check_constraint(op.f(f"ck_{_TABLE}_{name}"), _TABLE, rule)
    _earned("earned_minor BETWEEN 0 AND net_minor - revoked_net_minor")
    _kinds(_KINDS)


def downgrade() -> None:
    """Refused by the older check of wallet entries where a pass was taken back."""
    _kinds(tuple(kind for kind in _KINDS if kind != "PASS_REVOKED"))
    _earned("earned_minor BETWEEN 0 AND net_minor")
    for name in _CHECKS:
        op.drop_constraint(f"ck_{_TABLE}_{name}", _TABLE)
    op.drop_constraint(_ONE, _TABLE)
    op.drop_constraint(_ENTRY, _TABLE)
    for name in ("revoked_net_minor", "revoked_tax_minor", *_COLUMNS):
        op.drop_column(_TABLE, name)


def _earned(rule: str) -> None:
    name = f"ck_{_TABLE}_earned_within_net"
    op.drop_constraint(name, _TABLE)
    op.create_check_constraint(op.f(name), _TABLE, rule)


def _kinds(kinds: tuple[str, ...]) -> None:
    name = "ck_wallet_entry_kind_is_known"
    op.drop_constraint(name, "wallet_entry")
    named = ", ".join(f"'{kind}'" for kind in kinds)
    op.create_check_constraint(op.f(name), "wallet_entry", f"kind IN ({named})")
