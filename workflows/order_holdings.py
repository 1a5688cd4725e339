"""What an order holds and owes: claims, timers, Billing, payments and newest quote, in one statement after the lock."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from typing import Any
from uuid import UUID

from billing.schedules import Schedule
from catalogue.rules import Rule, answer
from engine.database import Row, Transaction
from workflows.makeup_credit import AS_JSON, Credit
from workflows.order_facts import Order
from workflows.order_reads import ACCOUNT_STANDING, NOT_ASKED
from workflows.pass_facts import USES, Use, uses_of
from workflows.schedule_facts import SCHEDULE_OF, schedule_of

# The open companions of an order, by booking.
COMPANIONS = """(SELECT json_agg(json_build_object('id', c.id, 'reference', c.reference, 'version', c.version,
                     'original_booking_id', c.original_booking_id, 'price_fingerprint', c.price_fingerprint,
                     'total_minor', c.total_minor)
                     ORDER BY c.original_booking_id)
     FROM term_booking_order c
     WHERE c.organisation_id = %(org)s AND c.cause_order_id = {order_id} AND c.status = 350)"""
# The makeup credits that an order has booked.
MAKEUPS = f"""(SELECT json_agg({AS_JSON}) FROM makeup_credit m
     WHERE m.organisation_id = %(org)s AND m.order_id = {{order_id}} AND m.status = 200)"""

# What an order holds: places, each with the session that an activity was chosen with, timers, its family's Billing.
HELD = """(SELECT json_agg(json_build_object('id', c.id, 'term_product_id', c.term_product_id,
                     'takes_place', c.takes_place, 'chosen_with', (
                         SELECT l.term_product_id FROM term_booking_order_activity y
                         JOIN term_booking_order_line l ON l.organisation_id = y.organisation_id
                              AND l.id = y.order_line_id
                         WHERE y.organisation_id = c.organisation_id AND y.order_id = c.order_id
                           AND y.term_product_id = c.term_product_id)) ORDER BY c.term_product_id)
     FROM place_claim c WHERE c.organisation_id = %(org)s AND c.order_id = %(order_id)s) AS claims,
    (SELECT json_agg(json_build_object('id', t.id, 'kind', t.kind, 'due_at', t.due_at))
     FROM timer t WHERE t.organisation_id = %(org)s AND t.subject_id = %(order_id)s AND t.status = 'ARMED') AS timers,
    (SELECT json_build_object('id', g.id, 'last_version', g.last_version) FROM billing_group g
     WHERE g.organisation_id = %(org)s AND g.id = %(group_id)s) AS billing_group"""

_HOLDINGS = """
SELECT
    {held},
    (SELECT json_build_object('id', b.id, 'version', b.version, 'net_minor', b.net_minor, 'tax_minor', b.tax_minor,
                              'total_minor', b.total_minor, 'fingerprint', b.fingerprint)
     FROM billing b WHERE b.organisation_id = %(org)s AND b.id = %(billing_id)s) AS billing,
    (SELECT json_agg(json_build_object('id', p.id, 'status', p.status, 'amount_minor', p.amount_minor,
                     'disputed_minor', p.disputed_minor, 'allocated_minor', w.moved_minor + (
                      SELECT coalesce(sum(a.amount_minor), 0)::bigint FROM payment_allocation a
                      WHERE a.organisation_id = p.organisation_id AND a.payment_id = p.id),
                     'moved_minor', w.moved_minor) ORDER BY p.created_at)
     FROM payment p CROSS JOIN LATERAL (
         SELECT coalesce(sum(e.moved_minor), 0)::bigint AS moved_minor FROM wallet_entry e
         WHERE e.organisation_id = p.organisation_id AND e.payment_id = p.id) w
     WHERE p.organisation_id = %(org)s AND p.order_id = %(order_id)s) AS payments,
    (SELECT json_build_object('id', q.id, 'billing_id', q.billing_id, 'expires_at', q.expires_at)
     FROM quote q WHERE q.organisation_id = %(org)s AND q.order_id = %(order_id)s
     ORDER BY q.issued_at DESC, q.number DESC LIMIT 1) AS quote,
    {schedule} AS schedule,
    EXISTS (SELECT FROM direct_debit_mandate m WHERE m.organisation_id = %(org)s AND m.account_id = %(account_id)s
            AND m.status = 200) AS has_mandate,
    {makeups} AS makeups,
    {companions} AS companions,
    {uses},
    {lines}
"""

# Only a confirmation needs the priced lines, and what the account owes only one that is paid later; NULL elsewhere
# keeps one shape.
_PRICED_LINES = """
    (SELECT json_agg(json_build_object(
        'id', b.id, 'component', b.component, 'term_product_id', b.term_product_id, 'description', b.description,
        'quantity', b.quantity, 'net_minor', b.net_minor, 'tax_minor', b.tax_minor, 'gross_minor', b.gross_minor,
        'tax_name', b.tax_name, 'tax_rate', b.tax_rate::text, 'position', b.position, 'trace', b.trace,
        'kind', l.kind, 'mode', l.mode,
        'term_program_set_id', l.term_program_set_id, 'line_position', l.position, 'local_date', s.local_date,
        'starts_at', s.starts_at, 'seat_id', l.seat_id
        ) ORDER BY b.position)
     FROM billing_line b
     JOIN term_booking_order_line l ON l.organisation_id = b.organisation_id AND l.order_id = %(order_id)s
          AND l.term_product_id = b.term_product_id
     JOIN term_product s ON s.organisation_id = b.organisation_id AND s.id = b.term_product_id
     WHERE b.organisation_id = %(org)s AND b.billing_id = %(billing_id)s) AS lines,
    (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'name', e.name, 'quantity', e.quantity,
                     'price_minor', b.base_minor / b.quantity,
                     'price_paid_minor', (b.base_minor - b.discount_minor) / b.quantity,
                     'covered_by_entitlement_id', b.trace #>> '{1,pass_id}',
                     'term_product_id', l.term_product_id))
     FROM term_booking_order_extra e
     JOIN term_booking_order_line l ON l.organisation_id = e.organisation_id AND l.id = e.order_line_id
     JOIN billing_line b ON b.organisation_id = e.organisation_id AND b.billing_id = %(billing_id)s
          AND b.term_product_id = l.term_product_id AND b.component = 'EXTRA:' || e.extra_id
     WHERE e.organisation_id = %(org)s AND e.order_id = %(order_id)s) AS extras,
    (SELECT json_agg(json_build_array(p.id, p.program_id, g.category_id, %(org)s))
     FROM term_program_set p JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
     WHERE p.organisation_id = %(org)s AND p.id IN (SELECT l.term_program_set_id FROM term_booking_order_line l
           WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s)) AS chains,
    (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
     WHERE r.organisation_id = %(org)s AND r.name IN ('invoice_due_days', 'pay_later_limit_minor',
           'quote_validity_days', 'booking_cut_off_minutes', 'auto_cancel_minutes', 'invoicing', 'invoicing_period',
           'invoicing_advance_days')
       AND r.scope_id IN (SELECT unnest(ARRAY[%(org)s, p.id, p.program_id, g.category_id])
           FROM term_program_set p JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
           WHERE p.organisation_id = %(org)s AND p.id IN (SELECT l.term_program_set_id
               FROM term_booking_order_line l WHERE l.organisation_id = %(org)s AND l.order_id = %(order_id)s))
    ) AS settings,
    (SELECT t.starts_on::text FROM term_booking_order w
     JOIN term t ON t.organisation_id = w.organisation_id AND t.id = w.term_id
     WHERE w.organisation_id = %(org)s AND w.id = %(order_id)s) AS term_starts_on,
    {standing} AS standing
"""
_NO_LINES = (
    "NULL::json AS lines, NULL::json AS extras, NULL::json AS chains, NULL::json AS settings, "
    "NULL::text AS term_starts_on, NULL::json AS standing"
)
_READ = (
    _HOLDINGS.replace("{held}", HELD)
    .replace("{schedule}", SCHEDULE_OF.format(order_id="%(order_id)s"))
    .replace("{makeups}", MAKEUPS.replace("{order_id}", "%(order_id)s"))
    .replace("{companions}", COMPANIONS.replace("{order_id}", "%(order_id)s"))
    .replace("{uses}", USES.replace("{order_id}", "%(order_id)s"))
)
_WITHOUT_LINES = _READ.replace("{lines}", _NO_LINES)
_WITH_LINES = _READ.replace("{lines}", _PRICED_LINES).replace("{standing}", NOT_ASKED)
_WITH_STANDING = _READ.replace("{lines}", _PRICED_LINES).replace("{standing}", ACCOUNT_STANDING)


@dataclass
class Holdings:
    """What the order holds and owes, as it stood after the lock."""

    claims: list[Row]
    timers: list[Row]
    group: Row | None
    billing: Row | None
    payments: list[Row]
    quote: Row | None
    lines: list[Row]
    extras: list[Row]
    chains: list[tuple[UUID, ...]]
    settings: dict[tuple[UUID, str], Any]
    standing: Row | None
    # What was agreed at the last submit that made a schedule, when that was, and whether the account can be collected.
    schedule: Schedule | None = None
    agreed_at: datetime | None = None
    has_mandate: bool = False
    makeups: list[Credit] = field(default_factory=list)  # booked by it
    uses: list[Use] = field(default_factory=list)  # of passes
    companions: list[Row] = field(default_factory=list)  # open ones of which it is the cause, by booking
    term_starts_on: str | None = None  # from which fortnights are counted
    # The document that the verb issued, for its answer.
    document_id: UUID | None = None

    @property
    def paid_minor(self) -> int:
        """What was captured for this order, less what was taken back and what went to the wallet."""
        return sum(
            p["amount_minor"] - p["disputed_minor"] - p["moved_minor"]
            for p in self.payments
            if p["status"] == "SUCCESS"
        )

    def rules(self, rule: Rule) -> list[Any]:
        """The rule's value for each offering of the order."""
        return [answer(rule, self.settings, chain=chain).value for chain in self.chains]

    def schedule_for(self, order: Order) -> Schedule | None:
        """The schedule that the order's present submit agreed to; not one of a submit before it."""
        is_of_this = self.agreed_at is not None and order.submitted_at is not None
        return self.schedule if is_of_this and self.agreed_at >= order.submitted_at else None  # type: ignore[operator]

    @property
    def has_money_moving(self) -> bool:
        return any(p["status"] == "PROCESSING" for p in self.payments)


# Of an order that costs nothing and runs out of nothing.
NOTHING_HELD = Holdings([], [], None, None, [], None, [], [], [], {}, None)


def read_holdings(
    tx: Transaction, order: Order, *, with_lines: bool = False, pay_later: bool = False, today: date | None = None
) -> Holdings:
    """Read everything in one statement; `with_lines` adds the priced lines that a confirmation copies and the rules it
    asks, `pay_later` the account's standing on the organisation's local day `today`.
    """
    row: dict[str, Any] | None = tx.row(
        _statement(with_lines=with_lines, pay_later=pay_later),
        order_id=order.id, order_ids=[order.id], group_id=order.group_id, billing_id=order.billing_id,
        account_id=order.account_id, today=today,
    )  # fmt: skip
    assert row is not None
    return _holdings(row)


def read_holdings_together(
    tx: Transaction, orders: Sequence[Order], *, with_lines: bool = False, pay_later: bool = False,
    today: date | None = None,
) -> list[Holdings]:  # fmt: skip
    """The same of several orders of one account, in one statement at any number of them, in their order."""
    rows = tx.rows(
        _together(_statement(with_lines=with_lines, pay_later=pay_later)),
        order_ids=[order.id for order in orders], group_ids=[order.group_id for order in orders],
        billing_ids=[order.billing_id for order in orders], account_id=orders[0].account_id, today=today,
    )  # fmt: skip
    return [_holdings(row) for row in rows]


def _statement(*, with_lines: bool, pay_later: bool) -> str:
    if not with_lines:
        return _WITHOUT_LINES
    return _WITH_STANDING if pay_later else _WITH_LINES


@cache
def _together(sql: str) -> str:
    """The statement of one order, asked of each of several."""
    for name in ("order_id", "group_id", "billing_id"):
        sql = sql.replace(f"%({name})s", f"asked.{name}")
    return f"""SELECT held.* FROM unnest(%(order_ids)s::uuid[], %(group_ids)s::uuid[], %(billing_ids)s::uuid[])
        WITH ORDINALITY AS asked (order_id, group_id, billing_id, nth)
        CROSS JOIN LATERAL ({sql.replace("<> ALL(%(order_ids)s)", "<> asked.order_id")}) held ORDER BY asked.nth"""


def _holdings(row: Row) -> Holdings:
    return Holdings(
        claims=row["claims"] or [], timers=row["timers"] or [], group=row["billing_group"], billing=row["billing"],
        payments=row["payments"] or [], quote=row["quote"], lines=row["lines"] or [], extras=row["extras"] or [],
        chains=[tuple(UUID(i) for i in chain) for chain in row["chains"] or ()],
        settings={(UUID(scope), name): value for scope, name, value in row["settings"] or ()},
        standing=row["standing"], schedule=schedule_of(row["schedule"]), has_mandate=row["has_mandate"],
        agreed_at=datetime.fromisoformat(row["schedule"]["agreed_at"]) if row["schedule"] else None,
        makeups=[Credit.of(credit) for credit in row["makeups"] or ()],
        uses=uses_of(row["uses"]), companions=row["companions"] or [], term_starts_on=row["term_starts_on"],
    )  # fmt: skip
