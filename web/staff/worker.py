"""The service worker of the staff pages: under their own address, so that it may answer for them without a network."""

from fastapi import APIRouter
from starlette.responses import Response

from web import assets

router = APIRouter()

# It answers for `/staff` too, which is above its own folder.
_HEADERS = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/staff"}


@router.get("/staff/worker.js")
async def show_worker() -> Response:
    """Names the worker of these files: another version is another worker."""
    text = f'importScripts("{assets.address("staff/worker.js")}");\n'
    return Response(text, media_type="text/javascript", headers=_HEADERS)
