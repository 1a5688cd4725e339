"""Where a family stops reminders, by the address in each: on a page, or by one click of its mail program (RFC 8058)."""

from typing import Any

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from engine.database import Row, Transaction
from notifications import choices
from web.visitor import Anybody

router = APIRouter()

_ORGANISATION = "SELECT id, name, currency, locale, time_zone FROM organisation WHERE id = %(org)s"


@router.get("/mail/stop/{link}")
def show_stop(visit: Anybody, link: str) -> Response:
    """What would be stopped; opening the page stops nothing, since programs open links as well."""
    return _page(visit, link)


@router.post("/mail/stop/{link}")
async def stop(visit: Anybody, link: str, request: Request) -> Response:
    """Stop such mails, or have them again. The address alone says whose they are, so no token is asked: a mail program
    that does it by one click has none.
    """
    async with request.form(max_fields=10) as sent:
        is_resumed = sent.get("do") == "resume"
    return await run_in_threadpool(_change, visit, link, is_resumed)


def _change(visit: Anybody, link: str, is_resumed: bool) -> Response:
    organisation_id, account_id, kind = choices.open_stop_link(visit.state.settings.secret, link, now=visit.now)

    def work(tx: Transaction) -> None:
        if is_resumed:
            choices.resume(tx, account_id=account_id, kind=kind)
        else:
            choices.stop(tx, account_id=account_id, kind=kind, now=visit.now)

    visit.state.database.run(organisation_id, work)
    return _page(visit, link)


def _page(visit: Anybody, link: str) -> Response:
    organisation_id, account_id, kind = choices.open_stop_link(visit.state.settings.secret, link, now=visit.now)

    def read(tx: Transaction) -> tuple[Row, bool]:
        organisation = tx.row(_ORGANISATION)
        assert organisation is not None, "its link was signed"
        return organisation, choices.is_stopped(tx, account_id, kind)

    found: Any = visit.state.database.run(organisation_id, read)
    return visit.answer("front/mail_stop.html", organisation=found[0], who=None, kind=kind, is_stopped=found[1])
