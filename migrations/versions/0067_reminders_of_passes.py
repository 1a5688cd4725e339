"""Families are told once that a pass is used up, and once that it is about to run out.

Revision: 0067, after 0066.
"""

import sqlalchemy as sa
from alembic import op

revision = "0067"
down_revision = "0066"
branch_labels = None
depends_on = None

_TABLE = "entitlement"
_COLUMNS = ("used_up_told_at", "ending_told_at")
_INDEXES = {
    "ix_entitlement_used_up": "used = granted AND used_up_told_at IS NULL",
    "ix_entitlement_ending": "ending_told_at IS NULL",
}


def upgrade() -> None:
    """What was used up before is no news."""
    for name in _COLUMNS:
        op.add_column(_TABLE, sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    # The owner is under row level security too, and names no organisation here.
    op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE {_TABLE} SET used_up_told_at = created_at WHERE used = granted")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    for name, where in _INDEXES.items():
        op.create_index(name, _TABLE, ["organisation_id", "valid_until"], postgresql_where=sa.text(where))


def downgrade() -> None:
    for name in _INDEXES:
        op.drop_index(name, _TABLE)
    for name in _COLUMNS:
        op.drop_column(_TABLE, name)
