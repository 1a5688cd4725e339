"""Makeup credits that reach into other programs, are reminded of, and are taken back with their absence.

Revision: 0033, after 0032.
"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_CREDIT, _REMINDER = "makeup_credit", "ix_makeup_credit_reminder"
_REACH, _WITHDRAWN = "ck_makeup_credit_reach_is_known", "ck_makeup_credit_withdrawn_is_revoked"


def upgrade() -> None:
    op.add_column(_CREDIT, sa.Column("reach", sa.Text(), nullable=False, server_default="PROGRAM"))
    op.add_column(_CREDIT, sa.Column("reminded_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(_CREDIT, sa.Column("is_withdrawn", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.create_check_constraint(op.f(_REACH), _CREDIT, "reach IN ('PROGRAM', 'CATEGORY', 'ORGANISATION')")
    op.create_check_constraint(op.f(_WITHDRAWN), _CREDIT, "NOT is_withdrawn OR status = 900")
    op.create_index(
        _REMINDER, _CREDIT, ["organisation_id", "expires_at"],
        postgresql_where=sa.text("status = 100 AND reminded_at IS NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index(_REMINDER, _CREDIT)
    op.drop_constraint(op.f(_WITHDRAWN), _CREDIT)
    op.drop_constraint(op.f(_REACH), _CREDIT)
    for column in ("is_withdrawn", "reminded_at", "reach"):
        op.drop_column(_CREDIT, column)
