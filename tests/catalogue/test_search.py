from datetime import date, time

import pytest

from catalogue.eligibility import OfferingFacts
from catalogue.search import SearchIsInvalid, find_offerings, session_facts
from engine.ids import new_id
from tests.catalogue.conftest import NOW, SAMPLES, make_organisation


@pytest.fixture(scope="module")
def centre(database, database_url):
    """The sample centre, imported once: these tests only look."""
    from catalogue.importer import import_programme

    organisation = make_organisation(database_url)
    with database.transaction(organisation) as tx:
        import_programme(
            tx,
            source=SAMPLES / "toronto_registered_programs_centre7_2026.csv",
            mapping=SAMPLES / "toronto_centre7.toml",
            prices=SAMPLES / "toronto_prices.toml",
            now=NOW,
        )
    return organisation


@pytest.fixture
def find(database, centre):
    def run(**filters):
        with database.transaction(centre) as tx:
            return find_offerings(tx, **filters)

    return run


class TestFindOfferings:
    def test_without_a_filter_finds_all_by_name(self, find):
        found = find(limit=200)

        assert len(found) == 53
        assert sum(each.session_count for each in found) == 405

    def test_says_what_a_list_needs(self, find):
        [camp] = find(text="151582")

        assert (camp.name, camp.program, camp.category) == ("CampTO Explore", "CampTO Explore - Child", "Camps")
        assert (camp.first_date, camp.last_date, camp.session_count) == (date(2026, 6, 29), date(2026, 7, 3), 4)
        assert (camp.full_week_price_minor, camp.free_places) == (16000, 24)
        assert (camp.site, camp.term) == ("Community Centre 7", "Summer 2026")

    @pytest.mark.parametrize(
        ("filters", "count"),
        [
            ({"text": "karate"}, 2),
            ({"text": "Camps"}, 18),
            ({"text": " 100%_"}, 0),
            ({"text": "\\"}, 0),
            ({"text": "  "}, 53),
            ({"weekday": 6}, 7),
            ({"text": "karate", "age_months": 100}, 1),
            ({"text": "karate", "age_months": 60}, 0),
            ({"status": "DRAFT"}, 0),
            ({"status": None, "text": "karate"}, 2),
        ],
    )
    def test_narrows(self, find, filters, count):
        assert len(find(limit=200, **filters)) == count

    def test_narrows_by_term_and_site(self, find):
        summer = find(text="151582")[0]

        assert len(find(term=summer.term_id, limit=200)) == 22
        assert len(find(site=summer.site_id, limit=200)) == 53
        assert find(site=new_id()) == []

    def test_pages_through_everything_once(self, find):
        seen, after = [], None
        while page := find(limit=10, after=after):
            seen += [each.id for each in page]
            after = (page[-1].name, page[-1].id)

        assert len(seen) == len(set(seen)) == 53

    @pytest.mark.parametrize("filters", [{"limit": 0}, {"limit": 1000}, {"weekday": 7}, {"text": "a\0b"}])
    def test_refuses_what_it_cannot_ask(self, find, filters):
        with pytest.raises(SearchIsInvalid):
            find(**filters)

    def test_finds_nothing_of_another_organisation(self, database, database_url, centre):
        stranger = make_organisation(database_url)

        with database.transaction(stranger) as tx:
            assert find_offerings(tx, text="karate") == []


class TestSessionFacts:
    def test_say_all_that_a_booking_asks(self, database, centre):
        with database.transaction(centre) as tx:
            [karate, _] = find_offerings(tx, text="karate")
            ids = [
                row["id"]
                for row in tx.rows(
                    "SELECT id FROM term_product WHERE organisation_id = %(org)s AND term_program_set_id = %(id)s "
                    "ORDER BY starts_at",
                    id=karate.id,
                )
            ]

            facts = session_facts(tx, [*ids, new_id()])

        assert set(facts) == set(ids)
        first = facts[ids[0]]
        assert (first.local_date, first.local_start in (time(9, 30), time(10, 45))) == (date(2026, 4, 12), True)
        assert first.chain == (karate.id, karate.program_id, karate.category_id, centre)
        assert first.time_zone == "America/Toronto"
        assert first.eligibility == OfferingFacts(
            "Karate - Beginner",
            age_from_months=karate.age_from_months,
            age_below_months=karate.age_below_months,
        )
