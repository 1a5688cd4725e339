"""What moving an order does besides moving it: places, Billing, timers, quote. Each effect only adds to the batch."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from billing.pricing import Priced
from billing.versions import next_version, write_version, write_void
from catalogue.rules import Rule
from engine.batch import Batch, FollowUp, Guarded
from engine.database import Row
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from invoicing.issue import issue_quote
from models import Timer, TimerKind
from workflows import places
from workflows.double_booking import TAKES_PLACE
from workflows.free_money import return_unused
from workflows.order_facts import Facts, Order
from workflows.order_facts import local_day as local_day  # used with the effects everywhere
from workflows.order_holdings import Holdings


def hold_places(order: Order, *, batch: Batch, facts: Facts, now: datetime, **_: Any) -> None:
    """Take the places and the attendee's time; a place that was offered to who waited is taken over."""
    lines = [line for line in facts.lines if line.session_id not in facts.kept]
    # An interest takes no place: what is offered to the attendee stays offered beside it.
    takes = order.order_type in TAKES_PLACE
    offered = {line.session_id: claim.id for line in lines if takes and (claim := facts.offered(line))}
    chosen = [(line, activity) for line in facts.lines for activity in line.activities]
    places.hold(
        batch, order, lines, now=now, looks_again=facts.beside is not None, offered=offered, chosen=chosen
    )  # fmt: skip


def note_submission(order: Order, *, now: datetime, **_: Any) -> None:
    """What has no Billing still says since when it stands."""
    order.change(submitted_at=now)


def open_billing(order: Order, *, batch: Batch, facts: Facts, priced: Priced, now: datetime, **_: Any) -> None:
    """Make the group at its first submit, and the version that this order costs; nothing is posted yet."""
    group_id, version = _next_version(order, batch, facts.group, now)
    billing_id = write_version(batch, priced, group_id=group_id, version=version, order_id=order.id, now=now)
    order.change(
        group_id=group_id, billing_id=billing_id, total_minor=priced.total_minor,
        price_fingerprint=priced.fingerprint, submitted_at=now, confirmation_type=order.confirmation_type,
    )  # fmt: skip


def _next_version(order: Order, batch: Batch, group: dict[str, Any] | None, now: datetime) -> tuple[UUID, int]:
    """The next version of the order's group. A sweeper, which locks no account, may take it first."""
    if not batch.expects(_ONE_VERSION):  # a sweeper asks for a hundred orders
        meanwhile = MovedMeanwhile("The billing of this account was changed meanwhile; look at it again.")
        for constraint in (_ONE_VERSION, *_ONE_GROUP):
            batch.on_violation(constraint, meanwhile)
    return next_version(
        batch,
        group=group,
        account_id=order.account_id,
        term_id=order.term_id,
        now=now,
        subscription_id=order.subscription_id,
    )


_ONE_VERSION = "uq_billing_organisation_id_group_id_version"
_ONE_GROUP = (
    "uq_billing_group_organisation_id_account_id_term_id", "uq_billing_group_organisation_id_subscription_id",
)  # fmt: skip


def arm_timeout(order: Order, *, batch: Batch, rules: Callable[[Rule], list[Any]], now: datetime, **_: Any) -> None:
    """Arm the auto-cancel of the confirmation type: the shortest that any of the offerings asks for."""
    assert order.confirmation_type is not None, "submit sets the confirmation type first"
    asked = [minutes[order.confirmation_type] for minutes in rules(Rule.AUTO_CANCEL)]
    minutes = min((m for m in asked if m is not None), default=None)
    if minutes is not None:
        order.expires_at = now + timedelta(minutes=minutes)
        _arm(batch, order, TimerKind.AUTO_CANCEL, order.expires_at)


def arm_quote_expiry(order: Order, *, batch: Batch, expires_at: datetime, **_: Any) -> None:
    """A quote holds its places until it expires."""
    order.expires_at = expires_at
    _arm(batch, order, TimerKind.QUOTE_EXPIRY, expires_at)


def _arm(batch: Batch, order: Order, kind: TimerKind, due_at: datetime) -> None:
    batch.add(
        Timer,
        [{"id": new_id(), "kind": kind.value, "subject_id": order.id, "due_at": due_at, "status": "ARMED"}],
    )  # fmt: skip


DISARM = Guarded(
    name="disarm_timers",
    sql="UPDATE timer t SET status = r.status, settled_at = r.settled_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = 'ARMED' RETURNING t.id",
    takes="id uuid, status text, settled_at timestamptz",
    is_by_id=True,
)


def disarm_timers(order: Order, *, batch: Batch, holdings: Holdings, now: datetime, **_: Any) -> None:
    """Whatever was armed is no longer needed; a timer that is due and fires now is settled as fired."""
    if not holdings.timers:
        return
    rows = [{"id": t["id"], "status": "FIRED" if t.get("fires") else "DISARMED", "settled_at": now}
            for t in holdings.timers]  # fmt: skip
    batch.guard(
        DISARM, rows, otherwise=lambda _: MovedMeanwhile(f"A timeout of {order.reference} was settled meanwhile.")
    )
    order.expires_at = None


def release_places(
    order: Order, *, batch: Batch, holdings: Holdings, now: datetime, together: list[Row] | None = None, **_: Any
) -> None:  # fmt: skip
    """Give back every place and stretch of time that the order holds; `together` collects what many release at once."""
    if together is None:
        places.give_back(batch, order, holdings.claims, now=now)
        return
    places.note_release(order, holdings.claims)
    together.extend(holdings.claims)


def void_billing(order: Order, *, batch: Batch, holdings: Holdings, now: datetime, **_: Any) -> None:
    """The order costs nothing any more: a zero version supersedes what it cost."""
    if order.billing_id is None:
        return
    group_id, version = _next_version(order, batch, holdings.group, now)
    order.change(billing_id=write_void(batch, group_id=group_id, version=version, order_id=order.id, now=now))


def return_money(order: Order, *, batch: Batch, holdings: Holdings, now: datetime, **_: Any) -> None:
    """What was captured for it is in the family's wallet from now on, each part where it came from."""
    if holdings.paid_minor:
        batch.follow_up(FollowUp(return_unused, now), [order.id])


def keep_reason(order: Order, *, reason: str, **_: Any) -> None:
    """The order says why it ended."""
    order.change(cancel_reason=reason)


def forget_reason(order: Order, **_: Any) -> None:
    """The order goes on: it did not end."""
    order.change(cancel_reason=None)


def write_quote(
    order: Order, *, batch: Batch, holdings: Holdings, expires_at: datetime, now: datetime, **_: Any
) -> None:
    """A numbered quote over the frozen Billing version."""
    assert holdings.billing is not None, "a submitted order has a Billing version"
    holdings.document_id = issue_quote(
        batch, order_id=order.id, billing=holdings.billing, printed=printed(order), issued_on=local_day(now, order),
        expires_at=expires_at, now=now,
    )  # fmt: skip


def printed(order: Order) -> dict[str, Any]:
    """What a document shows of the parties, as they are when it is issued."""
    organisation, account = order.organisation, order.account
    return {
        "organisation": organisation["name"], "legal_name": organisation["legal_name"],
        "letterhead": organisation["letterhead"], "currency": organisation["currency"],
        "locale": organisation["locale"], "time_zone": organisation["time_zone"],
        "prices_include_tax": organisation["prices_include_tax"],
        "recipient": {"name": account["name"], "address": account["address"], "email": account["email"],
                      "reference": account["reference"]},
        "attendee": order.attendee["name"], "order_reference": order.reference,
    }  # fmt: skip
