"""How a cart, an offered place, a change or a guest's order may be confirmed: each way with why not, and what is due.

The guards of a submission decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from uuid import UUID

from billing.pricing import Priced
from billing.schedules import Schedule
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Reason
from models import InstalmentKind, TermBookingConfirmationType
from workflows.change_facts import Change
from workflows.group_facts import lock_group
from workflows.group_schedule import fingerprint_of_all
from workflows.group_submission import owe_beside
from workflows.guests import CONFIRMED_BY
from workflows.order_effects import local_day
from workflows.order_facts import Facts, Order, lock_order
from workflows.order_guards import has_confirmation_type_on_offer, is_in_good_standing
from workflows.order_pricing import price_together
from workflows.order_reads import read_facts, read_facts_together
from workflows.order_schedule import has_deposit, plan_schedule
from workflows.term_booking_order import price_whole
from workflows.waiting_offers import PricedOffer

_How = TermBookingConfirmationType
_FAMILIES = (_How.PAY_NOW_PAY_ALL, _How.PAY_NOW_PAY_DEPOSIT, _How.CONFIRM_WITHOUT_PAYMENT, _How.DIRECT_DEBIT)


@dataclass(frozen=True, slots=True)
class Way:
    """One way to confirm; `reasons` say why it is not open. `now_minor` is due at once, `later` at the days named."""

    how: TermBookingConfirmationType
    reasons: list[Reason]
    now_minor: int
    later: list[tuple[date, int]]
    schedule_fingerprint: str | None = None  # what agrees to `later`

    @property
    def is_open(self) -> bool:
        return not self.reasons


def ways_to_pay(tx: Transaction, *, group_order_id: UUID, actor: Actor, now: datetime) -> list[Way]:
    """The ways that families know, for all orders of a group order that is still being filled.

    Raises NotFound, NotAllowedNow (it was submitted).
    """
    _, locked = lock_group(tx, group_order_id, "submit", actor=actor)
    placed = list(locked.values())
    if not placed:
        return []
    found = read_facts_together(tx, placed, now=now, today=local_day(now, placed[0]), pay_later=True)
    asked = list(zip(placed, found, price_together(list(zip(placed, found, strict=True))), strict=True))
    return [_way(how, asked, actor=actor, now=now) for how in _FAMILIES]


def ways_of_guest(tx: Transaction, *, order_id: UUID, actor: Actor, now: datetime) -> list[Way]:
    """The same ways for a guest's order that is not submitted yet. Raises NotFound."""
    order = lock_order(tx, order_id, actor=actor)
    facts = read_facts(tx, order, now=now, today=local_day(now, order))
    asked = [(order, facts, price_whole(tx, order, facts, now=now))]
    return [
        _way(how, asked, actor=actor, now=now) if how in CONFIRMED_BY else _not_without_login(how) for how in _FAMILIES
    ]


def _not_without_login(how: _How) -> Way:
    return Way(how, [Reason(
        "confirmation_type_not_offered", "Without a login one pays now: in full, or the deposit where there is one.",
        field="confirmation_type", rule="confirmation_types",
    )], 0, [])  # fmt: skip


def ways_of_offer(shown: PricedOffer, *, actor: Actor, now: datetime) -> list[Way]:
    """The same ways for the places of an offer, as they were read with its price."""
    ways = [_way(how, shown.asked, actor=actor, now=now) for how in _FAMILIES]
    for way in ways:
        # It needs the agreement to a schedule, which an acceptance does not ask for.
        if way.is_open and way.how is _How.DIRECT_DEBIT:
            way.reasons.append(Reason(
                "confirmation_type_not_offered", "A place from the waiting list is not confirmed by direct debit; "
                "choose another way to pay, or ask the centre.", field="confirmation_type", rule="confirmation_types",
            ))  # fmt: skip
    return ways


def ways_of_change(change: Change, *, actor: Actor) -> list[Way]:
    """The same ways for what a change of a booking asks for; it was read with the account's standing."""
    required = change.difference.required_minor
    ways = []
    for how in _FAMILIES:
        order = replace(change.order, confirmation_type=how, change_due_minor=required)
        reasons = list(has_confirmation_type_on_offer(order, facts=change.facts, actor=actor))
        reasons += is_in_good_standing(order, facts=change.facts, priced=change.priced)
        ways.append(Way(how, reasons, 0 if how is _How.CONFIRM_WITHOUT_PAYMENT else required, []))
    return ways


def _way(how: _How, asked: Sequence[tuple[Order, Facts, Priced]], *, actor: Actor, now: datetime) -> Way:
    reasons: list[Reason] = []
    later: dict[date, int] = {}
    schedules: list[Schedule] = []
    now_minor = owed_minor = 0
    for order, facts, priced in asked:
        order.confirmation_type = how
        standing = facts.standing
        owe_beside(facts, owed_minor)
        owed_minor += priced.total_minor
        own = [*has_confirmation_type_on_offer(order, facts=facts, actor=actor), *has_deposit(order, facts=facts)]
        own += is_in_good_standing(order, facts=facts, priced=priced)
        facts.standing = standing
        if not own and how is not _How.CONFIRM_WITHOUT_PAYMENT:
            schedule = plan_schedule(order, facts, priced, now=now)
            schedules += [schedule] if schedule else []
            now_minor += schedule.deposit_minor if schedule else priced.total_minor
            for part in schedule.parts if schedule else ():
                if part.kind is not InstalmentKind.DEPOSIT:
                    later[part.due_on] = later.get(part.due_on, 0) + part.amount_minor
        reasons += [reason for reason in own if reason.message not in {each.message for each in reasons}]
    today = local_day(now, asked[0][0])
    if how is _How.PAY_NOW_PAY_DEPOSIT and schedules and all(day <= today for day in later):
        reasons.append(Reason("deposit_buys_no_time", "The rest of the deposit would be due today as well.",
                              field="confirmation_type", rule="rest_due"))  # fmt: skip
    return Way(how, reasons, now_minor, sorted(later.items()), fingerprint_of_all(schedules))
