"""Offerings that continue one of an earlier term, and booking that opens earlier to those enrolled in it.

Revision: 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_CHECKS = (
    ("priority_comes_before_all", "priority_from IS NULL OR (bookable_from > priority_from) IS TRUE"),
    ("priority_comes_from_a_term", "(priority_from IS NULL) = (priority_term_id IS NULL)"),
)
_REFERS = (("priority_term_id", "term"), ("rolled_from_id", "term_program_set"))


def upgrade() -> None:
    op.add_column("term_program_set", sa.Column("priority_from", sa.DateTime(timezone=True), nullable=True))
    for column, to in _REFERS:
        op.add_column("term_program_set", sa.Column(column, sa.Uuid(), nullable=True))
        op.create_foreign_key(
            op.f(f"fk_term_program_set_organisation_id_{column}"), "term_program_set", to,
            ["organisation_id", column], ["organisation_id", "id"],
        )  # fmt: skip
    for name, rule in _CHECKS:
        op.create_check_constraint(op.f(f"ck_term_program_set_{name}"), "term_program_set", rule)
    op.create_index(
        "uq_term_program_set_rolled_from", "term_program_set", ["organisation_id", "term_id", "rolled_from_id"],
        unique=True, postgresql_where=sa.text("rolled_from_id IS NOT NULL"),
    )  # fmt: skip


def downgrade() -> None:
    op.drop_index("uq_term_program_set_rolled_from", "term_program_set")
    for name, _ in _CHECKS:
        op.drop_constraint(op.f(f"ck_term_program_set_{name}"), "term_program_set")
    for column, _ in (*_REFERS, ("priority_from", "")):
        op.drop_column("term_program_set", column)
