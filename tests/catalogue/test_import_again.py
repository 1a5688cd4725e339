"""What an import does to what is there already, and to a file in which something is wrong."""

import pytest

from catalogue.importer import import_programme
from catalogue.mapping import MappingIsInvalid
from catalogue.rules import Rule, RuleScope, set_rule
from catalogue.source import SourceUnreadable
from tests.catalogue.conftest import NOW, SAMPLES, make_organisation

HEADER = "Nr,Title,Kind,Days,First,Last,From,To,Min,Max,Places,Fee,Site"
KARATE = "1,Karate,Sports,Sun,2026-04-12,2026-06-07,09:30,10:30,72,96,16,10.50,main"
YOGA = "2,Yoga,Fitness,Mon,2026-03-30,2026-06-15,18:45,19:45,156,,25,9.99,main"
MAPPING = """
[source]
name = "city"
[[sites]]
key = "main"
name = "Main hall"
time_zone = "America/Toronto"
holiday_country = "CA"
holiday_subdivision = "ON"
[[terms]]
key = "spring"
name = "Spring 2026"
starts_on = 2026-03-30
ends_on = 2026-06-28
[[terms]]
key = "summer"
name = "Summer 2026"
starts_on = 2026-06-29
ends_on = 2026-08-30
[new_categories]
program_type = "CLASS"
[offering]
key = "{Nr}"
code = "{Nr}"
name = "{Title}"
category = "{Kind}"
site = "{Site}"
age_from_months = "{Min}"
age_to_months = "{Max}"
capacity = "{Places}"
session_price = "{Fee}"
modes = "FULL_TERM,CASUAL"
[[meetings]]
[[meetings.kinds]]
weekdays = "{Days}"
starts = "{From}"
ends = "{To}"
from = "{First}"
until = "{Last}"
"""
EVERYTHING = """
    SELECT (SELECT count(*) FROM site WHERE organisation_id = %(org)s) AS sites,
           (SELECT count(*) FROM term WHERE organisation_id = %(org)s) AS terms,
           (SELECT count(*) FROM program WHERE organisation_id = %(org)s) AS programs,
           (SELECT count(*) FROM program_category WHERE organisation_id = %(org)s) AS categories,
           (SELECT count(*) FROM term_program_set WHERE organisation_id = %(org)s) AS offerings,
           (SELECT count(*) FROM term_product WHERE organisation_id = %(org)s) AS sessions,
           (SELECT count(*) FROM rule_setting WHERE organisation_id = %(org)s) AS rules
"""
NOTHING = dict.fromkeys(("sites", "terms", "programs", "categories", "offerings", "sessions", "rules"), 0)


@pytest.fixture
def city(tmp_path, run_import):
    """Import these lines with the mapping above, or another one."""

    def run(*lines: str, mapping: str = MAPPING, prices: str | None = None, **options):
        return of_bytes("\n".join([HEADER, *lines, ""]).encode(), mapping=mapping, prices=prices, **options)

    def of_bytes(data: bytes, *, mapping: str = MAPPING, prices: str | None = None, **options):
        (tmp_path / "city.csv").write_bytes(data)
        (tmp_path / "city.toml").write_text(mapping, "utf-8")
        if prices is not None:
            (tmp_path / "prices.toml").write_text(prices, "utf-8")
        return run_import(
            tmp_path / "city.csv",
            tmp_path / "city.toml",
            None if prices is None else tmp_path / "prices.toml",
            **options,
        )

    run.of_bytes = of_bytes
    return run


class TestTwice:
    def test_changes_nothing(self, run_import, rows):
        files = (
            SAMPLES / "toronto_registered_programs_centre7_2026.csv",
            SAMPLES / "toronto_centre7.toml",
            SAMPLES / "toronto_prices.toml",
        )
        # The system column xmin names the transaction that wrote a row's version.
        written = """
            SELECT array_agg(xmin::text || id::text ORDER BY id) AS versions FROM (
                SELECT xmin, id FROM term_program_set WHERE organisation_id = %(org)s
                UNION ALL SELECT xmin, id FROM term_product WHERE organisation_id = %(org)s
                UNION ALL SELECT xmin, id FROM program WHERE organisation_id = %(org)s
                UNION ALL SELECT xmin, id FROM rule_setting WHERE organisation_id = %(org)s
                UNION ALL SELECT xmin, id FROM site WHERE organisation_id = %(org)s
                UNION ALL SELECT xmin, id FROM term WHERE organisation_id = %(org)s
            ) everything
        """
        first = run_import(*files)
        before = rows(written)

        again = run_import(*files)

        assert first.created == 53
        assert (again.created, again.updated, again.unchanged) == (0, 0, 53)
        assert (again.sessions.created, again.sessions.updated, again.sessions.removed) == (0, 0, 0)
        assert (again.rules.created, again.rules.updated, again.rules.unchanged) == (0, 0, first.rules.created)
        assert again.applied
        assert rows(written) == before

    def test_by_two_organisations_are_two_programmes(self, city, database, database_url, tmp_path, rows):
        city(KARATE)
        other = make_organisation(database_url)

        with database.transaction(other) as tx:
            report = import_programme(
                tx, source=tmp_path / "city.csv", mapping=tmp_path / "city.toml", prices=None, now=NOW
            )

        assert report.created == 1
        assert rows(EVERYTHING)[0]["offerings"] == 1


class TestPreview:
    def test_says_what_would_happen_and_writes_nothing(self, city, rows):
        report = city(KARATE, YOGA, dry_run=True)

        assert (report.created, report.sessions.created, report.applied) == (2, 20, False)
        assert rows(EVERYTHING) == [NOTHING]

    def test_of_a_file_with_bad_rows_says_so(self, city, rows):
        report = city(KARATE, YOGA.replace("25", "-25"), dry_run=True)

        assert [str(bad) for bad in report.bad_rows] == ["line 3, Places: '-25' is negative"]
        assert (report.created, report.applied) == (0, False)
        assert rows(EVERYTHING) == [NOTHING]


class TestChangedRow:
    def test_updates_its_offering_and_its_sessions(self, city, rows):
        city(KARATE, YOGA)

        report = city(KARATE.replace("16,10.50", "18,11.00"), YOGA)

        assert (report.created, report.updated, report.unchanged) == (0, 1, 1)
        assert [(each.key, each.fields) for each in report.changed] == [("1", ("capacity", "session_price_minor"))]
        assert report.sessions.updated == 9
        sessions = rows(
            "SELECT capacity, price_minor FROM term_product WHERE organisation_id = %(org)s AND price_minor = 1100"
        )
        assert [s["capacity"] for s in sessions] == [18] * 9

    def test_moves_its_sessions(self, city, rows):
        city(KARATE)

        report = city(KARATE.replace("Sun", "Sat"))

        assert (report.sessions.created, report.sessions.removed, report.sessions.unchanged) == (8, 9, 0)
        days = rows(
            "SELECT DISTINCT extract(isodow FROM local_date)::int AS day FROM term_product "
            "WHERE organisation_id = %(org)s"
        )
        assert days == [{"day": 6}]

    def test_leaves_booked_sessions_as_they_are_and_reports_them(self, city, rows, database, organisation):
        city(KARATE)
        with database.transaction(organisation) as tx:
            tx.run("UPDATE term_product SET taken = 16 WHERE organisation_id = %(org)s AND local_date = '2026-04-12'")

        report = city(KARATE.replace("16,10.50", "4,10.50"))

        assert report.updated == 1
        assert report.sessions.updated == 8
        [kept] = report.sessions.kept
        assert (kept.local_date.isoformat(), kept.taken) == ("2026-04-12", 16)
        assert kept.reason == "is booked, so it was not changed: capacity 16 should be 4"
        [held] = rows("SELECT capacity, taken FROM term_product WHERE organisation_id = %(org)s AND taken > 0")
        assert held == {"capacity": 16, "taken": 16}

    def test_moves_to_another_term_while_nobody_booked_it(self, city, rows, database, organisation):
        city(KARATE)
        later = KARATE.replace("2026-04-12,2026-06-07", "2026-07-05,2026-07-26")
        assert city(later).sessions.created == 4
        with database.transaction(organisation) as tx:
            tx.run("UPDATE term_product SET taken = 1 WHERE organisation_id = %(org)s AND local_date = '2026-07-05'")

        report = city(KARATE)

        assert report.is_refused
        assert [str(bad) for bad in report.bad_rows] == [
            "line 2: Karate is booked in the term Summer 2026, and cannot move to another"
        ]
        assert rows(EVERYTHING)[0]["sessions"] == 4

    def test_does_not_undo_what_an_admin_decided(self, city, rows, database, organisation):
        city(KARATE, YOGA)
        with database.transaction(organisation) as tx:
            tx.run("UPDATE term_program_set SET status = 'CANCELLED' WHERE organisation_id = %(org)s AND code = '1'")
            tx.run("UPDATE term SET status = 'ARCHIVED' WHERE organisation_id = %(org)s")

        city(KARATE.replace("10.50", "11.00"), YOGA)

        statuses = "SELECT status FROM term_program_set WHERE organisation_id = %(org)s ORDER BY code"
        assert [row["status"] for row in rows(statuses)] == ["CANCELLED", "PUBLISHED"]
        assert rows("SELECT DISTINCT status FROM term WHERE organisation_id = %(org)s") == [{"status": "ARCHIVED"}]

    def test_a_closure_day_made_since_takes_its_sessions_away(self, city, rows, database, organisation):
        city(KARATE, YOGA)
        with database.transaction(organisation) as tx:
            [site] = tx.rows("SELECT id FROM site WHERE organisation_id = %(org)s")
            tx.run(
                "INSERT INTO closure_day (organisation_id, id, site_id, date, reason) "
                "VALUES (%(org)s, gen_random_uuid(), %(site)s, '2026-05-10', 'Flood')",
                site=site["id"],
            )

        report = city(KARATE, YOGA)

        assert (report.updated, report.unchanged, report.sessions.removed) == (1, 1, 1)


class TestVanishedRow:
    def test_is_reported_and_left_alone(self, city, rows):
        city(KARATE, YOGA)

        report = city(KARATE)

        assert [(each.key, each.name) for each in report.vanished] == [("2", "Yoga")]
        assert rows(EVERYTHING)[0]["offerings"] == 2

    def test_a_bad_row_has_not_vanished(self, city):
        city(KARATE, YOGA)

        report = city(KARATE, YOGA.replace("Mon", "Moonday"), skip_bad=True)

        assert report.vanished == []
        assert len(report.bad_rows) == 1


class TestBadRow:
    @pytest.mark.parametrize(
        ("line", "column", "reason"),
        [
            (KARATE.replace("2026-04-12", "2026-04-31"), "First", "'2026-04-31' is not a date: there is no such day"),
            (KARATE.replace("2026-04-12", "12.4.26"), "First", "'12.4.26' is not a date written as %Y-%m-%d"),
            (
                KARATE.replace("2026-06-07", "2026-04-05"),
                "Last",
                "the last day, 2026-04-05, lies before the first, 2026-04-12",
            ),
            (KARATE.replace("10:30", "09:00"), "To", "ends at 09:00, which is not after its start at 09:30"),
            (KARATE.replace("10:30", "25:00"), "To", "'25:00' is not a time written as %H:%M or %H:%M:%S"),
            (KARATE.replace("10:30", ""), "To", "is empty; it should say when it ends"),
            (KARATE.replace(",Sun,", ",Sonntag,"), "Days", "'sonntag' is not a weekday; they are written mon"),
            (KARATE.replace(",Sun,", ",,"), "Days", "is empty; it should say on which days"),
            (KARATE.replace("72,96", "96,72"), "Max", "ages from 8 years to 6 years are the wrong way round"),
            (KARATE.replace("72,96", "six,96"), "Min", "'six' is not a number"),
            (KARATE.replace("72,96", "72.5,96"), "Min", "'72.5' does not make a whole number"),
            (KARATE.replace(",16,", ",-1,"), "Places", "'-1' is negative"),
            (KARATE.replace(",16,", ",1e9,"), "Places", "'1e9' is not a number"),
            (KARATE.replace(",16,", ",1000000000,"), "Places", "'1000000000' is more than 1000000"),
            (KARATE.replace(",16,", ",,"), "", "has no capacity: neither the row nor the prices file gives one"),
            (KARATE.replace("10.50", "-10.50"), "Fee", "'-10.50' is negative"),
            (KARATE.replace("10.50", "10.505"), "Fee", "10.505 has too many decimals: CAD has at most 2 decimals"),
            (KARATE.replace("10.50", "free"), "Fee", "'free' is not an amount; write it as 12.50"),
            (KARATE.replace("Karate", ""), "Title", "is empty; every row needs a name"),
            (KARATE.replace("Karate", "K" * 201), "Title", "is longer than 200 characters"),
            (KARATE.replace("main", "annex"), "Site", "the mapping has no site 'annex'"),
            (KARATE.replace("2026-06-07", "2026-07-05"), "", "no term contains 2026-04-12 to 2026-07-05"),
            (
                KARATE.replace("2026-06-07", "2026-04-12").replace("Sun", "Mon"),
                "",
                "has no session (its weekdays do not",
            ),
            (
                KARATE.replace("2026-04-12,2026-06-07", "2026-05-18,2026-05-18").replace("Sun", "Mon"),
                "",
                "has no session (2026-05-18: Victoria Day)",
            ),
            (KARATE + ",more", "", "has 14 cells, the header has 13"),
            ("1,Karate", "", "has 2 cells, the header has 13"),
        ],
    )
    def test_is_reported_with_its_line_column_and_reason(self, city, rows, line, column, reason):
        report = city(YOGA, line)

        [bad] = report.bad_rows
        assert (bad.line, bad.column) == (3, column)
        assert bad.reason.startswith(reason)
        assert report.is_refused
        assert rows(EVERYTHING) == [NOTHING]

    def test_may_have_more_than_one_thing_wrong(self, city):
        report = city(KARATE.replace("10:30", "never").replace(",16,", ",-1,").replace("Karate", ""))

        assert [bad.column for bad in report.bad_rows] == ["Places", "Title", "To"]

    def test_the_same_key_twice(self, city):
        report = city(KARATE, YOGA, KARATE)

        assert [str(bad) for bad in report.bad_rows] == ["line 4, Nr: '1' stands on line 2 too"]

    def test_is_left_out_when_bad_rows_are_to_be_skipped(self, city, rows):
        report = city(KARATE, YOGA.replace("18:45", "half past"), skip_bad=True)

        assert report.applied
        assert (report.created, len(report.bad_rows)) == (1, 1)
        assert rows(EVERYTHING)[0]["offerings"] == 1

    def test_stops_a_change_of_good_rows_too(self, city, rows):
        city(KARATE, YOGA)

        report = city(KARATE.replace("10.50", "99.00"), YOGA.replace("25", "many"))

        assert report.is_refused
        assert (
            rows("SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND session_price_minor = 9900") == []
        )

    def test_counts_lines_as_an_editor_does(self, city):
        two_lines = KARATE.replace("Karate", '"Karate\nfor two"')

        report = city(two_lines, "", YOGA.replace("25", "x"))

        assert [bad.line for bad in report.bad_rows] == [5]

    def test_meetings_that_nobody_can_attend_together(self, city):
        merged = MAPPING.replace('name = "city"', 'name = "city"\nmerge_rows = true', 1)

        report = city(KARATE, KARATE.replace("09:30,10:30", "10:00,11:00"), mapping=merged)

        [bad] = report.bad_rows
        assert bad.reason == "2026-04-12 09:30–10:30 and 2026-04-12 10:00–11:00 overlap, and nobody can attend both"


class TestMergedRows:
    MERGED = MAPPING.replace('name = "city"', 'name = "city"\nmerge_rows = true', 1)

    def test_are_the_meetings_of_one_offering(self, city):
        report = city(KARATE, KARATE.replace("Sun", "Wed"), YOGA, mapping=self.MERGED)

        assert (report.created, report.sessions.created) == (2, 9 + 8 + 11)

    def test_must_agree_in_everything_else(self, city):
        report = city(KARATE, KARATE.replace("10.50", "12.00"), mapping=self.MERGED)

        assert [str(bad) for bad in report.bad_rows] == [
            "line 3, Nr: '1' stands on line 2 with another session_price_minor"
        ]


class TestMalformedFile:
    @pytest.mark.parametrize(
        ("data", "message"),
        [
            (b"", "city.csv is empty"),
            (b" \n\n", "city.csv is empty"),
            (HEADER.encode() + b"\n", "has a header and no rows"),
            ((HEADER + "\n" + KARATE + "\n").encode("utf-16"), "byte 0 .* begins as UTF-16 does"),
            (f"{HEADER}\n{KARATE}\n2,Zoé\n".encode("latin-1"), r"line 3: byte \d+ \(0xe9\) is not utf-8"),
            (f"{HEADER}\n{KARATE}\n1,Kar\0ate,\n".encode(), "line 3: character 6 is a NUL byte"),
            (f'{HEADER}\n{KARATE}\n2,"Yoga\n3,x\n'.encode(), "line 3: a quote is opened and never closed.* line 4"),
            (f'{HEADER}\n2,"Yoga"s,x\n{KARATE}\n'.encode(), "line 2: quotes are not closed properly"),
            (f'{HEADER}\n2,"{"y" * 140_000}",x\n'.encode(), "line 2: a quote is opened and never closed"),
            (
                f"{HEADER.replace('Places', 'places')}\n{KARATE}\n".encode(),
                r"line 1: the mapping reads 'Places' \(is it 'places'\?\)",
            ),
            (f"{HEADER.replace(',', ';')}\n{KARATE}\n".encode(), r"check its delimiter \(','\)"),
            (f"{HEADER},Nr\n{KARATE},1\n".encode(), "the header has 'Nr' twice"),
        ],
    )  # fmt: skip
    def test_is_refused_with_the_place_and_what_to_do(self, city, rows, data, message):
        with pytest.raises(SourceUnreadable, match=message) as refused:
            city.of_bytes(data, skip_bad=True)

        assert refused.value.reasons[0].field == "source"
        assert rows(EVERYTHING) == [NOTHING]

    def test_that_is_not_there_is_refused(self, run_import, tmp_path):
        (tmp_path / "city.toml").write_text(MAPPING)

        with pytest.raises(SourceUnreadable, match="cannot be read: No such file"):
            run_import(tmp_path / "none.csv", tmp_path / "city.toml")
        with pytest.raises(SourceUnreadable, match="cannot be read: Is a directory"):
            run_import(tmp_path, tmp_path / "city.toml")

    def test_a_byte_order_mark_and_foreign_line_ends_are_no_fault(self, city):
        data = b"\xef\xbb\xbf" + f"{HEADER}\r\n{KARATE}\r\n{YOGA}\r\n".encode()

        assert city.of_bytes(data).created == 2

    def test_emoji_and_accents_are_no_fault(self, city, rows):
        assert city(KARATE.replace("Karate", "Karaté 🥋")).applied
        assert rows("SELECT name FROM term_program_set WHERE organisation_id = %(org)s") == [{"name": "Karaté 🥋"}]

    def test_a_file_that_is_really_utf_8_gets_a_word_of_doubt(self, city):
        latin = MAPPING.replace('name = "city"', 'name = "city"\nencoding = "latin-1"', 1)

        report = city(KARATE.replace("Karate", "Karaté"), mapping=latin)

        assert "reads well as UTF-8" in report.notices[0]


class TestMapping:
    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ('key = "{Nr}"', 'key = "{Nr}"\ncolour = "red"', "offering.colour: Extra inputs are not permitted"),
            ("America/Toronto", "America/Tronto", "sites.0.time_zone: 'America/Tronto' is not a time zone"),
            ('"ON"', '"QQ"', "sites.0: We do not know the public holidays of CA QQ"),
            ("2026-06-28", "2026-01-01", "terms.0: ends_on lies before starts_on"),
            ('"CLASS"', '"LESSON"', "new_categories.program_type"),
            ('"{Days}"', '{ column = "Days", separator = "(" }', "is not a regular expression"),
            ('"{Fee}"', '{ decimal = "," }', "needs either `column` or `template`"),
            ('name = "city"', 'name = "city"\nencoding = "utf-99"', "'utf-99' is not an encoding"),
            ('name = "city"', 'name = "City Hall"', "source.name"),
            ('ends = "{To}"\n', "", "needs `starts`, and `ends` or `duration_minutes`"),
            ("[source]", "[source", "is not a TOML file"),
        ],
    )
    def test_that_is_wrong_is_refused_by_its_key(self, city, old, new, message):
        with pytest.raises(MappingIsInvalid) as refused:
            city(KARATE, mapping=MAPPING.replace(old, new, 1))

        assert message in refused.value.message

    def test_prices_that_are_wrong_are_refused_by_their_key(self, city):
        with pytest.raises(MappingIsInvalid, match=r"categories.Sports.session_price: 1.234 has too many decimals"):
            city(KARATE, prices='[categories.Sports]\nsession_price = "1.234"')
        with pytest.raises(MappingIsInvalid, match="trial_limit: 'no' is not a whole number"):
            city(KARATE, prices='[categories.Sports.rules]\ntrial_limit = "no"')


class TestPrices:
    BARE = MAPPING.replace('capacity = "{Places}"\nsession_price = "{Fee}"\nmodes = "FULL_TERM,CASUAL"\n', "")
    PRICES = """
        [default]
        capacity = 10
        session_price = "5"
        [categories.Sports]
        session_price = "6.50"
        modes = ["FULL_TERM"]
        rules.trial_limit = 2
        [programs.Karate]
        capacity = 3
        full_term_price = "50.00"
        [programs.Chess]
        capacity = 4
    """

    def test_come_from_the_nearest_list(self, city, rows):
        report = city(KARATE, YOGA, mapping=self.BARE, prices=self.PRICES)

        asked = """
            SELECT capacity, session_price_minor, full_term_price_minor, modes FROM term_program_set
            WHERE organisation_id = %(org)s ORDER BY code
        """
        assert [tuple(row.values()) for row in rows(asked)] == [
            (3, 650, 5000, ["FULL_TERM"]),
            (10, 500, None, ["CASUAL"]),
        ]
        assert report.notices == ["The prices file has a list for what no row of this file is of: Chess."]

    def test_that_change_update_and_the_files_rule_wins(self, city, database, organisation, rows):
        city(KARATE, YOGA, mapping=self.BARE, prices=self.PRICES)
        [sports] = rows("SELECT id FROM program_category WHERE organisation_id = %(org)s AND name = 'Sports'")
        with database.transaction(organisation) as tx:
            set_rule(tx, RuleScope.CATEGORY, sports["id"], Rule.TRIAL_LIMIT, 9)

        report = city(KARATE, YOGA, mapping=self.BARE, prices=self.PRICES.replace('"5"', '"5.25"'))

        assert (report.updated, report.unchanged, report.rules.updated) == (1, 1, 1)

    def test_of_the_row_come_first(self, city, rows):
        city(KARATE, prices=self.PRICES)

        asked = "SELECT capacity, session_price_minor FROM term_program_set WHERE organisation_id = %(org)s"
        assert rows(asked) == [{"capacity": 16, "session_price_minor": 1050}]


class TestProgress:
    def test_goes_forward_and_ends(self, city):
        steps = []

        city(
            *[KARATE.replace("1,", f"{n},", 1) for n in range(1500)], progress=lambda done, of: steps.append((done, of))
        )

        assert steps == sorted(steps)
        assert len(steps) > 3
        assert steps[-1][0] == steps[-1][1]


class TestNames:
    def test_an_admins_own_site_and_category_are_used(self, city, rows, database, organisation):
        with database.transaction(organisation) as tx:
            tx.run(
                "INSERT INTO site "
                "(organisation_id, id, name, address, time_zone, holiday_country, holiday_subdivision) "
                "VALUES (%(org)s, gen_random_uuid(), 'Main hall', '', 'America/Toronto', '', '')"
            )
            tx.run(
                "INSERT INTO program_category (organisation_id, id, name, program_type) "
                "VALUES (%(org)s, gen_random_uuid(), 'Sports', 11)"
            )

        report = city(KARATE)

        assert (report.sites.created, report.categories.created) == (0, 0)
        assert rows(EVERYTHING)[0]["sites"] == 1
