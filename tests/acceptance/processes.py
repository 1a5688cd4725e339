"""What the acceptance tests run: the real programs, in processes of their own, and nothing of them left at the end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]

from tests.builders import NOW
from tests.engine.later import until
from tests.ports import free_port

REPOSITORY = Path(__file__).parents[2]
_START_SECONDS = 240.0  # the tests beside it may have both cores
_STOP_SECONDS = 20.0


@dataclass(frozen=True)
class Program:
    """A program that serves at `url`; all it wrote is in `log`."""

    process: "subprocess.Popen[bytes]"
    url: str
    log: Path

    def family(self) -> list[psutil.Process]:
        """It and every process below it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; returns its exit code."""
        self.process.send_signal(how)
        return self.process.wait(_STOP_SECONDS)


@contextmanager
def api(database_url: str, log: Path, *, factory: str = "api.server:create", workers: int = 2) -> Iterator[Program]:
    """The API with its workers on a clock that starts at NOW."""
    port = free_port(2)
    environment = os.environ | {
        "DATABASE_URL": database_url, "TERMBOOK_SECRET": "acceptance", "TERMBOOK_LOG_LEVEL": "warning",
        "TERMBOOK_CLOCK_START": NOW.isoformat(), "TERMBOOK_BASE_URL": f"http://127.0.0.1:{port}",
    }  # fmt: skip
    command = [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--workers", str(workers),
               "--log-level", "warning", "--no-access-log", "--factory", factory]  # fmt: skip
    with _running(command, environment, f"http://127.0.0.1:{port}", log) as program:
        until(lambda: _is_ready(program), seconds=_START_SECONDS)
        yield program


@contextmanager
def termbook_run(
    log: Path, *, workers: int = 1, port: int = 0, is_to_greet: bool = True, **environment: str
) -> Iterator[Program]:
    """`termbook run` as `make run` starts it, once it has greeted or ended; `environment` as an operator sets it."""
    port = port or free_port(2)
    program = [str(Path(sys.executable).parent / "termbook"), "run", "--port", str(port), "--workers", str(workers)]

    def has_greeted(running: Program) -> bool:
        return running.process.poll() is not None or "Ctrl-C stops everything" in log.read_text()

    with _running(program, os.environ | environment, f"http://127.0.0.1:{port}", log) as running:
        if is_to_greet:
            until(lambda: has_greeted(running), seconds=_START_SECONDS)
        yield running


@contextmanager
def _running(command: list[str], environment: dict[str, str], url: str, log: Path) -> Iterator[Program]:
    with log.open("wb") as file:
        process = subprocess.Popen(
            command, env=environment, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=file, stderr=file
        )
    try:
        yield Program(process, url, log)
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(_STOP_SECONDS)


def _is_ready(program: Program) -> bool:
    assert program.process.poll() is None, program.log.read_text()
    try:
        return httpx.get(f"{program.url}/readyz", timeout=5, trust_env=False).is_success
    except httpx.TransportError:
        return False


def survivors(processes: list[psutil.Process], *, seconds: float = 5.0) -> list[str]:
    """Those of the processes that still run after a moment; the identity of a process includes when it began."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(_lives(process) for process in processes):
        time.sleep(0.05)
    return [" ".join(process.cmdline()) for process in processes if _lives(process)]


def _lives(process: psutil.Process) -> bool:
    return bool(process.is_running()) and process.status() != psutil.STATUS_ZOMBIE
