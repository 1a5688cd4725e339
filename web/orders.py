"""An order as it is said to who made it: its programs, whether its hold is over, and where the whole of it stands."""

import re
from collections.abc import Collection

from engine.database import Row
from web.visitor import Visitor
from workflows.order_guards import QUOTE_EXPIRED, TIMEOUT
from workflows.wallet_debits import WALLET

_WAITS = ("SUBMITTED", "ACCEPT", "QUOTE")
_PAID = ("PAY_NOW_PAY_ALL", "PAY_NOW_PAY_DEPOSIT")
# The provider's page leads back before the provider has told us: how often the page looks again by itself.
BACK = "back=1"
_MOST_LOOKS = 8


def card(visit: Visitor, order: Row) -> Row:
    """An order as it is said to the family."""
    return {**order, "is_over": _is_over(visit, order), "programs": programs_of(order)}


def programs_of(order: Row) -> list[Row]:
    """Its sessions by program: how many, from when to when, and each with its `when`."""
    found: dict[str, Row] = {}
    for line in order["lines"]:
        name, _, when = line["name"].rpartition(", ")
        each = found.setdefault(name, {"name": name, "count": 0, "first": when, "last": when, "lines": []})
        each["count"] += 1
        each["last"] = when
        each["lines"].append({**line, "when": when})
    return list(found.values())


def _is_over(visit: Visitor, order: Row) -> bool:
    """An overdue hold is void when it is read, whatever the worker does; what it did says the same."""
    if order["status"] == "CANCELED":
        return order["cancel_reason"] in (TIMEOUT, QUOTE_EXPIRED)
    return order["status"] in _WAITS and order["expires_at"] is not None and order["expires_at"] <= visit.now


def standing_of(visit: Visitor, orders_: list[Row]) -> Row:
    """Where the whole stands, in one word, until when it is held, and what became of the payment."""
    live = [order for order in orders_ if order["status"] not in ("REMOVED", "CANCELED")]
    waiting = [order for order in live if order["status"] in ("SUBMITTED", "ACCEPT")]
    to_pay = [order for order in waiting if order["confirmation_type"] in _PAID]
    # What came from the wallet is a part: the rest waits for the family, not for a provider.
    paid = [[one["status"] for one in order["payments"] if one["provider"] != WALLET] for order in to_pay or live]
    moving = bool(to_pay) and any(status in ("PROCESSING", "SUCCESS") for each in paid for status in each)
    news = payment_news(visit, {each[-1] for each in paid if each}, is_told=bool(to_pay))
    until = min((order["expires_at"] for order in to_pay if order["expires_at"]), default=None)
    if not live:
        word = "expired" if any(_is_over(visit, order) for order in orders_) else "ended"
    elif not waiting:
        word = "booked" if all(order["status"] == "APPROVED" for order in live) else "open"
    elif not to_pay:
        word = "waits_for_centre"
    elif moving or news["look"]:
        word = "paying"
    elif until is not None and until <= visit.now:
        word = "expired"
    else:
        word = "to_pay"
    return {"word": word, "until": until, **news}


def payment_news(visit: Visitor, newest: Collection[str], *, is_told: bool = False) -> Row:
    """What the newest payments say to who comes back from the provider's page: `look` is the number of the page's next
    look, while the provider has not told. That one was declined `is_told` also to who comes another way.
    """
    found = re.fullmatch("[0-9]{1,2}", visit.asked("back"))
    looks = int(found[0]) if found else 0
    is_open = "PENDING" in newest
    return {
        "look": looks + 1 if is_open and 1 <= looks <= _MOST_LOOKS else None,
        "is_unheard": is_open and looks > _MOST_LOOKS,
        "is_declined": not is_open and "FAILED" in newest and (is_told or looks > 0),
    }
