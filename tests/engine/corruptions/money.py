"""Ways to break what `engine.invariants.money` holds, each of them alone."""

from engine.ids import new_id
from models import LedgerEntry, PaymentAllocation, PaymentDispute, ProcessedEvent
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop, post, the_credit_note


@breaks("issued_credit_note_is_posted")
def a_credit_note_that_is_not_in_the_books(world: World) -> None:
    world.tx.run("UPDATE ledger_entry SET purpose = 'x' WHERE source_id = %(id)s", id=the_credit_note(world)["id"])


@breaks("credit_settles_what_it_corrects")
def a_credit_that_lost_a_cent(world: World) -> None:
    world.tx.run("UPDATE credit_allocation SET amount_minor = amount_minor - 1 WHERE credit_note_id = %(id)s",
                 id=the_credit_note(world)["id"])  # fmt: skip


@breaks("ledger_entry_balances")
def a_posting_that_lost_a_cent(world: World) -> None:
    post(world, new_id(), "PAID_OUT", BANK=500, GATEWAY_CLEARING=-499)


@breaks("source_is_posted_once")
def a_payment_posted_again(world: World) -> None:
    drop(world, "ledger_entry", "uq_ledger_entry_organisation_id_source_kind")
    build.add(
        world.tx, LedgerEntry, posted_on=NOW.date(), source_kind="PAYMENT", source_id=world.paid["mia"]["id"],
        purpose="CAPTURED",
    )  # fmt: skip


@breaks("issued_invoice_is_posted")
def an_invoice_that_is_not_in_the_books(world: World) -> None:
    assert world.mias.invoice is not None
    world.tx.run("UPDATE ledger_entry SET purpose = 'x' WHERE source_id = %(id)s", id=world.mias.invoice["id"])


@breaks("captured_payment_is_posted")
def a_payment_that_is_not_in_the_books(world: World) -> None:
    world.tx.run("UPDATE ledger_entry SET purpose = 'x' WHERE source_id = %(id)s", id=world.paid["mia"]["id"])


@breaks("captured_payment_is_posted")
def a_failed_payment_in_the_books(world: World) -> None:
    amount = world.failed["amount_minor"]
    post(world, world.failed["id"], "CAPTURED", GATEWAY_CLEARING=amount, CUSTOMER_CREDIT=-amount)


@breaks("capture_is_what_was_written")
def a_payment_that_is_kept_with_more_than_was_posted(world: World) -> None:
    world.tx.run("UPDATE capture SET posted_minor = posted_minor + 1 "
                 "WHERE id = (SELECT id FROM capture ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("capture_is_what_was_written")
def a_payment_that_is_kept_as_posted_on_another_day(world: World) -> None:
    world.tx.run("UPDATE capture SET captured_on = captured_on - 1 "
                 "WHERE id = (SELECT id FROM capture WHERE captured_on IS NOT NULL ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("receivable_is_what_was_written")
def an_invoice_that_is_kept_with_more_than_was_paid(world: World) -> None:
    world.tx.run("UPDATE receivable SET paid_minor = paid_minor + 1 "
                 "WHERE id = (SELECT id FROM receivable ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("receivable_is_what_was_written")
def an_invoice_that_is_kept_as_paid_at_another_time(world: World) -> None:
    world.tx.run("UPDATE receivable SET moved_at = moved_at - interval '1 day' "
                 "WHERE id = (SELECT id FROM receivable WHERE moved_at IS NOT NULL ORDER BY id LIMIT 1)")  # fmt: skip


@breaks("customer_credit_is_never_overdrawn")
def credit_that_nobody_paid_in(world: World) -> None:
    post(world, new_id(), "PAID_OUT", CUSTOMER_CREDIT=500, GATEWAY_CLEARING=-500)


@breaks("wallet_is_never_below_zero")
def a_wallet_below_zero(world: World) -> None:
    post(world, new_id(), "SPENT", WALLET=500, REVENUE=-500)


@breaks("wallet_is_never_below_zero")
def a_bonus_below_zero(world: World) -> None:
    post(world, new_id(), "SPENT", BONUS=500, REVENUE=-500)


@breaks("receivable_is_what_is_owed")
def a_debt_without_an_invoice(world: World) -> None:
    post(world, new_id(), "CHARGED", RECEIVABLE=500, REVENUE=-500)


@breaks("disputes_are_taken_once")
def a_payment_taken_back_by_nobody(world: World) -> None:
    change(world, "payment", world.paid["leo"], "disputed_minor = 1")


@breaks("disputes_are_taken_once")
def a_dispute_that_took_what_is_still_in_the_books(world: World) -> None:
    build.add(
        world.tx, PaymentDispute, payment_id=world.failed["id"], provider="sandbox", external_id="dp_1", reason="",
        status="OPEN", amount_minor=100, taken_minor=100, receivable_minor=0, created_at=NOW, updated_at=NOW,
    )  # fmt: skip


@breaks("set_off_within_what_is_owed")
def a_debt_that_no_movement_of_the_wallet_paid(world: World) -> None:
    change(world, "payment", world.failed, "returned_owed_minor = 1, set_off_minor = 1")


@breaks("allocations_within_payment")
def a_payment_used_twice(world: World) -> None:
    change(world, "payment_allocation", world.settled["leo"], "payment_id = %(mia)s", mia=world.paid["mia"]["id"])


@breaks("allocations_come_from_captured_money")
def a_failed_payment_used(world: World) -> None:
    change(world, "payment_allocation", world.settled["leo"], "payment_id = %(failed)s", failed=world.failed["id"])


@breaks("no_more_is_freed_than_was_used")
def money_freed_that_was_never_used(world: World) -> None:
    assert world.mias.invoice is not None
    build.add(
        world.tx, PaymentAllocation, payment_id=world.paid["leo"]["id"], invoice_id=world.mias.invoice["id"],
        amount_minor=-500,
    )  # fmt: skip
    post(world, new_id(), "RELEASED", RECEIVABLE=500, CUSTOMER_CREDIT=-500)
    change(world, "term_booking", world.mias.booking, "payment_state = 'OPEN'")


@breaks("allocations_within_invoice")
def an_invoice_settled_twice(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "payment_allocation", world.settled["leo"], "invoice_id = %(mia)s", mia=world.mias.invoice["id"])
    change(world, "term_booking", world.leos.booking, "payment_state = 'OPEN'")


@breaks("payment_event_is_applied_once")
def an_event_applied_twice(world: World) -> None:
    drop(world, "processed_event", "uq_processed_event_organisation_id_provider_event_id")
    build.add(
        world.tx, ProcessedEvent, provider="sandbox", event_id="evt_1", event_type="captured", processed_at=NOW
    )  # fmt: skip


@breaks("provider_payment_is_recorded_once")
def a_providers_payment_recorded_twice(world: World) -> None:
    world.tx.run("DROP INDEX uq_payment_external")
    change(world, "payment", world.paid["leo"], "external_id = %(mias)s", mias=world.paid["mia"]["external_id"])
