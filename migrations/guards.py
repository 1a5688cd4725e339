"""What the schema enforces beyond tables: tenants apart, history unchangeable, sums that hold.

Used by migrations; each function writes the SQL for one promise.
"""

from alembic import op

# Tables that are only ever added to: neither the application nor its owner may change a row. By the migration that
# made them; `FOR_GOOD` is all of them.
APPEND_ONLY = (
    "status_event", "ledger_entry", "ledger_posting", "billing", "billing_line", "invoice", "invoice_line", "quote",
    "payment_allocation",
)  # fmt: skip
CREDIT_NOTES = ("credit_note", "credit_note_line", "credit_allocation")
MERGES = ("attendee_merge",)
SCHEDULES = ("payment_schedule", "instalment")
ROLLS = ("roll_mark", "sign_out", "signature", "roll_event")
BOOKS = ("manual_entry", "revenue_recognition")
MAILS = ("mail_text",)
WALLETS = ("wallet_entry", "bonus_use", "credit_step")
CONSENTS = ("consent_text", "consent")
FOR_GOOD = (*APPEND_ONLY, *CREDIT_NOTES, *SCHEDULES, *MERGES, *ROLLS, *BOOKS, *WALLETS, *MAILS, *CONSENTS)


_WITHIN_PAYMENT = """
        CREATE FUNCTION allocations_within_payment() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM payment_allocation a JOIN payment p USING (organisation_id)
                WHERE p.id = a.payment_id AND (a.organisation_id, a.payment_id) IN
                      (SELECT organisation_id, payment_id FROM added)
                GROUP BY p.organisation_id, p.id, p.amount_minor HAVING sum(a.amount_minor) > p.amount_minor
            ) THEN
                RAISE EXCEPTION 'more is allocated than was paid' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
"""
_WITHIN_INVOICE = """
        CREATE FUNCTION allocations_within_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM payment_allocation a JOIN invoice i USING (organisation_id)
                WHERE i.id = a.invoice_id AND (a.organisation_id, a.invoice_id) IN
                      (SELECT organisation_id, invoice_id FROM added)
                GROUP BY i.organisation_id, i.id, i.total_minor HAVING sum(a.amount_minor) > i.total_minor
            ) THEN
                RAISE EXCEPTION 'more is allocated to an invoice than it asks' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
"""


def make_app_role(role: str) -> None:
    """The role the application works as: no login of its own, owner of nothing, bound by row level security."""
    op.execute(f"""
        DO $$ BEGIN
            CREATE ROLE {role} NOLOGIN NOBYPASSRLS;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
        END $$
    """)
    op.execute(f"GRANT {role} TO CURRENT_USER")
    op.execute(f"GRANT USAGE ON SCHEMA public TO {role}")


def keep_tenants_apart(table: str, role: str, *, column: str = "organisation_id") -> None:
    """Row level security, forced on the owner too; without an organisation set nothing is visible."""
    own = f"{column} = nullif(current_setting('app.organisation_id', true), '')::uuid"
    op.execute(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
    op.execute(f'ALTER TABLE "{table}" FORCE ROW LEVEL SECURITY')
    op.execute(f'CREATE POLICY own_organisation ON "{table}" USING ({own}) WITH CHECK ({own})')
    verbs = "SELECT, INSERT" if table in FOR_GOOD else "SELECT, INSERT, UPDATE, DELETE"
    op.execute(f'GRANT {verbs} ON "{table}" TO {role}')


def refuse_changes(table: str) -> None:
    """UPDATE, DELETE and TRUNCATE raise, whoever asks."""
    op.execute(f"""
        CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON "{table}"
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """)


def hold_sums() -> None:
    """Sums that must hold at the end of the statement that writes them, seen through transition tables."""
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
    """)
    op.execute("""
        CREATE FUNCTION postings_balance() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (SELECT FROM added GROUP BY organisation_id, entry_id HAVING sum(amount_minor) <> 0) THEN
                RAISE EXCEPTION 'the postings of a ledger entry do not balance' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER postings_balance AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION postings_balance()
    """)
    for parent, child, key in (("billing", "billing_line", "billing_id"), ("invoice", "invoice_line", "invoice_id")):
        op.execute(f"""
            CREATE FUNCTION {child}s_make_the_total() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF EXISTS (
                    SELECT FROM (SELECT organisation_id, {key}, sum(net_minor) AS net, sum(tax_minor) AS tax
                                 FROM added GROUP BY organisation_id, {key}) lines
                    JOIN {parent} whole ON whole.organisation_id = lines.organisation_id AND whole.id = lines.{key}
                    WHERE whole.net_minor <> lines.net OR whole.tax_minor <> lines.tax
                ) THEN
                    RAISE EXCEPTION 'the lines of a version of {parent} do not make its total'
                    USING ERRCODE = 'check_violation';
                END IF;
                RETURN NULL;
            END $$
        """)
        op.execute(f"""
            CREATE TRIGGER lines_make_the_total AFTER INSERT ON {child} REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION {child}s_make_the_total()
        """)
    op.execute(_WITHIN_PAYMENT)
    op.execute("""
        CREATE TRIGGER within_payment AFTER INSERT ON payment_allocation REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION allocations_within_payment()
    """)

    op.execute(_WITHIN_INVOICE)
    op.execute("""
        CREATE TRIGGER within_invoice AFTER INSERT ON payment_allocation REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION allocations_within_invoice()
    """)


def drop_sums() -> None:
    for name in (
        "allocations_within_payment", "allocations_within_invoice", "invoice_lines_make_the_total", "billing_lines_make_the_total",
        "postings_balance", "refuse_change",
    ):  # fmt: skip
        op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")


def hold_credits() -> None:
    """Credits stay within what they correct: a note within its lines, a line within its invoice line, and payments
    and credits together between nothing and what the invoice asks.
    """
    op.execute("""
        CREATE FUNCTION credit_note_lines_make_the_total() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT organisation_id, credit_note_id, sum(net_minor) AS net, sum(tax_minor) AS tax
                             FROM added GROUP BY organisation_id, credit_note_id) lines
                JOIN credit_note whole ON whole.organisation_id = lines.organisation_id
                     AND whole.id = lines.credit_note_id
                WHERE whole.net_minor <> lines.net OR whole.tax_minor <> lines.tax
            ) THEN
                RAISE EXCEPTION 'the lines of a credit note do not make its total' USING ERRCODE = 'check_violation';
            END IF;
            IF EXISTS (
                SELECT FROM credit_note_line c JOIN invoice_line l USING (organisation_id)
                WHERE l.id = c.invoice_line_id AND (c.organisation_id, c.invoice_line_id) IN
                      (SELECT organisation_id, invoice_line_id FROM added)
                GROUP BY l.organisation_id, l.id, l.net_minor, l.tax_minor
                HAVING sum(c.net_minor) > l.net_minor OR sum(c.tax_minor) > l.tax_minor
            ) THEN
                RAISE EXCEPTION 'more is credited of an invoice line than it asks' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER within_invoice_line AFTER INSERT ON credit_note_line REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION credit_note_lines_make_the_total()
    """)
    op.execute("""
        CREATE OR REPLACE FUNCTION allocations_within_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT DISTINCT organisation_id, invoice_id FROM added) a
                JOIN invoice i ON i.organisation_id = a.organisation_id AND i.id = a.invoice_id
                WHERE coalesce((SELECT sum(p.amount_minor) FROM payment_allocation p
                                WHERE p.organisation_id = i.organisation_id AND p.invoice_id = i.id), 0)
                    + coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                                WHERE c.organisation_id = i.organisation_id AND c.invoice_id = i.id), 0)
                    > i.total_minor
            ) THEN
                RAISE EXCEPTION 'more is allocated to an invoice than it asks' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER within_invoice AFTER INSERT ON credit_allocation REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION allocations_within_invoice()
    """)
    op.execute("""
        CREATE FUNCTION allocations_free_what_was_used() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM payment_allocation a
                WHERE (a.organisation_id, a.payment_id, a.invoice_id) IN
                      (SELECT organisation_id, payment_id, invoice_id FROM added WHERE amount_minor < 0)
                GROUP BY a.organisation_id, a.payment_id, a.invoice_id HAVING sum(a.amount_minor) < 0
            ) THEN
                RAISE EXCEPTION 'more is freed of a payment than was used' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER frees_what_was_used AFTER INSERT ON payment_allocation REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION allocations_free_what_was_used()
    """)
    op.execute("""
        CREATE FUNCTION credits_within_note() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM credit_allocation a JOIN credit_note n USING (organisation_id)
                WHERE n.id = a.credit_note_id AND (a.organisation_id, a.credit_note_id) IN
                      (SELECT organisation_id, credit_note_id FROM added)
                GROUP BY n.organisation_id, n.id, n.total_minor HAVING sum(a.amount_minor) > n.total_minor
            ) THEN
                RAISE EXCEPTION 'more is allocated than was credited' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER within_credit_note AFTER INSERT ON credit_allocation REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION credits_within_note()
    """)


def drop_credits() -> None:
    """Back to invoices that only payments settle; the tables of credits are gone when this is called."""
    for name in ("credit_note_lines_make_the_total", "credits_within_note", "allocations_free_what_was_used"):
        op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")
    op.execute(_WITHIN_INVOICE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def hold_schedules() -> None:
    """The instalments of a schedule make its total, and that is the total of its Billing version."""
    op.execute("""
        CREATE FUNCTION instalments_make_the_total() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT DISTINCT organisation_id, schedule_id FROM added) a
                JOIN payment_schedule s ON s.organisation_id = a.organisation_id AND s.id = a.schedule_id
                JOIN billing b ON b.organisation_id = s.organisation_id AND b.id = s.billing_id
                WHERE s.total_minor <> b.total_minor OR s.total_minor <> (
                    SELECT sum(i.amount_minor) FROM instalment i
                    WHERE i.organisation_id = s.organisation_id AND i.schedule_id = s.id)
            ) THEN
                RAISE EXCEPTION 'the instalments of a schedule do not make its total' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER make_the_total AFTER INSERT ON instalment REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION instalments_make_the_total()
    """)


_WITHIN_PAYMENT_MOVED = """
        CREATE OR REPLACE FUNCTION allocations_within_payment() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT DISTINCT organisation_id, payment_id FROM added) a
                JOIN payment p ON p.organisation_id = a.organisation_id AND p.id = a.payment_id
                WHERE coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
                                WHERE x.organisation_id = p.organisation_id AND x.payment_id = p.id), 0)
                    + coalesce((SELECT sum(w.moved_minor) FROM wallet_entry w
                                WHERE w.organisation_id = p.organisation_id AND w.payment_id = p.id), 0)
                    > p.amount_minor
            ) THEN
                RAISE EXCEPTION 'more is allocated than was paid' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
"""


def hold_wallets() -> None:
    """What a payment settles and what of it went to the wallet never exceed it together."""
    op.execute(_WITHIN_PAYMENT_MOVED)
    op.execute("""
        CREATE TRIGGER within_payment AFTER INSERT ON wallet_entry REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION allocations_within_payment()
    """)


def hold_refunds() -> None:
    """No more of a payment is sent back than of it went to the wallet."""
    op.execute("""
        CREATE FUNCTION refunds_within_payment() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT DISTINCT organisation_id, payment_id FROM added) a
                WHERE (SELECT sum(r.amount_minor) FROM refund r WHERE r.organisation_id = a.organisation_id
                       AND r.payment_id = a.payment_id AND r.status <> 'FAILED')
                    > coalesce((SELECT sum(w.moved_minor) FROM wallet_entry w
                                WHERE w.organisation_id = a.organisation_id AND w.payment_id = a.payment_id), 0)
            ) THEN
                RAISE EXCEPTION 'more is sent back than came into the wallet' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER within_payment AFTER INSERT ON refund REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION refunds_within_payment()
    """)


def drop_refunds() -> None:
    op.execute("DROP FUNCTION refunds_within_payment() CASCADE")


def drop_wallets() -> None:
    """Back to payments that only settle invoices; the tables of wallets are gone when this is called."""
    op.execute(_WITHIN_PAYMENT.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def drop_schedules() -> None:
    """The tables of schedules are gone when this is called."""
    op.execute("DROP FUNCTION IF EXISTS instalments_make_the_total() CASCADE")


OPEN_MONTHS = """
        CREATE OR REPLACE FUNCTION entries_in_open_months() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE locked date;
        BEGIN
            SELECT l.month INTO locked FROM added e
            JOIN period_lock l ON l.organisation_id = e.organisation_id AND l.unlocked_at IS NULL
                 AND l.month = date_trunc('month', e.posted_on)::date
            LIMIT 1;
            IF FOUND THEN
                RAISE EXCEPTION '% is locked', to_char(locked, 'FMMonth YYYY')
                USING ERRCODE = 'check_violation', CONSTRAINT = 'entries_in_open_months';
            END IF;
            {then}
            RETURN NULL;
        END $$
"""


def hold_books() -> None:
    """Nothing is posted into a locked month, and a reversal mirrors what it reverses.

    Whoever posts holds a share of its organisation's row since the foreign key was checked, which is before a statement
    trigger looks; whoever locks a month takes the row whole. So each of them sees what the other has done.
    """
    op.execute(OPEN_MONTHS.format(then=""))
    op.execute("""
        CREATE TRIGGER in_open_months AFTER INSERT ON ledger_entry REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION entries_in_open_months()
    """)
    op.execute("""
        CREATE FUNCTION reversals_mirror() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF EXISTS (
                SELECT FROM (SELECT DISTINCT organisation_id, entry_id FROM added) a
                JOIN ledger_entry e ON e.organisation_id = a.organisation_id AND e.id = a.entry_id
                JOIN ledger_posting p ON p.organisation_id = e.organisation_id
                     AND (p.entry_id = e.id OR p.entry_id = e.reverses_id)
                WHERE e.reverses_id IS NOT NULL
                GROUP BY e.organisation_id, e.id, p.ledger_account, p.account_id HAVING sum(p.amount_minor) <> 0
            ) THEN
                RAISE EXCEPTION 'a reversal does not mirror what it reverses' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER mirror AFTER INSERT ON ledger_posting REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION reversals_mirror()
    """)


def drop_books() -> None:
    for name in ("entries_in_open_months", "reversals_mirror"):
        op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")


def count_extras() -> None:
    """What is taken of an extra at a session is what its claims say, and its stock is the extra's: counted by the
    database, whatever takes or gives back. Rows are locked in one order, so that nobody waits in a circle.
    """
    op.execute("""
        CREATE FUNCTION extras_taken() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO extra_stock AS s (organisation_id, id, extra_id, term_product_id, stock, taken)
            SELECT a.organisation_id, gen_random_uuid(), a.extra_id, a.term_product_id, x.stock, a.quantity
            FROM (SELECT organisation_id, extra_id, term_product_id, sum(quantity)::int AS quantity
                  FROM added GROUP BY 1, 2, 3) a
            JOIN extra x ON x.organisation_id = a.organisation_id AND x.id = a.extra_id
            ORDER BY a.extra_id, a.term_product_id
            -- Whoever changes the stock waits for those who copy it, and they for him.
            FOR SHARE OF x
            ON CONFLICT (organisation_id, extra_id, term_product_id) DO UPDATE SET taken = s.taken + excluded.taken;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION extras_given_back() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE extra_stock s SET taken = s.taken - locked.quantity FROM (
                SELECT k.organisation_id, k.id, g.quantity
                FROM (SELECT organisation_id, extra_id, term_product_id, sum(quantity)::int AS quantity
                      FROM gone GROUP BY 1, 2, 3) g
                JOIN extra_stock k USING (organisation_id, extra_id, term_product_id)
                ORDER BY extra_id, term_product_id FOR NO KEY UPDATE OF k) locked
            WHERE s.organisation_id = locked.organisation_id AND s.id = locked.id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE FUNCTION stock_of_extra() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            UPDATE extra_stock SET stock = NEW.stock
            WHERE organisation_id = NEW.organisation_id AND extra_id = NEW.id;
            RETURN NULL;
        END $$
    """)
    op.execute("""
        CREATE TRIGGER taken AFTER INSERT ON extra_claim REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION extras_taken()
    """)
    op.execute("""
        CREATE TRIGGER given_back AFTER DELETE ON extra_claim REFERENCING OLD TABLE AS gone
        FOR EACH STATEMENT EXECUTE FUNCTION extras_given_back()
    """)
    op.execute("""
        CREATE TRIGGER stock AFTER UPDATE OF stock ON extra FOR EACH ROW
        WHEN (OLD.stock IS DISTINCT FROM NEW.stock) EXECUTE FUNCTION stock_of_extra()
    """)


def drop_extras() -> None:
    for name in ("extras_taken", "extras_given_back", "stock_of_extra"):
        op.execute(f"DROP FUNCTION IF EXISTS {name}() CASCADE")


def keep_search_texts() -> None:
    """Who is added or named otherwise is found by the new words, whoever writes."""
    op.execute("""
        CREATE FUNCTION folded(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN left(btrim(regexp_replace(lower(given), '[^[:alnum:]]+', ' ', 'g')), 200)
    """)
    op.execute("""
        CREATE FUNCTION attendee_texts(name text) RETURNS SETOF text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        BEGIN ATOMIC
            SELECT DISTINCT array_to_string(w.words[n:], ' ')
            FROM (SELECT string_to_array(folded(name), ' ') AS words) w, generate_subscripts(w.words, 1) n;
        END
    """)
    op.execute("""
        CREATE FUNCTION account_texts(name text, email text, phone text) RETURNS SETOF text
        LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        BEGIN ATOMIC
            SELECT attendee_texts(name) UNION SELECT attendee_texts(phone)
            UNION SELECT folded(email) WHERE folded(email) <> '';
        END
    """)
    for table, columns in (("account", ("name", "email", "phone")), ("attendee", ("name",))):
        op.execute(f"""
            CREATE FUNCTION keep_texts_of_{table}() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' THEN
                    DELETE FROM search_text WHERE organisation_id = OLD.organisation_id AND {table}_id = OLD.id;
                END IF;
                INSERT INTO search_text (organisation_id, id, {table}_id, words)
                SELECT NEW.organisation_id, gen_random_uuid(), NEW.id, t
                FROM {table}_texts({", ".join(f"NEW.{column}" for column in columns)}) t;
                RETURN NULL;
            END $$
        """)
        op.execute(f"""
            CREATE TRIGGER search_texts AFTER INSERT OR UPDATE OF {", ".join(columns)} ON {table}
            FOR EACH ROW EXECUTE FUNCTION keep_texts_of_{table}()
        """)


def drop_search_texts() -> None:
    for name in ("keep_texts_of_account()", "keep_texts_of_attendee()", "account_texts(text, text, text)",
                 "attendee_texts(text)", "folded(text)"):  # fmt: skip
        op.execute(f"DROP FUNCTION IF EXISTS {name} CASCADE")


# A whole, the table of its parts, and the column that names it there.
_WRITTEN_AT_ONCE = (
    ("ledger_entry", "ledger_posting", "entry_id"), ("billing", "billing_line", "billing_id"),
    ("invoice", "invoice_line", "invoice_id"), ("credit_note", "credit_note_line", "credit_note_id"),
)  # fmt: skip


def close_what_is_written() -> None:
    """The parts of a whole are written by one statement, in the transaction that wrote the whole: nothing is added
    afterwards, no pair of postings that balance, no lines that come to nothing. So what a statement adds is all there
    is, and the sums over it hold for good.

    Neither is ever updated, so the transaction that a row says it is of (`xmin`) is the one that wrote it. All rows of
    a statement are of the same, so one part is looked at; after a savepoint it is that part of the transaction. Every
    plan looks rows up by their keys, however few there were when it was made.
    """
    for whole, part, key in _WRITTEN_AT_ONCE:
        _write_at_once(whole, part, key)
        op.execute(f"""
            CREATE TRIGGER at_once AFTER INSERT ON {part} REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION {part}s_at_once()
        """)


def _write_at_once(whole: str, part: str, key: str) -> None:
    op.execute(f"""
        CREATE OR REPLACE FUNCTION {part}s_at_once() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off AS $$
        DECLARE written xid;
        BEGIN
            SELECT p.xmin INTO written FROM (SELECT organisation_id, id FROM added LIMIT 1) a
            JOIN {part} p ON p.organisation_id = a.organisation_id AND p.id = a.id;
            IF EXISTS (
                SELECT FROM (SELECT organisation_id, {key}, count(*) AS parts
                             FROM added GROUP BY organisation_id, {key}) a
                JOIN {whole} w ON w.organisation_id = a.organisation_id AND w.id = a.{key}
                WHERE w.xmin <> written OR a.parts <> (
                    SELECT count(*) FROM {part} p
                    WHERE p.organisation_id = a.organisation_id AND p.{key} = a.{key})
            ) THEN
                RAISE EXCEPTION 'nothing is added to a row of {whole} that was written before'
                USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)


def date_postings() -> None:
    """A posting is of the day of its entry; looked at where it is held that nothing is added to an older one."""
    op.execute("""
        CREATE OR REPLACE FUNCTION ledger_postings_at_once() RETURNS trigger LANGUAGE plpgsql SET enable_seqscan = off
        AS $$
        DECLARE written xid; is_late boolean; is_astray boolean;
        BEGIN
            SELECT p.xmin INTO written FROM (SELECT organisation_id, id FROM added LIMIT 1) a
            JOIN ledger_posting p ON p.organisation_id = a.organisation_id AND p.id = a.id;
            SELECT bool_or(w.xmin <> written OR a.parts <> (
                       SELECT count(*) FROM ledger_posting p
                       WHERE p.organisation_id = a.organisation_id AND p.entry_id = a.entry_id)),
                   bool_or(a.first_on <> w.posted_on OR a.last_on <> w.posted_on)
            INTO is_late, is_astray
            FROM (SELECT organisation_id, entry_id, count(*) AS parts, min(posted_on) AS first_on,
                         max(posted_on) AS last_on
                  FROM added GROUP BY organisation_id, entry_id) a
            JOIN ledger_entry w ON w.organisation_id = a.organisation_id AND w.id = a.entry_id;
            IF is_late THEN
                RAISE EXCEPTION 'nothing is added to a row of ledger_entry that was written before'
                USING ERRCODE = 'check_violation';
            END IF;
            IF is_astray THEN
                RAISE EXCEPTION 'a posting is not of the day of its ledger_entry' USING ERRCODE = 'check_violation';
            END IF;
            RETURN NULL;
        END $$
    """)


def forget_days_of_postings() -> None:
    _write_at_once(*_WRITTEN_AT_ONCE[0])


def open_what_is_written() -> None:
    for _, part, _ in _WRITTEN_AT_ONCE:
        op.execute(f"DROP FUNCTION {part}s_at_once() CASCADE")
