"""Payment schedules as they are shown: what was agreed, or what a submit would agree to."""

from datetime import datetime
from uuid import UUID

from api.moves import Answer, Principal
from billing.schedules import Schedule
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import TermBookingConfirmationType
from workflows.group_order import payment_schedules
from workflows.group_schedule import fingerprint_of_all
from workflows.term_booking_order import payment_schedule

_AGREED = """
SELECT o.id AS order_id, o.account_id, o.confirmation_type, s.id, s.total_minor, s.fingerprint
FROM term_booking_order o
LEFT JOIN LATERAL (
    SELECT * FROM payment_schedule s WHERE s.organisation_id = o.organisation_id AND s.order_id = o.id
      AND s.agreed_at >= o.submitted_at AND o.confirmation_type IN (202, 301)
    ORDER BY s.agreed_at DESC, s.id DESC LIMIT 1) s ON true
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""
_INSTALMENTS = """
SELECT i.kind, i.due_on, i.amount_minor, p.id AS payment_id, p.status AS payment_status
FROM instalment i
LEFT JOIN payment p ON p.organisation_id = i.organisation_id AND p.instalment_id = i.id
WHERE i.organisation_id = %(org)s AND i.schedule_id = %(id)s ORDER BY i.position
"""


def agreed(tx: Transaction, principal: Principal, order_id: UUID) -> Row | None:
    """What was agreed at the order's present submit, if that has a schedule. Raises NotFound."""
    row = tx.row(_AGREED, order_id=order_id)
    if row is None or not principal.actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such order.", what="order")
    if row["id"] is None:
        return None
    parts = [{**part, "amount": principal.money(part["amount_minor"])} for part in tx.rows(_INSTALMENTS, id=row["id"])]
    return {
        "confirmation_type": TermBookingConfirmationType(row["confirmation_type"]).name, "is_agreed": True,
        "currency": principal.organisation["currency"], "total_minor": row["total_minor"],
        "deposit_minor": sum(part["amount_minor"] for part in parts if part["kind"] == "DEPOSIT"),
        "fingerprint": row["fingerprint"], "instalments": parts, "notices": [],
    }  # fmt: skip


def of_order(tx: Transaction, principal: Principal, order_id: UUID) -> Answer:
    """What was agreed. Raises NotFound where nothing was."""
    found = agreed(tx, principal, order_id)
    if found is None:
        raise NotFound("Nothing was agreed for the order; name a confirmation type to see what would be.",
                       what="payment_schedule")  # fmt: skip
    return Answer(found)


def planned(
    tx: Transaction, principal: Principal, order_id: UUID, how: TermBookingConfirmationType, *, now: datetime
) -> Answer:
    """What a submit of the cart would agree to."""
    order, schedule, reasons = payment_schedule(
        tx, order_id=order_id, confirmation_type=how, actor=principal.actor, now=now
    )
    return Answer({
        "confirmation_type": how.name, "is_agreed": False, "currency": principal.organisation["currency"],
        "total_minor": schedule.total_minor if schedule else order.total_minor,
        "deposit_minor": schedule.deposit_minor if schedule else 0,
        "fingerprint": schedule.fingerprint if schedule else None, "instalments": _parts(principal, schedule),
        "notices": [reason.as_dict() for reason in reasons],
    })  # fmt: skip


def planned_of_group(
    tx: Transaction, principal: Principal, group_order_id: UUID, how: TermBookingConfirmationType, *, now: datetime
) -> Answer:
    """What a submission of the carts of a group order would agree to, order by order."""
    group, found, reasons = payment_schedules(
        tx, group_order_id=group_order_id, confirmation_type=how, actor=principal.actor, now=now
    )
    known = [schedule for _, schedule in found if schedule is not None]
    return Answer({
        "group_order_id": group.id, "confirmation_type": how.name, "currency": principal.organisation["currency"],
        "total_minor": sum(order.total_minor for order, _ in found),
        "deposit_minor": sum(schedule.deposit_minor for schedule in known), "fingerprint": fingerprint_of_all(known),
        "orders": [{"order_id": order.id, "reference": order.reference, "attendee": order.attendee["name"],
                    "instalments": _parts(principal, schedule)} for order, schedule in found],
        "notices": [reason.as_dict() for reason in reasons],
    })  # fmt: skip


def _parts(principal: Principal, schedule: Schedule | None) -> list[Row]:
    return [{
        "kind": part.kind, "due_on": part.due_on, "amount_minor": part.amount_minor,
        "amount": principal.money(part.amount_minor), "payment_id": None, "payment_status": None,
    } for part in (schedule.parts if schedule else ())]  # fmt: skip
