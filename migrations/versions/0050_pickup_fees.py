"""The invoice line of an accepted late pick-up: one at most. What was accepted before stays as it was recorded.

Revision: 0050, after 0052.
"""

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0052"
branch_labels = None
depends_on = None

_LINE, _PICKUP = "invoice_line", "late_pickup"
_ONE = "uq_invoice_line_organisation_id_late_pickup_id"


def upgrade() -> None:
    op.add_column(_PICKUP, sa.Column("is_only_recorded", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.alter_column(_PICKUP, "is_only_recorded", server_default=None)
    # The owner is under row level security too, and names no organisation here.
    op.execute("ALTER TABLE late_pickup NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE late_pickup SET is_only_recorded = true WHERE status = 200")
    op.execute("ALTER TABLE late_pickup FORCE ROW LEVEL SECURITY")
    op.add_column(_LINE, sa.Column("late_pickup_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_invoice_line_organisation_id_late_pickup_id"), _LINE, _PICKUP, ["organisation_id", "late_pickup_id"],
        ["organisation_id", "id"],
    )  # fmt: skip
    op.create_unique_constraint(op.f(_ONE), _LINE, ["organisation_id", "late_pickup_id"])


def downgrade() -> None:
    op.drop_constraint(_ONE, _LINE)
    op.drop_constraint("fk_invoice_line_organisation_id_late_pickup_id", _LINE)
    op.drop_column(_LINE, "late_pickup_id")
    op.drop_column(_PICKUP, "is_only_recorded")
