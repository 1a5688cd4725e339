"""What a pass does in the life of a line: its unit is used at submit, given back by rule, or lost.

A pass is moved by guarded statements only, so two orders never use the same unit, and no more is used than was granted.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

from billing.passes import entitlement_of
from billing.pricing import Priced, PricedLine
from engine.batch import Batch, Guarded
from engine.errors import Conflict
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import PassReturns, PassUse

if TYPE_CHECKING:
    from workflows.booking_facts import BookedLine, Booking, Enrolled
    from workflows.change_facts import Change
    from workflows.order_facts import Facts, Order, WantedLine
    from workflows.order_holdings import Holdings
    from workflows.order_sets import Carried
    from workflows.pass_facts import Use
    from workflows.reopening_facts import Returning


class PassUsedUp(Conflict):
    """The pass has not so many units left any more."""

    code = "pass_used_up"


_USE = Guarded(
    name="use_pass",
    sql="UPDATE entitlement e SET used = e.used + r.units FROM {rows} WHERE e.organisation_id = {org} AND e.id = r.id "
    "AND e.used + r.units BETWEEN 0 AND coalesce(e.granted, e.used + r.units) RETURNING e.id",
    takes="id uuid, units int",
    is_by_id=True,
)
_RETURN = Guarded(
    name="return_pass_use",
    sql="UPDATE pass_use u SET returned_at = r.at, return_reason = r.reason FROM {rows} "
    "WHERE u.organisation_id = {org} AND u.id = r.id AND u.returned_at IS NULL RETURNING u.id",
    takes="id uuid, at timestamptz, reason text",
    is_by_id=True,
)
_FORFEIT = Guarded(
    name="forfeit_pass_use",
    sql="UPDATE pass_use u SET forfeited_at = r.at FROM {rows} "
    "WHERE u.organisation_id = {org} AND u.id = r.id AND u.returned_at IS NULL RETURNING u.id",
    takes="id uuid, at timestamptz",
    is_by_id=True,
)
_HAND_OVER = Guarded(
    name="hand_over_pass_use",
    sql="UPDATE pass_use u SET order_id = r.order_id FROM {rows} "
    "WHERE u.organisation_id = {org} AND u.id = r.id AND u.returned_at IS NULL RETURNING u.id",
    takes="id uuid, order_id uuid",
    is_by_id=True,
)


def use_passes(order: "Order", *, batch: Batch, facts: "Facts", priced: Priced, now: datetime, **_: Any) -> None:
    """The units are used from submit on, also before the order is paid: the last one is given once. What an edit can
    use only once it has given it back waits for that, and nobody else gets it meanwhile.
    """
    added = {line.session_id for line in facts.lines}
    there = {right.id: right.left - right.freed for right in facts.passes if right.left is not None and right.freed}
    for each in priced.lines:
        step = entitlement_of(each.trace)
        if step is None or each.line.term_product_id not in added:
            continue
        pass_id = UUID(step["pass_id"])
        if (left := there.get(pass_id)) is not None:
            if left < step["units"]:
                continue
            there[pass_id] = left - step["units"]
        _use(batch, order.id, each, now)


def _use(batch: Batch, order_id: UUID, covered: PricedLine, now: datetime) -> None:
    """A line uses its pass from now on."""
    step = entitlement_of(covered.trace)
    assert step is not None, "its pass covers it"
    line, pass_id = covered.line, UUID(step["pass_id"])
    batch.add(PassUse, [{
        "id": new_id(), "entitlement_id": pass_id, "order_id": order_id, "term_product_id": line.term_product_id,
        "component": line.component, "units": step["units"], "created_at": now,
    }])  # fmt: skip
    _change(batch, pass_id, step["units"])


def use_again(
    booking: "Booking", *, batch: Batch, returning: "Returning", now: datetime, **_: Any
) -> None:  # fmt: skip
    """What a day that is opened again had used of passes is used once more, at the price that it had."""
    rows = []
    for line in returning.billing:
        if (step := entitlement_of(line["trace"])) is not None:
            rows.append({
                "id": new_id(), "entitlement_id": UUID(step["pass_id"]), "order_id": booking.order_id,
                "term_product_id": line["term_product_id"], "component": line["component"], "units": step["units"],
                "created_at": now,
            })  # fmt: skip
            _change(batch, UUID(step["pass_id"]), step["units"])
    batch.add(PassUse, rows)


def _change(batch: Batch, pass_id: UUID, units: int) -> None:
    """One statement moves a pass once: what a batch does to it is added up before it is written."""
    if (waiting := batch.waiting(_USE, pass_id)) is not None:
        waiting["units"] += units
        return
    batch.guard(_USE, [{"id": pass_id, "units": units}], otherwise=_used_up)


def _used_up(_: set[str]) -> Conflict:
    return PassUsedUp("The pass was used up meanwhile; look at the price again.")


def give_back(batch: Batch, uses: Iterable["Use"], *, reason: str, now: datetime) -> None:
    """The units can be used again, as long as the pass is valid."""
    for use in uses:
        batch.guard(_RETURN, [{"id": use.id, "at": now, "reason": reason}], otherwise=_moved)
        _change(batch, use.entitlement_id, -use.units)


def _moved(_: set[str]) -> MovedMeanwhile:
    return MovedMeanwhile("A pass was given its unit back meanwhile; look again.")


def return_passes(order: "Order", *, batch: Batch, holdings: "Holdings", now: datetime, **_: Any) -> None:
    """The order ends before it was confirmed: it has used nothing."""
    give_back(batch, holdings.uses, reason=f"{order.reference} ended", now=now)


def return_left_uses(
    booking: "Booking", *, batch: Batch, enrolled: "Enrolled", leaving: list["BookedLine"], now: datetime, **_: Any
) -> None:  # fmt: skip
    """A session that is given up gives its units back by the rule of the pass, or has used them."""
    back, lost = parted(enrolled, leaving, now)
    give_back(batch, back, reason=f"given up with {booking.reference}", now=now)
    if lost:
        batch.guard(_FORFEIT, [{"id": use.id, "at": now} for use in lost], otherwise=_moved)


def return_closed_uses(
    booking: "Booking", *, batch: Batch, enrolled: "Enrolled", leaving: list["BookedLine"], now: datetime, **_: Any
) -> None:  # fmt: skip
    """What does not take place has used nothing, whatever the rule."""
    gone = {line.session_id for line in leaving}
    give_back(batch, [use for use in enrolled.uses if use.session_id in gone], reason="the day was closed", now=now)


def return_carried_uses(
    order: "Order", *, batch: Batch, carried: "Carried", closed: set[str], now: datetime, **_: Any
) -> None:  # fmt: skip
    """The same of an order on its way."""
    give_back(batch, [use for use in carried.uses if str(use.session_id) in closed], reason="the day was closed",
              now=now)  # fmt: skip


def parted(
    enrolled: "Enrolled", leaving: Iterable["BookedLine"], now: datetime
) -> tuple[list["Use"], list["Use"]]:  # fmt: skip
    """Of the units that sessions use which are given up: those that come back, and those that are lost."""
    left = {line.session_id: line for line in leaving}
    given_up = [use for use in enrolled.uses if use.session_id in left]

    def comes_back(use: "Use") -> bool:
        if use.returns is PassReturns.IN_WINDOW:
            return now <= enrolled.cancellable_until(left[use.session_id])
        return use.returns is PassReturns.ALWAYS

    return [u for u in given_up if comes_back(u)], [u for u in given_up if not comes_back(u)]


def uncovered(enrolled: "Enrolled", staying: Iterable["WantedLine"]) -> list["Use"]:
    """Units of lines that stay and are not covered any more: of an extra of which another quantity is taken."""
    was = {(UUID(row["term_product_id"]), row["component"]): row["quantity"] for row in enrolled.billing_lines}
    becomes = {
        (line.session_id, f"EXTRA:{extra.extra_id}"): extra.quantity for line in staying for extra in line.extras
    }
    kept = {line.session_id for line in staying}
    return [use for use in enrolled.uses if use.session_id in kept and use.component != "SESSION"
            and becomes.get((use.session_id, use.component)) != was.get((use.session_id, use.component))]  # fmt: skip


def swap_uses(
    booking: "Booking", *, batch: Batch, change: "Change", holdings: "Holdings", now: datetime, **known: Any
) -> None:  # fmt: skip
    """What the change used is the booking's from now on; what it gives up comes back by rule, and covers what waited
    for it.
    """
    return_left_uses(booking, batch=batch, enrolled=change.enrolled, leaving=change.leaving, now=now)
    gone = uncovered(change.enrolled, change.facts.staying)
    give_back(batch, gone, reason=f"changed with {booking.reference}", now=now)
    if holdings.uses:
        batch.guard(_HAND_OVER, [{"id": use.id, "order_id": booking.order_id} for use in holdings.uses],
                    otherwise=_moved)  # fmt: skip
    added = {line.session_id for line in change.facts.lines}
    used = {(use.session_id, use.component) for use in holdings.uses}
    for each in change.priced.lines:
        key = each.line.term_product_id, each.line.component
        if key[0] in added and key not in used and entitlement_of(each.trace) is not None:
            _use(batch, booking.order_id, each, now)
