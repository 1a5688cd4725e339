"""What was agreed for an order at its last submit, as its verbs and its readers see it."""

from datetime import date

from billing.schedules import Part, Schedule
from engine.database import Row
from models import InstalmentKind

# The newest schedule of an order, as JSON; `{order_id}` is where its id stands.
SCHEDULE_OF = """(SELECT json_build_object('id', s.id, 'agreed_at', s.agreed_at, 'parts', (
        SELECT json_agg(json_build_object('id', i.id, 'kind', i.kind, 'due_on', i.due_on,
                        'amount_minor', i.amount_minor) ORDER BY i.position)
        FROM instalment i WHERE i.organisation_id = s.organisation_id AND i.schedule_id = s.id))
     FROM payment_schedule s WHERE s.organisation_id = %(org)s AND s.order_id = {order_id}
     ORDER BY s.agreed_at DESC, s.id DESC LIMIT 1)"""


def schedule_of(row: Row | None) -> Schedule | None:
    """The schedule as `SCHEDULE_OF` reads it."""
    if row is None:
        return None
    return Schedule(tuple(
        Part(InstalmentKind(p["kind"]), date.fromisoformat(p["due_on"]), p["amount_minor"]) for p in row["parts"]
    ))  # fmt: skip
