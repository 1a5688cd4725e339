"""Subscriptions that do not go on into the next term by themselves: put before an admin, with every reason."""

from collections.abc import Sequence
from datetime import date, datetime
from functools import partial
from uuid import UUID

import orjson

from engine.actor import SYSTEM
from engine.database import Database, Transaction
from engine.errors import Reason
from engine.fire import announce
from engine.ids import new_id
from models import SubscriptionReview
from workflows.subscription_facts import Subscribed, lock_subscription, read_offering


def put_before_admin(
    tx: Transaction, subscription: Subscribed, *, offering_id: UUID, term_id: UUID, reasons: Sequence[Reason],
    now: datetime,
) -> None:  # fmt: skip
    """One that could not go on, with every reason, and the news of it; once. The subscription is locked."""
    if tx.row(_IS_KNOWN, id=subscription.id, offering_id=offering_id, term_id=term_id):
        return
    said = [{"code": reason.code, "message": reason.message, "session": reason.session} for reason in reasons]
    tx.batch.add(
        SubscriptionReview,
        [{"id": new_id(), "subscription_id": subscription.id, "offering_id": offering_id, "term_id": term_id,
          "created_at": now, "reasons": orjson.loads(orjson.dumps(said)), "resolution": ""}],
    )  # fmt: skip
    announce(tx.batch, "subscription.not_rolled", now=now, subject_id=subscription.id, offering_id=offering_id,
             term_id=term_id, reference=subscription.reference)  # fmt: skip


_IS_KNOWN = """
SELECT 1 FROM subscription_review
WHERE organisation_id = %(org)s AND subscription_id = %(id)s AND offering_id = %(offering_id)s
  AND term_id = %(term_id)s
"""

_RESOLVE = """
UPDATE subscription_review SET resolved_at = %(now)s, resolution = %(resolution)s
WHERE organisation_id = %(org)s AND subscription_id = %(id)s AND resolved_at IS NULL
"""


def resolve(tx: Transaction, subscription_id: UUID, *, now: datetime, resolution: str) -> None:
    """Nothing of it is open any more."""
    tx.run(_RESOLVE, id=subscription_id, now=now, resolution=resolution)


_RESOLVE_LATER = """
UPDATE subscription_review r SET resolved_at = %(now)s, resolution = %(resolution)s
FROM term t
WHERE r.organisation_id = %(org)s AND r.subscription_id = %(id)s AND r.resolved_at IS NULL
  AND t.organisation_id = r.organisation_id AND t.id = r.term_id AND t.starts_on > %(last_day)s
"""


def resolve_after(tx: Transaction, subscription: Subscribed, *, last_day: date, now: datetime) -> None:
    """A term that begins after its last day is not to be reached any more."""
    tx.run(_RESOLVE_LATER, id=subscription.id, last_day=last_day, now=now, resolution=f"ends on {last_day}")


# The first term after its own that takes bookings where its program is, and nothing in any later one continues its
# offering. A continuation that is not published yet may still be; a cancelled one is none.
_UNREACHED = """
SELECT s.id, x.id AS term_id, x.name AS term FROM subscription s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.offering_id
JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id
JOIN program g ON g.organisation_id = s.organisation_id AND g.id = s.program_id
JOIN LATERAL (
    SELECT t.id, t.name, t.starts_on FROM term t
    WHERE t.organisation_id = s.organisation_id AND t.status IN ('OPEN', 'RUNNING') AND t.starts_on > m.ends_on
      AND (t.site_id IS NULL OR t.site_id = g.site_id)
    ORDER BY t.starts_on, t.id LIMIT 1
) x ON true
WHERE s.organisation_id = %(org)s AND s.status IN (20, 30) AND (s.ends_on IS NULL OR s.ends_on >= x.starts_on)
  AND (%(id)s::uuid IS NULL OR s.id = %(id)s)
  AND NOT EXISTS (SELECT FROM term_program_set n WHERE n.organisation_id = s.organisation_id
                  AND n.rolled_from_id = s.offering_id AND n.status <> 'CANCELLED')
  AND NOT EXISTS (SELECT FROM subscription_review r WHERE r.organisation_id = s.organisation_id
                  AND r.subscription_id = s.id AND r.offering_id = s.offering_id AND r.term_id = x.id)
ORDER BY s.created_at, s.id LIMIT %(limit)s
"""


def review_unreached(database: Database, organisation_id: UUID, *, now: datetime, batch: int) -> None:
    """Put before an admin up to `batch` subscriptions whose offering nothing continues in the next term."""
    with database.transaction(organisation_id) as tx:
        found = tx.rows(_UNREACHED, id=None, limit=batch)
    for row in found:
        database.run(organisation_id, partial(_review_unreached, subscription_id=row["id"], now=now))


def _review_unreached(tx: Transaction, *, subscription_id: UUID, now: datetime) -> None:
    subscription = lock_subscription(tx, subscription_id, actor=SYSTEM)
    found = tx.row(_UNREACHED, id=subscription_id, limit=1)
    if found is None:
        return  # another worker was faster, or it goes on meanwhile
    offering = read_offering(tx, subscription.offering_id)
    message = f"{offering['name']} of {offering['term']} is not continued in {found['term']}."
    put_before_admin(tx, subscription, offering_id=subscription.offering_id, term_id=found["term_id"],
                     reasons=[Reason("no_continuation", message, rule="roll_over")], now=now)  # fmt: skip
