"""Style sheets, scripts and pictures under addresses that name their content, so that browsers keep them for good."""

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

_FOLDER = Path(str(files("web"))) / "static"
_FOR_GOOD = "public, max-age=31536000, immutable"


@cache
def version() -> str:
    """The fingerprint of every file: modules refer to each other by relative addresses, so they change together."""
    found = hashlib.sha256()
    for path in sorted(_FOLDER.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(_FOLDER).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:12]


def address(path: str) -> str:
    """Where a file of `static/` is found."""
    return f"/static/{version()}/{path}"


class Assets(StaticFiles):
    """`/static/<version>/<path>`; an address of an older version leads to the file of today, which is not kept."""

    def __init__(self) -> None:
        super().__init__(directory=_FOLDER)

    async def get_response(self, path: str, scope: Scope) -> Response:
        asked, _, rest = path.partition("/")
        response = await super().get_response(rest, scope)
        response.headers["Cache-Control"] = _FOR_GOOD if asked == version() else "no-cache"
        return response
