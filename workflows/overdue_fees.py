"""The fee of what is not paid in time: by the rule, once for each invoice or part of a schedule; a worker's duty.

It is a line of its booking and an invoice of its own, as the fee of a late pick-up is. What asks for fees alone is
charged none: no fee is charged on a fee. Waived with a reason, a credit note takes it back; it is not charged again.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from billing.adjustments import FEE_OVERDUE
from catalogue.rule_values import OverdueFee as Terms
from catalogue.rules import Rule, answer
from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile, announce, fire
from engine.ids import new_id, new_reference
from models import ActorKind, OverdueFee
from workflows import term_booking
from workflows.booked_fee import BookedFee
from workflows.booking_facts import BookedLine, Enrolled, lock_booking
from workflows.payment_reminders import DAYS_AROUND, DUE

# Fees of one turn and organisation: a worker that is to stop does so between two turns.
SET = 200

_SETTINGS = "SELECT scope_id, value FROM rule_setting WHERE organisation_id = %(org)s AND name = 'overdue_fee'"
# What is charged already, and invoices over fees alone.
_SPARED = """
SELECT coalesce(invoice_id, instalment_id) AS id FROM overdue_fee
WHERE organisation_id = %(org)s AND coalesce(invoice_id, instalment_id) = ANY(%(ids)s)
UNION ALL
SELECT v.id FROM invoice v WHERE v.organisation_id = %(org)s AND v.id = ANY(%(ids)s) AND NOT EXISTS (
    SELECT FROM invoice_line l
    JOIN billing_line k ON k.organisation_id = l.organisation_id AND k.id = l.billing_line_id
    WHERE l.organisation_id = v.organisation_id AND l.invoice_id = v.id AND NOT starts_with(k.component, 'FEE_'))
"""
_ONCE = ("uq_overdue_fee_invoice", "uq_overdue_fee_instalment")


@dataclass(frozen=True, slots=True)
class Overdue:
    """What is charged a fee: an invoice or a part of a schedule, and how much of it is open."""

    booking_id: UUID
    order_id: UUID
    invoice_id: UUID | None
    instalment_id: UUID | None
    due_on: date
    overdue_minor: int
    today: date
    fee_minor: int
    after_days: int

    @property
    def id(self) -> UUID:
        found = self.invoice_id or self.instalment_id
        assert found is not None, "of an invoice or of a part"
        return found


def charge_overdue(database: Database, *, now: datetime, most: int = SET) -> int:
    """Charge in every organisation what became overdue by its rule, each in a transaction of its own. Any number of
    workers may run it, as often as they like: each is charged once. Returns how many fees were charged.
    """
    charged = 0
    for organisation_id in database.organisations():
        found = database.run(organisation_id, partial(find_overdue, now=now))
        for overdue in found[:most]:
            charged += database.run(organisation_id, partial(charge, overdue=overdue, now=now))
    return charged


def find_overdue(tx: Transaction, *, now: datetime, order_id: UUID | None = None) -> list[Overdue]:
    """What a fee is due for now, the oldest first; of one order where it is named."""
    settings = {(row["scope_id"], Rule.OVERDUE_FEE.value): row["value"] for row in tx.rows(_SETTINGS)}
    if not settings:
        return []
    of = "" if order_id is None else "AND b.order_id = %(order_id)s"
    named = {} if order_id is None else {"order_id": order_id}
    found = [overdue for row in tx.rows(DUE.format(of=of), now=now, around=DAYS_AROUND, **named)
             if (overdue := _overdue(row, settings)) is not None]  # fmt: skip
    spared = {row["id"] for row in tx.rows(_SPARED, ids=[each.id for each in found])} if found else set()
    return [each for each in found if each.id not in spared]


def _overdue(row: Row, settings: dict[tuple[UUID, str], Any]) -> Overdue | None:
    chain = tuple(UUID(str(scope)) for scope in row["chain"] or ())
    terms: Terms | None = answer(Rule.OVERDUE_FEE, settings, chain=chain).value
    if terms is None or row["booking_id"] is None or (row["today"] - row["due_on"]).days < terms.after_days:
        return None
    return Overdue(row["booking_id"], row["order_id"], row["invoice_id"], row["instalment_id"], row["due_on"],
                   row["amount_minor"], row["today"], min(terms.amount_minor, row["amount_minor"]),
                   terms.after_days)  # fmt: skip


def charge(tx: Transaction, *, overdue: Overdue, now: datetime) -> int:
    """Charge the fee of what was found overdue, if it still is once its booking is locked. Returns 1, or 0 where there
    is nothing to charge any more.
    """
    enrolled = lock_booking(tx, overdue.booking_id, actor=SYSTEM)
    still = next((each for each in find_overdue(tx, now=now, order_id=overdue.order_id) if each.id == overdue.id), None)
    line = _session_of(enrolled, still) if still is not None else None
    if still is None or line is None:
        return 0
    fee = _fee(enrolled, line, still)
    tx.batch.add(OverdueFee, [{
        "id": fee.id, "reference": fee.reference, "account_id": enrolled.booking.account_id,
        "booking_id": enrolled.booking.id, "invoice_id": still.invoice_id, "instalment_id": still.instalment_id,
        "amount_minor": still.fee_minor, "due_on": still.due_on, "overdue_minor": still.overdue_minor,
        "charged_on": still.today, "created_at": now,
    }])  # fmt: skip
    for constraint in _ONCE:
        tx.batch.on_violation(constraint, MovedMeanwhile(f"{fee.about} was charged its fee meanwhile."))
    _bill(tx, "charge_overdue", enrolled, fee, actor=SYSTEM, now=now, reason=fee.basis)
    announce(tx.batch, "booking.overdue_fee", now=now, subject_id=still.order_id, booking_id=enrolled.booking.id,
             overdue_fee_id=fee.id, invoice_id=fee.invoice_id, reference=fee.reference)  # fmt: skip
    return 1


def _session_of(enrolled: Enrolled, overdue: Overdue) -> BookedLine | None:
    """The first session that is invoiced there and still billed; where none is, only fees are left, and no fee is
    charged on these. An archived booking has none: what is taken back of it later is for people.
    """
    if term_booking.CHART.step("charge_overdue", enrolled.booking.status) is None:
        return None
    still_open = {owed.invoice_id for owed in enrolled.invoices if owed.open_minor > 0}
    asked = {overdue.invoice_id} if overdue.invoice_id is not None else still_open
    billed = {row["term_product_id"] for row in enrolled.billing_lines if row["component"] == "SESSION"}
    lines = {str(line.id): line for line in enrolled.lines if str(line.session_id) in billed}
    return next((lines[str(row["booking_line_id"])] for row in enrolled.invoice_lines
                 if row["invoice_id"] in asked and row["component"] == "SESSION"
                 and str(row["booking_line_id"]) in lines), None)  # fmt: skip


def _fee(enrolled: Enrolled, line: BookedLine, overdue: Overdue) -> BookedFee:
    number = next((owed.number for owed in enrolled.invoices if owed.invoice_id == overdue.invoice_id), None)
    day = f"{overdue.due_on:%d %b %Y}"
    return BookedFee(
        kind=FEE_OVERDUE, named_by="overdue_fee_id", id=new_id(), reference=new_reference("OF"),
        name="Late payment fee", about=number or f"payment due on {day}", line=line,
        printed={"fee_invoice": number} if number else {"fee_due_on": overdue.due_on.isoformat()},
        amount_minor=overdue.fee_minor, basis=f"not paid {overdue.after_days} days after {day}",
    )  # fmt: skip


def _bill(
    tx: Transaction, trigger: str, enrolled: Enrolled, fee: BookedFee, *, actor: Actor, now: datetime, reason: str
) -> None:  # fmt: skip
    """The booking's own step: its price moves and nothing else of it."""
    fire(tx.batch, term_booking.CHART, enrolled.booking, trigger, actor=replace(SYSTEM, user_id=actor.user_id), now=now,
         reason=reason, enrolled=enrolled, fee=fee, changes={"overdue_fee": fee.reference})  # fmt: skip


class WaivedAlready(Conflict):
    """A fee is waived once."""

    code = "waived_already"


_FEE = """
SELECT f.id, f.reference, f.booking_id, f.amount_minor, f.due_on, f.waived_at, l.booking_line_id
FROM overdue_fee f
JOIN invoice_line l ON l.organisation_id = f.organisation_id AND l.overdue_fee_id = f.id
WHERE f.organisation_id = %(org)s AND f.id = %(id)s
"""
_WAIVE = Guarded(
    name="waive_overdue_fee",
    sql="UPDATE overdue_fee t SET waived_at = r.waived_at, waived_by = r.waived_by, waive_reason = r.waive_reason "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.waived_at IS NULL RETURNING t.id",
    takes="id uuid, waived_at timestamptz, waived_by uuid, waive_reason text",
)


def waive(tx: Transaction, *, overdue_fee_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """A credit note takes the fee back. Raises NotFound, NotPermitted, Invalid (no reason), WaivedAlready,
    NotAllowedNow (its booking is archived).
    """
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Late payment fees are waived by admins and finance.")
    if not reason.strip():
        message = "Say why the fee is waived."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="reason", rule="overdue_fee")])
    booking_id = _read(tx, overdue_fee_id)["booking_id"]
    enrolled = lock_booking(tx, booking_id, actor=actor)
    found = _read(tx, overdue_fee_id)
    once = WaivedAlready(f"{found['reference']} is waived.")
    if found["waived_at"] is not None:
        raise once
    waived = {"id": overdue_fee_id, "waived_at": now, "waived_by": actor.user_id, "waive_reason": reason}
    tx.batch.guard(_WAIVE, [waived], otherwise=lambda _: once)
    line = next(each for each in enrolled.lines if each.id == found["booking_line_id"])
    fee = BookedFee(
        kind=FEE_OVERDUE, named_by="overdue_fee_id", id=found["id"], reference=found["reference"],
        name="Late payment fee", about="", line=line, amount_minor=found["amount_minor"], basis="",
    )  # fmt: skip
    _bill(tx, "credit_overdue", enrolled, fee, actor=actor, now=now, reason=reason)


def _read(tx: Transaction, overdue_fee_id: UUID) -> Row:
    found = tx.row(_FEE, id=overdue_fee_id)
    if found is None:
        raise NotFound("There is no such late payment fee.", what="late payment fee")
    return found
