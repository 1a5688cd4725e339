"""Locks the kernel releases when their holder ends, however it ends: nothing here goes stale after `kill -9`."""

import fcntl
import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.01


class LockTimeout(Exception):
    """Somebody else held the lock for longer than we would wait."""


def try_lock(path: Path) -> int | None:
    """The descriptor that holds the lock until it, and every copy a child inherited, is closed; None: it is taken."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def wait_for_lock(path: Path, *, seconds: float) -> int | None:
    """As `try_lock`, asked again until `seconds` have passed."""
    deadline = time.monotonic() + seconds
    while (descriptor := try_lock(path)) is None and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return descriptor


def unlock(descriptor: int) -> None:
    """Free the lock also when a child that another thread forked meanwhile has a copy of the descriptor."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


@contextmanager
def holding(path: Path, *, seconds: float) -> Iterator[None]:
    """Hold the lock for the block; raises `LockTimeout`."""
    descriptor = wait_for_lock(path, seconds=seconds)
    if descriptor is None:
        raise LockTimeout(str(path))
    try:
        yield
    finally:
        unlock(descriptor)


@dataclass(frozen=True, slots=True)
class Lease:
    """One use of the server: a file named after the process, locked for as long as the process uses the server."""

    path: Path
    descriptor: int

    @classmethod
    def take(cls, users: Path) -> "Lease":
        users.mkdir(mode=0o700, exist_ok=True)
        path = users / f"{os.getpid()}-{uuid.uuid4().hex}"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return cls(path, descriptor)

    def release(self) -> None:
        self.path.unlink(missing_ok=True)
        os.close(self.descriptor)


def lease_holders(users: Path) -> list[int]:
    """The process ids that hold a lease, one for each lease. Changes nothing, so anybody may ask at any time."""
    return sorted(int(path.name.partition("-")[0]) for path in _leases(users) if _is_held(path))


def forget_dead_holders(users: Path) -> None:
    """Remove the leases of processes that ended without leaving; only for who holds the life-cycle lock."""
    for path in _leases(users):
        if not _is_held(path):
            path.unlink(missing_ok=True)


def _leases(users: Path) -> list[Path]:
    return list(users.glob("[0-9]*-*"))


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return False
    try:
        # Shared: two who ask at the same moment must not take each other for the holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
