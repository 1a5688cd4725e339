"""An organisation's own words for its mails: each saving is a version, the latest is in force."""

from datetime import datetime

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import ActorKind, MailText
from notifications.texts import KINDS, LANGUAGES, Text, check_text

_UNIQUE = "uq_mail_text_organisation_id_kind_language_version"
_LATEST = """
SELECT version, subject, body FROM mail_text
WHERE organisation_id = %(org)s AND kind = %(kind)s AND language = %(language)s ORDER BY version DESC LIMIT 1
"""
_VERSIONS = """
SELECT m.version, m.subject, m.body, m.created_at, u.name AS made_by FROM mail_text m
LEFT JOIN "user" u ON u.organisation_id = m.organisation_id AND u.id = m.made_by
WHERE m.organisation_id = %(org)s AND m.kind = %(kind)s AND m.language = %(language)s ORDER BY m.version DESC
"""
_IN_FORCE = """
SELECT DISTINCT ON (kind, language) kind, language, subject IS NOT NULL AS is_own FROM mail_text
WHERE organisation_id = %(org)s ORDER BY kind, language, version DESC
"""


class SavedMeanwhile(Conflict):
    """Somebody else saved another version after this one was opened."""

    code = "saved_meanwhile"


def own_text(tx: Transaction, kind: str, language: str) -> Text | None:
    """What the organisation says; None where it says what we do."""
    row = tx.row(_LATEST, kind=kind, language=language)
    return Text(row["subject"], row["body"]) if row and row["body"] is not None else None


def versions(tx: Transaction, kind: str, language: str) -> list[Row]:
    """Every version, the latest first. Raises NotFound."""
    _require_known(kind, language)
    return tx.rows(_VERSIONS, kind=kind, language=language)


def own_kinds(tx: Transaction) -> set[tuple[str, str]]:
    """The mails that the organisation says in its own words, as (kind, language)."""
    return {(row["kind"], row["language"]) for row in tx.rows(_IN_FORCE) if row["is_own"]}


def save_text(
    tx: Transaction, *, kind: str, language: str, text: Text | None, seen_version: int, actor: Actor, now: datetime
) -> int:
    """Put the organisation's own words in force, or ours again with None; returns the version.

    `seen_version` is that on which the words were written, 0 where there was none. Raises NotPermitted, NotFound,
    Invalid (a placeholder that the mail does not have, named), SavedMeanwhile.
    """
    if actor.kind is not ActorKind.ADMIN:
        raise NotPermitted("Texts are written by admins.")
    _require_known(kind, language)
    if text is not None and (reasons := check_text(kind, text)):
        raise Invalid("The text cannot be sent as it is.", reasons=reasons)
    latest = tx.row(_LATEST, kind=kind, language=language)
    meanwhile = SavedMeanwhile("Somebody saved another version meanwhile: look at it, and save yours again.")
    if (latest["version"] if latest else 0) != seen_version:
        raise meanwhile
    tx.batch.on_violation(_UNIQUE, meanwhile)
    tx.batch.add(MailText, [{
        "id": new_id(), "kind": kind, "language": language, "version": seen_version + 1,
        "subject": text and text.subject.strip(), "body": text and text.body.replace("\r\n", "\n").strip(),
        "made_by": actor.user_id, "created_at": now,
    }])  # fmt: skip
    return seen_version + 1


def _require_known(kind: str, language: str) -> None:
    if kind not in KINDS or language not in LANGUAGES:
        raise NotFound("There is no such mail.", what="mail")
