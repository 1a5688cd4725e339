"""What was settled since a day is found by an index: aged receivables look at that and at what is open.

Revision: 0075, after 0074.
"""

from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("payment_allocation", "credit_allocation"):
        op.create_index(f"ix_{table}_made", table, ["organisation_id", "created_at"])


def downgrade() -> None:
    for table in ("payment_allocation", "credit_allocation"):
        op.drop_index(f"ix_{table}_made", table)
