"""`python -m bench`: measure the engine against its floor and print the ratios.

Uses the server of DATABASE_URL (a superuser's address), else the embedded one, in a database of its own.
"""

from typing import Annotated

import psycopg
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench import sweep
from bench.database import own_database
from bench.measure import CLIENTS, QUICK, USUAL_SIZE, Measured, Plan, Workshop, open_clients
from bench.report import show
from bench.served import serving
from bench.sweep import Overdue
from bench.world import SIZES, build_world
from engine.settings import settings


def main(
    quick: Annotated[bool, typer.Option(help="A look in seconds: fewer and shorter rounds.")] = False,
    overdue: Annotated[int, typer.Option(help="So many timeouts are due for the sweepers, on each side.")] = 6_000,
    only_sweep: Annotated[bool, typer.Option(help="Nothing but the sweepers.")] = False,
    sessions: Annotated[int, typer.Option(help="So many sessions has each overdue order: 1, 10 or 50.")] = USUAL_SIZE,
) -> None:
    """Submit and confirm of an order: the floor, the engine in process, and HTTP, side by side; then the sweepers."""
    console = Console()
    if not only_sweep:
        _orders(console, QUICK if quick else Plan())
    _sweep(console, overdue // (3 if quick else 1), sessions)


def _orders(console: Console, plan: Plan) -> None:
    """Submit and confirm on every side."""
    with own_database(settings()) as url, psycopg.connect(url, autocommit=True) as owner:
        with console.status("Making eight organisations, and the floor from what the engine writes"):
            workshop = Workshop(owner, url=url, role=settings().app_role, organisations=build_world(owner))
            statements = workshop.count_statements(plan.counted_orders)
        with serving(url) as served:
            many, one, sizes, sees_server = _measure(console, workshop, plan, served.base_url, served.pid)
        version = owner.info.parameter_status("server_version")
        show(
            console, many=many, one=one, sizes=sizes, statements=statements, server=f"PostgreSQL {version}",
            sees_server=sees_server, rows_per_order=workshop.rows_per_order,
        )  # fmt: skip


def _sweep(console: Console, orders: int, sessions: int) -> None:
    """The sweepers against their floor, in a database where nobody left a cart: every one there is becomes overdue."""
    with own_database(settings()) as url, psycopg.connect(url, autocommit=True) as owner:
        with console.status("Sweeping overdue orders"):
            overdue = Overdue(owner, url, settings().app_role, build_world(owner))
            swept = sweep.measure(overdue, orders=orders, sessions=sessions)
        sweep.show(console, swept, sessions=sessions)


def _measure(
    console: Console, workshop: Workshop, plan: Plan, base_url: str, api_pid: int
) -> tuple[Measured, Measured, list[Measured], bool]:
    """Many clients, one client, and one client at each size."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    clients = open_clients(workshop, base_url=base_url, api_pid=api_pid)
    try:
        with Progress(*columns, console=console) as progress:
            task = progress.add_task("A past, and warming up", total=plan.steps)

            def measure(number: int, sessions: int, rounds: int) -> Measured:
                progress.update(task, description=f"{sessions} sessions, {number} at once")
                return workshop.measure(
                    clients, number=number, sessions=sessions, rounds=rounds, seconds=plan.seconds,
                    tick=lambda: progress.advance(task),
                )  # fmt: skip

            workshop.live_in(clients, plan.orders_before)
            many = measure(CLIENTS, USUAL_SIZE, plan.rounds_of_many)
            one = measure(1, USUAL_SIZE, plan.rounds_of_one)
            sizes = [
                one if size == USUAL_SIZE else measure(1, size, plan.rounds_of_sizes) for size in SIZES
            ]  # fmt: skip
    finally:
        clients.close()
    return many, one, sizes, clients.sees_server


if __name__ == "__main__":
    typer.run(main)
