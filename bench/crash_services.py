"""An installation as its operator runs it: PostgreSQL, two API workers, a worker, each started again when it ends.

Any process of it may be killed at any moment. Only processes that were started here are ever signalled.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from random import Random

import httpx
import psutil  # type: ignore[import-untyped]

from engine.errors import StartupFailed
from engine.server import ServerState, ensure_server, server_status

API_WORKERS = 2
_LOOK_EVERY_SECONDS = 0.05
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


class Victim(StrEnum):
    """What is killed with `kill -9`."""

    API = "API (main process)"
    API_WORKER = "API (one of its workers)"
    WORKER = "worker"
    POSTGRES = "PostgreSQL (postmaster)"
    BACKEND = "PostgreSQL (a session)"


class Service:
    """A command that is kept running, as a service manager does: a session of its own, cleared up as a whole."""

    def __init__(self, name: str, command: list[str], log: Path) -> None:
        self.name, self.command, self.log = name, command, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, environment: dict[str, str]) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )

    @property
    def has_ended(self) -> bool:
        return self.process is not None and self.process.poll() is not None

    def kill(self) -> None:
        assert self.process is not None, "a service is started first"
        self.process.kill()

    def children(self) -> list[int]:
        """The processes that it forked or spawned to do its work."""
        assert self.process is not None, "a service is started first"
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.process.pid).children(recursive=True)
            return [child.pid for child in found if "spawn_main" in " ".join(_command(child))]
        return []

    def clear_up(self) -> None:
        """End what its main process left behind."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_SECONDS)
        self.clear_up()


class Installation:
    """Runs on a set clock, in a data directory of its own, with PostgreSQL's durability as it comes."""

    def __init__(self, folder: Path, *, clock_start: datetime) -> None:
        self.folder = folder
        self.kills: Counter[Victim] = Counter()
        self.restarts: Counter[str] = Counter()
        self.is_suspect = False
        self._clock, self._since = clock_start, datetime.now(UTC)
        port = _free_port()
        self.base_url = f"http://127.0.0.1:{port}"
        self.server = ensure_server(folder)
        uvicorn = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--log-level", "warning", "--no-access-log"]
        self.api = Service(
            "API", [*uvicorn, "--port", str(port), "--workers", str(API_WORKERS), "--factory", "api.server:create"],
            folder / "api.log",
        )  # fmt: skip
        self.worker = Service("worker", [sys.executable, "-m", "api.worker"], folder / "worker.log")
        self._services = (self.api, self.worker)
        self._stopping = threading.Event()
        self._keepers = [threading.Thread(target=keep) for keep in (self._keep_services, self._keep_postgres)]

    def now(self) -> datetime:
        return datetime.now(UTC) - self._since + self._clock

    def start(self) -> None:
        for service in self._services:
            service.start(self._environment())
        for keeper in self._keepers:
            keeper.start()

    def wait_until_up(self) -> None:
        """Until the API answers and can work. Raises StartupFailed."""
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            with suppress(httpx.TransportError):
                if httpx.get(f"{self.base_url}/readyz", timeout=5, trust_env=False).is_success:
                    return
            time.sleep(0.1)
        raise StartupFailed(f"The API did not answer within {_START_SECONDS:.0f} s; see {self.api.log}.")

    def move_clock(self, by: timedelta) -> None:
        """Take the clock forward: API and worker are stopped as for an upgrade, and their keeper starts them again."""
        self._clock += by
        for service in self._services:
            service.stop()
        self.wait_until_up()

    def kill(self, victim: Victim, chance: Random) -> bool:
        """`kill -9`; False when there is no such process at this moment."""
        pids = self._processes(victim)
        if not pids:
            return False
        with suppress(ProcessLookupError):
            os.kill(chance.choice(pids), signal.SIGKILL)
            self.kills[victim] += 1
            return True
        return False

    def _processes(self, victim: Victim) -> list[int]:
        """Only ours: children of what we started."""
        if victim in (Victim.API, Victim.WORKER):
            service = self.api if victim is Victim.API else self.worker
            return [service.process.pid] if service.process and not service.has_ended else []
        if victim is Victim.API_WORKER:
            return self.api.children()
        if server_status(self.folder).pid != self.server.pid:
            return []
        if victim is Victim.POSTGRES:
            return [self.server.pid]
        with suppress(psutil.NoSuchProcess):
            found = psutil.Process(self.server.pid).children()
            return [child.pid for child in found if f": {_OWNER} " in " ".join(_command(child))]
        return []

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "DATABASE_URL": self.server.url, "TERMBOOK_DATA_DIRECTORY": str(self.folder),
            "TERMBOOK_BASE_URL": self.base_url, "TERMBOOK_SECRET": "a secret for the crash run",
            "TERMBOOK_LOG_LEVEL": "warning", "TERMBOOK_CLOCK_START": self._clock.isoformat(),
            "TERMBOOK_CLOCK_SINCE": self._since.isoformat(),
        }  # fmt: skip

    def _keep_services(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            for service in self._services:
                if service.has_ended:
                    service.clear_up()
                    service.start(self._environment())
                    self.restarts[service.name] += 1

    def _keep_postgres(self) -> None:
        while not self._stopping.wait(_LOOK_EVERY_SECONDS):
            if server_status(self.folder).state in (ServerState.RUNNING, ServerState.CHANGING):
                continue
            former, self.server = self.server, ensure_server(self.folder)
            former.stop()
            self.restarts["PostgreSQL"] += 1
            if former.url != self.server.url:  # its port was taken meanwhile: the others have to be told
                for service in self._services:
                    service.kill()

    def stop(self) -> None:
        self._stopping.set()
        for keeper in self._keepers:
            if keeper.ident is not None:
                keeper.join()
        for service in self._services:
            service.stop()
        self.server.stop()


_OWNER = "termbook"


@contextmanager
def installed(*, clock_start: datetime) -> Iterator[Installation]:
    """An installation in a directory of its own, which is kept only when something went wrong: `is_suspect`."""
    folder = Path(tempfile.mkdtemp(prefix="termbook-crash-"))
    folder.chmod(0o755)  # as root, PostgreSQL runs as another user
    installation = Installation(folder, clock_start=clock_start)
    try:
        yield installation
    except Exception:
        installation.is_suspect = True
        raise
    finally:
        installation.stop()
        if not installation.is_suspect:
            shutil.rmtree(folder)


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:
        return []


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
