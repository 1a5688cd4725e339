"""Waiting lists: who waits has an order, an offer ends by itself, and nobody waits for what is free."""

from engine.invariants.form import (
    SESSION_NAME,
    WAITS,
    Invariant,
    OrderType,
    Status,
    named_session,
)
from models import TimerKind, TimerStatus, WaitingStatus

WAITING = (
    Invariant(
        name="queue_is_counted",
        promise="A session counts who stands in its queue, so that a place given back is offered.",
        sql=f"""
            WITH queue AS (
                SELECT term_product_id, count(*) AS entries FROM waiting_entry
                WHERE status = {WaitingStatus.WAITING:d} GROUP BY term_product_id
            )
            SELECT {SESSION_NAME} AS session, session.waiting_count, coalesce(entries, 0) AS entries,
                   session.id AS session_id
            FROM term_product session
            LEFT JOIN queue ON queue.term_product_id = session.id
            LEFT JOIN term_program_set offering ON offering.id = session.term_program_set_id
            WHERE session.waiting_count <> coalesce(entries, 0)
        """,
        says="{session}: {waiting_count} are counted as waiting, {entries} wait",
    ),
    Invariant(
        name="waiting_order_waits",
        promise="A waiting-list order is Submitted while something of it waits or is offered, and only then.",
        sql=f"""
            SELECT o.reference, o.status, count(e.id) AS entries, o.id AS order_id
            FROM term_booking_order o
            LEFT JOIN waiting_entry e ON e.order_id = o.id AND e.status IN {WAITS}
            WHERE o.order_type = {OrderType.WAITING_LIST:d} OR e.id IS NOT NULL
            GROUP BY o.id, o.reference, o.status, o.order_type
            HAVING (o.status = {Status.SUBMITTED:d} AND o.order_type = {OrderType.WAITING_LIST:d}) <> (count(e.id) > 0)
        """,
        says="{reference} has status {status} and waits for {entries} sessions",
    ),
    Invariant(
        name="offer_will_end",
        promise="An offer of the waiting list ends by itself: it has one timer, due when the family was told.",
        sql=f"""
            SELECT e.reference, e.offer_id, e.offer_expires_at, count(t.id) AS timers
            FROM waiting_entry e
            LEFT JOIN timer t ON t.detail_id = e.offer_id AND t.kind = '{TimerKind.WAITING_OFFER}'
                             AND t.status = '{TimerStatus.ARMED}' AND t.due_at = e.offer_expires_at
            WHERE e.status = {WaitingStatus.OFFERED:d}
            GROUP BY e.id, e.reference, e.offer_id, e.offer_expires_at
            HAVING count(t.id) <> 1
        """,
        says="{reference} is offered a place until {offer_expires_at}; {timers} timers will end that",
    ),
    Invariant(
        name="group_is_offered_whole",
        promise="All or nothing: of a group everything is offered, in one offer, or nothing.",
        sql=f"""
            SELECT e.group_id, string_agg(e.reference, ', ' ORDER BY e.reference) AS "references"
            FROM waiting_entry e
            WHERE e.group_id IS NOT NULL AND e.status IN {WAITS}
            GROUP BY e.group_id
            HAVING count(DISTINCT coalesce(CASE WHEN e.status = {WaitingStatus.OFFERED:d} THEN e.offer_id END,
                                           e.group_id)) > 1
        """,
        says="Of the group of {references} a part is offered",
    ),
    Invariant(
        name="nobody_waits_for_a_free_place",
        promise="No place is free while somebody waits for it who was never passed over. (Groups, and who could not "
        "take a place when it was offered, may wait beside a free one.)",
        sql=f"""
            SELECT e.reference, {SESSION_NAME} AS session, e.id AS entry_id
            FROM waiting_entry e
            {named_session("e.term_product_id")}
            WHERE e.status = {WaitingStatus.WAITING:d} AND e.group_id IS NULL AND e.passed_over_at IS NULL
              AND session.taken < session.capacity AND session.status = 'OPEN'
        """,
        says="{reference} waits for {session}, which has a free place that was never offered",
    ),
)
