"""Settings from the environment, with defaults that run on a laptop."""

import base64
import hmac
import os
from datetime import datetime
from functools import cache
from pathlib import Path

import platformdirs
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from engine.clock import Clock, RealClock, SetClock


def default_data_directory() -> Path:
    """Where data go when nobody says: root's home is closed to the user PostgreSQL runs as, `/var/lib` is not."""
    return Path("/var/lib/termbook") if os.geteuid() == 0 else Path(platformdirs.user_data_dir("termbook"))


class Settings(BaseSettings):
    """What an installation may set. Every name is read with the prefix `TERMBOOK_`, except `DATABASE_URL`."""

    model_config = SettingsConfigDict(env_prefix="TERMBOOK_", extra="ignore")

    # PostgreSQL 15 or newer; empty means: start the embedded server in `data_directory`.
    database_url: str = ""
    data_directory: Path = Field(default_factory=default_data_directory)
    app_role: str = "termbook_app"
    pool_size: int = 10
    # None keeps psycopg from preparing statements: for PgBouncer in transaction mode.
    prepare_threshold: int | None = 5
    # A set clock for sample systems: the moment it starts from, with its offset. Empty: the real clock.
    clock_start: datetime | None = None
    # The machine's time when the set clock showed `clock_start`; empty: the start of the process.
    clock_since: datetime | None = None
    log_level: str = "info"
    base_url: str = "http://127.0.0.1:8000"
    # Short name of the centre that the bare address leads to, where the installation has several; empty: it is asked.
    front_centre: str = ""
    cookie_secure: bool = True
    secret: str = Field(default="", repr=False)
    smtp_host: str = ""
    smtp_port: int = 25
    smtp_from: str = "enrolments@localhost"
    # Who signs in to the mail server does so over TLS.
    smtp_user: str = ""
    smtp_password: str = Field(default="", repr=False)
    smtp_starttls: bool = False
    sandbox_gateway_url: str = "http://127.0.0.1:8001"
    # Stripe takes payments where both are set; the secret is that of the webhook endpoint in its dashboard.
    stripe_api_key: str = Field(default="", repr=False)
    stripe_webhook_secret: str = Field(default="", repr=False)


def derived_secret(secret: str, purpose: str) -> str:
    """A secret for one purpose, made from the installation's own (base64 of HMAC-SHA-256)."""
    return base64.b64encode(hmac.digest(secret.encode(), purpose.encode(), "sha256")).decode()


def make_clock(settings: Settings) -> Clock:
    """The clock an installation lives on: the real one, unless a sample system was set to another moment."""
    if settings.clock_start is None:
        return RealClock()
    return SetClock(settings.clock_start, since=settings.clock_since)


@cache
def settings() -> Settings:
    """The settings of this process, read once. `DATABASE_URL` is honoured without the prefix."""
    url = os.environ.get("DATABASE_URL", "")
    return Settings(database_url=url) if url else Settings()
