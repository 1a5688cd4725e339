"""Where a session is full or overlaps, the refusal names what is free nearby and the attendee may join."""

from datetime import date
from typing import Any

import pytest

from engine.database import Transaction
from tests import builders as build
from tests.builders import NOW
from tests.workflows.centre import DAY, FIRST, HOUR, WEEK, Centre, Course, Family, refused, sundays
from tests.workflows.groups import begin, fill, submit


@pytest.fixture
def rossi(riverside: Centre) -> Family:
    return riverside.family()


def named(centre: Centre, by: Family, course: Course, *wanted: int, child: Any = None) -> list[list[dict[str, Any]]]:
    """The alternatives that each reason of the refused order names."""
    cart = centre.cart(by, child or by.child(), course.lines(*wanted))
    return [reason.facts["alternatives"] for reason in refused(lambda: centre.submit(cart, actor=by.actor))]


class TestSameProgram:
    def test_the_nearest_three_with_a_place_left(self, riverside: Centre, rossi: Family) -> None:
        karate = riverside.course(*sundays(6), capacity=1)
        fill(riverside, karate, 2)
        fill(riverside, karate, 1)

        ((*found,),) = named(riverside, rossi, karate, 2)

        assert [each["session_id"] for each in found] == [str(karate.ids[n]) for n in (3, 0, 4)]
        assert found[0] == {
            "kind": "same_program", "session_id": str(karate.ids[3]),
            "session": "Karate, Sun 03 May 2026 09:30–10:30", "site": "Riverside",
            "term_id": str(riverside.term["id"]), "starts_at": "2026-05-03T13:30:00+00:00", "price_minor": 1130,
            "left": 1,
        }  # fmt: skip

    def test_of_another_offering_of_the_program_too(self, riverside: Centre, rossi: Family) -> None:
        program = riverside.program()
        karate = riverside.course(program=program, capacity=1)
        tuesdays = riverside.course(FIRST + 2 * DAY, program=program, name="Karate, Tuesdays")
        fill(riverside, karate)

        ((found,),) = named(riverside, rossi, karate)

        assert found["session_id"] == str(tuesdays.ids[0])

    def test_never_what_the_attendee_may_not_join(self, riverside: Centre, rossi: Family) -> None:
        program = riverside.program()
        karate = riverside.course(program=program, capacity=1)
        riverside.course(FIRST + DAY, program=program, name="Karate, adults", age_from_months=12 * 18)
        riverside.course(FIRST + 2 * DAY, program=program, name="Karate, later", bookable_from=NOW + WEEK)
        riverside.course(FIRST + 3 * DAY, program=program, name="Karate, draft", status="DRAFT")
        fill(riverside, karate)

        assert named(riverside, rossi, karate) == [[]]

    def test_never_what_overlaps_with_what_the_attendee_has_or_wants(self, riverside: Centre, rossi: Family) -> None:
        program, mia = riverside.program(), rossi.child()
        karate = riverside.course(*sundays(3), program=program, capacity=1)
        swim = riverside.course(FIRST + WEEK + HOUR / 2, name="Swimming")
        riverside.submitted(rossi, mia, swim.lines())
        fill(riverside, karate, 0)

        # The second Sunday is taken by swimming, the third is in the cart already.
        assert named(riverside, rossi, karate, 0, 2, child=mia) == [[]]

    def test_for_a_session_that_overlaps(self, riverside: Centre, rossi: Family) -> None:
        mia, karate = rossi.child(), riverside.course(*sundays(2))
        swim = riverside.course(FIRST + HOUR / 2, name="Swimming")
        riverside.submitted(rossi, mia, swim.lines())

        ((found,),) = named(riverside, rossi, karate, 0, child=mia)

        assert found["session_id"] == str(karate.ids[1])

    def test_says_so_where_nothing_is_free(self, riverside: Centre, rossi: Family) -> None:
        karate = riverside.course(capacity=1)
        fill(riverside, karate)

        assert named(riverside, rossi, karate) == [[]]

    def test_a_whole_week_is_not_replaced_by_single_days(self, riverside: Centre, rossi: Family) -> None:
        camp = riverside.course(*[FIRST + DAY * n for n in range(1, 6)], capacity=1, modes=["CASUAL", "FULL_WEEK"])
        fill(riverside, camp, 2)
        cart = riverside.cart(rossi, rossi.child(), camp.lines(mode="FULL_WEEK"))

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert reason.code == "session_full"
        assert "alternatives" not in reason.facts


class TestSameTime:
    def test_at_another_site_in_the_same_category(self, riverside: Centre, rossi: Family) -> None:
        karate, judo, later = elsewhere(riverside, FIRST, FIRST + 2 * HOUR)
        fill(riverside, karate)

        ((found,),) = named(riverside, rossi, karate)

        assert (found["kind"], found["session_id"]) == ("same_time", str(judo.ids[0]))
        assert (found["site"], found["term_id"]) == ("Hillside", str(judo.offering["term_id"]))
        assert str(later.ids[0]) != found["session_id"]


def elsewhere(centre: Centre, *starts: Any) -> tuple[Course, ...]:
    """Karate with one place, and a course of the same category at another site at each of these times."""

    def make(tx: Transaction) -> list[Course]:
        category = build.add(tx, build.ProgramCategory, name=f"Martial arts {starts}", program_type=11)
        hillside = build.site(tx, name="Hillside")
        term = build.term(tx, hillside, name="Spring at Hillside", starts_on=date(2026, 4, 1))
        courses = [centre_course(tx, centre.site, centre.term, category, "Karate", starts[0], capacity=1)]
        return courses + [centre_course(tx, hillside, term, category, "Judo", start, capacity=5) for start in starts]

    return tuple(centre.edit(make))


def centre_course(
    tx: Transaction, site: Any, term: Any, category: Any, name: str, start: Any, *, capacity: int
) -> Course:  # fmt: skip
    of = build.program(tx, site, name=name, category=category)
    made = build.offering(tx, term, of, capacity=capacity)
    return Course(made, build.sessions(tx, made, start))


class TestGroup:
    def test_siblings_are_not_sent_to_the_same_last_place(self, riverside: Centre, rossi: Family) -> None:
        karate = riverside.course(*sundays(3), capacity=1)
        fill(riverside, karate, 0)
        mia, leo = rossi.child("Mia Rossi"), rossi.child("Leo Rossi")
        group = begin(riverside, rossi, [(mia, karate.lines(1)), (leo, karate.lines(0))])

        (reason,) = refused(lambda: submit(riverside, group, actor=rossi.actor))

        assert reason.field == "orders[1].lines[0].session_id"
        assert [each["session_id"] for each in reason.facts["alternatives"]] == [str(karate.ids[2])]
