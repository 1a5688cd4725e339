"""Instalments that are due are collected by themselves, so many at a time; the office hands them to the bank."""

from datetime import datetime
from functools import partial
from uuid import UUID

from engine.database import Database, Row, Transaction
from workflows.direct_debit import collect_instalment

# Due on a local day of the organisation, of a booking by direct debit whose invoice still asks for something.
_DUE = """
SELECT i.id AS instalment_id, v.id AS invoice_id
FROM instalment i
JOIN payment_schedule s ON s.organisation_id = i.organisation_id AND s.id = i.schedule_id
JOIN organisation g ON g.id = i.organisation_id
JOIN term_booking_order o ON o.organisation_id = s.organisation_id AND o.id = s.order_id
JOIN invoice v ON v.organisation_id = o.organisation_id AND v.booking_id = o.booking_id
WHERE i.organisation_id = %(org)s AND i.due_on <= (%(now)s AT TIME ZONE g.time_zone)::date
  AND o.status = 500 AND o.confirmation_type = 301 AND s.agreed_at >= o.submitted_at
  AND NOT EXISTS (SELECT FROM payment p WHERE p.organisation_id = i.organisation_id AND p.instalment_id = i.id)
  AND EXISTS (SELECT FROM direct_debit_mandate m WHERE m.organisation_id = o.organisation_id
              AND m.account_id = o.account_id AND m.status = 200)
  AND v.total_minor > coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                                WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
                    + coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                                WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0)
                    + coalesce((SELECT sum(p.amount_minor) FROM payment p
                                WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id
                                  AND p.status IN ('PENDING', 'PROCESSING')), 0)
ORDER BY i.due_on, i.id, v.issued_at LIMIT %(limit)s
"""


def collect_due(database: Database, *, now: datetime, batch: int = 100) -> int:
    """Collect up to `batch` due instalments of each organisation, each in a transaction; returns how many."""
    return sum(
        database.run(organisation_id, partial(_collect, **due, now=now)) is not None
        for organisation_id in database.organisations()
        for due in _read_due(database, organisation_id, now=now, limit=batch)
    )


def _read_due(database: Database, organisation_id: UUID, *, now: datetime, limit: int) -> list[Row]:
    with database.transaction(organisation_id) as tx:
        return tx.rows(_DUE, now=now, limit=limit)


def _collect(tx: Transaction, *, instalment_id: UUID, invoice_id: UUID, now: datetime) -> object:
    return collect_instalment(tx, instalment_id=instalment_id, invoice_id=invoice_id, now=now)
