"""Runs of direct debits as they are shown."""

from uuid import UUID

from api.moves import Answer
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from workflows.debit_runs import RunReview, Waiting

_RUNS = """
SELECT {keys}, r.id, r.reference, r.scheme, r.collect_on, r.debits, r.total_minor, r.made_at, s.under_way, s.paid,
       s.failed
FROM debit_run r
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE p.status = 'PROCESSING') AS under_way,
           count(*) FILTER (WHERE p.status = 'SUCCESS') AS paid,
           count(*) FILTER (WHERE p.status = 'FAILED') AS failed
    FROM debit_run_entry e JOIN payment p ON p.organisation_id = e.organisation_id AND p.id = e.payment_id
    WHERE e.organisation_id = r.organisation_id AND e.run_id = r.id) s
WHERE r.organisation_id = %(org)s{where}
"""
_ACCOUNTS = """
SELECT scheme, name, iban, bic, creditor_id, bsb, account_number, bank, user_id, updated_at FROM collection_account
WHERE organisation_id = %(org)s AND scheme = %(scheme)s
"""
_FILE = """
SELECT id, filename, format, imported_at FROM debit_return_file WHERE organisation_id = %(org)s AND id = %(id)s
"""
_RETURNS = """
SELECT payment_id, reference, code, reason, outcome FROM debit_return
WHERE organisation_id = %(org)s AND file_id = %(id)s ORDER BY position
"""


def runs() -> Listing:
    """Runs, newest first."""
    return Listing(_RUNS, [("r.id", "uuid")], is_descending=True)


def run(tx: Transaction, run_id: UUID, *, status: int = 200) -> Answer:
    """A run. Raises NotFound."""
    found = runs()
    found.where("r.id = %(id)s", id=run_id)
    row = found.one(tx, "run")
    return Answer(row, status, location=f"/debit-runs/{run_id}" if status == 201 else None)


_DEBITS = """
SELECT {keys}, p.id, p.reference, p.account_id, a.name AS account, e.amount_minor, p.status, p.failure_reason
FROM debit_run_entry e
JOIN payment p ON p.organisation_id = e.organisation_id AND p.id = e.payment_id
JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
WHERE e.organisation_id = %(org)s{where}
"""


def debits(run_id: UUID) -> Listing:
    """The debits of a run by their families' names, and how each stands."""
    found = Listing(_DEBITS, [("a.name", "text"), ("e.id", "uuid")])
    found.where("e.run_id = %(run)s", run=run_id)
    return found


def run_file(tx: Transaction, run_id: UUID) -> Row:
    """A run's reference, scheme and file. Raises NotFound."""
    row = tx.row("SELECT reference, scheme, content FROM debit_run WHERE organisation_id = %(org)s AND id = %(id)s",
                 id=run_id)  # fmt: skip
    if row is None:
        raise NotFound("There is no such run.", what="run")
    return row


def collection_account(tx: Transaction, scheme: str) -> Answer:
    """Our account that a scheme collects to. Raises NotFound."""
    row = tx.row(_ACCOUNTS, scheme=scheme)
    if row is None:
        raise NotFound(f"No account of yours is set up to collect by {scheme}.", what="collection_account")
    return Answer(row)


def review(found: RunReview) -> Answer:
    """What a run would collect."""
    return Answer({
        "scheme": found.scheme.value, "collect_on": found.collect_on, "currency": found.currency,
        "debits": len(found.collected), "total_minor": found.total_minor, "fingerprint": found.fingerprint,
        "collected": [_waiting(one) for one in found.collected], "left_out": [_waiting(one) for one in found.left_out],
        "problems": [problem.message for problem in found.problems],
    })  # fmt: skip


def _waiting(one: Waiting) -> Row:
    return {
        "payment_id": one.payment_id, "reference": one.order.reference, "account_id": one.account_id,
        "account": one.account, "mandate_reference": one.order.mandate_reference,
        "amount_minor": one.order.amount_minor, "why_not": one.why_not,
    }  # fmt: skip


def return_file(tx: Transaction, file_id: UUID, *, status: int = 200) -> Answer:
    """A file of returns. Raises NotFound."""
    row = tx.row(_FILE, id=file_id)
    if row is None:
        raise NotFound("There is no such file of returns.", what="return_file")
    return Answer({**row, "returns": tx.rows(_RETURNS, id=file_id)}, status)
