"""Closing a day at a site, or one session: the preview, and the closure that must present what the preview showed.

Who was there stays billed. Every other line becomes a ClosureDay line, credited in full with its extras; places and
time are released, the roll says why, the sessions are closed, and the families are told. Orders that are not confirmed
go on with their other sessions at the lower price, and are cancelled where nothing is left.
"""

from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import SYSTEM, Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Reason
from engine.fire import MovedMeanwhile, Refused, fire
from engine.ids import new_id
from engine.money import format_money
from models import ClosureDay
from workflows import term_booking, term_booking_order
from workflows.booking_facts import lock_enrolled
from workflows.closure_effects import announce_order_closure
from workflows.closure_facts import ClosedBooking, ClosedOrder, Closing, Scope, read_closing, sessions_in, shown
from workflows.order_facts import lock_order
from workflows.order_holdings import read_holdings
from workflows.waiting_past import end_waits_for

CLOSURE = "CLOSURE"


class ClosureIsStale(Conflict):
    """Something changed since the preview; `facts` hold the fresh one."""

    code = "closure_is_stale"


def preview(tx: Transaction, scope: Scope) -> Row:
    """What closing would do: which lines, whose, how much; nothing is changed. Raises NotFound."""
    return _shown(tx, read_closing(tx, scope, is_closing=False))


def close_day(
    tx: Transaction, scope: Scope, *, fingerprint: str, reason: str, actor: Actor, now: datetime,
    is_muted: bool = False,
) -> Row:  # fmt: skip
    """Close what the preview with this fingerprint showed; answers what was done.

    Raises NotFound, ClosureIsStale (with the fresh preview), Refused (somebody is signed in), MovedMeanwhile.
    """
    end_waits_for(tx, sessions_in(tx, scope), now=now, reason=reason)
    closing = read_closing(tx, scope, is_closing=True)
    _refuse_while_signed_in(closing, now)
    done = _shown(tx, closing)
    if fingerprint != closing.fingerprint:
        raise ClosureIsStale("The day has changed since; look at it again.", **done)
    by = replace(SYSTEM, user_id=actor.user_id)
    emptied = [one for one in closing.orders if one.is_emptied]
    unbilled = [one for one in closing.bookings if one.has_nothing_left_unbilled]
    for order in emptied:
        _cancel_order(tx, order, by=by, reason=reason, now=now, is_muted=is_muted)
    for booking in unbilled:
        _cancel_unbilled(tx, booking, actor=actor, reason=reason, now=now, is_muted=is_muted)
    if emptied or unbilled:
        # What ended took a version of its family's Billing; the rest of the family goes on from there.
        closing = read_closing(tx, scope, is_closing=False)
    facts: dict[str, Any] = {"actor": by, "now": now, "reason": reason, "is_muted": is_muted}
    for one in closing.bookings:
        _close_booking(tx, one, **facts)
    for each in closing.orders:
        _close_order(tx, each, **facts)
    _close_sessions(tx, closing)
    _keep_closed(tx, scope, reason)
    return done


def _shown(tx: Transaction, closing: Closing) -> Row:
    told = tx.row("SELECT currency, locale FROM organisation WHERE id = %(org)s")
    assert told is not None
    return shown(closing, money=lambda minor: format_money(minor, told["currency"], told["locale"]))


def _refuse_while_signed_in(closing: Closing, now: datetime) -> None:
    reasons = [
        Reason("signed_in", f"{name} is signed in to {line.label}; sign everybody out first.", rule="nobody_is_there",
               session=line.label, facts={"session_id": str(line.session_id)})
        for name, line in closing.signed_in(now)
    ]  # fmt: skip
    if reasons:
        raise Refused(f"The day cannot be closed: {reasons[0].message}", reasons=reasons)


def _close_booking(tx: Transaction, one: ClosedBooking, **facts: Any) -> None:
    if not one.leaving:
        return
    booking, credit = one.enrolled.booking, one.credit
    fire(
        tx.batch, term_booking.CHART, booking, "close_day", enrolled=one.enrolled, leaving=one.leaving,
        claims=one.claims, credit=credit, why=CLOSURE,
        changes={"sessions": [str(line.session_id) for line in one.leaving], "credited_minor": credit.total_minor,
                 "freed_minor": credit.freed_minor}, **facts,
    )  # fmt: skip
    # Approved for attendance only, the order still has to invoice what is left; else it has done its part.
    if term_booking_order.CHART.step("close_day", one.order.status) is not None:
        fire(tx.batch, term_booking_order.CHART, one.order, "close_day", enrolled=one.enrolled, **facts)


def _close_order(tx: Transaction, one: ClosedOrder, **facts: Any) -> None:
    fire(
        tx.batch, term_booking_order.CHART, one.order, "close_day", carried=one.carried, closed=one.closed,
        claims=one.claims, kept=one.kept,
        changes={"sessions": sorted(one.carried.sessions.keys() & one.closed), "total_minor": one.total_minor}, **facts,
    )  # fmt: skip


def _cancel_order(
    tx: Transaction, one: ClosedOrder, *, by: Actor, reason: str, now: datetime, is_muted: bool
) -> None:  # fmt: skip
    """Nothing of the order takes place: it ends, and captured money is the family's credit."""
    order = lock_order(tx, one.order.id, actor=by)
    fire(tx.batch, term_booking_order.CHART, order, "cancel", actor=by, now=now, reason=reason, is_muted=is_muted,
         holdings=read_holdings(tx, order), changes={"released": len(one.claims)})  # fmt: skip
    if not is_muted:
        announce_order_closure(tx.batch, order, sorted(one.closed & one.carried.sessions.keys()), reason=reason,
                               now=now)  # fmt: skip
    tx.flush()


def _cancel_unbilled(
    tx: Transaction, one: ClosedBooking, *, actor: Actor, reason: str, now: datetime, is_muted: bool
) -> None:  # fmt: skip
    """Nothing of a booking for attendance only takes place: it ends with its order, nothing was invoiced."""
    order = lock_order(tx, one.order.id, actor=actor)
    enrolled = lock_enrolled(tx, order, one.enrolled.booking.id)
    term_booking_order.end_enrolled(tx, enrolled, "cancel", actor=actor, now=now, reason=reason, is_muted=is_muted)
    tx.flush()


_CLOSE_SESSIONS = Guarded(
    name="close_sessions",
    sql="UPDATE term_product s SET status = 'CLOSED', taken = s.taken - r.released FROM {rows} "
    "WHERE s.organisation_id = {org} AND s.id = r.id AND s.status = 'OPEN' AND s.taken >= r.released RETURNING s.id",
    takes="id uuid, released int",
)


_FREE_PLACES = Guarded(
    name="free_places",
    sql="UPDATE term_product s SET taken = s.taken - r.released FROM {rows} "
    "WHERE s.organisation_id = {org} AND s.id = r.id AND s.taken >= r.released RETURNING s.id",
    takes="id uuid, released int",
)


def _close_sessions(tx: Transaction, closing: Closing) -> None:
    """The sessions are closed, and their places given back, each counter once."""
    holders: list[ClosedBooking | ClosedOrder] = [*closing.bookings, *closing.orders]
    released: Counter[UUID] = Counter(
        claim["term_product_id"] for one in holders for claim in one.claims if claim["takes_place"]
    )
    closed = [{"id": session["id"], "released": released.pop(session["id"], 0)} for session in closing.sessions]
    # What is left are activities of a session that is closed by itself: they take place for the others.
    freed = [{"id": activity, "released": places} for activity, places in released.items()]
    for statement, rows in ((_CLOSE_SESSIONS, closed), (_FREE_PLACES, freed)):
        if rows:
            tx.batch.guard(
                statement, rows, otherwise=lambda _: MovedMeanwhile("The day was changed meanwhile; look again.")
            )


def _keep_closed(tx: Transaction, scope: Scope, reason: str) -> None:
    """Sessions that are generated later leave the day out too."""
    if scope.site_id is None:
        return
    known = tx.row("SELECT 1 FROM closure_day WHERE organisation_id = %(org)s AND site_id = %(site_id)s "
                   "AND date = %(day)s AND term_id IS NULL", site_id=scope.site_id, day=scope.day)  # fmt: skip
    if known is None:
        tx.batch.add(
            ClosureDay,
            [{"id": new_id(), "site_id": scope.site_id, "date": scope.day, "reason": reason}],
        )  # fmt: skip
