"""Where credits went, as their reviews showed it before: what was posted, in the shape of what was shown."""

import re
from typing import Any
from uuid import UUID

from engine.database import Row
from tests.workflows.centre import Centre
from workflows.change_credits import shown_credits
from workflows.change_facts import Change

_POSTED = """
SELECT n.id, s.rule, s.amount_minor, p.reference AS payment, coalesce(e.balance_minor, 0) AS balance_minor,
       coalesce(e.bonus_minor, 0) AS bonus_minor, s.words
FROM credit_note n
LEFT JOIN credit_step s ON s.organisation_id = n.organisation_id AND s.credit_note_id = n.id
LEFT JOIN payment p ON p.organisation_id = s.organisation_id AND p.id = s.payment_id
LEFT JOIN wallet_entry e ON e.organisation_id = s.organisation_id AND e.id = s.wallet_entry_id
WHERE n.account_id = %(account_id)s AND n.id <> ALL(%(known)s) AND NOT EXISTS (
    SELECT FROM invoice v WHERE v.organisation_id = n.organisation_id AND v.series = n.series AND v.year = n.year
      AND v.number = n.number)
ORDER BY n.id, s.position
"""


def notes(centre: Centre, account_id: UUID) -> list[UUID]:
    return [row["id"] for row in centre.rows("SELECT id FROM credit_note WHERE account_id = %(id)s", id=account_id)]


def shown(change: Change) -> list[list[tuple[Any, ...]]]:
    """What the review said, credit by credit."""
    return [[_step(step) for step in steps] for steps in shown_credits(change) if steps]


def posted(centre: Centre, account_id: UUID, known: list[UUID]) -> list[list[tuple[Any, ...]]]:
    """What became of the credits that were issued since; the halves of a zero statement are none."""
    found: dict[UUID, list[tuple[Any, ...]]] = {}
    for row in centre.rows(_POSTED, account_id=account_id, known=known):
        found.setdefault(row.pop("id"), []).append(_step(row))
    return list(found.values())


def _step(step: Row) -> tuple[Any, ...]:
    names = "rule", "amount_minor", "payment", "balance_minor", "bonus_minor"
    return (*(step[name] for name in names), _worded(step))


def _worded(step: Row) -> str:
    """Its words; where they name an invoice that the change issued, without that."""
    words = str(step["words"])
    if step["rule"] == "SAME_CHANGE":
        return words.partition(" settles ")[0]
    if step["rule"] == "SAME_GROUP":
        return re.sub(r"pays .*, due ", "pays …, due ", words)
    return words
