"""Ends what `termbook run` has started when `termbook run` itself is killed, which leaves it no time to do so.

It reads from a pipe whose other end only `termbook run` has: a line with the process group of each child. The kernel
closes that end when its holder ends, however it ends. After an orderly end, which says so, nothing is left to do.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

_ALL_ENDED = "ended\n"
_STOP_SECONDS = 8.0


class Guardian:
    """The process as `termbook run` sees it."""

    def __init__(self, environment: dict[str, str]) -> None:
        """Start it, before anything else is."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.guardian"], env=environment, stdin=subprocess.PIPE, start_new_session=True
        )

    def watch(self, group: int) -> None:
        """This process group is to end with us."""
        self._tell(f"{group}\n")

    def dismiss(self) -> None:
        """Everything has ended in good order."""
        with suppress(BrokenPipeError):  # it was killed itself
            self._tell(_ALL_ENDED)
            assert self.process.stdin is not None
            self.process.stdin.close()
        self.process.wait()

    def _tell(self, line: str) -> None:
        assert self.process.stdin is not None, "it was started with a pipe"
        self.process.stdin.write(line.encode())
        self.process.stdin.flush()


def main() -> None:
    """Wait for the end of who started us."""
    groups = set()
    for line in sys.stdin:
        if line == _ALL_ENDED:
            return
        groups.add(int(line))
    _end(groups)
    _leave_server()


def _end(groups: set[int]) -> None:
    """Ask each to stop, and end what has not done so in time."""
    for group in groups:
        _signal(group, signal.SIGTERM)
    until = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < until and any(_signal(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        _signal(group, signal.SIGKILL)


def _signal(group: int, number: int) -> bool:
    """Whether there is such a group."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    return True


def _leave_server() -> None:
    """Stop the embedded server unless others use it: whoever leaves last does, and who was killed could not."""
    # Only now: it weighs much, and the process waits all the time.
    from engine.server import ServerState, ensure_server, server_status
    from engine.settings import settings

    chosen = settings()
    if not chosen.database_url and server_status(chosen.data_directory).state is ServerState.RUNNING:
        ensure_server(chosen.data_directory).stop()


if __name__ == "__main__":
    main()
