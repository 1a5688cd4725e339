from decimal import Decimal

import pytest

from catalogue.discount_values import DiscountKind
from catalogue.rule_values import Deposit, InvoicingRule, Tax
from catalogue.rules import (
    DEFINITIONS,
    Answer,
    Rule,
    RuleIsInvalid,
    ScopeNotFound,
    answer,
    by_scope,
    clear_rule,
    explain,
    parse_value,
    read_rules,
    rule_named,
    set_rule,
)
from engine.ids import new_id
from models import RuleScope, TermBookingConfirmationType, TermBookingOrderType
from tests.catalogue.conftest import SAMPLES, make_organisation

TPS, PROGRAM, CATEGORY, ORGANISATION, ELSEWHERE = (new_id() for _ in range(5))
CHAIN = (TPS, PROGRAM, CATEGORY, ORGANISATION)


class TestAnswer:
    def test_without_a_setting_is_the_built_in_default(self):
        assert answer(Rule.TRIAL_LIMIT, [], chain=CHAIN) == Answer(1, None, None)

    @pytest.mark.parametrize(
        ("set_on", "nearest", "scope"),
        [
            ([ORGANISATION], ORGANISATION, RuleScope.ORGANISATION),
            ([ORGANISATION, CATEGORY], CATEGORY, RuleScope.CATEGORY),
            ([CATEGORY, PROGRAM, ORGANISATION], PROGRAM, RuleScope.PROGRAM),
            ([ORGANISATION, CATEGORY, PROGRAM, TPS], TPS, RuleScope.TPS),
            ([ORGANISATION, TPS], TPS, RuleScope.TPS),
            ([ELSEWHERE, CATEGORY], CATEGORY, RuleScope.CATEGORY),
        ],
    )
    def test_the_nearest_one_set_wins(self, set_on, nearest, scope):
        settings = [(scope_id, "trial_limit", 2 + n) for n, scope_id in enumerate(set_on)]

        found = answer(Rule.TRIAL_LIMIT, settings, chain=CHAIN)

        assert found == Answer(2 + set_on.index(nearest), scope, nearest)
        assert answer(Rule.TRIAL_LIMIT, by_scope(settings), chain=CHAIN) == found

    def test_another_rule_does_not_count(self):
        assert answer(Rule.TRIAL_LIMIT, [(TPS, "invoice_due_days", 3)], chain=CHAIN).scope is None

    def test_a_shorter_chain_ends_with_the_organisation_too(self):
        settings = [(CATEGORY, "trial_limit", 5)]

        assert answer(Rule.TRIAL_LIMIT, settings, chain=CHAIN[2:]).scope is RuleScope.CATEGORY

    def test_a_null_that_is_set_is_an_answer(self):
        settings = [(CATEGORY, "tax", None), (ORGANISATION, "tax", {"name": "HST", "rate_percent": "13"})]

        assert answer(Rule.TAX, settings, chain=CHAIN) == Answer(None, RuleScope.CATEGORY, CATEGORY)

    def test_a_stored_value_that_is_none_of_the_rule_is_refused(self):
        with pytest.raises(RuleIsInvalid, match="trial_limit: 'many' is not a whole number"):
            answer(Rule.TRIAL_LIMIT, [(TPS, "trial_limit", "many")], chain=CHAIN)

    def test_is_a_typed_value(self):
        kinds = TermBookingConfirmationType
        settings = [
            (TPS, "order_types", ["BOOKING"]),
            (TPS, "auto_cancel_minutes", {"PAY_NOW_PAY_ALL": 30, "DIRECT_DEBIT": None}),
            (TPS, "tax", {"name": "HST", "rate_percent": "13.5"}),
            (TPS, "deposit", {"percent": "25"}),
            (TPS, "invoicing", "PERIOD_IN_ADVANCE"),
            (TPS, "discounts", [
                {"kind": "SIBLING", "order": 2, "percent": "10"},
                {"kind": "STAFF", "order": 1, "amount_minor": 500},
            ]),
        ]  # fmt: skip

        def value(rule):
            return answer(rule, settings, chain=CHAIN).value

        assert value(Rule.ORDER_TYPES) == {TermBookingOrderType.BOOKING}
        assert value(Rule.TAX) == Tax("HST", Decimal("13.5"))
        assert value(Rule.DEPOSIT) == Deposit(percent=Decimal(25))
        assert value(Rule.INVOICING) is InvoicingRule.PERIOD_IN_ADVANCE
        assert [each.kind for each in value(Rule.DISCOUNTS)] == [DiscountKind.STAFF, DiscountKind.SIBLING]
        assert value(Rule.AUTO_CANCEL) == {
            kinds.CONFIRM_WITHOUT_PAYMENT: None,
            kinds.PAY_NOW_PAY_ALL: 30,
            kinds.PAY_NOW_PAY_DEPOSIT: 15,
            kinds.DIRECT_DEBIT: None,
            kinds.ADMIN_CONFIRM: None,
        }


class TestDefaults:
    @pytest.mark.parametrize("rule", list(Rule))
    def test_every_rule_has_one_and_says_what_it_means(self, rule):
        assert answer(rule, [], chain=CHAIN).scope is None
        assert DEFINITIONS[rule].meaning.endswith(".")

    def test_of_the_timeouts(self):
        minutes = answer(Rule.AUTO_CANCEL, [], chain=CHAIN).value

        assert {int(kind): n for kind, n in minutes.items()} == {101: None, 201: 15, 202: 15, 301: 4320, 401: None}


class TestValues:
    @pytest.mark.parametrize(
        ("rule", "value"),
        [
            (Rule.ORDER_TYPES, []),
            (Rule.ORDER_TYPES, ["HOLIDAY"]),
            (Rule.CONFIRMATION_TYPES, "ADMIN_CONFIRM"),
            (Rule.TRIAL_LIMIT, -1),
            (Rule.TRIAL_LIMIT, True),
            (Rule.TRIAL_LIMIT, 1.5),
            (Rule.QUOTE_VALIDITY, 0),
            (Rule.INVOICE_DUE, 10**12),
            (Rule.PAY_LATER_LIMIT, 2**63),
            (Rule.AUTO_CANCEL, {"ADMIN_CONFIRM": 10}),
            (Rule.AUTO_CANCEL, {"PAY_NOW_PAY_ALL": 0}),
            (Rule.AUTO_CANCEL, {"CASH": 10}),
            (Rule.AUTO_CANCEL, 15),
            (Rule.TAX, {"name": "HST", "rate_percent": 13}),
            (Rule.TAX, {"name": "HST", "rate_percent": "101"}),
            (Rule.TAX, {"name": "HST", "rate_percent": "NaN"}),
            (Rule.TAX, {"name": "", "rate_percent": "13"}),
            (Rule.TAX, {"name": "HST", "rate": "13"}),
            (Rule.DEPOSIT, {}),
            (Rule.DEPOSIT, {"percent": "10", "amount_minor": 3}),
            (Rule.INVOICING, "NEVER"),
            (Rule.COMBINE_BOOKING, ["not an id"]),
            (Rule.COMBINE_BOOKING, {}),
            (Rule.DISCOUNTS, [{"kind": "SIBLING", "order": 1}]),
            (Rule.DISCOUNTS, [{"kind": "LUCK", "order": 1, "percent": "5"}]),
            (Rule.DISCOUNTS, [{"kind": "STAFF", "order": 1, "percent": "5"}] * 2),
        ],
    )
    def test_that_a_rule_cannot_have_are_refused_by_its_name(self, rule, value):
        with pytest.raises(RuleIsInvalid, match=f"^{rule}: ") as refused:
            parse_value(rule, value)

        assert refused.value.reasons[0].rule == rule

    def test_words_stand_for_null_where_a_file_has_none(self):
        assert parse_value(Rule.TAX, "exempt") is None
        assert parse_value(Rule.DEPOSIT, "none") is None
        assert parse_value(Rule.COMBINE_BOOKING, "any") is None
        assert parse_value(Rule.AUTO_CANCEL, {"PAY_NOW_PAY_ALL": "never"})[201] is None

    def test_a_name_that_is_no_rule_is_refused(self):
        assert rule_named("trial_limit") is Rule.TRIAL_LIMIT
        with pytest.raises(RuleIsInvalid, match="no rule 'trials'"):
            rule_named("trials")


@pytest.fixture
def karate(run_import, rows):
    run_import(
        SAMPLES / "toronto_registered_programs_centre7_2026.csv",
        SAMPLES / "toronto_centre7.toml",
        SAMPLES / "toronto_prices.toml",
    )
    [row] = rows(
        """
        SELECT o.id, o.program_id, p.category_id FROM term_program_set o
        JOIN program p ON p.id = o.program_id AND p.organisation_id = o.organisation_id
        WHERE o.organisation_id = %(org)s AND o.code = '129878'
        """
    )
    return row


class TestStoredRules:
    def test_are_set_replaced_and_cleared_on_any_level(self, database, organisation, karate):
        with database.transaction(organisation) as tx:
            set_rule(tx, RuleScope.CATEGORY, karate["category_id"], Rule.TRIAL_LIMIT, 2)
            set_rule(tx, RuleScope.CATEGORY, karate["category_id"], Rule.TRIAL_LIMIT, 3)
            on_category = read_rules(tx, term_program_set_id=karate["id"])[Rule.TRIAL_LIMIT]
            set_rule(tx, RuleScope.TPS, karate["id"], Rule.TRIAL_LIMIT, 4)
            on_offering = read_rules(tx, term_program_set_id=karate["id"])[Rule.TRIAL_LIMIT]
            cleared = clear_rule(tx, RuleScope.TPS, karate["id"], Rule.TRIAL_LIMIT)
            again = clear_rule(tx, RuleScope.TPS, karate["id"], Rule.TRIAL_LIMIT)

        assert on_category == Answer(3, RuleScope.CATEGORY, karate["category_id"])
        assert on_offering == Answer(4, RuleScope.TPS, karate["id"])
        assert (cleared, again) == (True, False)

    def test_a_null_can_be_stored(self, database, organisation, karate):
        with database.transaction(organisation) as tx:
            set_rule(tx, RuleScope.ORGANISATION, organisation, Rule.TAX, {"name": "HST", "rate_percent": "13"})
            set_rule(tx, RuleScope.PROGRAM, karate["program_id"], Rule.TAX, None)

            found = read_rules(tx, term_program_set_id=karate["id"])[Rule.TAX]

        assert found == Answer(None, RuleScope.PROGRAM, karate["program_id"])

    def test_a_value_that_is_refused_leaves_things_as_they_were(self, database, organisation, karate):
        with database.transaction(organisation) as tx:
            with pytest.raises(RuleIsInvalid):
                set_rule(tx, RuleScope.TPS, karate["id"], Rule.TRIAL_LIMIT, "two")

            assert read_rules(tx, term_program_set_id=karate["id"])[Rule.TRIAL_LIMIT].scope is None

    def test_are_explained_with_their_origin(self, database, organisation, karate):
        with database.transaction(organisation) as tx:
            set_rule(tx, RuleScope.CATEGORY, karate["category_id"], Rule.TRIAL_LIMIT, 2)
            explained = {each.rule: each for each in explain(tx, RuleScope.TPS, karate["id"])}
            of_the_organisation = {each.rule: each for each in explain(tx, RuleScope.ORGANISATION, organisation)}

        assert set(explained) == set(Rule)
        assert explained[Rule.TRIAL_LIMIT].origin == "category Sports"
        assert explained[Rule.TRIAL_LIMIT].setting == 2
        assert explained[Rule.BOOKING_CUT_OFF].origin == "organisation Riverside"
        assert explained[Rule.QUOTE_VALIDITY].origin == "built-in default"
        assert of_the_organisation[Rule.TRIAL_LIMIT].setting == 1

    @pytest.mark.parametrize("scope", list(RuleScope))
    def test_of_nothing_there_are_none(self, database, organisation, scope):
        with database.transaction(organisation) as tx, pytest.raises(ScopeNotFound):
            set_rule(tx, scope, new_id(), Rule.TRIAL_LIMIT, 1)

    def test_of_another_organisation_are_not_found(self, database, database_url, karate):
        stranger = make_organisation(database_url)

        with database.transaction(stranger) as tx, pytest.raises(ScopeNotFound):
            read_rules(tx, term_program_set_id=karate["id"])
