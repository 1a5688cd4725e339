"""Which rule applies here, and where it comes from: Organisation → Category → Program → TPS, the nearest one set wins.

`answer` is pure and reads nothing, so that a hot path can resolve the settings it has read itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from catalogue import rule_values as values
from catalogue.discount_values import discounts
from engine.database import Transaction
from engine.errors import Invalid, NotFound, Reason
from engine.ids import new_id
from models import RuleScope, TermBookingConfirmationType, TermBookingOrderType


class RuleIsInvalid(Invalid):
    """A rule was set, or is stored, with a value that it cannot have."""

    code = "rule_is_invalid"


class ScopeNotFound(NotFound):
    """There is no such organisation, category, program or offering to set or ask rules of."""

    code = "scope_not_found"


class Rule(StrEnum):
    """Every rule that can be set on a level of the catalogue; the word is the name it is stored under."""

    ORDER_TYPES = "order_types"
    CONFIRMATION_TYPES = "confirmation_types"
    DEPOSIT = "deposit"
    REST_DUE = "rest_due"
    INSTALMENTS = "instalments"
    PAY_LATER_LIMIT = "pay_later_limit_minor"
    AUTO_CANCEL = "auto_cancel_minutes"
    BOOKING_CUT_OFF = "booking_cut_off_minutes"
    CANCELLATION_WINDOW = "cancellation_window_hours"
    LATE_FEE = "late_fee"
    PAYMENT_REMINDERS = "payment_reminders"
    OVERDUE_FEE = "overdue_fee"
    CHANGE_FEE = "change_fee_minor"
    WAITING_OFFER = "waiting_offer_hours"
    TRIAL_LIMIT = "trial_limit"
    QUOTE_VALIDITY = "quote_validity_days"
    INVOICING = "invoicing"
    INVOICING_PERIOD = "invoicing_period"
    INVOICING_ADVANCE = "invoicing_advance_days"
    INVOICE_DUE = "invoice_due_days"
    ABSENCE_NOTICE = "absence_notice_hours"
    SUBSCRIPTION_PERIOD = "subscription_period"
    SUBSCRIPTION_ADVANCE = "subscription_advance_days"
    SUBSCRIPTION_NOTICE = "subscription_notice_days"
    TAX = "tax"
    COMBINE_BOOKING = "combine_booking"
    DISCOUNTS = "discounts"
    MAKEUP = "makeup"
    CHILDREN_PER_STAFF = "children_per_staff"
    SIGN_OUT_PROOF = "sign_out_needs_proof"
    HEADCOUNT = "roll_needs_headcount"
    LATE_PICKUP = "late_pickup"


@dataclass(frozen=True, slots=True)
class Definition:
    """A rule's built-in default (as JSON), the parser that validates and types a value, and what it means."""

    default: object
    parse: values.Parser
    meaning: str


DEFINITIONS: Mapping[Rule, Definition] = {
    Rule.ORDER_TYPES: Definition(
        ["BOOKING", "TRIAL_SESSION", "WAITING_LIST"],
        values.some_of(TermBookingOrderType),
        "Order types that are offered.",
    ),
    Rule.CONFIRMATION_TYPES: Definition(
        ["CONFIRM_WITHOUT_PAYMENT", "PAY_NOW_PAY_ALL", "ADMIN_CONFIRM"],
        values.some_of(TermBookingConfirmationType),
        "Confirmation types that are offered; each still has its own condition.",
    ),
    Rule.DEPOSIT: Definition(None, values.deposit, "What is due at once when a deposit confirms; null: no deposit."),
    Rule.REST_DUE: Definition(
        {"days_before_start": 14}, values.rest_due, "When what a deposit leaves is due; never before the order."
    ),
    Rule.INSTALMENTS: Definition(
        {"count": 1, "every": "MONTH", "first_after_days": 7},
        values.instalment_plan,
        "The instalments that are collected by direct debit: how many, how far apart, the first after how many days.",
    ),
    Rule.PAY_LATER_LIMIT: Definition(
        0,
        values.count(most=values.LARGEST_MINOR),
        "The most an account may owe under pay-later, in minor units, unless the account has a limit of its own.",
    ),
    Rule.AUTO_CANCEL: Definition(
        {},
        values.auto_cancel,
        "Minutes from submit to the automatic cancellation, by confirmation type; null: never. A type that is not "
        "named has 15 (pay now, all or deposit), 4320 (direct debit: 72 hours), or none (pay later, admin).",
    ),
    Rule.BOOKING_CUT_OFF: Definition(
        0, values.count(), "Minutes before a session's start after which it can no longer be booked."
    ),
    Rule.CANCELLATION_WINDOW: Definition(
        24, values.count(), "Hours before a session's start until which a family may cancel it."
    ),
    Rule.PAYMENT_REMINDERS: Definition(
        {"before_days": [3], "after_days": [3, 14]},
        values.reminder_days,
        "So many days before a payment is due, and after it was, its family is reminded.",
    ),
    Rule.OVERDUE_FEE: Definition(
        None,
        values.overdue_fee,
        "What is charged once, in minor units, for an invoice or instalment that is open so many days after it was "
        "due; never more than is open of it; null: nothing.",
    ),
    Rule.LATE_FEE: Definition(
        None,
        values.late_fee,
        "What is kept of each session that is given up inside its cancellation window; null: a family cannot then.",
    ),
    Rule.CHANGE_FEE: Definition(
        0,
        values.count(most=values.LARGEST_MINOR),
        "What a change of a booking costs once, in minor units, when it adds or gives up sessions.",
    ),
    Rule.WAITING_OFFER: Definition(
        24, values.count(least=1), "Hours that a place offered to a waiting family is kept."
    ),
    Rule.TRIAL_LIMIT: Definition(1, values.count(), "Trial sessions that one attendee may have in one program."),
    Rule.QUOTE_VALIDITY: Definition(14, values.count(least=1), "Days that a quote holds its prices and places."),
    Rule.INVOICING: Definition(
        "ON_CONFIRM",
        values.invoicing,
        "When confirmed lines are invoiced. What is agreed in instalments or with a deposit is invoiced on confirm.",
    ),
    Rule.INVOICING_PERIOD: Definition(
        "MONTHLY", values.billing_period, "For how long an invoice asks at a time where invoicing is per period."
    ),
    Rule.INVOICING_ADVANCE: Definition(
        7, values.count(most=90), "Days before a period begins on which its invoice is issued, in advance."
    ),
    Rule.INVOICE_DUE: Definition(14, values.count(), "Days from an invoice's date to its due date."),
    Rule.ABSENCE_NOTICE: Definition(
        None,
        values.hours_or_none,
        "Pay as you go: hours before a session until which an absence that is told is not debited; null: every one is.",
    ),
    Rule.SUBSCRIPTION_PERIOD: Definition(
        "MONTHLY", values.billing_period, "For how long an invoice of a subscription asks at a time."
    ),
    Rule.SUBSCRIPTION_ADVANCE: Definition(
        7, values.count(most=90), "Days before a period begins on which a subscription's invoice for it is issued."
    ),
    Rule.SUBSCRIPTION_NOTICE: Definition(
        14, values.count(most=366), "Days from the notice to a subscription's last day."
    ),
    Rule.TAX: Definition(None, values.tax, "The tax on a line, by name and rate in percent; null: exempt."),
    Rule.COMBINE_BOOKING: Definition(
        None, values.combine_booking, "Programs that may be booked together in one order; null: any."
    ),
    Rule.MAKEUP: Definition(
        None, values.makeup, "When an absence gives a makeup credit, for how long, how many a term; null: never."
    ),
    Rule.CHILDREN_PER_STAFF: Definition(
        None, values.per_staff, "How many children one member of staff may look after; null: nothing is asked."
    ),
    Rule.SIGN_OUT_PROOF: Definition(
        True, values.yes_or_no, "Whether who collects proves it, with a PIN or a signature."
    ),
    Rule.HEADCOUNT: Definition(
        True, values.yes_or_no, "Whether heads are counted, apart from the roll, before the roll of a session closes."
    ),
    Rule.LATE_PICKUP: Definition(
        None, values.late_pickup, "The fee that is proposed where a child is collected late; null: none."
    ),
    Rule.DISCOUNTS: Definition([], discounts, "Discounts that may be given, in their order."),
}

_NEAREST_FIRST = tuple(reversed(RuleScope))

# One stored setting as a hot path reads it: (scope_id, name, value).
Setting = tuple[UUID, str, object]
Settings = Iterable[Setting] | Mapping[tuple[UUID, str], object]
_UNSET = object()


@dataclass(frozen=True, slots=True)
class Answer:
    """A rule's typed value and the level it comes from; `scope` is None for the built-in default."""

    value: Any
    scope: RuleScope | None = None
    scope_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """One rule as an admin reads it: `setting` is JSON, `origin` names the level and thing that it was set on, `level`
    that thing alone (empty: built in).
    """

    rule: Rule
    setting: object
    answer: Answer
    origin: str
    meaning: str
    level: str


_DEFAULTS = {rule: Answer(definition.parse(definition.default)) for rule, definition in DEFINITIONS.items()}


def by_scope(settings: Iterable[Setting]) -> Mapping[tuple[UUID, str], object]:
    """The same settings, indexed: worth it where many rules of many offerings are answered from one read."""
    return {(scope_id, name): value for scope_id, name, value in settings}


def answer(rule: Rule, settings: Settings, *, chain: Sequence[UUID]) -> Answer:
    """Which value `rule` has here, and where it comes from.

    `chain` holds the ids of the levels, nearest first, always ending with the organisation: (offering, program,
    category, organisation), or its tail where a program or category is asked. `settings` may hold settings of other
    chains too. Raises `RuleIsInvalid` if what is stored is not a value of the rule.
    """
    found = settings if isinstance(settings, Mapping) else by_scope(settings)
    for place, scope_id in enumerate(chain):
        value = found.get((scope_id, rule), _UNSET)
        if value is not _UNSET:
            return Answer(parse_value(rule, value), _NEAREST_FIRST[place - len(chain)], scope_id)
    return _DEFAULTS[rule]


def parse_value(rule: Rule, value: object) -> Any:
    """The typed value of JSON. Raises `RuleIsInvalid` naming the rule and the reason."""
    try:
        return DEFINITIONS[rule].parse(value)
    except ValueError as error:
        reason = Reason("rule_is_invalid", f"{rule}: {error}", field=str(rule), rule=str(rule))
        raise RuleIsInvalid(reason.message, reasons=[reason]) from None


def rule_named(name: str) -> Rule:
    """The rule of that stored name. Raises `RuleIsInvalid` for a name that is no rule."""
    try:
        return Rule(name)
    except ValueError:
        raise RuleIsInvalid(f"There is no rule {name!r}; the rules are {', '.join(Rule)}.") from None


def read_rules(tx: Transaction, *, term_program_set_id: UUID) -> dict[Rule, Answer]:
    """Every rule as it applies to one offering. Raises `ScopeNotFound`."""
    chain = chain_of(tx, RuleScope.TPS, term_program_set_id)
    settings = read_settings(tx, chain)
    return {rule: answer(rule, settings, chain=chain) for rule in Rule}


def read_settings(tx: Transaction, scope_ids: Iterable[UUID]) -> Mapping[tuple[UUID, str], object]:
    """The settings stored on these levels, ready for `answer`."""
    rows = tx.rows(
        "SELECT scope_id, name, value FROM rule_setting WHERE organisation_id = %(org)s AND scope_id = ANY(%(ids)s)",
        ids=list(set(scope_ids)),
    )
    return {(row["scope_id"], row["name"]): row["value"] for row in rows}


def set_rule(tx: Transaction, scope: RuleScope, scope_id: UUID, rule: Rule, value: object) -> None:
    """Set a rule, given as JSON, on one level in place of what was set. Raises `RuleIsInvalid`, `ScopeNotFound`."""
    parse_value(rule, value)
    chain_of(tx, scope, scope_id)
    tx.run(
        """
        INSERT INTO rule_setting (organisation_id, id, scope, scope_id, name, value)
        VALUES (%(org)s, %(id)s, %(scope)s, %(scope_id)s, %(name)s, %(value)s)
        ON CONFLICT (organisation_id, scope_id, name) DO UPDATE SET value = excluded.value
        """,
        id=new_id(),
        scope=str(scope),
        scope_id=scope_id,
        name=str(rule),
        value=Jsonb(value),
    )


def clear_rule(tx: Transaction, scope: RuleScope, scope_id: UUID, rule: Rule) -> bool:
    """Take a setting away, so that the next level's applies; says whether there was one. Raises `ScopeNotFound`."""
    chain_of(tx, scope, scope_id)
    return bool(
        tx.run(
            "DELETE FROM rule_setting WHERE organisation_id = %(org)s AND scope_id = %(scope_id)s AND name = %(name)s",
            scope_id=scope_id,
            name=str(rule),
        )
    )


def explain(tx: Transaction, scope: RuleScope, scope_id: UUID) -> list[Explanation]:
    """Every rule as it applies on a level, with its value and where it comes from. Raises `ScopeNotFound`."""
    chain = chain_of(tx, scope, scope_id)
    settings, names = read_settings(tx, chain), names_of(tx, chain)
    return [_explained(rule, settings, chain, names) for rule in DEFINITIONS]


def explain_one(
    tx: Transaction, scope: RuleScope, scope_id: UUID, rule: Rule, *, is_above: bool = False
) -> Explanation:  # fmt: skip
    """One rule as it applies on a level; with `is_above`, as it would where the level set nothing itself."""
    chain = chain_of(tx, scope, scope_id)
    settings, names = read_settings(tx, chain), names_of(tx, chain)
    return _explained(rule, settings, chain[1:] if is_above else chain, names)


def _explained(
    rule: Rule, settings: Mapping[tuple[UUID, str], object], chain: Sequence[UUID], names: Mapping[UUID, str]
) -> Explanation:
    definition, found = DEFINITIONS[rule], answer(rule, settings, chain=chain)
    if found.scope is None or found.scope_id is None:
        return Explanation(rule, definition.default, found, "built-in default", definition.meaning, "")
    name = names[found.scope_id]
    setting, origin = settings[found.scope_id, rule], f"{_WORDS[found.scope]} {name}"
    return Explanation(rule, setting, found, origin, definition.meaning, name)


def chain_of(tx: Transaction, scope: RuleScope, scope_id: UUID) -> tuple[UUID, ...]:
    """The ids of a level and of those it inherits from, nearest first. Raises `ScopeNotFound`."""
    if scope is RuleScope.ORGANISATION and scope_id == tx.organisation_id:
        return (scope_id,)
    found = None if scope is RuleScope.ORGANISATION else tx.row(_CHAINS[scope], id=scope_id)
    if found is None:
        raise ScopeNotFound(f"There is no {_WORDS[scope]} {scope_id}.")
    return (*found.values(), tx.organisation_id)


_WORDS = {
    RuleScope.ORGANISATION: "organisation",
    RuleScope.CATEGORY: "category",
    RuleScope.PROGRAM: "program",
    RuleScope.TPS: "offering",
}

_CHAINS = {
    RuleScope.TPS: """
        SELECT o.id AS offering, p.id AS program, p.category_id FROM term_program_set o
        JOIN program p ON p.organisation_id = o.organisation_id AND p.id = o.program_id
        WHERE o.organisation_id = %(org)s AND o.id = %(id)s
    """,
    RuleScope.PROGRAM: "SELECT id, category_id FROM program WHERE organisation_id = %(org)s AND id = %(id)s",
    RuleScope.CATEGORY: "SELECT id FROM program_category WHERE organisation_id = %(org)s AND id = %(id)s",
}


def names_of(tx: Transaction, ids: Sequence[UUID]) -> dict[UUID, str]:
    """What levels are called, by their ids."""
    rows = tx.rows(
        """
        SELECT id, name FROM term_program_set WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
        UNION ALL SELECT id, name FROM program WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
        UNION ALL SELECT id, name FROM program_category WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
        UNION ALL SELECT id, name FROM organisation WHERE id = %(org)s
        """,
        ids=list(ids),
    )
    return {row["id"]: row["name"] for row in rows}
