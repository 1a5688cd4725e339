"""The mails that were sent, for development: where no mail server is set, each is read here as it would arrive."""

from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Principal
from engine.database import Transaction
from engine.errors import NotFound
from notifications.inbox import KeptMail, kept_ids, read_kept
from web.mail_pages import mail_document
from web.visitor import Admin

router = APIRouter()

_MOST = 100
# The files are of every organisation here: the outbox says which of them are ours.
_OURS = "SELECT id FROM outbox_message WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)"


def _inbox(visit: Admin) -> Path:
    """Raises NotFound where mails go to a server."""
    settings = visit.state.settings
    if settings.smtp_host:
        raise NotFound("Mails go to their readers here.", what="inbox")
    return settings.data_directory / "inbox"


@router.get("/admin/inbox")
def list_inbox(visit: Admin) -> Response:
    inbox = _inbox(visit)

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        ids = kept_ids(inbox)
        ours = {row["id"] for row in tx.rows(_OURS, ids=ids)}
        found = [read_kept(inbox, one) for one in [each for each in ids if each in ours][:_MOST]]
        return {"mails": [mail for mail in found if mail is not None]}

    return visit.show("admin/inbox.html", query)


def _mail(visit: Admin, message_id: UUID) -> KeptMail:
    """Raises NotFound."""
    inbox = _inbox(visit)
    is_ours = bool(visit.fetch(lambda tx, _: tx.rows(_OURS, ids=[message_id])))
    found = read_kept(inbox, message_id) if is_ours else None
    if found is None:
        raise NotFound("There is no such mail.", what="mail")
    return found


@router.get("/admin/inbox/{message_id}")
def show_kept(visit: Admin, message_id: UUID) -> Response:
    return visit.show("admin/inbox_mail.html", mail=_mail(visit, message_id))


@router.get("/admin/inbox/{message_id}/html")
def show_html(visit: Admin, message_id: UUID) -> Response:
    return mail_document(_mail(visit, message_id).html)


@router.get("/admin/inbox/{message_id}/files/{number}")
def show_file(visit: Admin, message_id: UUID, number: int) -> Response:
    files = _mail(visit, message_id).files
    if not 0 <= number < len(files):
        raise NotFound("There is no such file.", what="file")
    file = files[number]
    name = "".join(each for each in file.filename if each.isalnum() or each in ".-_")
    return Response(file.content, media_type=file.media_type,
                    headers={"Content-Disposition": f'attachment; filename="{name}"'})  # fmt: skip
