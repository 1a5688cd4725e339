"""Money that comes over the desk, by transfer or otherwise, recorded for an order by the office and by finance."""

from uuid import UUID

from api.moves import Answer, Principal
from engine.database import Transaction
from engine.errors import Invalid, Reason
from web.forms import Form
from web.visitor import SignedIn
from web.words import N_
from workflows.payment_use import AWAITING_PAYMENT
from workflows.payments import BY_HAND, record_manual_payment

_TAKES = """
SELECT o.status = ANY(%(awaiting)s) OR b.payment_state IN ('OPEN', 'PENDING_PAYMENT') AS takes
FROM term_booking_order o
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.order_id = o.id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s AND o.total_minor > 0
"""


def takes_money(tx: Transaction, order_id: UUID) -> bool:
    """Whether the order waits for money, or what it became is not paid."""
    row = tx.row(_TAKES, order_id=order_id, awaiting=[int(status) for status in AWAITING_PAYMENT])
    return bool(row and row["takes"])


def record(tx: Transaction, who: Principal, visit: SignedIn, form: Form, order_id: UUID) -> Answer:
    """Record what the form says came in. Raises Invalid, NotPayable, PaymentMoving."""
    provider, reason = form.text("provider"), form.text("came_for")
    for is_given, field, message in (
        (provider in BY_HAND, "provider", N_("Choose one from the list.")),
        (reason, "came_for", N_("Say how the money came in.")),
    ):
        if not is_given:
            raise Invalid(message, reasons=[Reason("missing", message, field=field)])
    amount = form.amount("amount_minor", who.organisation, least=1)
    if amount is None:
        message = N_("Please fill this in.")
        raise Invalid(message, reasons=[Reason("missing", message, field="amount_minor")])
    record_manual_payment(tx, order_id=order_id, amount_minor=amount, reason=reason[:500], actor=who.actor,
                          now=visit.now, provider=provider)  # fmt: skip
    return Answer({})
