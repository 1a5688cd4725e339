"""Consents: the texts that an organisation asks families to agree to, and what was answered for a child."""

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound, Reason
from engine.ids import new_id
from models import Consent, ConsentAnswer, ConsentText


class ConsentRefused(Conflict):
    """This cannot be answered now."""

    code = "consent_refused"


# The newest version of each code, unless it retired it.
_ASKED = """
SELECT * FROM (
    SELECT DISTINCT ON (code) id, code, version, title, body, is_retired, created_at FROM consent_text
    WHERE organisation_id = %(org)s ORDER BY code, version DESC) x
WHERE NOT is_retired ORDER BY code
"""


def texts_asked(tx: Transaction) -> list[Row]:
    """What families are asked today."""
    return tx.rows(_ASKED)


def write_text(
    tx: Transaction, *, code: str, title: str, body: str, is_retired: bool, actor: Actor, now: datetime
) -> Row:
    """A new version of a text, the first where the code is new. What was answered to the older ones stays as it is."""
    tx.run("SELECT 1 FROM organisation WHERE id = %(org)s FOR UPDATE")
    row = tx.row("SELECT coalesce(max(version), 0) + 1 AS version FROM consent_text "
                 "WHERE organisation_id = %(org)s AND code = %(code)s", code=code)  # fmt: skip
    assert row is not None
    made = {"id": new_id(), "code": code, "version": row["version"], "title": title, "body": body,
            "is_retired": is_retired, "written_by": actor.user_id, "created_at": now}  # fmt: skip
    tx.batch.add(ConsentText, [made])
    return made


_STANDING = """
SELECT k.id AS attendee_id, x.id AS text_id, x.code, x.version, x.title, x.body, a.answer,
       a.version AS answered_version, a.at, a.actor_kind, a.actor
FROM unnest(%(attendees)s::uuid[]) AS k (id)
CROSS JOIN (
    SELECT * FROM (
        SELECT DISTINCT ON (code) id, code, version, title, body, is_retired FROM consent_text
        WHERE organisation_id = %(org)s ORDER BY code, version DESC) y
    WHERE NOT is_retired) x
LEFT JOIN LATERAL (
    SELECT c.answer, t.version, c.at, c.actor_kind, u.name AS actor FROM consent c
    JOIN consent_text t ON t.organisation_id = c.organisation_id AND t.id = c.text_id
    LEFT JOIN "user" u ON u.organisation_id = c.organisation_id AND u.id = c.actor_id
    WHERE c.organisation_id = %(org)s AND c.attendee_id = k.id AND t.code = x.code
    ORDER BY c.at DESC, c.id DESC LIMIT 1) a ON true
ORDER BY k.id, x.code
"""


def consents_of(tx: Transaction, attendee_ids: Collection[UUID]) -> dict[UUID, list[Row]]:
    """For each child what is asked today and how it was answered last. `is_given` holds only of the newest version:
    whoever agreed to an older text is asked again.
    """
    found: dict[UUID, list[Row]] = {}
    for row in tx.rows(_STANDING, attendees=list(attendee_ids)):
        is_of_this = row["answered_version"] == row["version"]
        row["is_given"] = row["answer"] == ConsentAnswer.GIVEN and is_of_this
        row["is_open"] = row["answer"] is None or (row["answer"] == ConsentAnswer.GIVEN and not is_of_this)
        found.setdefault(row["attendee_id"], []).append(row)
    return found


def answer(
    tx: Transaction, *, attendee_id: UUID, text_id: UUID, said: ConsentAnswer, actor: Actor, now: datetime
) -> None:  # fmt: skip
    """Answer the newest version of a text for a child that the caller may act for.

    Raises NotFound, ConsentRefused (a newer text is asked by now; nothing was given that could be taken back).
    """
    tx.run("SELECT 1 FROM attendee WHERE organisation_id = %(org)s AND id = %(id)s FOR UPDATE", id=attendee_id)
    standing = consents_of(tx, [attendee_id]).get(attendee_id, [])
    asked = next((row for row in standing if row["text_id"] == text_id), None)
    if asked is None:
        if tx.row("SELECT 1 FROM consent_text WHERE organisation_id = %(org)s AND id = %(id)s", id=text_id) is None:
            raise NotFound("There is no such text.", what="consent text")
        raise _refused(
            Reason("consent_text_changed", "The text was changed meanwhile; read it again.", rule="consents")
        )
    if said is ConsentAnswer.WITHDRAWN and asked["answer"] != ConsentAnswer.GIVEN:
        raise _refused(Reason("consent_not_given", "Nothing was given that could be taken back.", rule="consents"))
    row: dict[str, Any] = {"id": new_id(), "attendee_id": attendee_id, "text_id": text_id, "answer": said.value,
                           "actor_kind": actor.kind.value, "actor_id": actor.user_id, "at": now}  # fmt: skip
    tx.batch.add(Consent, [row])


def _refused(reason: Reason) -> ConsentRefused:
    return ConsentRefused(reason.message, reasons=[reason])
