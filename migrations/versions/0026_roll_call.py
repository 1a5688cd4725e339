"""The door: marks with their ids, conflicts, sign-outs to named people, signatures, headcounts, staff on site, closings,
late pick-ups; and how severe a note is.

Revision: 0026, after 0025.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects.postgresql import JSONB

from migrations import guards

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_STATUSES = "('EXPECTED', 'PRESENT', 'LATE', 'ABSENT_NOTIFIED', 'ABSENT', 'LEFT', 'CANCELLED')"
_SEVERITIES = "('NOTICE', 'IMPORTANT', 'SEVERE')"
_MADE = ("authorised_person", "roll_mark", "roll_conflict", "sign_out", "signature", "headcount", "staff_presence",
         "roll_event", "late_pickup")  # fmt: skip


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    for name in ("medical_severity", "allergy_severity"):
        op.add_column("attendee", sa.Column(name, sa.Text(), nullable=True))
        op.create_check_constraint(op.f(f"ck_attendee_{name}_is_known"), "attendee", f"{name} IN {_SEVERITIES}")
    op.add_column("term_attendance", sa.Column("device", sa.String(), nullable=True))
    op.add_column("term_attendance", sa.Column("mark_id", sa.Uuid(), nullable=True))
    _index("ix_term_attendance_here", "term_attendance", "term_product_id", where="status IN ('PRESENT', 'LATE')")
    _make_people()
    _make_marks()
    _make_sign_outs()
    _make_rolls()
    _make_late_pickups()
    for table in _MADE:
        guards.keep_tenants_apart(table, role)
    _record_what_was()
    for table in guards.ROLLS:
        guards.refuse_changes(table)


def downgrade() -> None:
    for table in reversed(_MADE):
        op.drop_table(table)
    op.drop_index("ix_term_attendance_here", "term_attendance")
    for name in ("mark_id", "device"):
        op.drop_column("term_attendance", name)
    for name in ("allergy_severity", "medical_severity"):
        op.drop_column("attendee", name)
    # Their histories have no place in the older schema.
    op.execute("ALTER TABLE status_event DISABLE TRIGGER append_only, NO FORCE ROW LEVEL SECURITY")
    op.execute("DELETE FROM status_event WHERE chart = 'late_pickup'")
    op.execute("ALTER TABLE status_event ENABLE TRIGGER append_only, FORCE ROW LEVEL SECURITY")


def _make_people() -> None:
    _table(
        "authorised_person", {"attendee_id": "attendee"},
        sa.Column("attendee_id", sa.Uuid(), nullable=False), sa.Column("name", sa.String(), nullable=False),
        sa.Column("name_key", sa.String(), nullable=False), sa.Column("relationship", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False), sa.Column("pin_hash", sa.String(), nullable=True),
        _moment("created_at"), _moment("removed_at", nullable=True),
        checks={"has_a_name": "char_length(name) BETWEEN 1 AND 200 AND name_key <> ''"},
    )  # fmt: skip
    _index("uq_authorised_person_name", "authorised_person", "attendee_id", "name_key", where="removed_at IS NULL",
           unique=True)  # fmt: skip
    _index("ix_authorised_person_attendee", "authorised_person", "attendee_id")


def _make_marks() -> None:
    _table(
        "roll_mark", {"attendance_id": "term_attendance"},
        sa.Column("attendance_id", sa.Uuid(), nullable=False), sa.Column("status", sa.Text(), nullable=False),
        _moment("marked_at"), sa.Column("device", sa.String(), nullable=False),
        sa.Column("seen_version", sa.Integer(), nullable=True), sa.Column("collected_by", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True), sa.Column("marked_by", sa.Uuid(), nullable=True),
        _moment("received_at"), sa.Column("outcome", sa.Text(), nullable=False),
        checks={"status_is_known": f"status IN {_STATUSES}",
                "outcome_is_known": "outcome IN ('TAKEN', 'KNOWN', 'CONFLICT')"},
    )  # fmt: skip
    _index("ix_roll_mark_attendance", "roll_mark", "attendance_id")
    _table(
        "roll_conflict", {"mark_id": "roll_mark", "attendance_id": "term_attendance", "term_product_id": "term_product"},
        sa.Column("mark_id", sa.Uuid(), nullable=False), sa.Column("attendance_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False), sa.Column("code", sa.String(), nullable=False),
        sa.Column("known_status", sa.Text(), nullable=False), _moment("known_at", nullable=True), _moment("raised_at"),
        _moment("resolved_at", nullable=True), sa.Column("resolved_by", sa.Uuid(), nullable=True),
        sa.Column("resolution", sa.Text(), nullable=True), sa.Column("note", sa.String(), nullable=False),
        checks={"known_status_is_known": f"known_status IN {_STATUSES}",
                "resolution_is_known": "resolution IN ('KEPT', 'TAKEN')",
                "resolved_whole": "(resolved_at IS NULL) = (resolution IS NULL)"},
        unique=("mark_id",),
    )  # fmt: skip
    _index("ix_roll_conflict_open", "roll_conflict", "term_product_id", where="resolved_at IS NULL")
    _index("ix_roll_conflict_attendance", "roll_conflict", "attendance_id")


def _make_sign_outs() -> None:
    _table(
        "sign_out", {"attendance_id": "term_attendance", "person_id": "authorised_person"},
        sa.Column("attendance_id", sa.Uuid(), nullable=False), sa.Column("collected_by", sa.String(), nullable=False),
        sa.Column("collected_key", sa.String(), nullable=False), sa.Column("person_id", sa.Uuid(), nullable=True),
        sa.Column("must_not_keys", JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_pin_proven", sa.Boolean(), nullable=False), sa.Column("needs_proof", sa.Boolean(), nullable=False),
        _moment("left_at"), sa.Column("signed_by", sa.Uuid(), nullable=True), _moment("recorded_at"),
        checks={"names_a_person": "collected_by <> '' AND collected_key <> ''",
                "not_with_who_must_not_collect": "NOT jsonb_exists(must_not_keys, collected_key)"},
    )  # fmt: skip
    _index("ix_sign_out_attendance", "sign_out", "attendance_id")
    _index("ix_sign_out_person", "sign_out", "person_id")
    _table(
        "signature", {"sign_out_id": "sign_out"},
        sa.Column("sign_out_id", sa.Uuid(), nullable=False),
        sa.Column("strokes", JSONB(astext_type=sa.Text()), nullable=False), _moment("signed_at"),
        sa.Column("taken_by", sa.Uuid(), nullable=True), _moment("recorded_at"),
        checks={"is_small": "octet_length(strokes::text) <= 65536", "is_not_empty": "jsonb_array_length(strokes) > 0"},
        unique=("sign_out_id",),
    )  # fmt: skip


def _make_rolls() -> None:
    _table(
        "headcount", {"term_product_id": "term_product"},
        sa.Column("term_product_id", sa.Uuid(), nullable=False), sa.Column("counted", sa.Integer(), nullable=False),
        _moment("counted_at"), sa.Column("counted_by", sa.Uuid(), nullable=True),
        sa.Column("device", sa.String(), nullable=False), _moment("recorded_at"),
        sa.Column("explanation", sa.String(), nullable=False), sa.Column("explained_by", sa.Uuid(), nullable=True),
        _moment("explained_at", nullable=True),
        checks={"counted_is_sane": "counted BETWEEN 0 AND 10000",
                "explained_whole": "(explained_at IS NULL) = (explanation = '')"},
    )  # fmt: skip
    _index("ix_headcount_session", "headcount", "term_product_id", "counted_at")
    _table(
        "staff_presence", {"user_id": "user", "site_id": "site"},
        sa.Column("user_id", sa.Uuid(), nullable=False), sa.Column("site_id", sa.Uuid(), nullable=False),
        _moment("arrived_at"), _moment("left_at", nullable=True),
        checks={"leaves_after_it_came": "left_at >= arrived_at"},
    )  # fmt: skip
    _index("uq_staff_presence_at_one_site", "staff_presence", "user_id", where="left_at IS NULL", unique=True)
    _index("ix_staff_presence_site", "staff_presence", "site_id", "arrived_at")
    _table(
        "roll_event", {"term_product_id": "term_product"},
        sa.Column("term_product_id", sa.Uuid(), nullable=False), sa.Column("kind", sa.Text(), nullable=False),
        _moment("at"), sa.Column("actor_id", sa.Uuid(), nullable=True), sa.Column("reason", sa.String(), nullable=False),
        sa.Column("facts", JSONB(astext_type=sa.Text()), nullable=False),
        checks={"kind_is_known": "kind IN ('CLOSED', 'REOPENED')",
                "reopened_with_a_reason": "kind = 'CLOSED' OR reason <> ''"},
    )  # fmt: skip
    _index("ix_roll_event_session", "roll_event", "term_product_id", "at")


def _make_late_pickups() -> None:
    refers = {"account_id": "account", "attendee_id": "attendee", "attendance_id": "term_attendance",
              "term_product_id": "term_product"}  # fmt: skip
    _table(
        "late_pickup", refers,
        sa.Column("reference", sa.String(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in refers),
        sa.Column("status", sa.SmallInteger(), nullable=False), sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("minutes_late", sa.Integer(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False), _moment("created_at"), _moment("updated_at"),
        checks={"status_is_known": "status IN (100, 200, 900)", "is_late": "minutes_late > 0",
                "amount_is_positive": "amount_minor > 0"},
        unique=("reference", "attendance_id"),
    )  # fmt: skip
    _index("ix_late_pickup_account", "late_pickup", "account_id", "created_at")
    _index("ix_late_pickup_attendee", "late_pickup", "attendee_id")
    _index("ix_late_pickup_session", "late_pickup", "term_product_id")
    _index("ix_late_pickup_open", "late_pickup", "created_at", where="status = 100")


def _record_what_was() -> None:
    """What was done before now gets the record that it has from now on: sign-outs, and rolls that were closed."""
    tables = ("term_attendance", "roll_mark", "sign_out", "roll_event", "term_product")
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    op.execute("UPDATE term_attendance SET mark_id = gen_random_uuid(), collected_by = "
               "coalesce(nullif(collected_by, ''), 'not recorded') WHERE status = 'LEFT'")  # fmt: skip
    op.execute("""
        INSERT INTO roll_mark (organisation_id, id, attendance_id, status, marked_at, device, collected_by, marked_by,
                               received_at, outcome)
        SELECT organisation_id, mark_id, id, 'LEFT', coalesce(signed_out_at, marked_at, now()), '', collected_by, marked_by,
               coalesce(marked_at, signed_out_at, now()), 'TAKEN' FROM term_attendance WHERE status = 'LEFT'
    """)
    op.execute("""
        INSERT INTO sign_out (organisation_id, id, attendance_id, collected_by, collected_key, must_not_keys,
                              is_pin_proven, needs_proof, left_at, signed_by, recorded_at)
        SELECT organisation_id, mark_id, id, collected_by, lower(collected_by), '[]', false, false,
               coalesce(signed_out_at, marked_at, now()), marked_by, coalesce(marked_at, signed_out_at, now())
        FROM term_attendance WHERE status = 'LEFT'
    """)
    op.execute("""
        INSERT INTO roll_event (organisation_id, id, term_product_id, kind, at, reason, facts)
        SELECT organisation_id, gen_random_uuid(), id, 'CLOSED', roll_closed_at, '', '{}' FROM term_product
        WHERE roll_closed_at IS NOT NULL
    """)
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _table(
    name: str, refers: dict[str, str], *columns: sa.Column[object], checks: dict[str, str],
    unique: Iterable[str] = (),
) -> None:  # fmt: skip
    op.create_table(
        name,
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *columns,
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f(f"pk_{name}")),
        *(sa.ForeignKeyConstraint(["organisation_id", column], [f"{to}.organisation_id", f"{to}.id"],
                                  name=op.f(f"fk_{name}_organisation_id_{column}"))
          for column, to in refers.items()),
        *(sa.CheckConstraint(rule, name=op.f(f"ck_{name}_{word}")) for word, rule in checks.items()),
        *(sa.UniqueConstraint("organisation_id", column, name=op.f(f"uq_{name}_organisation_id_{column}"))
          for column in unique),
    )  # fmt: skip


def _index(name: str, table: str, *columns: str, where: str | None = None, unique: bool = False) -> None:
    op.create_index(name, table, ["organisation_id", *columns], unique=unique,
                    postgresql_where=sa.text(where) if where else None)  # fmt: skip
