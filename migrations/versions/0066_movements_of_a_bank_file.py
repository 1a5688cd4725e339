"""A bank file is told apart by the movements in it too, whatever a person calls its account.

Revision: 0066, after 0065.
"""

import sqlalchemy as sa
from alembic import op

revision = "0066"
down_revision = "0065"
branch_labels = None
depends_on = None

_TABLE, _COLUMN = "bank_statement", "entries_hash"
_UNIQUE = f"uq_{_TABLE}_organisation_id_{_COLUMN}"


def upgrade() -> None:
    """What was imported before is known by its content only: nobody says any more what its lines were made of."""
    op.add_column(_TABLE, sa.Column(_COLUMN, sa.String(), nullable=True))
    # The owner is under row level security too, and names no organisation here.
    op.execute(f"ALTER TABLE {_TABLE} NO FORCE ROW LEVEL SECURITY")
    op.execute(f"UPDATE {_TABLE} SET {_COLUMN} = content_hash")
    op.execute(f"ALTER TABLE {_TABLE} FORCE ROW LEVEL SECURITY")
    op.alter_column(_TABLE, _COLUMN, nullable=False)
    op.create_unique_constraint(op.f(_UNIQUE), _TABLE, ["organisation_id", _COLUMN])


def downgrade() -> None:
    op.drop_constraint(_UNIQUE, _TABLE)
    op.drop_column(_TABLE, _COLUMN)
