"""Opening a closed day again: the preview, and the reopening that must present what the preview showed.

Whatever closing did is undone by what compensates it: the lines are sessions again, places and time are taken, the
sessions are invoiced once more, and the credit that the closing gave is taken back from the wallet to pay for it. What
was to be invoiced with its period is again. A booking for which that cannot be done stays closed, and says why: its
credit was used, its attendee is elsewhere.
"""

from dataclasses import replace
from datetime import datetime

from engine.actor import SYSTEM, Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, Reason
from engine.fire import Refused, fire
from engine.money import format_money
from workflows import term_booking, term_booking_order
from workflows.closure_facts import Scope
from workflows.reopening_facts import Reopening, Returning, read_reopening, shown
from workflows.wallet import correct


class ReopeningIsStale(Conflict):
    """Something changed since the preview; `facts` hold the fresh one."""

    code = "reopening_is_stale"


def preview(tx: Transaction, scope: Scope, *, actor: Actor, now: datetime) -> Row:
    """What opening again would do: whose sessions come back, what they cost, who stays out and why; nothing is changed.

    Raises NotFound.
    """
    return _shown(tx, read_reopening(tx, scope, actor=actor, now=now, is_opening=False))


def reopen_day(
    tx: Transaction, scope: Scope, *, fingerprint: str, reason: str, actor: Actor, now: datetime,
    is_muted: bool = False,
) -> Row:  # fmt: skip
    """Open what the preview with this fingerprint showed; answers what was done.

    Raises NotFound, ReopeningIsStale (with the fresh preview), Refused (a session has begun), MovedMeanwhile.
    """
    reopening = read_reopening(tx, scope, actor=actor, now=now, is_opening=True)
    _refuse_what_began(reopening, now)
    done = _shown(tx, reopening)
    if fingerprint != reopening.fingerprint:
        raise ReopeningIsStale("The day has changed since; look at it again.", **done)
    tx.run("UPDATE term_product SET status = 'OPEN' WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) "
           "AND status = 'CLOSED'", ids=[session["id"] for session in reopening.sessions])  # fmt: skip
    tx.run("DELETE FROM closure_day WHERE organisation_id = %(org)s AND site_id = %(site_id)s AND date = %(day)s "
           "AND term_id IS NULL", site_id=scope.site_id, day=scope.day)  # fmt: skip
    for entry in (entry for one in reopening.returning for entry in one.entries):
        correct(tx, entry_id=entry["id"], reason=reason, actor=actor, now=now)
        tx.flush()
    # In one batch: the bookings of an account take one Billing version after the other.
    for one in reopening.returning:
        _bring_back(tx, one, reason=reason, actor=actor, now=now, is_muted=is_muted)
    tx.flush()
    return done


def _shown(tx: Transaction, reopening: Reopening) -> Row:
    told = tx.row("SELECT currency, locale FROM organisation WHERE id = %(org)s")
    assert told is not None
    return shown(reopening, money=lambda minor: format_money(minor, told["currency"], told["locale"]))


def _refuse_what_began(reopening: Reopening, now: datetime) -> None:
    reasons = [
        Reason("session_started", f"{session['title'] or session['name']} would have begun already; book who came by "
               "hand.", rule="to_come", facts={"session_id": str(session["id"])})
        for session in reopening.sessions if session["starts_at"] is not None and session["starts_at"] <= now
    ]  # fmt: skip
    if reasons:
        raise Refused(f"The day cannot be opened again: {reasons[0].message}", reasons=reasons)


def _bring_back(
    tx: Transaction, one: Returning, *, reason: str, actor: Actor, now: datetime, is_muted: bool
) -> None:  # fmt: skip
    by = replace(SYSTEM, user_id=actor.user_id)
    fire(
        tx.batch, term_booking.CHART, one.enrolled.booking, "reopen_day", actor=by, now=now, reason=reason,
        is_muted=is_muted, returning=one,
        changes={"sessions": [str(line.session_id) for line in one.lines], "charged_minor": one.charged_minor,
                 "from_credit_minor": one.taken_minor, "later_minor": one.later_minor},
    )  # fmt: skip
    # Approved for attendance only, the order will invoice what its booking costs by now.
    if term_booking_order.CHART.step("reopen_day", one.order.status) is not None:
        fire(tx.batch, term_booking_order.CHART, one.order, "reopen_day", actor=by, now=now, reason=reason,
             is_muted=is_muted, enrolled=one.enrolled)  # fmt: skip
