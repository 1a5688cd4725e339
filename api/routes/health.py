"""Where to begin, whether the service lives, and whether it can work."""

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from api.dependencies import Application
from api.operations import for_anyone

router = APIRouter(tags=["health"])


@router.get("/", **for_anyone(response_model=dict[str, str]))
async def read_front_door(app: Application) -> Response:
    """Where the documentation is, and whether the service can work."""
    base = app.settings.base_url.rstrip("/")
    pages = {"documentation": "/docs", "openapi": "/openapi.json", "health": "/readyz"}
    return JSONResponse({"name": "Termbook"} | {name: f"{base}{path}" for name, path in pages.items()})


@router.get("/healthz", **for_anyone(response_model=dict[str, str]))
async def is_alive() -> Response:
    """The process answers."""
    return JSONResponse({"status": "alive"})


@router.get("/readyz", **for_anyone(503, response_model=dict[str, str]))
def is_ready(app: Application) -> Response:
    """The database answers too."""
    with app.database.engine.connect() as connection:
        connection.execute(sa.text("SELECT 1 FROM tenant LIMIT 1"))
    return JSONResponse({"status": "ready"})
