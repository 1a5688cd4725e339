"""An attendee whose time is blocked in an undated session is not in it twice.

Revision: 0013, after 0012.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NAME = "uq_place_claim_same_undated_session"


def upgrade() -> None:
    op.create_index(
        _NAME, "place_claim", ["organisation_id", "attendee_id", "term_product_id"], unique=True,
        postgresql_where=sa.text("blocks_time AND isempty(during)"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index(_NAME, "place_claim")
