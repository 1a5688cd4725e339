"""What an order's family agrees to pay when: planned by the rules, shown before the submit, kept by it."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from billing.pricing import Priced
from billing.schedules import (
    Schedule,
    deposit_and_rest,
    deposit_of,
    instalments,
    strictest,
)
from catalogue.rules import Rule
from engine.actor import Actor
from engine.batch import Batch
from engine.errors import Reason
from engine.ids import new_id
from engine.money import format_money
from models import ActorKind, Instalment, PaymentSchedule, TermBookingConfirmationType
from workflows.order_effects import local_day
from workflows.order_facts import Facts, Offering, Order

_HOW = TermBookingConfirmationType
# Confirmed by a schedule that its family agrees to.
SCHEDULED = frozenset({_HOW.PAY_NOW_PAY_DEPOSIT, _HOW.DIRECT_DEBIT})


def has_deposit(order: Order, *, facts: Facts, **_: Any) -> Iterator[Reason]:
    """Every offering of an order that is confirmed by its deposit says what the deposit is."""
    if order.confirmation_type is not _HOW.PAY_NOW_PAY_DEPOSIT or order.is_change:
        return
    for offering in facts.offerings.values():
        if facts.rule(Rule.DEPOSIT, offering).value is None:
            yield Reason("no_deposit", f"{offering.name} takes no deposit; choose another way to confirm.",
                         field="confirmation_type", rule="deposit")  # fmt: skip


def is_schedule_as_shown(
    order: Order, *, facts: Facts, priced: Priced, actor: Actor, now: datetime, shown_schedule: str | None = None,
    agreed: Schedule | None = None, **_: Any,
) -> Iterator[Reason]:  # fmt: skip
    """Nobody agrees to instalments that they did not see; a deposit's schedule is compared where one was shown.

    What was agreed before (`agreed`) and is only taken up again needs no second look.
    """
    schedule = None if agreed else plan_schedule(order, facts, priced, now=now)
    if schedule is None or actor.kind is ActorKind.SYSTEM:
        return
    if shown_schedule is None and order.confirmation_type is _HOW.PAY_NOW_PAY_DEPOSIT:
        return
    if shown_schedule != schedule.fingerprint:
        yield Reason("schedule_changed", f"The schedule is {_in_words(order, schedule)}; look at it and submit again.",
                     field="schedule_fingerprint", rule="schedule_as_shown",
                     facts={"schedule_fingerprint": schedule.fingerprint})  # fmt: skip


def agree_schedule(
    order: Order, *, batch: Batch, facts: Facts, priced: Priced, now: datetime, agreed: Schedule | None = None, **_: Any
) -> None:
    """Keep what the family agreed to, for the Billing version that the submit opens."""
    schedule = agreed or plan_schedule(order, facts, priced, now=now)
    if schedule is None or schedule.total_minor != priced.total_minor:
        return
    schedule_id = new_id()
    batch.add(
        PaymentSchedule,
        [{"id": schedule_id, "order_id": order.id, "billing_id": order.billing_id, "agreed_at": now,
          "total_minor": schedule.total_minor, "fingerprint": schedule.fingerprint}],
    )  # fmt: skip
    batch.add(
        Instalment,
        [{"id": new_id(), "schedule_id": schedule_id, "position": position, "kind": part.kind.value,
          "due_on": part.due_on, "amount_minor": part.amount_minor} for position, part in enumerate(schedule.parts)],
    )  # fmt: skip


def plan_schedule(order: Order, facts: Facts, priced: Priced, *, now: datetime) -> Schedule | None:
    """What the rules make of the price under the order's confirmation type; None where it has no schedule."""
    today = local_day(now, order)
    if not priced.total_minor or order.confirmation_type not in SCHEDULED or order.is_change:
        return None  # also of a change: that is paid in one part
    if order.confirmation_type is _HOW.DIRECT_DEBIT:
        plan = strictest(facts.rules(Rule.INSTALMENTS))
        return instalments(total_minor=priced.total_minor, plan=plan, today=today)
    costs = _costs(facts, priced)
    shares = [(costs[offering.id], deposit) for offering in facts.offerings.values()
              if (deposit := facts.rule(Rule.DEPOSIT, offering).value)]  # fmt: skip
    rest_due_on = min(_rest_due_on(facts, offering, today) for offering in facts.offerings.values())
    deposit_minor = deposit_of(shares)
    if rest_due_on <= today and deposit_minor:
        deposit_minor = priced.total_minor  # nobody is asked for two amounts on one day
    return deposit_and_rest(total_minor=priced.total_minor, deposit_minor=deposit_minor, today=today,
                            rest_due_on=rest_due_on)  # fmt: skip


def _costs(facts: Facts, priced: Priced) -> dict[UUID, int]:
    """What each offering's sessions and extras cost together."""
    offering_of = {line.session_id: line.offering.id for line in facts.lines}
    costs = dict.fromkeys(facts.offerings, 0)
    for line in priced.lines:
        costs[offering_of[line.line.term_product_id]] += line.gross_minor
    return costs


def _rest_due_on(facts: Facts, offering: Offering, today: date) -> date:
    """By the offering's rule. One without dated sessions starts with its term."""
    due = facts.rule(Rule.REST_DUE, offering).value
    if due.days_after_order is not None:
        return today + timedelta(days=due.days_after_order)
    days = [line.local_date for line in facts.lines if line.offering is offering and line.local_date]
    first = min(days, default=date.fromisoformat(offering.facts["term_starts_on"]))
    return first - timedelta(days=due.days_before_start)


def _in_words(order: Order, schedule: Schedule) -> str:
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    return ", ".join(f"{format_money(p.amount_minor, **money)} on {p.due_on:%d %b %Y}" for p in schedule.parts)
