"""The office's search: families and children by how a word of a name or number begins, or an address."""

import pytest

from api.reads import desk
from engine.database import Transaction
from tests.api.conftest import World
from tests.builders import account, attendee


@pytest.fixture(scope="module")
def beaumont(world: World) -> World:
    def make(tx: Transaction) -> None:
        family = account(tx, name="Élise O'Neill-Beaumont", email="elise.b@mail.example", phone="+41 79 123 45 67")
        attendee(tx, family, name="Zoé Beaumont")

    world.edit(make)
    return world


def found(world: World, asked: str) -> set[str]:
    with world.database.transaction(world.organisation_id) as tx:
        answer = desk.search(tx, asked)
    return {row["name"] for what in ("accounts", "attendees") for row in answer[what]}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("beau", {"Élise O'Neill-Beaumont", "Zoé Beaumont"}),
        ("BEAUMONT", {"Élise O'Neill-Beaumont", "Zoé Beaumont"}),
        ("élise o'neill", {"Élise O'Neill-Beaumont"}),
        ("  Zoé   beau", {"Zoé Beaumont"}),
        ("neill beaumont", {"Élise O'Neill-Beaumont"}),
        ("elise.b@mail", {"Élise O'Neill-Beaumont"}),
        ("079 123", set()),
        ("79 123", {"Élise O'Neill-Beaumont"}),
        ("123 45", {"Élise O'Neill-Beaumont"}),
        ("eaumont", set()),
        ("%", set()),
        ("--", set()),
    ],
)
def test_people_are_found_by_how_their_words_begin(beaumont: World, asked: str, names: set[str]) -> None:
    assert found(beaumont, asked) == names


def test_who_is_named_otherwise_is_found_by_the_new_name_alone(beaumont: World) -> None:
    child = beaumont.new_child("Noor Haddad")
    beaumont.edit(
        lambda tx: tx.run(
            "UPDATE attendee SET name = 'Noor Sabbagh' WHERE organisation_id = %(org)s AND id = %(id)s", id=child["id"]
        )
    )

    assert found(beaumont, "sabb") == {"Noor Sabbagh"}
    assert found(beaumont, "haddad") == set()


def test_of_very_many_the_first_are_shown(beaumont: World) -> None:
    beaumont.edit(lambda tx: [account(tx, name=f"Twin {n:03} family") for n in range(desk.MOST_FOUND + 3)])

    assert found(beaumont, "twin") == {f"Twin {n:03} family" for n in range(desk.MOST_FOUND)}
