"""The embedded PostgreSQL server: started by the first process that needs it, shared, stopped by the last to leave.

    absent ──initdb──▶ stopped ──first user──▶ running ──last user leaves──▶ stopped
                          ▲                       │ kill -9 of the server: the next to ask starts it anew
                          └───────────────────────┘ kill -9 of a user: the next to leave stops it

Each process that uses the server holds a lease, which the kernel takes back when the process ends, however it ends.
The server never runs as root: see `server_files.server_account`.
"""

import atexit
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import psycopg

from engine.errors import StartupFailed
from engine.server_files import (
    OWN_SERVER,
    POSTGRES_MAJOR,
    ServerFiles,
    advice,
    as_startup_failed,
    prepare_directory,
    read_password,
)
from engine.server_locks import Lease, LockTimeout, forget_dead_holders, holding, lease_holders
from engine.server_process import (
    HOST,
    OWNER,
    START_TIMEOUT_SECONDS,
    STOP_TIMEOUT_SECONDS,
    Postmaster,
    find_postmaster,
    shut_down,
    start,
    take_over_from_the_dead,
    wait_until_ready,
)

DATABASE = "termbook"


class ServerState(StrEnum):
    ABSENT = "absent"  # no data yet
    STOPPED = "stopped"  # data, and no server
    CHANGING = "changing"  # starting, recovering or stopping: wait
    RUNNING = "running"  # accepts connections


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What `server_status` found; `users` are the ids of the processes that hold a lease, one for each lease."""

    state: ServerState
    pid: int | None
    port: int | None
    users: tuple[int, ...]
    log: Path


@dataclass(slots=True, eq=False)
class EmbeddedServer:
    """One use of the running server. Leave by `stop()` or a `with` block; else the end of the program does it."""

    url: str = field(repr=False)  # holds the password
    pid: int
    port: int
    log: Path
    _files: ServerFiles = field(repr=False)
    _postmaster: Postmaster = field(repr=False)
    _lease: Lease | None = field(repr=False)
    _user_pid: int = field(repr=False, default_factory=os.getpid)

    def stop(self) -> bool:
        """Leave; True when this was the last user and the server is down. To leave twice, or from a forked child of
        the user, changes nothing. Raises `StopFailed`."""
        if self._lease is None or self._user_pid != os.getpid():
            return False
        lease, self._lease = self._lease, None
        atexit.unregister(self.stop)
        if not self._files.directory.exists():  # removed below the server: nobody can join it any more
            lease.release()
            with contextlib.suppress(psutil.NoSuchProcess):
                self._postmaster.process.send_signal(signal.SIGQUIT)
            return True
        with as_startup_failed(self._files.directory), _life_cycle(self._files):
            return _leave(self._files, lease)

    def __enter__(self) -> "EmbeddedServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def ensure_server(data_directory: Path, *, server_user: str | None = None) -> EmbeddedServer:
    """Start the server over `data_directory`, or join the one that runs; the first time makes the data.

    `server_user` is whom the server runs as when we are root (default: TERMBOOK_SERVER_USER, else the owner of the
    data, else postgres or nobody). To be called again when the server is gone. Raises `StartupFailed`.
    """
    preferred_user = os.environ.get("TERMBOOK_SERVER_USER", "") if server_user is None else server_user
    with as_startup_failed(data_directory):
        files = prepare_directory(data_directory)
        with _life_cycle(files):
            lease = Lease.take(files.users)
            try:
                _refuse_other_version(files)
                postmaster, url = _join_or_start(files, preferred_user=preferred_user)
            except BaseException:
                _leave(files, lease)
                raise
    server = EmbeddedServer(url, postmaster.pid, postmaster.port, files.log, files, postmaster, lease)
    atexit.register(server.stop)
    return server


def server_status(data_directory: Path) -> ServerStatus:
    """Look without touching: starts nothing, cleans nothing, waits for nobody."""
    files = ServerFiles(data_directory.expanduser().resolve())
    with as_startup_failed(data_directory):
        postmaster = find_postmaster(files)
        if postmaster:
            state = ServerState.RUNNING if postmaster.is_ready else ServerState.CHANGING
        else:
            state = ServerState.STOPPED if files.postgres.exists() else ServerState.ABSENT
        users = tuple(lease_holders(files.users))
    pid, port = (postmaster.pid, postmaster.port) if postmaster else (None, None)
    return ServerStatus(state, pid, port, users, files.log)


@contextlib.contextmanager
def _life_cycle(files: ServerFiles) -> Iterator[None]:
    """One process at a time initialises, starts, joins or stops."""
    try:
        with holding(files.life_cycle_lock, seconds=START_TIMEOUT_SECONDS + STOP_TIMEOUT_SECONDS):
            yield
    except LockTimeout:
        raise StartupFailed(
            f"Another process has been starting or stopping the server in {files.directory} for minutes "
            f"(its users: {lease_holders(files.users)}). End it and try again; the server's log is {files.log}."
        ) from None


def _join_or_start(files: ServerFiles, *, preferred_user: str) -> tuple[Postmaster, str]:
    """The server that answers, and the URL of the database in it. Tried again when it is gone by the time we ask:
    it was being killed while we joined it."""
    for is_last in (False, False, True):
        postmaster = wait_until_ready(files) or _start(files, preferred_user=preferred_user)
        try:
            return postmaster, _url_of_database(files, postmaster)
        except StartupFailed:
            if is_last or find_postmaster(files):
                raise
    raise AssertionError("the last attempt returns or raises")


def _start(files: ServerFiles, *, preferred_user: str) -> Postmaster:
    while (server_lock := take_over_from_the_dead(files)) is None:
        postmaster = wait_until_ready(files)
        if postmaster:
            return postmaster
    try:
        return start(files, preferred_user=preferred_user, server_lock=server_lock)
    finally:
        os.close(server_lock)


def _leave(files: ServerFiles, lease: Lease) -> bool:
    """Give the lease back, and stop the server if nobody else holds one."""
    lease.release()
    forget_dead_holders(files.users)
    if lease_holders(files.users):
        return False
    postmaster = find_postmaster(files)
    if postmaster:
        shut_down(files, postmaster)
    return True


def _refuse_other_version(files: ServerFiles) -> None:
    if not files.postgres.exists():
        return
    try:
        version = (files.postgres / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        version = ""
    if version != str(POSTGRES_MAJOR):
        found = f"the data of PostgreSQL {version}" if version else "no PostgreSQL data (PG_VERSION is missing)"
        raise StartupFailed(
            f"{files.postgres} holds {found}, and this release of Termbook brings PostgreSQL {POSTGRES_MAJOR}. Dump it "
            f"with the release that wrote it and restore it here, set TERMBOOK_DATA_DIRECTORY to a new directory, "
            f"{OWN_SERVER}."
        )


def _url_of_database(files: ServerFiles, postmaster: Postmaster) -> str:
    """Sign in as the owner, which proves that the server answers, and make the database if it is missing."""
    root = f"postgresql://{OWNER}:{read_password(files)}@{HOST}:{postmaster.port}"
    try:
        with psycopg.connect(f"{root}/postgres", autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not found:
                connection.execute(f"CREATE DATABASE {DATABASE}")
    except psycopg.Error as error:
        is_full = isinstance(error, psycopg.errors.DiskFull)
        what = f"{error}\nThe server's log is {files.log}."
        raise StartupFailed(advice(files.directory, is_full=is_full, what=what)) from error
    return f"{root}/{DATABASE}"
