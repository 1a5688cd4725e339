"""The API as uvicorn starts it: everything from the environment of the process."""

from fastapi import FastAPI

from api.app import create_app
from api.runtime import open_database
from billing.gateways.sandbox import SandboxGateway
from engine.settings import make_clock, settings


def create() -> FastAPI:
    """`uvicorn api.server:create --factory`; needs DATABASE_URL, and starts nothing by itself."""
    chosen = settings()
    database = open_database(chosen, chosen.database_url)
    sandbox = SandboxGateway(url=chosen.sandbox_gateway_url, secret=chosen.secret)
    return create_app(chosen, database=database, clock=make_clock(chosen), gateways={"sandbox": sandbox})
