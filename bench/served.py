"""The API as it is served in production: uvicorn with two workers, in processes of its own."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from bench.world import NOW

WORKERS = 2
_START_SECONDS = 60.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Served:
    base_url: str
    pid: int


@contextmanager
def serving(database_url: str) -> Iterator[Served]:
    """Serve until left; the clock is set to the moment that the benchmark lives on."""
    port = _free_port()
    base_url = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "DATABASE_URL": database_url, "TERMBOOK_CLOCK_START": NOW.isoformat(), "TERMBOOK_SECRET": "bench",
        "TERMBOOK_BASE_URL": base_url,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "--host", "127.0.0.1", "--port", str(port), "--workers", str(WORKERS),
         "--log-level", "warning", "--no-access-log", "--factory", "api.server:create"],
        env=environment,
    )  # fmt: skip
    try:
        _wait_until_up(base_url, process)
        yield Served(base_url, process.pid)
    finally:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(base_url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + _START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The API ended with code {process.returncode}.")
        try:
            if httpx.get(f"{base_url}/readyz", timeout=1).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"The API did not answer within {_START_SECONDS:.0f} s.")
