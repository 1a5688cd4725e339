"""The API as uvicorn starts it: everything from the environment of the process."""

from fastapi import FastAPI

from api.app import create_app
from api.runtime import open_database
from billing.gateways.sandbox import SandboxGateway
from engine.logs import configure_logs
from engine.settings import derived_secret, make_clock, settings


def create() -> FastAPI:
    """`uvicorn api.server:create --factory`; needs DATABASE_URL, and starts nothing by itself."""
    chosen = settings()
    configure_logs(chosen.log_level)
    database = open_database(chosen, chosen.database_url)
    sandbox = SandboxGateway(
        chosen.sandbox_gateway_url, api_key=derived_secret(chosen.secret, "sandbox api key"),
        secret=derived_secret(chosen.secret, "sandbox webhooks"),
    )  # fmt: skip
    return create_app(chosen, database=database, clock=make_clock(chosen), gateways={"sandbox": sandbox})
