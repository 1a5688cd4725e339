"""A worker in a process of its own, to be stopped or killed: `python -m tests.engine.worker_process <url> <how>`.

Its one task writes into the table `done`; told to `hang`, it then never ends.
"""

import sys
import threading
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from engine.clock import FrozenClock
from engine.database import Database, Transaction
from engine.jobs import make_app
from engine.timers import Due, Handler
from engine.worker import run_worker
from models.timer import TimerKind
from tests.engine.later import NOW

TOPICS = {"mail": "send_mail"}


def cancel(transaction: Transaction, due: Sequence[Due], now: datetime) -> None:
    transaction.run(
        "UPDATE subject SET cancelled = cancelled + 1 WHERE organisation_id = %(org)s AND id = ANY (%(ids)s)",
        ids=[timer.subject_id for timer in due],
    )


HANDLERS = {TimerKind.AUTO_CANCEL: Handler("subject", cancel)}


def main(url: str, how: str) -> None:
    database = Database(url)

    def send_mail(*, organisation_id: UUID, message_id: UUID) -> None:
        database.run(organisation_id, lambda work: work.run("INSERT INTO done VALUES (%(id)s)", id=message_id))
        if how == "hang":
            threading.Event().wait()

    app = make_app(url, tasks={"send_mail": send_mail})
    run_worker(database, FrozenClock(NOW), app=app, topics=TOPICS, handlers=HANDLERS)
    database.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
