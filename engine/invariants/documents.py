"""Documents beside what they add up to: the year that numbers them, and the runs that issue what was planned."""

from engine.invariants.form import Invariant, document_name
from models import DocumentSeries, ScheduledLineStatus

_ISSUED = (
    " UNION ALL ".join(
        f"SELECT id, series, year, number, issued_on FROM {table}" for table in ("invoice", "credit_note", "quote")
    )
    + " UNION ALL SELECT id, series, year, number, sold_on FROM entitlement"
)

DOCUMENTS = (
    Invariant(
        name="document_is_numbered_in_its_year",
        promise="A document is numbered in the year in which it was issued.",
        sql=f"""
            SELECT {document_name("d")} AS document, d.issued_on, d.id AS document_id
            FROM ({_ISSUED}) d WHERE d.year <> extract(year FROM d.issued_on)
        """,
        says="{document} was issued on {issued_on}",
    ),
    Invariant(
        name="zero_statement_is_two_equal_halves",
        promise="A zero statement charges and credits the same, for the same booking, and one half settles the other.",
        sql=f"""
            SELECT {document_name("d")} AS document, d.reason
            FROM (
                SELECT coalesce(v.series, n.series) AS series, coalesce(v.year, n.year) AS year,
                       coalesce(v.number, n.number) AS number,
                       CASE WHEN n.id IS NULL THEN 'credits nothing' WHEN v.id IS NULL THEN 'charges nothing'
                            WHEN v.booking_id <> n.booking_id THEN 'credits another booking'
                            WHEN (v.net_minor, v.tax_minor) <> (n.net_minor, n.tax_minor)
                            THEN concat('charges ', v.total_minor, ' and credits ', n.total_minor)
                            WHEN a.amount_minor IS DISTINCT FROM v.total_minor
                            THEN concat('settles ', coalesce(a.amount_minor, 0), ' of its ', v.total_minor)
                       END AS reason
                FROM (SELECT * FROM invoice WHERE series = '{DocumentSeries.ZERO_STATEMENT}') v
                FULL JOIN (SELECT * FROM credit_note WHERE series = '{DocumentSeries.ZERO_STATEMENT}') n
                     ON n.year = v.year AND n.number = v.number
                LEFT JOIN credit_allocation a ON a.credit_note_id = n.id AND a.invoice_id = v.id
            ) d WHERE d.reason IS NOT NULL
        """,
        says="{document} {reason}",
    ),
    Invariant(
        name="run_issues_what_was_planned",
        promise="An invoice that a run issued, or that a planned one became, bills planned sessions of its booking.",
        sql=f"""
            SELECT {document_name("v")} AS invoice, b.reference, v.id AS invoice_id
            FROM invoice v
            JOIN term_booking b ON b.id = v.booking_id
            LEFT JOIN invoice_schedule w ON w.invoice_id = v.id
            WHERE (v.run_id IS NOT NULL OR w.id IS NOT NULL)
              AND (w.booking_id <> v.booking_id OR EXISTS (
                  SELECT FROM invoice_line l
                  LEFT JOIN scheduled_line x ON x.booking_line_id = l.booking_line_id
                       AND x.status = '{ScheduledLineStatus.INVOICED}'
                  WHERE l.invoice_id = v.id AND x.id IS NULL))
        """,
        says="{invoice} of {reference} was issued by a run and bills what was not planned",
    ),
)
