"""Ways to break what `engine.invariants.holiday` holds, each of them alone."""

from models import MakeupCredit
from tests import builders as build
from tests.builders import Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change


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
