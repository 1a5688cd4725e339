"""Processes that work through many documents, each on one at a time, in their order.

Such a process loads what its work needs, and nothing of the program that asked for it: the whole product takes longer
to load than a dozen documents to lay out.
"""

import gc
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
R = TypeVar("R")

# Documents under way per process: enough to keep it busy, few enough that a run of 100,000 stays small in memory.
_AHEAD_PER_WORKER = 4
# A page is a hundred thousand small things that refer to each other; to look for what is left over while it is laid
# out finds nothing and takes a twentieth of the time.
_NEW_THINGS_BEFORE_COLLECTING = 100_000


def in_processes(work: Callable[[T], R], documents: Iterable[T], *, workers: int) -> Iterator[R]:
    """What `work`, a function of a module, makes of each document, by `workers` processes that start afresh.

    Documents are taken from the iterable a few ahead of the results that were asked for. The first failure ends the
    run.
    """
    assert workers > 0, "somebody has to do the work"
    idle: SimpleQueue[_Process] = SimpleQueue()
    processes = [_Process(work) for _ in range(workers)]
    for process in processes:
        idle.put(process)

    def hand_over(document: T) -> R:
        process = idle.get()
        try:
            return process.ask(document)  # type: ignore[no-any-return]
        finally:
            idle.put(process)

    under_way: deque[Future[R]] = deque()
    with ThreadPoolExecutor(workers, thread_name_prefix="press") as pool:
        try:
            for document in documents:
                under_way.append(pool.submit(hand_over, document))
                if len(under_way) >= workers * _AHEAD_PER_WORKER:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
            for process in processes:
                process.end()


class _Process:
    """One of them, seen from the program that asks."""

    def __init__(self, work: Callable[[Any], Any]) -> None:
        self._line, theirs = Pipe()
        with theirs:
            number = theirs.fileno()
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from invoicing.press import serve; serve({number})"], pass_fds=[number]
            )
        self._line.send(work)

    def ask(self, document: Any) -> Any:
        """The result, or the error that it raised."""
        try:
            self._line.send(document)
            result, error = self._line.recv()
        except (EOFError, ConnectionError) as lost:
            status = self._process.wait()
            raise RuntimeError(f"a process that lays out documents ended with status {status}") from lost
        if error is not None:
            raise error
        return result

    def end(self) -> None:
        self._line.close()
        self._process.wait()


def serve(number: int) -> None:
    """Be such a process, at the end of that line, until it is closed."""
    # Ctrl-C reaches all of them; the program that asked ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Connection(number) as line:
        work = line.recv()
        gc.set_threshold(_NEW_THINGS_BEFORE_COLLECTING)
        while True:
            try:
                document = line.recv()
            except EOFError:
                return
            line.send(_answer(work, document))


def _answer(work: Callable[[Any], Any], document: Any) -> tuple[Any, Exception | None]:
    try:
        return work(document), None
    except Exception as error:  # whatever it is, it is raised where the document came from
        return None, error
