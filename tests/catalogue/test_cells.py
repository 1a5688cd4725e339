from datetime import date, datetime, time
from decimal import Decimal

import pytest

from catalogue import cells
from catalogue import mapping as spec
from catalogue.cells import BadCell


def read(reader, **cells_of_the_row):
    return reader(cells_of_the_row)


class TestText:
    @pytest.mark.parametrize(
        ("options", "cell", "found"),
        [
            ({"column": "A"}, "  Karate ", "Karate"),
            ({"column": "A"}, "", None),
            ({"column": "A", "default": "all"}, "", "all"),
            ({"column": "A", "empty": ["", "None"]}, "None", None),
            ({"template": "K-{A}"}, "3", "K-3"),
            ({"template": "K-{A}"}, "", None),
            ({"template": "always"}, "", "always"),
            ({"column": "A", "replace": {"p.m.": "PM", " ": ""}}, "4:45 p.m.", "4:45PM"),
            ({"column": "A", "pattern": r"(?P<value>\d+) to \d+"}, "6 to 8", "6"),
            ({"column": "A", "pattern": r"\d+(-(?P<value>\d+))?"}, "6", None),
            ({"column": "A", "lookup": {"o": "PUBLISHED"}}, "o", "PUBLISHED"),
            ({"column": "A", "lookup": {"o": "PUBLISHED"}, "otherwise": "DRAFT"}, "x", "DRAFT"),
        ],
    )
    def test_is_what_the_options_make_of_a_cell(self, options, cell, found):
        assert read(cells.text(spec.TextField(**options)), A=cell) == found

    @pytest.mark.parametrize(
        ("options", "cell"),
        [
            ({"pattern": r"\d+"}, "six"),
            ({"lookup": {"o": "PUBLISHED"}}, "x"),
            ({}, "x" * 2_001),
            ({}, "bell\x07"),
        ],
    )
    def test_that_does_not_fit_is_refused_by_its_column(self, options, cell):
        with pytest.raises(BadCell) as refused:
            read(cells.text(spec.TextField(column="A", **options)), A=cell)

        assert refused.value.column == "A"


class TestWeekdays:
    @pytest.mark.parametrize(
        ("cell", "days"),
        [
            ("Mon", (0,)),
            ("Monday & Wednesday", (0, 2)),
            ("tuesdays and thursdays", (1, 3)),
            ("Sat/Sun", (5, 6)),
            ("Wed, Mon, Wed", (0, 2)),
            ("Fri.", (4,)),
            ("Mon Tue", (0, 1)),
        ],
    )
    def test_in_english_need_no_vocabulary(self, cell, days):
        assert read(cells.weekdays(spec.WeekdaysField(column="A")), A=cell) == days

    @pytest.mark.parametrize(("cell", "days"), [("Mon-Fri", (0, 1, 2, 3, 4)), ("Sat - Mon", (0, 5, 6)), ("Wed", (2,))])
    def test_may_be_ranges(self, cell, days):
        assert read(cells.weekdays(spec.WeekdaysField(column="A", separator=",", through=r"\s*-\s*")), A=cell) == days

    def test_may_stand_together(self):
        glued = spec.WeekdaysField(
            column="A", separator="", vocabulary={"M": "MON", "T": "TUE", "Th": "THU", "Tu": "TUE"}
        )

        assert read(cells.weekdays(glued), A="MTTh") == (0, 1, 3)
        with pytest.raises(BadCell, match="'MXTh' are not weekdays"):
            read(cells.weekdays(glued), A="MXTh")


class TestTimes:
    @pytest.mark.parametrize(
        ("formats", "cell", "found"),
        [
            (["%H:%M"], "9:5", time(9, 5)),
            (["%I:%M %p"], "4:45 PM", time(16, 45)),
            (["%Hh%M", "%Hh"], "16h45", time(16, 45)),
            (["%Hh%M", "%Hh"], "16h", time(16)),
            (["%H%M"], "1645", time(16, 45)),
        ],
    )
    def test_in_any_format(self, formats, cell, found):
        assert read(cells.clock_time(spec.TimeField(column="A", formats=formats)), A=cell) == found

    def test_a_date_may_have_its_time_in_the_mapping(self):
        opens = spec.MomentField(column="A", at="07:00", formats=["%d/%m/%Y"])

        assert read(cells.moment(opens), A="03/06/2026") == datetime(2026, 6, 3, 7, 0)  # noqa: DTZ001

    def test_several_dates_are_each_read_once(self):
        several = spec.DatesField(column="A", formats=["%d/%m/%Y"])

        assert read(cells.days(several), A="07/04/2026; 06/04/2026;07/04/2026") == (date(2026, 4, 6), date(2026, 4, 7))


class TestNumbers:
    def test_years_become_months(self):
        years = cells.number(spec.NumberField(column="A", multiply=12, decimal=","))

        assert read(years, A="8") == 96
        assert read(years, A="2,5") == 30
        with pytest.raises(BadCell, match="whole number"):
            read(years, A="2,55")

    def test_weights_have_one_decimal(self):
        weight = cells.decimal(spec.DecimalField(column="A"))

        assert read(weight, A="25.5") == Decimal("25.5")
        with pytest.raises(BadCell):
            read(weight, A="25.55")

    @pytest.mark.parametrize(
        ("currency", "cell", "minor"), [("CAD", "1.234,5", 123450), ("JPY", "1.234", 1234), ("KWD", "1,250", 1250)]
    )
    def test_amounts_are_in_the_currencys_minor_units(self, currency, cell, minor):
        fee = spec.MoneyField(column="A", decimal=",", thousands=".")

        assert read(cells.money(fee, currency), A=cell) == minor

    def test_an_amount_is_not_beyond_all_prices(self):
        with pytest.raises(BadCell, match="more than a price can be"):
            read(cells.money(spec.MoneyField(column="A"), "CAD"), A="99999999999")

    def test_a_field_that_is_not_mapped_is_not_given(self):
        assert read(cells.number(None)) is None
        assert read(cells.weekdays(None)) is None
