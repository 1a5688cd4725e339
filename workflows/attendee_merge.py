"""Bringing two records of one child together: what the second has becomes the first's (DOMAIN §2, for admins)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import SQLModel

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.fire import Refused
from engine.ids import new_id
from models import AttendeeMerge

_LOCK = """
SELECT id, name, claim_key FROM attendee
WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id FOR UPDATE
"""

_CLASHES = """
SELECT k.term_product_id AS session_id, ko.reference, mo.reference AS other, p.name, s.local_date
FROM place_claim k
JOIN place_claim m ON m.organisation_id = k.organisation_id AND m.attendee_id = %(merge_id)s
     AND (m.term_product_id = k.term_product_id OR (k.blocks_time AND m.blocks_time AND k.during && m.during))
JOIN term_booking_order ko ON ko.organisation_id = k.organisation_id AND ko.id = k.order_id
JOIN term_booking_order mo ON mo.organisation_id = m.organisation_id AND mo.id = m.order_id
JOIN term_product s ON s.organisation_id = k.organisation_id AND s.id = k.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE k.organisation_id = %(org)s AND k.attendee_id = %(keep_id)s
UNION ALL
SELECT k.term_product_id, k.reference, m.reference, p.name, s.local_date
FROM waiting_entry k
JOIN waiting_entry m ON m.organisation_id = k.organisation_id AND m.attendee_id = %(merge_id)s
     AND m.term_product_id = k.term_product_id AND m.status IN (10, 20, 30)
JOIN term_product s ON s.organisation_id = k.organisation_id AND s.id = k.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE k.organisation_id = %(org)s AND k.attendee_id = %(keep_id)s AND k.status IN (10, 20, 30)
ORDER BY local_date, session_id
"""

# Nobody's allergy, pick-up or "must not collect" is lost by a merge; what nobody has graded stays so.
_NOTES = """
UPDATE attendee k SET
    medical_notes = CASE WHEN position(m.medical_notes IN k.medical_notes) > 0 THEN k.medical_notes
                         ELSE concat_ws('; ', nullif(k.medical_notes, ''), m.medical_notes) END,
    allergy_notes = CASE WHEN position(m.allergy_notes IN k.allergy_notes) > 0 THEN k.allergy_notes
                         ELSE concat_ws('; ', nullif(k.allergy_notes, ''), m.allergy_notes) END,
    school_year = coalesce(k.school_year, m.school_year), height_cm = coalesce(k.height_cm, m.height_cm),
    weight_kg = coalesce(k.weight_kg, m.weight_kg),
    medical_severity = CASE
        WHEN 'SEVERE' IN (k.medical_severity, m.medical_severity) THEN 'SEVERE'
        WHEN k.medical_severity IS NULL AND k.medical_notes <> '' THEN NULL
        WHEN m.medical_severity IS NULL AND m.medical_notes <> '' THEN NULL
        WHEN 'IMPORTANT' IN (k.medical_severity, m.medical_severity) THEN 'IMPORTANT'
        ELSE coalesce(k.medical_severity, m.medical_severity) END,
    allergy_severity = CASE
        WHEN 'SEVERE' IN (k.allergy_severity, m.allergy_severity) THEN 'SEVERE'
        WHEN k.allergy_severity IS NULL AND k.allergy_notes <> '' THEN NULL
        WHEN m.allergy_severity IS NULL AND m.allergy_notes <> '' THEN NULL
        WHEN 'IMPORTANT' IN (k.allergy_severity, m.allergy_severity) THEN 'IMPORTANT'
        ELSE coalesce(k.allergy_severity, m.allergy_severity) END,
    authorised_pick_ups = (SELECT coalesce(jsonb_agg(DISTINCT e), '[]') FROM jsonb_array_elements(
        k.authorised_pick_ups || m.authorised_pick_ups) e),
    must_not_collect = (SELECT coalesce(jsonb_agg(DISTINCT e), '[]') FROM jsonb_array_elements(
        k.must_not_collect || m.must_not_collect) e)
FROM attendee m
WHERE k.organisation_id = %(org)s AND k.id = %(keep_id)s AND m.organisation_id = %(org)s AND m.id = %(merge_id)s
"""

# Somebody whom both records name is one person; the record that is kept knows best.
_SAME_PEOPLE = """
UPDATE authorised_person m SET removed_at = %(now)s, pin_hash = NULL
FROM authorised_person k
WHERE k.organisation_id = %(org)s AND k.attendee_id = %(keep_id)s AND k.removed_at IS NULL
  AND m.organisation_id = %(org)s AND m.attendee_id = %(merge_id)s AND m.removed_at IS NULL
  AND m.name_key = k.name_key
"""

# Answers are never changed: those of the second record are said of the first as well, at the time when they were given.
_CONSENTS = """
INSERT INTO consent (organisation_id, id, attendee_id, text_id, answer, actor_kind, actor_id, at)
SELECT organisation_id, gen_random_uuid(), %(keep_id)s, text_id, answer, actor_kind, actor_id, at FROM consent
WHERE organisation_id = %(org)s AND attendee_id = %(merge_id)s
"""

# Of two photos the one of the record that is kept stays.
_PHOTOS = """
DELETE FROM attendee_photo m WHERE m.organisation_id = %(org)s AND m.attendee_id = %(merge_id)s
  AND EXISTS (SELECT FROM attendee_photo k WHERE k.organisation_id = %(org)s AND k.attendee_id = %(keep_id)s)
"""

_ACCOUNTS = """
WITH moved AS (
    DELETE FROM account_attendee WHERE organisation_id = %(org)s AND attendee_id = %(merge_id)s
    RETURNING id, account_id
)
INSERT INTO account_attendee (organisation_id, id, account_id, attendee_id)
SELECT %(org)s, id, account_id, %(keep_id)s FROM moved
ON CONFLICT (organisation_id, account_id, attendee_id) DO NOTHING
"""


def merge_attendees(
    tx: Transaction, *, keep_id: UUID, merge_id: UUID, reason: str, actor: Actor, now: datetime
) -> dict[str, int]:
    """Everything of the second attendee that can still change becomes the first's; issued documents stay as they are.

    Returns how many orders, bookings and accounts moved. Raises Invalid (the same record twice), NotFound, Refused
    (both are held at the same time: cancel one first).
    """
    if keep_id == merge_id:
        message = "An attendee is not merged with itself."
        raise Invalid(message, reasons=[Reason("twice", message, field="merge_id")])
    found = {row["id"]: row for row in tx.rows(_LOCK, ids=[keep_id, merge_id])}
    if len(found) < 2:
        raise NotFound("There is no such attendee.", what="attendee")
    _refuse_clashes(tx, found[keep_id], found[merge_id])
    tx.run(_NOTES, keep_id=keep_id, merge_id=merge_id)
    tx.run(_SAME_PEOPLE, keep_id=keep_id, merge_id=merge_id, now=now)
    tx.run(_CONSENTS, keep_id=keep_id, merge_id=merge_id)
    tx.run(_PHOTOS, keep_id=keep_id, merge_id=merge_id)
    moved = {"accounts": tx.run(_ACCOUNTS, keep_id=keep_id, merge_id=merge_id)}
    for table, columns in _REFERRING.items():
        assignments = ", ".join(f'"{column}" = %({value})s' for column, value in columns.items())
        count = tx.run(f'UPDATE "{table}" SET {assignments} WHERE organisation_id = %(org)s AND '
                       "attendee_id = %(merge_id)s", keep_id=keep_id, keep_key=found[keep_id]["claim_key"],
                       merge_id=merge_id)  # fmt: skip
        moved[table] = count
    tx.batch.add(
        AttendeeMerge,
        [{"id": new_id(), "keep_id": keep_id, "merged_id": merge_id, "reason": reason, "actor_id": actor.user_id,
          "moved": moved, "at": now}],
    )  # fmt: skip
    return {"orders": moved["term_booking_order"], "bookings": moved["term_booking"], "accounts": moved["accounts"]}


def _refuse_clashes(tx: Transaction, keep: Row, merge: Row) -> None:
    clashes = tx.rows(_CLASHES, keep_id=keep["id"], merge_id=merge["id"])
    reasons = [
        Reason("double_booked", f"{keep['name']} would be in two places at once: {clash['name']} "
               f"({clash['reference']}) and {clash['other']}.", field="merge_id", rule="double_booking",
               facts={"session_id": str(clash["session_id"]), "other": clash["other"]})
        for clash in clashes
    ]  # fmt: skip
    if reasons:
        raise Refused(f"The two cannot be one: {reasons[0].message}", reasons=reasons)


# What is never changed names the attendee as it was; the words that it is found by are those of its own name.
_FOR_GOOD = frozenset({"billing_line", "consent", "attendee_merge", "account_attendee", "search_text"})


def _referring() -> dict[str, dict[str, Any]]:
    """Every other table that refers to an attendee, and what of it is set: a table that is added is moved too."""
    found: dict[str, dict[str, Any]] = {}
    for table in SQLModel.metadata.sorted_tables:
        refers = any(
            key.referred_table.name == "attendee" and "attendee_id" in key.column_keys
            for key in table.foreign_key_constraints
        )
        if refers and table.name not in _FOR_GOOD:
            has_key = "attendee_key" in table.columns
            found[str(table.name)] = {"attendee_id": "keep_id"} | ({"attendee_key": "keep_key"} if has_key else {})
    return found


_REFERRING = _referring()
