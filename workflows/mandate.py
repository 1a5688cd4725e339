"""The direct debit mandate: a family's permission to collect, from the day it is given until it is withdrawn.

The diagram is generated from the chart: `termbook diagram`. One mandate of an account is in force at a time, and one
may wait for its activation beside it; activating that one replaces the other.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel

from billing.bank_accounts import BankAccount
from engine.actor import SYSTEM, Actor
from engine.chart import Chart, Step
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason
from engine.fire import Subject, begin, fire
from engine.ids import new_id, new_reference
from models import ActorKind, DirectDebitMandate
from models import MandateStatus as M
from workflows import term_booking_order as orders
from workflows.order_facts import lock_orders

_OFFICE = frozenset({ActorKind.ADMIN, ActorKind.FINANCE})
_HOLDERS = _OFFICE | {ActorKind.FAMILY, ActorKind.GUEST, ActorKind.SYSTEM}


def is_signed(mandate: "Mandate", *, today: date, **_: Any) -> Iterator[Reason]:
    """It says when its holder signed it, and that is no day to come."""
    if mandate.signed_on is None or mandate.signed_on > today:
        yield Reason("not_signed", "Say on which day the holder of the bank account signed it.", field="signed_on",
                     rule="mandate_signature")  # fmt: skip


CHART = Chart(
    name="direct_debit_mandate",
    states=(M.PENDING, M.ACTIVE, M.REVOKED),
    initial=(M.PENDING,),
    steps=(
        #     trigger     source     target     who       guards         effects  tells
        Step("activate", M.PENDING, M.ACTIVE,  _OFFICE,  (is_signed,),  (),      "mandate.activated"),
        Step("revoke",   M.PENDING, M.REVOKED, _HOLDERS, (),            (),      "mandate.revoked"),
        Step("revoke",   M.ACTIVE,  M.REVOKED, _HOLDERS, (),            (),      "mandate.revoked"),
    ),
)  # fmt: skip


class MandateWaits(Conflict):
    """The account has a mandate already that waits for its activation."""

    code = "mandate_waits"


@dataclass(kw_only=True)
class Mandate(Subject):
    """A mandate under lock, with its account's."""

    table: ClassVar[type[SQLModel]] = DirectDebitMandate
    account_id: UUID
    signed_on: date | None = None
    account: str = ""
    time_zone: str = "UTC"


def give(
    tx: Transaction, *, account_id: UUID | None, holder: str, bank_account: BankAccount, signed_on: date | None,
    actor: Actor, now: datetime,
) -> Mandate:  # fmt: skip
    """Keep a mandate that a family gives; it collects nothing until the office has activated it.

    `signed_on` is a local day of the organisation. Raises NotFound (not this actor's account), Invalid (nobody can know
    whose account, or a day to come), MandateWaits.
    """
    found = _lock_account(tx, _account_of(actor, account_id), actor)
    if signed_on is not None and signed_on > _local_day(found["time_zone"], now):
        message = "A mandate is not signed on a day to come."
        raise Invalid(message, reasons=[Reason("in_the_future", message, field="signed_on")])
    waiting = tx.row(_WAITING, account_id=found["id"])
    if waiting is not None:
        raise MandateWaits(f"{waiting['reference']} of {found['name']} waits for its activation; revoke it first.")
    mandate = Mandate(
        id=new_id(), reference=new_reference("DD"), status=M.PENDING, version=1, account_id=found["id"],
        signed_on=signed_on, account=found["name"], time_zone=found["time_zone"],
    )  # fmt: skip
    row = {
        "reference": mandate.reference, "account_id": found["id"], "holder": holder, "iban": bank_account.iban,
        "bank_code": bank_account.bank_code, "account_number": bank_account.account_number, "signed_on": signed_on,
        "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(tx.batch, CHART, mandate, row=row, actor=actor, now=now)
    return mandate


def activate(
    tx: Transaction, *, mandate_id: UUID, actor: Actor, now: datetime, signed_on: date | None = None
) -> Mandate:
    """Let debits be collected by it, once its signature is verified; the account's mandate before it is revoked.

    The account's orders that waited for a mandate are confirmed in the same transaction.
    """
    mandate = lock_mandate(tx, mandate_id, actor=actor)
    if signed_on is not None:
        mandate.change(signed_on=signed_on)
    before = read_active(tx, mandate.account_id)
    if before is not None and CHART.step("activate", mandate.status):
        fire(tx.batch, CHART, before, "revoke", actor=SYSTEM, now=now, is_muted=True,
             reason=f"replaced by {mandate.reference}")  # fmt: skip
        tx.flush()  # the account has one mandate in force at every statement
    fire(tx.batch, CHART, mandate, "activate", actor=actor, now=now, today=_local_day(mandate.time_zone, now))
    tx.flush()
    _confirm_waiting(tx, mandate, now=now)
    return mandate


def _confirm_waiting(tx: Transaction, mandate: Mandate, *, now: datetime) -> None:
    """Confirm the orders of the account, which is locked, that only lacked its mandate."""
    found = tx.rows(_WAITING_ORDERS, account_id=mandate.account_id)
    if not found:
        return
    for order in lock_orders(tx, [row["id"] for row in found], actor=SYSTEM):
        orders.confirm_if_met(tx, order, now=now, reason=f"by {mandate.reference}")
        tx.flush()


_WAITING_ORDERS = """
SELECT id FROM term_booking_order
WHERE organisation_id = %(org)s AND account_id = %(account_id)s AND confirmation_type = 301
  AND status IN (300, 450, 485) ORDER BY id
"""


def revoke(tx: Transaction, *, mandate_id: UUID, actor: Actor, now: datetime, reason: str = "") -> Mandate:
    """Withdraw it: nothing more is collected by it. What was confirmed stays so."""
    mandate = lock_mandate(tx, mandate_id, actor=actor)
    fire(tx.batch, CHART, mandate, "revoke", actor=actor, now=now, reason=reason)
    return mandate


_MANDATE = """
SELECT m.id, m.reference, m.status, m.version, m.account_id, m.signed_on, a.name AS account, g.time_zone
FROM direct_debit_mandate m
JOIN account a ON a.organisation_id = m.organisation_id AND a.id = m.account_id
JOIN organisation g ON g.id = m.organisation_id
WHERE m.organisation_id = %(org)s AND {which}
"""
_LOCK = _MANDATE.format(which="m.id = %(id)s") + "FOR NO KEY UPDATE OF a, m"
_ACTIVE = _MANDATE.format(which="m.account_id = %(id)s AND m.status = 200")
_WAITING = """
SELECT reference FROM direct_debit_mandate
WHERE organisation_id = %(org)s AND account_id = %(account_id)s AND status = 100
"""
_LOCK_ACCOUNT = """
SELECT a.id, a.name, g.time_zone FROM account a JOIN organisation g ON g.id = a.organisation_id
WHERE a.organisation_id = %(org)s AND a.id = %(id)s FOR NO KEY UPDATE OF a
"""


def lock_mandate(tx: Transaction, mandate_id: UUID, *, actor: Actor) -> Mandate:
    """Lock a mandate after its account. Raises NotFound, also for another family's."""
    row = tx.row(_LOCK, id=mandate_id)
    if row is None or not actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such mandate.", what="mandate")
    return _mandate(row)


def read_active(tx: Transaction, account_id: UUID) -> Mandate | None:
    """The mandate by which an account is collected from now; it stays so while the caller holds the account's lock."""
    row = tx.row(_ACTIVE, id=account_id)
    return _mandate(row) if row else None


def _mandate(row: Row) -> Mandate:
    return Mandate(**{**row, "status": M(row["status"])})


def _account_of(actor: Actor, account_id: UUID | None) -> UUID:
    """A family's own account, where it has but one."""
    if account_id is not None:
        return account_id
    if len(actor.account_ids) != 1:
        message = "Say whose mandate it is."
        raise Invalid(message, reasons=[Reason("required", message, field="account_id")])
    return next(iter(actor.account_ids))


def _lock_account(tx: Transaction, account_id: UUID, actor: Actor) -> Row:
    row = tx.row(_LOCK_ACCOUNT, id=account_id) if actor.may_see_account(account_id) else None
    if row is None:
        raise NotFound("There is no such account.", what="account")
    return row


def _local_day(time_zone: str, now: datetime) -> date:
    return now.astimezone(ZoneInfo(time_zone)).date()
