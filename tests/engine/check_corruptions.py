"""For each invariant one way or more to break it and nothing else."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from engine.ids import new_id
from models import (
    BankLine,
    BankMatch,
    BankStatement,
    Consent,
    ConsentText,
    CreditStep,
    DebitRun,
    DebitRunEntry,
    DocumentSeries,
    ExtraClaim,
    InvoiceRun,
    LatePickup,
    LedgerAccount,
    LedgerEntry,
    LockedBalance,
    MailText,
    MakeupCredit,
    OverdueFee,
    PassUse,
    PaymentAllocation,
    PaymentDispute,
    PeriodLock,
    ProcessedEvent,
    PromoCode,
    PromoRedemption,
    Refund,
    RefundRequest,
    RevenueRecognition,
    RollEvent,
    RollMark,
    SignOut,
    StatusEvent,
    TermBookingDiscount,
    TermBookingOrderActivity,
    TermBookingOrderAdjustment,
    TicketCheckIn,
    WalletEntry,
    WriteOff,
)
from models import RefundRequestStatus as R
from models import TermBookingStatus as S
from tests import builders as build
from tests.builders import NOW, Enrolled, Ordered, Row
from tests.engine.check_world import World

Corruption = Callable[[World], object]
COMPANION: build.Moves = (("new", S.SUBMITTED_CHANGE),)
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


@breaks("places_within_capacity")
def a_capacity_below_what_is_taken(world: World) -> None:
    drop(world, "term_product", "ck_term_product_taken_within_capacity")
    change(world, "term_product", world.karate[0], "capacity = 1")


@breaks("taken_counts_the_claims")
def a_place_counted_twice(world: World) -> None:
    change(world, "term_product", world.karate[0], "taken = taken + 1")


@breaks("taken_counts_the_claims")
def a_place_given_back_twice(world: World) -> None:
    change(world, "term_product", world.karate[0], "taken = taken - 1")


@breaks("hold_has_its_claim")
def a_submitted_order_without_its_claim(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.waiting.claims[0]["id"])
    change(world, "term_product", world.karate[2], "taken = taken - 1")


@breaks("hold_has_its_claim")
def a_booking_without_its_claim(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.suspended.claims[0]["id"])
    change(world, "term_product", world.karate[8], "taken = taken - 1")


@breaks("claim_has_its_hold")
def a_cart_that_holds(world: World) -> None:
    build.hold(world.tx, world.cart, world.ana)


@breaks("claim_has_its_hold")
def a_canceled_booking_that_still_holds(world: World) -> None:
    build.hold(world.tx, world.canceled, world.ana)


@breaks("claim_has_its_hold")
def a_claim_on_a_session_that_was_never_asked_for(world: World) -> None:
    build.hold(world.tx, Ordered(world.anas.order, [world.karate[11]]), world.ana)


@breaks("claim_is_what_its_order_asks")
def a_claim_outside_the_overlap_guard(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "attendee_key = -1")


@breaks("claim_is_what_its_order_asks")
def a_claim_that_does_not_block_time(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "blocks_time = false")


@breaks("claim_covers_its_session")
def a_claim_at_another_time(world: World) -> None:
    change(world, "place_claim", world.mias.claims[0], "during = '[2027-01-01 10:00Z, 2027-01-01 11:00Z)'")


@breaks("claim_covers_its_session")
def a_claim_with_a_time_on_an_undated_session(world: World) -> None:
    change(world, "place_claim", world.anas.claims[1], "during = '[2027-01-01 10:00Z, 2027-01-01 11:00Z)'")


@breaks("attendee_is_in_one_place_at_a_time")
def mia_swims_during_karate(world: World) -> None:
    drop(world, "place_claim", "ex_place_claim_no_overlap")
    build.confirmed(world.tx, world.okafor, world.mia, world.term, [world.swimming[0]])


@breaks("session_is_held_once")
def mia_twice_in_one_session(world: World) -> None:
    drop(world, "place_claim", "ex_place_claim_no_overlap")
    drop(world, "place_claim", "uq_place_claim_same_session")
    world.ordered(build.confirmed, 0, child=world.mia)


@breaks("seat_has_one_holder")
def two_on_one_seat(world: World) -> None:
    world.tx.run("DROP INDEX uq_place_claim_seat")
    build.confirmed(world.tx, world.okafor, world.mia, world.term, [{**world.show, "seat_id": world.seats[0]["id"]}])


@breaks("place_in_a_seated_session_is_a_seat")
def a_seat_of_another_venue(world: World) -> None:
    place = {"id": world.tx.rows("SELECT site_id FROM venue")[0]["site_id"]}
    other, _ = build.venue(world.tx, place, 1, 2, name="Small hall")
    change(world, "term_product", world.show, "venue_id = %(venue)s", venue=other["id"])


@breaks("seat_is_the_one_asked_for")
def a_claim_on_the_seat_beside(world: World) -> None:
    change(world, "place_claim", world.seated.claims[0], "seat_id = %(seat)s", seat=world.seats[1]["id"])


def _count_lunches(world: World, assignment: str) -> None:
    """A corruption runs without triggers: nobody counts but this."""
    world.tx.run(f"UPDATE extra_stock SET {assignment} WHERE extra_id = %(id)s", id=world.lunch["id"])


@breaks("extras_within_stock")
def more_lunches_than_there_are(world: World) -> None:
    drop(world, "extra_stock", "ck_extra_stock_taken_within_stock")
    change(world, "extra", world.lunch, "stock = 0")
    _count_lunches(world, "stock = 0")


@breaks("extras_are_counted")
def a_lunch_counted_twice(world: World) -> None:
    _count_lunches(world, "taken = taken + 1")


@breaks("extras_are_counted")
def a_stock_that_is_not_the_extras(world: World) -> None:
    _count_lunches(world, "stock = 2")


@breaks("extra_is_held_with_its_place")
def a_lunch_that_nobody_holds(world: World) -> None:
    world.tx.run("DELETE FROM extra_claim WHERE extra_id = %(id)s", id=world.lunch["id"])
    _count_lunches(world, "taken = 0")


@breaks("extra_is_held_with_its_place")
def a_lunch_that_was_never_asked_for(world: World) -> None:
    claim = world.with_lunch.claims[0]
    build.add(world.tx, ExtraClaim, place_claim_id=claim["id"], extra_id=world.lunch["id"],
              term_product_id=claim["term_product_id"], quantity=1)  # fmt: skip
    _count_lunches(world, "taken = 2")


@breaks("extra_is_of_its_session")
def a_lunch_held_by_a_cart(world: World) -> None:
    claim = world.with_lunch.claims[0]
    build.add(world.tx, ExtraClaim, place_claim_id=claim["id"], extra_id=world.lunch["id"], quantity=1,
              term_product_id=claim["term_product_id"], change_order_id=world.cart.order["id"])  # fmt: skip
    _count_lunches(world, "taken = 2")


@breaks("session_fits_its_venue")
def more_places_than_seats(world: World) -> None:
    change(world, "term_product", world.show, "capacity = 3")


@breaks("seat_has_its_ticket")
def a_seat_without_a_ticket(world: World) -> None:
    drop(world, "term_booking_line", "ck_term_booking_line_seat_has_a_ticket")
    change(world, "term_booking_line", world.seated.booking_lines[0], "ticket_reference = NULL")


@breaks("seat_has_its_ticket")
def one_ticket_for_two_seats(world: World) -> None:
    drop(world, "term_booking_line", "uq_term_booking_line_organisation_id_ticket_reference")
    second = build.confirmed(
        world.tx, world.okafor, world.mia, world.term, [{**world.show, "seat_id": world.seats[1]["id"]}]
    )
    ticket = world.seated.booking_lines[0]["ticket_reference"]
    change(world, "term_booking_line", second.booking_lines[0], "ticket_reference = %(ticket)s", ticket=ticket)


@breaks("ticket_is_used_once")
def a_ticket_that_let_in_twice(world: World) -> None:
    drop(world, "ticket_check_in", "uq_ticket_check_in_organisation_id_booking_line_id")
    line = world.seated.booking_lines[0]["id"]
    for _ in range(2):
        build.add(world.tx, TicketCheckIn, booking_line_id=line, scanned_at=NOW, recorded_at=NOW)


@breaks("approved_order_has_its_booking")
def an_approved_order_without_a_booking(world: World) -> None:
    drop(world, "term_booking_order", "ck_term_booking_order_approved_has_a_booking")
    order = world.ordered(build.cart, 10, moves=build.CONFIRMED)
    build.bill(world.tx, order)


@breaks("approved_order_has_its_booking")
def a_cart_with_a_booking(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "booking_id = %(booking)s", booking=world.anas.booking["id"])


@breaks("booking_has_its_order")
def a_booking_of_a_cart(world: World) -> None:
    ended = Enrolled(**vars(build.bill(world.tx, world.ordered(build.cart, 10))))
    build.book(world.tx, ended, new_id(), build.BOOKING_CANCELED)


@breaks("interest_costs_nothing")
def an_interest_with_a_timeout(world: World) -> None:
    build.arm(world.tx, world.interest)


@breaks("interest_costs_nothing")
def an_interest_that_is_billed(world: World) -> None:
    build.bill(world.tx, world.interest)


@breaks("conversion_is_whole")
def a_conversion_that_left_no_trace(world: World) -> None:
    change(world, "term_booking_order", world.converted.order, "converted_into_id = NULL")


@breaks("conversion_is_whole")
def an_interest_converted_into_the_order_of_another_family(world: World) -> None:
    world.tx.run("UPDATE term_booking_order SET converts_order_id = NULL")
    change(world, "term_booking_order", world.converted.order, "converted_into_id = %(into)s",
           into=world.mias.order["id"])  # fmt: skip
    world.tx.run("UPDATE status_event SET changes = jsonb_build_object('into_order_id', %(into)s::text) "
                 "WHERE subject_id = %(id)s AND trigger = 'convert'",
                 into=world.mias.order["id"], id=world.converted.order["id"])  # fmt: skip


@breaks("conversion_is_whole")
def a_trial_that_is_said_to_be_converted(world: World) -> None:
    drop(world, "term_booking", "ck_term_booking_only_a_trial_is_converted")
    change(world, "term_booking", world.suspended.booking, "converted_into_id = %(into)s",
           into=world.anas.order["id"])  # fmt: skip


@breaks("conversion_is_whole")
def an_order_that_converts_an_interest_that_still_stands(world: World) -> None:
    change(world, "term_booking_order", world.waiting.order, "converts_order_id = %(interest)s",
           interest=world.interest.order["id"])  # fmt: skip


@breaks("hold_has_its_claim")
def an_offered_place_that_nobody_holds(world: World) -> None:
    world.tx.run("DELETE FROM place_claim WHERE id = %(id)s", id=world.offered.claims[0]["id"])
    change(world, "term_product", world.chess, "taken = 0, capacity = 0")


@breaks("claim_has_its_hold")
def a_place_kept_for_who_only_waits(world: World) -> None:
    change(world, "term_product", world.chess, "capacity = 2")
    build.hold(world.tx, world.behind, world.leo)


@breaks("claim_is_what_its_order_asks")
def an_offered_place_that_blocks_time(world: World) -> None:
    change(world, "place_claim", world.offered.claims[0], "blocks_time = true")


@breaks("queue_is_counted")
def a_queue_counted_twice(world: World) -> None:
    change(world, "term_product", world.chess, "waiting_count = waiting_count + 1")


@breaks("waiting_order_waits")
def a_waiting_order_that_waits_for_nothing(world: World) -> None:
    world.ordered(build.cart, 10, moves=build.WAITED, order_type=1)


@breaks("offer_will_end")
def an_offer_for_ever(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.offered.order["id"],
    )  # fmt: skip


@breaks("timer_waits_for_its_order")
def an_end_of_an_offer_that_nobody_made(world: World) -> None:
    build.arm(world.tx, world.behind, "WAITING_OFFER", detail_id=new_id())


@breaks("timer_waits_for_its_order")
def places_saved_for_an_order_that_has_ended(world: World) -> None:
    build.arm(world.tx, world.timed_out, "WAITING_SAVED")


@breaks("group_is_offered_whole")
def half_of_a_group_is_offered(world: World) -> None:
    for waited in (world.offered, world.behind):
        change(world, "waiting_entry", waited.entry, "group_id = %(group)s", group=world.chess["id"])


@breaks("nobody_waits_for_a_free_place")
def a_free_place_that_is_offered_to_nobody(world: World) -> None:
    change(world, "term_product", world.chess, "capacity = 2")


@breaks("record_has_its_history")
def an_order_without_history(world: World) -> None:
    world.tx.run("DELETE FROM status_event WHERE subject_id = %(id)s", id=world.cart.order["id"])


@breaks("history_has_its_record")
def a_history_of_nothing(world: World) -> None:
    build.history(world.tx, "term_booking_order", new_id(), build.DRAFTED)


@breaks("history_is_an_unbroken_chain")
def an_event_that_is_missing(world: World) -> None:
    world.tx.run(
        "DELETE FROM status_event WHERE subject_id = %(id)s AND sequence = 2", id=world.quoted.order["id"]
    )  # fmt: skip


@breaks("history_ends_at_the_status")
def a_status_that_moved_by_itself(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "status = 100")


@breaks("history_ends_at_the_status")
def a_version_that_nobody_wrote_down(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "version = version + 1")


@breaks("status_moves_along_its_chart")
def a_trigger_that_does_not_exist(world: World) -> None:
    world.tx.run(
        "UPDATE status_event SET trigger = 'wave_through' WHERE subject_id = %(id)s AND sequence = 4",
        id=world.mias.order["id"],
    )  # fmt: skip


@breaks("timer_waits_for_its_order")
def a_timeout_of_a_confirmed_order(world: World) -> None:
    build.arm(world.tx, world.mias)


@breaks("timer_waits_for_its_order")
def a_close_of_a_canceled_booking(world: World) -> None:
    build.arm(world.tx, world.canceled, "BOOKING_CLOSE", subject_id=world.canceled.booking["id"])


@breaks("planned_close_will_happen")
def a_last_day_that_nobody_remembers(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.closing.booking["id"],
    )  # fmt: skip


@breaks("timer_waits_for_its_order")
def a_quote_with_an_auto_cancel(world: World) -> None:
    build.arm(world.tx, world.quoted)


@breaks("quote_will_expire")
def a_quote_for_ever(world: World) -> None:
    world.tx.run(
        "UPDATE timer SET status = 'DISARMED', settled_at = due_at WHERE subject_id = %(id)s",
        id=world.quoted.order["id"],
    )  # fmt: skip


@breaks("timeout_spares_what_is_paid")
def a_paid_order_that_timed_out(world: World) -> None:
    build.payment(world.tx, world.timed_out, amount_minor=1130)


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


def the_credit_note(world: World) -> Row:
    (note,) = world.tx.rows("SELECT * FROM credit_note WHERE booking_id = %(id)s", id=world.closing.booking["id"])
    return note


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


@breaks("issued_credit_note_is_posted")
def a_credit_note_that_is_not_in_the_books(world: World) -> None:
    world.tx.run("UPDATE ledger_entry SET purpose = 'x' WHERE source_id = %(id)s", id=the_credit_note(world)["id"])


@breaks("credit_settles_what_it_corrects")
def a_credit_that_lost_a_cent(world: World) -> None:
    world.tx.run("UPDATE credit_allocation SET amount_minor = amount_minor - 1 WHERE credit_note_id = %(id)s",
                 id=the_credit_note(world)["id"])  # fmt: skip


@breaks("document_numbers_run_without_gap")
def a_credit_note_number_that_was_lost(world: World) -> None:
    build.number(world.tx, DocumentSeries.CREDIT_NOTE)


@breaks("zero_statement_is_two_equal_halves")
def a_zero_statement_that_only_credits(world: World) -> None:
    change(world, "credit_note", the_credit_note(world), "series = 'ZS'")
    world.tx.run("UPDATE document_counter SET last_number = last_number - 1 WHERE series = 'CN'")


@breaks("invoice_lines_make_the_total")
def an_invoice_with_another_tax(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "invoice", world.mias.invoice, "net_minor = net_minor - 1, tax_minor = tax_minor + 1")


@breaks("given_up_session_is_credited")
def a_closed_day_that_is_not_credited(world: World) -> None:
    closed_day(world, is_credited=False)


def closed_day(world: World, *, is_credited: bool = True) -> Enrolled:
    """Ana's only session of a booking was closed."""
    closed: Enrolled = world.ordered(build.confirmed, 10)
    build.give_up(world.tx, closed, 0, is_credited=is_credited)
    change(world, "term_booking_line", closed.booking_lines[0], "cancelled_at = NULL, kind = 'CLOSURE_DAY'")
    if is_credited:
        change(world, "term_booking", closed.booking, "payment_state = 'PAID'")
    return closed


@breaks("claim_has_its_hold")
def a_closed_day_that_is_still_held(world: World) -> None:
    build.hold(world.tx, closed_day(world), world.ana)


def with_activity(world: World) -> Row:
    """Ana's order that waits chose an activity of its day, which holds its place."""
    day = world.karate[2]
    activity = build.add(
        world.tx, build.TermProduct, term_program_set_id=day["term_program_set_id"], product_type="ACTIVITY",
        component="Pirates", title="Pirates", local_date=day["local_date"], capacity=5,
    )  # fmt: skip
    build.add(
        world.tx, TermBookingOrderActivity, order_id=world.waiting.order["id"],
        order_line_id=world.waiting.lines[0]["id"], term_product_id=activity["id"], title="Pirates",
    )  # fmt: skip
    undated = activity | {"starts_at": None, "ends_at": None}
    build.hold(world.tx, Ordered(world.waiting.order, [undated]), world.ana)
    return activity


@breaks("hold_has_its_claim")
def an_activity_without_its_place(world: World) -> None:
    activity = with_activity(world)
    world.tx.run("DELETE FROM place_claim WHERE term_product_id = %(id)s", id=activity["id"])
    change(world, "term_product", activity, "taken = 0")


@breaks("taken_counts_the_claims")
def a_place_of_an_activity_counted_twice(world: World) -> None:
    change(world, "term_product", with_activity(world), "taken = 2")


@breaks("claim_has_its_hold")
def a_place_in_an_activity_that_nobody_chose(world: World) -> None:
    activity = with_activity(world)
    world.tx.run("DELETE FROM term_booking_order_activity WHERE term_product_id = %(id)s", id=activity["id"])


def with_makeup(world: World) -> Row:
    """Ana's order that waits makes up for the karate that she missed."""
    waiting = world.waiting
    credit = build.add(
        world.tx, MakeupCredit, reference="MC-1", account_id=world.chen["id"], attendee_id=world.ana["id"],
        attendance_id=world.anas.attendance[0]["id"], program_id=world.tx.rows("SELECT id FROM program")[0]["id"],
        term_id=world.term["id"], status=200, version=2, validity_days=60, expires_at="2027-01-01T00:00:00Z",
        order_id=waiting.order["id"], session_id=world.karate[2]["id"],
    )  # fmt: skip
    build.history(world.tx, "makeup_credit", credit["id"], (("new", 100), ("book", 200)))  # type: ignore[arg-type]
    change(world, "term_booking_order_line", waiting.lines[0], "kind = 'MAKEUP_SESSION', makeup_credit_id = %(credit)s",
           credit=credit["id"])  # fmt: skip
    return credit


def collected_late(world: World, *moves: tuple[str, int]) -> Row:
    """Ana was collected late from karate, and the office moved the fee so far."""
    late = build.add(
        world.tx, LatePickup, reference="LP-1", account_id=world.chen["id"], attendee_id=world.ana["id"],
        attendance_id=world.anas.attendance[0]["id"], term_product_id=world.anas.attendance[0]["term_product_id"],
        status=moves[-1][1], version=len(moves), minutes_late=20, amount_minor=1000,
    )  # fmt: skip
    build.history(world.tx, "late_pickup", late["id"], moves)  # type: ignore[arg-type]
    return late


@breaks("accepted_late_pickup_is_invoiced")
def an_accepted_late_pickup_without_an_invoice(world: World) -> None:
    collected_late(world, ("new", 100), ("accept", 200))


@breaks("accepted_late_pickup_is_invoiced")
def a_late_pickup_that_is_charged_before_anybody_decided(world: World) -> None:
    late = collected_late(world, ("new", 100))
    change(world, "invoice_line", world.anas.invoice_lines[0], "late_pickup_id = %(late)s", late=late["id"])


@breaks("booked_credit_has_its_makeup_session")
def a_credit_that_is_booked_by_nobody(world: World) -> None:
    with_makeup(world)
    change(world, "term_booking_order_line", world.waiting.lines[0], "kind = 'SESSION'")


@breaks("makeup_session_has_its_credit")
def a_makeup_session_with_a_credit_that_anybody_may_book(world: World) -> None:
    credit = with_makeup(world)
    change(world, "makeup_credit", credit, "status = 100, version = 1, order_id = NULL, session_id = NULL")
    world.tx.run("DELETE FROM status_event WHERE subject_id = %(id)s AND sequence = 2", id=credit["id"])


@breaks("closed_session_holds_nobody")
def a_closed_session_with_somebody_expected(world: World) -> None:
    change(world, "term_product", world.karate[8], "status = 'CLOSED'")


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


@breaks("payment_state_tells_what_is_owed")
def an_open_booking_called_paid(world: World) -> None:
    change(world, "term_booking", world.anas.booking, "payment_state = 'PAID'")


@breaks("payment_state_tells_what_is_owed")
def a_paid_booking_called_open(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "payment_state = 'OPEN'")


@breaks("pending_payment_waits_for_the_wallet")
def an_open_booking_that_waits_for_the_wallet(world: World) -> None:
    change(world, "term_booking", world.anas.booking, "payment_state = 'PENDING_PAYMENT'")


@breaks("session_invoice_asks_for_its_session")
def an_invoice_of_a_session_that_was_not_planned(world: World) -> None:
    assert world.mias.invoice is not None
    change(world, "invoice", world.mias.invoice, "term_product_id = %(one)s",
           one=world.mias.booking_lines[0]["term_product_id"])  # fmt: skip


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


def post(world: World, source_id: Any, purpose: str, **amounts: int) -> None:
    postings = {LedgerAccount(name): amount for name, amount in amounts.items()}
    build.post(world.tx, "PAYMENT", source_id, purpose, world.okafor["id"], postings)


@breaks("customer_credit_is_never_overdrawn")
def credit_that_nobody_paid_in(world: World) -> None:
    post(world, new_id(), "PAID_OUT", CUSTOMER_CREDIT=500, GATEWAY_CLEARING=-500)


@breaks("wallet_is_never_below_zero")
def a_wallet_below_zero(world: World) -> None:
    post(world, new_id(), "SPENT", WALLET=500, REVENUE=-500)


@breaks("wallet_is_never_below_zero")
def a_bonus_below_zero(world: World) -> None:
    post(world, new_id(), "SPENT", BONUS=500, REVENUE=-500)


@breaks("wallet_is_the_sum_of_its_entries")
def a_top_up_of_less(world: World) -> None:
    change(world, "wallet_entry", world.purse["topped_up"], "balance_minor = balance_minor - 100")


@breaks("wallet_is_as_in_the_books")
def a_wallet_that_the_books_owe_more(world: World) -> None:
    build.post(world.tx, "PAYMENT", new_id(), "TOPPED_UP", world.chen["id"],
               {LedgerAccount.GATEWAY_CLEARING: 500, LedgerAccount.WALLET: -500})  # fmt: skip


@breaks("bonus_is_what_its_grants_have_left")
def a_grant_with_more_left(world: World) -> None:
    change(world, "bonus_use", world.purse["use"], "amount_minor = amount_minor - 100")


@breaks("bonus_is_what_its_grants_have_left")
def bonus_that_no_grant_has_left(world: World) -> None:
    change(world, "bonus_grant", world.purse["grant"], "left_minor = left_minor - 100")
    change(world, "bonus_use", world.purse["use"], "amount_minor = amount_minor - 100")


@breaks("payment_from_a_wallet_is_its_debit")
def a_payment_from_a_wallet_that_took_nothing(world: World) -> None:
    change(world, "payment", world.purse["payment"], "provider = 'wallet'")


@breaks("booking_says_what_was_debited")
def a_booking_that_says_it_took_from_the_wallet(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "wallet_debited_minor = 100")


@breaks("pass_is_used_within_what_was_granted")
def a_pass_that_is_used_more_often_than_it_was_granted(world: World) -> None:
    drop(world, "entitlement", "ck_entitlement_used_within_granted")
    change(world, "entitlement", world.bought, "used = granted + 1")


@breaks("pass_counts_its_uses")
def a_unit_that_no_line_uses(world: World) -> None:
    change(world, "entitlement", world.bought, "used = 1")


@breaks("covered_line_uses_its_pass")
def a_use_by_a_line_that_was_paid(world: World) -> None:
    _use(world, world.waiting.order["id"])


@breaks("pass_is_used_by_its_family")
def a_pass_that_another_family_used(world: World) -> None:
    _use(world, world.mias.order["id"], forfeited_at=NOW)


def _use(world: World, order_id: Any, **columns: Any) -> None:
    build.add(world.tx, PassUse, entitlement_id=world.bought["id"], order_id=order_id,
              term_product_id=world.karate[2]["id"], component="SESSION", units=1, **columns)  # fmt: skip
    change(world, "entitlement", world.bought, "used = used + 1")


@breaks("pass_liability_is_what_is_to_be_used")
def a_pass_that_earned_what_is_not_in_the_books(world: World) -> None:
    change(world, "entitlement", world.bought, "earned_minor = 100")


@breaks("pass_is_paid_from_its_wallet")
def a_pass_that_another_wallet_paid(world: World) -> None:
    other = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="GRANTED", bonus_minor=100)
    back = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)
    assert other["id"] != back["id"]
    change(world, "entitlement", world.bought, "wallet_entry_id = %(entry)s", entry=other["id"])


@breaks("revoked_pass_is_back_in_its_wallet")
def money_back_for_no_pass(world: World) -> None:
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="PASS_REVOKED", bonus_minor=100)
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)


@breaks("revoked_pass_is_back_in_its_wallet")
def a_pass_without_a_limit_after_it_was_taken_back(world: World) -> None:
    given = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="GRANTED", bonus_minor=100)
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)
    change(world, "entitlement", world.bought, "granted = NULL, revoked_at = now(), revoked_on = sold_on, "
           "revoke_reason = 'x', revoke_entry_id = %(entry)s", entry=given["id"])  # fmt: skip


@breaks("credit_steps_make_the_credit")
def a_credit_that_went_part_of_the_way(world: World) -> None:
    note = world.tx.rows("SELECT id FROM credit_note LIMIT 1")[0]
    build.add(world.tx, CreditStep, credit_note_id=note["id"], position=0, rule="TO_WALLET", amount_minor=1, words="")


@breaks("refunds_within_what_was_captured")
def money_sent_back_that_never_became_free(world: World) -> None:
    build.add(world.tx, Refund, request_id=new_id(), account_id=world.okafor["id"], payment_id=world.paid["mia"]["id"],
              wallet_entry_id=new_id(), amount_minor=500, currency="CAD", provider="sandbox",
              status="SUCCEEDED")  # fmt: skip


@breaks("refund_was_taken_out_of_the_wallet")
def a_refund_that_names_what_came_back(world: World) -> None:
    known = {"account_id": world.okafor["id"], "payment_id": world.paid["mia"]["id"]}
    build.add(world.tx, WalletEntry, **known, kind="WITHDRAWN", balance_minor=-500, created_at=NOW)
    back = build.add(world.tx, WalletEntry, **known, kind="RESTORED", balance_minor=500, created_at=NOW)
    build.add(world.tx, Refund, **known, request_id=new_id(), wallet_entry_id=back["id"], amount_minor=500,
              currency="CAD", provider="sandbox", status="FAILED")  # fmt: skip


@breaks("approved_refunds_are_set_aside_once")
def an_approval_that_set_nothing_aside(world: World) -> None:
    asked = build.add(world.tx, RefundRequest, reference="RR-ASKED", account_id=world.okafor["id"], status=R.APPROVED,
                      version=2, attempt=1, amount_minor=500, destination="ORIGINAL", resolved_at=NOW,
                      created_at=NOW, updated_at=NOW)  # fmt: skip
    for sequence, (trigger, was, now) in enumerate((("new", None, 100), ("approve", 100, 200)), start=1):
        build.add(world.tx, StatusEvent, chart="refund_request", subject_id=asked["id"], sequence=sequence,
                  trigger=trigger, from_status=was, to_status=now, actor_kind="ADMIN", at=NOW,
                  changes={"amount_minor": 500, "destination": "ORIGINAL"})  # fmt: skip


@breaks("refund_payable_is_what_is_on_its_way")
def a_refund_that_nobody_asked_for(world: World) -> None:
    post(world, new_id(), "SET_ASIDE", GATEWAY_CLEARING=500, REFUND_PAYABLE=-500)


@breaks("receivable_is_what_is_owed")
def a_debt_without_an_invoice(world: World) -> None:
    post(world, new_id(), "CHARGED", RECEIVABLE=500, REVENUE=-500)


def a_bank_line(world: World, **columns: Any) -> Row:
    file = build.add(world.tx, BankStatement, filename="1.csv", format="CSV", bank_account="A", content_hash="1",
                     entries_hash="1", lines=1, fresh_lines=1, imported_at=NOW)  # fmt: skip
    return build.add(world.tx, BankLine, statement_id=file["id"], position=0, bank_account="A", identity="1",
                     booked_on=NOW.date(), amount_minor=5000, currency="CAD", **columns)  # fmt: skip


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


@breaks("bank_matches_within_their_line")
def a_bank_line_matched_with_nothing(world: World) -> None:
    a_bank_line(world, matched_minor=100)


@breaks("bank_match_is_its_payment")
def a_bank_line_matched_with_a_providers_payment(world: World) -> None:
    paid = world.paid["leo"]
    line = a_bank_line(world, matched_minor=paid["amount_minor"])
    build.add(world.tx, BankMatch, line_id=line["id"], payment_id=paid["id"], amount_minor=paid["amount_minor"],
              matched_at=NOW)  # fmt: skip


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


@breaks("locked_balances_are_the_journal")
def a_locked_month_that_is_kept_with_more_than_was_posted(world: World) -> None:
    lock = build.add(world.tx, PeriodLock, month=NOW.date().replace(year=2020, day=1), note="", locked_at=NOW)
    build.add(world.tx, LockedBalance, lock_id=lock["id"], ledger_account=LedgerAccount.BANK, debit_minor=500,
              credit_minor=0)  # fmt: skip


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


@breaks("discounts_are_explained")
def a_discount_that_nothing_explains(world: World) -> None:
    change(world, "billing_line", world.waiting.billing_lines[0], "discount_minor = 100")


@breaks("booking_discounts_are_what_was_billed")
def a_booked_discount_that_was_never_billed(world: World) -> None:
    build.add(world.tx, TermBookingDiscount, booking_id=world.mias.booking["id"], rule="STAFF", rule_version="1",
              booking_line_id=world.mias.booking_lines[0]["id"], amount_minor=100)  # fmt: skip


@breaks("promo_code_counts_its_redemptions")
def a_promo_code_counted_twice(world: World) -> None:
    build.add(world.tx, PromoCode, code="SPRING", used=1)


@breaks("promo_code_is_used_by_who_holds")
def a_cart_that_uses_up_a_promo_code(world: World) -> None:
    build.add(world.tx, PromoCode, code="SPRING", used=1)
    build.add(world.tx, PromoRedemption, code="SPRING", account_id=world.chen["id"], order_id=world.cart.order["id"],
              is_once=True, used_at=NOW)  # fmt: skip


@breaks("promo_code_is_used_by_who_holds")
def a_booking_whose_promo_code_is_not_used(world: World) -> None:
    change(world, "term_booking_order", world.mias.order, "promo_code = 'SPRING'")


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


@breaks("one_open_change_per_group")
def two_changes_at_once(world: World) -> None:
    world.tx.run("DROP INDEX uq_term_booking_order_open_change")
    for _ in range(2):
        a_change_of_anas(world)


@breaks("change_is_of_its_original")
def a_change_of_another_familys_booking(world: World) -> None:
    a_change_of_anas(world, original_booking_id=world.mias.booking["id"])


@breaks("change_is_of_its_original")
def a_new_order_that_asks_for_a_difference(world: World) -> None:
    change(world, "term_booking_order", world.cart.order, "change_due_minor = 100")


@breaks("companion_goes_with_its_cause")
def a_companion_whose_cause_is_over(world: World) -> None:
    a_companion(world, world.ordered(build.cart, 9, moves=build.DRAFTED))


@breaks("companion_goes_with_its_cause")
def a_companion_confirmed_without_its_cause(world: World) -> None:
    moves = (*COMPANION, ("confirm", S.APPROVED))
    a_companion(world, world.ordered(build.submitted, 11), moves=moves, booking_id=world.anas.booking["id"])


@breaks("companion_goes_with_its_cause")
def a_companion_of_another_familys_order(world: World) -> None:
    a_companion(world, world.ordered(build.submitted, 9, child=world.mia))


@breaks("companion_holds_nothing")
def a_companion_that_is_to_be_paid(world: World) -> None:
    its = a_companion(world, world.ordered(build.submitted, 11))
    build.payment(world.tx, its, status="PENDING", billing_id=world.anas.billing["id"])


def a_companion(world: World, cause: Ordered, **columns: Any) -> Ordered:
    """Of Ana's booking, at the price that it has."""
    booking = world.anas.booking
    return build.cart(
        world.tx, world.chen, world.ana, world.term, [], **{
            "moves": COMPANION, "original_booking_id": booking["id"], "group_id": booking["group_id"],
            "cause_order_id": cause.order["id"], "was_minor": booking["total_minor"],
            "total_minor": booking["total_minor"], **columns,
        },
    )  # fmt: skip


@breaks("adjustment_is_of_a_change")
def an_adjustment_of_what_changes_nothing(world: World) -> None:
    build.add(world.tx, TermBookingOrderAdjustment, order_id=world.cart.order["id"],
              term_product_id=world.cart.sessions[0]["id"], amount_minor=-500, reason="The hall was cold")  # fmt: skip


@breaks("changed_booking_is_invoiced_as_billed")
def a_changed_booking_that_is_credited_for_what_it_keeps(world: World) -> None:
    build.credit(world.tx, world.anas, 0)
    change(world, "term_booking", world.anas.booking, "revision = 2")


def a_change_of_anas(world: World, **columns: Any) -> None:
    booking = world.anas.booking
    build.cart(
        world.tx, world.chen, world.ana, world.term, [], moves=build.DRAFTED,
        **{"original_booking_id": booking["id"], "group_id": booking["group_id"], **columns},
    )  # fmt: skip


@breaks("instalments_make_the_total")
def an_instalment_of_a_cent_less(world: World) -> None:
    change(world, "instalment", world.instalments[0], "amount_minor = 564")


@breaks("scheduled_order_has_its_schedule")
def a_deposit_that_nobody_agreed_to(world: World) -> None:
    change(world, "term_booking_order", world.waiting.order, "confirmation_type = 202, submitted_at = %(now)s", now=NOW)


@breaks("debit_is_of_its_instalment")
def a_debit_for_the_neighbours_instalment(world: World) -> None:
    change(world, "payment", world.returned, "instalment_id = %(other)s", other=world.instalments[0]["id"])


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


@breaks("confirmed_line_is_on_the_roll_once")
def a_booked_child_that_is_not_on_the_roll(world: World) -> None:
    world.tx.run("DELETE FROM term_attendance WHERE id = %(id)s", id=world.mias.attendance[0]["id"])


@breaks("confirmed_line_is_on_the_roll_once")
def a_booked_child_twice_on_the_roll(world: World) -> None:
    drop(world, "term_attendance", "uq_term_attendance_organisation_id_booking_line_id")
    build.roll(world.tx, world.attends, "EXPECTED")


@breaks("only_confirmed_lines_are_expected")
def a_canceled_child_that_is_expected(world: World) -> None:
    change(world, "term_attendance", world.canceled.attendance[0], "status = 'EXPECTED'")


@breaks("only_confirmed_lines_are_expected")
def a_session_given_up_and_still_expected(world: World) -> None:
    change(world, "term_attendance", world.closing.attendance[1], "status = 'EXPECTED'")


@breaks("only_confirmed_lines_are_expected")
def a_roll_row_of_a_closed_day(world: World) -> None:
    change(world, "term_attendance", closed_day(world).attendance[0], "status = 'EXPECTED', reason = NULL")


@breaks("roll_says_what_was_booked")
def a_roll_row_on_another_day(world: World) -> None:
    change(world, "term_attendance", world.mias.attendance[0], "local_date = local_date + 1")


def marked(world: World, row: Row, status: str, **more: Any) -> Row:
    """A row of the roll says what a mark said, and the mark is on record."""
    mark = build.add(world.tx, RollMark, attendance_id=row["id"], status=status, marked_at=NOW, device="tablet",
                     received_at=NOW, outcome="TAKEN", **more)  # fmt: skip
    change(world, "term_attendance", row, "status = %(status)s, mark_id = %(mark)s, collected_by = %(who)s",
           status=status, mark=mark["id"], who=more.get("collected_by"))  # fmt: skip
    return mark


def signed_out(world: World, **columns: Any) -> Row:
    """Mia left with Rosa."""
    row = world.mias.attendance[0]
    mark = marked(world, row, "LEFT", collected_by="Rosa Okafor")
    defaults = {"collected_by": "Rosa Okafor", "collected_key": "rosa okafor", "must_not_keys": ["max mustermann"]}
    return build.add(world.tx, SignOut, id=mark["id"], attendance_id=row["id"], left_at=NOW, recorded_at=NOW,
                     **{**defaults, **columns})  # fmt: skip


def closed(world: World, session: Row) -> None:
    change(world, "term_product", session, "roll_closed_at = %(at)s", at="2027-01-01T00:00:00Z")
    build.add(world.tx, RollEvent, term_product_id=session["id"], kind="CLOSED", at="2027-01-01T00:00:00Z")


@breaks("closed_roll_is_settled")
def a_closed_roll_with_somebody_expected(world: World) -> None:
    closed(world, world.karate[9])


@breaks("closed_roll_is_settled")
def a_closed_roll_with_somebody_signed_in(world: World) -> None:
    closed(world, world.karate[9])
    marked(world, world.attends.attendance[0], "PRESENT")


@breaks("closed_roll_has_its_event")
def a_roll_that_was_closed_by_nobody(world: World) -> None:
    change(world, "term_product", world.karate[7], "roll_closed_at = now()")


@breaks("closed_roll_has_its_event")
def a_roll_that_was_opened_again_by_nobody(world: World) -> None:
    closed(world, world.karate[7])
    change(world, "term_product", world.karate[7], "roll_closed_at = NULL")


@breaks("who_left_has_a_sign_out")
def a_child_that_left_with_nobody(world: World) -> None:
    marked(world, world.mias.attendance[0], "LEFT", collected_by="Rosa Okafor")


@breaks("who_left_has_a_sign_out")
def a_child_that_left_with_another_than_was_signed(world: World) -> None:
    signed_out(world)
    change(world, "term_attendance", world.mias.attendance[0], "collected_by = 'Uncle Bob'")


@breaks("nobody_left_with_who_must_not_collect")
def a_child_that_left_with_who_must_not_collect(world: World) -> None:
    drop(world, "sign_out", "ck_sign_out_not_with_who_must_not_collect")
    signed_out(world, must_not_keys=["rosa okafor"])


@breaks("contradicting_mark_is_shown")
def a_contradiction_that_was_dropped(world: World) -> None:
    build.add(world.tx, RollMark, attendance_id=world.mias.attendance[0]["id"], status="ABSENT", marked_at=NOW,
              device="tablet", received_at=NOW, outcome="CONFLICT")  # fmt: skip


@breaks("tables_keep_tenants_apart")
def a_table_open_to_all(world: World) -> None:
    world.tx.run("ALTER TABLE credential DISABLE ROW LEVEL SECURITY")


@breaks("tables_keep_tenants_apart")
def a_table_open_to_its_owner(world: World) -> None:
    world.tx.run("ALTER TABLE organisation NO FORCE ROW LEVEL SECURITY")


@breaks("tables_keep_tenants_apart")
def a_policy_that_lets_everybody_in(world: World) -> None:
    world.tx.run("CREATE POLICY for_support ON credential USING (true)")


@breaks("tables_keep_tenants_apart")
def a_new_table_without_a_policy(world: World) -> None:
    world.tx.run("CREATE TABLE note (organisation_id uuid, id uuid, words text)")


@breaks("application_is_bound_by_policies")
def an_application_that_owns_a_table(world: World) -> None:
    world.tx.run("ALTER TABLE extra OWNER TO termbook_app")


@breaks("what_is_written_for_good_stays")
def a_history_that_can_be_rewritten(world: World) -> None:
    world.tx.run("GRANT UPDATE ON status_event TO termbook_app")


@breaks("what_is_written_for_good_stays")
def a_ledger_that_no_trigger_guards(world: World) -> None:
    world.tx.run("ALTER TABLE ledger_posting DISABLE TRIGGER append_only")


@breaks("group_order_is_of_one_account_and_term")
def an_order_of_a_group_for_another_family(world: World) -> None:
    change(world, "group_order", world.group, "account_id = %(chen)s", chen=world.chen["id"])


@breaks("group_order_is_submitted_whole")
def one_of_all_or_nothing_left_out(world: World) -> None:
    left = world.ordered(build.cart, 11, child=world.mia)
    build.group_order(world.tx, world.okafor, world.term, [left], submitted_at=NOW)


@breaks("open_group_order_is_not_submitted_in_part")
def one_of_an_open_group_submitted_alone(world: World) -> None:
    alone = world.ordered(build.submitted, 11)
    build.group_order(world.tx, world.chen, world.term, [alone])


@breaks("confirmed_line_is_invoiced_once")
def a_session_of_a_subscription_that_nobody_will_invoice(world: World) -> None:
    world.tx.run(
        "DELETE FROM scheduled_line WHERE booking_line_id = %(id)s", id=world.subscribed.booking_lines[0]["id"]
    )


@breaks("schedule_tells_what_is_invoiced")
def a_session_that_waits_for_a_period_that_is_over(world: World) -> None:
    world.tx.run("UPDATE invoice_schedule SET status = 'DROPPED' WHERE booking_id = %(id)s",
                 id=world.subscribed.booking["id"])  # fmt: skip


@breaks("subscription_is_enrolled")
def a_subscription_that_was_begun_without_a_term(world: World) -> None:
    elsewhere = build.term(world.tx, {"id": None}, name="Autumn 2026")
    of = {"id": world.subscription["program_id"], "name": "Club"}
    later = build.offering(world.tx, elsewhere, of)
    change(world, "subscription", world.subscription, "offering_id = %(offering)s", offering=later["id"])


@breaks("subscription_is_enrolled")
def an_enrolment_of_a_subscription_that_is_only_asked_for(world: World) -> None:
    build.subscription(world.tx, world.chen, world.ana, {"id": world.subscription["offering_id"],
                       "program_id": world.subscription["program_id"]})  # fmt: skip


@breaks("subscription_holds_nothing_after_its_last_day")
def a_subscription_that_goes_on_after_its_last_day(world: World) -> None:
    drop(world, "subscription", "ck_subscription_notice_has_a_last_day")
    change(world, "subscription", world.subscription, "ends_on = '2026-04-13'")


@breaks("mail_text_versions_have_no_gap")
def a_version_of_a_text_that_is_gone(world: World) -> None:
    for version in (1, 3):
        build.add(world.tx, MailText, kind="booking_confirmed", language="en", version=version, subject="Booked",
                  body="Welcome!", created_at=NOW)  # fmt: skip


@breaks("withdrawn_consents_were_given")
def a_consent_that_was_taken_back_and_never_given(world: World) -> None:
    text = build.add(world.tx, ConsentText, code="PHOTOS", version=1, title="Photos", body="We take photos.",
                     created_at=NOW)  # fmt: skip
    build.add(world.tx, Consent, attendee_id=world.ana["id"], text_id=text["id"], answer="WITHDRAWN",
              actor_kind="FAMILY", at=NOW)  # fmt: skip


@breaks("people_are_found_by_their_words")
def a_family_that_a_word_of_its_name_finds_no_more(world: World) -> None:
    world.tx.run("DELETE FROM search_text WHERE account_id = %(id)s AND words = 'family'", id=world.okafor["id"])


@breaks("people_are_found_by_their_words")
def a_child_that_a_name_finds_that_it_has_no_more(world: World) -> None:
    world.tx.run("UPDATE search_text SET words = 'maria' WHERE attendee_id = %(id)s", id=world.mia["id"])
