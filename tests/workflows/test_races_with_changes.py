"""Two hands on one family's bookings: of all that begin a change at the same moment, one has it open."""

from uuid import UUID

import pytest

from tests.workflows.centre import NOW, Centre, Family, sundays
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import change_order


def booked(centre: Centre) -> tuple[Family, UUID]:
    rossi, karate = centre.family(), centre.course(*sundays(3))
    cart = centre.confirmed(rossi, rossi.child(), karate.lines(0, 1))
    return rossi, centre.booking(cart)["id"]


def race(centre: Centre) -> list[str]:
    """Eight tabs of one family begin a change of the same booking."""
    rossi, booking_id = booked(centre)
    begin = Pull(change_order.begin_change, {"booking_id": booking_id, "actor": rossi.actor, "now": NOW})
    with clients(centre.url, processes=2, each=4) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [[begin] * 8])
    changes = centre.rows("SELECT id FROM term_booking_order WHERE original_booking_id = %(id)s", id=booking_id)
    assert len(changes) == outcomes.count(GOT_IT)
    return outcomes


def test_one_has_it_open_and_the_others_are_told(riverside: Centre) -> None:
    assert sorted(race(riverside)) == ["change_open"] * 7 + [GOT_IT]


def test_also_where_nobody_looks_first(riverside: Centre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_order, "_refuse_unless_open_to_change", lambda tx, enrolled: None)

    assert sorted(race(riverside)) == [GOT_IT] + ["moved_meanwhile"] * 7
