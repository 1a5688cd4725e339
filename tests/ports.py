"""Ports for the programs that tests start: below those that the system hands out by itself, so that no connection that
somebody opens meanwhile is given one of them before the program listens; each worker of the suite has its own.
"""

import os
import random
import socket
from contextlib import ExitStack

_FIRST, _EACH = 12_000, 2_000
_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw9").removeprefix("gw")) % 10
# Another run on the same machine begins elsewhere.
_next = random.SystemRandom().randrange(_EACH)


def free_port(count: int = 1) -> int:
    """A port of the loopback that is free; so are the `count - 1` after it. No two calls of a worker give the same."""
    global _next
    while True:
        port = _FIRST + _worker * _EACH + _next % (_EACH - count + 1)
        _next += count
        try:
            with ExitStack() as held:
                for each in range(port, port + count):
                    held.enter_context(socket.create_server(("127.0.0.1", each)))
        except OSError:
            continue
        return port
