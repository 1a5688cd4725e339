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
