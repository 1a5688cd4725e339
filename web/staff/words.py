"""What the API told a script of the staff's pages, in the reader's language: it says its reasons in English."""

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from web import security
from web.visitor import Staff

router = APIRouter()

_MOST = 50


@router.get("/staff/words")
def say_in_their_language(visit: Staff) -> Response:
    """The texts of the address, each as the page's reader says it; what is not known stays as it is."""
    messages = visit.request.query_params.getlist("say")[:_MOST]
    said = visit.fetch(lambda _, __: [visit.told(message) for message in messages])
    return JSONResponse({"said": " ".join(said)}, headers=security.headers(visit.state.settings))
