"""What families are told of their passes, and the reminders that a worker announces."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.database import Database, Row, Transaction
from engine.fire import announce
from invoicing.issue import number_text
from notifications.messages import (
    Message,
    Organisation,
    PassBought,
    PassEnding,
    PassRevoked,
    PassUsedUp,
    Recipient,
)

_READ = """
SELECT e.id, e.reference, e.series, e.year, e.number, e.name, e.valid_from, e.valid_until, e.granted, e.used,
       e.granted - e.used AS left, e.total_minor, e.tax_minor, e.revoked_on, e.revoke_reason,
       e.revoked_net_minor + e.revoked_tax_minor AS returned_minor, e.revoked_tax_minor,
       coalesce(w.bonus_minor, 0) AS bonus_minor,
       a.name AS account, a.email, a.id AS account_id, a.language, g.name AS organisation, g.currency, g.locale,
       g.time_zone, g.letterhead
FROM entitlement e
JOIN account a ON a.organisation_id = e.organisation_id AND a.id = e.account_id
JOIN organisation g ON g.id = e.organisation_id
LEFT JOIN wallet_entry w ON w.organisation_id = e.organisation_id AND w.id = e.revoke_entry_id
WHERE e.organisation_id = %(org)s AND e.id = %(id)s
"""


def bought(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """From the wallet, at a provider or at the desk."""
    row = _read(tx, payload)
    return None if row is None else PassBought(
        **_common(row, base_url), pass_number=_number(row), currency=row["currency"], total_minor=row["total_minor"],
        tax_minor=row["tax_minor"], units=row["granted"], first_day=row["valid_from"], last_day=row["valid_until"],
    )  # fmt: skip


def used_up(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Nothing is told of one to which a unit has come back, or which was taken back, by now."""
    row = _read(tx, payload)
    if row is None or row["left"] != 0 or row["revoked_on"] is not None:
        return None
    return PassUsedUp(**_common(row, base_url), last_day=row["valid_until"])


def ending(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """Nothing is told of one that has nothing left by now."""
    row = _read(tx, payload)
    if row is None or row["left"] == 0 or row["revoked_on"] is not None:
        return None
    return PassEnding(**_common(row, base_url), last_day=row["valid_until"], units=row["left"])


def revoked(tx: Transaction, payload: Mapping[str, Any], base_url: str) -> Message | None:
    """What was taken back, why, and what went back."""
    row = _read(tx, payload)
    return None if row is None else PassRevoked(
        **_common(row, base_url), pass_number=_number(row), currency=row["currency"],
        returned_minor=row["returned_minor"], bonus_minor=row["bonus_minor"], tax_minor=row["revoked_tax_minor"],
        units_used=row["used"], revoked_on=row["revoked_on"], why=row["revoke_reason"],
    )  # fmt: skip


def _read(tx: Transaction, payload: Mapping[str, Any]) -> Row | None:
    """The pass with its family; None for one that has no address."""
    row = tx.row(_READ, id=UUID(str(payload["entitlement_id"])))
    assert row is not None, "a pass is never deleted"
    return row if row["email"] else None


def _number(row: Row) -> str:
    return number_text(row["series"], row["year"], row["number"])


def _common(row: Row, base_url: str) -> dict[str, Any]:
    return {
        "organisation": Organisation.of(row),
        "recipient": Recipient.of(row),
        "link": f"{base_url}/passes/{row['id']}", "pass_name": row["name"], "pass_reference": row["reference"],
    }  # fmt: skip


# So many days before its end a family is reminded of a pass that is good for longer.
_REMIND_DAYS = 14
# Once of each; of one that is used up as soon as all that uses it is booked: what is not confirmed may give its unit
# back.
_USED_UP = """
UPDATE entitlement e SET used_up_told_at = %(now)s FROM (
    SELECT e.id FROM entitlement e JOIN organisation g ON g.id = e.organisation_id
    WHERE e.organisation_id = %(org)s AND e.used = e.granted AND e.used_up_told_at IS NULL AND e.revoked_at IS NULL
      AND e.valid_until >= (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AND NOT EXISTS (
          SELECT FROM pass_use u
          JOIN term_booking_order o ON o.organisation_id = u.organisation_id AND o.id = u.order_id
          WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id AND u.returned_at IS NULL
            AND o.status < 500)
    ORDER BY e.id LIMIT %(limit)s FOR NO KEY UPDATE OF e SKIP LOCKED) due
WHERE e.organisation_id = %(org)s AND e.id = due.id RETURNING e.id, e.reference, e.account_id
"""
_ENDING = """
UPDATE entitlement e SET ending_told_at = %(now)s FROM (
    SELECT e.id FROM entitlement e JOIN organisation g ON g.id = e.organisation_id
    CROSS JOIN LATERAL (SELECT (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today) d
    WHERE e.organisation_id = %(org)s AND e.ending_told_at IS NULL AND e.revoked_at IS NULL
      AND e.valid_until BETWEEN d.today AND d.today + %(days)s AND e.valid_until - e.valid_from > %(days)s
      AND (e.granted IS NULL OR e.used < e.granted)
    ORDER BY e.valid_until, e.id LIMIT %(limit)s FOR NO KEY UPDATE OF e SKIP LOCKED) due
WHERE e.organisation_id = %(org)s AND e.id = due.id RETURNING e.id, e.reference, e.account_id
"""


def remind_of_passes(database: Database, *, now: datetime, batch: int = 500) -> int:
    """Tell families of up to `batch` passes of each organisation that are used up, and of as many that are about to run
    out.
    """

    def remind(tx: Transaction) -> int:
        count = 0
        for topic, sql in (("pass.used_up", _USED_UP), ("pass.ending", _ENDING)):
            for row in tx.rows(sql, now=now, days=_REMIND_DAYS, limit=batch):
                announce(tx.batch, topic, now=now, account_id=row["account_id"], entitlement_id=row["id"],
                         reference=row["reference"])  # fmt: skip
                count += 1
        return count

    return sum(database.run(organisation_id, remind) for organisation_id in database.organisations())
