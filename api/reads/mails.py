"""The texts of e-mails as they are shown: what is in force, its versions, and how it looks."""

from datetime import datetime
from uuid import UUID

from api.moves import Principal
from engine.database import Row, Transaction
from notifications import own_texts
from notifications.choices import STOPPABLE
from notifications.messages import Message, Organisation
from notifications.samples import sample_of
from notifications.texts import KINDS, LANGUAGES, Text, placeholders, standard_text


def every(tx: Transaction) -> list[Row]:
    """Each mail in each language."""
    own = own_texts.own_kinds(tx)
    return [{"kind": kind, "language": language, "is_own": (kind, language) in own, "can_be_stopped": kind in STOPPABLE}
            for kind in KINDS for language in LANGUAGES]  # fmt: skip


def text_of(kind: str, language: str, version: Row | None) -> Text:
    """What a version says; ours where there is none, or where it put ours in force."""
    if version is None or version["body"] is None:
        return standard_text(kind, language)
    return Text(version["subject"], version["body"])


def whole(tx: Transaction, kind: str, language: str) -> Row:
    """The text in force with its versions. Raises NotFound."""
    versions = own_texts.versions(tx, kind, language)
    text = text_of(kind, language, versions[0] if versions else None)
    return {
        "kind": kind, "language": language, "version": versions[0]["version"] if versions else 0,
        "is_own": bool(versions) and versions[0]["body"] is not None, "subject": text.subject, "body": text.body,
        "placeholders": list(placeholders(kind)), "versions": versions,
    }  # fmt: skip


def sample(who: Principal, kind: str, language: str, *, now: datetime) -> Message:
    """A made-up message of this kind, as the organisation would send it."""
    of = who.organisation
    letterhead = of.get("letterhead") or {}
    organisation = Organisation(name=of["name"], email=letterhead.get("email"), phone=letterhead.get("phone"),
                                locale=of["locale"], time_zone=of["time_zone"])  # fmt: skip
    return sample_of(kind, organisation, currency=of["currency"], now=now, language=language)


def stops(tx: Transaction, account_id: UUID) -> list[Row]:
    """Each mail that a family can do without, and whether it does."""
    rows = tx.rows("SELECT kind FROM mail_stop WHERE organisation_id = %(org)s AND account_id = %(account)s",
                   account=account_id)  # fmt: skip
    stopped = {row["kind"] for row in rows}
    return [{"kind": kind, "is_stopped": kind in stopped} for kind in sorted(STOPPABLE)]
