"""The processes of the embedded server: make its data, launch it, recognise it, clear up after it, shut it down."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from errno import EADDRINUSE, EDQUOT, ENOSPC
from pathlib import Path

import psutil  # type: ignore[import-untyped]

from engine.errors import Conflict, StartupFailed
from engine.server_files import (
    OWN_SERVER,
    Account,
    ServerFiles,
    advice,
    bare_environment,
    make_password,
    reachable_installation,
    refuse_unreachable,
    server_account,
)
from engine.server_locks import POLL_SECONDS, try_lock, unlock, wait_for_lock

HOST = "127.0.0.1"
OWNER = "termbook"
START_TIMEOUT_SECONDS = 120.0
STOP_TIMEOUT_SECONDS = 30.0
# How long the children of a killed server may finish what they do before they are told to stop, and then to end.
ORPHAN_GRACE_SECONDS = 2.0
ORPHAN_TIMEOUT_SECONDS = 10.0
PORT_ATTEMPTS = 5
LOG_LIMIT_BYTES = 8 * 1024 * 1024
LOG_TAIL_LINES = 12
# Less than this and a failed start is put down to the disk, also when the log had no room left to say so.
ROOM_TO_START_BYTES = 16 * 1024 * 1024
ROOM_TO_INITIALISE_BYTES = 64 * 1024 * 1024

# Written to postgresql.conf once, so that whoever runs the server may change them. For two to four cores; durability
# is PostgreSQL's default and stays (fsync, full_page_writes, synchronous_commit).
SETTINGS = {
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "8MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
}

# Servers this process launched: a parent must keep its children to learn that they ended.
_launched: list[subprocess.Popen[bytes]] = []


class StopFailed(Conflict):
    """The embedded server still runs after it was told to stop."""

    code = "stop_failed"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server's first process, as postmaster.pid describes it."""

    process: psutil.Process
    port: int
    is_ready: bool

    @property
    def pid(self) -> int:
        return int(self.process.pid)


def find_postmaster(files: ServerFiles) -> Postmaster | None:
    """The living server of these data. The number in postmaster.pid alone proves nothing: it may be another's now."""
    try:
        lines = (files.postgres / "postmaster.pid").read_text().splitlines()
        process = psutil.Process(int(lines[0]))
        if f"cluster_name={_cluster_name(files)}" not in process.cmdline():
            return None
        port = int(lines[3])
    except (FileNotFoundError, ValueError, IndexError, psutil.NoSuchProcess, psutil.AccessDenied):
        return None
    return Postmaster(process, port, is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def _cluster_name(files: ServerFiles) -> str:
    """Marks the processes of this server, in their titles too; the same by whatever path the directory is reached.
    (Their working directory would tell as well, but root in a container may not look at that of another user.)"""
    return f"termbook-{files.postgres.stat().st_ino}"


def wait_until_ready(files: ServerFiles) -> Postmaster | None:
    """The server, waited for while it is on its way up or down; None when there is none."""
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while (postmaster := find_postmaster(files)) and not postmaster.is_ready:
        if time.monotonic() > deadline:
            raise StartupFailed(
                f"The PostgreSQL server (pid {postmaster.pid}) has been starting or stopping for "
                f"{START_TIMEOUT_SECONDS:.0f} s. Try again later; its log is {files.log}."
            )
        time.sleep(POLL_SECONDS)
    return postmaster


def take_over_from_the_dead(files: ServerFiles) -> int | None:
    """The descriptor of the server lock, once no process of a former server is left; None when a server comes up that
    its starter left behind.

    After `kill -9` of the server its children live on for a moment, or for as long as their query takes: after a
    grace they are told to stop, as the server itself would have done. An initdb left behind is waited for.
    """
    started = time.monotonic()
    patience = ORPHAN_TIMEOUT_SECONDS if files.postgres.exists() else START_TIMEOUT_SECONDS
    told: set[int] = set()
    while time.monotonic() - started < ORPHAN_GRACE_SECONDS + patience:
        descriptor = try_lock(files.server_lock)
        if descriptor is not None or find_postmaster(files):
            return descriptor
        if time.monotonic() - started > ORPHAN_GRACE_SECONDS and not told:
            told = _stop_orphans(files)
        time.sleep(POLL_SECONDS)
    pids = [orphan.pid for orphan in _orphans(files)]
    remedy = f"End the processes {pids} and try again" if pids else "Is it in another container or on another host?"
    raise StartupFailed(
        f"A former server still works on {files.postgres}. {remedy}. One data directory serves one machine; to share "
        f"its data {OWN_SERVER.removeprefix('or ')}."
    )


def _stop_orphans(files: ServerFiles) -> set[int]:
    orphans = _orphans(files)
    for orphan in orphans:
        with contextlib.suppress(psutil.NoSuchProcess):
            orphan.send_signal(signal.SIGQUIT)
    return {orphan.pid for orphan in orphans}


def _orphans(files: ServerFiles) -> list[psutil.Process]:
    if not files.postgres.exists():
        return []
    title = f"postgres: {_cluster_name(files)}: "
    owner = files.postgres.stat().st_uid
    return [
        process
        for process in psutil.process_iter(["cmdline", "uids"])
        if process.info["uids"] and process.info["uids"].real == owner
        if " ".join(process.info["cmdline"] or ()).startswith(title)
    ]


def start(files: ServerFiles, *, preferred_user: str, server_lock: int) -> Postmaster:
    """Start the server, and make its data first if there are none. Only for who holds the server lock, which the
    server and all its children inherit."""
    account = server_account(files, preferred=preferred_user)
    refuse_unreachable(files, account)
    binaries = reachable_installation(files, account) / "bin"
    _reap()
    with _open_log(files) as log:
        launcher = _Launcher(files, binaries, account, log, server_lock)
        if not files.postgres.exists():
            launcher.initialise()
        (files.postgres / "postmaster.pid").unlink(missing_ok=True)  # nobody lives who could have written it
        return launcher.start()


@dataclass(frozen=True, slots=True)
class _Launcher:
    files: ServerFiles
    binaries: Path
    account: Account | None
    log: int
    server_lock: int

    def initialise(self) -> None:
        """Make the data beside their place, and move them there when they are whole and on the disk."""
        unfinished = self.files.unfinished
        if unfinished.exists():
            shutil.rmtree(unfinished)
        make_password(self.files, self.account)
        unfinished.mkdir(mode=0o700)
        if self.account:
            os.chown(unfinished, self.account.uid, self.account.gid)
        position = self.files.log.stat().st_size
        command = [str(self.binaries / "initdb"), "-D", str(unfinished), "-U", OWNER]
        command += [f"--pwfile={self.files.password}", "--auth=scram-sha-256", "--data-checksums", "--no-instructions"]
        command += ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        command += [f"--set={name}={value}" for name, value in SETTINGS.items()]
        process = self._spawn(command)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(START_TIMEOUT_SECONDS)
        finally:
            _end(process)
        if process.returncode != 0:
            raise _failure(self.files, position, room=ROOM_TO_INITIALISE_BYTES)
        unfinished.rename(self.files.postgres)
        _flush_directory(self.files.directory)

    def start(self) -> Postmaster:
        """Again on another port when a program took ours in the moment between."""
        for _ in range(PORT_ATTEMPTS):
            position = self.files.log.stat().st_size
            postmaster = self._launch()
            if postmaster:
                return postmaster
            if os.strerror(EADDRINUSE) not in _log_since(self.files, position):
                break
            self.files.port.unlink(missing_ok=True)
        raise _failure(self.files, position, room=ROOM_TO_START_BYTES)

    def _launch(self) -> Postmaster | None:
        """The server, ready; None when it gave up or took too long."""
        command = [str(self.binaries / "postgres"), "-D", str(self.files.postgres), "-p", str(_free_port(self.files))]
        # TCP alone: the path of a socket may have 107 bytes, which a data directory's may exceed.
        command += ["-c", f"listen_addresses={HOST}", "-c", "unix_socket_directories="]
        command += ["-c", f"cluster_name={_cluster_name(self.files)}"]
        process = self._spawn(command)
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        try:
            while process.poll() is None and time.monotonic() < deadline:
                postmaster = find_postmaster(self.files)
                if postmaster and postmaster.is_ready and postmaster.pid == process.pid:
                    self.files.port.write_text(str(postmaster.port))
                    _launched.append(process)
                    return postmaster
                time.sleep(POLL_SECONDS)
        except BaseException:
            _end(process)
            raise
        _end(process)
        return None

    def _spawn(self, command: list[str]) -> subprocess.Popen[bytes]:
        """In a session of its own, so that Ctrl-C in our terminal is ours to handle."""
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
            cwd="/",
            env=bare_environment(),
            umask=0o077,
            start_new_session=True,
            pass_fds=(self.server_lock,),
            user=self.account.uid if self.account else None,
            group=self.account.gid if self.account else None,
            extra_groups=[] if self.account else None,
        )


def _free_port(files: ServerFiles) -> int:
    """The last one if it is free, else any. It can be taken before the server asks for it."""
    last = files.port.read_text() if files.port.exists() else ""
    with socket.socket() as candidate:
        # As the server does: connections of a former server that linger must not cost us the port.
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            candidate.bind((HOST, int(last) if last.isdecimal() else 0))
        except OSError:
            candidate.bind((HOST, 0))
        return int(candidate.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    """What we began and do not hand on does not stay behind, nor what it began: initdb is gone before its postgres,
    which still writes to the data for a moment."""
    if process.poll() is not None:
        return
    with contextlib.suppress(psutil.NoSuchProcess):
        begun = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(signal.SIGINT)
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        _, staying = psutil.wait_procs(begun, timeout=STOP_TIMEOUT_SECONDS)
        for child in staying:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()


def shut_down(files: ServerFiles, postmaster: Postmaster) -> None:
    """Fast: open sessions are ended, what is committed is written. Immediate when that takes too long: as safe, the
    next start recovers. Raises `StopFailed`."""
    for order in (signal.SIGINT, signal.SIGQUIT):
        with contextlib.suppress(psutil.NoSuchProcess):
            postmaster.process.send_signal(order)
        descriptor = wait_for_lock(files.server_lock, seconds=STOP_TIMEOUT_SECONDS)
        if descriptor is not None:
            unlock(descriptor)
            _reap()
            return
    raise StopFailed(f"The PostgreSQL server (pid {postmaster.pid}) does not stop; its log is {files.log}.")


def _reap() -> None:
    _launched[:] = [process for process in _launched if process.poll() is None]


@contextlib.contextmanager
def _open_log(files: ServerFiles) -> Iterator[int]:
    if files.log.exists() and files.log.stat().st_size > LOG_LIMIT_BYTES:
        files.log.replace(files.log.with_name(f"{files.log.name}.1"))
    descriptor = os.open(files.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _log_since(files: ServerFiles, position: int) -> str:
    with files.log.open("rb") as log:
        log.seek(position)
        return log.read().decode(errors="replace")


def _failure(files: ServerFiles, position: int, *, room: int) -> StartupFailed:
    text = _log_since(files, position)
    tail = [f"  {line}" for line in text.splitlines()[-LOG_TAIL_LINES:]] or ["  (nothing)"]
    is_full = any(os.strerror(number) in text for number in (ENOSPC, EDQUOT))
    is_full = is_full or shutil.disk_usage(files.directory).free < room
    return StartupFailed(
        advice(files.directory, is_full=is_full, what="\n".join([f"The server's log, {files.log}, ends with:", *tail]))
    )


def _flush_directory(directory: Path) -> None:
    """A rename is on the disk when its directory is."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
