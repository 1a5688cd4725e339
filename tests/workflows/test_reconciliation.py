"""What the provider has on its books against ours: the sandbox keeps a truth of its own."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from engine.database import Database
from models import PaymentStatus
from tests.billing.sandbox import Sandbox, running_sandbox
from tests.workflows.payment_world import PayWorld, make_world
from workflows import payment_events, payments
from workflows.reconciliation import DifferenceKind, Reconciliation, reconcile

RETURN = "http://127.0.0.1:9/orders"


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with running_sandbox(Path(tmp_path_factory.mktemp("reconciled")) / "own.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture
def world(database: Database, database_url: str) -> PayWorld:
    return make_world(database, database_url, name=f"Centre {uuid4()}")


def compared(world: PayWorld, sandbox: Sandbox) -> Reconciliation:
    now = sandbox.clock.now()
    return reconcile(world.database, world.organisation_id, sandbox.gateway, since=now - timedelta(days=1),
                     until=now + timedelta(days=1))  # fmt: skip


def open_page(world: PayWorld, sandbox: Sandbox) -> payments.StartedPayment:
    placed = world.place(now=sandbox.clock.now())
    return payments.open_checkout(
        world.database, world.organisation_id, sandbox.gateway, order_id=placed.id, actor=placed.family,
        return_url=RETURN, webhook_url=None, now=sandbox.clock.now(),
    )  # fmt: skip


def ask(world: PayWorld, sandbox: Sandbox) -> None:
    later = sandbox.clock.now() + timedelta(minutes=70)
    payment_events.query_processing(world.database, {"sandbox": sandbox.gateway}, now=later)


def test_agree_when_all_news_arrived(world: PayWorld, sandbox: Sandbox) -> None:
    paid = open_page(world, sandbox)
    assert paid.checkout_url is not None
    sandbox.visit(paid.checkout_url)
    open_page(world, sandbox)
    ask(world, sandbox)

    assert compared(world, sandbox) == Reconciliation(2, ())


def test_differ_when_news_were_lost(world: PayWorld, sandbox: Sandbox) -> None:
    paid = open_page(world, sandbox)
    assert paid.checkout_url is not None
    sandbox.visit(paid.checkout_url)

    [difference] = compared(world, sandbox).differences

    assert (difference.kind, difference.references) == (DifferenceKind.DIFFERS, (paid.reference,))
    assert difference.here is not None
    assert difference.there is not None
    assert (difference.here.status, difference.there.status) == (PaymentStatus.PENDING, PaymentStatus.SUCCESS)


def captured(world: PayWorld, sandbox: Sandbox) -> Any:
    """A payment that both sides have, of which nothing went back."""
    paid = open_page(world, sandbox)
    assert paid.checkout_url is not None
    sandbox.visit(paid.checkout_url)
    ask(world, sandbox)
    assert compared(world, sandbox).differences == ()
    with world.database.transaction(world.organisation_id) as tx:
        return tx.row("SELECT * FROM payment WHERE id = %(id)s", id=paid.payment_id)


def sides(world: PayWorld, sandbox: Sandbox, name: str) -> tuple[tuple[str, ...], int, int]:
    """Of the one difference: in what they differ, and what each side says of it."""
    [difference] = compared(world, sandbox).differences
    assert difference.kind is DifferenceKind.DIFFERS
    return difference.differs_in, getattr(difference.here, name), getattr(difference.there, name)


def test_differ_where_money_was_given_back_at_the_provider(world: PayWorld, sandbox: Sandbox) -> None:
    paid = captured(world, sandbox)

    sandbox.gateway.refund(key=str(uuid4()), external_id=paid["external_id"], amount_minor=1_00, currency="CAD")

    assert sides(world, sandbox, "refunded_minor") == (("refunded_minor",), 0, 1_00)


def a_refund(world: PayWorld, paid: Any, **columns: Any) -> None:
    """Ours, as if it had been approved."""
    with psycopg.connect(world.url) as owner:
        owner.execute("SET session_replication_role = replica")  # what it refers to is of no interest here
        owner.execute("SELECT set_config('app.organisation_id', %s, true)", [str(world.organisation_id)])
        row = {
            "organisation_id": world.organisation_id, "id": uuid4(), "request_id": uuid4(), "wallet_entry_id": uuid4(),
            "account_id": paid["account_id"], "payment_id": paid["id"], "amount_minor": 1_00, "currency": "CAD",
            "provider": "sandbox", "status": "PENDING", "created_at": paid["created_at"],
            "updated_at": paid["created_at"], **columns,
        }  # fmt: skip
        owner.execute(f"INSERT INTO refund ({', '.join(row)}) VALUES ({', '.join(['%s'] * len(row))})",
                      list(row.values()))  # fmt: skip


def test_differ_where_the_provider_forgot_what_we_had_sent(world: PayWorld, sandbox: Sandbox) -> None:
    paid = captured(world, sandbox)

    a_refund(world, paid, status="SUCCEEDED")

    assert sides(world, sandbox, "refunded_minor") == (("refunded_minor",), 1_00, 0)


def test_agree_on_a_refund_that_is_not_asked_for_yet_and_on_one_that_is(world: PayWorld, sandbox: Sandbox) -> None:
    paid = captured(world, sandbox)
    a_refund(world, paid)
    assert compared(world, sandbox).differences == ()

    a_refund(world, paid, amount_minor=2_00, asked_at=paid["created_at"])
    sandbox.gateway.refund(key=str(uuid4()), external_id=paid["external_id"], amount_minor=2_00, currency="CAD")

    assert compared(world, sandbox).differences == ()


def test_differ_where_a_dispute_was_not_heard_of_until_it_is_won(world: PayWorld, sandbox: Sandbox) -> None:
    paid = captured(world, sandbox)

    dispute = sandbox.dispute(paid["external_id"], amount_minor=3_00)
    assert sides(world, sandbox, "disputed_minor") == (("disputed_minor",), 0, 3_00)
    sandbox.decide(dispute, "won")

    assert compared(world, sandbox).differences == ()


def test_tell_what_only_one_side_knows(world: PayWorld, sandbox: Sandbox) -> None:
    stranger = sandbox.gateway.create_checkout(
        key=str(uuid4()), amount_minor=500, currency="CAD", description="", return_url=RETURN,
        merchant=str(world.organisation_id),
    )  # fmt: skip
    lost = open_page(world, sandbox)
    with world.database.transaction(world.organisation_id) as tx:
        tx.run("UPDATE payment SET id = %(other)s, external_id = 'co_unheard_of' WHERE id = %(id)s",
               id=lost.payment_id, other=uuid4())  # fmt: skip

    found = {(d.kind, d.external_id) for d in compared(world, sandbox).differences}

    assert found == {
        (DifferenceKind.MISSING_HERE, stranger.external_id),
        (DifferenceKind.MISSING_HERE, lost.external_id),
        (DifferenceKind.MISSING_THERE, "co_unheard_of"),
    }


def test_leaves_other_organisations_out(
    world: PayWorld, sandbox: Sandbox, database: Database, database_url: str
) -> None:
    open_page(make_world(database, database_url, name=f"Other {uuid4()}"), sandbox)

    assert compared(world, sandbox) == Reconciliation(0, ())
