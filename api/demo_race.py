"""Many clients in processes of their own want the last place at the same moment.

`python -m api.demo_race` reads the race from standard input and prints the outcomes: a small process without threads,
so that it may fork its runners instead of loading the program once for each.
"""

import json
import multiprocessing
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from uuid import UUID

from engine.actor import Actor
from engine.database import Database
from engine.errors import TermbookError
from models import ActorKind, TermBookingConfirmationType
from workflows import term_booking_order as orders


@dataclass(frozen=True, slots=True)
class Runner:
    """One client: the order it will submit, at the price it was shown."""

    order_id: UUID
    account_id: UUID
    price_fingerprint: str


@dataclass(frozen=True, slots=True)
class Race:
    """Where it is run, and by whom."""

    url: str
    organisation_id: UUID
    now: datetime
    runners: Sequence[Runner]


def race(given: Race) -> dict[str, int]:
    """Submit all orders at once, each from its own process; returns how many ended how."""
    done = subprocess.run(
        [sys.executable, "-m", "api.demo_race"], input=json.dumps(asdict(given), default=str), text=True,
        stdout=subprocess.PIPE, check=True,
    )  # fmt: skip
    outcomes: dict[str, int] = json.loads(done.stdout)
    return outcomes


def main() -> None:
    given = json.load(sys.stdin)
    runners = [Runner(UUID(r["order_id"]), UUID(r["account_id"]), r["price_fingerprint"]) for r in given["runners"]]
    context = multiprocessing.get_context("fork")
    start: Barrier = context.Barrier(len(runners))
    outcomes: SimpleQueue[str] = context.SimpleQueue()
    known = (given["url"], UUID(given["organisation_id"]), datetime.fromisoformat(given["now"]))
    processes = [context.Process(target=_submit, args=(*known, runner, start, outcomes)) for runner in runners]
    for process in processes:
        process.start()
    counted = Counter(outcomes.get() for _ in processes)
    for process in processes:
        process.join()
    print(json.dumps(counted))


def _submit(
    url: str, organisation_id: UUID, now: datetime, runner: Runner, start: Barrier, outcomes: "SimpleQueue[str]"
) -> None:
    database = Database(url, pool_size=1)
    family = Actor(ActorKind.FAMILY, account_ids=frozenset({runner.account_id}))
    submit = partial(
        orders.submit, order_id=runner.order_id, confirmation_type=TermBookingConfirmationType.PAY_NOW_PAY_ALL,
        price_fingerprint=runner.price_fingerprint, actor=family, now=now,
    )  # fmt: skip
    try:
        with database.transaction(organisation_id):
            start.wait(60)
        database.run(organisation_id, submit)
        outcomes.put("got the place")
    except TermbookError as error:
        outcomes.put("refused: " + ", ".join(sorted({r.code for r in error.reasons}) or [error.code]))
    except Exception as error:
        outcomes.put(f"failed: {error!r}")
        raise
    finally:
        database.close()


if __name__ == "__main__":
    main()
