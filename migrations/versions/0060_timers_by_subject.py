"""What is armed for an order is found by the order: the index that lets one timer of a kind be armed serves that too.

Revision: 0060, after 0054.
"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0054"
branch_labels = None
depends_on = None

_NAME, _TABLE = "uq_timer_armed", "timer"


def upgrade() -> None:
    op.drop_index(_NAME, _TABLE)
    op.create_index(
        _NAME, _TABLE, ["organisation_id", "subject_id", "kind", "detail_id"], unique=True,
        postgresql_where=sa.text("status = 'ARMED'"), postgresql_nulls_not_distinct=True,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index(_NAME, _TABLE)
    op.create_index(
        _NAME, _TABLE, ["organisation_id", "subject_id", "kind"], unique=True,
        postgresql_where=sa.text("status = 'ARMED' AND detail_id IS NULL"),
    )  # fmt: skip
