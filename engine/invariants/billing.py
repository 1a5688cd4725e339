"""Billing versions, invoices and document numbers."""

from engine.invariants.form import (
    CONFIRMED_ORDER,
    HOLDING_BOOKING,
    HOLDING_ORDER,
    IS_BILLED,
    SESSION_LINES,
    SESSION_NAME,
    SETTLED,
    Invariant,
    Status,
    document_name,
    members,
    named_session,
)
from models import LineKind, PaymentState, ScheduledLineStatus

# Neither invoiced nor given up: its period is to come, or it was suspended then.
WAITS_FOR_ITS_INVOICE = members((ScheduledLineStatus.SCHEDULED, ScheduledLineStatus.WAIVED))

_VERSION = "concat(o.reference, ' version ', v.version) AS version_of"
_ORDER_OF_VERSION = "LEFT JOIN term_booking_order o ON o.id = v.order_id"


def _sums(parent: str, child: str, key: str) -> str:
    """Versions or invoices `v` whose lines' net or tax is not their own."""
    return f"""
        {parent} v
        LEFT JOIN (
            SELECT {key}, count(*) AS lines, sum(net_minor) AS lines_net_minor, sum(tax_minor) AS lines_tax_minor
            FROM {child} GROUP BY {key}
        ) l ON l.{key} = v.id
    """


_SUM_DIFFERS = "(v.net_minor <> coalesce(lines_net_minor, 0) OR v.tax_minor <> coalesce(lines_tax_minor, 0))"
_SUM_COLUMNS = """v.net_minor, v.tax_minor, coalesce(lines_net_minor, 0) AS lines_net_minor,
    coalesce(lines_tax_minor, 0) AS lines_tax_minor"""

_AMOUNTS = " UNION ALL ".join(
    f"SELECT '{table}' AS record, id, net_minor, tax_minor, {whole} AS whole_minor FROM {table} "
    f"WHERE {whole} <> net_minor + tax_minor"
    for table, whole in (
        ("billing", "total_minor"),
        ("billing_line", "gross_minor"),
        ("invoice", "total_minor"),
        ("invoice_line", "gross_minor"),
        ("credit_note", "total_minor"),
        ("credit_note_line", "gross_minor"),
    )
)

BILLING = (
    Invariant(
        name="billing_lines_make_the_total",
        promise="Every billing version's lines sum to its total.",
        sql=f"""
            SELECT {_VERSION}, {_SUM_COLUMNS}, v.id AS billing_id
            FROM {_sums("billing", "billing_line", "billing_id")} {_ORDER_OF_VERSION}
            WHERE NOT v.is_void AND {_SUM_DIFFERS}
        """,
        says="Billing of {version_of}: net {net_minor} and tax {tax_minor}, its lines make {lines_net_minor} and "
        "{lines_tax_minor}",
    ),
    Invariant(
        name="void_billing_is_zero",
        promise="A void billing version is zero and has no lines.",
        sql=f"""
            SELECT {_VERSION}, v.total_minor, coalesce(l.lines, 0) AS lines, v.id AS billing_id
            FROM {_sums("billing", "billing_line", "billing_id")} {_ORDER_OF_VERSION}
            WHERE v.is_void AND (v.total_minor <> 0 OR v.net_minor <> 0 OR l.lines IS NOT NULL)
        """,
        says="Billing of {version_of} is void and still asks {total_minor} in {lines} lines",
    ),
    Invariant(
        name="amounts_are_net_plus_tax",
        promise="Each amount is its net and its tax.",
        sql=_AMOUNTS,
        says="{record} {id}: {whole_minor} is not {net_minor} net and {tax_minor} tax",
    ),
    Invariant(
        name="billing_versions_run_without_gap",
        promise="The billing versions of a booking group run 1, 2, 3 … to its last.",
        sql="""
            SELECT a.reference AS account, coalesce(t.name, s.reference) AS term, g.last_version,
                   coalesce(newest, 0) AS newest, coalesce(versions, 0) AS versions, g.id AS group_id
            FROM billing_group g
            LEFT JOIN (SELECT group_id, count(*) AS versions, min(version) AS oldest, max(version) AS newest
                       FROM billing GROUP BY group_id) v ON v.group_id = g.id
            LEFT JOIN account a ON a.id = g.account_id
            LEFT JOIN term t ON t.id = g.term_id
            LEFT JOIN subscription s ON s.id = g.subscription_id
            WHERE g.last_version <> coalesce(newest, 0) OR coalesce(versions, 0) <> coalesce(newest, 0)
               OR coalesce(oldest, 1) <> 1
        """,
        says="Billing of {account} in {term}: {versions} versions, the newest is {newest}, the last one given out is "
        "{last_version}",
    ),
    Invariant(
        name="order_carries_its_newest_billing",
        promise="An order points at its newest billing version, and while it holds places costs what that says; once "
        "confirmed, at the version that its booking was made from.",
        sql=f"""
            WITH newest AS (
                SELECT DISTINCT ON (order_id) order_id, id, group_id, version, total_minor, is_void
                FROM billing ORDER BY order_id, version DESC
            )
            SELECT o.reference, o.total_minor, n.version, n.total_minor AS billed_minor, n.is_void, o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN newest n ON n.order_id = o.id
            LEFT JOIN term_booking b ON b.id = o.booking_id
            LEFT JOIN billing own ON own.id = o.billing_id AND own.order_id = o.id
            WHERE (o.status NOT IN {CONFIRMED_ORDER} AND o.billing_id IS DISTINCT FROM n.id)
               OR (n.id IS NOT NULL AND n.group_id IS DISTINCT FROM o.group_id)
               OR (o.order_type IN {IS_BILLED} AND o.status IN {HOLDING_ORDER}
                   AND (n.id IS NULL OR n.is_void OR n.total_minor <> o.total_minor))
               OR (o.order_type IN {IS_BILLED} AND o.status IN {CONFIRMED_ORDER} AND b.order_id = o.id
                   AND (own.id IS NULL OR own.is_void OR own.total_minor <> o.total_minor))
        """,
        says="{reference} costs {total_minor}; its newest billing is version {version} over {billed_minor}",
    ),
    Invariant(
        name="booking_carries_its_billing",
        promise="A booking costs what the newest billing version of its order says: what is left of it.",
        # Nothing is left, and the version void, where all of it was given up.
        sql=f"""
            WITH newest AS (
                SELECT DISTINCT ON (order_id) order_id, id FROM billing ORDER BY order_id, version DESC
            ), live AS (
                SELECT l.booking_id, count(*) AS lines FROM term_booking_line l
                WHERE l.cancelled_at IS NULL AND l.kind <> '{LineKind.CLOSURE_DAY}' GROUP BY l.booking_id
            )
            SELECT b.reference, b.total_minor, v.version, v.total_minor AS billed_minor, b.id AS booking_id
            FROM term_booking b
            LEFT JOIN billing v ON v.id = b.billing_id
            LEFT JOIN newest n ON n.order_id = b.order_id
            LEFT JOIN live ON live.booking_id = b.id
            WHERE v.id IS NULL OR v.total_minor <> b.total_minor OR v.group_id <> b.group_id OR n.id <> v.id
               OR (b.status IN {HOLDING_BOOKING} AND v.is_void AND live.lines > 0)
        """,
        says="{reference} costs {total_minor}; its billing is version {version} over {billed_minor}",
    ),
)

INVOICING = (
    Invariant(
        name="invoice_lines_make_the_total",
        promise="Every invoice's lines sum to its total.",
        sql=f"""
            SELECT {document_name("v")} AS invoice, {_SUM_COLUMNS}, v.id AS invoice_id
            FROM {_sums("invoice", "invoice_line", "invoice_id")}
            WHERE {_SUM_DIFFERS}
        """,
        says="{invoice}: net {net_minor} and tax {tax_minor}, its lines make {lines_net_minor} and {lines_tax_minor}",
    ),
    Invariant(
        name="credit_note_lines_make_the_total",
        promise="Every credit note's lines sum to its total.",
        sql=f"""
            SELECT {document_name("v")} AS note, {_SUM_COLUMNS}, v.id AS credit_note_id
            FROM {_sums("credit_note", "credit_note_line", "credit_note_id")}
            WHERE {_SUM_DIFFERS}
        """,
        says="{note}: net {net_minor} and tax {tax_minor}, its lines make {lines_net_minor} and {lines_tax_minor}",
    ),
    Invariant(
        name="credits_within_invoice_line",
        promise="A credit note takes back lines of its booking's invoices, and of each no more than was invoiced.",
        sql=f"""
            SELECT {document_name("i")} AS invoice, l.description, l.gross_minor, c.credited_minor, c.invoice_line_id
            FROM (SELECT n.invoice_line_id, sum(n.net_minor) AS net_minor, sum(n.tax_minor) AS tax_minor,
                         sum(n.gross_minor) AS credited_minor,
                         bool_or(n.booking_line_id IS DISTINCT FROM l.booking_line_id
                                 OR v.booking_id IS DISTINCT FROM i.booking_id) AS is_of_another
                  FROM credit_note_line n
                  LEFT JOIN credit_note v ON v.id = n.credit_note_id
                  LEFT JOIN invoice_line l ON l.id = n.invoice_line_id
                  LEFT JOIN invoice i ON i.id = l.invoice_id
                  GROUP BY n.invoice_line_id) c
            LEFT JOIN invoice_line l ON l.id = c.invoice_line_id
            LEFT JOIN invoice i ON i.id = l.invoice_id
            WHERE l.id IS NULL OR c.is_of_another OR c.net_minor > l.net_minor OR c.tax_minor > l.tax_minor
        """,
        says="{invoice}: {credited_minor} is credited of the line “{description}” over {gross_minor}",
    ),
    Invariant(
        name="given_up_session_is_credited",
        promise="A session that was given up, or closed, is not billed: what it was invoiced for is credited, extras "
        "included.",
        sql=f"""
            WITH credited AS (
                SELECT invoice_line_id, sum(gross_minor) AS credited_minor FROM credit_note_line
                GROUP BY invoice_line_id
            )
            SELECT b.reference, {SESSION_NAME} AS session, sum(x.gross_minor) AS invoiced_minor,
                   coalesce(sum(c.credited_minor), 0) AS credited_minor, line.id AS booking_line_id
            FROM term_booking_line line
            JOIN term_booking b ON b.id = line.booking_id
            JOIN invoice_line x ON x.booking_line_id = line.id
            JOIN billing_line k ON k.id = x.billing_line_id 
                 AND split_part(k.component, ':', 1) IN ('SESSION', 'EXTRA')
            LEFT JOIN credited c ON c.invoice_line_id = x.id
            {named_session("line.term_product_id")}
            WHERE line.cancelled_at IS NOT NULL OR line.kind = '{LineKind.CLOSURE_DAY}'
            GROUP BY b.reference, session.id, offering.id, session.component, session.title, session.local_date,
                     session.local_start, offering.name, line.id
            HAVING sum(x.gross_minor) > coalesce(sum(c.credited_minor), 0)
        """,
        says="{reference}: {session} was given up or closed; {credited_minor} of {invoiced_minor} is credited",
    ),
    Invariant(
        name="confirmed_line_is_invoiced_once",
        promise="Each confirmed line is invoiced or scheduled, once; what is approved for attendance only is not.",
        sql=f"""
            WITH charged AS (
                SELECT l.booking_line_id, count(*) AS charges
                FROM invoice_line l
                JOIN invoice i ON i.id = l.invoice_id
                JOIN billing_line x ON x.id = l.billing_line_id AND x.component = 'SESSION'
                WHERE NOT l.is_difference
                GROUP BY l.booking_line_id
            ), planned AS (
                SELECT booking_line_id, count(*) AS charges FROM scheduled_line
                WHERE status IN {WAITS_FOR_ITS_INVOICE} GROUP BY booking_line_id
            )
            SELECT b.reference, {SESSION_NAME} AS session, coalesce(charged.charges, 0) AS charges,
                   coalesce(planned.charges, 0) AS planned, line.id AS booking_line_id
            FROM term_booking b
            JOIN term_booking_line line ON line.booking_id = b.id AND line.kind IN {SESSION_LINES}
                 AND line.cancelled_at IS NULL
            LEFT JOIN charged ON charged.booking_line_id = line.id
            LEFT JOIN planned ON planned.booking_line_id = line.id
            {named_session("line.term_product_id")}
            WHERE b.status IN {CONFIRMED_ORDER}
              AND coalesce(charged.charges, 0) + coalesce(planned.charges, 0)
                  <> CASE b.status WHEN {Status.APPROVED:d} THEN 1 ELSE 0 END
        """,
        says="{reference}: {session} is invoiced {charges} times and scheduled {planned} times",
    ),
    Invariant(
        name="invoice_charges_what_was_billed",
        promise="An invoice line charges the session and the amount of its billing line to the booking it names.",
        sql=f"""
            SELECT {document_name("i")} AS invoice, l.description, l.gross_minor, x.gross_minor AS billed_minor,
                   l.id AS invoice_line_id
            FROM invoice_line l
            JOIN invoice i ON i.id = l.invoice_id
            LEFT JOIN billing_line x ON x.id = l.billing_line_id
            LEFT JOIN term_booking_line line ON line.id = l.booking_line_id
            WHERE ((l.net_minor, l.tax_minor) IS DISTINCT FROM (x.net_minor, x.tax_minor) AND NOT l.is_difference)
               OR line.term_product_id IS DISTINCT FROM x.term_product_id
               OR line.booking_id IS DISTINCT FROM i.booking_id
        """,
        says="{invoice}: the line “{description}” over {gross_minor} is not what was billed ({billed_minor})",
    ),
    Invariant(
        name="document_numbers_run_without_gap",
        promise="Invoice, quote, credit note and pass numbers have no gap and no duplicate per series and year.",
        sql="""
            WITH given AS (
                SELECT series, year, number FROM invoice UNION ALL SELECT series, year, number FROM quote
                UNION ALL SELECT series, year, number FROM credit_note WHERE series <> 'ZS'
                UNION ALL SELECT series, year, number FROM entitlement
            ), steps AS (
                SELECT series, year, number,
                       lag(number, 1, 0::bigint) OVER (PARTITION BY series, year ORDER BY number) AS previous
                FROM given
            ), newest AS (
                SELECT series, year, max(number) AS number FROM given GROUP BY series, year
            )
            SELECT series, year, concat('after number ', previous, ' comes ', number) AS problem
            FROM steps WHERE number <> previous + 1
            UNION ALL
            SELECT series, year, concat('the newest is number ', coalesce(newest.number, 0),
                                        ', its counter stands at ', coalesce(c.last_number, 0))
            FROM newest FULL JOIN document_counter c USING (series, year)
            WHERE coalesce(newest.number, 0) <> coalesce(c.last_number, 0)
        """,
        says="Documents {series} of {year}: {problem}",
    ),
    Invariant(
        name="payment_state_tells_what_is_owed",
        promise="A booking is PAID when its invoices are settled, and only then.",
        sql=f"""
            WITH invoiced AS (
                SELECT i.booking_id, sum(i.total_minor) AS total_minor,
                       sum(coalesce(s.settled_minor, 0)) AS settled_minor,
                       bool_and(coalesce(s.settled_minor, 0) >= i.total_minor) AS is_settled
                FROM invoice i LEFT JOIN {SETTLED} s ON s.invoice_id = i.id
                GROUP BY i.booking_id
            )
            SELECT b.reference, b.payment_state, coalesce(i.total_minor, 0) AS total_minor,
                   coalesce(i.settled_minor, 0) AS settled_minor, b.id AS booking_id
            FROM term_booking b
            LEFT JOIN invoiced i ON i.booking_id = b.id
            WHERE (b.payment_state = '{PaymentState.PAID}') <> coalesce(i.is_settled, false)
               OR (b.payment_state = '{PaymentState.NOT_DUE}' AND i.booking_id IS NOT NULL)
        """,
        says="{reference} is {payment_state}; {settled_minor} of {total_minor} invoiced is settled",
    ),
)
