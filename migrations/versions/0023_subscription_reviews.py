"""Subscription reviews: each names the term in which a subscription does not go on, also where nothing continues it.

Revision: 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_REVIEW, _ONCE = "subscription_review", "uq_subscription_review_once"
_ONCE_AN_OFFERING = "uq_subscription_review_organisation_id_subscription_id_offering_id"
_OF_A_TERM = "fk_subscription_review_organisation_id_term_id"


def upgrade() -> None:
    op.add_column(_REVIEW, sa.Column("term_id", sa.Uuid(), nullable=True))
    _keep_apart(False)
    op.execute(
        "UPDATE subscription_review r SET term_id = p.term_id FROM term_program_set p "
        "WHERE p.organisation_id = r.organisation_id AND p.id = r.offering_id"
    )
    _keep_apart(True)
    op.alter_column(_REVIEW, "term_id", nullable=False)
    op.create_foreign_key(op.f(_OF_A_TERM), _REVIEW, "term", ["organisation_id", "term_id"], ["organisation_id", "id"])
    op.drop_constraint(op.f(_ONCE_AN_OFFERING), _REVIEW)
    op.create_index(_ONCE, _REVIEW, ["organisation_id", "subscription_id", "offering_id", "term_id"], unique=True)


def downgrade() -> None:
    # The earlier form knows no review of an offering that nothing continues.
    _keep_apart(False)
    op.execute(
        "DELETE FROM subscription_review r USING term_program_set p "
        "WHERE p.organisation_id = r.organisation_id AND p.id = r.offering_id AND p.term_id <> r.term_id"
    )
    _keep_apart(True)
    op.drop_index(_ONCE, _REVIEW)
    op.create_unique_constraint(op.f(_ONCE_AN_OFFERING), _REVIEW, ["organisation_id", "subscription_id", "offering_id"])
    op.drop_constraint(op.f(_OF_A_TERM), _REVIEW)
    op.drop_column(_REVIEW, "term_id")


def _keep_apart(is_forced: bool) -> None:
    """The owner sees the rows of every organisation while it changes them."""
    for table in (_REVIEW, "term_program_set"):
        op.execute(f"ALTER TABLE {table} {'' if is_forced else 'NO '}FORCE ROW LEVEL SECURITY")
