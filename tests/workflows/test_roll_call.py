"""The roll of a session: who is expected, who came, who left with whom; a tablet may send everything twice and late."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from attendance.roll import Mark, Roll, mark_roll, read_roll
from engine.actor import Actor
from engine.errors import Invalid, NotFound, NotPermitted
from engine.ids import new_id
from models import ActorKind, AttendanceStatus
from tests import builders as build
from tests.builders import TORONTO
from tests.engine.later import together
from tests.workflows.centre import DAY, FIRST, HOUR, MINUTE, TRIAL, WEEK, Centre, Course, sundays

EXPECTED, PRESENT, LATE, LEFT = (AttendanceStatus(s) for s in ("EXPECTED", "PRESENT", "LATE", "LEFT"))
ABSENT, NOTIFIED, CANCELLED = (AttendanceStatus(s) for s in ("ABSENT", "ABSENT_NOTIFIED", "CANCELLED"))
START = FIRST.replace(tzinfo=TORONTO)
EVENING = START + 10 * HOUR


@pytest.fixture(scope="module")
def stella(riverside: Centre) -> Actor:
    """Staff of the site."""
    return Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({riverside.site["id"]}))


class Class:
    """A Karate session with enrolled children, and its roll."""

    def __init__(self, centre: Centre, staff: Actor, *children: dict[str, Any], **columns: Any) -> None:
        self.centre, self.staff = centre, staff
        self.course = centre.course(*sundays(2), **columns)
        self.rossi = centre.family()
        for child in children or ({"name": "Mia Rossi"},):
            centre.confirmed(self.rossi, self.rossi.child(**child), self.course.lines(0))

    @property
    def session_id(self) -> UUID:
        return self.course.ids[0]

    def read(self) -> Roll:
        roll: Roll = self.centre.database.run(
            self.centre.organisation_id, lambda tx: read_roll(tx, session_id=self.session_id, actor=self.staff)
        )
        return roll

    def id(self, name: str = "Mia Rossi") -> UUID:
        (found,) = (entry.attendance_id for entry in self.read().entries if entry.name == name)
        return found

    def mark(self, *marks: Mark, now: datetime = EVENING, actor: Actor | None = None) -> Roll:
        roll: Roll = self.centre.do(
            mark_roll, session_id=self.session_id, marks=marks, actor=actor or self.staff, now=now
        )
        return roll

    def say(self, status: AttendanceStatus, minutes: float = 0, by: str | None = None, **more: Any) -> Mark:
        """A mark for Mia, so many minutes after the start."""
        return Mark(self.id(), status, START + minutes * MINUTE, collected_by=by, **more)


def refused(attempt: Any) -> list[tuple[str, str]]:
    with pytest.raises(Invalid) as refusal:
        attempt()
    return [(reason.code, reason.field) for reason in refusal.value.reasons]


class TestTheRoll:
    def test_names_who_is_expected_with_what_staff_must_see(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(
            riverside, stella,
            {"name": "Mia Rossi", "allergy_notes": "Peanuts", "medical_notes": "Inhaler in her bag",
             "authorised_pick_ups": ["Rosa Rossi"], "must_not_collect": ["Max Mustermann"]},
            {"name": "Leo Rossi"},
        )  # fmt: skip

        roll = karate.read()

        leo, mia = roll.entries
        assert (leo.name, mia.name) == ("Leo Rossi", "Mia Rossi")
        assert [(str(alert), alert.severity, alert.is_graded) for alert in mia.alerts] == [
            ("Allergy: Peanuts", "SEVERE", False), ("Medical: Inhaler in her bag", "IMPORTANT", False),
        ]  # fmt: skip
        assert (mia.authorised_pick_ups, mia.must_not_collect) == (["Rosa Rossi"], ["Max Mustermann"])
        assert (mia.status, leo.alerts) == (EXPECTED, [])
        assert (roll.name, roll.site, roll.local_date, roll.starts_at) == ("Karate", "Riverside", START.date(), START)
        assert (roll.expected, roll.capacity, roll.count(PRESENT)) == (2, 10, 0)

    def test_says_who_is_new_and_who_is_on_trial(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        riverside.confirmed(karate.rossi, karate.rossi.child("Ben Rossi"), karate.course.lines(0), order_type=TRIAL)

        ben, mia = karate.read().entries

        assert (ben.is_trial, ben.is_new, mia.is_trial, mia.is_new) == (True, True, False, True)

    def test_nobody_is_new_who_came_before(self, riverside: Centre, stella: Actor) -> None:
        karate, rossi = riverside.course(*sundays(3)), riverside.family()
        riverside.confirmed(rossi, rossi.child(), karate.lines())
        rolls = [self.roll_of(riverside, stella, karate, n) for n in range(3)]
        came = Mark(rolls[0].entries[0].attendance_id, PRESENT, START)
        riverside.do(mark_roll, session_id=karate.ids[0], marks=[came], actor=stella, now=EVENING)

        assert [self.roll_of(riverside, stella, karate, n).entries[0].is_new for n in range(3)] == [True, False, False]

    def roll_of(self, centre: Centre, staff: Actor, course: Course, number: int) -> Roll:
        roll: Roll = centre.database.run(
            centre.organisation_id, lambda tx: read_roll(tx, session_id=course.ids[number], actor=staff)
        )
        return roll

    def test_is_for_staff_of_the_site_and_admins(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        elsewhere = Actor(ActorKind.STAFF, user_id=new_id(), site_ids=frozenset({new_id()}))

        for actor, error in ((elsewhere, NotFound), (karate.rossi.actor, NotPermitted)):
            with pytest.raises(error):
                karate.mark(karate.say(PRESENT), actor=actor)
        assert karate.mark(karate.say(PRESENT), actor=riverside.admin).count(PRESENT) == 1

    def test_an_undated_session_has_none(self, riverside: Centre, stella: Actor) -> None:
        lab = riverside.course(None, name="Independent work")

        with pytest.raises(NotFound):
            self.roll_of(riverside, stella, lab, 0)


class TestMarks:
    def test_in_and_out(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        karate.mark(karate.say(PRESENT, -5))
        roll = karate.mark(karate.say(LEFT, 61, by="Rosa Rossi"))

        (mia,) = roll.entries
        assert (mia.status, mia.collected_by) == (LEFT, "Rosa Rossi")
        assert (mia.signed_in_at, mia.signed_out_at) == (START - 5 * MINUTE, START + 61 * MINUTE)
        row = riverside.one("SELECT * FROM term_attendance WHERE id = %(id)s", id=mia.attendance_id)
        assert (row["status"], row["marked_by"], row["method"], row["version"]) == ("LEFT", stella.user_id, "ROLL", 3)

    def test_sent_twice_change_nothing(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        marks = [karate.say(PRESENT), karate.say(LEFT, 60, by="Rosa Rossi")]

        first, again = karate.mark(*marks), karate.mark(*marks)

        assert again.conflicts == first.conflicts == []
        assert again.entries == karate.read().entries
        assert again.entries[0].version == first.entries[0].version == 2

    def test_of_many_children_in_one_call(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella, *({"name": f"Child {n}"} for n in range(5)))
        marks = [Mark(entry.attendance_id, PRESENT, START) for entry in karate.read().entries]

        assert karate.mark(*marks).count(PRESENT) == 5

    def test_an_older_one_of_another_tablet_is_a_conflict_and_overwrites_nothing(
        self, riverside: Centre, stella: Actor
    ) -> None:
        karate = Class(riverside, stella)
        karate.mark(karate.say(PRESENT, 5))

        roll = karate.mark(karate.say(ABSENT, 2))

        (conflict,) = roll.conflicts
        assert (conflict.code, conflict.field) == ("older_mark", "marks[0]")
        assert conflict.facts == {"attendance_id": str(karate.id()), "is": "PRESENT", "sent": "ABSENT"}
        assert conflict.message == "Mia Rossi was marked present later than this mark."
        assert karate.read().entries[0].status is PRESENT

    def test_a_newer_one_corrects(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        karate.mark(karate.say(ABSENT, 10, reason="not seen"))

        roll = karate.mark(karate.say(LATE, 20))

        (mia,) = roll.entries
        assert (mia.status, mia.signed_in_at, mia.reason) == (LATE, START + 20 * MINUTE, None)

    def test_come_late_from_a_tablet_that_was_offline(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        roll = karate.mark(karate.say(PRESENT), karate.say(LEFT, 60, by="Rosa Rossi"), now=EVENING + DAY)

        assert roll.entries[0].signed_in_at == START

    def test_nobody_leaves_who_did_not_come(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        roll = karate.mark(karate.say(LEFT, 60, by="Rosa Rossi"))

        assert [conflict.code for conflict in roll.conflicts] == ["not_signed_in"]
        assert karate.read().entries[0].status is EXPECTED

    def test_one_may_come_back(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        karate.mark(karate.say(PRESENT), karate.say(LEFT, 20, by="Rosa Rossi"))

        (mia,) = karate.mark(karate.say(PRESENT, 30)).entries

        assert (mia.status, mia.signed_out_at, mia.collected_by) == (PRESENT, None, None)

    def test_two_tablets_at_once_do_not_lose_a_mark(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella, *({"name": f"Child {n}"} for n in range(6)))
        entries = karate.read().entries

        def tablet(number: int) -> int:
            return len(karate.mark(Mark(entries[number].attendance_id, PRESENT, START)).conflicts)

        assert together(6, tablet) == [0] * 6
        assert karate.read().count(PRESENT) == 6


class TestWhoCollects:
    CHILD = {"must_not_collect": ["Max Mustermann"], "authorised_pick_ups": ["Rosa Rossi", "René Rossi"]}  # noqa: RUF012

    @pytest.mark.parametrize("who", ["Max Mustermann", "max mustermann", " MAX  MUSTERMANN ", "Ｍax Mustermann"])
    def test_must_not(self, riverside: Centre, stella: Actor, who: str) -> None:
        karate = Class(riverside, stella, self.CHILD)
        karate.mark(karate.say(PRESENT))

        with pytest.raises(Invalid) as refusal:
            karate.mark(karate.say(LEFT, 60, by=who))

        (reason,) = refusal.value.reasons
        assert (reason.code, reason.field) == ("must_not_collect", "marks[0].collected_by")
        assert reason.message.endswith("must not collect Mia Rossi.")
        assert karate.read().entries[0].status is PRESENT

    def test_must_not_even_where_no_list_says_who_may(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella, {"must_not_collect": ["Max Mustermann"]})
        karate.mark(karate.say(PRESENT))

        assert refused(lambda: karate.mark(karate.say(LEFT, 60, by="Max Mustermann"))) == [
            ("must_not_collect", "marks[0].collected_by")
        ]
        assert karate.mark(karate.say(LEFT, 60, by="Uncle Bob")).count(LEFT) == 1

    @pytest.mark.parametrize(
        ("who", "code"),
        [("Uncle Bob", "not_authorised"), ("", "person_missing"), ("  ", "person_missing"), (None, "person_missing")],
    )
    def test_only_the_authorised(self, riverside: Centre, stella: Actor, who: str | None, code: str) -> None:
        karate = Class(riverside, stella, self.CHILD)
        karate.mark(karate.say(PRESENT))

        assert refused(lambda: karate.mark(karate.say(LEFT, 60, by=who))) == [(code, "marks[0].collected_by")]

    def test_nobody_leaves_alone_where_no_list_says_who_may(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        karate.mark(karate.say(PRESENT))

        assert refused(lambda: karate.mark(karate.say(LEFT, 60))) == [("person_missing", "marks[0].collected_by")]

    @pytest.mark.parametrize("who", ["Rosa Rossi", "rosa rossi ", "Rene\u0301 Rossi"])
    def test_authorised(self, riverside: Centre, stella: Actor, who: str) -> None:
        karate = Class(riverside, stella, self.CHILD)
        karate.mark(karate.say(PRESENT))

        assert karate.mark(karate.say(LEFT, 60, by=who)).count(LEFT) == 1


class TestWhatCannotBeMarked:
    def test_before_the_doors_open(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        early = Mark(karate.id(), PRESENT, START - 2 * HOUR - timedelta(seconds=1))

        with pytest.raises(Invalid) as refusal:
            karate.mark(early)

        (reason,) = refusal.value.reasons
        assert (reason.code, reason.field) == ("too_early", "marks[0].marked_at")
        assert reason.message == "Karate starts only on Sun 12 Apr 2026 09:30."
        assert karate.mark(Mark(karate.id(), PRESENT, START - 2 * HOUR)).count(PRESENT) == 1

    def test_but_an_absence_is_known_before(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        roll = karate.mark(Mark(karate.id(), NOTIFIED, START - WEEK, reason="measles"), now=START - WEEK)

        assert (roll.entries[0].status, roll.entries[0].reason) == (NOTIFIED, "measles")

    def test_in_the_future(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        assert refused(lambda: karate.mark(karate.say(PRESENT, 1), now=START)) == [
            ("in_the_future", "marks[0].marked_at")
        ]

    def test_of_another_roll(self, riverside: Centre, stella: Actor) -> None:
        karate, other = Class(riverside, stella), Class(riverside, stella)

        marks = [other.say(PRESENT), Mark(new_id(), PRESENT, START), karate.say(PRESENT)]

        assert refused(lambda: karate.mark(*marks)) == [
            ("unknown", "marks[0].attendance_id"), ("unknown", "marks[1].attendance_id"),
        ]  # fmt: skip
        assert karate.read().count(PRESENT) == other.read().count(PRESENT) == 0

    def test_as_cancelled(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)

        assert refused(lambda: karate.mark(karate.say(CANCELLED))) == [("not_markable", "marks[0].status")]

    def test_a_cancelled_line_stays_on_the_roll_and_is_not_expected(self, riverside: Centre, stella: Actor) -> None:
        karate = Class(riverside, stella)
        with riverside.database.transaction(riverside.organisation_id) as tx:
            ana = build.attendee(tx, karate.rossi.account, name="Ana Rossi")
            build.confirmed(tx, karate.rossi.account, ana, riverside.term, karate.course.sessions[:1],
                            booking_moves=build.BOOKING_CANCELED)  # fmt: skip

        roll = karate.read()

        assert [(entry.name, entry.status) for entry in roll.entries] == [
            ("Ana Rossi", CANCELLED), ("Mia Rossi", EXPECTED),
        ]  # fmt: skip
        assert roll.expected == 1
        assert refused(lambda: karate.mark(Mark(karate.id("Ana Rossi"), PRESENT, START))) == [
            ("not_markable", "marks[0].status")
        ]
