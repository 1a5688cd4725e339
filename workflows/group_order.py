"""Group orders: a family books several attendees in one step, all or nothing or what can be had.

Each attendee has an order of its own with all its rules; the group is what makes, saves and submits them together.
It is open until it is submitted. From then on its orders go their own ways, and are paid together or one by one.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from billing.schedules import Schedule
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from engine.fire import Refused
from engine.ids import new_id, new_reference
from models import (
    GroupOrder,
    GroupOrderMember,
    GroupOrderPolicy,
    TermBookingConfirmationType,
    TermBookingOrderType,
)
from workflows import term_booking_order as orders
from workflows.alternatives import Lost
from workflows.group_facts import Group, about, in_order, lock_group, note_submitted, refuse, refused
from workflows.group_schedule import failing_schedules, plan_each
from workflows.group_submission import Asked, failing_whole, leave_out, owe_beside, told
from workflows.order_cart import asked_promo_code, clear_lines_of, wanted_rows
from workflows.order_discounts import give_code_to_one
from workflows.order_effects import local_day
from workflows.order_facts import Beside, Order
from workflows.order_holdings import Holdings, read_holdings_together
from workflows.order_pricing import price_together
from workflows.order_reads import read_facts_together
from workflows.order_schedule import has_deposit
from workflows.term_booking_order import CHART, Outcome

MOST_ATTENDEES = 20
_PAY_LATER = TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT


def new(
    tx: Transaction, *, actor: Actor, account_id: UUID | None, term_id: UUID, policy: GroupOrderPolicy,
    asked: Sequence[Row], now: datetime, promo_code: str | None = None,
) -> Group:  # fmt: skip
    """Begin a group order and fill its carts; `asked` are `{attendee_id, order_type, lines}`, each attendee once.

    It holds nothing. One `promo_code` is for all: the first order that takes it has it. Raises Invalid (naming the
    field), NotFound and Refused as beginning and saving each order does.
    """
    _refuse_twice(asked)
    made: dict[int, Order] = {}
    for position, one in enumerate(asked):
        order = orders.new(
            tx, actor=actor, account_id=account_id, attendee_id=one["attendee_id"], term_id=term_id,
            order_type=one.get("order_type") or TermBookingOrderType.BOOKING, now=now,
        ).order  # fmt: skip
        account_id, made[position] = order.account_id, order
    assert account_id is not None, "a group order has an order"
    group = Group(new_id(), new_reference("GO"), account_id, term_id, policy, now)
    _write(tx, group, made, actor)
    tx.flush()
    group, locked = lock_group(tx, group.id, "save", actor=actor)
    lines = {n: one["lines"] for n, one in enumerate(asked)}
    return _fill(tx, group, locked, lines, promo_code=promo_code, actor=actor, now=now)


def _refuse_twice(asked: Sequence[Row]) -> None:
    """A group order is for one attendee at least, and has one order for each."""
    reasons = []
    if not 1 <= len(asked) <= MOST_ATTENDEES:
        reasons.append(Reason("too_many", f"A group order is for 1 to {MOST_ATTENDEES} attendees, not {len(asked)}.",
                              field="orders"))  # fmt: skip
    seen: dict[UUID, int] = {}
    for n, one in enumerate(asked):
        first = seen.setdefault(one["attendee_id"], n)
        if first != n:
            reasons.append(
                Reason("twice", f"The same attendee as in orders[{first}].", field=f"orders[{n}].attendee_id")
            )
    if reasons:
        raise Invalid("The orders of the group are not valid.", reasons=reasons)


def _write(tx: Transaction, group: Group, made: Mapping[int, Order], actor: Actor) -> None:
    tx.batch.add(
        GroupOrder,
        [{"id": group.id, "reference": group.reference, "account_id": group.account_id, "term_id": group.term_id,
          "policy": group.policy.value, "made_by": actor.kind.value, "created_at": group.created_at}],
    )  # fmt: skip
    tx.batch.add(
        GroupOrderMember,
        [{"id": new_id(), "group_order_id": group.id, "order_id": order.id, "position": position}
         for position, order in made.items()],
    )  # fmt: skip


def save(
    tx: Transaction, *, group_order_id: UUID, asked: Sequence[Row], actor: Actor, now: datetime,
    promo_code: str | None = None,
) -> Group:  # fmt: skip
    """Fill the carts anew; `asked` are `{attendee_id, lines}`. The cart of an attendee who is not named is emptied, and
    a promo code that is not named again is taken off.

    Raises NotFound, NotAllowedNow (it was submitted), Invalid, Refused.
    """
    _refuse_twice(asked)
    group, locked = lock_group(tx, group_order_id, "save", actor=actor)
    places = {order.attendee_id: position for position, order in locked.items()}
    unknown = [
        Reason("unknown", "The group order is not for this attendee.", field=f"orders[{n}].attendee_id")
        for n, one in enumerate(asked) if one["attendee_id"] not in places
    ]  # fmt: skip
    if unknown:
        raise Invalid("The group order has no such order.", reasons=unknown)
    lines: dict[int, Sequence[Row]] = dict.fromkeys(locked, ())
    lines |= {places[one["attendee_id"]]: one["lines"] for one in asked}
    return _fill(tx, group, locked, lines, promo_code=promo_code, actor=actor, now=now)


def _fill(
    tx: Transaction, group: Group, locked: Mapping[int, Order], lines: Mapping[int, Sequence[Row]], *,
    promo_code: str | None, actor: Actor, now: datetime,
) -> Group:  # fmt: skip
    """Price all carts together and save each; every fault of every cart is told at once."""
    for order in locked.values():
        order.change(promo_code=asked_promo_code(order, promo_code))
    wanted, extras = _wanted_of_each(locked, lines)
    found = _read(tx, locked, now=now, wanted=wanted, extras=extras)
    reasons: list[Reason] = []
    faults: list[Reason] = []
    for position, (order, facts, priced) in found.items():
        own = [row for row in wanted if row["order_id"] == order.id]
        ids = {row["line_id"] for row in own}
        chosen = [extra for extra in extras if extra["order_line_id"] in ids]
        try:
            group.outcomes.append(orders.save_locked(tx, order, facts, priced, wanted=own, extras=chosen, actor=actor,
                                                     now=now, group_order=group.reference))  # fmt: skip
        except Refused as refusal:
            reasons += about(position, order, refusal.reasons)
        except Invalid as fault:
            faults += about(position, order, fault.reasons)
    if faults:
        raise Invalid("The carts name something that does not exist.", reasons=faults)
    if reasons:
        raise refused(group, "save", reasons)
    clear_lines_of(tx, [order.id for order in locked.values()])
    return group


def _wanted_of_each(
    locked: Mapping[int, Order], lines: Mapping[int, Sequence[Row]]
) -> tuple[list[Row], list[Row]]:  # fmt: skip
    """The rows to write for all carts, each with its order. Raises Invalid naming each field."""
    wanted, extras, reasons = [], [], []
    for position, order in locked.items():
        try:
            own, chosen = wanted_rows(lines[position])
        except Invalid as fault:
            reasons += [Reason(r.code, r.message, field=in_order(position, r.field)) for r in fault.reasons]
            continue
        wanted += [{**row, "order_id": order.id} for row in own]
        extras += chosen
    if reasons:
        raise Invalid("The lines of the orders are not valid.", reasons=reasons)
    return wanted, extras


def _read(
    tx: Transaction, locked: Mapping[int, Order], *, now: datetime, wanted: list[Row] | None = None,
    extras: list[Row] | None = None, pay_later: bool = False,
) -> Asked:  # fmt: skip
    """What the guards of all orders ask, in one statement, and what the orders cost together."""
    placed = list(locked.values())
    if not placed:
        return {}
    found = read_facts_together(tx, placed, now=now, today=local_day(now, placed[0]), pay_later=pay_later,
                                wanted=wanted, extras=extras)  # fmt: skip
    if wanted is not None:
        give_code_to_one(list(zip(placed, found, strict=True)))
    beside = Beside()
    for order, facts in zip(placed, found, strict=True):
        facts.beside = beside.copy()
        beside.add(order, facts)
    alone = price_together(list(zip(placed, found, strict=True)))
    priced = orders.with_companions(tx, list(zip(placed, found, alone, strict=True)), now=now)
    return dict(zip(locked, zip(placed, found, priced, strict=True), strict=True))


def submit(
    tx: Transaction, *, group_order_id: UUID, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    actor: Actor, now: datetime, override_reason: str = "", is_muted: bool = False,
    schedule_fingerprint: str | None = None,
) -> Group:  # fmt: skip
    """Submit the orders in one step, at the price, and the schedules, that were shown for all of them.

    All or nothing: raises Refused with every failing reason of every order, and nothing is written. Best effort: what
    can be had is submitted, what is left out is told; Refused only where that is nothing, or would cost more than was
    shown for all. What is confirmed at once for a single order is so here. Raises NotFound, NotAllowedNow.
    """
    group, locked = lock_group(tx, group_order_id, "submit", actor=actor)
    for order in locked.values():
        order.confirmation_type = confirmation_type
    pay_later = confirmation_type is _PAY_LATER
    asked = _read(tx, locked, now=now, pay_later=pay_later)
    reasons = list(failing_whole(group, asked, price_fingerprint))
    reasons += failing_schedules(group, asked, schedule_fingerprint, now=now)
    override = override_reason.strip() if actor.is_admin else ""
    if group.policy is GroupOrderPolicy.BEST_EFFORT and not reasons:
        asked = leave_out(tx, group, asked, actor=actor, now=now, override=override)
    reasons += _submit_each(tx, group, asked, actor=actor, now=now, override=override, is_muted=is_muted)
    if reasons:
        raise refused(group, "submit", reasons)
    note_submitted(tx, group, now=now)
    _confirm_at_once(tx, group.outcomes, actor=actor, now=now)
    return group


def payment_schedules(
    tx: Transaction, *, group_order_id: UUID, confirmation_type: TermBookingConfirmationType, actor: Actor,
    now: datetime,
) -> tuple[Group, list[tuple[Order, Schedule | None]], list[Reason]]:  # fmt: skip
    """What a submission of the carts by this confirmation type would agree to, order by order, and why it would not.
    Raises NotFound, NotAllowedNow (it was submitted).
    """
    group, locked = lock_group(tx, group_order_id, "submit", actor=actor)
    for order in locked.values():
        order.confirmation_type = confirmation_type
    asked = _read(tx, locked, now=now)
    reasons = [reason for place, (order, facts, _) in asked.items()
               for reason in about(place, order, list(has_deposit(order, facts=facts)))]  # fmt: skip
    planned = {} if reasons else plan_each(asked, now=now)
    return group, [(order, planned.get(place)) for place, order in locked.items()], reasons


def _submit_each(
    tx: Transaction, group: Group, asked: Asked, *, actor: Actor, now: datetime, override: str, is_muted: bool
) -> list[Reason]:
    """Fire each submit into the batch; returns every reason why not, with alternatives."""
    lost: dict[int, Lost] = {}
    owed_minor = 0
    # They were compared as a whole; of what is left of a best effort, the schedule is that of the rest.
    agreed = plan_each(asked, now=now)
    for position, (order, facts, priced) in asked.items():
        owe_beside(facts, owed_minor)
        owed_minor += priced.total_minor
        try:
            group.outcomes.append(
                orders.submit_locked(tx, order, facts, priced, shown_fingerprint=priced.fingerprint, actor=actor,
                                     now=now, override=override, is_muted=is_muted, group_order_id=group.id,
                                     shown_schedule=agreed[position].fingerprint if position in agreed else None)
            )  # fmt: skip
        except Refused as refusal:
            lost[position] = Lost(order, facts, facts.lines, refusal.reasons)
    return told(tx, lost, actor=actor, now=now)


def _confirm_at_once(tx: Transaction, outcomes: Iterable[Outcome], *, actor: Actor, now: datetime) -> None:
    due = [outcome for outcome in outcomes if orders.is_confirmed_at_once(outcome, actor)]
    if not due:
        return
    tx.flush()
    for outcome, holdings in zip(due, _held(tx, [outcome.order for outcome in due], now=now), strict=True):
        orders.confirm_at_once(tx, outcome, actor=actor, now=now, holdings=holdings)


def _held(tx: Transaction, placed: Sequence[Order], *, now: datetime) -> list[Holdings]:
    """What a confirmation of each asks, in one statement."""
    pay_later = any(order.confirmation_type is _PAY_LATER for order in placed)
    return read_holdings_together(tx, placed, with_lines=True, pay_later=pay_later, today=local_day(now, placed[0]))


def confirm(
    tx: Transaction, *, group_order_id: UUID, actor: Actor, now: datetime, reason: str = "", is_muted: bool = False,
    confirmation_type: TermBookingConfirmationType | None = None,
) -> Group:  # fmt: skip
    """Confirm every order that waits for it, in one step; an admin may do so by another confirmation type.

    Raises NotFound, NotAllowedNow (not submitted, or nothing waits), Refused with every failing reason of every order.
    """
    group, locked = lock_group(tx, group_order_id, "confirm", actor=actor, of_submitted=True)
    waiting = {position: order for position, order in locked.items() if CHART.step("confirm", order.status)}
    if not waiting:
        refuse(group, "confirm")
    for order in waiting.values():
        if confirmation_type is not None and actor.is_admin:
            order.confirmation_type = confirmation_type
    reasons: list[Reason] = []
    held = _held(tx, list(waiting.values()), now=now)
    for (position, order), holdings in zip(waiting.items(), held, strict=True):
        try:
            made = orders.confirm_locked(tx, order, actor=actor, now=now, reason=reason, is_muted=is_muted,
                                         holdings=holdings)  # fmt: skip
            group.outcomes.append(Outcome(order, made=made))
        except Refused as refusal:
            reasons += about(position, order, refusal.reasons)
    if reasons:
        raise refused(group, "confirm", reasons)
    return group
