"""Ways to break what `engine.invariants.debit` holds, each of them alone."""

from engine.ids import new_id
from models import DebitRun, DebitRunEntry
from tests import builders as build
from tests.builders import NOW, Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


def a_run(world: World, payment: Row, *, debits: int = 1, total_minor: int = 0) -> Row:
    total = total_minor or payment["amount_minor"]
    run = build.add(world.tx, DebitRun, reference=f"DR-{new_id()}", scheme="SEPA", collect_on=NOW.date(),
                    debits=debits, total_minor=total, content="x", made_at=NOW)  # fmt: skip
    return build.add(world.tx, DebitRunEntry, run_id=run["id"], payment_id=payment["id"],
                     amount_minor=payment["amount_minor"])  # fmt: skip


@breaks("debit_is_in_one_run")
def a_run_of_more_debits_than_it_has(world: World) -> None:
    a_run(world, world.returned, debits=2)


@breaks("debit_is_in_one_run")
def a_debit_in_two_runs(world: World) -> None:
    drop(world, "debit_run_entry", "uq_debit_run_entry_organisation_id_payment_id")
    a_run(world, world.returned)
    a_run(world, world.returned)


@breaks("debit_of_a_run_was_handed_over")
def a_run_of_a_payment_that_is_no_debit(world: World) -> None:
    a_run(world, world.paid["leo"])


@breaks("debit_is_of_its_payer")
def a_debit_from_the_neighbours(world: World) -> None:
    change(world, "direct_debit_mandate", {"id": world.returned["mandate_id"]}, "account_id = %(id2)s",
           id2=world.okafor["id"])  # fmt: skip


@breaks("returned_debit_is_undone")
def a_return_that_is_forgotten(world: World) -> None:
    change(world, "payment", world.returned, "returned_at = NULL")


@breaks("returned_debit_is_undone")
def a_failed_debit_called_returned(world: World) -> None:
    drop(world, "payment", "ck_payment_only_by_bank_or_hand_is_returned")
    change(world, "payment", world.failed, "returned_at = %(now)s", now=NOW)
