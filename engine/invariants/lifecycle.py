"""Orders, bookings, their histories and their timers."""

from engine.invariants.form import CONFIRMED_ORDER, Invariant, OrderType, Status, members
from models import HOLDING, ActorKind, PaymentStatus, TimerKind, TimerStatus, WaitingStatus

# Every table whose rows have a lifecycle; its chart has the table's name.
LIFECYCLES = (
    "term_booking_order",
    "term_booking",
    "direct_debit_mandate",
    "waiting_entry",
    "subscription",
    "makeup_credit",
    "late_pickup",
    "refund_request",
)
RECORDS = " UNION ALL ".join(
    f"SELECT '{table}' AS chart, id, reference, status, version FROM {table}" for table in LIFECYCLES
)
# What an event `e` belongs to.
_SUBJECT = f"LEFT JOIN ({RECORDS}) r ON r.id = e.subject_id AND r.chart = e.chart"
_REFERENCE = "coalesce(r.reference, e.subject_id::text) AS reference"

LIFECYCLE = (
    Invariant(
        name="approved_order_has_its_booking",
        promise="An order that is Approved or Attendance_Approved has its booking, and no other order has one; a "
        "change of a quoted order makes none.",
        sql=f"""
            SELECT o.reference, o.status, b.reference AS booking, o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN term_booking b ON b.id = o.booking_id
            WHERE (o.status IN {CONFIRMED_ORDER} AND o.original_order_id IS NULL AND (
                      b.id IS NULL OR (b.order_id <> o.id AND o.original_booking_id IS DISTINCT FROM b.id)))
               OR (o.booking_id IS NOT NULL AND o.original_order_id IS NOT NULL)
               OR (o.booking_id IS NOT NULL AND o.status NOT IN {CONFIRMED_ORDER}
                   AND NOT (o.status = {Status.CANCELED:d} AND b.id IS NOT NULL
                            AND b.status IN {members((Status.CANCELED, Status.CLOSED))}))
        """,
        says="{reference} has status {status} and the booking {booking}",
    ),
    Invariant(
        name="booking_has_its_order",
        promise="A booking's order is Approved, or Attendance_Approved while the booking is; those end together.",
        sql=f"""
            SELECT b.reference, b.status, o.reference AS "order", o.status AS order_status, b.id AS booking_id
            FROM term_booking b
            LEFT JOIN term_booking_order o ON o.id = b.order_id
            WHERE o.id IS NULL
               OR o.booking_id IS DISTINCT FROM b.id
               OR CASE WHEN b.status = {Status.ATTENDANCE_APPROVED:d} THEN o.status <> {Status.ATTENDANCE_APPROVED:d}
                       WHEN b.status IN {members((Status.APPROVED, Status.SUSPENDED))}
                       THEN o.status <> {Status.APPROVED:d}
                       WHEN b.status = {Status.ARCHIVED:d} THEN o.status <> {Status.APPROVED:d}
                       ELSE o.status NOT IN {members((Status.APPROVED, Status.CANCELED))} END
        """,
        says="{reference} has status {status}; its order {order} has status {order_status}",
    ),
    Invariant(
        name="interest_costs_nothing",
        promise="An expression of interest has no Billing, no timer and no booking.",
        sql=f"""
            SELECT o.reference, o.status, o.id AS order_id FROM term_booking_order o
            WHERE o.order_type = {OrderType.EOI:d} AND (
                o.booking_id IS NOT NULL OR o.group_id IS NOT NULL
                OR EXISTS (SELECT FROM billing v WHERE v.order_id = o.id)
                OR EXISTS (SELECT FROM timer t WHERE t.subject_id = o.id))
        """,
        says="{reference} is an expression of interest and has a Billing, a timer or a booking",
    ),
    Invariant(
        name="conversion_is_whole",
        promise="What was converted says into which order, of the same account and attendee; an order that was to "
        "convert something and holds places has done so.",
        # A trial that is booked is converted with its booking; one that was held may be followed by several orders.
        sql=f"""
            WITH told AS (
                SELECT DISTINCT ON (subject_id) subject_id, changes->>'into_order_id' AS into_id
                FROM status_event WHERE trigger IN ('convert', 'follow') ORDER BY subject_id, sequence DESC
            ), converted AS (
                SELECT id AS order_id, id AS subject_id, reference, account_id, attendee_id, converted_into_id
                FROM term_booking_order WHERE booking_id IS NULL
                UNION ALL
                SELECT order_id, id, reference, account_id, attendee_id, converted_into_id FROM term_booking
            )
            SELECT c.reference, n.reference AS into_reference, c.subject_id
            FROM converted c
            LEFT JOIN term_booking_order n ON n.id = c.converted_into_id
            LEFT JOIN told ON told.subject_id = c.subject_id
            WHERE told.into_id IS DISTINCT FROM c.converted_into_id::text
               OR (n.id IS NOT NULL AND (n.account_id, n.attendee_id) IS DISTINCT FROM (c.account_id, c.attendee_id))
            UNION ALL
            SELECT c.reference, n.reference, c.subject_id
            FROM term_booking_order n
            JOIN converted c ON c.order_id = n.converts_order_id
            WHERE n.status IN {members(HOLDING)} AND c.converted_into_id IS NULL
        """,
        says="{reference} and its conversion into {into_reference} do not agree",
    ),
    Invariant(
        name="record_has_its_history",
        promise="Every change writes one append-only event: every record with a lifecycle has a history.",
        sql=f"""
            SELECT r.chart, r.reference, r.id AS subject_id
            FROM ({RECORDS}) r
            LEFT JOIN status_event e ON e.subject_id = r.id AND e.chart = r.chart
            WHERE e.id IS NULL
        """,
        says="{reference} has no history",
    ),
    Invariant(
        name="history_has_its_record",
        promise="The history tells of records that exist.",
        sql=f"""
            SELECT e.chart, e.subject_id, min(e.at) AS since
            FROM status_event e
            LEFT JOIN ({RECORDS}) r ON r.id = e.subject_id AND r.chart = e.chart
            WHERE r.id IS NULL AND e.chart IN {tuple(LIFECYCLES)}
            GROUP BY e.chart, e.subject_id
        """,
        says="There is a history of {chart} {subject_id} since {since} and no such record",
    ),
    Invariant(
        name="history_is_an_unbroken_chain",
        promise="The history is an unbroken chain: 1, 2, 3 …, each event from where the one before it led.",
        sql=f"""
            SELECT {_REFERENCE}, e.sequence, e.from_status, e.previous, e.previous_to
            FROM (
                SELECT chart, subject_id, sequence, from_status, lag(sequence, 1, 0) OVER w AS previous,
                       lag(to_status) OVER w AS previous_to
                FROM status_event WINDOW w AS (PARTITION BY subject_id ORDER BY sequence)
            ) e {_SUBJECT}
            WHERE e.sequence <> e.previous + 1 OR e.from_status IS DISTINCT FROM e.previous_to
        """,
        says="{reference}: event {sequence} leads from {from_status}, event {previous} led to {previous_to}",
    ),
    Invariant(
        name="history_ends_at_the_status",
        promise="The last event of a history is where its record stands.",
        sql=f"""
            WITH last AS (
                SELECT DISTINCT ON (subject_id) subject_id, sequence, to_status
                FROM status_event ORDER BY subject_id, sequence DESC
            )
            SELECT r.reference, r.status, r.version, last.to_status, last.sequence
            FROM ({RECORDS}) r
            JOIN last ON last.subject_id = r.id
            WHERE r.status <> last.to_status OR r.version <> last.sequence
        """,
        says="{reference} has status {status}, version {version}; its history ends at {to_status}, event {sequence}",
    ),
    Invariant(
        name="status_moves_along_its_chart",
        promise="A status only changes along its chart.",
        sql=f"""
            WITH edge AS (
                SELECT chart, trigger, coalesce("from", -1) AS from_code, "to" AS to_code
                FROM jsonb_to_recordset(%(edges)s::jsonb) AS r(chart text, trigger text, "from" int, "to" int)
            )
            SELECT {_REFERENCE}, e.chart, e.trigger, e.from_status, e.to_status, e.sequence, e.at
            FROM status_event e
            LEFT JOIN edge ON edge.chart = e.chart AND edge.trigger = e.trigger
                          AND edge.from_code = coalesce(e.from_status::int, -1) AND edge.to_code = e.to_status::int
            {_SUBJECT}
            WHERE edge.chart IS NULL
        """,
        says="{reference}: {trigger} from {from_status} to {to_status} (event {sequence}) is no edge of {chart}",
    ),
    Invariant(
        name="timer_waits_for_its_order",
        promise="A timeout exists only before confirm: auto-cancel in Submitted and Accept, expiry in Quote; a planned "
        "close only while its booking can be closed, an offer's end only while it is open.",
        sql=f"""
            SELECT coalesce(o.reference, b.reference, t.subject_id::text) AS reference,
                   coalesce(o.status, b.status) AS status, t.kind, t.due_at, t.id AS timer_id
            FROM timer t
            LEFT JOIN term_booking_order o ON o.id = t.subject_id
            LEFT JOIN term_booking b ON b.id = t.subject_id
            WHERE t.status = '{TimerStatus.ARMED}' AND coalesce(CASE t.kind
                WHEN '{TimerKind.AUTO_CANCEL}' THEN o.status NOT IN {members((Status.SUBMITTED, Status.ACCEPT))}
                WHEN '{TimerKind.QUOTE_EXPIRY}' THEN o.status <> {Status.QUOTE:d}
                WHEN '{TimerKind.BOOKING_CLOSE}'
                THEN b.closes_on IS NULL OR b.status NOT IN {members((Status.APPROVED, Status.SUSPENDED))}
                WHEN '{TimerKind.WAITING_OFFER}' THEN NOT EXISTS (
                    SELECT FROM waiting_entry e WHERE e.offer_id = t.detail_id AND e.status = {WaitingStatus.OFFERED:d})
                WHEN '{TimerKind.WAITING_SAVED}' THEN o.status <> {Status.SUBMITTED:d} END, true)
        """,
        says="{reference} has status {status} and a timer {kind} still armed for {due_at}",
    ),
    Invariant(
        name="quote_will_expire",
        promise="A quote holds its places until it expires.",
        sql=f"""
            SELECT o.reference, o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN timer t ON t.subject_id = o.id AND t.kind = '{TimerKind.QUOTE_EXPIRY}'
                             AND t.status = '{TimerStatus.ARMED}'
            WHERE o.status = {Status.QUOTE:d} AND t.id IS NULL
        """,
        says="{reference} is quoted and holds its places for ever: no expiry is armed",
    ),
    Invariant(
        name="planned_close_will_happen",
        promise="A booking with a last day is closed when that day is over.",
        sql=f"""
            SELECT b.reference, b.closes_on, b.id AS booking_id
            FROM term_booking b
            LEFT JOIN timer t ON t.subject_id = b.id AND t.kind = '{TimerKind.BOOKING_CLOSE}'
                             AND t.status = '{TimerStatus.ARMED}'
            WHERE b.status IN {members((Status.APPROVED, Status.SUSPENDED))} AND b.closes_on IS NOT NULL
              AND t.id IS NULL
        """,
        says="{reference} has its last day on {closes_on} and nothing will close it",
    ),
    Invariant(
        name="timeout_spares_what_is_paid",
        promise="A timeout never cancels what is paid.",
        # The price is the newest version that was not void; money counts from the moment it was posted.
        sql=f"""
            WITH ended AS (
                SELECT subject_id AS order_id, at FROM status_event
                WHERE chart = 'term_booking_order' AND trigger = 'cancel' AND actor_kind = '{ActorKind.SYSTEM}'
            ), price AS (
                SELECT DISTINCT ON (v.order_id) v.order_id, v.total_minor
                FROM billing v JOIN ended ON ended.order_id = v.order_id
                WHERE NOT v.is_void AND v.created_at <= ended.at
                ORDER BY v.order_id, v.version DESC
            ), captured AS (
                SELECT p.order_id, sum(p.amount_minor) AS paid_minor
                FROM payment p
                JOIN ended ON ended.order_id = p.order_id
                JOIN ledger_entry e ON e.source_kind = 'PAYMENT' AND e.source_id = p.id AND e.purpose = 'CAPTURED'
                WHERE p.status = '{PaymentStatus.SUCCESS}' AND e.created_at < ended.at
                GROUP BY p.order_id
            )
            SELECT o.reference, ended.at, paid_minor, price.total_minor
            FROM captured
            JOIN price USING (order_id)
            JOIN ended USING (order_id)
            LEFT JOIN term_booking_order o ON o.id = order_id
            WHERE paid_minor >= price.total_minor
        """,
        says="{reference} was cancelled by the system on {at} although {paid_minor} of {total_minor} was paid",
    ),
)
