"""Which seats are best together, and nearest: by the stated rule, the same each time."""

import random
from uuid import UUID

import pytest

from catalogue.seat_choice import Position, best_together, nearest_free
from models import SeatType

VIP, REGULAR = SeatType.VIP, SeatType.REGULAR


def hall(rows: int = 4, numbers: int = 8, *, vip_rows: int = 1, aisle: int | None = None) -> list[Position]:
    return [
        Position(UUID(int=100 * row + number), "ABCDEFGH"[row], row, number, VIP if row < vip_rows else REGULAR)
        for row in range(rows)
        for number in range(1, numbers + 1)
        if number != aisle
    ]


def best(seats: list[Position], count: int, *taken: str, seat_type: SeatType | None = None) -> list[str]:
    free = frozenset(seat.id for seat in seats if f"{seat.row_name}{seat.number}" not in taken)
    return [f"{s.row_name}{s.number}" for s in best_together(seats, free=free, count=count, seat_type=seat_type)]


class TestBestTogether:
    def test_is_in_the_middle_of_the_front_row(self) -> None:
        assert best(hall(), 2) == ["A4", "A5"]
        assert best(hall(), 3) == ["A3", "A4", "A5"]
        assert best(hall(), 1) == ["A4"]

    def test_goes_out_from_the_middle_before_it_goes_back(self) -> None:
        assert best(hall(), 2, "A4", "A5") == ["A2", "A3"]
        assert best(hall(), 2, "A2", "A4", "A5", "A7") == ["B4", "B5"]

    def test_is_of_the_type_that_is_asked_for(self) -> None:
        assert best(hall(), 2, seat_type=REGULAR) == ["B4", "B5"]
        assert best(hall(), 9, seat_type=VIP) == [f"A{n}" for n in range(1, 9)]

    def test_sits_together_further_back_rather_than_apart_in_front(self) -> None:
        assert best(hall(), 8, "A1", "B1", "C1") == [f"D{n}" for n in range(1, 9)]

    def test_an_aisle_is_between_two_groups(self) -> None:
        assert best(hall(aisle=4), 4) == ["A5", "A6", "A7", "A8"]

    def test_splits_into_as_few_groups_as_it_can_in_rows_that_are_near(self) -> None:
        taken = [f"{row}{n}" for row in "AD" for n in range(1, 9) if n % 2]

        assert best(hall(), 10, *taken) == [*(f"B{n}" for n in range(1, 9)), "C4", "C5"]

    def test_gives_what_there_is(self) -> None:
        seats = hall(rows=1, numbers=3)

        assert best(seats, 5) == ["A1", "A2", "A3"]
        assert best(seats, 2, "A1", "A2", "A3") == []

    def test_does_not_depend_on_the_order_in_which_seats_come(self) -> None:
        seats, dice = hall(), random.Random(1)
        taken = [f"{seat.row_name}{seat.number}" for seat in dice.sample(seats, 14)]
        expected = best(seats, 5, *taken)
        for _ in range(20):
            dice.shuffle(seats)
            assert best(seats, 5, *taken) == expected

    @pytest.mark.parametrize("count", [1, 2, 7, 50])
    def test_seats_are_free_and_each_is_named_once(self, count: int) -> None:
        dice = random.Random(count)
        for _ in range(50):
            seats = hall(rows=5, numbers=9, aisle=dice.choice([None, 4]))
            taken = {f"{seat.row_name}{seat.number}" for seat in dice.sample(seats, dice.randint(0, len(seats)))}
            found = best(seats, count, *taken)
            assert len(found) == len(set(found)) == min(count, len(seats) - len(taken))
            assert not taken & set(found)


def test_the_nearest_are_of_the_same_type_first() -> None:
    seats = hall()
    here = next(seat for seat in seats if (seat.row_name, seat.number) == ("B", 4))
    others = [seat for seat in seats if seat is not here]

    found = [seat.label for seat in nearest_free(here, others, most=4)]

    assert found == ["row B seat 3", "row B seat 5", "row C seat 4", "row B seat 2"]
