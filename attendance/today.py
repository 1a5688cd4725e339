"""The sessions of a day at the sites of who works there, with where each roll stands."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from engine.actor import Actor
from engine.database import Transaction
from engine.errors import NotPermitted
from models import ActorKind


@dataclass(slots=True)
class RollCall:
    """A session of the day: how many are expected, here, gone, and what needs a person."""

    session_id: UUID
    name: str
    title: str
    site_id: UUID
    site: str
    time_zone: str
    local_date: date
    starts_at: datetime
    ends_at: datetime
    closed_at: datetime | None
    capacity: int
    expected: int  # everybody who has not cancelled
    waited_for: int  # nothing marked yet
    present: int
    left: int
    absent: int
    severe: int  # with an alert that is a danger to life
    conflicts: int  # that a person has to decide


_DAY = """
SELECT s.id AS session_id, p.name, s.title, i.id AS site_id, i.name AS site, i.time_zone, s.local_date, s.starts_at,
       s.ends_at, s.roll_closed_at AS closed_at, s.capacity, n.expected, n.waited_for, n.present, n."left", n.absent,
       n.severe,
       (SELECT count(*) FROM roll_conflict c WHERE c.organisation_id = s.organisation_id
        AND c.term_product_id = s.id AND c.resolved_at IS NULL) AS conflicts
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE a.status <> 'CANCELLED') AS expected,
           count(*) FILTER (WHERE a.status = 'EXPECTED') AS waited_for,
           count(*) FILTER (WHERE a.status IN ('PRESENT', 'LATE')) AS present,
           count(*) FILTER (WHERE a.status = 'LEFT') AS "left",
           count(*) FILTER (WHERE a.status IN ('ABSENT', 'ABSENT_NOTIFIED')) AS absent,
           count(*) FILTER (WHERE a.status <> 'CANCELLED' AND (
               t.medical_severity = 'SEVERE' AND t.medical_notes <> ''
               OR coalesce(t.allergy_severity, 'SEVERE') = 'SEVERE' AND t.allergy_notes <> '')) AS severe
    FROM term_attendance a
    JOIN attendee t ON t.organisation_id = a.organisation_id AND t.id = a.attendee_id
    WHERE a.organisation_id = s.organisation_id AND a.term_product_id = s.id
) n
WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION'
  AND s.local_date = coalesce(%(day)s::date, (%(now)s::timestamptz AT TIME ZONE i.time_zone)::date)
  AND s.local_date BETWEEN %(first)s::date AND %(last)s::date
  AND (s.status = 'OPEN' OR n.expected > 0) AND (%(everywhere)s OR g.site_id = ANY(%(sites)s))
  AND (%(site_id)s::uuid IS NULL OR g.site_id = %(site_id)s)
ORDER BY s.starts_at, p.name, s.id LIMIT 500
"""


def roll_calls(
    tx: Transaction, *, actor: Actor, now: datetime, day: date | None = None, site_id: UUID | None = None
) -> list[RollCall]:
    """The sessions of a local day (unless told otherwise, of today at each site), in order of time."""
    if actor.kind not in (ActorKind.ADMIN, ActorKind.STAFF):
        raise NotPermitted("Rolls are for staff and admins.")
    # Today's date is one of three around the world: the bounds let an index serve.
    first, last = (day, day) if day else (date.fromordinal(now.date().toordinal() + n) for n in (-1, 1))
    rows = tx.rows(
        _DAY, now=now, day=day, first=first, last=last, everywhere=actor.is_admin, sites=list(actor.site_ids),
        site_id=site_id,
    )  # fmt: skip
    return [RollCall(**row) for row in rows]
