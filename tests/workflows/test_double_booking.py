"""Who may hold what at the same time: every pair of types in every position, from the specification's own table."""

from datetime import UTC, datetime
from itertools import product

import pytest

from engine.ids import new_id
from models import TermBookingOrderType as Type
from tests.workflows.centre import FIRST, HOUR, MINUTE, WEEK, Centre, orders, refused
from workflows.double_booking import BLOCKS_TIME, MATRIX, TAKES_PLACE, Slot, clashes, clashing_pairs

SPECIFICATION = """
| held ↓ wanted → | Booking | TrialSession | EoI | Subscription | WaitingList |
| Booking | X | X | X | D | D |
| TrialSession | X | X | X | D | D |
| EoI | X* | X* | X | – | – |
| Subscription | D | D | – | D | D |
| WaitingList | – | – | – | – | D |
"""
NAMES = {
    "Booking": Type.BOOKING, "TrialSession": Type.TRIAL_SESSION, "EoI": Type.EOI, "Subscription": Type.SUBSCRIPTION,
    "WaitingList": Type.WAITING_LIST,
}  # fmt: skip
START = datetime(2026, 4, 12, 14, tzinfo=UTC)
# Where the wanted session lies, in minutes from the start of the held one, which lasts an hour.
POSITIONS = {
    "ends before": (-120, -60), "touches before": (-60, 0), "overlaps the start": (-30, 30), "starts with it": (0, 30),
    "inside": (15, 45), "same hour, another session": (0, 60), "around": (-30, 90), "ends with it": (30, 60),
    "overlaps the end": (30, 90), "touches after": (60, 120), "after": (61, 120),
}  # fmt: skip
OVERLAPS = {position: end > 0 and start < 60 for position, (start, end) in POSITIONS.items()}


def table() -> dict[tuple[Type, Type], str]:
    """(held, wanted) → what the specification says."""
    head, *rows = [[cell.strip() for cell in line.strip("| ").split("|")] for line in SPECIFICATION.split("\n") if line]
    return {
        (NAMES[held], NAMES[wanted]): cell
        for held, *cells in rows
        for wanted, cell in zip(head[1:], cells, strict=True)
    }


def slot(start: float, end: float) -> Slot:
    return Slot(new_id(), START + start * MINUTE, START + end * MINUTE)


PAIRS = table()
HELD = slot(0, 60)


class TestMatrix:
    def test_has_a_rule_for_each_pair_of_types(self) -> None:
        assert len(PAIRS) == len(Type) ** 2 == 25
        assert {(held, wanted) for held, row in MATRIX.items() for wanted in row} == set(PAIRS)

    def test_types_that_hold(self) -> None:
        assert {Type.BOOKING, Type.TRIAL_SESSION, Type.SUBSCRIPTION} == TAKES_PLACE
        assert {Type.BOOKING, Type.TRIAL_SESSION, Type.EOI} == BLOCKS_TIME

    @pytest.mark.parametrize("position", POSITIONS)
    @pytest.mark.parametrize(("held", "wanted"), PAIRS, ids=lambda t: t.name)
    def test_another_session(self, held: Type, wanted: Type, position: str) -> None:
        expected = PAIRS[held, wanted] in ("X", "X*") and OVERLAPS[position]

        assert clashes(held, HELD, wanted, slot(*POSITIONS[position])) is expected

    @pytest.mark.parametrize(("held", "wanted"), PAIRS, ids=lambda t: t.name)
    def test_the_same_session(self, held: Type, wanted: Type) -> None:
        assert clashes(held, HELD, wanted, HELD) is (PAIRS[held, wanted] in ("X", "D"))

    @pytest.mark.parametrize(("held", "wanted"), PAIRS, ids=lambda t: t.name)
    def test_undated_sessions_conflict_with_nothing_but_themselves(self, held: Type, wanted: Type) -> None:
        undated = Slot(new_id(), None, None)

        assert not clashes(held, undated, wanted, HELD)
        assert not clashes(held, HELD, wanted, undated)
        assert not clashes(held, undated, wanted, Slot(new_id(), None, None))
        assert clashes(held, undated, wanted, undated) is (PAIRS[held, wanted] in ("X", "D"))


class TestWithinOneSubmission:
    @pytest.mark.parametrize(
        ("wanted", "position"), list(product(Type, POSITIONS)), ids=lambda v: getattr(v, "name", v)
    )
    def test_pairs_are_checked_in_both_orders(self, wanted: Type, position: str) -> None:
        other = slot(*POSITIONS[position])
        expected = 1 if PAIRS[wanted, wanted] == "X" and OVERLAPS[position] else 0

        assert len(list(clashing_pairs(wanted, [HELD, other]))) == expected
        assert len(list(clashing_pairs(wanted, [other, HELD]))) == expected

    def test_names_each_pair_once(self) -> None:
        long, early, late = slot(0, 180), slot(10, 20), slot(20, 30)

        pairs = list(clashing_pairs(Type.BOOKING, [late, long, early, Slot(new_id(), None, None)]))

        assert pairs == [(long, early), (long, late)]


class TestOnTheDatabase:
    """What is said of an overlap; every pair of types stands in `test_double_booking_matrix`."""

    def test_is_refused_in_words(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()
        karate, soccer = riverside.course(), riverside.course(FIRST + HOUR / 2, name="Soccer")
        first = riverside.submitted(rossi, mia, karate.lines())
        cart = riverside.cart(rossi, mia, soccer.lines())

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert cart.notices == ["double_booked"]
        assert (reason.code, reason.rule) == ("double_booked", "double_booking")
        assert reason.field == "lines[0].session_id"
        assert reason.message == (
            f"Mia Rossi is already booked for Karate, Sun 12 Apr 2026 09:30–10:30 ({first.reference})."
        )
        assert reason.session.startswith("Soccer, Sun 12 Apr 2026 ")
        assert riverside.taken(soccer) == [0]

    def test_a_session_past_midnight_of_the_day_before(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()
        night = riverside.course(FIRST.replace(hour=22), minutes=10 * 60, name="Sleepover")
        riverside.submitted(rossi, mia, night.lines())

        early = riverside.course(FIRST.replace(day=13, hour=7), name="Swimming")
        cart = riverside.cart(rossi, mia, early.lines())

        assert cart.notices == ["double_booked"]

    def test_pairs_of_one_submission(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()
        karate, soccer = riverside.course(), riverside.course(FIRST + HOUR / 2, name="Soccer")
        cart = riverside.cart(rossi, mia, [*karate.lines(), *soccer.lines()])

        (reason,) = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert reason.message == (
            "Soccer, Sun 12 Apr 2026 10:00–11:00 overlaps Karate, Sun 12 Apr 2026 09:30–10:30 of this order."
        )
        assert reason.field == "lines[1].session_id"

    def test_touching_sessions_of_one_submission(self, riverside: Centre) -> None:
        rossi = riverside.family()
        karate, soccer = riverside.course(), riverside.course(FIRST + HOUR, name="Soccer")

        cart = riverside.submitted(rossi, rossi.child(), [*karate.lines(), *soccer.lines()])

        assert len(riverside.claims(cart)) == 2

    def test_every_overlap_is_named(self, riverside: Centre) -> None:
        rossi = riverside.family()
        mia = rossi.child()
        karate = riverside.course(FIRST, FIRST + WEEK)
        soccer = riverside.course(FIRST, FIRST + WEEK, FIRST + 2 * WEEK, name="Soccer")
        riverside.submitted(rossi, mia, karate.lines())
        cart = riverside.cart(rossi, mia, soccer.lines())

        reasons = refused(lambda: riverside.submit(cart, actor=rossi.actor))

        assert [r.field for r in reasons] == ["lines[0].session_id", "lines[1].session_id"]

    def test_another_child_of_the_family_is_free(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        riverside.submitted(rossi, rossi.child(), karate.lines())

        riverside.submitted(rossi, rossi.child("Leo Rossi"), karate.lines())

        assert riverside.taken(karate) == [2]

    def test_time_that_was_given_back_is_free(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        mia = rossi.child()
        first = riverside.submitted(rossi, mia, karate.lines())
        riverside.pull(orders.cancel, first, actor=rossi.actor)

        second = riverside.submitted(rossi, mia, karate.lines())

        assert len(riverside.claims(second)) == 1


class TestSeparatedParents:
    """Mia belongs to two accounts; neither learns from a refusal what the other booked."""

    def test_another_account_reads_only_that_she_is_not_available(self, riverside: Centre) -> None:
        rossi, bianchi = riverside.family(), riverside.family("Bianchi family")
        mia = rossi.child()
        riverside.share(mia, bianchi)
        karate, soccer = riverside.course(), riverside.course(name="Soccer")
        held = riverside.submitted(rossi, mia, karate.lines())
        cart = riverside.cart(bianchi, mia, soccer.lines())

        (reason,) = refused(lambda: riverside.submit(cart, actor=bianchi.actor))

        assert reason.message == "Soccer, Sun 12 Apr 2026 09:30–10:30: not available at this time."
        assert held.reference not in str(reason.as_dict())
        assert "Karate" not in str(reason.as_dict())

    def test_an_admin_reads_it_all(self, riverside: Centre) -> None:
        rossi, bianchi = riverside.family(), riverside.family("Bianchi family")
        mia = rossi.child()
        riverside.share(mia, bianchi)
        karate, soccer = riverside.course(), riverside.course(name="Soccer")
        held = riverside.confirmed(rossi, mia, karate.lines())
        cart = riverside.cart(bianchi, mia, soccer.lines(), actor=riverside.admin)

        (reason,) = refused(lambda: riverside.submit(cart, actor=riverside.admin))

        assert riverside.booking(held)["reference"] in reason.message

    def test_overlaps_cannot_be_overridden(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course()
        mia = rossi.child()
        riverside.submitted(rossi, mia, karate.lines())
        cart = riverside.cart(rossi, mia, karate.lines(), actor=riverside.admin)

        reasons = refused(lambda: riverside.submit(cart, actor=riverside.admin, override_reason="twins"))

        assert [r.code for r in reasons] == ["double_booked"]
