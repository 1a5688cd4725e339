"""What providers tell about payments: each event is applied once, however often and in whatever order it arrives.

A payment only climbs: PENDING → PROCESSING → FAILED → SUCCESS. FAILED stands below SUCCESS because captured money
counts whatever was reported before, and nothing undoes it; so every order of the same events ends alike. The lock order
is the house's: account → attendee → order; the payment itself changes only under its order's lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from billing.gateways.protocol import (
    Gateway,
    GatewayDisputeEvent,
    GatewayEvent,
    GatewayRefundEvent,
    GatewayRefundStatus,
    GatewayRefused,
    GatewayUnreachable,
    Told,
)
from engine.actor import SYSTEM
from engine.batch import Batch, FollowUp, Guarded
from engine.database import Database, Row, Transaction
from engine.errors import Conflict
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id
from models import PaymentReview, PaymentReviewKind, PaymentStatus, ProcessedEvent
from workflows.chargebacks import apply_dispute, take_disputed, take_disputed_top_ups
from workflows.order_facts import Order, lock_order, lock_orders
from workflows.order_guards import TIMEOUT
from workflows.order_holdings import Holdings, read_holdings
from workflows.passes import buy_requested
from workflows.payment_use import Captured, capture, review
from workflows.refunds import apply_refund
from workflows.timeouts import release_overdue
from workflows.wallet import land_top_up
from workflows.wallet_facts import lock_account

_log = structlog.get_logger("termbook.payments")

_RANK = {
    PaymentStatus.PENDING: 0,
    PaymentStatus.PROCESSING: 1,
    PaymentStatus.FAILED: 2,
    PaymentStatus.SUCCESS: 3,
}

# How often a provider is asked about a payment that moves, or whose order is about to be cancelled …
_ASK_AGAIN = timedelta(minutes=1)
# … and about one that its payer seems to have left, until it is this old.
_ASK_ABANDONED = timedelta(hours=1)
_FORGET_ABANDONED = timedelta(days=3)


class Outcome(StrEnum):
    """What an event changed."""

    ALREADY_APPLIED = "ALREADY_APPLIED"  # nothing: it was applied before
    UNCHANGED = "UNCHANGED"  # nothing: the payment was already further
    PROCESSING = "PROCESSING"  # money is moving
    FAILED = "FAILED"  # declined or abandoned
    CONFIRMED = "CONFIRMED"  # captured, and the order is confirmed
    REVIVED = "REVIVED"  # captured late, and the timed-out order is confirmed after all
    SETTLED = "SETTLED"  # captured, and the booking's invoices are settled, or the wallet is topped up
    HELD = "HELD"  # captured; the order waits for more or for finance
    NOT_REVIVED = "NOT_REVIVED"  # captured late for an order that could not be brought back; the family's credit
    CREDITED = "CREDITED"  # captured; the family's credit
    REVIEW = "REVIEW"  # reported money that is not what was asked: on finance's list
    DISPUTED = "DISPUTED"  # its payer's bank has taken it back, or given it again
    REFUNDED = "REFUNDED"  # news of money that we gave back
    UNKNOWN = "UNKNOWN"  # not a payment of ours
    IGNORED = "IGNORED"  # it tells of nothing that we keep


class AlreadyApplied(Conflict):
    """The event was applied by somebody else at the same moment."""

    code = "event_already_applied"


_ONCE = "uq_processed_event_organisation_id_provider_event_id"


def deliver_event(database: Database, organisation_id: UUID, *, provider: str, event: Told, now: datetime) -> Outcome:
    """Apply an event in a transaction of its own; what webhook endpoints and queries call.

    Late money looks for room first: an overdue hold that nobody has swept yet is void, also in the way of a revival.
    """
    if isinstance(event, GatewayEvent) and event.status is PaymentStatus.SUCCESS:
        _make_way(database, organisation_id, provider, event, now)
    try:
        return database.run(organisation_id, lambda tx: apply_event(tx, provider=provider, event=event, now=now))
    except AlreadyApplied:
        return Outcome.ALREADY_APPLIED


_LATE = """
SELECT o.attendee_id, array_agg(l.term_product_id) AS session_ids
FROM payment p
JOIN term_booking_order o ON o.organisation_id = p.organisation_id AND o.id = p.order_id
JOIN term_booking_order_line l ON l.organisation_id = o.organisation_id AND l.order_id = o.id
WHERE p.organisation_id = %(org)s AND p.provider = %(provider)s
  AND (p.external_id = %(external_id)s OR p.id = %(key)s) AND o.status = 900 AND o.cancel_reason = %(timeout)s
GROUP BY o.id, o.attendee_id
"""


def _make_way(database: Database, organisation_id: UUID, provider: str, event: GatewayEvent, now: datetime) -> None:
    with database.transaction(organisation_id) as tx:
        late = tx.rows(_LATE, provider=provider, external_id=event.external_id, key=_own_id(event.key), timeout=TIMEOUT)
    for order in late:
        release_overdue(
            database, organisation_id, session_ids=order["session_ids"], attendee_ids=[order["attendee_id"]], now=now
        )


def apply_event(tx: Transaction, *, provider: str, event: Told, now: datetime) -> Outcome:
    """Move the payment as the event says and do what follows from it, all in this transaction's one write.

    At the write it raises AlreadyApplied when the same event was applied meanwhile: nothing is written then.
    """
    found, *others = _find(tx, provider, event)
    if found["is_applied"]:
        return Outcome.ALREADY_APPLIED
    if isinstance(event, GatewayRefundEvent):
        outcome = _hear_of_refund(tx, found, provider, event, now)
    elif found["id"] is None:
        outcome = _unknown(tx.batch, provider, event, now)
    elif isinstance(event, GatewayDisputeEvent):
        outcome = _dispute_each(tx, [found, *others], event, now)
    elif found["order_id"] is None:
        outcome = _apply_to_wallet(tx, found, event, now)
    elif found["checkout_id"] is not None:
        outcome = _apply_to_each(tx, [found, *others], event, now)
    else:
        order = lock_order(tx, found["order_id"], actor=SYSTEM)
        holdings = read_holdings(tx, order, with_lines=event.status is PaymentStatus.SUCCESS)
        outcome = _apply(tx, order, holdings, payment=found, event=event, now=now)
    tx.batch.add(
        ProcessedEvent,
        [{"id": new_id(), "provider": provider, "event_id": event.event_id, "event_type": event.type,
          "outcome": outcome.value, "processed_at": now}],
    )  # fmt: skip
    tx.batch.on_violation(_ONCE, AlreadyApplied(f"The event {event.event_id} was applied before."))
    return outcome


# Before any lock: which order to lock, what of the payment never changes, and whether the event is an old one.
_FIND = """
SELECT EXISTS (SELECT FROM processed_event e WHERE e.organisation_id = %(org)s AND e.provider = %(provider)s
               AND e.event_id = %(event_id)s) AS is_applied,
       p.id, p.order_id, p.account_id, p.reference, p.currency, p.fingerprint, p.provider, p.checkout_id,
       p.amount_minor
FROM (SELECT) one LEFT JOIN LATERAL (
    SELECT * FROM payment p WHERE p.organisation_id = %(org)s AND p.provider = %(provider)s
      AND (p.external_id = %(external_id)s OR p.id = %(key)s OR p.checkout_id = %(key)s)
    ORDER BY (p.external_id = %(external_id)s) DESC NULLS LAST, coalesce(p.checkout_id, p.id)
    FETCH FIRST 1 ROW WITH TIES) p ON true
ORDER BY p.order_id
"""


def _find(tx: Transaction, provider: str, event: Told) -> list[Row]:
    """By the provider's id or, when its answer never reached us, by our own key: the payment, or all of a checkout."""
    key = _own_id(event.key) if isinstance(event, GatewayEvent) else None  # a refund's key is its own
    return tx.rows(_FIND, provider=provider, event_id=event.event_id, external_id=event.external_id, key=key)


def _own_id(key: str | None) -> UUID | None:
    try:
        return UUID(key) if key else None
    except ValueError:
        return None


def _apply(
    tx: Transaction, order: Order, holdings: Holdings, *, payment: Row, event: GatewayEvent, now: datetime
) -> Outcome:
    row = next(p for p in holdings.payments if p["id"] == str(payment["id"]))
    was = PaymentStatus(row["status"])
    if was is PaymentStatus.SUCCESS:
        return _already_captured(tx, row, payment, event, now)
    if _RANK[event.status] <= _RANK[was]:
        return Outcome.UNCHANGED
    if event.status is PaymentStatus.SUCCESS:
        return _capture(tx, order, holdings, row, payment=payment, event=event, now=now)
    failure = (event.failure_reason or "declined") if event.status is PaymentStatus.FAILED else None
    _move(tx.batch, row, payment, event, to=event.status, failure=failure, now=now)
    if event.status is PaymentStatus.FAILED:
        announce(tx.batch, "payment.failed", now=now, payment_id=payment["id"], reference=payment["reference"],
                 order_id=order.id, order_reference=order.reference, failure_reason=failure)  # fmt: skip
        return Outcome.FAILED
    return Outcome.PROCESSING


_TOP_UP = "SELECT id, status, amount_minor FROM payment WHERE organisation_id = %(org)s AND id = %(id)s"


def _apply_to_wallet(tx: Transaction, payment: Row, event: GatewayEvent, now: datetime) -> Outcome:
    """A payment for no order tops up its account's wallet; it changes only under the account's lock."""
    account = lock_account(tx, payment["account_id"], actor=SYSTEM)
    row = tx.row(_TOP_UP, id=payment["id"])
    assert row is not None, "payments stay"
    was = PaymentStatus(row["status"])
    if was is PaymentStatus.SUCCESS:
        return _already_captured(tx, row, payment, event, now)
    if _RANK[event.status] <= _RANK[was]:
        return Outcome.UNCHANGED
    if event.status is PaymentStatus.SUCCESS:
        money = _reported(row, payment, event)
        if event.currency != payment["currency"] or event.amount_minor <= 0:
            return _set_aside(tx, row, payment, event, money, now)
        _move(tx.batch, row, payment, event, to=PaymentStatus.SUCCESS, failure=None, now=now)
        if money.is_as_asked:
            # What the money was asked for comes before what else waits for the wallet.
            tx.batch.follow_up(FollowUp(buy_requested, now), [payment["id"]])
        else:
            review(tx.batch, PaymentReviewKind.WRONG_AMOUNT, money, now=now)
        land_top_up(tx, account, payment=payment, amount_minor=event.amount_minor, now=now)
        tx.batch.follow_up(FollowUp(take_disputed_top_ups, now), [payment["id"]])
        return Outcome.SETTLED if money.is_as_asked else Outcome.REVIEW
    is_failed = event.status is PaymentStatus.FAILED
    failure = (event.failure_reason or "declined") if is_failed else None
    _move(tx.batch, row, payment, event, to=event.status, failure=failure, now=now)
    return Outcome.FAILED if is_failed else Outcome.PROCESSING


def _apply_to_each(tx: Transaction, payments: Sequence[Row], event: GatewayEvent, now: datetime) -> Outcome:
    """Several orders were paid at once: each payment gets what it asked for, the last what is left. Returns what became
    of the one that finance must look at, if any, else of the first.
    """
    orders = lock_orders(tx, [payment["order_id"] for payment in payments], actor=SYSTEM)
    outcomes: list[Outcome] = []
    left_minor = event.amount_minor
    for n, (order, payment) in enumerate(zip(orders, payments, strict=True), 1):
        holdings = read_holdings(tx, order, with_lines=event.status is PaymentStatus.SUCCESS)
        row = next(p for p in holdings.payments if p["id"] == str(payment["id"]))
        share = left_minor if n == len(orders) else min(left_minor, row["amount_minor"])
        left_minor -= share
        told = replace(event, amount_minor=share)
        outcomes.append(_apply(tx, order, holdings, payment=payment, event=told, now=now))
        # What one confirms is written before the next is read: they are of one account.
        tx.flush()
    return Outcome.REVIEW if Outcome.REVIEW in outcomes else outcomes[0]


def _dispute_each(tx: Transaction, payments: Sequence[Row], event: GatewayDisputeEvent, now: datetime) -> Outcome:
    """A dispute is about a whole checkout: it takes what each of its payments brought, as far as it goes."""
    left_minor, is_news = event.amount_minor, False
    for payment in payments:
        share = min(left_minor, payment["amount_minor"])
        left_minor -= share
        if share:
            is_news |= apply_dispute(tx, payment, event, share_minor=share, now=now)
            tx.flush()
    return Outcome.DISPUTED if is_news else Outcome.UNCHANGED


_OWN_REFUND = """
SELECT id FROM refund WHERE organisation_id = %(org)s
  AND (id = %(key)s OR (provider = %(provider)s AND external_id = %(external_id)s)) LIMIT 1
"""


def _hear_of_refund(tx: Transaction, payment: Row, provider: str, event: GatewayRefundEvent, now: datetime) -> Outcome:
    """What we asked for ends as the provider says. Money that somebody gave back at the provider itself is not in the
    books: finance must look at it.
    """
    own = tx.row(_OWN_REFUND, key=_own_id(event.key), provider=provider, external_id=event.refund.external_id)
    if own is not None:
        is_news = apply_refund(tx, refund_id=own["id"], said=event.refund, now=now)
        return Outcome.REFUNDED if is_news else Outcome.UNCHANGED
    if event.refund.status is GatewayRefundStatus.SUCCEEDED:
        _list(tx.batch, PaymentReviewKind.UNKNOWN_REFUND, provider, event, now, payment_id=payment["id"])
        return Outcome.REVIEW
    return Outcome.UNCHANGED


def _capture(
    tx: Transaction, order: Order, holdings: Holdings, row: Row, *, payment: Row, event: GatewayEvent, now: datetime
) -> Outcome:
    """Money came in: the payment now says how much, the books say so, and it does what it can for the order."""
    money = _reported(row, payment, event)
    if event.currency != payment["currency"] or event.amount_minor <= 0:
        return _set_aside(tx, row, payment, event, money, now)
    _move(tx.batch, row, payment, event, to=PaymentStatus.SUCCESS, failure=None, now=now)
    row.update(status=PaymentStatus.SUCCESS.value, amount_minor=event.amount_minor)
    use = capture(tx, order, holdings, money=money, now=now)
    take_disputed(tx, order, payment["id"], now=now)
    return Outcome(use.value) if money.is_as_asked else Outcome.REVIEW


def _reported(row: Row, payment: Row, event: GatewayEvent) -> Captured:
    return Captured(
        payment_id=payment["id"], reference=payment["reference"], provider=payment["provider"],
        external_id=event.external_id, asked_minor=row["amount_minor"], amount_minor=event.amount_minor,
        currency=event.currency, fingerprint=payment["fingerprint"],
    )  # fmt: skip


def _set_aside(
    tx: Transaction, row: Row, payment: Row, event: GatewayEvent, money: Captured, now: datetime
) -> Outcome:  # fmt: skip
    """What the books of one currency cannot hold waits on finance's list, once; for the order nothing is paid."""
    is_foreign = event.currency != payment["currency"]
    kind = PaymentReviewKind.WRONG_CURRENCY if is_foreign else PaymentReviewKind.WRONG_AMOUNT
    if row["status"] != PaymentStatus.FAILED:
        failure = "wrong currency" if is_foreign else "wrong amount"
        _move(tx.batch, row, payment, event, to=PaymentStatus.FAILED, failure=failure, now=now)
    if not _is_listed(tx, payment["id"], kind):
        review(tx.batch, kind, money, now=now)
    return Outcome.REVIEW


def _already_captured(tx: Transaction, row: Row, payment: Row, event: GatewayEvent, now: datetime) -> Outcome:
    """Nothing undoes captured money; a second capture of another amount is for finance to look at."""
    told, known = (event.amount_minor, event.currency), (row["amount_minor"], payment["currency"])
    if event.status is not PaymentStatus.SUCCESS or told == known:
        return Outcome.UNCHANGED
    if not _is_listed(tx, payment["id"], PaymentReviewKind.CONTRADICTION):
        review(tx.batch, PaymentReviewKind.CONTRADICTION, _reported(row, payment, event), now=now)
    return Outcome.REVIEW


def _is_listed(tx: Transaction, payment_id: UUID, kind: PaymentReviewKind) -> bool:
    sql = "SELECT id FROM payment_review WHERE organisation_id = %(org)s AND payment_id = %(id)s AND kind = %(kind)s"
    return bool(tx.rows(sql + " LIMIT 1", id=payment_id, kind=kind.value))


_MOVE = Guarded(
    name="move_payment",
    sql="UPDATE payment t SET status = r.status, amount_minor = r.amount_minor, failure_reason = r.failure_reason, "
    "external_id = coalesce(t.external_id, r.external_id), updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = r.from_status RETURNING t.id",
    takes="id uuid, from_status text, status text, amount_minor bigint, failure_reason text, external_id text, "
    "updated_at timestamptz",
)


def _move(
    batch: Batch, row: Row, payment: Row, event: GatewayEvent, *, to: PaymentStatus, failure: str | None, now: datetime
) -> None:
    amount = event.amount_minor if to is PaymentStatus.SUCCESS else row["amount_minor"]
    batch.guard(
        _MOVE,
        [{"id": payment["id"], "from_status": row["status"], "status": to.value, "amount_minor": amount,
          "failure_reason": failure, "external_id": event.external_id, "updated_at": now}],
        otherwise=lambda _: MovedMeanwhile(f"The payment {payment['reference']} moved meanwhile."),
    )  # fmt: skip


def _unknown(batch: Batch, provider: str, event: GatewayEvent | GatewayDisputeEvent, now: datetime) -> Outcome:
    """Not a payment of ours. Money that moved without one is for finance to look at."""
    if isinstance(event, GatewayDisputeEvent) or event.status is PaymentStatus.SUCCESS:
        _list(batch, PaymentReviewKind.UNKNOWN_PAYMENT, provider, event, now)
    return Outcome.UNKNOWN


def _list(
    batch: Batch, kind: PaymentReviewKind, provider: str, event: Told, now: datetime, *, payment_id: UUID | None = None
) -> None:
    batch.add(
        PaymentReview,
        [{
            "id": new_id(), "kind": kind.value, "payment_id": payment_id, "provider": provider,
            "external_id": event.external_id, "reported_minor": event.amount_minor,
            "reported_currency": event.currency, "created_at": now, "resolution": "",
        }],
    )  # fmt: skip


def query_processing(
    database: Database, gateways: Mapping[str, Gateway], *, now: datetime, batch: int = 100
) -> int:  # fmt: skip
    """Ask the providers, outside any transaction, about payments whose news may have been lost; apply what they say.

    Asked about: what is PROCESSING, what is PENDING while its order's timeout is due within a minute, and once an hour
    what its payer seems to have left. Run it before the timers are swept. Returns how many answers changed something;
    a provider that cannot be reached is logged and asked again later.
    """
    changed = 0
    for organisation_id in database.organisations():
        asked = database.run(organisation_id, lambda tx: _take(tx, list(gateways), now=now, batch=batch))
        for row in asked:
            outcome = _ask(database, organisation_id, gateways[row["provider"]], row, now)
            changed += outcome not in (None, Outcome.ALREADY_APPLIED, Outcome.UNCHANGED)
    return changed


# Several workers may ask at the same time; each takes what the others have not.
_TAKE = """
UPDATE payment SET asked_at = %(now)s WHERE organisation_id = %(org)s AND id = ANY (ARRAY(
    SELECT p.id FROM payment p
    WHERE p.organisation_id = %(org)s AND p.status IN ('PENDING', 'PROCESSING') AND p.external_id IS NOT NULL
      AND p.provider = ANY (%(providers)s)
      AND CASE
          WHEN p.status = 'PROCESSING' OR EXISTS (
              SELECT FROM timer t WHERE t.organisation_id = %(org)s AND t.subject_id = p.order_id
                AND t.status = 'ARMED' AND t.due_at <= %(soon)s)
          THEN coalesce(p.asked_at, '-infinity') <= %(lately)s
          ELSE coalesce(p.asked_at, p.created_at) <= %(abandoned)s AND p.created_at > %(forgotten)s END
    ORDER BY p.asked_at NULLS FIRST LIMIT %(batch)s FOR NO KEY UPDATE SKIP LOCKED))
RETURNING id, provider, external_id, currency
"""


def _take(tx: Transaction, providers: list[str], *, now: datetime, batch: int) -> list[Row]:
    return tx.rows(
        _TAKE, now=now, soon=now + _ASK_AGAIN, lately=now - _ASK_AGAIN, abandoned=now - _ASK_ABANDONED,
        forgotten=now - _FORGET_ABANDONED, providers=providers, batch=batch,
    )  # fmt: skip


def _ask(database: Database, organisation_id: UUID, gateway: Gateway, row: Row, now: datetime) -> Outcome | None:
    external_id = row["external_id"]
    try:
        said = gateway.query(external_id)
    except (GatewayUnreachable, GatewayRefused) as error:
        _log.warning("payments.not_answered", provider=gateway.name, payment=external_id, error=error.message)
        return None
    if said.status is PaymentStatus.PENDING:
        return None
    event = GatewayEvent(
        event_id=f"query:{external_id}:{said.status.value}", type="query", external_id=external_id,
        status=said.status, amount_minor=said.amount_minor, currency=said.currency, at=now,
        failure_reason=said.failure_reason,
    )  # fmt: skip
    return deliver_event(database, organisation_id, provider=gateway.name, event=event, now=now)
