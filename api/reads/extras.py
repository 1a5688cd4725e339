"""What is sold beside a session."""

from collections.abc import Collection
from uuid import UUID

from api.moves import Answer, Principal
from engine.database import Row, Transaction
from engine.errors import NotFound

_SESSION = """
SELECT s.id, p.program_id, p.status FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE s.organisation_id = %(org)s AND s.id = %(session_id)s AND s.product_type = 'SESSION'
"""
_EXTRAS = """
SELECT x.id AS extra_id, x.name, x.price_minor, x.stock, x.stock - coalesce(k.taken, 0) AS left
FROM extra x
LEFT JOIN extra_stock k ON k.organisation_id = x.organisation_id AND k.extra_id = x.id
     AND k.term_product_id = %(session_id)s
WHERE x.organisation_id = %(org)s AND x.is_active AND coalesce(x.program_id = %(program_id)s, true)
ORDER BY x.name, x.id
"""


_OF_SESSIONS = """
SELECT s.id AS session_id, x.id AS extra_id, x.name, x.price_minor, x.stock - coalesce(k.taken, 0) AS left
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN extra x ON x.organisation_id = s.organisation_id AND x.is_active
     AND (x.program_id IS NULL OR x.program_id = p.program_id)
LEFT JOIN extra_stock k ON k.organisation_id = x.organisation_id AND k.extra_id = x.id AND k.term_product_id = s.id
WHERE s.organisation_id = %(org)s AND s.id = ANY(%(sessions)s)
ORDER BY x.name, x.id
"""


def extras_of_sessions(tx: Transaction, session_ids: Collection[UUID]) -> dict[UUID, list[Row]]:
    """What is sold beside each of these sessions; `left` is None where there is no stock."""
    found: dict[UUID, list[Row]] = {}
    for row in tx.rows(_OF_SESSIONS, sessions=list(session_ids)):
        found.setdefault(row["session_id"], []).append(row)
    return found


def session_extras(tx: Transaction, principal: Principal, session_id: UUID) -> Answer:
    """Families see those of published offerings. Raises NotFound."""
    session = tx.row(_SESSION, session_id=session_id)
    if session is None or (principal.actor.is_family and session["status"] != "PUBLISHED"):
        raise NotFound("There is no such session.", what="session")
    rows = tx.rows(_EXTRAS, session_id=session_id, program_id=session["program_id"])
    return Answer({"items": [{**row, "price": principal.money(row["price_minor"])} for row in rows]})
