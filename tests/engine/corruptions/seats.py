"""Ways to break what `engine.invariants.seats` holds, each of them alone."""

from models import TicketCheckIn
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


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
