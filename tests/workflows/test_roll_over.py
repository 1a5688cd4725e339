"""Rolling Riverside's spring over into its summer: what is made, what is not, and who may book first."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from catalogue.roll_over import Fate, RollOver, Window, preview, roll_over
from catalogue.rules import Rule, set_rule
from catalogue.sessions import generate_sessions
from engine.database import Database, Transaction
from engine.errors import Invalid
from engine.ids import new_id
from models import ClosureDay, Extra, OfferingStatus, RuleScope
from tests import builders as build
from tests.builders import Row
from tests.workflows.centre import (
    DAY,
    PAY_NOW,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    make_centre,
    refused,
)  # fmt: skip
from tests.workflows.endings import cancel

SUNDAYS = [{"weekdays": ["SUN"], "starts": "09:30", "ends": "10:30"}]
PRIORITY = datetime(2026, 5, 4, 13, tzinfo=UTC)
OPENS = PRIORITY + 7 * DAY
WINDOW = Window(bookable_from=OPENS, priority_from=PRIORITY)


@pytest.fixture
def centre(checked_database: Database, database_url: str) -> Centre:
    """An organisation of its own: a spring of Sundays, 5 April to 28 June."""
    return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")


@pytest.fixture
def summer(centre: Centre) -> Row:
    """From Wednesday 1 July, thirteen weeks after the spring began on Wednesday 1 April."""
    made: Row = centre.edit(build.term, centre.site, name="Summer 2026", starts_on=date(2026, 7, 1),
                            ends_on=date(2026, 8, 31), status="DRAFT")  # fmt: skip
    return made


def course(centre: Centre, name: str = "Karate", *, schedule: list[Row] | None = None, **columns: Any) -> Row:
    """An offering with the sessions that its schedule makes."""
    program = columns.pop("program", None) or centre.program(name)
    made: Row = centre.edit(build.offering, centre.term, program, name=name, schedule=schedule or SUNDAYS, **columns)
    centre.edit(generate_sessions, [made["id"]])
    return made


def roll(centre: Centre, summer: Row, window: Window = WINDOW, **known: Any) -> RollOver:
    made: RollOver = centre.edit(
        roll_over, **{"from_term_id": centre.term["id"], "term_id": summer["id"], "window": window, **known}
    )
    return made


def look(centre: Centre, summer: Row, window: Window = WINDOW) -> RollOver:
    seen: RollOver = centre.edit(
        preview, from_term_id=centre.term["id"], term_id=summer["id"], window=window
    )  # fmt: skip
    return seen


def rolled(centre: Centre, offering: Row) -> Row:
    return centre.one("SELECT * FROM term_program_set WHERE rolled_from_id = %(id)s", id=offering["id"])


def sessions(centre: Centre, offering: Row) -> list[Row]:
    return centre.rows("SELECT * FROM term_product WHERE term_program_set_id = %(id)s ORDER BY local_date",
                       id=offering["id"])  # fmt: skip


def days(centre: Centre, offering: Row) -> list[date]:
    return [row["local_date"] for row in sessions(centre, offering)]


class Counted:
    """A transaction that counts its statements."""

    def __init__(self, tx: Transaction) -> None:
        self.tx, self.statements = tx, 0

    def __getattr__(self, name: str) -> Any:
        self.statements += name in ("row", "rows", "run")
        return getattr(self.tx, name)


class TestWhatIsMade:
    def test_the_same_offering_on_the_same_weekday_with_its_rules(self, centre: Centre, summer: Row) -> None:
        karate = course(centre, session_price_minor=1450, capacity=7, age_from_months=72, modes=["CASUAL", "FULL_TERM"],
                        full_term_price_minor=9900, code="KAR-1")  # fmt: skip
        centre.rule("booking_cut_off_minutes", 90, karate["id"])
        centre.edit(set_rule, RuleScope.TPS, karate["id"], Rule.TAX, None)

        made = roll(centre, summer)

        new = rolled(centre, karate)
        for name in ("program_id", "name", "code", "session_price_minor", "capacity", "age_from_months", "modes",
                     "full_term_price_minor", "schedule"):  # fmt: skip
            assert new[name] == karate[name] or name == "schedule", name
        assert (new["term_id"], new["status"]) == (summer["id"], "PUBLISHED")
        assert (new["bookable_from"], new["priority_from"], new["priority_term_id"]) == (
            OPENS, PRIORITY, centre.term["id"])  # fmt: skip
        assert days(centre, new) == [date(2026, 7, 5) + timedelta(weeks=n) for n in range(9)]
        assert {(row["price_minor"], row["capacity"], row["taken"]) for row in sessions(centre, new)} == {(1450, 7, 0)}
        rules = centre.rows("SELECT name, value FROM rule_setting WHERE scope_id = %(id)s ORDER BY name", id=new["id"])
        assert [(row["name"], row["value"]) for row in rules] == [("booking_cut_off_minutes", 90), ("tax", None)]
        assert (made.weeks, made.sessions) == (13, 9)

    def test_given_dates_and_bounds_move_by_whole_weeks(self, centre: Centre, summer: Row) -> None:
        show = [{"dates": ["2026-04-18", "2026-06-20"], "starts": "14:00", "ends": "16:00"},
                {"weekdays": ["TUE"], "starts": "10:00", "ends": "11:00", "from": "2026-04-14", "until": "2026-04-28"},
                ]  # fmt: skip
        play = course(centre, "Theatre", schedule=show)

        made = roll(centre, summer)

        (found,) = [each for each in made.offerings if each.source["id"] == play["id"]]
        assert days(centre, rolled(centre, play)) == [
            date(2026, 7, 14), date(2026, 7, 18), date(2026, 7, 21), date(2026, 7, 28)]  # fmt: skip
        assert [(each.date, each.reason) for each in found.skipped] == [(date(2026, 9, 19), "outside the term")]

    def test_a_bound_that_is_the_terms_own_stays_the_terms_own(self, centre: Centre, summer: Row) -> None:
        whole = [{**SUNDAYS[0], "from": centre.term["starts_on"].isoformat(),
                  "until": centre.term["ends_on"].isoformat()}]  # fmt: skip
        karate = course(centre, schedule=whole)

        roll(centre, summer)

        assert len(days(centre, rolled(centre, karate))) == 9

    def test_a_closure_day_of_the_new_term_has_no_session_and_is_shown(self, centre: Centre, summer: Row) -> None:
        karate = course(centre)
        centre.edit(build.add, ClosureDay, site_id=centre.site["id"], date=date(2026, 7, 12), reason="Floor is redone")

        seen = look(centre, summer)
        roll(centre, summer)

        assert [(each.date, each.reason) for each in seen.offerings[0].skipped] == [
            (date(2026, 7, 12), "Floor is redone")]  # fmt: skip
        assert date(2026, 7, 12) not in days(centre, rolled(centre, karate))

    def test_a_clock_change_between_the_terms_leaves_the_time_on_the_wall(self, centre: Centre) -> None:
        karate = course(centre)
        winter = centre.edit(build.term, centre.site, name="Winter 2027", starts_on=date(2027, 1, 6),
                             ends_on=date(2027, 2, 28), status="DRAFT")  # fmt: skip

        roll(centre, winter)

        (spring, *_), (first, *_) = sessions(centre, karate), sessions(centre, rolled(centre, karate))
        assert first["local_start"] == spring["local_start"]
        assert (spring["starts_at"].astimezone(UTC).hour, first["starts_at"].astimezone(UTC).hour) == (13, 14)

    def test_what_was_cancelled_is_left_out_and_what_does_not_fit_says_why(self, centre: Centre, summer: Row) -> None:
        course(centre, "Chess")
        centre.run("UPDATE term_program_set SET status = 'CANCELLED'")
        once = [{"dates": ["2026-06-28"], "starts": "14:00", "ends": "16:00"}]
        course(centre, "Concert", schedule=once)
        centre.run("UPDATE term SET ends_on = '2026-07-31' WHERE id = %(id)s", id=summer["id"])

        seen = roll(centre, summer)

        assert {each.source["name"]: (each.fate, each.reason) for each in seen.offerings} == {
            "Chess": (Fate.LEFT_OUT, "it was cancelled"),
            "Concert": (Fate.DOES_NOT_FIT, "none of its dates falls into the term"),
        }
        assert not centre.rows("SELECT id FROM term_program_set WHERE term_id = %(id)s", id=summer["id"])

    def test_what_had_not_been_published_is_a_draft_again(self, centre: Centre, summer: Row) -> None:
        draft = course(centre, status=OfferingStatus.DRAFT)

        roll(centre, summer)

        assert rolled(centre, draft)["status"] == "DRAFT"

    def test_without_moments_the_window_moves_along_on_the_clock(self, centre: Centre, summer: Row) -> None:
        opened = datetime(2026, 3, 2, 14, tzinfo=UTC)  # 09:00 in Toronto, before the clocks change
        karate = course(centre, bookable_from=opened)

        roll(centre, summer, Window())

        assert rolled(centre, karate)["bookable_from"] == datetime(2026, 6, 1, 13, tzinfo=UTC)
        assert rolled(centre, karate)["priority_from"] is None

    def test_extras_of_the_program_are_offered_with_it(self, centre: Centre, summer: Row) -> None:
        program = centre.program("Camp")
        lunch = centre.edit(build.add, Extra, name="Lunch", price_minor=900, program_id=program["id"])
        camp = course(centre, "Camp", program=program)
        roll(centre, summer, Window())
        centre.run("UPDATE term SET status = 'OPEN' WHERE id = %(id)s", id=summer["id"])
        rossi, first = centre.family(), sessions(centre, rolled(centre, camp))[0]

        lines = [{"session_id": first["id"], "extras": [{"extra_id": lunch["id"], "quantity": 1}]}]
        cart = centre.cart(rossi, rossi.child(), lines, term=summer)

        assert cart.total_minor == camp["session_price_minor"] + 900


class TestTwice:
    def test_a_second_run_makes_nothing(self, centre: Centre, summer: Row) -> None:
        course(centre)
        seen = look(centre, summer)
        roll(centre, summer, fingerprint=seen.fingerprint)
        before = centre.snapshot()

        again = roll(centre, summer, fingerprint=seen.fingerprint)

        assert centre.snapshot() == before
        assert [each.fate for each in again.offerings] == [Fate.ROLLED]
        assert look(centre, summer).fingerprint == seen.fingerprint

    def test_a_second_run_adds_what_came_later(self, centre: Centre, summer: Row) -> None:
        karate = course(centre)
        roll(centre, summer)
        made = rolled(centre, karate)
        chess = course(centre, "Chess")

        roll(centre, summer)

        assert rolled(centre, karate) == made
        assert days(centre, rolled(centre, chess))

    def test_two_at_once_make_it_once(self, centre: Centre, summer: Row) -> None:
        karate = course(centre)

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: roll(centre, summer), range(4)))

        assert sum(len(each.of(Fate.ROLLS)) for each in made) == 1
        assert len(sessions(centre, rolled(centre, karate))) == 9

    def test_statements_do_not_grow_with_the_offerings(self, centre: Centre, summer: Row) -> None:
        course(centre)
        few = self.statements(centre, summer)
        for n in range(20):
            course(centre, f"Course {n}")

        assert self.statements(centre, summer) == few < 20

    @staticmethod
    def statements(centre: Centre, summer: Row) -> int:
        """How many statements a roll-over takes."""
        with centre.database.transaction(centre.organisation_id) as tx:
            counted = Counted(tx)
            roll_over(counted, from_term_id=centre.term["id"], term_id=summer["id"], window=WINDOW)  # type: ignore[arg-type]
        return counted.statements


class TestRefusals:
    def test_a_term_that_overlaps(self, centre: Centre) -> None:
        course(centre)
        camp = centre.edit(build.term, centre.site, name="June", starts_on=date(2026, 6, 1), ends_on=date(2026, 7, 5),
                           status="DRAFT")  # fmt: skip
        before = centre.snapshot()

        (reason,) = refused(lambda: roll(centre, camp))

        assert reason.code == "terms_overlap"
        assert "June (2026-06-01 to 2026-07-05) does not begin after" in reason.message
        assert centre.snapshot() == before

    def test_itself_and_an_earlier_one_and_one_that_is_open(self, centre: Centre, summer: Row) -> None:
        centre.run("UPDATE term SET status = 'OPEN' WHERE id = %(id)s", id=summer["id"])

        assert codes(lambda: roll(centre, centre.term)) == ["term_not_draft", "terms_overlap"]
        assert codes(lambda: roll(centre, summer)) == ["term_not_draft"]
        assert "terms_overlap" in codes(
            lambda: roll(centre, centre.term, from_term_id=summer["id"], term_id=centre.term["id"]))  # fmt: skip

    def test_a_plan_that_changed_since_it_was_previewed(self, centre: Centre, summer: Row) -> None:
        karate = course(centre)
        seen = look(centre, summer)
        centre.run("UPDATE term_program_set SET session_price_minor = 1 WHERE id = %(id)s", id=karate["id"])

        assert codes(lambda: roll(centre, summer, fingerprint=seen.fingerprint)) == ["preview_stale"]

    def test_priority_that_is_not_before_the_opening_to_all(self, centre: Centre, summer: Row) -> None:
        for window in (Window(OPENS, OPENS), Window(None, PRIORITY)):
            with pytest.raises(Invalid) as refusal:
                look(centre, summer, window)
            assert refusal.value.reasons[0].field == "priority_from"


class TestPriority:
    """Karate in the spring with Mia Rossi in it; in summer it opens on 4 May to her, on 11 May to all."""

    @pytest.fixture
    def rossi(self, centre: Centre) -> Family:
        return centre.family()

    @pytest.fixture
    def mia(self, rossi: Family) -> Row:
        return rossi.child()

    @pytest.fixture
    def karate(self, centre: Centre) -> Row:
        return course(centre)

    @pytest.fixture
    def spring(self, centre: Centre, karate: Row, rossi: Family, mia: Row) -> Cart:
        """Mia's enrolment in the spring's karate."""
        first = sessions(centre, karate)[0]
        return centre.confirmed(rossi, mia, [{"session_id": first["id"]}])

    @pytest.fixture
    def again(self, centre: Centre, summer: Row, karate: Row, spring: Cart) -> Course:
        """Summer's karate."""
        roll(centre, summer)
        centre.run("UPDATE term SET status = 'OPEN' WHERE id = %(id)s", id=summer["id"])
        new = rolled(centre, karate)
        return Course(new, sessions(centre, new))

    def submit(self, centre: Centre, by: Family, child: Row, again: Course, summer: Row, now: datetime) -> UUID:
        cart = centre.cart(by, child, again.lines(0), term=summer, now=now)
        centre.submit(cart, actor=by.actor, how=PAY_NOW, now=now)
        return cart.id

    def test_a_current_attendee_books_before_it_opens_to_all(
        self, centre: Centre, rossi: Family, mia: Row, again: Course, summer: Row
    ) -> None:
        assert self.submit(centre, rossi, mia, again, summer, PRIORITY)

        assert centre.taken(again)[0] == 1

    def test_not_before_the_priority_begins(
        self, centre: Centre, rossi: Family, mia: Row, again: Course, summer: Row
    ) -> None:
        (reason,) = refused(lambda: self.submit(centre, rossi, mia, again, summer, PRIORITY - DAY))

        assert (reason.code, reason.facts["opens_at"]) == ("not_open_yet", PRIORITY.isoformat())

    def test_others_are_told_why_and_when(self, centre: Centre, again: Course, summer: Row) -> None:
        chen = centre.family("Chen family")
        lin = chen.child("Lin Chen")

        (early,) = refused(lambda: self.submit(centre, chen, lin, again, summer, PRIORITY - DAY))
        (later,) = refused(lambda: self.submit(centre, chen, lin, again, summer, PRIORITY + DAY))

        assert (early.code, later.code) == ("not_open_yet", "priority_only")
        assert later.facts["opens_at"] == OPENS.isoformat()
        assert later.message.endswith(
            f"Until then it is for those enrolled in Karate in {centre.term['name']}; Lin Chen is not.")  # fmt: skip
        assert self.submit(centre, chen, lin, again, summer, OPENS)

    def test_a_sibling_who_is_not_enrolled_waits_like_others(
        self, centre: Centre, rossi: Family, again: Course, summer: Row
    ) -> None:
        ben = rossi.child("Ben Rossi")

        assert codes(lambda: self.submit(centre, rossi, ben, again, summer, PRIORITY)) == ["priority_only"]

    def test_who_cancelled_has_no_priority(
        self, centre: Centre, rossi: Family, mia: Row, spring: Cart, again: Course, summer: Row
    ) -> None:
        centre.do(cancel, booking_id=centre.booking(spring)["id"], actor=centre.admin, reason="moved away")

        assert codes(lambda: self.submit(centre, rossi, mia, again, summer, PRIORITY)) == ["priority_only"]

    def test_an_admin_overrides_it_with_a_reason(self, centre: Centre, again: Course, summer: Row) -> None:
        chen = centre.family("Chen family")
        cart = centre.cart(chen, chen.child("Lin Chen"), again.lines(0), term=summer, now=PRIORITY)

        done = centre.submit(cart, actor=centre.admin, now=PRIORITY, override_reason="moves here in May")

        assert done.order.id == cart.id
        assert centre.history(cart)[-1][0] == "submit"
