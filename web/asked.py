"""What the address of a page asks for; what makes no sense there counts as not asked."""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from api.moves import Principal
from api.reads.paging import Listing
from engine.database import Transaction
from engine.errors import Invalid
from models import DebitScheme
from web.forms import day_in
from web.visitor import SignedIn, Visitor


def id_of(visit: Visitor, name: str) -> UUID | None:
    try:
        return UUID(visit.asked(name))
    except ValueError:
        return None


def day_of(visit: SignedIn, name: str) -> date | None:
    return day_in(visit.asked(name))


def programs_of(visit: Visitor) -> dict[str, Any]:
    """The programs that are looked for, as `programmes.narrow` takes them; one that is no filter of ours is none."""
    weekday, years = visit.asked("day"), visit.asked("age")
    return {
        "weekday": int(weekday) if weekday in tuple("0123456") else None,
        "years": int(years) if re.fullmatch("[0-9]{1,2}", years) else None,
        "site_id": id_of(visit, "site"), "term_id": id_of(visit, "term"), "text": visit.asked("q")[:200],
        "category": visit.asked("kind")[:200], "only_free": visit.asked("free") == "yes",
    }  # fmt: skip


def is_narrowed(wanted: Mapping[str, Any]) -> bool:
    return any(value not in (None, "", False) for value in wanted.values())


def scheme_of(asked: str, who: Principal) -> DebitScheme:
    """The scheme of direct debits that is asked for, else the one in which the centre's money is collected."""
    if asked in set(DebitScheme):
        return DebitScheme(asked)
    return DebitScheme.ABA if who.organisation["currency"] == "AUD" else DebitScheme.SEPA


def today_of(visit: SignedIn, who: Principal) -> date:
    """The day that it is where the organisation is."""
    return who.today(visit.now)


def page_of(visit: Visitor, tx: Transaction, listing: Listing, *, limit: int = 50, show: object = dict,
            **parameters: object) -> dict[str, object]:  # fmt: skip
    """One page of a list, further down by the address's cursor; one that is of another list begins it again."""
    cursor = visit.asked("cursor") or None
    try:
        found = listing.page(tx, cursor=cursor, limit=limit, show=show, **parameters).body  # type: ignore[arg-type]
    except Invalid:
        found = listing.page(tx, cursor=None, limit=limit, show=show, **parameters).body  # type: ignore[arg-type]
    assert found is not None
    return found
