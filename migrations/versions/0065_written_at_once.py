"""Nothing is added to an entry of the books, a Billing version, an invoice or a credit note once it is written.

Revision: 0065, after 0064.
"""

from migrations import guards

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    guards.close_what_is_written()


def downgrade() -> None:
    guards.open_what_is_written()
