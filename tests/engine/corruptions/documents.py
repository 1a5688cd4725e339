"""Ways to break what `engine.invariants.documents` holds, each of them alone."""

from models import InvoiceRun
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, the_credit_note


@breaks("zero_statement_is_two_equal_halves")
def a_zero_statement_that_only_credits(world: World) -> None:
    change(world, "credit_note", the_credit_note(world), "series = 'ZS'")
    world.tx.run("UPDATE document_counter SET last_number = last_number - 1 WHERE series = 'CN'")


@breaks("document_is_numbered_in_its_year")
def an_invoice_of_the_last_day_of_the_old_year(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "invoice", world.mias.invoice, "issued_on = '2025-12-31'")


@breaks("run_issues_what_was_planned")
def an_invoice_of_a_run_that_nothing_was_planned_for(world: World) -> None:
    assert world.mias.invoice is not None
    run = build.add(world.tx, InvoiceRun, through=NOW.date(), previewed_invoices=1, previewed_minor=0, made_by="SYSTEM",
                    started_at=NOW)  # fmt: skip
    change(world, "invoice", world.mias.invoice, "run_id = %(run)s", run=run["id"])
