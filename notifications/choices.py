"""What a family chooses of its mails: their language, and reminders that it does without; what it must hear comes."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from engine.database import Transaction
from engine.ids import new_id
from engine.links import open_link, sign_link
from notifications.messages import Message, PaymentDue
from notifications.texts import LANGUAGES, kind_of

STOPPABLE = frozenset({"payment_due", "makeup_expiring", "makeup_expired", "pass_used_up", "pass_ending"})
_PURPOSE = "stop mails"
_FOR = timedelta(days=365)


def may_stop(message: Message) -> bool:
    """Whether its reader may do without it; of a payment that is overdue nobody may."""
    return kind_of(message) in STOPPABLE and not (isinstance(message, PaymentDue) and message.is_overdue)


def stop_link(secret: str, organisation_id: UUID, account_id: UUID, kind: str, *, now: datetime) -> str:
    """The part of an address by which a family stops mails of this kind, without a login."""
    return sign_link(secret, _PURPOSE, expires_at=now + _FOR, organisation=organisation_id.hex,
                     account=account_id.hex, kind=kind)  # fmt: skip


def open_stop_link(secret: str, link: str, *, now: datetime) -> tuple[UUID, UUID, str]:
    """Organisation, account and kind. Raises LinkInvalid or LinkExpired."""
    facts = open_link(secret, _PURPOSE, link, now=now)
    return UUID(facts["organisation"]), UUID(facts["account"]), facts["kind"]


_SPEAK = "UPDATE account SET language = %(language)s WHERE organisation_id = %(org)s AND id = ANY(%(accounts)s)"


def choose_language(tx: Transaction, *, account_ids: Iterable[UUID], language: str) -> None:
    """Mails to these accounts are in this language from now on."""
    assert language in LANGUAGES, "a page offers no other"
    tx.run(_SPEAK, accounts=list(account_ids), language=language)


_IS_STOPPED = "SELECT FROM mail_stop WHERE organisation_id = %(org)s AND account_id = %(account)s AND kind = %(kind)s"
_STOP = """
INSERT INTO mail_stop (organisation_id, id, account_id, kind, stopped_at)
VALUES (%(org)s, %(id)s, %(account)s, %(kind)s, %(now)s) ON CONFLICT (organisation_id, account_id, kind) DO NOTHING
"""
_RESUME = "DELETE FROM mail_stop WHERE organisation_id = %(org)s AND account_id = %(account)s AND kind = %(kind)s"


def is_stopped(tx: Transaction, account_id: UUID, kind: str) -> bool:
    return bool(tx.rows(_IS_STOPPED, account=account_id, kind=kind))


def stop(tx: Transaction, *, account_id: UUID, kind: str, now: datetime) -> None:
    """No mail of this kind from now on; said twice it is the same."""
    assert kind in STOPPABLE, "only such links are made"
    tx.run(_STOP, id=new_id(), account=account_id, kind=kind, now=now)


def resume(tx: Transaction, *, account_id: UUID, kind: str) -> None:
    """They come again."""
    tx.run(_RESUME, account=account_id, kind=kind)
