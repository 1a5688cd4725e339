"""Ways to break what `engine.invariants.billing` holds, each of them alone."""

from models import DocumentSeries
from tests import builders as build
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, closed_day, drop, the_credit_note


@breaks("billing_lines_make_the_total")
def a_billing_line_that_lost_a_cent(world: World) -> None:
    line = world.waiting.billing_lines[0]
    change(world, "billing_line", line, "net_minor = net_minor - 1, gross_minor = gross_minor - 1")


@breaks("billing_lines_make_the_total")
def a_billing_without_lines(world: World) -> None:
    world.tx.run("DELETE FROM billing_line WHERE id = %(id)s", id=world.waiting.billing_lines[0]["id"])


@breaks("void_billing_is_zero")
def a_void_version_that_costs(world: World) -> None:
    drop(world, "billing", "ck_billing_void_is_zero")
    world.tx.run(
        "UPDATE billing SET is_void = true WHERE order_id = %(id)s AND NOT is_void", id=world.timed_out.order["id"]
    )


@breaks("amounts_are_net_plus_tax")
def a_gross_that_is_not_net_and_tax(world: World) -> None:
    drop(world, "billing_line", "ck_billing_line_net_and_tax_make_the_gross")
    change(world, "billing_line", world.waiting.billing_lines[0], "gross_minor = gross_minor + 1")


@breaks("billing_versions_run_without_gap")
def a_version_that_was_never_written(world: World) -> None:
    assert world.waiting.billing is not None
    change(world, "billing_group", {"id": world.waiting.billing["group_id"]}, "last_version = last_version + 1")


@breaks("order_carries_its_newest_billing")
def an_order_at_another_price(world: World) -> None:
    change(world, "term_booking_order", world.waiting.order, "total_minor = total_minor + 1")


@breaks("order_carries_its_newest_billing")
def an_order_with_a_superseded_billing(world: World) -> None:
    superseded = world.waiting.order["billing_id"]
    build.bill(world.tx, world.waiting)
    change(world, "term_booking_order", world.waiting.order, "billing_id = %(id_then)s", id_then=superseded)


@breaks("booking_carries_its_billing")
def a_booking_at_another_price(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "total_minor = total_minor + 1")


@breaks("booking_carries_its_billing")
def a_booking_that_still_costs_what_was_given_up(world: World) -> None:
    order = world.closing.order
    change(world, "term_booking", world.closing.booking, "billing_id = %(first)s, total_minor = %(total)s",
           first=order["billing_id"], total=order["total_minor"])  # fmt: skip


@breaks("credit_note_lines_make_the_total")
def a_credit_note_with_another_tax(world: World) -> None:
    change(world, "credit_note", the_credit_note(world), "net_minor = net_minor - 1, tax_minor = tax_minor + 1")


@breaks("credits_within_invoice_line")
def a_session_credited_twice(world: World) -> None:
    build.credit(world.tx, world.closing, 1)
    change(world, "term_booking", world.closing.booking, "payment_state = 'PAID'")


@breaks("credits_within_invoice_line")
def a_credit_for_another_session(world: World) -> None:
    world.tx.run("UPDATE credit_note_line SET booking_line_id = %(other)s WHERE credit_note_id = %(id)s",
                 other=world.closing.booking_lines[0]["id"], id=the_credit_note(world)["id"])  # fmt: skip


@breaks("given_up_session_is_credited")
def a_session_given_up_and_still_billed(world: World) -> None:
    build.give_up(world.tx, world.closing, 0, is_credited=False)


@breaks("document_numbers_run_without_gap")
def a_credit_note_number_that_was_lost(world: World) -> None:
    build.number(world.tx, DocumentSeries.CREDIT_NOTE)


@breaks("invoice_lines_make_the_total")
def an_invoice_with_another_tax(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "invoice", world.mias.invoice, "net_minor = net_minor - 1, tax_minor = tax_minor + 1")


@breaks("given_up_session_is_credited")
def a_closed_day_that_is_not_credited(world: World) -> None:
    closed_day(world, is_credited=False)


@breaks("confirmed_line_is_invoiced_once")
def a_booking_that_was_never_invoiced(world: World) -> None:
    world.ordered(build.confirmed, 10, is_invoiced=False)


@breaks("confirmed_line_is_invoiced_once")
def a_session_that_is_invoiced_twice(world: World) -> None:
    change(world, "term_product", world.karate[10], "price_minor = 0")
    free = build.confirmed(world.tx, world.chen, world.ana, world.term, [world.karate[10] | {"price_minor": 0}])
    drop(world, "invoice_line", "uq_invoice_line_organisation_id_billing_line_id")
    build.issue(world.tx, free)


@breaks("confirmed_line_is_invoiced_once")
def an_invoice_before_the_approval(world: World) -> None:
    build.issue(world.tx, world.attends)


@breaks("invoice_charges_what_was_billed")
def two_invoice_lines_at_each_others_price(world: World) -> None:
    first, second = world.mias.invoice_lines
    change(world, "invoice_line", first, "net_minor = net_minor - 1, gross_minor = gross_minor - 1")
    change(world, "invoice_line", second, "net_minor = net_minor + 1, gross_minor = gross_minor + 1")


@breaks("document_numbers_run_without_gap")
def an_invoice_number_that_was_lost(world: World) -> None:
    build.number(world.tx, DocumentSeries.INVOICE)


@breaks("document_numbers_run_without_gap")
def an_invoice_number_given_out_twice(world: World) -> None:
    drop(world, "invoice", "uq_invoice_organisation_id_series_year_number")
    assert world.leos.invoice is not None
    change(world, "invoice", world.leos.invoice, "number = 1")


@breaks("document_numbers_run_without_gap")
def a_quote_number_of_another_year(world: World) -> None:
    world.tx.run("UPDATE quote SET year = 2025, issued_on = issued_on - interval '1 year'")


@breaks("payment_state_tells_what_is_owed")
def an_open_booking_called_paid(world: World) -> None:
    change(world, "term_booking", world.anas.booking, "payment_state = 'PAID'")


@breaks("payment_state_tells_what_is_owed")
def a_paid_booking_called_open(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "payment_state = 'OPEN'")


@breaks("confirmed_line_is_invoiced_once")
def a_session_of_a_subscription_that_nobody_will_invoice(world: World) -> None:
    world.tx.run(
        "DELETE FROM scheduled_line WHERE booking_line_id = %(id)s", id=world.subscribed.booking_lines[0]["id"]
    )
