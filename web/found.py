"""The one search of the office and of finance: what was found, each with the page that its reader may open."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from api.moves import Principal
from api.reads import desk
from api.reads.references import BELONGS_TO
from engine.database import Row, Transaction
from web.visitor import SignedIn


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of one door: `own` by what was found, `of` by whose it is; each takes an id. What has neither is
    shown without a link.
    """

    search: str
    own: Mapping[str, str]
    of: Mapping[str, str]
    programme: str = ""  # where programs, terms, sites and offerings have their pages

    def page_of(self, row: Row) -> str | None:
        """The page that says most of what has this reference."""
        own = self.own.get(row["what"])
        if own is not None:
            return own.format(row["id"])
        near = next((each for each in BELONGS_TO if row[each] is not None and each in self.of), None)
        return None if near is None else self.of[near].format(row[near])


def show(visit: SignedIn, template: str, pages_of: Callable[[Principal], Pages]) -> Response:
    """What the words of the address's `q` find."""
    asked = visit.asked("q")[:200]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        pages = pages_of(who)
        found = desk.search(tx, asked, with_programme=bool(pages.programme))
        found["references"] = [{**row, "page": pages.page_of(row)} for row in found["references"]]
        return {"asked": asked, "found": found, "is_any": any(found.values()), "pages": pages}

    return visit.show(template, query)
