"""What a submission of a group order asks as a whole, and what is left out of one that takes what can be had."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from billing.pricing import Priced
from engine.actor import Actor
from engine.database import Transaction
from engine.errors import Reason
from engine.money import format_money
from workflows import term_booking_order as orders
from workflows.alternatives import Lost, with_alternatives
from workflows.best_effort import part
from workflows.group_facts import Group, LeftOut, about, fingerprint_of, refused
from workflows.order_cart import clear_lines_of
from workflows.order_facts import Beside, Facts, Order, WantedLine
from workflows.order_pricing import price_together

# An order of the group with what was read of it and what it costs, by its place in the group.
Asked = dict[int, tuple[Order, Facts, Priced]]


def failing_whole(group: Group, asked: Asked, price_fingerprint: str) -> Iterator[Reason]:
    """What concerns the group as a whole: there is something to submit, at the price that was shown."""
    if not asked:
        yield Reason("cart_empty", f"Every order of {group.reference} was removed.", field="orders", rule="lines")
        return
    fingerprint = fingerprint_of(priced.fingerprint for _, _, priced in asked.values())
    if fingerprint != price_fingerprint:
        total_minor = _total(asked)
        yield Reason(
            "price_changed", f"The price of all orders is {_money(asked, total_minor)} now; look at it and submit "
            "again.", field="price_fingerprint", rule="price_as_shown",
            facts={"total_minor": total_minor, "price_fingerprint": fingerprint},
        )  # fmt: skip


def owe_beside(facts: Facts, owed_minor: int) -> None:
    """Pay-later counts what the orders before this one ask for, in minor units."""
    if facts.standing is not None:
        facts.standing = {**facts.standing, "open_minor": facts.standing["open_minor"] + owed_minor}


def told(tx: Transaction, lost: Mapping[int, Lost], *, actor: Actor, now: datetime) -> list[Reason]:
    """Every reason of every order as one of the group, with alternatives where a session is full or overlaps."""
    answers = with_alternatives(tx, list(lost.values()), actor=actor, now=now)
    return [reason for position, each, reasons in zip(lost, lost.values(), answers, strict=True)
            for reason in about(position, each.order, reasons)]  # fmt: skip


def leave_out(tx: Transaction, group: Group, asked: Asked, *, actor: Actor, now: datetime, override: str) -> Asked:
    """What can be had, its carts saved anew without the rest; the group says what was left out, why, and what else
    there is. Raises Refused where nothing can be had, or where it would cost more than all that was asked for.
    """
    had, lost, beside = _part_all(asked, actor=actor, now=now, override=override)
    if not lost:
        return asked
    for each in lost.values():
        each.facts.beside = beside
    reasons = told(tx, lost, actor=actor, now=now)
    if not had:
        raise refused(group, "submit", reasons)
    alone = price_together(list(had.values()))
    priced = orders.with_companions(
        tx, [(*its, price) for its, price in zip(had.values(), alone, strict=True)], now=now
    )  # fmt: skip
    kept = {position: (*its, price) for (position, its), price in zip(had.items(), priced, strict=True)}
    if _total(kept) > _total(asked):
        raise refused(group, "submit", [*reasons, _dearer(asked, kept)])
    _save_anew(tx, group, asked, kept, actor=actor, now=now)
    for position, each in lost.items():
        keeps = {line.session_id for line in each.keeps}
        gone = [line.session_id for line in each.facts.lines if line.session_id not in keeps]
        own = [reason for reason in reasons if (reason.facts or {})["order_id"] == str(each.order.id)]
        group.left_out.append(LeftOut(position, each.order, gone, own))
    return kept


def _part_all(
    asked: Asked, *, actor: Actor, now: datetime, override: str
) -> tuple[dict[int, tuple[Order, Facts]], dict[int, Lost], Beside]:
    """What can be had of each order beside those before it; what is lost; all the places that are asked for then."""
    had: dict[int, tuple[Order, Facts]] = {}
    lost: dict[int, Lost] = {}
    beside = Beside()
    for position, (order, facts, _) in asked.items():
        facts.beside = beside.copy()
        kept, reasons = part(order, facts, actor=actor, now=now, override=override)
        if reasons:
            lost[position] = Lost(order, facts, kept.lines, reasons)
        if kept.lines:
            had[position] = (order, kept)
            beside.add(order, kept)
    return had, lost, beside


def _dearer(asked: Asked, kept: Asked) -> Reason:
    total_minor, shown_minor = _total(kept), _total(asked)
    return Reason(
        "price_changed", f"What can be had costs {_money(asked, total_minor)}, more than the "
        f"{_money(asked, shown_minor)} that was shown for all; choose again.", field="price_fingerprint",
        rule="price_as_shown", facts={"total_minor": total_minor},
    )  # fmt: skip


def _save_anew(tx: Transaction, group: Group, asked: Asked, kept: Asked, *, actor: Actor, now: datetime) -> None:
    """The carts become what is submitted, at its price; the history of each says what was left out."""
    changed = {position: its for position, its in kept.items() if its[2].fingerprint != asked[position][2].fingerprint}
    for position, (order, facts, priced) in changed.items():
        keeps = {line.line_id for line in facts.lines}
        gone = [line.label for line in asked[position][1].lines if line.line_id not in keeps]
        wanted, extras = _rows(facts.lines)
        orders.save_locked(tx, order, facts, priced, wanted=wanted, extras=extras, actor=actor, now=now,
                           group_order=group.reference, left_out=gone)  # fmt: skip
    clear_lines_of(tx, [order.id for order, _, _ in changed.values()])
    tx.flush()


def _rows(lines: Iterable[WantedLine]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Lines as they are asked for when a cart is saved."""
    lines = list(lines)
    wanted = [{"line_id": line.line_id, "id": line.session_id, "position": line.position} for line in lines]
    extras = [{"id": extra.id, "order_line_id": extra.order_line_id} for line in lines for extra in line.extras]
    return wanted, extras


def _total(asked: Asked) -> int:
    """In minor units."""
    return sum(priced.total_minor for _, _, priced in asked.values())


def _money(asked: Asked, amount_minor: int) -> str:
    order = next(iter(asked.values()))[0]
    return format_money(amount_minor, order.organisation["currency"], order.organisation["locale"])
