"""Ways to break what `engine.invariants.search` holds, each of them alone."""

from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


@breaks("people_are_found_by_their_words")
def a_family_that_a_word_of_its_name_finds_no_more(world: World) -> None:
    world.tx.run("DELETE FROM search_text WHERE account_id = %(id)s AND words = 'family'", id=world.okafor["id"])


@breaks("people_are_found_by_their_words")
def a_child_that_a_name_finds_that_it_has_no_more(world: World) -> None:
    world.tx.run("UPDATE search_text SET words = 'maria' WHERE attendee_id = %(id)s", id=world.mia["id"])
