"""`termbook run` from its first start to its end, on the embedded server: whatever ends it, nothing is left running."""

import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil  # type: ignore[import-untyped]
import pytest

from tests.acceptance.processes import Program, survivors, termbook_run
from tests.engine.later import until


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A data directory; as root, PostgreSQL runs as another user, who must get in."""
    folder = Path(tempfile.mkdtemp(prefix="termbook-run-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@contextmanager
def started(folder: Path, log: Path, *, workers: int = 1, port: int = 0, is_to_greet: bool = True) -> Iterator[Program]:
    with termbook_run(
        log, workers=workers, port=port, is_to_greet=is_to_greet, DATABASE_URL="", TERMBOOK_DATA_DIRECTORY=str(folder)
    ) as program:
        yield program


def on_show(run: Program, what: str) -> int:
    with httpx.Client(base_url=run.url, trust_env=False) as client:
        sign_in = {"organisation": "centre7", "email": "admin@centre7.example", "password": "termbook-sample"}
        client.post("/sign-ins", json=sign_in).raise_for_status()
        return len(client.get(f"/{what}").raise_for_status().json()["items"])


class TestTheFirstStart:
    def test_serves_the_sample_until_ctrl_c(self, folder: Path, tmp_path: Path) -> None:
        with started(folder, tmp_path / "run.log") as run:
            family = run.family()

            assert "admin@centre7.example" in run.log.read_text()
            assert httpx.get(f"{run.url}/docs", trust_env=False).is_success
            assert on_show(run, "sessions") > 0
            assert on_show(run, "bookings") > 0
            assert on_show(run, "pass-products") > 0
            assert kinds(family) == {"postgres", "API", "sandbox", "worker"}
            assert run.end(signal.SIGINT) == 0
            assert survivors(family) == []


class TestTheNextStart:
    def test_finds_everything_keeps_its_port_and_stops_when_told(self, folder: Path, tmp_path: Path) -> None:
        with started(folder, tmp_path / "run.log") as run:
            family = run.family()
            assert on_show(run, "sessions") > 0

            port = int(run.url.rpartition(":")[2])
            with started(folder, tmp_path / "other.log", port=port) as other:
                assert other.process.wait(30) == 1
            assert f"Port {port} is not free" in other.log.read_text()
            assert on_show(run, "sessions") > 0

            assert run.end(signal.SIGTERM) == 0
            assert survivors(family) == []

    def test_may_be_ended_before_it_is_up(self, folder: Path, tmp_path: Path) -> None:
        """As when the terminal is closed."""
        with started(folder, tmp_path / "run.log", is_to_greet=False) as run:
            until(lambda: kinds(run.family()) >= {"API", "worker"}, seconds=60)
            family = run.family()

            assert run.end(signal.SIGHUP) == 0
            assert survivors(family) == []
            assert "Termbook is at" not in run.log.read_text()


class TestWhenItIsKilled:
    def test_its_children_and_the_server_end_as_well(self, folder: Path, tmp_path: Path) -> None:
        with started(folder, tmp_path / "run.log") as run:
            family = run.family()
            assert kinds(family) == {"postgres", "API", "sandbox", "worker"}

            run.process.kill()

            assert survivors(family, seconds=20) == []

    def test_and_it_starts_again_as_if_nothing_had_been(self, folder: Path, tmp_path: Path) -> None:
        with started(folder, tmp_path / "run.log") as run:
            assert on_show(run, "sessions") > 0


class TestWhenAChildIsKilled:
    def test_the_rest_is_ended_and_it_says_so(self, folder: Path, tmp_path: Path) -> None:
        """With two API workers, which would serve on without the process that started them."""
        with started(folder, tmp_path / "run.log", workers=2) as run:
            family = run.family()
            assert sum("spawn_main" in " ".join(one.cmdline()) for one in family) == 2

            [api] = [one for one in family if "api.server:create" in one.cmdline()]
            api.kill()

            assert run.process.wait(30) == 1
            assert survivors(family) == []
            assert "The API process ended" in run.log.read_text()


def command_of(process: psutil.Process) -> str:
    """What it runs; nothing when it has ended since it was listed."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one too
        return ""


def kinds(family: list[psutil.Process]) -> set[str]:
    """What the processes are, by their commands."""
    commands = [command_of(one) for one in family]
    names = {"postgres": "bin/postgres", "API": "api.server:", "sandbox": "sandbox_service:", "worker": "api.worker"}
    return {kind for kind, mark in names.items() if any(mark in command for command in commands)}
