"""The door: two tablets that disagree, who collects and how it is proven, heads counted, and what closing settles."""

from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest

from attendance import people, ratio, signatures
from attendance.bundle import ItemAnswer, SentCount, SentSignature, take_bundle
from attendance.conflicts import ConflictStands, open_conflicts, resolve
from attendance.headcounts import NothingToExplain, explain, last_count, take_count
from attendance.marks import Outcome
from attendance.roll import Mark, Roll, RollIsClosed, mark_roll, read_roll
from attendance.today import RollCall, roll_calls
from catalogue.rule_values import LatePickupFee
from engine.actor import Actor
from engine.database import Row
from engine.errors import Invalid, NotFound, NotPermitted
from engine.fire import Refused
from engine.ids import new_id
from models import ActorKind, AttendanceStatus, ConflictResolution, LatePickupStatus, User
from tests import builders as build
from tests.builders import NOW, TORONTO
from tests.engine.later import together
from tests.workflows.centre import DAY, FIRST, HOUR, MINUTE, Centre, codes, sundays
from workflows import late_pickup
from workflows.roll_closing import Settled, close_roll, reopen_roll

S = AttendanceStatus
START = FIRST.replace(tzinfo=TORONTO)
END = START + 60 * MINUTE
EVENING = START + 10 * HOUR
STROKES = [[[10, 10], [200, 300]], [[400, 20], [420, 380], [500, 100]]]


@pytest.fixture(scope="module")
def stella(riverside: Centre) -> Actor:
    """Staff of the site, with a login."""

    def make(tx: Any) -> Row:
        return build.add(
            tx, User, name="Stella Roll", email="stella@riverside.example", roles=["staff"], created_at=NOW
        )

    user = riverside.edit(make)
    return Actor(ActorKind.STAFF, user_id=user["id"], site_ids=frozenset({riverside.site["id"]}))


class Door:
    """A Karate session and its tablets."""

    def __init__(self, centre: Centre, staff: Actor, *names: str, child: Any = None, **columns: Any) -> None:
        self.centre, self.staff = centre, staff
        self.course = centre.course(*sundays(2), **columns)
        self.rossi = centre.family()
        self.children = [self.rossi.child(name, **(child or {})) for name in names or ("Mia Rossi",)]
        for one in self.children:
            centre.confirmed(self.rossi, one, self.course.lines(0))

    @property
    def session_id(self) -> UUID:
        return self.course.ids[0]

    def read(self) -> Roll:
        roll: Roll = self.centre.database.run(
            self.centre.organisation_id, lambda tx: read_roll(tx, session_id=self.session_id, actor=self.staff)
        )
        return roll

    def row(self, name: str = "Mia Rossi") -> Any:
        (found,) = (entry for entry in self.read().entries if entry.name == name)
        return found

    def say(
        self, status: str, minutes: float = 0, *, device: str = "left", seen: int | None = 1, name: str = "Mia Rossi",
        by: str | None = None, **more: Any,
    ) -> Mark:  # fmt: skip
        return Mark(self.row(name).attendance_id, S(status), START + minutes * MINUTE, by, id=new_id(), device=device,
                    seen_version=seen, **more)  # fmt: skip

    def send(self, *items: Any, now: datetime = EVENING, actor: Actor | None = None) -> list[ItemAnswer]:
        answers: list[ItemAnswer] = self.centre.do(take_bundle, items=items, actor=actor or self.staff, now=now)
        return answers

    def outcomes(self, *items: Any, **known: Any) -> list[tuple[str, list[str]]]:
        return [(answer.outcome.value, [reason.code for reason in answer.reasons])
                for answer in self.send(*items, **known)]  # fmt: skip

    def conflicts(self) -> list[Any]:
        return self.read().disagreements

    def decide(self, resolution: str, *, actor: Actor | None = None, now: datetime = EVENING, number: int = 0) -> None:
        self.centre.do(resolve, conflict_id=self.conflicts()[number].id, resolution=ConflictResolution(resolution),
                       note="asked Stella", actor=actor or self.staff, now=now)  # fmt: skip

    def count(self, counted: int, minutes: float = 20, explanation: str = "") -> None:
        self.centre.do(take_count, session_id=self.session_id, count_id=new_id(), counted=counted,
                       counted_at=START + minutes * MINUTE, device="left", explanation=explanation, actor=self.staff,
                       now=EVENING)  # fmt: skip

    def close(
        self, *, actor: Actor | None = None, now: datetime = EVENING, absent: list[UUID] | None = None
    ) -> Settled:  # fmt: skip
        """Who is not marked did not come, unless it is said who did not."""
        if absent is None:
            absent = [entry.attendance_id for entry in self.read().entries if entry.status is S.EXPECTED]
        settled: Settled = self.centre.do(close_roll, session_id=self.session_id, absent=absent,
                                          actor=actor or self.staff, now=now)  # fmt: skip
        return settled

    def came_and_left(self, name: str = "Mia Rossi", *, at: float = 45) -> None:
        self.send(self.say("PRESENT", name=name), self.say("LEFT", at, name=name, by="Rosa Rossi", seen=None))


class TestTwoTablets:
    def test_that_disagree_leave_a_conflict_and_drop_nothing(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)

        assert door.outcomes(door.say("PRESENT", 1, device="left")) == [("TAKEN", [])]
        later = door.say("ABSENT", 2, device="right", seen=1)

        assert door.outcomes(later) == [("CONFLICT", ["other_device"])]
        (conflict,) = door.conflicts()
        assert (conflict.known_status, conflict.sent_status, conflict.device) == (S.PRESENT, S.ABSENT, "right")
        assert (conflict.name, conflict.sent_by, door.row().status) == ("Mia Rossi", "Stella Roll", S.PRESENT)

    def test_that_agree_do_not(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)

        assert door.outcomes(door.say("PRESENT", 1), door.say("PRESENT", 3, device="right")) == [
            ("TAKEN", []), ("KNOWN", []),
        ]  # fmt: skip
        assert door.row().signed_in_at == START + MINUTE

    def test_where_the_second_had_seen_the_first_it_corrects(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 1))

        assert door.outcomes(door.say("ABSENT", 2, device="right", seen=2)) == [("TAKEN", [])]

    def test_one_signs_in_the_other_out(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)

        assert door.outcomes(door.say("PRESENT", 1), door.say("LEFT", 40, device="right", by="Rosa Rossi")) == [
            ("TAKEN", []), ("TAKEN", []),
        ]  # fmt: skip

    def test_a_bundle_sent_again_is_known_item_by_item(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        present = door.say("PRESENT", 1)
        left = door.say("LEFT", 40, by="Rosa Rossi")
        items = [present, left, SentSignature(new_id(), left.mark_id, STROKES, START + 41 * MINUTE),
                 SentCount(new_id(), door.session_id, 1, START + 20 * MINUTE, "left")]  # fmt: skip

        assert [answer.outcome for answer in door.send(*items)] == [Outcome.TAKEN] * 4
        version = door.row().version
        assert [answer.outcome for answer in door.send(*items)] == [Outcome.KNOWN] * 4
        assert door.row().version == version

    def test_a_conflict_sent_again_is_the_same_conflict(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5))
        older = door.say("ABSENT", 2, device="right")

        (first,), (again,) = door.send(older), door.send(older)

        assert first.conflict_id == again.conflict_id
        assert len(door.conflicts()) == 1

    def test_an_id_that_is_used_twice_is_refused(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        mark = door.say("PRESENT", 1)
        door.send(mark)
        other = Mark(mark.attendance_id, S.ABSENT, mark.marked_at, id=mark.id)

        assert door.outcomes(other) == [("REFUSED", ["id_reused"])]

    def test_what_can_never_be_does_not_hold_up_the_rest(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        strange = Mark(new_id(), S.PRESENT, START, id=new_id())
        unsigned = SentSignature(new_id(), new_id(), STROKES, START)

        assert door.outcomes(strange, unsigned, door.say("PRESENT", 1)) == [
            ("REFUSED", ["unknown"]), ("REFUSED", ["not_found"]), ("TAKEN", []),
        ]  # fmt: skip

    def test_at_the_same_moment_the_second_is_a_conflict(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        marks = [door.say("PRESENT", 1, device="left"), door.say("ABSENT", 1, device="right")]

        found = together(2, lambda number: door.outcomes(marks[number])[0][0])

        assert sorted(found) == ["CONFLICT", "TAKEN"]

    def test_mark_different_children_without_waiting_for_each_other(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, "Mia Rossi", "Leo Rossi")
        mia, leo = door.say("PRESENT", 1), door.say("PRESENT", 1, name="Leo Rossi", device="right")
        organisation = riverside.organisation_id

        with riverside.database.transaction(organisation) as first:
            take_bundle(first, items=[mia], actor=stella, now=EVENING)
            with riverside.database.transaction(organisation) as second:
                second.raw.execute("SET LOCAL lock_timeout = '500ms'")
                assert take_bundle(second, items=[leo], actor=stella, now=EVENING)[0].outcome is Outcome.TAKEN

    def test_staff_of_another_site_mark_nothing(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        elsewhere = Actor(ActorKind.STAFF, user_id=stella.user_id, site_ids=frozenset({new_id()}))

        assert door.outcomes(door.say("PRESENT"), actor=elsewhere) == [("REFUSED", ["unknown"])]


class TestDeciding:
    def test_keeps_the_roll_as_it_is(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

        door.decide("KEPT")

        assert (door.row().status, door.conflicts()) == (S.PRESENT, [])

    def test_or_takes_what_was_sent(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

        door.decide("TAKEN")

        assert (door.row().status, door.row().signed_in_at, door.conflicts()) == (S.ABSENT, None, [])

    def test_a_sign_out_of_who_was_never_signed_in_can_be_taken(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        assert door.outcomes(door.say("LEFT", 40, by="Rosa Rossi")) == [("CONFLICT", ["not_signed_in"])]

        door.decide("TAKEN")

        assert (door.row().status, door.row().collected_by) == (S.LEFT, "Rosa Rossi")

    def test_twice_the_same_is_once_and_otherwise_is_refused(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))
        conflict_id = door.conflicts()[0].id

        def decide(how: str) -> None:
            riverside.do(resolve, conflict_id=conflict_id, resolution=ConflictResolution(how), note="", actor=stella,
                         now=EVENING)  # fmt: skip

        decide("KEPT")
        decide("KEPT")
        with pytest.raises(ConflictStands, match="decided before"):
            decide("TAKEN")

    def test_is_for_staff_of_the_site(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

        with pytest.raises(NotFound):
            door.decide("KEPT", actor=Actor(ActorKind.STAFF))


class TestWhoMustNotCollect:
    CHILD = {"must_not_collect": ["Max Mustermann"], "authorised_pick_ups": ["Rosa Rossi"]}  # noqa: RUF012

    def test_is_a_conflict_that_nobody_can_take(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, child=self.CHILD)
        door.send(door.say("PRESENT"))

        assert door.outcomes(door.say("LEFT", 40, by="max  MUSTERMANN")) == [("CONFLICT", ["must_not_collect"])]
        for actor in (stella, riverside.admin):
            with pytest.raises(ConflictStands, match="must not collect Mia Rossi"):
                door.decide("TAKEN", actor=actor)
        assert door.row().status is S.PRESENT

    def test_cannot_be_authorised(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, child=self.CHILD)

        with pytest.raises(people.PersonRefused, match="must not collect"):
            door.centre.do(people.add_person, attendee_id=door.children[0]["id"], name="MAX Mustermann",
                           relationship="father", phone="", pin_hash=None)  # fmt: skip

    def test_and_the_database_says_so_too(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, child=self.CHILD)
        door.came_and_left()

        with pytest.raises(psycopg.errors.CheckViolation, match="not_with_who_must_not_collect"):
            riverside.run(
                "INSERT INTO sign_out (organisation_id, id, attendance_id, collected_by, collected_key, must_not_keys, "
                "is_pin_proven, needs_proof, left_at, recorded_at) SELECT organisation_id, %(id)s, id, 'Max', 'max', "
                "'[\"max\"]', false, false, now(), now() FROM term_attendance WHERE id = %(row)s",
                id=new_id(), row=door.row().attendance_id,
            )  # fmt: skip


class TestWhoMayCollect:
    def add(self, door: Door, name: str = "Rosa Rossi", **known: Any) -> Row:
        given = {"relationship": "grandmother", "phone": "+1 416 555 0107", "pin_hash": None, **known}
        person: Row = door.centre.do(people.add_person, attendee_id=door.children[0]["id"], name=name, **given)
        return person

    def test_is_a_record_with_a_relationship_and_a_phone(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, child={"authorised_pick_ups": ["rosa rossi", "Uncle Bob"]})
        rosa = self.add(door, pin_hash="hash")

        found = door.row().people

        assert [(p.person_id, p.name, p.relationship, p.has_pin) for p in found] == [
            (rosa["id"], "Rosa Rossi", "grandmother", True), (None, "Uncle Bob", "", False),
        ]  # fmt: skip

    def test_is_chosen_by_the_record_and_kept_with_it(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        rosa = self.add(door)

        door.send(door.say("PRESENT"), door.say("LEFT", 40, person_id=rosa["id"], by="Rosa Rossi"))

        row = riverside.one("SELECT collected_by, person_id, needs_proof FROM sign_out WHERE attendance_id = %(id)s",
                            id=door.row().attendance_id)  # fmt: skip
        assert row == {"collected_by": "Rosa Rossi", "person_id": rosa["id"], "needs_proof": True}

    def test_who_was_removed_meanwhile_is_a_conflict(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, child={"authorised_pick_ups": ["Uncle Bob"]})
        rosa = self.add(door)
        riverside.do(people.remove_person, person_id=rosa["id"])

        assert door.outcomes(door.say("PRESENT"), door.say("LEFT", 40, person_id=rosa["id"], by="Rosa Rossi")) == [
            ("TAKEN", []), ("CONFLICT", ["not_authorised"]),
        ]  # fmt: skip

    def test_once_by_name(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        self.add(door)

        with pytest.raises(people.PersonRefused, match="authorised already"):
            self.add(door, " rosa  ROSSI")


class TestSignatures:
    def missing(self, door: Door) -> list[str]:
        queue = door.centre.do(lambda tx, now: signatures.missing_signatures(tx, actor=door.staff))
        return [one.collected_by for one in queue if one.session_id == door.session_id]

    def sign(self, door: Door, strokes: Any = STROKES) -> None:
        sign_out = riverside_sign_out(door)
        door.centre.do(signatures.sign, sign_out_id=sign_out, strokes=strokes, signed_at=END, actor=door.staff,
                       now=EVENING)  # fmt: skip

    def test_who_left_without_one_waits_in_the_queue_until_they_sign(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.came_and_left()
        assert self.missing(door) == ["Rosa Rossi"]

        self.sign(door)
        self.sign(door)

        assert self.missing(door) == []
        svg = riverside.do(lambda tx, now: signatures.read_signature(tx, sign_out_id=riverside_sign_out(door),
                                                                     actor=stella))  # fmt: skip
        assert "<path d='M10 10 L200 300'/>" in svg

    def test_a_pin_needs_none(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT"), door.say("LEFT", 40, by="Rosa Rossi", is_pin_proven=True))

        assert self.missing(door) == []

    def test_nor_does_a_program_that_asks_for_no_proof(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        riverside.rule("sign_out_needs_proof", False, door.course.offering["id"])
        door.came_and_left()

        assert self.missing(door) == []

    def test_one_is_never_replaced(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.came_and_left()
        self.sign(door)

        with pytest.raises(signatures.SignedAlready):
            self.sign(door, [[[1, 1], [2, 2]]])

    @pytest.mark.parametrize(
        "strokes", [[], [[]], [[[1, 1]]], [[[1, 1], [1001, 2]]], [[[1, 1], [2, -1]]], [[[1, 1], [2]]],
                    [[[n % 1000, n % 400] for n in range(8000)]]]
    )  # fmt: skip
    def test_nothing_that_is_none(self, riverside: Centre, stella: Actor, strokes: Any) -> None:
        door = Door(riverside, stella)
        door.came_and_left()

        with pytest.raises(Invalid):
            self.sign(door, strokes)


def riverside_sign_out(door: Door) -> UUID:
    found: UUID = door.centre.one("SELECT id FROM sign_out WHERE attendance_id = %(id)s",
                                  id=door.row().attendance_id)["id"]  # fmt: skip
    return found


class TestHeadcount:
    def test_is_compared_with_the_roll_of_that_moment(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, "Mia Rossi", "Leo Rossi")
        door.came_and_left(at=30)
        door.send(door.say("PRESENT", 5, name="Leo Rossi"))
        door.count(1, minutes=35)
        door.count(2, minutes=20)

        count = door.read().headcount

        assert count is not None
        assert (count.counted, count.on_roll, count.difference, count.is_reconciled) == (1, 1, 0, True)

    def test_a_difference_is_explained_before_the_roll_closes(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.came_and_left()
        assert codes(door.close) == ["not_counted"]
        door.count(2)
        assert codes(door.close) == ["difference_unexplained"]

        riverside.do(explain, session_id=door.session_id, explanation="A visiting sister", actor=stella)

        assert door.close().absent == 0

    def test_that_agrees_needs_no_explanation(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.came_and_left()
        door.count(1)

        with pytest.raises(NothingToExplain):
            riverside.do(explain, session_id=door.session_id, explanation="?", actor=stella)

    def test_is_not_asked_where_a_rule_says_so_or_nobody_came(self, riverside: Centre, stella: Actor) -> None:
        nobody, some = Door(riverside, stella), Door(riverside, stella)
        some.came_and_left()
        riverside.rule("roll_needs_headcount", False, some.course.offering["id"])

        assert (nobody.close().absent, some.close().absent) == (1, 0)

    def test_of_another_session_is_another(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        other = Door(riverside, stella)
        door.count(3)

        assert riverside.do(lambda tx, now: last_count(tx, other.session_id)) is None


class TestRatio:
    def test_of_children_here_to_staff_on_site(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, "Mia Rossi", "Leo Rossi", "Ana Rossi")
        riverside.rule("children_per_staff", 2, door.course.offering["id"])
        names = ("Mia Rossi", "Leo Rossi", "Ana Rossi")
        door.send(*(door.say("PRESENT", name=name) for name in names))

        before = door.read().ratio
        assert (before.children_per_staff, before.needed, before.on_site, before.is_met) == (2, 2, 0, False)

        site = riverside.site["id"]
        for _ in range(2):
            riverside.do(ratio.arrive, site_id=site, user_id=stella.user_id, actor=stella)
        assert (door.read().ratio.staff, door.read().ratio.is_met) == (["Stella Roll"], False)
        door.send(door.say("LEFT", 40, name="Mia Rossi", by="Rosa Rossi", seen=None))
        assert door.read().ratio.is_met

        riverside.do(ratio.leave, site_id=site, user_id=stella.user_id, actor=stella)
        with pytest.raises(NotFound):
            riverside.do(ratio.leave, site_id=site, user_id=stella.user_id, actor=stella)
        assert door.read().ratio.staff == []
        door.send(*(door.say("ABSENT", 41, name=name, seen=None) for name in names))


class TestClosing:
    def test_is_refused_while_somebody_is_signed_in_or_devices_disagree(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

        assert codes(door.close) == ["conflicts_open", "not_counted", "signed_in"]

    def test_is_refused_by_name_for_who_is_not_marked_and_not_said_to_be_absent(
        self, riverside: Centre, stella: Actor
    ) -> None:
        """Somebody who was forgotten at the door is not absent because of that."""
        door = Door(riverside, stella, "Mia Rossi", "Leo Rossi")
        mia, leo = door.row("Mia Rossi").attendance_id, door.row("Leo Rossi").attendance_id

        with pytest.raises(Refused, match="Not marked yet: Leo Rossi") as refused:
            door.close(absent=[mia])

        assert refused.value.reasons[0].facts == {"names": ["Leo Rossi"], "attendance_ids": [str(leo)]}
        assert codes(lambda: door.close(absent=[])) == ["not_marked"]
        door.send(door.say("ABSENT", name="Leo Rossi"))
        assert door.close(absent=[mia]).absent == 1

    def test_a_closed_roll_takes_no_mark_at_the_door(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.close()

        with pytest.raises(RollIsClosed):
            riverside.do(mark_roll, session_id=door.session_id, marks=[door.say("PRESENT")], actor=stella, now=EVENING)

    def test_and_keeps_a_late_one_as_a_conflict(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        door.close()

        assert door.outcomes(door.say("PRESENT", 3, device="right")) == [("CONFLICT", ["roll_is_closed"])]
        with pytest.raises(ConflictStands, match="an admin opens it again"):
            door.decide("TAKEN")

        riverside.do(reopen_roll, session_id=door.session_id, reason="A tablet came late", actor=riverside.admin,
                     now=EVENING + HOUR)  # fmt: skip
        door.decide("TAKEN", now=EVENING + HOUR)
        assert door.row().status is S.PRESENT
        door.send(door.say("LEFT", 45, by="Rosa Rossi", seen=None), now=EVENING + HOUR)
        door.decide("TAKEN", now=EVENING + HOUR)
        door.count(1)
        door.close(now=EVENING + 2 * HOUR)

    def test_opening_it_again_is_for_admins_and_on_record(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella)
        known = {"session_id": door.session_id, "reason": "Mia was there", "now": EVENING + HOUR}
        assert codes(lambda: riverside.do(reopen_roll, actor=riverside.admin, **known)) == ["roll_is_open"]
        door.close()

        with pytest.raises(NotPermitted):
            riverside.do(reopen_roll, actor=stella, **known)
        riverside.do(reopen_roll, actor=riverside.admin, **known)
        door.close(now=EVENING + 2 * HOUR)

        events = riverside.rows("SELECT kind, reason FROM roll_event WHERE term_product_id = %(id)s ORDER BY at",
                                id=door.session_id)  # fmt: skip
        assert [(row["kind"], row["reason"]) for row in events] == [
            ("CLOSED", ""), ("REOPENED", "Mia was there"), ("CLOSED", ""),
        ]  # fmt: skip

    def test_races_with_a_mark_and_loses_none(self, riverside: Centre, stella: Actor) -> None:
        doors = [Door(riverside, stella) for _ in range(4)]

        for door in doors:
            mark = door.say("PRESENT", 5)

            def attempt(number: int, door: Door = door, mark: Mark = mark) -> str:
                if number:
                    return door.outcomes(mark)[0][0]
                try:
                    return f"{door.close().absent} absent"
                except Refused:
                    return "refused"

            outcomes = set(together(2, attempt))

            assert outcomes in ({"TAKEN", "refused"}, {"CONFLICT", "1 absent"})
            if "TAKEN" in outcomes:
                door.send(door.say("ABSENT", 6, seen=None))


class TestLatePickup:
    FEE = {"grace_minutes": 10, "per_minutes": 15, "fee_minor": 1000, "most_minor": 2500}  # noqa: RUF012

    def late(self, centre: Centre, staff: Actor, minutes: float) -> Door:
        door = Door(centre, staff)
        centre.rule("late_pickup", self.FEE, door.course.offering["id"])
        door.came_and_left(at=60 + minutes)
        door.count(1)
        return door

    def proposed(self, door: Door) -> list[Row]:
        return door.centre.rows("SELECT * FROM late_pickup WHERE term_product_id = %(id)s", id=door.session_id)

    @pytest.mark.parametrize(("minutes", "fee"), [(9.9, 0), (10.9, 0), (11, 1000), (16, 2000), (90, 2500)])
    def test_is_charged_by_the_begun_quarter_after_the_grace(self, minutes: float, fee: int) -> None:
        assert LatePickupFee(10, 15, 1000, 2500).for_minutes(int(minutes)) == fee

    def test_is_proposed_when_the_roll_closes_and_decided_by_the_office(self, riverside: Centre, stella: Actor) -> None:
        door = self.late(riverside, stella, 20)

        assert door.close().late == 1
        (fee,) = self.proposed(door)
        assert (fee["minutes_late"], fee["amount_minor"], fee["status"]) == (20, 2000, LatePickupStatus.PROPOSED)
        with pytest.raises(NotPermitted):
            riverside.do(late_pickup.accept, late_pickup_id=fee["id"], actor=stella)
        riverside.do(late_pickup.accept, late_pickup_id=fee["id"], actor=riverside.admin)

        assert self.proposed(door)[0]["status"] == LatePickupStatus.ACCEPTED

    def test_is_waived_with_a_reason_and_not_proposed_again(self, riverside: Centre, stella: Actor) -> None:
        door = self.late(riverside, stella, 20)
        door.close()
        (fee,) = self.proposed(door)
        waive = {"late_pickup_id": fee["id"], "actor": riverside.admin}

        assert codes(lambda: riverside.do(late_pickup.waive, reason=" ", **waive)) == ["reason_missing"]
        riverside.do(late_pickup.waive, reason="The bus was late", **waive)
        riverside.do(reopen_roll, session_id=door.session_id, reason="Check", actor=riverside.admin, now=EVENING + DAY)

        assert door.close(now=EVENING + 2 * DAY).late == 0
        assert self.proposed(door)[0]["status"] == LatePickupStatus.WAIVED

    def test_in_time_costs_nothing(self, riverside: Centre, stella: Actor) -> None:
        assert self.late(riverside, stella, 9).close().late == 0


class TestToday:
    def find(self, door: Door, now: datetime) -> list[RollCall]:
        calls = door.centre.do(lambda tx, now: roll_calls(tx, actor=door.staff, now=now), now=now)
        return [call for call in calls if call.session_id == door.session_id]

    def test_shows_the_sessions_of_my_sites_and_where_their_rolls_stand(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, stella, "Mia Rossi", "Leo Rossi", child={"allergy_notes": "Peanuts"})
        door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

        (call,) = self.find(door, EVENING)

        assert (call.expected, call.waited_for, call.present, call.severe, call.conflicts) == (2, 1, 1, 2, 1)
        assert self.find(door, EVENING + DAY) == []

    def test_and_of_no_other_site(self, riverside: Centre, stella: Actor) -> None:
        door = Door(riverside, Actor(ActorKind.STAFF, site_ids=frozenset({new_id()})))

        assert self.find(door, EVENING) == []


def test_open_conflicts_are_those_of_the_session(riverside: Centre, stella: Actor) -> None:
    door, other = Door(riverside, stella), Door(riverside, stella)
    door.send(door.say("PRESENT", 5), door.say("ABSENT", 2, device="right"))

    assert riverside.do(lambda tx, now: open_conflicts(tx, session_id=other.session_id)) == []
