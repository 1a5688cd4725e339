"""The rules of subscriptions: which steps of an order they leave to themselves, and what they ask of their own."""

from collections.abc import Iterator
from datetime import date
from typing import Any

from engine.actor import Actor
from engine.errors import Reason
from engine.words import so_many
from models import ActorKind, TermBookingOrderType
from workflows.order_facts import Order
from workflows.subscription_facts import Subscribed


def is_with_its_subscription(order: Order, *, subscription: Subscribed | None = None, **_: Any) -> Iterator[Reason]:
    """The term of a subscription is enrolled, quoted and confirmed by the subscription alone."""
    if order.order_type is TermBookingOrderType.SUBSCRIPTION and subscription is None:
        yield Reason("is_subscription", f"{order.reference} is the term of a subscription; confirm the subscription.",
                     field="order_type", rule="order_type")  # fmt: skip


def is_continued_by_system(order: Order, actor: Actor) -> bool:
    """A subscription that an admin began goes on by itself: its terms ask nobody again, and wait for no opening."""
    return order.order_type is TermBookingOrderType.SUBSCRIPTION and actor.kind is ActorKind.SYSTEM


def has_explanation(subscription: Subscribed, *, actor: Actor, reason: str, **_: Any) -> Iterator[Reason]:
    """What an admin does to a family's subscription is explained."""
    if actor.is_admin and not reason.strip():
        yield Reason("reason_required", f"Say why {subscription.reference} is changed.", field="reason",
                     rule="admin_with_reason")  # fmt: skip


def is_after_notice(
    subscription: Subscribed, *, last_day: date, earliest: date, actor: Actor, **_: Any
) -> Iterator[Reason]:
    """A last day comes no sooner than the notice; an admin may agree on another."""
    if last_day < earliest and not actor.is_admin:
        yield Reason("notice_too_short", f"{subscription.reference} ends "
                     f"{so_many(subscription.notice_days, 'day')} after the notice: on {earliest:%a %d %b %Y} at the "
                     "earliest.", field="last_day",
                     rule="subscription_notice_days", facts={"earliest": earliest.isoformat()})  # fmt: skip


def is_not_over(subscription: Subscribed, *, last_day: date, today: date, **_: Any) -> Iterator[Reason]:
    """A last day is not past."""
    if last_day < today:
        yield Reason("in_the_past", f"{last_day:%a %d %b %Y} is past.", field="last_day", rule="last_day")


def is_not_in_effect(
    subscription: Subscribed, *, before: date, today: date, **_: Any
) -> Iterator[Reason]:  # fmt: skip
    """A last day is put off before it is over."""
    if before < today:
        yield Reason("notice_in_effect", f"The last day of {subscription.reference} was {before:%a %d %b %Y}.",
                     field="last_day", rule="last_day")  # fmt: skip


def is_later(subscription: Subscribed, *, before: date, last_day: date, **_: Any) -> Iterator[Reason]:
    """Putting off means a later day; an earlier one is a new notice."""
    if last_day <= before:
        yield Reason("not_later", f"{subscription.reference} ends on {before:%a %d %b %Y}: name a later day.",
                     field="last_day", rule="last_day")  # fmt: skip
