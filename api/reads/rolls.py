"""Rolls, and what hangs on them, as they are shown."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.paging import Listing
from attendance.headcounts import Count
from attendance.roll import Roll, RollEntry
from engine.database import Row, Transaction
from models import LatePickupStatus


def show_roll(roll: Roll) -> dict[str, Any]:
    """The roll with its counts, its ratio and what a person has to decide."""
    ratio = roll.ratio
    return {
        **{name: getattr(roll, name) for name in (
            "session_id", "site_id", "name", "site", "time_zone", "local_date", "starts_at", "ends_at", "capacity",
            "closed_at", "expected", "present")},
        "entries": [_entry(entry) for entry in roll.entries],
        "ratio": {name: getattr(ratio, name) for name in (
            "children_per_staff", "needed", "needed_for_expected", "needed_on_site", "on_site", "staff", "is_met")},
        "headcount": show_count(roll.headcount) if roll.headcount else None,
        "disagreements": [asdict(conflict) for conflict in roll.disagreements],
        "conflicts": [reason.as_dict() for reason in roll.conflicts],
    }  # fmt: skip


def _entry(entry: RollEntry) -> dict[str, Any]:
    return {
        **asdict(entry), "authorised_pick_ups": entry.authorised_pick_ups, "initials": entry.initials,
        "severity": entry.severity,
    }  # fmt: skip


def show_count(count: Count) -> dict[str, Any]:
    return {**asdict(count), "difference": count.difference, "is_reconciled": count.is_reconciled}


_LATE = """
SELECT {keys}, x.id, x.reference, x.status, x.account_id, a.name AS account, x.attendee_id, t.name AS attendee,
       x.term_product_id AS session_id, p.name AS session, s.local_date, x.minutes_late, x.amount_minor, x.created_at,
       v.id AS invoice_id, CASE WHEN v.id IS NOT NULL
                           THEN concat(v.series, '-', v.year, '-', lpad(v.number::text, 6, '0')) END AS invoice
FROM late_pickup x
JOIN account a ON a.organisation_id = x.organisation_id AND a.id = x.account_id
JOIN attendee t ON t.organisation_id = x.organisation_id AND t.id = x.attendee_id
JOIN term_product s ON s.organisation_id = x.organisation_id AND s.id = x.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
LEFT JOIN invoice_line i ON i.organisation_id = x.organisation_id AND i.late_pickup_id = x.id
LEFT JOIN invoice v ON v.organisation_id = i.organisation_id AND v.id = i.invoice_id
WHERE x.organisation_id = %(org)s{where}
"""


def late_pickups() -> Listing:
    """Newest first."""
    return Listing(_LATE, [("x.created_at", "timestamptz"), ("x.id", "uuid")], is_descending=True)


def show_late(who: Principal, row: Row) -> Row:
    status = LatePickupStatus(row["status"]).name
    return {**row, "status": status, "amount": who.money(row["amount_minor"])}


def one_late(tx: Transaction, who: Principal, late_pickup_id: UUID) -> Answer:
    """Raises NotFound."""
    found = late_pickups()
    found.where("x.id = %(id)s", id=late_pickup_id)
    row = found.one(tx, "late pick-up", show=lambda row: show_late(who, row))
    return Answer(row)


_EVENTS = """
SELECT e.kind, e.at, e.reason, e.facts, u.name AS actor FROM roll_event e
LEFT JOIN "user" u ON u.organisation_id = e.organisation_id AND u.id = e.actor_id
WHERE e.organisation_id = %(org)s AND e.term_product_id = %(session)s ORDER BY e.at DESC, e.id DESC
"""


def events(tx: Transaction, session_id: UUID) -> list[Row]:
    """When a roll was closed and opened again, by whom, why, and what it settled; newest first."""
    return tx.rows(_EVENTS, session=session_id)
