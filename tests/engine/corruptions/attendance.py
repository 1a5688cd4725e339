"""Ways to break what `engine.invariants.attendance` holds, each of them alone."""

from typing import Any

from models import LatePickup, RollMark, SignOut
from tests import builders as build
from tests.builders import NOW, Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, closed, closed_day, drop


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
