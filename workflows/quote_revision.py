"""What a change makes of a quoted order: its cart, its claims, its Billing version, and another numbered quote."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.passes import paid_of
from billing.versions import next_version, write_version
from engine.batch import Batch, Guarded
from engine.database import Transaction
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import TermBookingOrderActivity, TermBookingOrderDiscount, TermBookingOrderExtra, TermBookingOrderLine
from workflows import places
from workflows.change_effects import repriced_sessions, swap_claims
from workflows.change_facts import Change
from workflows.order_discounts import discount_rows
from workflows.order_facts import Order, WantedLine
from workflows.order_holdings import NOTHING_HELD, Holdings
from workflows.pass_use import swap_uses

_REPRICE = Guarded(
    name="reprice_order_lines",
    sql="UPDATE term_booking_order_line t SET price_minor = r.price_minor, mode = r.mode, asked_mode = r.mode "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id RETURNING t.id",
    takes="id uuid, price_minor bigint, mode text",
)


def held_by_quote(change: Change) -> Holdings:
    """What quoting the original anew asks: the timer of its quote, the sessions that it has then, their rules."""
    whole = change.facts.whole
    return replace(
        NOTHING_HELD, timers=change.enrolled.timers, billing={"total_minor": change.priced.total_minor},
        lines=[{"starts_at": line.facts["starts_at"], "term_program_set_id": str(line.offering.id)} for line in whole],
        chains=sorted({line.offering.chain for line in whole}), settings=change.facts.settings,
    )  # fmt: skip


def revise_quoted(
    order: Order, *, batch: Batch, change: Change, swapped: Holdings, holdings: Holdings, now: datetime, **_: Any
) -> None:  # fmt: skip
    """The quoted order holds, shows and costs what the change asked for; `swapped` is what the change held."""
    enrolled = change.enrolled
    gone = {str(line.session_id) for line in change.leaving}
    claims = [claim for claim in enrolled.claims if (claim["chosen_with"] or claim["term_product_id"]) in gone]
    places.give_back(batch, order, claims, now=now)
    swap_claims(enrolled.booking, batch=batch, change=change, holdings=swapped)
    swap_uses(enrolled.booking, batch=batch, change=change, holdings=swapped, now=now)
    _rewrite_lines(order, batch, change)
    group_id, version = next_version(
        batch, group=enrolled.group, account_id=order.account_id, term_id=order.term_id, now=now
    )
    billing_id = write_version(batch, change.priced, group_id=group_id, version=version, order_id=order.id, now=now)
    holdings.billing = {"id": billing_id, "total_minor": change.priced.total_minor}
    order.change(billing_id=billing_id, total_minor=change.priced.total_minor,
                 price_fingerprint=change.priced.fingerprint)  # fmt: skip


def _rewrite_lines(order: Order, batch: Batch, change: Change) -> None:
    prices = {p.line.term_product_id: p.gross_minor for p in change.priced.lines if p.line.component == "SESSION"}
    position = max((line.position for line in change.enrolled.lines), default=-1) + 1
    made = {line.session_id: new_id() for line in change.facts.lines}
    batch.add(
        TermBookingOrderLine,
        [{
            "id": made[line.session_id], "order_id": order.id, "term_product_id": line.session_id,
            "term_program_set_id": line.offering.id, "kind": line.kind.value, "mode": line.mode.value,
            "asked_mode": line.asked_mode, "mode_reason": line.mode_reason or None,
            "price_minor": prices[line.session_id], "position": place, "seat_id": line.seat_id,
            "makeup_credit_id": line.makeup_credit_id,
        } for place, line in enumerate(change.facts.lines, start=position)],
    )  # fmt: skip
    batch.add(
        TermBookingOrderActivity,
        [{"id": new_id(), "order_id": order.id, "order_line_id": made[line.session_id],
          "term_product_id": activity.id, "title": activity.title}
         for line in change.facts.lines for activity in line.activities],
    )  # fmt: skip
    repriced = repriced_sessions(change)
    kept = [line for line in change.facts.staying if line.session_id in repriced]
    ids = {line.session_id: change.booked(line.session_id).id for line in kept}
    if kept:
        batch.guard(
            _REPRICE, [{"id": ids[line.session_id], "price_minor": prices[line.session_id], "mode": line.mode.value}
                       for line in kept],
            otherwise=lambda _: MovedMeanwhile(f"{order.reference} was changed meanwhile; look at it again."),
        )  # fmt: skip
    _add_extras_and_discounts(order, batch, change, [*kept, *change.facts.lines], ids | made)


def _add_extras_and_discounts(
    order: Order, batch: Batch, change: Change, lines: list[WantedLine], ids: dict[UUID, UUID]
) -> None:  # fmt: skip
    priced = {(p.line.term_product_id, p.line.component): p for p in change.priced.lines}
    batch.add(
        TermBookingOrderExtra,
        [{
            "id": new_id(), "order_id": order.id, "order_line_id": ids[line.session_id], "extra_id": extra.extra_id,
            "name": extra.name, "quantity": extra.quantity,
            **paid_of(priced[line.session_id, f"EXTRA:{extra.extra_id}"]),
        } for line in lines for extra in line.extras],
    )  # fmt: skip
    batch.add(
        TermBookingOrderDiscount,
        [{**row, "order_id": order.id, "order_line_id": ids[line.session_id]}
         for line in lines for row in discount_rows(priced[line.session_id, "SESSION"].trace)],
    )  # fmt: skip


def forget_quoted(tx: Transaction, change: Change) -> None:
    """What is given up goes out of the cart of the quoted order; extras and discounts of what stays at another price
    are written anew by the confirmation.
    """
    gone = [line.id for line in change.leaving]
    if gone:
        tx.run("DELETE FROM term_booking_order_line WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)", ids=gone)
    ids = [change.booked(session_id).id for session_id in repriced_sessions(change)]
    for table in ("term_booking_order_extra", "term_booking_order_discount") if ids else ():
        tx.run(f"DELETE FROM {table} WHERE organisation_id = %(org)s AND order_line_id = ANY(%(ids)s)", ids=ids)
