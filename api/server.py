"""The API as uvicorn starts it: everything from the environment of the process."""

from fastapi import FastAPI

from api.app import create_app
from api.runtime import make_gateways, open_database, require_secret
from engine.logs import configure_logs
from engine.settings import make_clock, settings


def create() -> FastAPI:
    """`uvicorn api.server:create --factory`; needs DATABASE_URL and TERMBOOK_SECRET, and starts nothing
    by itself. Raises StartupFailed.
    """
    chosen = settings()
    require_secret(chosen)
    configure_logs(chosen.log_level)
    database = open_database(chosen, chosen.database_url)
    return create_app(chosen, database=database, clock=make_clock(chosen), gateways=make_gateways(chosen))
