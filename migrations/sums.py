"""What the schema adds up by itself: sums beside what they are of, whoever writes, and sums that go when they are old.

Used by migrations, as the guards are; each function writes the SQL for one sum.
"""

from alembic import op

from migrations.guards import OPEN_MONTHS

# What is added to a table, as it counts for the deferral of an invoice line.
_DEFERS = {
    "invoice_line": "SELECT organisation_id, id, net_minor AS invoiced, 0 AS credited, 0 AS earned FROM added",
    "credit_note_line": "SELECT organisation_id, invoice_line_id AS id, 0 AS invoiced, sum(net_minor) AS credited, "
    "0 AS earned FROM added GROUP BY organisation_id, invoice_line_id",
    "revenue_recognition": "SELECT organisation_id, invoice_line_id AS id, 0 AS invoiced, 0 AS credited, "
    "sum(amount_minor) AS earned FROM added GROUP BY organisation_id, invoice_line_id",
}


def keep_deferrals() -> None:
    """What of an invoice line is invoiced, credited and earned is what is written of it: added up by the database,
    whoever writes.
    """
    for table, added in _DEFERS.items():
        _add_up(table, "deferred", f"""
                INSERT INTO deferral AS d (organisation_id, id, booking_line_id, term_product_id, invoiced_minor,
                                           credited_minor, earned_minor)
                SELECT a.organisation_id, a.id, b.id, b.term_product_id, a.invoiced, a.credited, a.earned
                FROM ({added}) a
                JOIN invoice_line l ON l.organisation_id = a.organisation_id AND l.id = a.id
                JOIN term_booking_line b ON b.organisation_id = l.organisation_id AND b.id = l.booking_line_id
                ORDER BY a.id
                ON CONFLICT (organisation_id, id) DO UPDATE
                SET invoiced_minor = d.invoiced_minor + excluded.invoiced_minor,
                    credited_minor = d.credited_minor + excluded.credited_minor,
                    earned_minor = d.earned_minor + excluded.earned_minor;
        """)  # fmt: skip


def _add_up(table: str, name: str, statement: str) -> None:
    """What is added to the table, by each statement that writes there. Amounts are only ever added, so it does not
    matter which of two that write at once is the first.
    """
    op.execute(f"""
            CREATE FUNCTION {table}s_{name}() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
            BEGIN{statement}RETURN NULL;
            END $$
    """)
    op.execute(f"""
        CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION {table}s_{name}()
    """)


def drop_deferrals() -> None:
    for table in _DEFERS:
        op.execute(f"DROP FUNCTION {table}s_deferred() CASCADE")


# Seldom there is anything: to look costs nothing that could be measured, to delete nothing costs 0.08 ms. In the order of
# their days, so that two that post into the same days do not wait for each other.
_FORGET = """IF EXISTS (SELECT FROM added e
                       JOIN kept_day k ON k.organisation_id = e.organisation_id AND k.day = e.posted_on) THEN
                DELETE FROM kept_day WHERE (organisation_id, id) IN (
                    SELECT k.organisation_id, k.id FROM kept_day k
                    WHERE (k.organisation_id, k.day) IN (SELECT organisation_id, posted_on FROM added)
                    ORDER BY k.day, k.kind FOR UPDATE);
            END IF;"""


def forget_kept_days() -> None:
    """What is kept of a day goes when something is posted into it, and what is kept of a session's deferral when it is
    moved to another month.

    Whoever keeps a day marks it first, and takes the row of the organisation whole for that where nobody else has it
    (`billing.reports.keeping`); whoever posts or moves holds a share of it. So whoever wrote before the mark is seen by
    the sums, and whoever writes after it takes the mark away.
    """
    op.execute(OPEN_MONTHS.format(then=_FORGET))
    op.execute("""
        CREATE FUNCTION forget_deferral(owner uuid, moved uuid[]) RETURNS void LANGUAGE plpgsql AS $$
        DECLARE first date;
        BEGIN
            -- What was written of them begins with an invoice; days before that say the same as they did.
            SELECT min(v.issued_on) INTO first FROM deferral d
            JOIN invoice_line l ON l.organisation_id = d.organisation_id AND l.id = d.id
            JOIN invoice v ON v.organisation_id = l.organisation_id AND v.id = l.invoice_id
            WHERE d.organisation_id = owner AND d.term_product_id = ANY(moved);
            PERFORM FROM organisation o WHERE o.id = owner FOR KEY SHARE;
            DELETE FROM kept_day WHERE (organisation_id, id) IN (
                SELECT k.organisation_id, k.id FROM kept_day k
                WHERE k.organisation_id = owner AND k.kind = 'DEFERRAL' AND k.day >= first
                ORDER BY k.day FOR UPDATE);
        END $$
    """)
    op.execute("""
        CREATE FUNCTION session_to_another_month() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM forget_deferral(NEW.organisation_id, ARRAY[NEW.id]);
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER to_another_month AFTER UPDATE OF local_date ON term_product FOR EACH ROW
        WHEN (date_trunc('month', OLD.local_date) IS DISTINCT FROM date_trunc('month', NEW.local_date))
        EXECUTE FUNCTION session_to_another_month()
    """)
    op.execute("""
        CREATE FUNCTION term_to_another_month() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM forget_deferral(NEW.organisation_id, array_agg(s.id)) FROM term_product s
            JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
            WHERE p.organisation_id = NEW.organisation_id AND p.term_id = NEW.id AND s.local_date IS NULL;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER to_another_month AFTER UPDATE OF ends_on ON term FOR EACH ROW
        WHEN (date_trunc('month', OLD.ends_on) <> date_trunc('month', NEW.ends_on))
        EXECUTE FUNCTION term_to_another_month()
    """)


def keep_no_days() -> None:
    op.execute(OPEN_MONTHS.format(then=""))
    op.execute("DROP FUNCTION session_to_another_month() CASCADE")
    op.execute("DROP FUNCTION term_to_another_month() CASCADE")
    op.execute("DROP FUNCTION forget_deferral(uuid, uuid[])")


# What is added to a table, as it counts for what is owed of an invoice.
_OWES = {
    "invoice": "SELECT organisation_id, id, total_minor AS total, 0 AS paid, 0 AS credited, "
    "NULL::timestamptz AS moved_at FROM added",
    "payment_allocation": "SELECT organisation_id, invoice_id AS id, 0 AS total, sum(amount_minor) AS paid, "
    "0 AS credited, max(created_at) AS moved_at FROM added GROUP BY organisation_id, invoice_id",
    "credit_allocation": "SELECT organisation_id, invoice_id AS id, 0 AS total, 0 AS paid, "
    "sum(amount_minor) AS credited, max(created_at) AS moved_at FROM added GROUP BY organisation_id, invoice_id",
}


def keep_receivables() -> None:
    """What of an invoice is asked, paid and credited is what is written of it, added up as deferrals are."""
    for table, added in _OWES.items():
        _add_up(table, "owed", f"""
                INSERT INTO receivable AS r (organisation_id, id, account_id, billing_id, issued_on, due_on,
                                             total_minor, paid_minor, credited_minor, moved_at)
                SELECT a.organisation_id, a.id, v.account_id, v.billing_id, v.issued_on, v.due_on, a.total, a.paid,
                       a.credited, a.moved_at
                FROM ({added}) a JOIN invoice v ON v.organisation_id = a.organisation_id AND v.id = a.id
                ORDER BY a.id
                ON CONFLICT (organisation_id, id) DO UPDATE
                SET total_minor = r.total_minor + excluded.total_minor,
                    paid_minor = r.paid_minor + excluded.paid_minor,
                    credited_minor = r.credited_minor + excluded.credited_minor,
                    moved_at = greatest(r.moved_at, excluded.moved_at);
        """)  # fmt: skip


def drop_receivables() -> None:
    for table in _OWES:
        op.execute(f"DROP FUNCTION {table}s_owed() CASCADE")


# Money that no provider holds: it came to us at once, or was the family's already.
_OURS = "('manual', 'bank', 'cash', 'direct_debit', 'wallet')"


_POSTED_CAPTURES = """
    CREATE OR REPLACE FUNCTION posted_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
    BEGIN
        INSERT INTO capture AS c (organisation_id, id, captured_minor, posted_minor{column})
        SELECT e.organisation_id, e.source_id, 0, sum(a.amount_minor){value}
        FROM added a JOIN ledger_entry e ON e.organisation_id = a.organisation_id AND e.id = a.entry_id
        WHERE a.ledger_account = 'GATEWAY_CLEARING' AND e.source_kind = 'PAYMENT'
        GROUP BY e.organisation_id, e.source_id ORDER BY e.source_id
        ON CONFLICT (organisation_id, id) DO UPDATE SET posted_minor = c.posted_minor + excluded.posted_minor{keep};
        RETURN NULL;
    END $$
"""


def keep_captures() -> None:
    """What a payment says that its provider captured, and what the books say, side by side: kept by the database,
    whoever writes.
    """
    op.execute("""
        CREATE FUNCTION payment_captures() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        DECLARE captured bigint := CASE WHEN NEW.status = 'SUCCESS' THEN NEW.amount_minor ELSE 0 END;
        BEGIN
            IF captured <> 0 THEN
                INSERT INTO capture AS c (organisation_id, id, captured_minor, posted_minor)
                VALUES (NEW.organisation_id, NEW.id, captured, 0)
                ON CONFLICT (organisation_id, id) DO UPDATE SET captured_minor = excluded.captured_minor;
            ELSIF TG_OP = 'UPDATE' THEN
                UPDATE capture SET captured_minor = 0
                WHERE organisation_id = NEW.organisation_id AND id = NEW.id AND captured_minor <> 0;
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute(f"""
        CREATE TRIGGER captures AFTER INSERT OR UPDATE OF status, amount_minor ON payment
        FOR EACH ROW WHEN (NEW.provider NOT IN {_OURS}) EXECUTE FUNCTION payment_captures()
    """)
    op.execute(_POSTED_CAPTURES.format(column="", value="", keep=""))
    op.execute("""
        CREATE TRIGGER captures AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION posted_captures()
    """)


def drop_captures() -> None:
    op.execute("DROP FUNCTION payment_captures() CASCADE")
    op.execute("DROP FUNCTION posted_captures() CASCADE")


def date_captures() -> None:
    """What is kept of a capture knows the day on which it was posted."""
    op.execute(_POSTED_CAPTURES.format(
        column=", captured_on", value=", min(a.posted_on)",
        keep=", captured_on = least(c.captured_on, excluded.captured_on)",
    ))  # fmt: skip


def forget_days_of_captures() -> None:
    op.execute(_POSTED_CAPTURES.format(column="", value="", keep=""))
