"""Whom a family books for, in the order and the colour in which every page shows them."""

from uuid import UUID

from api.moves import Principal
from api.reads import people
from engine.database import Row, Transaction
from engine.errors import NotFound


def children_of(tx: Transaction, who: Principal) -> list[Row]:
    """The family's children, oldest record first; each has a `tone`, a `first_name`, and knows its place."""
    page = people.attendees(who).page(tx, cursor=None, limit=40, show=dict).body
    assert page is not None
    found: list[Row] = page["items"]
    return [{**child, "tone": n % 6, "first_name": child["name"].split()[0]} for n, child in enumerate(found)]


def account_of(who: Principal) -> UUID:
    """The account that the family books with; who has several books with the first. Raises NotFound."""
    accounts = sorted(who.actor.account_ids)
    if not accounts:
        raise NotFound("Your login belongs to no family yet; ask the centre to add it.", what="account")
    return accounts[0]


def account_chosen(who: Principal, asked: str) -> UUID:
    """The account that the address names, else the first. Raises NotFound where it is not the family's."""
    if not asked:
        return account_of(who)
    found = next((one for one in who.actor.account_ids if str(one) == asked), None)
    if found is None:
        raise NotFound("There is no such account.", what="account")
    return found


_ACCOUNT_FOR = """
SELECT account_id FROM account_attendee
WHERE organisation_id = %(org)s AND attendee_id = ANY(%(children)s) AND account_id = ANY(%(own)s)
GROUP BY account_id ORDER BY count(*) DESC, account_id LIMIT 1
"""


def account_for(tx: Transaction, who: Principal, children: list[UUID]) -> UUID:
    """The account of the family that may book for these children."""
    row = tx.row(_ACCOUNT_FOR, children=children, own=list(who.actor.account_ids))
    found: UUID = row["account_id"] if row else account_of(who)
    return found
