"""Revenue as sessions are held, locked months, write-offs, reversals; and that the books are what documents say."""

from engine.invariants.form import Invariant, document_name
from models import LedgerAccount

_LINES = """
    SELECT l.id, l.net_minor, l.description, v.id AS invoice_id, v.account_id, v.issued_on, v.issued_at, v.series,
           v.year, v.number, coalesce(k.net_minor, 0) AS credited_minor, coalesce(e.amount_minor, 0) AS earned_minor,
           l.booking_line_id
    FROM invoice_line l JOIN invoice v ON v.id = l.invoice_id
    LEFT JOIN (SELECT invoice_line_id, sum(net_minor) AS net_minor FROM credit_note_line GROUP BY invoice_line_id) k
         ON k.invoice_line_id = l.id
    LEFT JOIN (SELECT invoice_line_id, sum(amount_minor) AS amount_minor FROM revenue_recognition
               GROUP BY invoice_line_id) e ON e.invoice_line_id = l.id
"""


def _tie(account: LedgerAccount, documents: str) -> str:
    """Families of whom the books and the documents say something else."""
    return f"""
        SELECT coalesce(a.name, 'the house') AS name, coalesce(a.reference, '–') AS reference,
               coalesce(b.minor, 0) AS balance_minor, coalesce(d.minor, 0) AS documents_minor
        FROM (SELECT account_id, sum(amount_minor) AS minor FROM ledger_posting WHERE ledger_account = '{account}'
              GROUP BY account_id) b
        FULL JOIN ({documents}) d ON d.account_id = b.account_id
        LEFT JOIN account a ON a.id = coalesce(d.account_id, b.account_id)
        WHERE coalesce(b.minor, 0) <> coalesce(d.minor, 0)
    """


BOOKS = (
    Invariant(
        name="recognised_within_invoiced",
        promise="No more of an invoice line is earned than it asks, and never less than nothing.",
        # What a credit takes back of what was earned follows with the next run of the worker.
        sql=f"""
            SELECT {document_name("f")} AS invoice, f.description, f.net_minor, f.earned_minor, f.id FROM ({_LINES}) f
            WHERE f.earned_minor NOT BETWEEN least(f.net_minor, 0) AND greatest(f.net_minor, 0)
        """,
        says="{description} of {invoice} over {net_minor} net: {earned_minor} is recognised",
    ),
    Invariant(
        name="recognition_is_in_the_books",
        promise="Each step of recognition is in the books, once and over its amount.",
        sql="""
            SELECT coalesce(r.id, e.source_id) AS step, r.amount_minor, coalesce(e.amount_minor, 0) AS posted_minor
            FROM revenue_recognition r
            FULL JOIN (SELECT e.id, e.source_id, sum(p.amount_minor) AS amount_minor FROM ledger_entry e
                       JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account = 'DEFERRED_REVENUE'
                       WHERE e.source_kind = 'RECOGNITION' GROUP BY e.id, e.source_id) e
                 ON e.id = r.entry_id AND e.source_id = r.id
            WHERE r.amount_minor IS DISTINCT FROM e.amount_minor
        """,
        says="Step {step} of recognition over {amount_minor} is posted over {posted_minor}",
    ),
    Invariant(
        name="held_session_is_recognised",
        promise="What was invoiced of a session that was held is revenue, a day after the worker came by.",
        # The clock of the organisation is not asked: its worker has recognised something that came after.
        sql=f"""
            SELECT {document_name("f")} AS invoice, f.description, f.net_minor, f.credited_minor, f.earned_minor
            FROM ({_LINES}) f
            JOIN term_booking_line b ON b.id = f.booking_line_id
            JOIN term_product s ON s.id = b.term_product_id
            CROSS JOIN (SELECT max(created_at) - interval '1 day' AS before FROM revenue_recognition) seen
            WHERE s.ends_at < seen.before AND f.issued_at < seen.before
              AND f.earned_minor <> f.net_minor - f.credited_minor
              AND NOT EXISTS (SELECT FROM credit_note_line x JOIN credit_note n ON n.id = x.credit_note_id
                              WHERE x.invoice_line_id = f.id AND n.issued_at >= seen.before)
        """,
        says="{description} of {invoice} was held: of {net_minor}, less {credited_minor}, {earned_minor} is recognised",
    ),
    Invariant(
        name="deferred_revenue_is_what_is_to_be_held",
        promise="Deferred revenue is what is invoiced, less what was credited and what is earned.",
        sql=_tie(
            LedgerAccount.DEFERRED_REVENUE,
            f"SELECT account_id, -sum(net_minor - credited_minor - earned_minor) AS minor FROM ({_LINES}) f "
            "GROUP BY account_id",
        ),
        says="{name} ({reference}): deferred is {balance_minor} in the books, {documents_minor} by the invoices",
    ),
    Invariant(
        name="deferral_is_what_was_written",
        promise="What is kept of each invoice line (its session, and what is invoiced, credited and earned) is what was"
        " written of it.",
        sql=f"""
            SELECT {document_name("f")} AS invoice, f.description, f.net_minor, f.credited_minor, f.earned_minor,
                   coalesce(d.invoiced_minor, 0) AS kept_net_minor,
                   coalesce(d.credited_minor, 0) AS kept_credited_minor,
                   coalesce(d.earned_minor, 0) AS kept_earned_minor
            FROM ({_LINES}) f
            LEFT JOIN term_booking_line b ON b.id = f.booking_line_id
            LEFT JOIN deferral d ON d.id = f.id
            WHERE (d.booking_line_id, d.term_product_id, d.invoiced_minor, d.credited_minor, d.earned_minor)
                  IS DISTINCT FROM (b.id, b.term_product_id, f.net_minor, f.credited_minor, f.earned_minor)
        """,
        says="{description} of {invoice} over {net_minor}, less {credited_minor}, {earned_minor} of it earned, is kept "
        "as {kept_net_minor}, {kept_credited_minor} and {kept_earned_minor}",
    ),
    Invariant(
        name="tax_is_what_documents_say",
        promise="The tax in the books is that of the invoices and passes, less that of the credit notes.",
        sql=_tie(
            LedgerAccount.TAX,
            "SELECT account_id, sum(minor) AS minor FROM ("
            "SELECT v.account_id, -l.tax_minor AS minor FROM invoice_line l JOIN invoice v ON v.id = l.invoice_id "
            "UNION ALL SELECT n.account_id, l.tax_minor FROM credit_note_line l "
            "JOIN credit_note n ON n.id = l.credit_note_id "
            "UNION ALL SELECT account_id, revoked_tax_minor - tax_minor FROM entitlement) x GROUP BY account_id",
        ),
        says="{name} ({reference}): tax is {balance_minor} in the books, {documents_minor} by the documents",
    ),
    Invariant(
        name="nothing_is_posted_into_a_locked_month",
        promise="No entry is dated in a month that was locked when it was posted.",
        sql="""
            SELECT e.source_kind, e.purpose, e.posted_on, to_char(l.month, 'FMMonth YYYY') AS month, e.id
            FROM ledger_entry e
            JOIN period_lock l ON l.month = date_trunc('month', e.posted_on)::date AND e.created_at > l.locked_at
                 AND (l.unlocked_at IS NULL OR e.created_at < l.unlocked_at)
        """,
        says="The entry {source_kind} {purpose} of {posted_on} was posted when {month} was locked ({id})",
    ),
    Invariant(
        name="posting_is_of_the_day_of_its_entry",
        promise="Each posting is of the day of its entry.",
        sql="""
            SELECT e.source_kind, e.purpose, e.posted_on AS day, p.posted_on, p.id
            FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id WHERE e.posted_on <> p.posted_on
        """,
        says="A posting of {source_kind} {purpose} of {day} is of {posted_on} ({id})",
    ),
    Invariant(
        name="reversal_mirrors_what_it_reverses",
        promise="A reversal takes back what it names, account by account.",
        sql="""
            SELECT e.source_kind, e.purpose, e.posted_on, e.id FROM ledger_entry e
            LEFT JOIN ledger_entry r ON r.id = e.reverses_id
            LEFT JOIN ledger_posting p ON p.entry_id IN (e.id, e.reverses_id)
            WHERE e.reverses_id IS NOT NULL
            GROUP BY e.id, e.source_kind, e.purpose, e.posted_on, r.id, p.ledger_account, p.account_id
            HAVING r.id IS NULL OR sum(p.amount_minor) <> 0
        """,
        says="{source_kind} {purpose} of {posted_on} does not mirror what it reverses ({id})",
    ),
    Invariant(
        name="write_off_settles_its_invoice",
        promise="A write-off settles its invoice by its amount less what was credited of it, and once undone by "
        "nothing; so do the books say.",
        sql=f"""
            SELECT {document_name("v")} AS invoice, w.amount_minor, coalesce(s.amount_minor, 0) AS settled_minor,
                   coalesce(p.amount_minor, 0) AS posted_minor
            FROM write_off w JOIN invoice v ON v.id = w.invoice_id
            LEFT JOIN (SELECT write_off_id, invoice_id, sum(amount_minor) AS amount_minor FROM credit_allocation
                       WHERE write_off_id IS NOT NULL GROUP BY write_off_id, invoice_id) s
                 ON s.write_off_id = w.id AND s.invoice_id = w.invoice_id
            LEFT JOIN (SELECT e.source_id, sum(p.amount_minor) AS amount_minor FROM ledger_entry e
                       JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account = '{LedgerAccount.WRITE_OFF}'
                       WHERE e.source_kind = 'WRITE_OFF' GROUP BY e.source_id) p ON p.source_id = w.id
            CROSS JOIN LATERAL (SELECT CASE WHEN w.undone_at IS NULL THEN w.amount_minor - w.restored_minor
                                            ELSE 0 END AS minor) due
            WHERE coalesce(s.amount_minor, 0) <> due.minor OR coalesce(p.amount_minor, 0) <> due.minor
        """,
        says="{amount_minor} of {invoice} was written off: {settled_minor} is settled, {posted_minor} posted",
    ),
    Invariant(
        name="overdue_fee_is_invoiced",
        promise="The fee of what was not paid in time is of its own booking, never of fees alone, and invoiced once as "
        "it was charged; waived, nothing of it is left, and before that nothing is credited.",
        sql="""
            SELECT f.reference, f.amount_minor, coalesce(c.asked_minor, 0) AS asked_minor,
                   coalesce(c.credited_minor, 0) AS credited_minor, f.id AS overdue_fee_id
            FROM overdue_fee f
            LEFT JOIN invoice o ON o.id = f.invoice_id
            LEFT JOIN instalment i ON i.id = f.instalment_id
            LEFT JOIN payment_schedule s ON s.id = i.schedule_id
            LEFT JOIN term_booking b ON b.id = f.booking_id
            LEFT JOIN (
                SELECT l.overdue_fee_id, v.booking_id, v.account_id, k.component, l.gross_minor,
                       CASE WHEN (v.printed->>'prices_include_tax')::boolean THEN l.gross_minor
                            ELSE l.net_minor END AS asked_minor,
                       coalesce((SELECT sum(n.gross_minor) FROM credit_note_line n
                                 WHERE n.invoice_line_id = l.id), 0) AS credited_minor
                FROM invoice_line l
                JOIN invoice v ON v.id = l.invoice_id
                JOIN billing_line k ON k.id = l.billing_line_id
                WHERE l.overdue_fee_id IS NOT NULL) c ON c.overdue_fee_id = f.id
            WHERE c.overdue_fee_id IS NULL OR c.asked_minor <> f.amount_minor
               OR c.component <> concat('FEE_OVERDUE:', f.reference)
               OR c.booking_id <> f.booking_id OR c.account_id <> f.account_id
               OR (f.invoice_id IS NOT NULL AND o.booking_id IS DISTINCT FROM f.booking_id)
               OR (f.instalment_id IS NOT NULL AND s.order_id IS DISTINCT FROM b.order_id)
               OR (f.invoice_id IS NOT NULL AND NOT EXISTS (
                       SELECT FROM invoice_line x JOIN billing_line k ON k.id = x.billing_line_id
                       WHERE x.invoice_id = f.invoice_id AND NOT starts_with(k.component, 'FEE_')))
               OR c.credited_minor <> CASE WHEN f.waived_at IS NULL THEN 0 ELSE c.gross_minor END
        """,
        says="{reference} asks {amount_minor}: {asked_minor} is invoiced, {credited_minor} credited",
    ),
)
