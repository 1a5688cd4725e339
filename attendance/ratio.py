"""How many children there are for each member of staff on site, against what the programs ask."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from catalogue.rules import Rule, answer, read_settings
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound, NotPermitted, Reason
from engine.ids import new_id
from models import ActorKind, StaffPresence


class ElsewhereAlready(Conflict):
    """A member of staff is at one site at a time."""

    code = "elsewhere_already"


@dataclass(slots=True)
class Ratio:
    """Of a site now: children signed in by offering, and the staff who are there. A program asks for one of staff for
    each `children_per_staff`, or for nothing.
    """

    staff: list[str]
    present: dict[UUID, int]
    rules: dict[UUID, int | None]
    children_per_staff: int | None = None  # of the session that is looked at
    needed: int = 0  # by who is here
    needed_for_expected: int = 0
    needed_on_site: int = field(default=0)

    def __post_init__(self) -> None:
        self.needed_on_site = sum(_staff_for(count, self.rules.get(offering))
                                  for offering, count in self.present.items())  # fmt: skip

    def look_at(self, offering_id: UUID, *, present: int, expected: int) -> None:
        self.children_per_staff = self.rules.get(offering_id)
        self.needed = _staff_for(present, self.children_per_staff)
        self.needed_for_expected = _staff_for(expected, self.children_per_staff)

    @property
    def on_site(self) -> int:
        return len(self.staff)

    @property
    def is_met(self) -> bool:
        """Whether as many are there as the children who are there ask for."""
        return self.on_site >= self.needed_on_site


def _staff_for(children: int, per_staff: int | None) -> int:
    return -(-children // per_staff) if per_staff else 0


# Starts from who is here: a site has thousands of sessions, and children in a few of them.
_PRESENT = """
SELECT s.term_program_set_id AS offering_id, count(*) AS present FROM term_attendance a
JOIN term_product s ON s.organisation_id = a.organisation_id AND s.id = a.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
WHERE a.organisation_id = %(org)s AND a.status IN ('PRESENT', 'LATE') AND g.site_id = %(site_id)s
GROUP BY s.term_program_set_id
"""
_CHAINS = """
SELECT p.id, p.program_id, g.category_id FROM term_program_set p
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
WHERE p.organisation_id = %(org)s AND p.id = ANY(%(ids)s)
"""
_STAFF = """
SELECT u.name FROM staff_presence x JOIN "user" u ON u.organisation_id = x.organisation_id AND u.id = x.user_id
WHERE x.organisation_id = %(org)s AND x.site_id = %(site_id)s AND x.left_at IS NULL ORDER BY u.name
"""


def read_ratio(tx: Transaction, site_id: UUID, *, offering_id: UUID | None = None) -> Ratio:
    """The children and the staff who are at a site now, with the rules of what runs and of this offering."""
    present = {row["offering_id"]: row["present"] for row in tx.rows(_PRESENT, site_id=site_id)}
    wanted = [*present, *([offering_id] if offering_id else ())]
    chains = {row["id"]: (row["id"], row["program_id"], row["category_id"], tx.organisation_id)
              for row in tx.rows(_CHAINS, ids=wanted)}  # fmt: skip
    settings = read_settings(tx, {level for chain in chains.values() for level in chain})
    rules = {offering: answer(Rule.CHILDREN_PER_STAFF, settings, chain=chain).value
             for offering, chain in chains.items()}  # fmt: skip
    staff = [row["name"] for row in tx.rows(_STAFF, site_id=site_id)]
    return Ratio(staff, present, rules)


_OPEN = """
SELECT x.id, x.site_id, i.name AS site FROM staff_presence x
JOIN site i ON i.organisation_id = x.organisation_id AND i.id = x.site_id
WHERE x.organisation_id = %(org)s AND x.user_id = %(user_id)s AND x.left_at IS NULL FOR UPDATE OF x
"""


def arrive(tx: Transaction, *, site_id: UUID, user_id: UUID, actor: Actor, now: datetime) -> Row:
    """A member of staff is at the site from now on; said twice it is said once. Raises NotFound, ElsewhereAlready."""
    require_site(tx, site_id, actor)
    there = tx.row(_OPEN, user_id=user_id)
    if there is not None and there["site_id"] == site_id:
        return {"id": there["id"], "site_id": site_id, "user_id": user_id}
    message = "You are on site elsewhere: leave there first."
    elsewhere = ElsewhereAlready(message, reasons=[Reason("elsewhere_already", message, field="site_id")])
    if there is not None:
        raise elsewhere
    made: Row = {"id": new_id(), "site_id": site_id, "user_id": user_id}
    tx.batch.add(StaffPresence, [{**made, "arrived_at": now, "left_at": None}])
    tx.batch.on_violation("uq_staff_presence_at_one_site", elsewhere)
    return made


def leave(tx: Transaction, *, site_id: UUID, user_id: UUID, actor: Actor, now: datetime) -> None:
    """The member of staff has left the site. Raises NotFound."""
    require_site(tx, site_id, actor)
    if not tx.run("UPDATE staff_presence SET left_at = %(now)s WHERE organisation_id = %(org)s AND site_id = "
                  "%(site_id)s AND user_id = %(user_id)s AND left_at IS NULL",
                  now=now, site_id=site_id, user_id=user_id):  # fmt: skip
        raise NotFound("You are not on site.", what="presence")


def require_site(tx: Transaction, site_id: UUID, actor: Actor) -> None:
    """Raises NotFound where it is none of the actor's."""
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("This is for staff and admins.")
    if actor.kind is ActorKind.STAFF and site_id not in actor.site_ids:
        raise NotFound("There is no such site.", what="site")
    if tx.row("SELECT 1 FROM site WHERE organisation_id = %(org)s AND id = %(id)s", id=site_id) is None:
        raise NotFound("There is no such site.", what="site")
