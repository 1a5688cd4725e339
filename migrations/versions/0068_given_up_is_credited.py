"""A credit says apart what it takes back of a write-off.

Revision: 0068, after 0067.
"""

from alembic import op

revision = "0068"
down_revision = "0067"
branch_labels = None
depends_on = None

_OWED = ("SAME_CHANGE", "SAME_INVOICE", "SAME_BOOKING")
_FREED = ("SAME_GROUP", "TO_SOURCE", "TO_WALLET")


def upgrade() -> None:
    _know((*_OWED, "GIVEN_UP", *_FREED))


def downgrade() -> None:
    """Refused where a credit took back a write-off."""
    _know((*_OWED, *_FREED))


def _know(rules: tuple[str, ...]) -> None:
    op.drop_constraint("ck_credit_step_rule_is_known", "credit_step")
    op.create_check_constraint(op.f("ck_credit_step_rule_is_known"), "credit_step",
                               "rule IN (" + ", ".join(f"'{each}'" for each in rules) + ")")  # fmt: skip
