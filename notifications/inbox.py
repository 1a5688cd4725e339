"""Mails that went nowhere, for development: without a mail server each is a file, and is read from it here."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from uuid import UUID


@dataclass(frozen=True, slots=True)
class KeptFile:
    """What goes along with a mail."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class KeptMail:
    """A mail as it would have arrived."""

    id: UUID
    sent_at: datetime
    to: str
    subject: str
    plain: str
    html: str
    files: tuple[KeptFile, ...]
    headers: tuple[tuple[str, str], ...]


def kept_ids(inbox: Path) -> list[UUID]:
    """The mails of every organisation of this installation, the latest first; whose they are, the outbox says."""
    if not inbox.is_dir():
        return []
    found = sorted(inbox.glob("*.eml"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [one for path in found for one in _uuids(path.stem)]


def _uuids(text: str) -> Iterator[UUID]:
    try:
        yield UUID(text)
    except ValueError:
        return  # no mail of ours


def read_kept(inbox: Path, message_id: UUID) -> KeptMail | None:
    path = inbox / f"{message_id}.eml"
    if not path.is_file():
        return None
    email = message_from_bytes(path.read_bytes(), policy=default)
    assert isinstance(email, EmailMessage)
    files = tuple(
        KeptFile(one.get_filename() or "file", one.get_content_type(), one.get_payload(decode=True) or b"")  # type: ignore[arg-type]
        for one in email.iter_attachments()
    )
    return KeptMail(
        message_id, email["Date"].datetime, str(email["To"]), str(email["Subject"]), _part(email, "plain"),
        _part(email, "html"), files, tuple((name, str(value)) for name, value in email.items()),
    )  # fmt: skip


def _part(email: EmailMessage, kind: str) -> str:
    body = email.get_body((kind,))
    return str(body.get_content()) if body is not None else ""
