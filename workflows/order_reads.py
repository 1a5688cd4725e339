"""What the guards of orders ask, read in one statement after the lock, for any number of orders and sessions."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from uuid import UUID

import orjson

from billing.open_parts import open_parts
from catalogue.rules import Answer, Rule
from catalogue.selection import OfferedSession
from engine.database import Row, Transaction
from models import (
    BookingMode,
    LineKind,
    TermBookingOrderType,
)
from workflows.double_booking import Slot, converts
from workflows.interest_facts import read_interests
from workflows.makeup_use import read_wanted_credits
from workflows.order_facts import Claim, Facts, Offering, Order, WantedExtra, WantedLine
from workflows.pass_facts import PASSES, rights_of
from workflows.wanted_activities import read_wanted_activities
from workflows.wanted_seats import read_wanted_seats

_WANTED_SAVED = """
WITH wanted AS MATERIALIZED (
    SELECT l.order_id, l.id AS line_id, l.term_product_id AS id, l.kind, coalesce(l.asked_mode, l.mode) AS mode,
           l.position, l.seat_id, l.makeup_credit_id,
           (SELECT jsonb_agg(a.term_product_id) FROM term_booking_order_activity a
            WHERE a.organisation_id = l.organisation_id AND a.order_line_id = l.id) AS activities
    FROM term_booking_order_line l
    WHERE l.organisation_id = %(org)s AND l.order_id = ANY(%(order_ids)s) AND l.kind <> 'CLOSURE_DAY'
), extras AS (
    SELECT e.id, e.order_line_id, e.extra_id, e.quantity FROM term_booking_order_extra e
    WHERE e.organisation_id = %(org)s AND e.order_id = ANY(%(order_ids)s)
)"""

_WANTED_GIVEN = """
WITH wanted AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(wanted)s::jsonb)
        AS w(order_id uuid, line_id uuid, id uuid, kind text, mode text, position int, seat_id uuid,
             activities jsonb, makeup_credit_id uuid)
), extras AS (
    SELECT * FROM jsonb_to_recordset(%(extras)s::jsonb)
        AS e(id uuid, order_line_id uuid, extra_id uuid, quantity int)
)"""

# What an account owes: unpaid invoices, open pay-later orders (but for these), overdue invoices.
ACCOUNT_STANDING = f"""json_build_object(
        'unpaid_minor', (SELECT coalesce(sum(p.amount_minor), 0) FROM ledger_posting p
            WHERE p.organisation_id = %(org)s AND p.account_id = %(account_id)s AND p.ledger_account = 'RECEIVABLE'),
        'open_minor', (SELECT coalesce(sum(coalesce(o.change_due_minor, o.total_minor)), 0)
            FROM term_booking_order o
            WHERE o.organisation_id = %(org)s AND o.account_id = %(account_id)s AND o.confirmation_type = 101
              AND o.status IN (300, 475, 485, 450) AND o.id <> ALL(%(order_ids)s)),
        'overdue', (SELECT json_agg(json_build_object('number', d.number, 'due_on', d.due_on, 'minor', d.minor)
                                    ORDER BY d.due_on, d.number) FROM (
            SELECT concat(v.series, '-', v.year, '-', lpad(v.number::text, 6, '0')) AS number,
                   min(x.due_on) AS due_on, sum(x.minor) AS minor
            FROM (
                SELECT v.*, (SELECT coalesce(sum(a.amount_minor), 0) FROM payment_allocation a
                             WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id) AS paid_minor,
                       v.total_minor - (SELECT coalesce(sum(a.amount_minor), 0) FROM credit_allocation a
                                        WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id)
                       AS left_minor
                FROM invoice v WHERE v.organisation_id = %(org)s AND v.account_id = %(account_id)s) v
            CROSS JOIN LATERAL {open_parts(paid="v.paid_minor", left="v.left_minor")} x
            WHERE v.left_minor > v.paid_minor AND x.due_on < %(today)s AND x.minor > 0
            GROUP BY v.id, v.series, v.year, v.number) d))"""

_FACTS = """
, sessions AS MATERIALIZED (
    SELECT w.*, s.term_program_set_id, s.product_type, s.component, s.status, s.starts_at, s.ends_at, s.local_date,
           s.local_start, s.local_end, s.price_minor, s.capacity, s.taken, s.venue_id
    FROM wanted w JOIN term_product s ON s.organisation_id = %(org)s AND s.id = w.id
), offerings AS MATERIALIZED (
    SELECT p.id, p.name, p.code, p.status, p.modes, p.session_price_minor, p.full_week_price_minor,
           p.full_term_price_minor, p.age_from_months, p.age_below_months, p.school_year_from, p.school_year_to,
           p.height_from_cm, p.height_to_cm, p.weight_from_kg, p.weight_to_kg, p.bookable_from, p.bookable_until,
           p.priority_from, e.name AS priority_term, CASE WHEN p.priority_from IS NOT NULL THEN ARRAY(
               SELECT DISTINCT b.attendee_id FROM term_booking b
               JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id
               JOIN term_program_set o ON o.organisation_id = l.organisation_id AND o.id = l.term_program_set_id
               WHERE b.organisation_id = %(org)s AND b.attendee_id = ANY(%(attendee_ids)s) AND b.order_type IN (0, 4)
                 AND b.status IN (450, 500, 600, 700) AND b.term_id = p.priority_term_id AND l.cancelled_at IS NULL
                 AND o.program_id = p.program_id) END AS with_priority,
           p.term_id, t.status AS term_status, t.starts_on AS term_starts_on, t.ends_on AS term_ends_on,
           t.name AS term, p.program_id,
           g.name AS program, g.category_id, c.name AS category, c.program_type, i.name AS site,
           i.time_zone, i.address AS site_address
    FROM term_program_set p
    JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id
    JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
    JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
    JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
    LEFT JOIN term e ON e.organisation_id = p.organisation_id AND e.id = p.priority_term_id
    WHERE p.organisation_id = %(org)s AND p.id IN (SELECT term_program_set_id FROM sessions)
)
SELECT
    (SELECT json_agg(s ORDER BY s.position) FROM sessions s) AS sessions,
    (SELECT json_agg(o) FROM offerings o) AS offerings,
    (SELECT json_agg(json_build_object('id', e.id, 'order_line_id', e.order_line_id, 'extra_id', e.extra_id,
                     'quantity', e.quantity, 'name', x.name, 'price_minor', x.price_minor,
                     'is_offered', x.is_active AND coalesce(x.program_id = p.program_id, true),
                     'left', x.stock - coalesce((SELECT k.taken FROM extra_stock k
                         WHERE k.organisation_id = x.organisation_id AND k.extra_id = x.id
                           AND k.term_product_id = w.id), 0)))
     FROM extras e
     JOIN sessions w ON w.line_id = e.order_line_id
     JOIN offerings p ON p.id = w.term_program_set_id
     JOIN extra x ON x.organisation_id = %(org)s AND x.id = e.extra_id) AS extras,
    (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
     WHERE r.organisation_id = %(org)s AND r.scope_id IN (
         SELECT %(org)s UNION ALL SELECT id FROM offerings UNION ALL SELECT program_id FROM offerings
         UNION ALL SELECT category_id FROM offerings)) AS settings,
    (SELECT json_agg(json_build_object('id', s.id, 'offering', s.term_program_set_id, 'date', s.local_date,
                     'starts_at', s.starts_at, 'is_open', s.status = 'OPEN') ORDER BY s.local_date, s.id)
     FROM term_product s
     WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION' AND s.status IN ('OPEN', 'CLOSED')
       AND s.term_program_set_id IN (
           SELECT term_program_set_id FROM sessions WHERE mode <> 'CASUAL'
           UNION ALL SELECT id FROM offerings WHERE modes && ARRAY['FULL_WEEK', 'FULL_TERM'])) AS siblings,
    (SELECT json_agg(json_build_object('id', c.id, 'attendee_id', c.attendee_id, 'order_id', o.id,
                     'order_type', c.order_type, 'offer_id',
                     CASE WHEN c.order_type = 1 THEN (SELECT e.offer_id FROM waiting_entry e
                         WHERE e.organisation_id = c.organisation_id AND e.order_id = c.order_id
                           AND e.term_product_id = c.term_product_id AND e.status IN (30, 40)) END,
                     'session', s.id, 'starts_at', s.starts_at, 'ends_at', s.ends_at, 'account_id', o.account_id,
                     'reference', coalesce(b.reference, o.reference), 'name', p.name, 'date', s.local_date,
                     'start', s.local_start, 'end', s.local_end))
     FROM place_claim c
     JOIN term_product s ON s.organisation_id = c.organisation_id AND s.id = c.term_product_id
     JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
     JOIN term_booking_order o ON o.organisation_id = c.organisation_id AND o.id = c.order_id
     LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
     WHERE c.organisation_id = %(org)s AND c.attendee_id = ANY(%(attendee_ids)s)
       AND c.order_id <> ALL(%(order_ids)s)
       AND (s.id IN (SELECT id FROM sessions)
            OR s.starts_at < (SELECT max(ends_at) FROM sessions)
               AND s.ends_at > (SELECT min(starts_at) FROM sessions))) AS claims,
    (SELECT json_build_object('id', g.id, 'last_version', g.last_version) FROM billing_group g
     WHERE g.organisation_id = %(org)s AND {group_key}) AS billing_group,
    (SELECT json_agg(json_build_object('attendee_id', j.attendee_id, 'programs', j.programs)
                     ORDER BY j.joined_at, j.attendee_id)
     FROM (SELECT b.attendee_id, min(b.created_at) AS joined_at,
                  array_agg(DISTINCT p.program_id) FILTER (WHERE b.id <> ALL(%(original_ids)s::uuid[]))
                  AS programs
           FROM term_booking b
           JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id
                AND l.cancelled_at IS NULL
           JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
           WHERE b.organisation_id = %(org)s AND b.account_id = %(account_id)s AND b.term_id = %(term_id)s
             AND b.order_id <> ALL(%(order_ids)s) AND b.order_type NOT IN (2, 4) AND b.status IN (450, 500, 700)
           GROUP BY b.attendee_id) j) AS peers,
    (SELECT json_agg(b.id ORDER BY b.id) FROM term_booking b
     WHERE b.organisation_id = %(org)s AND b.account_id = %(account_id)s AND b.term_id = %(term_id)s
       AND b.order_type = 0 AND b.status = 500 AND b.id <> ALL(%(original_ids)s::uuid[])
       AND b.order_id <> ALL(%(order_ids)s)
       AND EXISTS (SELECT FROM billing_line x WHERE x.organisation_id = b.organisation_id
                   AND x.billing_id = b.billing_id AND x.trace @? '$[*] ? ((@.rule == "SIBLING" ||
                       @.rule == "COMBINE_BOOKING") && !(@.terms.on_edit == "FREEZE"))')) AS counting,
    {promos} AS promos,
    {passes},
    {trials} AS trials_taken,
    (SELECT json_object_agg(m.order_id, json_build_object('id', g.id, 'reference', g.reference))
     FROM group_order_member m
     JOIN group_order g ON g.organisation_id = m.organisation_id AND g.id = m.group_order_id
     WHERE m.organisation_id = %(org)s AND m.order_id = ANY(%(order_ids)s) AND g.submitted_at IS NULL) AS open_groups,
    {standing} AS standing
""".replace("{passes}", PASSES)
_GROUP_OF_ACCOUNT = "g.account_id = %(account_id)s AND g.term_id = %(term_id)s"
_GROUP_OF_SUBSCRIPTION = "g.subscription_id = %(subscription_id)s"
_TRIALS = """(SELECT json_agg(t) FROM (
        SELECT o.attendee_id, p.program_id, count(*) AS trials
        FROM term_booking_order o
        JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
        JOIN term_program_set p ON p.organisation_id = o.organisation_id AND p.id = l.term_program_set_id
        WHERE o.organisation_id = %(org)s AND o.attendee_id = ANY(%(attendee_ids)s) AND o.order_type = 2
          AND o.id <> ALL(%(order_ids)s) AND o.status IN (300, 450, 475, 485, 500)
        GROUP BY o.attendee_id, p.program_id) t)"""
_PROMOS = """(SELECT json_object_agg(w.code, json_build_object(
        'used', (SELECT c.used FROM promo_code c WHERE c.organisation_id = %(org)s AND c.code = w.code),
        'is_used_before', EXISTS (SELECT FROM promo_redemption r WHERE r.organisation_id = %(org)s
            AND r.code = w.code AND r.account_id = %(account_id)s AND r.order_id <> ALL(%(order_ids)s))))
     FROM unnest(%(promo_codes)s::text[]) AS w (code))"""
NOT_ASKED = "NULL::json"


# The planner takes any list for ten: a plan for all orders is three times as dear to it as one for this order, and it
# plans each order anew. So one order is asked by its own key.
_OF_ONE = {
    "= ANY(%(order_ids)s)": "= %(order_id)s", "<> ALL(%(order_ids)s)": "<> %(order_id)s",
    "= ANY(%(attendee_ids)s)": "= %(attendee_id)s",
}  # fmt: skip


@cache
def _facts_sql(
    *, is_one: bool, is_given: bool, of_subscription: bool, has_trials: bool, has_codes: bool, pay_later: bool
) -> str:
    """The statement, without the parts that nobody asks: the server sets up every part each time that it runs one."""
    parts = {
        "{group_key}": _GROUP_OF_SUBSCRIPTION if of_subscription else _GROUP_OF_ACCOUNT,
        "{trials}": _TRIALS if has_trials else NOT_ASKED,
        "{promos}": _PROMOS if has_codes else NOT_ASKED,
        "{standing}": ACCOUNT_STANDING if pay_later else NOT_ASKED,
    }
    sql = (_WANTED_GIVEN if is_given else _WANTED_SAVED) + _FACTS
    for name, part in (parts | (_OF_ONE if is_one else {})).items():
        sql = sql.replace(name, part)
    return sql


def read_facts(
    tx: Transaction, order: Order, *, now: datetime, today: date, pay_later: bool = False,
    wanted: list[Row] | None = None, extras: list[Row] | None = None, uncounted: Sequence[UUID] = (),
    edited_id: UUID | None = None,
) -> Facts:  # fmt: skip
    """Read what the guards ask, in one statement at any number of sessions: of the saved lines, or of lines given. The
    programs of the bookings `uncounted` do not count, as those of an original do not. `edited_id` is the order behind
    what is edited.
    """
    given = None if wanted is None else [{**row, "order_id": order.id} for row in wanted]
    (facts,) = read_facts_together(tx, [order], now=now, today=today, pay_later=pay_later, wanted=given, extras=extras,
                                   uncounted=uncounted, edited_id=edited_id)  # fmt: skip
    return facts


def read_facts_together(
    tx: Transaction, orders: Sequence[Order], *, now: datetime, today: date, pay_later: bool = False,
    wanted: list[Row] | None = None, extras: list[Row] | None = None, uncounted: Sequence[UUID] = (),
    edited_id: UUID | None = None,
) -> list[Facts]:  # fmt: skip
    """The same of several orders of one account and term, in one statement at any number of them, in their order.

    Lines that are given name their `order_id`.
    """
    assert len({(order.account_id, order.term_id) for order in orders}) == 1, "of one account and term"
    given = {} if wanted is None else {
        "wanted": orjson.dumps(wanted).decode(), "extras": orjson.dumps(extras or []).decode()
    }  # fmt: skip
    codes = list({order.promo_code for order in orders if order.promo_code})
    sql = _facts_sql(
        is_one=len(orders) == 1, is_given=wanted is not None, of_subscription=orders[0].subscription_id is not None,
        has_trials=any(order.order_type is TermBookingOrderType.TRIAL_SESSION for order in orders),
        has_codes=bool(codes), pay_later=pay_later,
    )  # fmt: skip
    row = tx.row(
        sql, order_ids=[order.id for order in orders], attendee_ids=[order.attendee_id for order in orders],
        order_id=orders[0].id, attendee_id=orders[0].attendee_id,
        account_id=orders[0].account_id, term_id=orders[0].term_id,
        subscription_id=orders[0].subscription_id, promo_codes=codes,
        original_ids=[*uncounted, *(order.original_booking_id for order in orders if order.original_booking_id)],
        now=now, today=today, edited_id=edited_id, **given,
    )  # fmt: skip
    assert row is not None
    found = _facts_of_each(row, orders, tx.organisation_id, now=now, today=today)
    _seat(tx, orders, found)
    _name_activities(tx, found)
    _name_credits(tx, found)
    _make_way(tx, orders, found)
    return found


def _facts_of_each(
    row: Row, orders: Sequence[Order], organisation_id: UUID, *, now: datetime, today: date
) -> list[Facts]:
    """What was read, parted by order; offerings, settings and answers are shared."""
    offerings = _offerings(row["offerings"] or (), organisation_id)
    settings = {(UUID(scope), name): value for scope, name, value in row["settings"] or ()}
    lines = _lines(row["sessions"] or (), offerings, row["extras"] or ())
    claims, trials = row["claims"] or (), row["trials_taken"] or ()
    answers: dict[tuple[Rule, UUID], Answer] = {}
    passes = rights_of(row["passes"])
    found: list[Facts] = []
    for order in orders:
        order_id, attendee_id = str(order.id), str(order.attendee_id)
        facts = Facts(
            lines=[line for line in lines if line.facts["order_id"] == order_id],
            settings=settings,
            claims=[_claim(c) for c in claims if c["attendee_id"] == attendee_id],
            siblings={},
            group=row["billing_group"],
            trials_taken={t["program_id"]: t["trials"] for t in trials if t["attendee_id"] == attendee_id},
            standing=row["standing"],
            today=today,
            peers=row["peers"] or [],
            counting=[UUID(booking_id) for booking_id in row["counting"] or ()],
            open_group=(row["open_groups"] or {}).get(order_id),
            promo=(row["promos"] or {}).get(order.promo_code),
            passes=passes,
            _answers=answers,
        )
        facts.siblings = found[0].siblings if found else _siblings(row["siblings"] or (), facts, offerings, now)
        found.append(facts)
    return found


def _seat(tx: Transaction, orders: Sequence[Order], found: Sequence[Facts]) -> None:
    """Give each line the seat that it asks for, where there is such a seat."""
    lines = [line for facts in found for line in facts.lines if line.seat_id is not None]
    seats = read_wanted_seats(tx, [(line.session_id, line.seat_id) for line in lines if line.seat_id],
                              order_ids=[order.id for order in orders])  # fmt: skip
    for line in lines:
        line.seat = seats.get((line.session_id, line.seat_id)) if line.seat_id else None


def _name_activities(tx: Transaction, found: Sequence[Facts]) -> None:
    """Give each line the activities that it chooses."""
    lines = [line for facts in found for line in facts.lines if line.activity_ids]
    known = read_wanted_activities(tx, {i for line in lines for i in line.activity_ids})
    for line in lines:
        line.activities = [known[i] for i in line.activity_ids if i in known]


def _name_credits(tx: Transaction, found: Sequence[Facts]) -> None:
    """Give each makeup session its credit."""
    lines = [line for facts in found for line in facts.lines if line.makeup_credit_id]
    known = read_wanted_credits(tx, {line.makeup_credit_id for line in lines if line.makeup_credit_id})
    for line in lines:
        line.makeup = known.get(line.makeup_credit_id) if line.makeup_credit_id else None


def _make_way(tx: Transaction, orders: Sequence[Order], found: Sequence[Facts]) -> None:
    """Tell each order which of the family's own interests become it."""
    ids = [_making_way(order, facts) for order, facts in zip(orders, found, strict=True)]
    interests = read_interests(tx, set().union(*ids))
    for facts, own in zip(found, ids, strict=True):
        facts.making_way = [interest for interest in interests if interest.id in own]


def _making_way(order: Order, facts: Facts) -> set[UUID]:
    """The orders whose claims become this one's: the account's own interest in the same sessions, and what it is to
    convert.
    """
    found = {
        claim.order_id for claim in facts.claims for line in facts.lines
        if claim.account_id == order.account_id
        and converts(claim.order_type, claim.slot, order.order_type, line.slot)
    }  # fmt: skip
    return found | {order.converts_order_id} if order.converts_order_id else found


def _offerings(rows: Iterable[Row], organisation_id: UUID) -> dict[str, Offering]:
    found = {}
    for row in rows:
        chain = (UUID(row["id"]), UUID(row["program_id"]), UUID(row["category_id"]), organisation_id)
        for name in ("bookable_from", "bookable_until", "priority_from"):
            row[name] = _moment(row[name])
        for name in ("weight_from_kg", "weight_to_kg"):
            row[name] = None if row[name] is None else Decimal(str(row[name]))
        found[row["id"]] = Offering(chain[0], row, chain)
    return found


def _lines(rows: Iterable[Row], offerings: dict[str, Offering], extras: Iterable[Row]) -> list[WantedLine]:
    lines = []
    for row in rows:
        session_id = UUID(row["id"])
        slot = Slot(session_id, _moment(row["starts_at"]), _moment(row["ends_at"]))
        lines.append(
            WantedLine(
                UUID(row["line_id"]), session_id, offerings[row["term_program_set_id"]], LineKind(row["kind"]),
                BookingMode(row["mode"]), row["position"], slot, row,
            )
        )  # fmt: skip
    by_line = {str(line.line_id): line for line in lines}
    for e in extras:
        by_line[e["order_line_id"]].extras.append(
            WantedExtra(
                UUID(e["id"]), UUID(e["order_line_id"]), UUID(e["extra_id"]), e["name"], e["price_minor"],
                e["quantity"], e["is_offered"], e["left"],
            )
        )  # fmt: skip
    return lines


def _claim(row: Row) -> Claim:
    when = f"{date.fromisoformat(row['date']):%a %d %b %Y} {row['start'][:5]}–{row['end'][:5]}" if row["date"] else ""
    slot = Slot(UUID(row["session"]), _moment(row["starts_at"]), _moment(row["ends_at"]))
    label = f"{row['name']}, {when}" if when else str(row["name"])
    return Claim(
        UUID(row["order_id"]), TermBookingOrderType(row["order_type"]), slot, UUID(row["account_id"]),
        str(row["reference"]), label, UUID(row["id"]), UUID(row["offer_id"]) if row["offer_id"] else None,
    )  # fmt: skip


def _siblings(
    rows: Iterable[Row], facts: Facts, offerings: dict[str, Offering], now: datetime
) -> dict[UUID, list[OfferedSession]]:
    """Every session of the offerings; one past its cut-off, or closed, is not to come: nobody is asked to book it."""
    found: dict[UUID, list[OfferedSession]] = {}
    for row in rows:
        offering = offerings[row["offering"]]
        cut_off = timedelta(minutes=facts.rule(Rule.BOOKING_CUT_OFF, offering).value)
        day = date.fromisoformat(row["date"]) if row["date"] else None
        starts_at = _moment(row["starts_at"])
        is_to_come = row["is_open"] and (starts_at is None or now <= starts_at - cut_off)
        found.setdefault(offering.id, []).append(OfferedSession(UUID(row["id"]), day, is_to_come))
    return found


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
