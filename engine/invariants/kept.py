"""What is kept of days that are over is what was written of them."""

from collections.abc import Sequence

from engine.invariants.form import Invariant


def _as_written(
    name: str, promise: str, *, table: str, of: Sequence[str], sums: Sequence[str], written: str, kind: str = "JOURNAL"
) -> Invariant:  # fmt: skip
    """Day by day and by the columns `of`: kept less `written` is nothing in any of the sums."""
    by, kept = ", ".join(of), ", ".join(f"sum({each}) FILTER (WHERE is_kept)" for each in sums)
    found = ", ".join(f"sum({each}) FILTER (WHERE NOT is_kept)" for each in sums)
    differs = " OR ".join(f"sum(CASE WHEN is_kept THEN {each} ELSE -{each} END) <> 0" for each in sums)
    return Invariant(
        name=name,
        promise=promise,
        sql=f"""
            WITH days AS (SELECT id, day FROM kept_day WHERE is_summed AND kind = '{kind}')
            SELECT to_char(day, 'FMDD Mon YYYY') AS day, concat_ws(', ', {by}) AS what,
                   concat_ws(' and ', {kept}) AS kept, coalesce(nullif(concat_ws(' and ', {found}), ''), '0') AS written
            FROM (SELECT true AS is_kept, d.day, {by}, {", ".join(f"{each}::numeric" for each in sums)}
                  FROM days d JOIN {table} k ON k.kept_id = d.id
                  UNION ALL
                  SELECT false, w.* FROM ({written}) w JOIN days d ON d.day = w.day) s
            GROUP BY s.day, {", ".join(f"s.{each}" for each in of)} HAVING {differs}
        """,
        says="Of {day}, {what} is kept as {kept} minor units; {written} was written",
    )


_REVENUE = """
    SELECT e.posted_on AS day, s.term_program_set_id, p.ledger_account, e.source_kind,
           coalesce(c.component, u.component) AS component, count(*), -sum(p.amount_minor)
    FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account IN ('REVENUE', 'FEE_REVENUE')
    LEFT JOIN revenue_recognition r ON r.entry_id = e.id
    LEFT JOIN invoice_line l ON l.id = r.invoice_line_id
    LEFT JOIN billing_line c ON c.id = l.billing_line_id
    LEFT JOIN pass_use u ON u.id = e.source_id AND e.source_kind = 'PASS_USE'
    LEFT JOIN term_product s ON s.id = coalesce(c.term_product_id, u.term_product_id)
    GROUP BY 1, 2, 3, 4, 5
"""
_TAKINGS = """
    SELECT e.posted_on AS day, p.ledger_account, y.provider, e.source_kind, count(*), sum(greatest(p.amount_minor, 0)),
           sum(least(p.amount_minor, 0))
    FROM ledger_entry e
    JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account IN ('GATEWAY_CLEARING', 'BANK', 'CASH')
    LEFT JOIN payment_dispute d ON d.id = e.source_id AND e.source_kind = 'DISPUTE'
    LEFT JOIN refund r ON r.id = e.source_id AND e.source_kind = 'REFUND'
    LEFT JOIN payment y ON y.id = coalesce(d.payment_id, r.payment_id,
                                           CASE WHEN e.source_kind = 'PAYMENT' THEN e.source_id END)
    GROUP BY 1, 2, 3, 4
"""
_TAX = """
    SELECT day, tax_name, tax_rate, sum(net_minor), sum(tax_minor), sum(credited_net_minor), sum(credited_tax_minor)
    FROM (SELECT v.issued_on AS day, l.tax_name, l.tax_rate, l.net_minor, l.tax_minor, 0 AS credited_net_minor,
                 0 AS credited_tax_minor FROM invoice v JOIN invoice_line l ON l.invoice_id = v.id
          UNION ALL
          SELECT n.issued_on, l.tax_name, l.tax_rate, 0, 0, l.net_minor, l.tax_minor
          FROM credit_note n JOIN credit_note_line l ON l.credit_note_id = n.id
          UNION ALL
          SELECT sold_on, tax_name, tax_rate, net_minor, tax_minor, 0, 0 FROM entitlement
          UNION ALL
          SELECT revoked_on, tax_name, tax_rate, 0, 0, revoked_net_minor, revoked_tax_minor FROM entitlement
          WHERE revoked_on IS NOT NULL) x
    GROUP BY 1, 2, 3
"""
_DEFERRAL = """
    SELECT x.day, date_trunc('month', coalesce(s.local_date, t.ends_on))::date AS month, sum(x.invoiced),
           sum(x.credited), sum(x.earned)
    FROM (SELECT v.issued_on AS day, l.booking_line_id, l.net_minor AS invoiced, 0 AS credited, 0 AS earned
          FROM invoice v JOIN invoice_line l ON l.invoice_id = v.id
          UNION ALL
          SELECT n.issued_on, l.booking_line_id, 0, c.net_minor, 0
          FROM credit_note n JOIN credit_note_line c ON c.credit_note_id = n.id
          JOIN invoice_line l ON l.id = c.invoice_line_id
          UNION ALL
          SELECT e.posted_on, l.booking_line_id, 0, 0, r.amount_minor
          FROM ledger_entry e JOIN revenue_recognition r ON r.entry_id = e.id
          JOIN invoice_line l ON l.id = r.invoice_line_id) x
    JOIN term_booking_line b ON b.id = x.booking_line_id
    JOIN term_product s ON s.id = b.term_product_id
    JOIN term_program_set o ON o.id = s.term_program_set_id
    JOIN term t ON t.id = o.term_id
    GROUP BY 1, 2
"""

KEPT = (
    _as_written(
        "kept_balances_are_the_journal",
        "What is kept of a day that is over, account by account, is what the journal has of it.",
        table="kept_balance", of=("ledger_account",), sums=("debit_minor", "credit_minor"),
        written="SELECT e.posted_on AS day, p.ledger_account, sum(greatest(p.amount_minor, 0)), "
                "sum(greatest(-p.amount_minor, 0)) FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id "
                "GROUP BY 1, 2",
    ),
    _as_written(
        "kept_revenue_is_the_journal",
        "What is kept as earned on a day that is over, program by program and extra by extra, is what the journal has.",
        table="kept_revenue", of=("term_program_set_id", "ledger_account", "source_kind", "component"),
        sums=("lines", "amount_minor"), written=_REVENUE,
    ),
    _as_written(
        "kept_takings_are_the_journal",
        "What is kept as taken and given back on a day that is over, by provider, is what the journal has.",
        table="kept_takings", of=("ledger_account", "provider", "source_kind"),
        sums=("postings", "in_minor", "out_minor"), written=_TAKINGS,
    ),
    _as_written(
        "kept_tax_is_what_documents_say",
        "The tax that is kept of a day that is over is that of what was invoiced, credited, sold and revoked on it.",
        table="kept_tax", of=("tax_name", "tax_rate"),
        sums=("net_minor", "tax_minor", "credited_net_minor", "credited_tax_minor"), written=_TAX,
    ),
    _as_written(
        "kept_deferral_is_what_was_written",
        "What is kept as invoiced, credited and earned on a day that is over, by the month of the sessions, is what was"
        " written on it.",
        table="kept_deferral", of=("month",), sums=("invoiced_minor", "credited_minor", "earned_minor"),
        written=_DEFERRAL, kind="DEFERRAL",
    ),
)  # fmt: skip
