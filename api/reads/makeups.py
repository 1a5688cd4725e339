"""Makeup credits as they are shown."""

from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from models import MakeupStatus

_LIST = """
SELECT {keys}, m.id, m.reference, m.status, m.account_id, m.attendee_id, t.name AS attendee, m.program_id,
       p.name AS program, p.category_id, m.reach, m.term_id,
       a.local_date AS absent_on, m.expires_at, m.order_id, m.session_id, m.created_at
FROM makeup_credit m
JOIN attendee t ON t.organisation_id = m.organisation_id AND t.id = m.attendee_id
JOIN program p ON p.organisation_id = m.organisation_id AND p.id = m.program_id
JOIN term_attendance a ON a.organisation_id = m.organisation_id AND a.id = m.attendance_id
WHERE m.organisation_id = %(org)s{where}
"""


def listing(principal: Principal) -> Listing:
    """Credits that the caller may see, newest first."""
    found = Listing(_LIST, [("m.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "m.account_id")
    return found


def show(row: Row, now: object) -> Row:
    """One that has run out is void when it is read, whatever the worker does."""
    status = MakeupStatus(row["status"])
    if status is MakeupStatus.AVAILABLE and row["expires_at"] <= now:
        status = MakeupStatus.EXPIRED
    return {**row, "status": status.name}


def one(tx: Transaction, principal: Principal, credit_id: UUID, now: object) -> Answer:
    """One credit. Raises NotFound."""
    found = listing(principal)
    found.where("m.id = %(credit)s", credit=credit_id)
    page = found.page(tx, cursor=None, limit=1, show=lambda row: show(row, now))
    assert page.body is not None
    if not page.body["items"]:
        raise NotFound("There is no such makeup credit.", what="makeup credit")
    return Answer(page.body["items"][0])
