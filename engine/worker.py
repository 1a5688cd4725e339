"""One process that does what is done later: fires timers, relays the outbox, runs jobs, forgets what is old.

Any number of these may run. Each duty goes on by itself: one that fails is logged and tried again a little later, so a
database that is away only delays. No duty waits for a notification to be right: the queue's own only starts a job
sooner. (None is sent for the outbox, because NOTIFY would make the commits of all orders queue behind one lock.)
"""

import asyncio
import contextlib
import gc
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import procrastinate
import structlog
from procrastinate import exceptions, jobs

from engine import outbox, timers
from engine.clock import Clock
from engine.database import Database
from engine.jobs import ATTEMPTS, in_thread
from engine.timers import Handler
from models.timer import TimerKind

_log = structlog.get_logger("termbook.worker")

SWEEP_EVERY_SECONDS = 1.0
RELAY_EVERY_SECONDS = 0.5
REPORT_EVERY_SECONDS = 60.0
FORGET_EVERY_SECONDS = 3600.0
RESCUE_EVERY_SECONDS = 10.0

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 10.0

# A worker that has not been heard of for so long is dead, and its jobs are run again.
STALLED_SECONDS = 30.0
KEEP_FAILED_JOBS_HOURS = 30 * 24

# The whole stop takes less than 5 seconds: what is under way may end, then it is left to be done again.
FINISH_SECONDS = 3.0
LEAVE_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done over and over: again at once while it finds work (returns more than 0), else after a pause."""

    name: str
    every_seconds: float
    turn: Callable[[], int]


def run_worker(
    database: Database,
    clock: Clock,
    *,
    app: procrastinate.App,
    topics: Mapping[str, str],
    handlers: Mapping[TimerKind, Handler],
    duties: Sequence[Duty] = (),
    concurrency: int = 2,
    stop: threading.Event | None = None,
) -> None:
    """Work until SIGTERM, SIGINT or `stop`, and return within 5 seconds of it.

    `app` is the queue with its tasks (`engine.jobs.make_app`), `topics` names the task of each outbox topic, `handlers`
    what each kind of timer does, `duties` what else is to be done over and over. `concurrency` is how many jobs run at
    once. In a thread that is not the main one, only `stop` ends it. A job that is still running when the time is up is
    run again by the next worker.
    """
    stop = stop or threading.Event()
    keep_what_is_loaded()
    all_duties = [*duties, *_duties(database, clock, app, topics, handlers, stop.is_set)]
    _log.info("worker.started", tasks=sorted(set(topics.values())), timers=sorted(handlers))
    asyncio.run(_work(app, all_duties, concurrency, stop))


def keep_what_is_loaded() -> None:
    """What is loaded by now stays: leave it out of every garbage collection to come, which else costs a fifth of a
    sweep.
    """
    gc.collect()
    gc.freeze()


async def _work(app: procrastinate.App, duties: Sequence[Duty], concurrency: int, stop: threading.Event) -> None:
    with _signals_set(stop):
        stopped = asyncio.Event()
        loops = [asyncio.create_task(_keep_doing(duty, stopped), name=duty.name) for duty in duties]
        queue = asyncio.create_task(_keep_running_jobs(app, concurrency, stopped), name="jobs")
        await in_thread(stop.wait, name="stop")
        _log.info("worker.stopping")
        stopped.set()
        queue.cancel()
        await _end([*loops, queue])
        _log.info("worker.stopped")


def _duties(
    database: Database,
    clock: Clock,
    app: procrastinate.App,
    topics: Mapping[str, str],
    handlers: Mapping[TimerKind, Handler],
    is_stopping: Callable[[], bool],
) -> list[Duty]:
    failures = timers.Failures()

    def sweep() -> int:
        return timers.sweep(database, now=clock.now(), handlers=handlers, failures=failures, is_stopping=is_stopping)

    def relay() -> int:
        return outbox.relay(database, app, topics=topics, now=clock.now(), is_stopping=is_stopping)

    def report() -> int:
        outbox.report_unknown(database, topics=topics)
        return 0

    def forget() -> int:
        deleted = outbox.forget(database, now=clock.now(), is_stopping=is_stopping)
        _log.info("worker.forgot", **deleted)
        return 0

    return [
        Duty("sweep", SWEEP_EVERY_SECONDS, sweep),
        Duty("relay", RELAY_EVERY_SECONDS, relay),
        Duty("report", REPORT_EVERY_SECONDS, report),
        Duty("forget", FORGET_EVERY_SECONDS, forget),
    ]


async def _keep_doing(duty: Duty, stopped: asyncio.Event) -> None:
    failed = 0
    while not stopped.is_set():
        pause = duty.every_seconds
        try:
            if await in_thread(duty.turn, name=duty.name):
                pause = 0.0
            failed = 0
        except Exception as error:
            failed += 1
            pause = _back_off(failed)
            _log.error(
                "worker.duty_failed",
                duty=duty.name,
                failed=failed,
                again_in_seconds=pause,
                error=repr(error),
                exc_info=error if failed == 1 else None,
            )
        await _pause(pause, stopped)


def _back_off(failed: int) -> float:
    return float(min(FIRST_BACK_OFF_SECONDS * 2 ** min(failed, 10), LONGEST_BACK_OFF_SECONDS))


async def _pause(seconds: float, stopped: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopped.wait(), seconds)


async def _keep_running_jobs(app: procrastinate.App, concurrency: int, stopped: asyncio.Event) -> None:
    """Run the queue's worker; when it ends because the database went away, start it again."""
    failed = 0
    while not stopped.is_set():
        try:
            await app.open_async()
            failed = 0
            await _run_jobs(app, concurrency)
        except Exception as error:
            failed += 1
            _log.error("worker.jobs_failed", failed=failed, error=repr(error.__cause__ or error))
        finally:
            with contextlib.suppress(exceptions.ConnectorException):
                await app.close_async()
        await _pause(_back_off(failed), stopped)


async def _run_jobs(app: procrastinate.App, concurrency: int) -> None:
    side = [asyncio.create_task(_rescue(app), name="rescue"), asyncio.create_task(_clean(app), name="clean")]
    try:
        await app.run_worker_async(
            concurrency=concurrency,
            install_signal_handlers=False,
            delete_jobs=jobs.DeleteJobCondition.SUCCESSFUL,
            fetch_job_polling_interval=1.0,
            shutdown_graceful_timeout=FINISH_SECONDS - 1,
            stalled_worker_timeout=STALLED_SECONDS,
        )
    finally:
        for task in side:
            task.cancel()
        await asyncio.gather(*side, return_exceptions=True)


async def _rescue(app: procrastinate.App) -> None:
    """Put the jobs of dead workers back; a job that outlived many workers may be what kills them, and is failed."""
    while True:
        with contextlib.suppress(exceptions.ConnectorException):  # the database is away, or another was faster
            for job in await app.job_manager.get_stalled_jobs(seconds_since_heartbeat=STALLED_SECONDS):
                _log.warning("worker.job_rescued", job=job.id, task=job.task_name, attempts=job.attempts)
                if job.attempts + 1 < ATTEMPTS:
                    await app.job_manager.retry_job(job)
                else:
                    await app.job_manager.finish_job(job, jobs.Status.FAILED, delete_job=False)
        await asyncio.sleep(RESCUE_EVERY_SECONDS)


async def _clean(app: procrastinate.App) -> None:
    """Failed jobs stay for a month, to be looked at."""
    while True:
        with contextlib.suppress(exceptions.ConnectorException):
            await app.job_manager.delete_old_jobs(KEEP_FAILED_JOBS_HOURS, include_failed=True, include_aborted=True)
        await asyncio.sleep(FORGET_EVERY_SECONDS)


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Wait for what is under way, then leave it: its transaction is undone, its job is run again."""
    _, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
    for task in late:
        task.cancel()
    if late:
        _log.warning("worker.left_undone", tasks=sorted(task.get_name() for task in late))
        await asyncio.wait(late, timeout=LEAVE_SECONDS)
    for task in tasks:
        if task.done() and not task.cancelled() and (error := task.exception()):
            _log.error("worker.task_failed", task=task.get_name(), error=repr(error))


@contextlib.contextmanager
def _signals_set(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set `stop`, where we may listen to them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        yield
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
