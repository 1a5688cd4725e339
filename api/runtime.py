"""What every program of ours starts with: a database that is up and migrated, the pool, and the clock."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import sqlalchemy as sa

from billing.gateways.protocol import Gateway
from billing.gateways.sandbox import SandboxGateway
from engine.clock import Clock
from engine.database import Database
from engine.errors import NotFound, StartupFailed
from engine.schema import migrate
from engine.server import ensure_server
from engine.settings import Settings, derived_secret, make_clock
from notifications.smtp import Mailer


@dataclass(frozen=True, slots=True)
class Runtime:
    """A running installation as one process sees it. `owner_url` is the address migrations use."""

    settings: Settings
    owner_url: str
    database: Database
    clock: Clock

    def document_path(self, organisation_id: UUID, number: str) -> Path:
        """Where the PDF of an issued document is put; numbers are unique within their organisation only."""
        folder = self.settings.data_directory / "documents" / str(organisation_id)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{number}.pdf"

    def organisation(self, slug: str) -> UUID:
        """The organisation of that slug. Raises NotFound."""
        found = self.database.organisation_by_slug(slug)
        if found is None:
            raise NotFound(f"There is no organisation {slug!r}.")
        return found

    def child_environment(self) -> dict[str, str]:
        """The environment of a process that shares this database and this clock."""
        now = datetime.now(UTC)
        shared = {"DATABASE_URL": self.owner_url, "TERMBOOK_DATA_DIRECTORY": str(self.settings.data_directory)}
        if self.settings.clock_start is not None:
            shared |= {"TERMBOOK_CLOCK_START": self.clock.now().isoformat(), "TERMBOOK_CLOCK_SINCE": now.isoformat()}
        return os.environ | shared


def open_database(settings: Settings, url: str) -> Database:
    return Database(
        url, app_role=settings.app_role, pool_size=settings.pool_size, prepare_threshold=settings.prepare_threshold
    )


def require_secret(settings: Settings) -> None:
    """Raises StartupFailed: what is signed with no secret can be signed by anybody, links and webhooks among it."""
    if not settings.secret:
        raise StartupFailed("Set TERMBOOK_SECRET to a long random text: links, forms and webhooks are signed with it.")


def make_gateways(settings: Settings) -> dict[str, Gateway]:
    """The payment providers of this installation, by name: Stripe where it is set up, else the sandbox, which moves no
    real money and so is never beside one that does. Raises StartupFailed.
    """
    if bool(settings.stripe_api_key) != bool(settings.stripe_webhook_secret):
        raise StartupFailed("Stripe needs both TERMBOOK_STRIPE_API_KEY and TERMBOOK_STRIPE_WEBHOOK_SECRET.")
    if settings.stripe_api_key:
        # Its library takes a while to load: only for who pays by it.
        from billing.gateways.stripe import StripeGateway

        return {"stripe": StripeGateway(settings.stripe_api_key, webhook_secret=settings.stripe_webhook_secret)}
    sandbox = SandboxGateway(
        settings.sandbox_gateway_url, api_key=derived_secret(settings.secret, "sandbox api key"),
        secret=derived_secret(settings.secret, "sandbox webhooks"),
    )  # fmt: skip
    return {"sandbox": sandbox}


def make_mailer(settings: Settings) -> Mailer:
    """The way out for mail, or the development inbox while no server is set up. Raises StartupFailed."""
    if settings.smtp_user and not settings.smtp_starttls:
        raise StartupFailed("TERMBOOK_SMTP_USER needs TERMBOOK_SMTP_STARTTLS=true: no password goes out in the clear.")
    return Mailer(
        settings.smtp_host, settings.smtp_port, settings.smtp_from, settings.data_directory / "inbox",
        user=settings.smtp_user, password=settings.smtp_password, starttls=settings.smtp_starttls,
    )  # fmt: skip


@contextmanager
def running(settings: Settings, *, clock: Clock | None = None) -> Iterator[Runtime]:
    """Start or join the database, bring it to the current schema, and open the pool; leave everything at the end.

    Raises StartupFailed.
    """
    server = None if settings.database_url else ensure_server(settings.data_directory)
    try:
        url = server.url if server else settings.database_url
        try:
            migrate(url, app_role=settings.app_role)
        except sa.exc.OperationalError as error:
            raise StartupFailed(f"The database cannot be used: {error.orig}") from error
        database = open_database(settings, url)
        try:
            yield Runtime(settings, url, database, clock or make_clock(settings))
        finally:
            database.close()
    finally:
        if server is not None:
            server.stop()
