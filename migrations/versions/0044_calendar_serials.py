"""The address of a calendar can be renewed: only that of the newest serial opens it.

Revision: 0044, after 0040.
"""

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0040"
branch_labels = None
depends_on = None

_TABLE, _COUNTED = "account_attendee", "ck_account_attendee_calendar_addresses_are_counted"


def upgrade() -> None:
    op.add_column(_TABLE, sa.Column("calendar_serial", sa.Integer(), nullable=False, server_default="1"))
    op.create_check_constraint(op.f(_COUNTED), _TABLE, "calendar_serial > 0")


def downgrade() -> None:
    op.drop_constraint(op.f(_COUNTED), _TABLE, type_="check")
    op.drop_column(_TABLE, "calendar_serial")
