"""Ways to break what `engine.invariants.books` holds, each of them alone."""

from datetime import timedelta
from typing import Any

from engine.ids import new_id
from models import LedgerAccount, OverdueFee, PeriodLock, RevenueRecognition, WriteOff
from tests import builders as build
from tests.builders import NOW, Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, post


def earned(world: World, amount_minor: int, *, posted_minor: int | None = None, sequence: int = 1) -> Row:
    """A step of recognition of Mia's first session, and what the books say of it."""
    step_id, account_id = new_id(), world.okafor["id"]
    posted = amount_minor if posted_minor is None else posted_minor
    build.post(world.tx, "RECOGNITION", step_id, "EARNED", account_id,
               {LedgerAccount.DEFERRED_REVENUE: posted, LedgerAccount.REVENUE: -posted})  # fmt: skip
    (entry,) = world.tx.rows("SELECT id FROM ledger_entry WHERE source_id = %(id)s", id=step_id)
    return build.add(
        world.tx, RevenueRecognition, id=step_id, invoice_line_id=world.mias.invoice_lines[0]["id"], sequence=sequence,
        entry_id=entry["id"], amount_minor=amount_minor, earned_on=NOW.date(),
    )  # fmt: skip


@breaks("recognised_within_invoiced")
def more_revenue_than_was_invoiced(world: World) -> None:
    earned(world, 1001)


@breaks("recognised_within_invoiced")
def revenue_taken_back_twice(world: World) -> None:
    for sequence, amount in enumerate((1000, -1000, -1000), start=1):
        earned(world, amount, sequence=sequence)


@breaks("recognition_is_in_the_books")
def revenue_that_is_posted_under_another_name(world: World) -> None:
    step = earned(world, 1000)
    world.tx.run("UPDATE ledger_entry SET source_kind = 'X' WHERE id = %(id)s", id=step["entry_id"])


@breaks("held_session_is_recognised")
def a_session_that_the_worker_passed_over(world: World) -> None:
    step = earned(world, 1000)
    late = world.mias.sessions[1]["ends_at"] + timedelta(days=3)
    world.tx.run("UPDATE revenue_recognition SET created_at = %(late)s WHERE id = %(id)s", late=late, id=step["id"])


@breaks("deferred_revenue_is_what_is_to_be_held")
def deferred_revenue_without_an_invoice(world: World) -> None:
    post(world, new_id(), "CHARGED", DEFERRED_REVENUE=-500, BANK=500)


@breaks("deferral_is_what_was_written")
def a_line_that_is_kept_with_more_than_was_earned(world: World) -> None:
    world.tx.run("UPDATE deferral SET earned_minor = earned_minor + 1 "
                 "WHERE id = (SELECT id FROM deferral ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("tax_is_what_documents_say")
def tax_without_an_invoice(world: World) -> None:
    post(world, new_id(), "CHARGED", TAX=-500, BANK=500)


@breaks("nothing_is_posted_into_a_locked_month")
def an_entry_in_a_locked_month(world: World) -> None:
    build.add(world.tx, PeriodLock, month=NOW.date().replace(day=1), note="", locked_at=NOW - timedelta(days=1),
              unlocked_at=NOW + timedelta(days=1), unlock_reason="x")  # fmt: skip


@breaks("posting_is_of_the_day_of_its_entry")
def a_posting_of_another_day(world: World) -> None:
    world.tx.run("UPDATE ledger_posting SET posted_on = posted_on + 1 "
                 "WHERE id = (SELECT id FROM ledger_posting ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("reversal_mirrors_what_it_reverses")
def half_a_reversal(world: World) -> None:
    post(world, new_id(), "PAID_OUT", BANK=500, GATEWAY_CLEARING=-500)
    (whole,) = world.tx.rows("SELECT id FROM ledger_entry WHERE purpose = 'PAID_OUT'")
    build.post(world.tx, "PAYMENT", new_id(), "HALF", world.okafor["id"],
               {LedgerAccount.BANK: -250, LedgerAccount.GATEWAY_CLEARING: 250}, reverses_id=whole["id"])  # fmt: skip


@breaks("write_off_settles_its_invoice")
def a_write_off_that_settles_nothing(world: World) -> None:
    assert world.anas.invoice is not None
    given_up = build.add(
        world.tx, WriteOff, account_id=world.chen["id"], invoice_id=world.anas.invoice["id"], amount_minor=100,
        reason="moved", written_off_on=NOW.date(),
    )  # fmt: skip
    build.post(world.tx, "WRITE_OFF", given_up["id"], "WRITTEN_OFF", world.chen["id"],
               {LedgerAccount.WRITE_OFF: 100, LedgerAccount.RECEIVABLE: -100})  # fmt: skip


def paid_late(world: World, **columns: Any) -> Row:
    """Ana's invoice was charged a fee."""
    assert world.anas.invoice is not None
    return build.add(
        world.tx, OverdueFee, reference="OF-1", account_id=world.chen["id"], invoice_id=world.anas.invoice["id"],
        booking_id=world.anas.invoice["booking_id"], amount_minor=100, overdue_minor=1000,
        due_on=NOW.date() - timedelta(days=9), charged_on=NOW.date(), created_at=NOW, **columns,
    )  # fmt: skip


@breaks("overdue_fee_is_invoiced")
def a_fee_that_no_invoice_asks_for(world: World) -> None:
    paid_late(world)


@breaks("overdue_fee_is_invoiced")
def a_fee_on_the_line_of_a_session(world: World) -> None:
    fee = paid_late(world, waived_at=NOW, waive_reason="x")
    change(world, "invoice_line", world.anas.invoice_lines[0], "overdue_fee_id = %(fee)s", fee=fee["id"])
