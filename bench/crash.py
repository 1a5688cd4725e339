"""`python -m bench.crash`: kill -9 of everything under load, and then the proof that every word was kept.

Real processes over HTTP on the loopback, on an embedded PostgreSQL with its durability as it comes. Clients order and
retry with the same Idempotency-Key; at random moments the API, the worker or PostgreSQL is killed and started again.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom
from typing import Annotated, Any
from uuid import UUID

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from api.credentials import hash_of, new_secret, token_text
from bench.crash_clients import Centre, Client, Family, Journal
from bench.crash_proof import armed, count, failings, own, settle
from bench.crash_services import Installation, Victim, installed
from catalogue.rules import Rule, set_rule
from engine.database import Database, Transaction
from engine.ids import new_id
from engine.schema import migrate
from models import (
    Credential,
    CredentialKind,
    Program,
    ProgramCategory,
    ProgramType,
    Role,
    RuleScope,
    Site,
    Term,
    TermProduct,
    TermProgramSet,
    TermStatus,
    User,
)
from models.offering import OfferingStatus
from samples.sample import Child, add_family, make_organisation

CLOCK_START = datetime(2026, 3, 31, 13, tzinfo=UTC)
CLIENTS = 8
_CHILDREN = 25
_OFFERINGS, _SESSIONS = 24, 4
# Every third offering is small, so that places run out and are fought for.
_CAPACITY, _SMALL = 500, 12
_AUTO_CANCEL_MINUTES = 1
# A kill comes after so many more answers, or after a while without them: it may hit what is just coming up. The while
# is a twelfth of the whole run, within these bounds, so that also a short one kills everything.
_ANSWERS_BETWEEN_KILLS = (1, 80)
_LONGEST_PAUSE_SECONDS = (3.0, 10.0)


@dataclass
class Report:
    """What happened, and what should not have."""

    seed: int
    seconds: float = 0.0
    kills: Counter[Victim] = field(default_factory=Counter)
    restarts: Counter[str] = field(default_factory=Counter)
    journals: list[Journal] = field(default_factory=list)
    timeouts: int = 0
    timeouts_at_the_end: int = 0
    messages: int = 0
    faults: list[str] = field(default_factory=list)
    folder: Path = Path()  # of the data and logs; it is kept when there are faults

    @property
    def acknowledged(self) -> int:
        return sum(len(journal.orders) for journal in self.journals)

    @property
    def retries(self) -> int:
        return sum(journal.retries for journal in self.journals)


Tick = Callable[[float, str], None]


def _silent(past: float, what: str) -> None:
    """Nobody watches."""


def crash(*, seconds: float, seed: int, tick: Tick = _silent) -> Report:
    """Run it and return what was found; `tick` hears the seconds done and what is being done. Nothing stays behind."""
    found = Report(seed)
    with installed(clock_start=CLOCK_START) as installation:
        load(installation, found, seconds=seconds, tick=tick)
        tick(seconds, "The dust settles")
        prove(installation, found)
        installation.is_suspect = bool(found.faults)
        found.folder = installation.folder
    return found


def load(installation: Installation, found: Report, *, seconds: float, tick: Tick = _silent) -> None:
    """Open a centre and let clients order while everything is killed in turn, until each has its last answer."""
    centre = _make_centre(installation.server.url)
    installation.start()
    installation.wait_until_up()
    started = time.monotonic()
    found.journals = _order_and_kill(installation, centre, found.seed, seconds=seconds, tick=tick)
    found.seconds = time.monotonic() - started
    found.kills, found.restarts = installation.kills, installation.restarts


def _order_and_kill(
    installation: Installation, centre: Centre, seed: int, *, seconds: float, tick: Tick
) -> list[Journal]:
    """Clients at work, and `kill -9` at moments that follow from the seed."""
    stop = threading.Event()
    clients = [
        Client(number, seed=seed, base_url=installation.base_url, centre=centre, stop=stop) for number in range(CLIENTS)
    ]
    threads = [threading.Thread(target=client.run, name=f"client {n}") for n, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    try:
        _kill_now_and_then(installation, clients, Random(seed), seconds=seconds, tick=tick)
    finally:
        stop.set()
        tick(seconds, "Waiting for the last answers")
        for thread in threads:
            thread.join()
    return [client.journal for client in clients]


def _kill_now_and_then(
    installation: Installation, clients: Sequence[Client], chance: Random, *, seconds: float, tick: Tick
) -> None:
    """Each kind of victim comes once before any comes again."""
    started, deck = time.monotonic(), list[Victim]()
    shortest, longest = _LONGEST_PAUSE_SECONDS
    pause = min(max(seconds / 12, shortest), longest)
    while (past := time.monotonic() - started) < seconds:
        tick(past, f"{installation.kills.total()} killed")
        _wait_for_answers(clients, chance.randint(*_ANSWERS_BETWEEN_KILLS), at_most=min(pause, seconds - past))
        deck = deck or chance.sample(list(Victim), k=len(Victim))
        if installation.kill(deck[-1], chance):
            deck.pop()


def _wait_for_answers(clients: Sequence[Client], number: int, *, at_most: float) -> None:
    until = time.monotonic() + at_most
    enough = _answers(clients) + number
    while _answers(clients) < enough and time.monotonic() < until:
        time.sleep(0.01)


def _answers(clients: Sequence[Client]) -> int:
    return sum(len(client.journal.asks) for client in clients)


def prove(installation: Installation, found: Report) -> None:
    """Let the timeouts of what is unpaid come, then compare every word that was given with what there is."""
    installation.wait_until_up()
    with own(installation.server.url) as owner:
        found.timeouts_at_the_end = armed(owner)
        installation.move_clock(timedelta(minutes=_AUTO_CANCEL_MINUTES + 1))
        found.faults += settle(owner)
        found.timeouts = count(owner, "SELECT count(*) AS n FROM timer WHERE kind = 'AUTO_CANCEL' AND status = 'FIRED'")
        found.messages = count(owner, "SELECT count(*) AS n FROM outbox_message WHERE handed_over_at IS NOT NULL")
        with httpx.Client(base_url=installation.base_url, timeout=30, trust_env=False) as http:
            found.faults += failings(installation.server.url, owner, found.journals, http, Random(found.seed))
    found.faults += [fault for journal in found.journals for fault in journal.faults]
    found.faults += [f"worker: {line}" for line in installation.worker.log.read_text().splitlines()
                     if "timers.failed" in line]  # fmt: skip


def _make_centre(url: str) -> Centre:
    migrate(url)
    now = CLOCK_START
    organisation_id = make_organisation(url, slug="crash", name="Crash Centre", now=now)
    database = Database(url)
    try:
        return database.run(organisation_id, lambda tx: _fill(tx, now))
    finally:
        database.close()


def _fill(tx: Transaction, now: datetime) -> Centre:
    key: dict[str, Any] = {"organisation_id": tx.organisation_id}
    session = tx.session
    site = Site(**key, name="Centre", time_zone="America/Toronto")
    term = Term(**key, name="Spring 2026", starts_on=date(2026, 4, 1), ends_on=date(2026, 6, 30),
                status=TermStatus.OPEN)  # fmt: skip
    category = ProgramCategory(**key, name="Classes", program_type=ProgramType.CLASS)
    session.add_all([site, term, category])
    session.flush()
    program = Program(**key, category_id=category.id, site_id=site.id, name="Karate")
    session.add(program)
    minutes = {"PAY_NOW_PAY_ALL": _AUTO_CANCEL_MINUTES}
    set_rule(tx, RuleScope.ORGANISATION, tx.organisation_id, Rule.AUTO_CANCEL, minutes)
    session.flush()
    offerings = [_offering(tx, program.id, term.id, number) for number in range(_OFFERINGS)]
    families = [_family(tx, number, now) for number in range(CLIENTS)]
    return Centre(_login(tx, "admin", Role.ADMIN, now)[1], str(term.id), families, offerings)


def _offering(tx: Transaction, program_id: UUID, term_id: UUID, number: int) -> list[str]:
    """An hour a week; two offerings share each slot, so that children collide."""
    capacity = _SMALL if number % 3 == 0 else _CAPACITY
    offering = TermProgramSet(
        organisation_id=tx.organisation_id, term_id=term_id, program_id=program_id, name=f"Karate {number + 1}",
        status=OfferingStatus.PUBLISHED, session_price_minor=1130, capacity=capacity,
    )  # fmt: skip
    tx.session.add(offering)
    tx.session.flush()
    first = datetime(2026, 4, 6, 13, tzinfo=UTC) + timedelta(hours=number // 2)
    sessions = [_session(tx, offering, first + timedelta(weeks=week)) for week in range(_SESSIONS)]
    tx.session.add_all(sessions)
    return [str(one.id) for one in sessions]


def _session(tx: Transaction, offering: TermProgramSet, starts_at: datetime) -> TermProduct:
    local = starts_at - timedelta(hours=4)  # Toronto in summer time
    ends_at = starts_at + timedelta(hours=1)
    return TermProduct(
        organisation_id=tx.organisation_id, term_program_set_id=offering.id, starts_at=starts_at, ends_at=ends_at,
        local_date=local.date(), local_start=local.time(), local_end=(local + timedelta(hours=1)).time(),
        price_minor=offering.session_price_minor, capacity=offering.capacity,
    )  # fmt: skip


def _family(tx: Transaction, number: int, now: datetime) -> Family:
    user_id, token = _login(tx, f"family{number}", Role.FAMILY, now)
    children = tuple(Child(f"Child {number}.{one}", date(2017, 2, 3)) for one in range(_CHILDREN))
    made = add_family(
        tx, name=f"Family {number}", email=f"family{number}@crash.example", user_id=user_id, children=children, now=now
    )
    tx.run("UPDATE account SET credit_limit_minor = 1000000000 WHERE organisation_id = %(org)s")
    return Family(token, str(made.account_id), [str(one) for one in made.attendee_ids])


def _login(tx: Transaction, name: str, role: Role, now: datetime) -> tuple[UUID, str]:
    user = User(organisation_id=tx.organisation_id, email=f"{name}@crash.example", name=name, roles=[role.value],
                created_at=now)  # fmt: skip
    tx.session.add(user)
    tx.session.flush()
    secret = new_secret()
    tx.session.add(Credential(
        organisation_id=tx.organisation_id, id=new_id(), kind=CredentialKind.TOKEN, user_id=user.id,
        secret_hash=hash_of(secret), created_at=now, expires_at=now + timedelta(days=365),
    ))  # fmt: skip
    return user.id, token_text(tx.organisation_id, secret)


def main(
    seconds: Annotated[float, typer.Option(help="How long the load and the kills go on.")] = 120.0,
    seed: Annotated[int | None, typer.Option(help="What the clients and the kills follow from; else drawn.")] = None,
) -> None:
    """Kill everything under load, prove that every acknowledged order is there; exits 1 if not."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console()
    seed = SystemRandom().randrange(1_000_000) if seed is None else seed
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(f"Seed {seed}: starting", total=seconds)

        def tick(past: float, what: str) -> None:
            progress.update(task, completed=past, description=f"Seed {seed}: {what}")

        found = crash(seconds=seconds, seed=seed, tick=tick)
    show(console, found)
    raise typer.Exit(1 if found.faults else 0)


def show(console: Console, found: Report) -> None:
    asks = [ask for journal in found.journals for ask in journal.asks]
    unavailable: Counter[str] = sum((journal.unavailable for journal in found.journals), Counter())
    stands = Counter(order.status for journal in found.journals for order in journal.orders)
    table = Table("", "", title=f"{found.seconds:.0f} s of load, seed {found.seed}", show_header=False)
    table.add_row("orders acknowledged", f"{found.acknowledged} ({_words(stands)})")
    table.add_row("requests answered", f"{len(asks)} ({_words(Counter(str(ask.status) for ask in asks))})")
    table.add_row("killed", f"{found.kills.total()} ({_words(found.kills)})")
    table.add_row("started again", _words(found.restarts))
    broken = sum(journal.broken for journal in found.journals)
    table.add_row("retries with the same key", f"{found.retries} (broken {broken}; {_words(unavailable)})")
    table.add_row("timeouts", f"{found.timeouts} fired, {found.timeouts_at_the_end} of them after the dust settled")
    table.add_row("messages handed over", str(found.messages))
    console.print(table)
    for fault in found.faults:
        console.print(f"[red]✗[/] {fault}", highlight=False)
    if found.faults:
        console.print(f"Data and logs are kept in {found.folder}.")
    else:
        console.print("Every acknowledged order is there, no key was applied twice, all invariants hold.")


def _words(counted: Counter[str] | Counter[Victim]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counted.most_common())


if __name__ == "__main__":
    typer.run(main)
