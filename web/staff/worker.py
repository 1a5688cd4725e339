"""The service worker of the staff pages, under their own address, so that it may answer for them without a network; and
the page that it answers with where it has kept none.
"""

from fastapi import APIRouter
from starlette.responses import Response

from web import assets
from web.visitor import Staff

router = APIRouter()

# It answers for `/staff` too, which is above its own folder.
_HEADERS = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/staff"}


@router.get("/staff/worker.js")
async def show_worker() -> Response:
    """Names the worker of these files: another version is another worker."""
    text = f'importScripts("{assets.address("staff/worker.js")}");\n'
    return Response(text, media_type="text/javascript", headers=_HEADERS)


@router.get("/staff/offline")
def show_away(visit: Staff) -> Response:
    """Names nobody: it stays on the device when its person signs out."""
    return visit.answer("staff/offline.html", organisation=visit.fetch(lambda _, who: who.organisation), who=None)
