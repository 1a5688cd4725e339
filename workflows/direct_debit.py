"""Direct debits: collecting what an invoice still asks by the family's mandate, and what the bank says of it.

A debit is a payment. It is collected (PENDING), handed to the bank (PROCESSING), and settled (SUCCESS) or refused
(FAILED). A bank may give money back that it has paid: a *returned* debit is FAILED again, reversing entries open the
receivable, and no status of an order or booking moves (DOMAIN §3). Nothing is collected a second time by itself.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile, Refused, announce
from engine.ids import new_id, new_reference
from engine.money import format_money
from models import ActorKind, MandateStatus, Payment, PaymentStatus
from workflows.mandate import read_active
from workflows.order_effects import local_day
from workflows.order_facts import Order, lock_order
from workflows.order_holdings import read_holdings
from workflows.payment_use import Captured, Use, capture
from workflows.taking_back import take_back

PROVIDER = "direct_debit"


class DebitNotThere(Conflict):
    """The debit is not where this answer of the bank would find it."""

    code = "debit_not_there"


@dataclass(frozen=True, slots=True)
class Debit:
    """A debit as it stands; the amount is in minor units, `collect_on` a local day of the organisation."""

    payment_id: UUID
    reference: str
    amount_minor: int
    collect_on: date
    status: PaymentStatus


def collect(
    tx: Transaction, *, invoice_id: UUID, actor: Actor, now: datetime, collect_on: date | None = None,
    amount_minor: int | None = None,
) -> Debit:  # fmt: skip
    """Ask the account's bank for what the invoice still asks, or for `amount_minor` of it, on that day or today.

    Raises NotFound, Refused (no mandate in force, a debit under way, not so much open), Invalid (a day that is past).
    """
    _require_office(actor)
    order, invoice = _lock_invoice(tx, invoice_id, actor)
    today = local_day(now, order)
    mandate, found = read_active(tx, order.account_id), _read_open(tx, invoice_id)
    if collect_on is not None and collect_on < today:
        message = "A debit is not collected on a day that is past."
        raise Invalid(message, reasons=[Reason("in_the_past", message, field="collect_on")])
    wanted = found["open_minor"] if amount_minor is None else amount_minor
    reasons = []
    if mandate is None:
        reasons.append(Reason("no_mandate", f"{order.account['name']} has no mandate in force.", rule="mandate"))
    if found["under_way_minor"]:
        reasons.append(Reason("debit_under_way", "A debit for this invoice is under way.", rule="one_debit_at_a_time"))
    if not 0 < wanted <= found["open_minor"]:
        money = format_money(found["open_minor"], order.organisation["currency"], order.organisation["locale"])
        reasons.append(Reason("amount_not_open", f"{money} of the invoice is open.", field="amount_minor",
                              rule="open_amount", facts={"open_minor": found["open_minor"]}))  # fmt: skip
    if reasons:
        raise Refused(f"Nothing is collected: {reasons[0].message}", reasons=reasons)
    assert mandate is not None
    return _ask(tx, order, amount_minor=wanted, collect_on=collect_on or today, actor=actor, now=now,
                mandate_id=mandate.id, invoice_id=invoice["id"])  # fmt: skip


def collect_instalment(tx: Transaction, *, instalment_id: UUID, invoice_id: UUID, now: datetime) -> Debit | None:
    """Collect an instalment that is due, or what of it the invoice still asks; None where there is nothing to collect.

    An instalment is collected once: what the bank refuses or takes back is for people.
    """
    order, invoice = _lock_invoice(tx, invoice_id, SYSTEM)
    mandate, found = read_active(tx, order.account_id), _read_open(tx, invoice_id)
    instalment = tx.row(_INSTALMENT, id=instalment_id)
    if mandate is None or instalment is None:
        return None
    wanted = min(instalment["amount_minor"], found["open_minor"] - found["under_way_minor"])
    if wanted <= 0:
        return None
    return _ask(tx, order, amount_minor=wanted, collect_on=local_day(now, order), actor=SYSTEM, now=now,
                mandate_id=mandate.id, invoice_id=invoice["id"], instalment_id=instalment_id)  # fmt: skip


_INSTALMENT = """
SELECT i.amount_minor FROM instalment i
WHERE i.organisation_id = %(org)s AND i.id = %(id)s AND NOT EXISTS (
    SELECT FROM payment p WHERE p.organisation_id = i.organisation_id AND p.instalment_id = i.id)
"""


def _ask(
    tx: Transaction, order: Order, *, amount_minor: int, collect_on: date, actor: Actor, now: datetime, **which: UUID
) -> Debit:
    debit = Debit(new_id(), new_reference("PM"), amount_minor, collect_on, PaymentStatus.PENDING)
    tx.batch.add(Payment, [_row(order, debit, actor, now) | which])
    for constraint in ("uq_payment_debit_under_way", "uq_payment_instalment"):
        tx.batch.on_violation(constraint, MovedMeanwhile("A debit for this invoice was begun meanwhile."))
    return debit


def _row(order: Order, debit: Debit, actor: Actor, now: datetime) -> Row:
    return {
        "id": debit.payment_id, "reference": debit.reference, "account_id": order.account_id, "order_id": order.id,
        "billing_id": order.billing_id, "amount_minor": debit.amount_minor, "currency": order.organisation["currency"],
        "provider": PROVIDER, "status": debit.status.value, "fingerprint": order.price_fingerprint,
        "collect_on": debit.collect_on, "started_by": actor.user_id, "note": "", "created_at": now, "updated_at": now,
    }  # fmt: skip


def present(tx: Transaction, *, payment_id: UUID, actor: Actor, now: datetime) -> Debit:
    """Hand it to the bank. It asks for no more than is open by now; where nothing is, or the mandate was revoked
    meanwhile, it is FAILED instead and says why.

    Raises NotFound, DebitNotThere (it was handed over before).
    """
    order, debit = _lock_debit(tx, payment_id, actor, expected=(PaymentStatus.PENDING,))
    found = _read_open(tx, debit["invoice_id"])
    others_minor = found["under_way_minor"] - debit["amount_minor"]
    amount = min(debit["amount_minor"], found["open_minor"] - others_minor)
    failure = None
    if debit["mandate_status"] != MandateStatus.ACTIVE:
        failure = "the mandate is revoked"
    elif amount <= 0:
        failure = "nothing is owed any more"
    if failure:
        return _fail(tx, order, debit, failure, now)
    return _move(tx, debit, PaymentStatus.PROCESSING, now=now, amount_minor=amount)


def settle(tx: Transaction, *, payment_id: UUID, actor: Actor, now: datetime) -> Use:
    """The bank has paid: the money settles the invoice that it was collected for.

    Raises NotFound, DebitNotThere (it is settled, refused or returned already).
    """
    order, debit = _lock_debit(tx, payment_id, actor, expected=(PaymentStatus.PENDING, PaymentStatus.PROCESSING))
    holdings = read_holdings(tx, order, with_lines=True)
    _move(tx, debit, PaymentStatus.SUCCESS, now=now)
    for held in holdings.payments:
        if held["id"] == str(payment_id):
            held.update(status=PaymentStatus.SUCCESS.value)
    money = Captured(
        payment_id=payment_id, reference=debit["reference"], provider=PROVIDER, external_id=None,
        asked_minor=debit["amount_minor"], amount_minor=debit["amount_minor"], currency=debit["currency"],
        fingerprint=debit["fingerprint"], invoice_id=debit["invoice_id"],
    )  # fmt: skip
    return capture(tx, order, holdings, money=money, now=now)


def refuse(tx: Transaction, *, payment_id: UUID, reason: str, actor: Actor, now: datetime) -> Debit:
    """The bank does not pay: the invoice stays open, and the family is told. Raises NotFound, DebitNotThere."""
    order, debit = _lock_debit(tx, payment_id, actor, expected=(PaymentStatus.PENDING, PaymentStatus.PROCESSING))
    return _fail(tx, order, debit, reason or "refused by the bank", now)


def return_debit(tx: Transaction, *, payment_id: UUID, reason: str, actor: Actor, now: datetime) -> Debit:
    """The bank takes back what it has paid: reversing entries open the receivable again; what of it is no longer in the
    family's wallet, it owes. No status moves.

    Raises NotFound, DebitNotThere (it is not settled, or was returned before).
    """
    order, debit = _lock_debit(tx, payment_id, actor, expected=(PaymentStatus.SUCCESS,))
    owed_minor = take_back(tx, order, {**debit, "provider": PROVIDER}, now=now)
    returned = _move(tx, debit, PaymentStatus.FAILED, now=now, failure_reason=reason or "returned by the bank",
                     returned_at=now, returned_owed_minor=owed_minor)  # fmt: skip
    _tell(tx, "payment.returned", order, debit, now, reason)
    return returned


def _fail(tx: Transaction, order: Order, debit: Row, reason: str, now: datetime) -> Debit:
    failed = _move(tx, debit, PaymentStatus.FAILED, now=now, failure_reason=reason)
    _tell(tx, "payment.failed", order, debit, now, reason)
    return failed


def _tell(tx: Transaction, topic: str, order: Order, debit: Row, now: datetime, reason: str) -> None:
    announce(tx.batch, topic, now=now, payment_id=debit["id"], reference=debit["reference"], order_id=order.id,
             order_reference=order.reference, failure_reason=reason)  # fmt: skip


_MOVE = Guarded(
    name="move_debit",
    sql="UPDATE payment t SET status = r.to_status, amount_minor = r.amount_minor, "
    "failure_reason = r.failure_reason, returned_at = r.returned_at, returned_owed_minor = r.returned_owed_minor, "
    "updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = r.from_status RETURNING t.id",
    takes="id uuid, from_status text, to_status text, amount_minor bigint, failure_reason text, "
    "returned_at timestamptz, returned_owed_minor bigint, updated_at timestamptz",
)


def _move(tx: Transaction, debit: Row, to: PaymentStatus, *, now: datetime, **changed: Any) -> Debit:
    row = {
        "id": debit["id"], "from_status": debit["status"], "to_status": to.value,
        "amount_minor": debit["amount_minor"], "failure_reason": None, "returned_at": None, "returned_owed_minor": 0,
        "updated_at": now, **changed,
    }  # fmt: skip
    tx.batch.guard(_MOVE, [row], otherwise=lambda _: MovedMeanwhile(f"{debit['reference']} was moved meanwhile."))
    return Debit(debit["id"], debit["reference"], row["amount_minor"], debit["collect_on"], to)


_INVOICE = """
SELECT v.id, b.order_id FROM invoice v
JOIN term_booking b ON b.organisation_id = v.organisation_id AND b.id = v.booking_id
WHERE v.organisation_id = %(org)s AND v.id = %(id)s
"""
_OPEN = """
SELECT (v.total_minor
        - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                    WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
        - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                    WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0))::bigint AS open_minor,
       coalesce((SELECT sum(p.amount_minor) FROM payment p
                 WHERE p.organisation_id = v.organisation_id AND p.invoice_id = v.id AND p.mandate_id IS NOT NULL
                   AND p.status IN ('PENDING', 'PROCESSING')), 0)::bigint AS under_way_minor
FROM invoice v WHERE v.organisation_id = %(org)s AND v.id = %(id)s
"""
_DEBIT = """
SELECT p.id, p.order_id, p.reference, p.status, p.amount_minor, p.currency, p.fingerprint, p.collect_on, p.invoice_id,
       m.status AS mandate_status
FROM payment p
JOIN direct_debit_mandate m ON m.organisation_id = p.organisation_id AND m.id = p.mandate_id
WHERE p.organisation_id = %(org)s AND p.id = %(id)s
"""


def _lock_invoice(tx: Transaction, invoice_id: UUID, actor: Actor) -> tuple[Order, Row]:
    """Lock the order of an invoice (account → attendee → order); an invoice itself never changes."""
    invoice = tx.row(_INVOICE, id=invoice_id)
    if invoice is None:
        raise NotFound("There is no such invoice.", what="invoice")
    return lock_order(tx, invoice["order_id"], actor=actor), invoice


def _read_open(tx: Transaction, invoice_id: UUID) -> Row:
    found = tx.row(_OPEN, id=invoice_id)
    assert found is not None, "invoices stay"
    return found


def _lock_debit(
    tx: Transaction, payment_id: UUID, actor: Actor, *, expected: tuple[PaymentStatus, ...]
) -> tuple[Order, Row]:
    """Lock the order of a debit, and read the debit after it: it changes only under that lock."""
    _require_office(actor)
    found = tx.row(_DEBIT, id=payment_id)
    if found is None:
        raise NotFound("There is no such debit.", what="debit")
    order = lock_order(tx, found["order_id"], actor=actor)
    debit = tx.row(_DEBIT, id=payment_id)
    assert debit is not None, "payments stay"
    if debit["status"] not in expected:
        awaited = " or ".join(status.value for status in expected)
        message = f"{debit['reference']} is {debit['status']}; this step takes a debit that is {awaited}."
        raise DebitNotThere(message, status=debit["status"], allowed=[status.value for status in expected])
    return order, debit


def _require_office(actor: Actor) -> None:
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE, ActorKind.SYSTEM):
        raise NotPermitted("Debits are collected by admins and finance.")
