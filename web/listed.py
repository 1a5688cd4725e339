"""Lists that the office and finance both read, narrowed by what their address asks for."""

from functools import partial
from typing import Any

from api.moves import Principal
from api.reads import passes, subscriptions
from engine.database import Transaction
from models import SubscriptionStatus
from web.asked import page_of, today_of
from web.visitor import SignedIn


def every_pass(visit: SignedIn, tx: Transaction, who: Principal) -> dict[str, Any]:
    """Those of every family, newest first: all, those that still cover something, and those that do not."""
    show, today, found = visit.asked("show"), today_of(visit, who), passes.passes(who)
    passes.narrow(found, is_good={"good": True, "over": False}.get(show), today=today)
    return {"today": today, "chosen": show,
            "page": page_of(visit, tx, found, limit=30, show=partial(passes.show_pass, who))}  # fmt: skip


def every_subscription(visit: SignedIn, tx: Transaction, who: Principal) -> dict[str, Any]:
    """All of them, newest first, or those in one state."""
    status, found = visit.asked("status"), subscriptions.subscriptions(who)
    named = SubscriptionStatus.__members__.get(status)
    found.where("s.status = %(status)s", status=int(named) if named is not None else None)
    return {"chosen": status,
            "page": page_of(visit, tx, found, show=partial(subscriptions.show_subscription, who))}  # fmt: skip
