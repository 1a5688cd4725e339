"""Orders that end, many at once: each with what it gives back, in one statement whatever their number.

A sweeper cancels a hundred orders in a transaction. What a document would print of them is not read.
"""

from collections.abc import Collection
from uuid import UUID

from engine.database import Row, Transaction
from models import TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus
from workflows.makeup_credit import Credit
from workflows.order_facts import Order
from workflows.order_holdings import COMPANIONS, MAKEUPS, Holdings
from workflows.pass_facts import USES, uses_of

_ENDING = """
SELECT o.id, o.reference, o.status, o.version, o.account_id, o.attendee_id, o.term_id, o.order_type,
       o.confirmation_type, o.group_id, o.billing_id, o.booking_id, o.total_minor, o.original_booking_id,
       o.original_order_id, o.change_due_minor, o.cancel_reason, o.promo_code, o.submitted_at,
       g.last_version, b.total_minor AS billed_minor,
    (SELECT json_agg(json_build_object('id', c.id, 'term_product_id', c.term_product_id, 'takes_place', c.takes_place))
     FROM place_claim c WHERE c.organisation_id = o.organisation_id AND c.order_id = o.id) AS claims,
    (SELECT json_agg(json_build_object('id', t.id, 'kind', t.kind, 'due_at', t.due_at)) FROM timer t
     WHERE t.organisation_id = o.organisation_id AND t.subject_id = o.id AND t.status = 'ARMED') AS timers,
    (SELECT json_agg(json_build_object('id', p.id, 'status', p.status, 'amount_minor', p.amount_minor,
                     'disputed_minor', p.disputed_minor, 'moved_minor', 0)) FROM payment p
     WHERE p.organisation_id = o.organisation_id AND p.order_id = o.id) AS payments,
    {companions} AS companions, {makeups} AS makeups,
    {uses}
FROM term_booking_order o
LEFT JOIN billing_group g ON g.organisation_id = o.organisation_id AND g.id = o.group_id
LEFT JOIN billing b ON b.organisation_id = o.organisation_id AND b.id = o.billing_id
WHERE o.organisation_id = %(org)s AND o.id = ANY(%(order_ids)s)
"""
for _name, _held in (("{companions}", COMPANIONS), ("{makeups}", MAKEUPS), ("{uses}", USES)):
    _ENDING = _ENDING.replace(_name, _held.replace("{order_id}", "o.id"))


def read_endings(tx: Transaction, order_ids: Collection[UUID]) -> dict[UUID, tuple[Order, Holdings]]:
    """The orders, whose locks the caller holds, with what each holds: enough to let them go."""
    return {row["id"]: _ending(row) for row in tx.rows(_ENDING, order_ids=list(order_ids))}


def _ending(row: Row) -> tuple[Order, Holdings]:
    last_version, billed_minor = row.pop("last_version"), row.pop("billed_minor")
    claims, timers, payments = (row.pop(name) or [] for name in ("claims", "timers", "payments"))
    companions, uses = row.pop("companions") or [], uses_of(row.pop("uses"))
    makeups = [Credit.of(credit) for credit in row.pop("makeups") or ()]
    holdings = Holdings(
        claims=claims, timers=timers, payments=payments, quote=None, lines=[], extras=[], chains=[], settings={},
        standing=None, companions=companions, uses=uses, makeups=makeups,
        group={"id": row["group_id"], "last_version": last_version} if row["group_id"] else None,
        billing={"id": row["billing_id"], "total_minor": billed_minor} if row["billing_id"] else None,
    )  # fmt: skip
    row["status"], row["order_type"] = TermBookingStatus(row["status"]), TermBookingOrderType(row["order_type"])
    if row["confirmation_type"] is not None:
        row["confirmation_type"] = TermBookingConfirmationType(row["confirmation_type"])
    return Order(**row), holdings
