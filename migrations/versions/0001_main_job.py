"""The main job: catalogue, people, orders, bookings, billing, invoices, attendance.

Revision: 0001, after nothing.
"""

import sqlalchemy as sa
from alembic import context, op
from sqlalchemy.dialects import postgresql

from migrations import guards

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


# Every table of an organisation.
TENANT_TABLES = (
    "account",
    "attendee",
    "document_counter",
    "idempotency_key",
    "ledger_entry",
    "outbox_message",
    "processed_event",
    "program_category",
    "rule_setting",
    "sign_in_attempt",
    "site",
    "status_event",
    "timer",
    "user",
    "account_attendee",
    "account_user",
    "credential",
    "ledger_posting",
    "program",
    "term",
    "user_site",
    "billing_group",
    "closure_day",
    "extra",
    "term_program_set",
    "term_booking_order",
    "term_product",
    "billing",
    "place_claim",
    "term_booking_order_line",
    "billing_line",
    "payment",
    "quote",
    "term_booking",
    "term_booking_order_discount",
    "term_booking_order_extra",
    "invoice",
    "payment_review",
    "term_booking_line",
    "invoice_line",
    "payment_allocation",
    "term_attendance",
    "term_booking_discount",
    "term_booking_extra",
)


def upgrade() -> None:
    role = context.config.attributes.get("app_role", "termbook_app")
    guards.make_app_role(role)
    op.create_table(
        "tenant",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("slug", name=op.f("uq_tenant_slug")),
    )
    op.create_table(
        "organisation",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("legal_name", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("prices_include_tax", sa.Boolean(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("letterhead", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f("ck_organisation_currency_is_iso_4217")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("ck_organisation_name_has_a_sane_length")),
        sa.ForeignKeyConstraint(["id"], ["tenant.id"], name=op.f("fk_organisation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organisation")),
    )
    op.create_table(
        "account",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("address", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("credit_limit_minor", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("kind IN ('FAMILY', 'GUEST')", name=op.f("ck_account_kind_is_known")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("ck_account_name_has_a_sane_length")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_account_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_account")),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f("uq_account_organisation_id_reference")),
    )
    op.create_index("ix_account_email", "account", ["organisation_id", "email"], unique=False, postgresql_where=None)
    op.create_table(
        "attendee",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("date_of_birth", sa.Date(), nullable=False),
        sa.Column("school_year", sa.Integer(), nullable=True),
        sa.Column("height_cm", sa.Integer(), nullable=True),
        sa.Column("weight_kg", sa.Numeric(precision=5, scale=1), nullable=True),
        sa.Column("medical_notes", sa.String(), nullable=False),
        sa.Column("allergy_notes", sa.String(), nullable=False),
        sa.Column("authorised_pick_ups", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("must_not_collect", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("claim_key", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name=op.f("ck_attendee_name_has_a_sane_length")),
        sa.CheckConstraint("height_cm BETWEEN 20 AND 260", name=op.f("ck_attendee_height_is_plausible")),
        sa.CheckConstraint("weight_kg BETWEEN 1 AND 400", name=op.f("ck_attendee_weight_is_plausible")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_attendee_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_attendee")),
        sa.UniqueConstraint("organisation_id", "claim_key", name=op.f("uq_attendee_organisation_id_claim_key")),
        sa.UniqueConstraint(
            "organisation_id", "id", "claim_key", name=op.f("uq_attendee_organisation_id_id_claim_key")
        ),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f("uq_attendee_organisation_id_reference")),
    )
    op.create_table(
        "document_counter",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("series IN ('INV', 'CN', 'Q')", name=op.f("ck_document_counter_series_is_known")),
        sa.CheckConstraint("last_number >= 0", name=op.f("ck_document_counter_last_number_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_document_counter_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_document_counter")),
        sa.UniqueConstraint(
            "organisation_id", "series", "year", name=op.f("uq_document_counter_organisation_id_series_year")
        ),
    )
    op.create_table(
        "idempotency_key",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("principal_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_hash", sa.String(), nullable=False),
        sa.Column("status_code", sa.Integer(), nullable=False),
        sa.Column("response", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("headers", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_idempotency_key_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "principal_id", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_index(
        "ix_idempotency_key_created",
        "idempotency_key",
        ["organisation_id", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "ledger_entry",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("source_kind", sa.String(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("reverses_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_ledger_entry_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("organisation_id", "reverses_id", name=op.f("uq_ledger_entry_organisation_id_reverses_id")),
        sa.UniqueConstraint(
            "organisation_id",
            "source_kind",
            "source_id",
            "purpose",
            name=op.f("uq_ledger_entry_organisation_id_source_kind_source_id_purpose"),
        ),
    )
    op.create_index(
        "ix_ledger_entry_posted_on",
        "ledger_entry",
        ["organisation_id", "posted_on"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "outbox_message",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_outbox_message_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_outbox_message")),
    )
    op.create_index(
        "ix_outbox_message_waiting",
        "outbox_message",
        ["organisation_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("handed_over_at IS NULL"),
    )
    op.create_table(
        "processed_event",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("event_id", sa.String(), nullable=False),
        sa.Column("event_type", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("processed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_processed_event_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_processed_event")),
        sa.UniqueConstraint(
            "organisation_id", "provider", "event_id", name=op.f("uq_processed_event_organisation_id_provider_event_id")
        ),
    )
    op.create_index(
        "ix_processed_event_at",
        "processed_event",
        ["organisation_id", "processed_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "program_category",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("program_type", sa.SmallInteger(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.CheckConstraint("program_type IN (10, 11, 12)", name=op.f("ck_program_category_program_type_is_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_program_category_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_program_category")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_program_category_organisation_id_name")),
        sa.UniqueConstraint(
            "organisation_id", "source_key", name=op.f("uq_program_category_organisation_id_source_key")
        ),
    )
    op.create_table(
        "rule_setting",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("scope_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint(
            "scope IN ('ORGANISATION', 'CATEGORY', 'PROGRAM', 'TPS')", name=op.f("ck_rule_setting_scope_is_known")
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_rule_setting_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_rule_setting")),
        sa.UniqueConstraint(
            "organisation_id", "scope_id", "name", name=op.f("uq_rule_setting_organisation_id_scope_id_name")
        ),
    )
    op.create_table(
        "sign_in_attempt",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_sign_in_attempt_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_sign_in_attempt")),
    )
    op.create_index(
        "ix_sign_in_attempt_at", "sign_in_attempt", ["organisation_id", "at"], unique=False, postgresql_where=None
    )
    op.create_index(
        "ix_sign_in_attempt_subject",
        "sign_in_attempt",
        ["organisation_id", "subject", "at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "site",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("time_zone", sa.String(), nullable=False),
        sa.Column("holiday_country", sa.String(), nullable=False),
        sa.Column("holiday_subdivision", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_site_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_site")),
        sa.UniqueConstraint("organisation_id", "name", name=op.f("uq_site_organisation_id_name")),
        sa.UniqueConstraint("organisation_id", "source_key", name=op.f("uq_site_organisation_id_source_key")),
    )
    op.create_table(
        "status_event",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("chart", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("from_status", sa.SmallInteger(), nullable=True),
        sa.Column("to_status", sa.SmallInteger(), nullable=False),
        sa.Column("actor_kind", sa.Text(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("changes", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "actor_kind IN ('ADMIN', 'FINANCE', 'STAFF', 'FAMILY', 'GUEST', 'SYSTEM')",
            name=op.f("ck_status_event_actor_kind_is_known"),
        ),
        sa.CheckConstraint("(sequence = 1) = (from_status IS NULL)", name=op.f("ck_status_event_begins_from_nothing")),
        sa.CheckConstraint(
            "from_status IN (0, 100, 200, 300, 350, 450, 475, 485, 500, 600, 700, 800, 900)",
            name=op.f("ck_status_event_from_status_is_known"),
        ),
        sa.CheckConstraint(
            "to_status IN (0, 100, 200, 300, 350, 450, 475, 485, 500, 600, 700, 800, 900)",
            name=op.f("ck_status_event_to_status_is_known"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_status_event_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_status_event")),
        sa.UniqueConstraint(
            "organisation_id",
            "subject_id",
            "sequence",
            name=op.f("uq_status_event_organisation_id_subject_id_sequence"),
        ),
    )
    op.create_index(
        "ix_status_event_at", "status_event", ["organisation_id", "at"], unique=False, postgresql_where=None
    )
    op.create_table(
        "timer",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'ARMED') = (settled_at IS NULL)", name=op.f("ck_timer_settled_once")),
        sa.CheckConstraint("kind IN ('AUTO_CANCEL', 'QUOTE_EXPIRY')", name=op.f("ck_timer_kind_is_known")),
        sa.CheckConstraint("status IN ('ARMED', 'FIRED', 'DISARMED')", name=op.f("ck_timer_status_is_known")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_timer_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_timer")),
    )
    op.create_index(
        "ix_timer_due",
        "timer",
        ["organisation_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("status = 'ARMED'"),
    )
    op.create_index(
        "uq_timer_armed",
        "timer",
        ["organisation_id", "subject_id", "kind"],
        unique=True,
        postgresql_where=sa.text("status = 'ARMED'"),
    )
    op.create_table(
        "user",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_user_email_is_lower_case")),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_user_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_user")),
        sa.UniqueConstraint("organisation_id", "email", name=op.f("uq_user_organisation_id_email")),
    )
    op.create_table(
        "account_attendee",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_account_attendee_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id"],
            ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_account_attendee_organisation_id_attendee_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_account_attendee")),
        sa.UniqueConstraint(
            "organisation_id",
            "account_id",
            "attendee_id",
            name=op.f("uq_account_attendee_organisation_id_account_id_attendee_id"),
        ),
    )
    op.create_index(
        "ix_account_attendee_attendee",
        "account_attendee",
        ["organisation_id", "attendee_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "account_user",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_account_user_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "user_id"],
            ["user.organisation_id", "user.id"],
            name=op.f("fk_account_user_organisation_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_account_user")),
        sa.UniqueConstraint(
            "organisation_id", "account_id", "user_id", name=op.f("uq_account_user_organisation_id_account_id_user_id")
        ),
    )
    op.create_index(
        "ix_account_user_user", "account_user", ["organisation_id", "user_id"], unique=False, postgresql_where=None
    )
    op.create_table(
        "credential",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("kind IN ('SIGN_IN', 'TOKEN')", name=op.f("ck_credential_kind_is_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "user_id"],
            ["user.organisation_id", "user.id"],
            name=op.f("fk_credential_organisation_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_credential")),
        sa.UniqueConstraint("organisation_id", "secret_hash", name=op.f("uq_credential_organisation_id_secret_hash")),
    )
    op.create_index(
        "ix_credential_user", "credential", ["organisation_id", "user_id"], unique=False, postgresql_where=None
    )
    op.create_table(
        "ledger_posting",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("entry_id", sa.Uuid(), nullable=False),
        sa.Column("ledger_account", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "ledger_account IN ('RECEIVABLE', 'DEFERRED_REVENUE', 'REVENUE', 'TAX', 'GATEWAY_CLEARING', 'CUSTOMER_CREDIT', 'WALLET', 'BONUS', 'WRITE_OFF')",
            name=op.f("ck_ledger_posting_ledger_account_is_known"),
        ),
        sa.CheckConstraint("amount_minor <> 0", name=op.f("ck_ledger_posting_amount_is_not_zero")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_ledger_posting_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "entry_id"],
            ["ledger_entry.organisation_id", "ledger_entry.id"],
            name=op.f("fk_ledger_posting_organisation_id_entry_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_ledger_posting")),
    )
    op.create_index(
        "ix_ledger_posting_account",
        "ledger_posting",
        ["organisation_id", "account_id", "ledger_account"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_ledger_posting_entry",
        "ledger_posting",
        ["organisation_id", "entry_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "program",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("category_id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(
            ["organisation_id", "category_id"],
            ["program_category.organisation_id", "program_category.id"],
            name=op.f("fk_program_organisation_id_category_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "site_id"],
            ["site.organisation_id", "site.id"],
            name=op.f("fk_program_organisation_id_site_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_program")),
        sa.UniqueConstraint("organisation_id", "source_key", name=op.f("uq_program_organisation_id_source_key")),
    )
    op.create_table(
        "term",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'OPEN', 'RUNNING', 'ENDED', 'ARCHIVED')", name=op.f("ck_term_status_is_known")
        ),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("ck_term_starts_before_it_ends")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "site_id"],
            ["site.organisation_id", "site.id"],
            name=op.f("fk_term_organisation_id_site_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_term_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term")),
        sa.UniqueConstraint("organisation_id", "source_key", name=op.f("uq_term_organisation_id_source_key")),
    )
    op.create_table(
        "user_site",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "site_id"],
            ["site.organisation_id", "site.id"],
            name=op.f("fk_user_site_organisation_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "user_id"],
            ["user.organisation_id", "user.id"],
            name=op.f("fk_user_site_organisation_id_user_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_user_site")),
        sa.UniqueConstraint(
            "organisation_id", "user_id", "site_id", name=op.f("uq_user_site_organisation_id_user_id_site_id")
        ),
    )
    op.create_table(
        "billing_group",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_billing_group_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_id"],
            ["term.organisation_id", "term.id"],
            name=op.f("fk_billing_group_organisation_id_term_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_billing_group")),
        sa.UniqueConstraint(
            "organisation_id", "account_id", "term_id", name=op.f("uq_billing_group_organisation_id_account_id_term_id")
        ),
    )
    op.create_table(
        "closure_day",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=True),
        sa.Column("date", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organisation_id", "site_id"],
            ["site.organisation_id", "site.id"],
            name=op.f("fk_closure_day_organisation_id_site_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_id"],
            ["term.organisation_id", "term.id"],
            name=op.f("fk_closure_day_organisation_id_term_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_closure_day")),
        sa.UniqueConstraint(
            "organisation_id",
            "site_id",
            "term_id",
            "date",
            name=op.f("uq_closure_day_organisation_id_site_id_term_id_date"),
        ),
    )
    op.create_table(
        "extra",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_extra_price_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "program_id"],
            ["program.organisation_id", "program.id"],
            name=op.f("fk_extra_organisation_id_program_id"),
        ),
        sa.ForeignKeyConstraint(["organisation_id"], ["organisation.id"], name=op.f("fk_extra_organisation_id")),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_extra")),
    )
    op.create_table(
        "term_program_set",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("program_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("schedule", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("modes", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("session_price_minor", sa.BigInteger(), nullable=False),
        sa.Column("full_week_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("full_term_price_minor", sa.BigInteger(), nullable=True),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("age_from_months", sa.Integer(), nullable=True),
        sa.Column("age_below_months", sa.Integer(), nullable=True),
        sa.Column("school_year_from", sa.Integer(), nullable=True),
        sa.Column("school_year_to", sa.Integer(), nullable=True),
        sa.Column("height_from_cm", sa.Integer(), nullable=True),
        sa.Column("height_to_cm", sa.Integer(), nullable=True),
        sa.Column("weight_from_kg", sa.Numeric(precision=5, scale=1), nullable=True),
        sa.Column("weight_to_kg", sa.Numeric(precision=5, scale=1), nullable=True),
        sa.Column("bookable_from", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bookable_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("display", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("source_key", sa.String(), nullable=True),
        sa.Column("source_fingerprint", sa.String(), nullable=True),
        sa.CheckConstraint(
            "status IN ('DRAFT', 'PUBLISHED', 'CANCELLED', 'COMPLETED')",
            name=op.f("ck_term_program_set_status_is_known"),
        ),
        sa.CheckConstraint("age_below_months > age_from_months", name=op.f("ck_term_program_set_ages_make_a_range")),
        sa.CheckConstraint(
            "bookable_until > bookable_from", name=op.f("ck_term_program_set_booking_window_is_a_range")
        ),
        sa.CheckConstraint("capacity >= 0", name=op.f("ck_term_program_set_capacity_is_not_negative")),
        sa.CheckConstraint("session_price_minor >= 0", name=op.f("ck_term_program_set_price_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "program_id"],
            ["program.organisation_id", "program.id"],
            name=op.f("fk_term_program_set_organisation_id_program_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_id"],
            ["term.organisation_id", "term.id"],
            name=op.f("fk_term_program_set_organisation_id_term_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_program_set")),
        sa.UniqueConstraint(
            "organisation_id", "source_key", name=op.f("uq_term_program_set_organisation_id_source_key")
        ),
    )
    op.create_index(
        "ix_term_program_set_program",
        "term_program_set",
        ["organisation_id", "program_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_program_set_term",
        "term_program_set",
        ["organisation_id", "term_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_order",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("order_type", sa.SmallInteger(), nullable=False),
        sa.Column("confirmation_type", sa.SmallInteger(), nullable=True),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=True),
        sa.Column("billing_id", sa.Uuid(), nullable=True),
        sa.Column("booking_id", sa.Uuid(), nullable=True),
        sa.Column("original_booking_id", sa.Uuid(), nullable=True),
        sa.Column("cause_order_id", sa.Uuid(), nullable=True),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("price_fingerprint", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("cancel_reason", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "made_by IN ('ADMIN', 'FINANCE', 'STAFF', 'FAMILY', 'GUEST', 'SYSTEM')",
            name=op.f("ck_term_booking_order_made_by_is_known"),
        ),
        sa.CheckConstraint(
            "confirmation_type IN (101, 201, 202, 301, 401)",
            name=op.f("ck_term_booking_order_confirmation_type_is_known"),
        ),
        sa.CheckConstraint("order_type IN (0, 1, 2, 4, 5)", name=op.f("ck_term_booking_order_order_type_is_known")),
        sa.CheckConstraint(
            "status IN (0, 100, 200, 300, 350, 450, 475, 485, 500, 600, 700, 800, 900)",
            name=op.f("ck_term_booking_order_status_is_known"),
        ),
        sa.CheckConstraint(
            "status NOT IN (450, 500) OR booking_id IS NOT NULL",
            name=op.f("ck_term_booking_order_approved_has_a_booking"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_term_booking_order_total_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_term_booking_order_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id"],
            ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_term_booking_order_organisation_id_attendee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "group_id"],
            ["billing_group.organisation_id", "billing_group.id"],
            name=op.f("fk_term_booking_order_organisation_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_id"],
            ["term.organisation_id", "term.id"],
            name=op.f("fk_term_booking_order_organisation_id_term_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_order")),
        sa.UniqueConstraint(
            "organisation_id", "reference", name=op.f("uq_term_booking_order_organisation_id_reference")
        ),
    )
    op.create_index(
        "ix_term_booking_order_account",
        "term_booking_order",
        ["organisation_id", "account_id", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_order_attendee",
        "term_booking_order",
        ["organisation_id", "attendee_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_order_status",
        "term_booking_order",
        ["organisation_id", "status", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_product",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("term_program_set_id", sa.Uuid(), nullable=False),
        sa.Column("product_type", sa.Text(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("local_date", sa.Date(), nullable=True),
        sa.Column("local_start", sa.Time(), nullable=True),
        sa.Column("local_end", sa.Time(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("capacity", sa.Integer(), nullable=False),
        sa.Column("taken", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "product_type = 'SESSION' OR price_minor = 0", name=op.f("ck_term_product_activity_has_no_price")
        ),
        sa.CheckConstraint(
            "product_type IN ('SESSION', 'ACTIVITY')", name=op.f("ck_term_product_product_type_is_known")
        ),
        sa.CheckConstraint("status IN ('OPEN', 'CLOSED', 'CANCELLED')", name=op.f("ck_term_product_status_is_known")),
        sa.CheckConstraint(
            "(starts_at IS NULL) = (ends_at IS NULL) AND (starts_at IS NULL) = (local_date IS NULL)",
            name=op.f("ck_term_product_dated_whole"),
        ),
        sa.CheckConstraint("ends_at > starts_at", name=op.f("ck_term_product_starts_before_it_ends")),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_term_product_price_is_not_negative")),
        sa.CheckConstraint("taken >= 0 AND taken <= capacity", name=op.f("ck_term_product_taken_within_capacity")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_program_set_id"],
            ["term_program_set.organisation_id", "term_program_set.id"],
            name=op.f("fk_term_product_organisation_id_term_program_set_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_product")),
        sa.UniqueConstraint(
            "organisation_id",
            "term_program_set_id",
            "product_type",
            "component",
            "local_date",
            "local_start",
            name="uq_term_product_slot",
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_term_product_starts_at",
        "term_product",
        ["organisation_id", "starts_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "billing",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("NOT is_void OR total_minor = 0", name=op.f("ck_billing_void_is_zero")),
        sa.CheckConstraint("total_minor = net_minor + tax_minor", name=op.f("ck_billing_net_and_tax_make_the_total")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "group_id"],
            ["billing_group.organisation_id", "billing_group.id"],
            name=op.f("fk_billing_organisation_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_billing_organisation_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_billing")),
        sa.UniqueConstraint(
            "organisation_id", "group_id", "version", name=op.f("uq_billing_organisation_id_group_id_version")
        ),
    )
    op.create_index("ix_billing_order", "billing", ["organisation_id", "order_id"], unique=False, postgresql_where=None)
    op.create_table(
        "place_claim",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_key", sa.BigInteger(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("order_type", sa.SmallInteger(), nullable=False),
        sa.Column("takes_place", sa.Boolean(), nullable=False),
        sa.Column("blocks_time", sa.Boolean(), nullable=False),
        sa.Column("during", postgresql.TSTZRANGE(), nullable=False),
        sa.Column("held_since", sa.DateTime(timezone=True), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.text("int8range(attendee_key, attendee_key, '[]')"), "&&"),
            (sa.column("during"), "&&"),
            where=sa.text("blocks_time"),
            using="gist",
            name="ex_place_claim_no_overlap",
        ),
        sa.CheckConstraint("order_type IN (0, 1, 2, 4, 5)", name=op.f("ck_place_claim_order_type_is_known")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id", "attendee_key"],
            ["attendee.organisation_id", "attendee.id", "attendee.claim_key"],
            name=op.f("fk_place_claim_organisation_id_attendee_id_attendee_key"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_place_claim_organisation_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"],
            ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_place_claim_organisation_id_term_product_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_place_claim")),
        sa.UniqueConstraint(
            "organisation_id", "attendee_id", "term_product_id", "takes_place", name="uq_place_claim_same_session"
        ),
    )
    op.create_index(
        "ix_place_claim_order", "place_claim", ["organisation_id", "order_id"], unique=False, postgresql_where=None
    )
    op.create_index(
        "ix_place_claim_session",
        "place_claim",
        ["organisation_id", "term_product_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_order_line",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("term_program_set_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('SESSION', 'MAKEUP_SESSION', 'CLOSURE_DAY')",
            name=op.f("ck_term_booking_order_line_kind_is_known"),
        ),
        sa.CheckConstraint(
            "mode IN ('CASUAL', 'FULL_WEEK', 'FULL_TERM')", name=op.f("ck_term_booking_order_line_mode_is_known")
        ),
        sa.CheckConstraint("price_minor >= 0", name=op.f("ck_term_booking_order_line_price_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_term_booking_order_line_organisation_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"],
            ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_term_booking_order_line_organisation_id_term_product_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_order_line")),
        sa.UniqueConstraint(
            "organisation_id",
            "order_id",
            "term_product_id",
            name=op.f("uq_term_booking_order_line_organisation_id_order_id_term_product_id"),
        ),
    )
    op.create_index(
        "ix_term_booking_order_line_session",
        "term_booking_order_line",
        ["organisation_id", "term_product_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "billing_line",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("component", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("printed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("base_minor", sa.BigInteger(), nullable=False),
        sa.Column("discount_minor", sa.BigInteger(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_name", sa.String(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("trace", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "gross_minor = net_minor + tax_minor", name=op.f("ck_billing_line_net_and_tax_make_the_gross")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id"],
            ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_billing_line_organisation_id_attendee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_id"],
            ["billing.organisation_id", "billing.id"],
            name=op.f("fk_billing_line_organisation_id_billing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"],
            ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_billing_line_organisation_id_term_product_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_billing_line")),
        sa.UniqueConstraint(
            "organisation_id",
            "billing_id",
            "attendee_id",
            "term_product_id",
            "component",
            name=op.f("uq_billing_line_organisation_id_billing_id_attendee_id_term_product_id_component"),
        ),
    )
    op.create_table(
        "payment",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("failure_reason", sa.String(), nullable=True),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("checkout_url", sa.String(), nullable=True),
        sa.Column("started_by", sa.Uuid(), nullable=True),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "status IN ('PENDING', 'PROCESSING', 'SUCCESS', 'FAILED')", name=op.f("ck_payment_status_is_known")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_payment_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_id"],
            ["billing.organisation_id", "billing.id"],
            name=op.f("fk_payment_organisation_id_billing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_payment_organisation_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_payment")),
        sa.UniqueConstraint(
            "organisation_id", "provider", "external_id", name=op.f("uq_payment_organisation_id_provider_external_id")
        ),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f("uq_payment_organisation_id_reference")),
    )
    op.create_index(
        "ix_payment_account",
        "payment",
        ["organisation_id", "account_id", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_payment_open",
        "payment",
        ["organisation_id", "asked_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING')"),
    )
    op.create_index("ix_payment_order", "payment", ["organisation_id", "order_id"], unique=False, postgresql_where=None)
    op.create_table(
        "quote",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("series = 'Q'", name=op.f("ck_quote_series_is_of_quotes")),
        sa.CheckConstraint("number > 0", name=op.f("ck_quote_number_is_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_id"],
            ["billing.organisation_id", "billing.id"],
            name=op.f("fk_quote_organisation_id_billing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_quote_organisation_id_order_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_quote")),
        sa.UniqueConstraint(
            "organisation_id", "series", "year", "number", name=op.f("uq_quote_organisation_id_series_year_number")
        ),
    )
    op.create_index(
        "ix_quote_order", "quote", ["organisation_id", "order_id", "issued_at"], unique=False, postgresql_where=None
    )
    op.create_table(
        "term_booking",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.Column("term_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_type", sa.SmallInteger(), nullable=False),
        sa.Column("confirmation_type", sa.SmallInteger(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("payment_state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("wallet_debited_minor", sa.BigInteger(), nullable=False),
        sa.Column("bonus_debited_minor", sa.BigInteger(), nullable=False),
        sa.Column("entitlement_id", sa.Uuid(), nullable=True),
        sa.Column("ticket_reference", sa.String(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "payment_state IN ('NOT_DUE', 'OPEN', 'PAID', 'PENDING_PAYMENT')",
            name=op.f("ck_term_booking_payment_state_is_known"),
        ),
        sa.CheckConstraint(
            "confirmation_type IN (101, 201, 202, 301, 401)", name=op.f("ck_term_booking_confirmation_type_is_known")
        ),
        sa.CheckConstraint("order_type IN (0, 1, 2, 4, 5)", name=op.f("ck_term_booking_order_type_is_known")),
        sa.CheckConstraint(
            "status IN (0, 100, 200, 300, 350, 450, 475, 485, 500, 600, 700, 800, 900)",
            name=op.f("ck_term_booking_status_is_known"),
        ),
        sa.CheckConstraint("total_minor >= 0", name=op.f("ck_term_booking_total_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_term_booking_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id"],
            ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_term_booking_organisation_id_attendee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_id"],
            ["billing.organisation_id", "billing.id"],
            name=op.f("fk_term_booking_organisation_id_billing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "group_id"],
            ["billing_group.organisation_id", "billing_group.id"],
            name=op.f("fk_term_booking_organisation_id_group_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_term_booking_organisation_id_order_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_id"],
            ["term.organisation_id", "term.id"],
            name=op.f("fk_term_booking_organisation_id_term_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking")),
        sa.UniqueConstraint("organisation_id", "order_id", name=op.f("uq_term_booking_organisation_id_order_id")),
        sa.UniqueConstraint("organisation_id", "reference", name=op.f("uq_term_booking_organisation_id_reference")),
    )
    op.create_index(
        "ix_term_booking_account",
        "term_booking",
        ["organisation_id", "account_id", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_attendee",
        "term_booking",
        ["organisation_id", "attendee_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_status",
        "term_booking",
        ["organisation_id", "status", "created_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_order_discount",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_term_booking_order_discount_amount_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_term_booking_order_discount_organisation_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_line_id"],
            ["term_booking_order_line.organisation_id", "term_booking_order_line.id"],
            name=op.f("fk_term_booking_order_discount_organisation_id_order_line_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_order_discount")),
    )
    op.create_index(
        "ix_term_booking_order_discount_order",
        "term_booking_order_discount",
        ["organisation_id", "order_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_order_extra",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("extra_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("covered_by_entitlement_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "price_minor >= 0 AND price_paid_minor BETWEEN 0 AND price_minor",
            name=op.f("ck_term_booking_order_extra_price_paid_is_0_or_up_to_price"),
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name=op.f("ck_term_booking_order_extra_quantity_is_sane")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "extra_id"],
            ["extra.organisation_id", "extra.id"],
            name=op.f("fk_term_booking_order_extra_organisation_id_extra_id"),
            ondelete="RESTRICT",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_id"],
            ["term_booking_order.organisation_id", "term_booking_order.id"],
            name=op.f("fk_term_booking_order_extra_organisation_id_order_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "order_line_id"],
            ["term_booking_order_line.organisation_id", "term_booking_order_line.id"],
            name=op.f("fk_term_booking_order_extra_organisation_id_order_line_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_order_extra")),
        sa.UniqueConstraint(
            "organisation_id",
            "order_line_id",
            "extra_id",
            "covered_by_entitlement_id",
            name=op.f("uq_term_booking_order_extra_organisation_id_order_line_id_extra_id_covered_by_entitlement_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_term_booking_order_extra_extra",
        "term_booking_order_extra",
        ["organisation_id", "extra_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_order_extra_order",
        "term_booking_order_extra",
        ["organisation_id", "order_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "invoice",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("billing_id", sa.Uuid(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("printed", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("series IN ('INV', 'CN')", name=op.f("ck_invoice_series_is_of_invoices")),
        sa.CheckConstraint("series IN ('INV', 'CN', 'Q')", name=op.f("ck_invoice_series_is_known")),
        sa.CheckConstraint("number > 0", name=op.f("ck_invoice_number_is_positive")),
        sa.CheckConstraint("total_minor = net_minor + tax_minor", name=op.f("ck_invoice_net_and_tax_make_the_total")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "account_id"],
            ["account.organisation_id", "account.id"],
            name=op.f("fk_invoice_organisation_id_account_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_id"],
            ["billing.organisation_id", "billing.id"],
            name=op.f("fk_invoice_organisation_id_billing_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["term_booking.organisation_id", "term_booking.id"],
            name=op.f("fk_invoice_organisation_id_booking_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_invoice")),
        sa.UniqueConstraint(
            "organisation_id", "series", "year", "number", name=op.f("uq_invoice_organisation_id_series_year_number")
        ),
    )
    op.create_index(
        "ix_invoice_account",
        "invoice",
        ["organisation_id", "account_id", "issued_at"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_invoice_booking", "invoice", ["organisation_id", "booking_id"], unique=False, postgresql_where=None
    )
    op.create_table(
        "payment_review",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("asked_minor", sa.BigInteger(), nullable=True),
        sa.Column("reported_minor", sa.BigInteger(), nullable=False),
        sa.Column("reported_currency", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("resolution", sa.String(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('WRONG_AMOUNT', 'WRONG_CURRENCY', 'CONTRADICTION', 'UNKNOWN_PAYMENT', 'PRICE_CHANGED', 'PART_PAYMENT')",
            name=op.f("ck_payment_review_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "payment_id"],
            ["payment.organisation_id", "payment.id"],
            name=op.f("fk_payment_review_organisation_id_payment_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id"], ["organisation.id"], name=op.f("fk_payment_review_organisation_id")
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_payment_review")),
    )
    op.create_index(
        "ix_payment_review_open",
        "payment_review",
        ["organisation_id", "created_at"],
        unique=False,
        postgresql_where=sa.text("resolved_at IS NULL"),
    )
    op.create_index(
        "ix_payment_review_payment",
        "payment_review",
        ["organisation_id", "payment_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_line",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("term_program_set_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("billing_line_id", sa.Uuid(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('SESSION', 'MAKEUP_SESSION', 'CLOSURE_DAY')", name=op.f("ck_term_booking_line_kind_is_known")
        ),
        sa.CheckConstraint(
            "mode IN ('CASUAL', 'FULL_WEEK', 'FULL_TERM')", name=op.f("ck_term_booking_line_mode_is_known")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_line_id"],
            ["billing_line.organisation_id", "billing_line.id"],
            name=op.f("fk_term_booking_line_organisation_id_billing_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["term_booking.organisation_id", "term_booking.id"],
            name=op.f("fk_term_booking_line_organisation_id_booking_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"],
            ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_term_booking_line_organisation_id_term_product_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_line")),
        sa.UniqueConstraint(
            "organisation_id",
            "booking_id",
            "term_product_id",
            name=op.f("uq_term_booking_line_organisation_id_booking_id_term_product_id"),
        ),
    )
    op.create_index(
        "ix_term_booking_line_session",
        "term_booking_line",
        ["organisation_id", "term_product_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "invoice_line",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("billing_line_id", sa.Uuid(), nullable=False),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("description", sa.String(), nullable=False),
        sa.Column("session_date", sa.Date(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("net_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_minor", sa.BigInteger(), nullable=False),
        sa.Column("gross_minor", sa.BigInteger(), nullable=False),
        sa.Column("tax_name", sa.String(), nullable=False),
        sa.Column("tax_rate", sa.Numeric(precision=9, scale=6), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "gross_minor = net_minor + tax_minor", name=op.f("ck_invoice_line_net_and_tax_make_the_gross")
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "billing_line_id"],
            ["billing_line.organisation_id", "billing_line.id"],
            name=op.f("fk_invoice_line_organisation_id_billing_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_line_id"],
            ["term_booking_line.organisation_id", "term_booking_line.id"],
            name=op.f("fk_invoice_line_organisation_id_booking_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "invoice_id"],
            ["invoice.organisation_id", "invoice.id"],
            name=op.f("fk_invoice_line_organisation_id_invoice_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_invoice_line")),
        sa.UniqueConstraint(
            "organisation_id", "billing_line_id", name=op.f("uq_invoice_line_organisation_id_billing_line_id")
        ),
    )
    op.create_index(
        "ix_invoice_line_invoice",
        "invoice_line",
        ["organisation_id", "invoice_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "payment_allocation",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_payment_allocation_amount_is_positive")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "invoice_id"],
            ["invoice.organisation_id", "invoice.id"],
            name=op.f("fk_payment_allocation_organisation_id_invoice_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "payment_id"],
            ["payment.organisation_id", "payment.id"],
            name=op.f("fk_payment_allocation_organisation_id_payment_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_payment_allocation")),
    )
    op.create_index(
        "ix_payment_allocation_invoice",
        "payment_allocation",
        ["organisation_id", "invoice_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_payment_allocation_payment",
        "payment_allocation",
        ["organisation_id", "payment_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_attendance",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("term_product_id", sa.Uuid(), nullable=False),
        sa.Column("attendee_id", sa.Uuid(), nullable=False),
        sa.Column("local_date", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("marked_by", sa.Uuid(), nullable=True),
        sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("signed_out_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("collected_by", sa.String(), nullable=True),
        sa.Column("method", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.CheckConstraint("method IN ('ROLL', 'KIOSK', 'SCAN')", name=op.f("ck_term_attendance_method_is_known")),
        sa.CheckConstraint(
            "status IN ('EXPECTED', 'PRESENT', 'LATE', 'ABSENT_NOTIFIED', 'ABSENT', 'LEFT', 'CANCELLED')",
            name=op.f("ck_term_attendance_status_is_known"),
        ),
        sa.CheckConstraint("signed_out_at >= signed_in_at", name=op.f("ck_term_attendance_leaves_after_it_came")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "attendee_id"],
            ["attendee.organisation_id", "attendee.id"],
            name=op.f("fk_term_attendance_organisation_id_attendee_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["term_booking.organisation_id", "term_booking.id"],
            name=op.f("fk_term_attendance_organisation_id_booking_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_line_id"],
            ["term_booking_line.organisation_id", "term_booking_line.id"],
            name=op.f("fk_term_attendance_organisation_id_booking_line_id"),
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "term_product_id"],
            ["term_product.organisation_id", "term_product.id"],
            name=op.f("fk_term_attendance_organisation_id_term_product_id"),
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_attendance")),
        sa.UniqueConstraint(
            "organisation_id", "booking_line_id", name=op.f("uq_term_attendance_organisation_id_booking_line_id")
        ),
    )
    op.create_index(
        "ix_term_attendance_attendee",
        "term_attendance",
        ["organisation_id", "attendee_id", "local_date"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_attendance_session",
        "term_attendance",
        ["organisation_id", "term_product_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_discount",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("percent", sa.Numeric(precision=7, scale=4), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.CheckConstraint("amount_minor >= 0", name=op.f("ck_term_booking_discount_amount_is_not_negative")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["term_booking.organisation_id", "term_booking.id"],
            name=op.f("fk_term_booking_discount_organisation_id_booking_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_line_id"],
            ["term_booking_line.organisation_id", "term_booking_line.id"],
            name=op.f("fk_term_booking_discount_organisation_id_booking_line_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_discount")),
    )
    op.create_index(
        "ix_term_booking_discount_booking",
        "term_booking_discount",
        ["organisation_id", "booking_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_table(
        "term_booking_extra",
        sa.Column("organisation_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("booking_id", sa.Uuid(), nullable=False),
        sa.Column("booking_line_id", sa.Uuid(), nullable=False),
        sa.Column("extra_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_paid_minor", sa.BigInteger(), nullable=False),
        sa.Column("covered_by_entitlement_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "price_minor >= 0 AND price_paid_minor BETWEEN 0 AND price_minor",
            name=op.f("ck_term_booking_extra_price_paid_is_0_or_up_to_price"),
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 1000", name=op.f("ck_term_booking_extra_quantity_is_sane")),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_id"],
            ["term_booking.organisation_id", "term_booking.id"],
            name=op.f("fk_term_booking_extra_organisation_id_booking_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "booking_line_id"],
            ["term_booking_line.organisation_id", "term_booking_line.id"],
            name=op.f("fk_term_booking_extra_organisation_id_booking_line_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["organisation_id", "extra_id"],
            ["extra.organisation_id", "extra.id"],
            name=op.f("fk_term_booking_extra_organisation_id_extra_id"),
            ondelete="RESTRICT",
        ),
        sa.PrimaryKeyConstraint("organisation_id", "id", name=op.f("pk_term_booking_extra")),
        sa.UniqueConstraint(
            "organisation_id",
            "booking_line_id",
            "extra_id",
            "covered_by_entitlement_id",
            name=op.f("uq_term_booking_extra_organisation_id_booking_line_id_extra_id_covered_by_entitlement_id"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    op.create_index(
        "ix_term_booking_extra_booking",
        "term_booking_extra",
        ["organisation_id", "booking_id"],
        unique=False,
        postgresql_where=None,
    )
    op.create_index(
        "ix_term_booking_extra_extra",
        "term_booking_extra",
        ["organisation_id", "extra_id"],
        unique=False,
        postgresql_where=None,
    )

    guards.hold_sums()
    op.execute(f"GRANT SELECT ON tenant TO {role}")
    guards.keep_tenants_apart("organisation", role, column="id")
    for table in TENANT_TABLES:
        guards.keep_tenants_apart(table, role)
    for table in guards.APPEND_ONLY:
        guards.refuse_changes(table)


def downgrade() -> None:
    guards.drop_sums()
    op.drop_index("ix_term_booking_extra_extra", table_name="term_booking_extra", postgresql_where=None)
    op.drop_index("ix_term_booking_extra_booking", table_name="term_booking_extra", postgresql_where=None)
    op.drop_table("term_booking_extra")
    op.drop_index("ix_term_booking_discount_booking", table_name="term_booking_discount", postgresql_where=None)
    op.drop_table("term_booking_discount")
    op.drop_index("ix_term_attendance_session", table_name="term_attendance", postgresql_where=None)
    op.drop_index("ix_term_attendance_attendee", table_name="term_attendance", postgresql_where=None)
    op.drop_table("term_attendance")
    op.drop_index("ix_payment_allocation_payment", table_name="payment_allocation", postgresql_where=None)
    op.drop_index("ix_payment_allocation_invoice", table_name="payment_allocation", postgresql_where=None)
    op.drop_table("payment_allocation")
    op.drop_index("ix_invoice_line_invoice", table_name="invoice_line", postgresql_where=None)
    op.drop_table("invoice_line")
    op.drop_index("ix_term_booking_line_session", table_name="term_booking_line", postgresql_where=None)
    op.drop_table("term_booking_line")
    op.drop_index("ix_payment_review_payment", table_name="payment_review", postgresql_where=None)
    op.drop_index(
        "ix_payment_review_open", table_name="payment_review", postgresql_where=sa.text("resolved_at IS NULL")
    )
    op.drop_table("payment_review")
    op.drop_index("ix_invoice_booking", table_name="invoice", postgresql_where=None)
    op.drop_index("ix_invoice_account", table_name="invoice", postgresql_where=None)
    op.drop_table("invoice")
    op.drop_index("ix_term_booking_order_extra_order", table_name="term_booking_order_extra", postgresql_where=None)
    op.drop_index("ix_term_booking_order_extra_extra", table_name="term_booking_order_extra", postgresql_where=None)
    op.drop_table("term_booking_order_extra")
    op.drop_index(
        "ix_term_booking_order_discount_order", table_name="term_booking_order_discount", postgresql_where=None
    )
    op.drop_table("term_booking_order_discount")
    op.drop_index("ix_term_booking_status", table_name="term_booking", postgresql_where=None)
    op.drop_index("ix_term_booking_attendee", table_name="term_booking", postgresql_where=None)
    op.drop_index("ix_term_booking_account", table_name="term_booking", postgresql_where=None)
    op.drop_table("term_booking")
    op.drop_index("ix_quote_order", table_name="quote", postgresql_where=None)
    op.drop_table("quote")
    op.drop_index("ix_payment_order", table_name="payment", postgresql_where=None)
    op.drop_index(
        "ix_payment_open", table_name="payment", postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING')")
    )
    op.drop_index("ix_payment_account", table_name="payment", postgresql_where=None)
    op.drop_table("payment")
    op.drop_table("billing_line")
    op.drop_index("ix_term_booking_order_line_session", table_name="term_booking_order_line", postgresql_where=None)
    op.drop_table("term_booking_order_line")
    op.drop_index("ix_place_claim_session", table_name="place_claim", postgresql_where=None)
    op.drop_index("ix_place_claim_order", table_name="place_claim", postgresql_where=None)
    op.drop_table("place_claim")
    op.drop_index("ix_billing_order", table_name="billing", postgresql_where=None)
    op.drop_table("billing")
    op.drop_index("ix_term_product_starts_at", table_name="term_product", postgresql_where=None)
    op.drop_table("term_product")
    op.drop_index("ix_term_booking_order_status", table_name="term_booking_order", postgresql_where=None)
    op.drop_index("ix_term_booking_order_attendee", table_name="term_booking_order", postgresql_where=None)
    op.drop_index("ix_term_booking_order_account", table_name="term_booking_order", postgresql_where=None)
    op.drop_table("term_booking_order")
    op.drop_index("ix_term_program_set_term", table_name="term_program_set", postgresql_where=None)
    op.drop_index("ix_term_program_set_program", table_name="term_program_set", postgresql_where=None)
    op.drop_table("term_program_set")
    op.drop_table("extra")
    op.drop_table("closure_day")
    op.drop_table("billing_group")
    op.drop_table("user_site")
    op.drop_table("term")
    op.drop_table("program")
    op.drop_index("ix_ledger_posting_entry", table_name="ledger_posting", postgresql_where=None)
    op.drop_index("ix_ledger_posting_account", table_name="ledger_posting", postgresql_where=None)
    op.drop_table("ledger_posting")
    op.drop_index("ix_credential_user", table_name="credential", postgresql_where=None)
    op.drop_table("credential")
    op.drop_index("ix_account_user_user", table_name="account_user", postgresql_where=None)
    op.drop_table("account_user")
    op.drop_index("ix_account_attendee_attendee", table_name="account_attendee", postgresql_where=None)
    op.drop_table("account_attendee")
    op.drop_table("user")
    op.drop_index("uq_timer_armed", table_name="timer", postgresql_where=sa.text("status = 'ARMED'"))
    op.drop_index("ix_timer_due", table_name="timer", postgresql_where=sa.text("status = 'ARMED'"))
    op.drop_table("timer")
    op.drop_index("ix_status_event_at", table_name="status_event", postgresql_where=None)
    op.drop_table("status_event")
    op.drop_table("site")
    op.drop_index("ix_sign_in_attempt_subject", table_name="sign_in_attempt", postgresql_where=None)
    op.drop_index("ix_sign_in_attempt_at", table_name="sign_in_attempt", postgresql_where=None)
    op.drop_table("sign_in_attempt")
    op.drop_table("rule_setting")
    op.drop_table("program_category")
    op.drop_index("ix_processed_event_at", table_name="processed_event", postgresql_where=None)
    op.drop_table("processed_event")
    op.drop_index(
        "ix_outbox_message_waiting", table_name="outbox_message", postgresql_where=sa.text("handed_over_at IS NULL")
    )
    op.drop_table("outbox_message")
    op.drop_index("ix_ledger_entry_posted_on", table_name="ledger_entry", postgresql_where=None)
    op.drop_table("ledger_entry")
    op.drop_index("ix_idempotency_key_created", table_name="idempotency_key", postgresql_where=None)
    op.drop_table("idempotency_key")
    op.drop_table("document_counter")
    op.drop_table("attendee")
    op.drop_index("ix_account_email", table_name="account", postgresql_where=None)
    op.drop_table("account")
    op.drop_table("organisation")
    op.drop_table("tenant")
