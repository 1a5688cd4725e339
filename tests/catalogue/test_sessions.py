from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime, time
from time import sleep
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.types.json import Jsonb

from catalogue.sessions import OfferingNotFound, foresee_sessions, generate_sessions
from engine.ids import new_id
from models import (
    Account,
    Attendee,
    Program,
    ProgramCategory,
    ProgramType,
    Site,
    Term,
    TermBookingOrder,
    TermBookingOrderLine,
    TermProgramSet,
)
from models.status import ActorKind
from tests.catalogue.conftest import NOW

SESSIONS = "SELECT * FROM term_product WHERE organisation_id = %(org)s ORDER BY local_date, local_start"
MONDAYS = {"weekdays": ["MON"], "starts": "16:45", "ends": "17:45", "from": "2026-05-04", "until": "2026-05-25"}


@pytest.fixture
def offering(database, organisation):
    """Drawing on Mondays in May 2026: the 4th, 11th and 25th, since the 18th is Victoria Day."""
    with database.transaction(organisation) as tx:
        site = Site(
            organisation_id=organisation,
            name="Main hall",
            time_zone="America/Toronto",
            holiday_country="CA",
            holiday_subdivision="ON",
        )
        term = Term(organisation_id=organisation, name="Spring", starts_on=date(2026, 3, 30), ends_on=date(2026, 6, 28))
        category = ProgramCategory(organisation_id=organisation, name="Arts", program_type=ProgramType.CLASS)
        tx.session.add_all([site, term, category])
        tx.session.flush()
        program = Program(organisation_id=organisation, category_id=category.id, site_id=site.id, name="Drawing")
        tx.session.add(program)
        tx.session.flush()
        drawing = TermProgramSet(
            organisation_id=organisation,
            term_id=term.id,
            program_id=program.id,
            name="Drawing",
            status="PUBLISHED",
            schedule=[MONDAYS],
            session_price_minor=1200,
            capacity=10,
        )
        tx.session.add(drawing)
        return drawing


@pytest.fixture
def generate(database, organisation, offering):
    def run():
        with database.transaction(organisation) as tx:
            return generate_sessions(tx, [offering.id])

    return run


@pytest.fixture
def change(database, organisation):
    def run(sql: str, **parameters):
        with database.transaction(organisation) as tx:
            return tx.run(sql, **parameters)

    return run


def set_offering(change, **columns):
    wrapped = {name: Jsonb(value) if isinstance(value, list) else value for name, value in columns.items()}
    changes = ", ".join(f"{name} = %({name})s" for name in columns)
    change(f"UPDATE term_program_set SET {changes} WHERE organisation_id = %(org)s", **wrapped)


class TestGenerate:
    def test_makes_each_session_with_price_and_capacity(self, generate, rows):
        changes = generate()

        assert (changes.created, changes.kept) == (3, [])
        found = rows(SESSIONS)
        assert [s["local_date"].day for s in found] == [4, 11, 25]
        assert {(s["price_minor"], s["capacity"], s["taken"], s["status"]) for s in found} == {(1200, 10, 0, "OPEN")}
        assert found[0]["starts_at"] == datetime(2026, 5, 4, 16, 45, tzinfo=ZoneInfo("America/Toronto"))
        assert found[0]["local_end"] == time(17, 45)

    def test_again_changes_nothing(self, generate, rows):
        generate()
        before = rows("SELECT id, xmin::text FROM term_product WHERE organisation_id = %(org)s ORDER BY id")

        changes = generate()

        assert (changes.created, changes.updated, changes.removed, changes.unchanged) == (0, 0, 0, 3)
        assert rows("SELECT id, xmin::text FROM term_product WHERE organisation_id = %(org)s ORDER BY id") == before

    def test_follows_price_capacity_and_end(self, generate, change, rows):
        generate()
        set_offering(change, session_price_minor=1500, capacity=8, schedule=[{**MONDAYS, "ends": "18:15"}])

        changes = generate()

        assert changes.updated == 3
        assert {(s["price_minor"], s["capacity"], s["local_end"]) for s in rows(SESSIONS)} == {(1500, 8, time(18, 15))}

    def test_removes_what_is_no_longer_in_the_schedule(self, generate, change, rows):
        generate()
        set_offering(change, schedule=[{**MONDAYS, "until": "2026-05-11"}])

        assert generate().removed == 1
        assert [s["local_date"].day for s in rows(SESSIONS)] == [4, 11]

    def test_is_foreseen_day_by_day_with_the_days_on_which_nothing_takes_place(
        self, database, organisation, generate, change, offering
    ):
        def foresee():
            with database.transaction(organisation) as tx:
                found = foresee_sessions(tx, offering.id)
            return ([slot.local_date.day for slot in found.fresh], [row["local_date"].day for row in found.gone],
                    [(each.date.day, each.reason) for each in found.skipped])  # fmt: skip

        at_first = foresee()
        generate()
        nothing = foresee()
        set_offering(change, schedule=[{**MONDAYS, "until": "2026-06-01", "weekdays": ["MON"], "from": "2026-05-11"}])
        later = foresee()
        set_offering(change, status="CANCELLED")

        assert at_first == ([4, 11, 25], [], [(18, "Victoria Day")])
        assert nothing == ([], [], [(18, "Victoria Day")])
        assert later == ([1], [4], [(18, "Victoria Day")])
        assert foresee() == ([], [], [])

    def test_leaves_out_closure_days_of_the_site_and_of_the_term_only(self, generate, change, rows, offering):
        change(
            """
            INSERT INTO closure_day (organisation_id, id, site_id, term_id, date, reason)
            SELECT %(org)s, gen_random_uuid(), s.id, NULL, '2026-05-04'::date, 'Flood' FROM site s
            UNION ALL SELECT %(org)s, gen_random_uuid(), s.id, %(term)s, '2026-05-11'::date, '' FROM site s
            """,
            term=offering.term_id,
        )

        generate()

        assert [s["local_date"].day for s in rows(SESSIONS)] == [25]

    def test_leaves_cancelled_offerings_and_sessions_alone(self, generate, change, rows):
        generate()
        change(
            "UPDATE term_product SET status = 'CANCELLED' WHERE organisation_id = %(org)s AND local_date = '2026-05-11'"
        )
        set_offering(change, session_price_minor=1500)

        assert generate().updated == 2
        set_offering(change, status="CANCELLED", session_price_minor=1600)
        assert generate().updated == 0
        assert [s["price_minor"] for s in rows(SESSIONS)] == [1500, 1200, 1500]

    def test_knows_undated_sessions_again(self, generate, change, rows):
        set_offering(change, schedule=[{"component": "IN"}])

        assert generate().created == 1
        assert generate().unchanged == 1
        assert rows(SESSIONS)[0]["starts_at"] is None

    def test_of_what_is_not_there_is_refused(self, database, organisation):
        with database.transaction(organisation) as tx, pytest.raises(OfferingNotFound):
            generate_sessions(tx, [new_id()])


class TestBookedSessions:
    @pytest.fixture
    def booked(self, generate, change):
        generate()
        change("UPDATE term_product SET taken = 9 WHERE organisation_id = %(org)s AND local_date = '2026-05-11'")

    def test_are_never_oversold(self, booked, generate, change, rows):
        set_offering(change, capacity=4)

        changes = generate()

        assert changes.updated == 2
        [kept] = changes.kept
        assert (kept.local_date, kept.taken) == (date(2026, 5, 11), 9)
        assert kept.reason == "is booked, so it was not changed: capacity 10 should be 4"
        assert [(s["capacity"], s["taken"]) for s in rows(SESSIONS)] == [(4, 0), (10, 9), (4, 0)]

    def test_keep_the_price_they_were_booked_at(self, booked, generate, change, rows):
        set_offering(change, session_price_minor=9900)

        assert len(generate().kept) == 1
        assert [s["price_minor"] for s in rows(SESSIONS)] == [9900, 1200, 9900]

    def test_stay_when_the_schedule_drops_them(self, booked, generate, change, rows):
        set_offering(change, schedule=[{**MONDAYS, "weekdays": ["TUE"]}])

        changes = generate()

        assert (changes.created, changes.removed) == (4 - 1, 2)
        assert [kept.reason for kept in changes.kept] == ["is booked, and no longer in the schedule"]
        assert date(2026, 5, 11) in [s["local_date"] for s in rows(SESSIONS)]

    def test_while_somebody_is_booking_it_waits_and_then_looks(
        self, generate, change, rows, database, database_url, organisation
    ):
        generate()
        set_offering(change, capacity=4)

        with ThreadPoolExecutor() as pool:
            with database.transaction(organisation) as booking:
                booking.run(
                    "UPDATE term_product SET taken = 9 WHERE organisation_id = %(org)s AND local_date = '2026-05-11'"
                )
                generating = pool.submit(generate)
                wait_until_somebody_waits(database_url)
            changes = generating.result(timeout=30)

        assert [kept.taken for kept in changes.kept] == [9]
        assert [(s["capacity"], s["taken"]) for s in rows(SESSIONS)] == [(4, 0), (10, 9), (4, 0)]


def wait_until_somebody_waits(database_url):
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with psycopg.connect(database_url, autocommit=True) as owner:
        for _ in range(500):
            if owner.execute(waiting).rowcount:
                return
            sleep(0.02)
    raise AssertionError("nobody waits for the lock")


class TestSessionsInCarts:
    @pytest.fixture
    def carted(self, generate, database, organisation, offering, rows):
        generate()
        with database.transaction(organisation) as tx:
            session = rows(SESSIONS)[0]
            account = Account(organisation_id=organisation, reference="AC-1", name="Silva", created_at=NOW)
            mia = Attendee(
                organisation_id=organisation,
                reference="AT-1",
                name="Mia",
                date_of_birth=date(2018, 1, 1),
                created_at=NOW,
            )
            tx.session.add_all([account, mia])
            tx.session.flush()
            cart = TermBookingOrder(
                organisation_id=organisation,
                reference="TO-1",
                account_id=account.id,
                attendee_id=mia.id,
                term_id=offering.term_id,
                made_by=ActorKind.FAMILY,
                created_at=NOW,
                updated_at=NOW,
            )
            tx.session.add(cart)
            tx.session.flush()
            tx.session.add(
                TermBookingOrderLine(
                    organisation_id=organisation,
                    order_id=cart.id,
                    term_product_id=session["id"],
                    term_program_set_id=offering.id,
                    price_minor=1200,
                    position=0,
                )
            )
        return session

    def test_follow_a_new_price_since_nothing_is_held(self, carted, generate, change):
        set_offering(change, session_price_minor=1500)

        assert generate().updated == 3

    def test_are_cancelled_when_the_schedule_drops_them(self, carted, generate, change, rows):
        set_offering(change, schedule=[{**MONDAYS, "from": "2026-05-05"}])

        changes = generate()

        assert (changes.removed, changes.withdrawn) == (0, 1)
        assert (rows(SESSIONS)[0]["id"], rows(SESSIONS)[0]["status"]) == (carted["id"], "CANCELLED")
        assert generate().withdrawn == 0
