"""An order as it is said to who made it: its programs, whether its hold is over, and where the whole of it stands."""

from engine.database import Row
from web.visitor import Visitor
from workflows.wallet_debits import WALLET

_WAITS = ("SUBMITTED", "ACCEPT", "QUOTE")
_PAID = ("PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT")


def card(visit: Visitor, order: Row) -> Row:
    """An order as it is said to the family."""
    return {**order, "is_over": _is_over(visit, order), "programs": programs_of(order)}


def programs_of(order: Row) -> list[Row]:
    """Its sessions by program: how many, from when to when."""
    found: dict[str, Row] = {}
    for line in order["lines"]:
        name, _, when = line["name"].rpartition(", ")
        each = found.setdefault(name, {"name": name, "count": 0, "first": when, "last": when})
        each["count"] += 1
        each["last"] = when
    return list(found.values())


def _is_over(visit: Visitor, order: Row) -> bool:
    """An overdue hold is void when it is read, whatever the worker does."""
    return order["status"] in _WAITS and order["expires_at"] is not None and order["expires_at"] <= visit.now


def standing_of(visit: Visitor, orders_: list[Row]) -> Row:
    """Where the whole stands, in one word, and until when it is held."""
    live = [order for order in orders_ if order["status"] not in ("REMOVED", "CANCELED")]
    waiting = [order for order in live if order["status"] in ("SUBMITTED", "ACCEPT")]
    to_pay = [order for order in waiting if order["confirmation_type"] in _PAID]
    # What came from the wallet is a part: the rest waits for the family, not for a provider.
    moving = any(payment["status"] in ("PROCESSING", "SUCCESS") and payment["provider"] != WALLET
                 for order in to_pay for payment in order["payments"])  # fmt: skip
    until = min((order["expires_at"] for order in to_pay if order["expires_at"]), default=None)
    if not live:
        word = "ended"
    elif not waiting:
        word = "booked" if all(order["status"] == "APPROVED" for order in live) else "open"
    elif not to_pay:
        word = "waits_for_centre"
    elif moving:
        word = "paying"
    elif until is not None and until <= visit.now:
        word = "expired"
    else:
        word = "to_pay"
    return {"word": word, "until": until}
