"""`termbook run`: the sample centre as a person would meet it, in child processes that stop together."""

import os
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import httpx
from rich.console import Console
from rich.table import Table

from api import sample_clock
from api.guardian import Guardian
from api.runtime import Runtime, running
from engine.actor import Actor
from engine.clock import SetClock
from engine.errors import StartupFailed
from engine.settings import Settings, derived_secret, settings
from models import ActorKind, Role
from samples.beside import add_what_is_beside
from samples.enrolled import BUSY_DAYS, enrol
from samples.sample import CLOCK_START, PASSWORD, PEOPLE, make_sample

SLUG = "centre7"
_Child = tuple[str, "subprocess.Popen[bytes]"]
_STOP_SECONDS = 8.0
_START_SECONDS = 60.0


def run_sample(console: Console, *, port: int, workers: int, at: datetime | None = None) -> None:
    """Serve until Ctrl-C, SIGTERM or the end of the terminal; nothing is left running afterwards.

    `at` moves the sample's clock on to a local time in Toronto.
    """
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stop.set())
    _refuse_taken_ports(port, port + 1)
    chosen = _sample_settings(settings(), port)
    with running(chosen, clock=SetClock(CLOCK_START)) as runtime:
        runtime = _resume(runtime, at)
        _make_sample_once(console, runtime)
        keep_clock = _keeper_of_clock(runtime)
        guardian = Guardian(os.environ | {"TERMBOOK_DATA_DIRECTORY": str(chosen.data_directory)})
        children: list[_Child] = [("guardian", guardian.process)]
        try:
            for child in _start(runtime, port=port, workers=workers):
                children.append(child)
                guardian.watch(child[1].pid)
            if _wait_until_up(chosen, children, stop):
                keep_clock()
                _greet(console, runtime)
            while not stop.wait(0.5):
                _raise_if_ended(children)
        finally:
            console.print("Stopping …")
            _end([process for _, process in children[1:]])
            guardian.dismiss()
            keep_clock()


def _refuse_taken_ports(*ports: int) -> None:
    """Before anything is started: else we would greet when the other program answers. Raises StartupFailed."""
    for port in ports:
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError as error:
            raise StartupFailed(f"Port {port} is not free ({error.strerror}): choose another with --port.") from error


def _sample_settings(chosen: Settings, port: int) -> Settings:
    """A sample system: loopback, the sandbox gateway beside it, a secret of its own."""
    return chosen.model_copy(
        update={
            "base_url": f"http://127.0.0.1:{port}", "sandbox_gateway_url": f"http://127.0.0.1:{port + 1}",
            "clock_start": CLOCK_START, "front_centre": SLUG,
            "secret": chosen.secret or _kept_secret(chosen.data_directory),
            "cookie_secure": False,
        }
    )  # fmt: skip


def _kept_secret(folder: Path) -> str:
    """The secret that signs webhooks, made once and kept with the data."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "secret"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text("ascii").strip()
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path.read_text("ascii")


def _resume(runtime: Runtime, at: datetime | None) -> Runtime:
    """The sample's clock runs only while the sample does: go on where it stood, or later where one says so."""
    latest = CLOCK_START
    organisation_id = runtime.database.organisation_by_slug(SLUG)
    if organisation_id is not None:
        with runtime.database.transaction(organisation_id) as tx:
            row = tx.row("SELECT max(at) AS at FROM status_event WHERE organisation_id = %(org)s")
        if row and row["at"]:
            latest = max(latest, row["at"] + timedelta(seconds=1))
        latest = max(latest, sample_clock.kept(runtime.settings.data_directory, organisation_id) or latest)
    if at is not None:
        wanted, shown = at.replace(tzinfo=CLOCK_START.tzinfo), latest.astimezone(CLOCK_START.tzinfo)
        if wanted < latest:
            raise StartupFailed(f"The sample's clock only moves on; it shows {shown:%Y-%m-%d %H:%M} already.")
        latest = wanted
    return Runtime(runtime.settings, runtime.owner_url, runtime.database, SetClock(latest))


def _keeper_of_clock(runtime: Runtime) -> Callable[[], None]:
    """Keeps where the clock stands: what only stands on a roll, or was signed, was at its time as well."""
    organisation_id = runtime.database.organisation_by_slug(SLUG)
    assert organisation_id is not None, "the sample was made"
    folder = runtime.settings.data_directory
    return lambda: sample_clock.keep(folder, organisation_id, runtime.clock.now())


def _make_sample_once(console: Console, runtime: Runtime) -> None:
    if runtime.database.organisation_by_slug(SLUG) is None:
        now = CLOCK_START  # whatever the clock shows: the first families enrolled when booking was open
        with console.status("Importing the centre's programme") as status:
            sample = make_sample(runtime.owner_url, runtime.database, slug=SLUG, name="Centre 7", now=now)
            admin = Actor(ActorKind.ADMIN, user_id=sample.users[Role.ADMIN])
            runtime.database.run(sample.organisation_id, partial(add_what_is_beside, admin=admin, now=now))
            status.update("Enrolling the first families")
            enrol(runtime.database, sample.organisation_id, days=BUSY_DAYS, admin=admin, now=now)


def _start(runtime: Runtime, *, port: int, workers: int) -> Iterator[_Child]:
    uvicorn = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--log-level", "warning", "--no-access-log"]
    commands = {
        "API": [*uvicorn, "--port", str(port), "--workers", str(workers), "--factory", "api.server:create"],
        "sandbox payments": [*uvicorn, "--port", str(port + 1), "--factory",
                             "billing.gateways.sandbox_service:create_service"],
        "worker": [sys.executable, "-m", "api.worker"],
    }  # fmt: skip
    environment = _environment(runtime)
    for name, command in commands.items():
        yield name, subprocess.Popen(command, env=environment, start_new_session=True)


def _environment(runtime: Runtime) -> dict[str, str]:
    chosen = runtime.settings
    return runtime.child_environment() | {
        "TERMBOOK_LOG_LEVEL": "warning",
        "TERMBOOK_BASE_URL": chosen.base_url, "TERMBOOK_FRONT_CENTRE": chosen.front_centre,
        "TERMBOOK_SANDBOX_GATEWAY_URL": chosen.sandbox_gateway_url,
        "TERMBOOK_SECRET": chosen.secret, "TERMBOOK_COOKIE_SECURE": str(chosen.cookie_secure),
        "TERMBOOK_SANDBOX_API_KEY": derived_secret(chosen.secret, "sandbox api key"),
        "TERMBOOK_SANDBOX_SECRET": derived_secret(chosen.secret, "sandbox webhooks"),
        "TERMBOOK_SANDBOX_STORE": str(chosen.data_directory / "sandbox.sqlite3"),
        "TERMBOOK_SANDBOX_PUBLIC_URL": chosen.sandbox_gateway_url,
    }  # fmt: skip


def _wait_until_up(chosen: Settings, children: Sequence[_Child], stop: threading.Event) -> bool:
    """Until API and sandbox answer; False when told to stop before. Raises StartupFailed."""
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        _raise_if_ended(children)
        if _answers(f"{chosen.base_url}/readyz") and _answers(f"{chosen.sandbox_gateway_url}/openapi.json"):
            return True
        if stop.wait(0.1):
            return False
    raise StartupFailed(f"The API did not answer at {chosen.base_url} within {_START_SECONDS:.0f} s.")


def _answers(url: str) -> bool:
    try:
        # Past any proxy of the environment: it is our own machine that we ask.
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def _raise_if_ended(children: Sequence[_Child]) -> None:
    for name, process in children:
        if process.poll() is not None:
            raise StartupFailed(f"The {name} process ended with code {process.returncode}; see its messages above.")


def _greet(console: Console, runtime: Runtime) -> None:
    base, today = runtime.settings.base_url, runtime.clock.now().astimezone(CLOCK_START.tzinfo)
    console.print(f"\n[bold]Termbook[/] is at {base}  (API: {base}/docs, design: {base}/design)")
    console.print(f"The sample lives on {today:%A %d %B %Y, %H:%M} in Toronto and runs on from there.")
    table = Table("role", "e-mail", "password", title=f"Sign in to the organisation “{SLUG}”")
    for person in PEOPLE:
        table.add_row(person.role.value, person.email, PASSWORD)
    console.print(table)
    if not runtime.settings.smtp_host:
        console.print(f"No mail leaves this machine; the admin reads what would be sent at {base}/admin/inbox")
    console.print("Ctrl-C stops everything.")


def _end(processes: Sequence["subprocess.Popen[bytes]"]) -> None:
    """Ask all to stop and wait; then end those that do not, and what a process that was killed has left behind."""
    for process in processes:
        if process.poll() is None:
            process.terminate()
    until = time.monotonic() + _STOP_SECONDS
    for process in processes:
        with suppress(subprocess.TimeoutExpired):
            process.wait(max(0.1, until - time.monotonic()))
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
