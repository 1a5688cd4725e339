"""For each invariant one way or more to break it and nothing else: what they are made of."""

from collections.abc import Callable
from typing import Any

from models import LedgerAccount, RollEvent
from tests import builders as build
from tests.builders import Enrolled, Row
from tests.engine.check_world import World

Corruption = Callable[[World], object]

CORRUPTIONS: list[tuple[str, Corruption]] = []


def breaks(invariant: str) -> Callable[[Corruption], Corruption]:
    def remember(corruption: Corruption) -> Corruption:
        CORRUPTIONS.append((invariant, corruption))
        return corruption

    return remember


def drop(world: World, table: str, constraint: str) -> None:
    """Let a corruption past a constraint of the database, named by how its name begins."""
    names = world.tx.rows(
        "SELECT conname FROM pg_constraint WHERE conrelid = %(table)s::regclass AND starts_with(conname, %(name)s)",
        table=table, name=constraint,
    )  # fmt: skip
    assert len(names) == 1, f"{constraint} is one constraint of {table}: {names}"
    world.tx.run(f'ALTER TABLE {table} DROP CONSTRAINT "{names[0]["conname"]}"')


def change(world: World, table: str, row: Row, assignments: str, **values: Any) -> None:
    changed = world.tx.run(f"UPDATE {table} SET {assignments} WHERE id = %(id)s", id=row["id"], **values)
    assert changed == 1, "the corruption found its row"


def the_credit_note(world: World) -> Row:
    (note,) = world.tx.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s", id=world.closing.booking["id"])
    return note


def closed_day(world: World, *, is_credited: bool = True) -> Enrolled:
    """Ana's only session of a booking was closed."""
    closed: Enrolled = world.ordered(build.confirmed, 10)
    build.give_up(world.tx, closed, 0, is_credited=is_credited)
    change(world, "term_booking_line", closed.booking_lines[0], "cancelled_at = NULL, kind = 'CLOSURE_DAY'")
    if is_credited:
        change(world, "term_booking", closed.booking, "payment_state = 'PAID'")
    return closed


def post(world: World, source_id: Any, purpose: str, **amounts: int) -> None:
    postings = {LedgerAccount(name): amount for name, amount in amounts.items()}
    build.post(world.tx, "PAYMENT", source_id, purpose, world.okafor["id"], postings)


def closed(world: World, session: Row) -> None:
    change(world, "term_product", session, "roll_closed_at = %(at)s", at="2027-01-01T00:00:00Z")
    build.add(world.tx, RollEvent, term_product_id=session["id"], kind="CLOSED", at="2027-01-01T00:00:00Z")
