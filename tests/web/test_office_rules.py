"""Rules on the office's pages: each has a form that says what is kept, where it comes from, and what is inherited."""

from collections.abc import Iterator
from typing import Any

import pytest
from starlette.datastructures import FormData

from catalogue.rules import DEFINITIONS, Rule, parse_value
from engine.errors import Invalid
from tests.web.conftest import Centre
from tests.web.test_family_booking import family_class
from tests.web.test_family_forms import Tab, enter
from web.admin.rule_forms import FORMS, GROUPS, RuleForm, kept, read
from web.forms import Form

# Settings beside the built-in ones: every way in which a rule can be said.
SETTINGS: list[tuple[Rule, object]] = [
    (Rule.DEPOSIT, {"percent": "25"}), (Rule.DEPOSIT, {"amount_minor": 5000}),
    (Rule.REST_DUE, {"days_after_order": 30}), (Rule.LATE_FEE, {"percent": "12.5"}),
    (Rule.TAX, {"name": "HST", "rate_percent": "13"}),
    (Rule.AUTO_CANCEL, {"PAY_NOW_PAY_ALL": 30, "DIRECT_DEBIT": None}),
    (Rule.MAKEUP, {"notice_hours": 24, "validity_days": 60, "per_term": 3, "reach": "CATEGORY"}),
    (Rule.LATE_PICKUP, {"grace_minutes": 5, "per_minutes": 15, "fee_minor": 1050, "most_minor": 6000}),
    (Rule.OVERDUE_FEE, {"after_days": 14, "amount_minor": 1500}), (Rule.CHILDREN_PER_STAFF, 8),
    (Rule.ABSENCE_NOTICE, 12),
    (Rule.COMBINE_BOOKING, ["018f0000-0000-7000-8000-000000000001"]), (Rule.HEADCOUNT, False),
    (Rule.PAYMENT_REMINDERS, {"before_days": [], "after_days": [1]}), (Rule.TAX, "exempt"),
]  # fmt: skip
CENTRE = {"currency": "CAD", "locale": "en_CA"}


def sent(fields: dict[str, Any]) -> Form:
    pairs = [(name, one) for name, value in fields.items() for one in (value if isinstance(value, list) else [value])]
    return Form(FormData(pairs))


def as_sent(rule_form: RuleForm, setting: object) -> Form:
    """The form as the page shows a setting, sent as it is."""
    shown = kept(rule_form, setting, "CAD")
    never = {f"never.{name}": "yes" for name, value in shown.items() if value == "never"}
    given = {name: value for name, value in shown.items() if value != "never"}
    return sent({"there_is": "some" if shown else "none", **given, **never})


class TestForms:
    def test_every_rule_has_one(self) -> None:
        assert set(FORMS) | {Rule.DISCOUNTS} == set(Rule)
        assert sorted(rule for rules in GROUPS.values() for rule in rules) == sorted(Rule)

    @pytest.mark.parametrize(
        ("rule", "setting"), [*((rule, DEFINITIONS[rule].default) for rule in FORMS), *SETTINGS]
    )  # fmt: skip
    def test_what_is_shown_is_what_is_kept(self, rule: Rule, setting: object) -> None:
        again = read(FORMS[rule], as_sent(FORMS[rule], setting), CENTRE)

        assert parse_value(rule, again) == parse_value(rule, setting)

    @pytest.mark.parametrize(
        ("rule", "fields", "at"),
        [
            (Rule.QUOTE_VALIDITY, {"value": "soon"}, "value"),
            (Rule.QUOTE_VALIDITY, {"value": "0"}, "value"),
            (Rule.QUOTE_VALIDITY, {"value": ""}, "value"),
            (Rule.QUOTE_VALIDITY, {"value": "²"}, "value"),
            (Rule.ORDER_TYPES, {}, "value"),
            (Rule.INVOICING, {"value": "SOMETIMES"}, "value"),
            (Rule.CHANGE_FEE, {"value": "-1"}, "value"),
            (Rule.CHANGE_FEE, {"value": "1.005"}, "value"),
            (Rule.DEPOSIT, {"there_is": "some"}, "percent"),
            (Rule.DEPOSIT, {"there_is": "some", "percent": "20", "amount_minor": "5"}, "percent"),
            (Rule.LATE_PICKUP, {"there_is": "some", "grace_minutes": "5", "fee_minor": "0"}, "fee_minor"),
            (Rule.PAYMENT_REMINDERS, {"before_days": "3, x", "after_days": ""}, "before_days"),
        ],
    )
    def test_what_cannot_be_is_said_at_its_field(self, rule: Rule, fields: dict[str, Any], at: str) -> None:
        with pytest.raises(Invalid) as refusal:
            read(FORMS[rule], sent(fields), CENTRE)

        assert at in [reason.field for reason in refusal.value.reasons]


@pytest.fixture
def office(centre: Centre) -> Iterator[Tab]:
    with enter(centre, "admin@centre7.example") as client:
        yield Tab(client, client.get("/admin/programme"))


def kept_of(centre: Centre, name: str) -> list[Any]:
    found = centre.rows("SELECT value FROM rule_setting WHERE organisation_id = %(org)s AND name = %(name)s", name=name)
    return [row["value"] for row in found]


class TestPages:
    def test_a_rule_is_set_inherited_and_taken_away(self, centre: Centre, office: Tab) -> None:
        page = "/admin/rules/invoice_due_days?scope=ORGANISATION"
        assert "Rule saved" in office.text(office.open(page).send(page, {"value": "21", "do": "set"}))
        assert kept_of(centre, "invoice_due_days") == [21]

        family_class(centre, "Its own rules")
        (offering,) = centre.rows(
            "SELECT id FROM term_program_set WHERE organisation_id = %(org)s AND name = 'Its own rules'"
        )
        below = f"scope=TPS&of={offering['id']}"
        listed = office.text(office.open(f"/admin/rules?{below}").page)
        assert "Time to pay an invoice Days: 21 The whole organisation" in listed
        own = f"/admin/rules/invoice_due_days?{below}"
        assert "Not set here. Inherited: Days: 21" in office.text(office.open(own).page)

        office.send(own, {"value": "7", "do": "set"})
        assert sorted(kept_of(centre, "invoice_due_days")) == [7, 21]
        assert "Set here. Without it, this would be inherited: Days: 21" in office.text(office.open(own).page)
        assert "Rule reset to the inherited value." in office.text(office.send(own, {"do": "clear"}))
        assert kept_of(centre, "invoice_due_days") == [21]

    def test_what_was_typed_wrong_stays_on_the_page(self, centre: Centre, office: Tab) -> None:
        page = "/admin/rules/deposit?scope=ORGANISATION"
        before = kept_of(centre, "deposit")

        given = {"there_is": "some", "percent": "a quarter", "amount_minor": "", "do": "set"}
        answer = office.open(page).send(page, given)

        assert answer.status_code == 422
        assert 'value="a quarter"' in answer.text
        assert kept_of(centre, "deposit") == before

    def test_money_is_typed_and_read_as_money(self, centre: Centre, office: Tab) -> None:
        page = "/admin/rules/late_pickup?scope=ORGANISATION"

        said = office.text(office.open(page).send(page, {
            "there_is": "some", "grace_minutes": "5", "fee_minor": "10,50", "per_minutes": "15", "most_minor": "",
            "do": "set"}))  # fmt: skip

        assert kept_of(centre, "late_pickup") == [{"grace_minutes": 5, "per_minutes": 15, "fee_minor": 1050}]
        assert "Fee: $10.50" in said

    def test_nobody_finds_a_form_of_a_rule_that_is_none(self, office: Tab) -> None:
        for name in ("discounts", "nothing"):
            assert office.open(f"/admin/rules/{name}?scope=ORGANISATION").page.status_code == 404
