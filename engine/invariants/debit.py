"""Direct debits: whose they are, and that a returned one is undone."""

from engine.invariants.form import Invariant

DEBIT = (
    Invariant(
        name="debit_is_of_its_payer",
        promise="A debit is collected from the family that was invoiced, by that family's own mandate.",
        sql="""
            SELECT p.reference, m.reference AS mandate, p.id AS payment_id
            FROM payment p
            LEFT JOIN direct_debit_mandate m ON m.id = p.mandate_id
            LEFT JOIN invoice i ON i.id = p.invoice_id
            WHERE p.mandate_id IS NOT NULL
              AND (m.account_id IS DISTINCT FROM p.account_id OR i.account_id IS DISTINCT FROM p.account_id)
        """,
        says="{reference} is collected by {mandate}, from another family than the one that was invoiced",
    ),
    Invariant(
        name="debit_is_in_one_run",
        promise="A debit is handed to the bank in one run, and the run adds up to its debits.",
        sql="""
            SELECT r.reference, r.debits, r.total_minor, coalesce(e.debits, 0) AS entries,
                   coalesce(e.total_minor, 0) AS entries_minor, coalesce(e.repeated, 0) AS repeated, r.id AS run_id
            FROM debit_run r
            LEFT JOIN (
                SELECT e.run_id, count(*) AS debits, sum(e.amount_minor) AS total_minor,
                       count(*) FILTER (WHERE o.id IS NOT NULL) AS repeated
                FROM debit_run_entry e
                LEFT JOIN debit_run_entry o ON o.payment_id = e.payment_id AND o.id <> e.id
                GROUP BY e.run_id
            ) e ON e.run_id = r.id
            WHERE r.debits <> coalesce(e.debits, 0) OR r.total_minor <> coalesce(e.total_minor, 0) OR e.repeated > 0
        """,
        says="Run {reference} of {debits} debits over {total_minor} has {entries} over {entries_minor}; {repeated} are "
        "in another too",
    ),
    Invariant(
        name="debit_of_a_run_was_handed_over",
        promise="What a run collects is a debit over just that, and it does not wait any more.",
        sql="""
            SELECT p.reference, p.status, p.amount_minor, e.amount_minor AS entry_minor, p.id AS payment_id
            FROM debit_run_entry e JOIN payment p ON p.id = e.payment_id
            WHERE p.mandate_id IS NULL OR p.status = 'PENDING' OR p.amount_minor <> e.amount_minor
        """,
        says="{reference} over {amount_minor} is {status}; a run collects {entry_minor} of it",
    ),
    Invariant(
        name="returned_debit_is_undone",
        promise="What the bank took back is out of the books, by an entry that reverses its capture; nothing else is.",
        sql="""
            SELECT coalesce(p.reference, e.source_id::text) AS reference, p.returned_at, e.id AS entry_id
            FROM (SELECT id, reference, returned_at FROM payment WHERE returned_at IS NOT NULL) p
            FULL JOIN (
                SELECT e.id, e.source_id FROM ledger_entry e
                JOIN ledger_entry captured ON captured.id = e.reverses_id AND captured.source_id = e.source_id
                WHERE e.source_kind = 'PAYMENT' AND e.purpose = 'RETURNED'
            ) e ON e.source_id = p.id
            WHERE p.id IS NULL OR e.id IS NULL
        """,
        says="{reference} was returned at {returned_at}; the entry that undoes it is {entry_id}",
    ),
)
