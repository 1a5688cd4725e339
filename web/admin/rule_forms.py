"""The form of each rule of the catalogue: its fields in words and units, to the JSON that is kept and back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from catalogue.rule_values import LARGEST_COUNT, Every, InvoicingRule, percentage
from catalogue.rules import Rule
from engine.database import Row
from engine.errors import Invalid, Reason
from engine.money import NotAnAmount, parse_asked, to_major
from models import BillingPeriod, MakeupReach
from web.forms import Form, plain_number
from web.labels import CONFIRMATION, ORDER_TYPE
from web.words import N_

NONE, SOME = "none", "some"


@dataclass(frozen=True, slots=True)
class Part:
    """A field of a rule. `kind` is whole, money, percent, text, days, pick, ticks, programs or timeout."""

    name: str  # its key in the JSON; empty where the rule is this value alone
    label: str
    kind: str = "whole"
    hint: str = ""
    least: int = 0
    most: int = LARGEST_COUNT
    choices: tuple[tuple[str, str], ...] = ()
    is_optional: bool = False

    @property
    def field(self) -> str:
        return self.name or "value"


@dataclass(frozen=True, slots=True)
class RuleForm:
    """What a rule is called, what it says, and its fields. `none` are the words for there being no such thing."""

    title: str
    meaning: str
    parts: tuple[Part, ...]
    none: str = ""
    is_one_of: bool = False  # exactly one of the fields is filled in


_YES_OR_NO = (("true", N_("Yes")), ("false", N_("No")))
_PERIODS = ((BillingPeriod.WEEKLY.value, N_("A week")), (BillingPeriod.FORTNIGHTLY.value, N_("Two weeks")),
            (BillingPeriod.MONTHLY.value, N_("A month")))  # fmt: skip
_A_DAY_IN_MINUTES = 24 * 60

FORMS: Mapping[Rule, RuleForm] = {
    Rule.ORDER_TYPES: RuleForm(
        N_("What can be requested"), N_("The types of order on offer."),
        (Part("", N_("Offered"), "ticks", choices=tuple(ORDER_TYPE.items())),),
    ),
    Rule.BOOKING_CUT_OFF: RuleForm(
        N_("Booking deadline"), N_("Sessions can't be booked any later than this."),
        (Part("", N_("Minutes before a session starts")),),
    ),
    Rule.COMBINE_BOOKING: RuleForm(
        N_("Combining programs"), N_("Which programs can be booked in the same order as this one."),
        (Part("", N_("Programs"), "programs"),), none=N_("Any programs"),
    ),
    Rule.TRIAL_LIMIT: RuleForm(
        N_("Trials"), N_("How many times a child can try a program."), (Part("", N_("Trial sessions per child")),),
    ),
    Rule.WAITING_OFFER: RuleForm(
        N_("Waiting list offers"), N_("How long an offered place is held for the family."),
        (Part("", N_("Hours to answer"), least=1),),
    ),
    Rule.CONFIRMATION_TYPES: RuleForm(
        N_("Ways to confirm"), N_("How an order can be confirmed. Each option still has its own conditions."),
        (Part("", N_("Offered"), "ticks", choices=tuple(CONFIRMATION.items())),),
    ),
    Rule.AUTO_CANCEL: RuleForm(
        N_("Time to pay"), N_("How long places are held for an unconfirmed order before it is cancelled."),
        (
            Part("PAY_NOW_PAY_ALL", CONFIRMATION["PAY_NOW_PAY_ALL"], "timeout",
                 hint=N_("In minutes. Leave empty for 15.")),
            Part("PAY_NOW_PAY_DEPOSIT", CONFIRMATION["PAY_NOW_PAY_DEPOSIT"], "timeout",
                 hint=N_("In minutes. Leave empty for 15.")),
            Part("DIRECT_DEBIT", CONFIRMATION["DIRECT_DEBIT"], "timeout",
                 hint=N_("In minutes. Leave empty for 4320 (72 hours).")),
        ),
    ),
    Rule.DEPOSIT: RuleForm(
        N_("Deposit"), N_("What is paid up front when a deposit confirms the booking."),
        (Part("percent", N_("Percentage of the price"), "percent"), Part("amount_minor", N_("Or an amount"), "money")),
        none=N_("No deposit"), is_one_of=True,
    ),
    Rule.REST_DUE: RuleForm(
        N_("Balance after a deposit"), N_("When the balance after a deposit is due. Never before the order is placed."),
        (
            Part("days_before_start", N_("Days before the first session"), most=730),
            Part("days_after_order", N_("Or days after the order"), most=730),
        ), is_one_of=True,
    ),
    Rule.INSTALMENTS: RuleForm(
        N_("Instalments"), N_("Collected by direct debit."),
        (
            Part("count", N_("How many"), least=1, most=104),
            Part("every", N_("Interval"), "pick", choices=(
                (Every.WEEK.value, N_("A week")), (Every.FORTNIGHT.value, N_("Two weeks")),
                (Every.MONTH.value, N_("A month")))),
            Part("first_after_days", N_("Days from order to first instalment"), most=730),
        ),
    ),
    Rule.PAY_LATER_LIMIT: RuleForm(
        N_("Pay later limit"), N_("The most a family can owe, unless the family has its own limit."),
        (Part("", N_("At most"), "money"),),
    ),
    Rule.QUOTE_VALIDITY: RuleForm(
        N_("Quotes"), N_("How long a quote holds its prices and places."), (Part("", N_("Days"), least=1),),
    ),
    Rule.CANCELLATION_WINDOW: RuleForm(
        N_("Cancellation deadline"), N_("Families can cancel a session up to this point."),
        (Part("", N_("Hours before a session starts")),),
    ),
    Rule.LATE_FEE: RuleForm(
        N_("Late cancellation"), N_("What is kept for each session cancelled after the deadline."),
        (Part("percent", N_("Percentage of its price"), "percent"), Part("amount_minor", N_("Or an amount"), "money")),
        none=N_("Families can't cancel after the deadline"), is_one_of=True,
    ),
    Rule.CHANGE_FEE: RuleForm(
        N_("Change fee"), N_("Charged once when a change adds or cancels sessions."),
        (Part("", N_("Amount"), "money"),),
    ),
    Rule.MAKEUP: RuleForm(
        N_("Makeup sessions"), N_("An absence reported in time earns a makeup session."),
        (
            Part("notice_hours", N_("Hours of notice needed")),
            Part("validity_days", N_("Valid for (days)"), least=1, most=3660),
            Part("per_term", N_("Most per term"), least=1),
            Part("reach", N_("Can be used in"), "pick", choices=(
                (MakeupReach.PROGRAM.value, N_("The same program")),
                (MakeupReach.CATEGORY.value, N_("Any program of the category")),
                (MakeupReach.ORGANISATION.value, N_("Any program of the centre")))),
        ), none=N_("No makeup sessions"),
    ),
    Rule.ABSENCE_NOTICE: RuleForm(
        N_("Pay-as-you-go absences"), N_("An absence reported by then is not charged to the wallet."),
        (Part("", N_("Hours before a session")),), none=N_("Every absence is charged"),
    ),
    Rule.TAX: RuleForm(
        N_("Tax"), N_("Applied to each line, with the name shown on documents and its rate."),
        (Part("name", N_("Name"), "text", most=40), Part("rate_percent", N_("Per cent"), "percent")), none=N_("Exempt"),
    ),
    Rule.INVOICING: RuleForm(
        N_("When invoices are issued"),
        N_("Instalments and deposits are always invoiced when the booking is confirmed."),
        (Part("", N_("Invoiced"), "pick", choices=(
            (InvoicingRule.ON_CONFIRM.value, N_("On confirmation")),
            (InvoicingRule.PERIOD_IN_ADVANCE.value, N_("Per period, in advance")),
            (InvoicingRule.PERIOD_IN_ARREARS.value, N_("Per period, in arrears")),
            (InvoicingRule.SESSION_FROM_WALLET.value, N_("After each session, from the wallet")))),),
    ),
    Rule.INVOICING_PERIOD: RuleForm(
        N_("Invoice period"), N_("How long one invoice covers, when invoicing per period."),
        (Part("", N_("Period"), "pick", choices=_PERIODS),),
    ),
    Rule.INVOICING_ADVANCE: RuleForm(
        N_("Invoices in advance"), N_("When a period's invoice is issued, if invoicing in advance."),
        (Part("", N_("Days before the period starts"), most=90),),
    ),
    Rule.INVOICE_DUE: RuleForm(
        N_("Time to pay an invoice"), N_("From the invoice date to its due date."), (Part("", N_("Days")),),
    ),
    Rule.PAYMENT_REMINDERS: RuleForm(
        N_("Payment reminders"), N_("When reminders go out, in days before or after the due date."),
        (
            Part("before_days", N_("Days before"), "days", most=60, hint=N_("Up to five, for example 7, 3.")),
            Part("after_days", N_("Days after"), "days", least=1, most=90, hint=N_("Up to five, for example 3, 14.")),
        ),
    ),
    Rule.OVERDUE_FEE: RuleForm(
        N_("Late payment fee"), N_("Charged once per invoice or instalment, and never more than its balance due."),
        (Part("after_days", N_("Days overdue"), least=1, most=90),
         Part("amount_minor", N_("Amount"), "money", least=1)),
        none=N_("No fee"),
    ),
    Rule.SUBSCRIPTION_PERIOD: RuleForm(
        N_("Subscription period"), N_("How long one subscription invoice covers."),
        (Part("", N_("Period"), "pick", choices=_PERIODS),),
    ),
    Rule.SUBSCRIPTION_ADVANCE: RuleForm(
        N_("Subscription invoices"), N_("When a period's invoice is issued."),
        (Part("", N_("Days before the period starts"), most=90),),
    ),
    Rule.SUBSCRIPTION_NOTICE: RuleForm(
        N_("Subscription notice"), N_("From notice being given to the last day."), (Part("", N_("Days"), most=366),),
    ),
    Rule.CHILDREN_PER_STAFF: RuleForm(
        N_("Children per staff member"), N_("The roll shows a warning when there are more."),
        (Part("", N_("Children"), least=1, most=1000),), none=N_("No limit"),
    ),
    Rule.SIGN_OUT_PROOF: RuleForm(
        N_("Pick-up check"), N_("Whether the person collecting must give a PIN or a signature."),
        (Part("", N_("Required"), "pick", choices=_YES_OR_NO),),
    ),
    Rule.HEADCOUNT: RuleForm(
        N_("Headcount"), N_("Whether staff take a separate headcount before the roll closes."),
        (Part("", N_("Required"), "pick", choices=_YES_OR_NO),),
    ),
    Rule.LATE_PICKUP: RuleForm(
        N_("Late pick-up"), N_("The fee proposed when a roll closes and a child was collected late."),
        (
            Part("grace_minutes", N_("Grace period (minutes)"), most=_A_DAY_IN_MINUTES),
            Part("fee_minor", N_("Fee"), "money", least=1),
            Part("per_minutes", N_("Per started block of minutes"), least=1, most=_A_DAY_IN_MINUTES),
            Part("most_minor", N_("At most"), "money", least=1, is_optional=True),
        ), none=N_("No fee"),
    ),
}  # fmt: skip

# In which order, and under which headings, an office reads them.
GROUPS: Mapping[str, tuple[Rule, ...]] = {
    N_("What can be booked"): (
        Rule.ORDER_TYPES, Rule.BOOKING_CUT_OFF, Rule.COMBINE_BOOKING, Rule.TRIAL_LIMIT, Rule.WAITING_OFFER,
    ),
    N_("Confirming and paying"): (
        Rule.CONFIRMATION_TYPES, Rule.AUTO_CANCEL, Rule.DEPOSIT, Rule.REST_DUE, Rule.INSTALMENTS, Rule.PAY_LATER_LIMIT,
        Rule.QUOTE_VALIDITY,
    ),
    N_("Changing, cancelling, absences"): (
        Rule.CANCELLATION_WINDOW, Rule.LATE_FEE, Rule.CHANGE_FEE, Rule.MAKEUP, Rule.ABSENCE_NOTICE,
    ),
    N_("Prices"): (Rule.TAX, Rule.DISCOUNTS),
    N_("Invoices and reminders"): (
        Rule.INVOICING, Rule.INVOICING_PERIOD, Rule.INVOICING_ADVANCE, Rule.INVOICE_DUE, Rule.PAYMENT_REMINDERS,
        Rule.OVERDUE_FEE,
    ),
    N_("Subscriptions"): (Rule.SUBSCRIPTION_PERIOD, Rule.SUBSCRIPTION_ADVANCE, Rule.SUBSCRIPTION_NOTICE),
    N_("At the door"): (Rule.CHILDREN_PER_STAFF, Rule.SIGN_OUT_PROOF, Rule.HEADCOUNT, Rule.LATE_PICKUP),
}  # fmt: skip


def read(rule_form: RuleForm, form: Form, organisation: Row) -> object:
    """The JSON that the form says. Raises Invalid naming each field that cannot be so."""
    if rule_form.none and form.text("there_is") != SOME:
        return None
    reasons: list[Reason] = []
    found: dict[str, object] = {}
    for part in rule_form.parts:
        try:
            value = _read(part, form, organisation)
        except ValueError as fault:
            reasons.append(
                Reason("invalid", str(fault), field=part.field, facts={"least": part.least, "most": part.most})
            )
            continue
        if value is not _LEFT_OUT:
            found[part.name] = value
        elif not (part.is_optional or part.kind == "timeout" or rule_form.is_one_of):
            reasons.append(Reason("required", N_("Please fill this in."), field=part.field))
    if rule_form.is_one_of and not reasons and len(found) != 1:
        reasons.append(Reason("one_of", N_("Fill in one of the two."), field=rule_form.parts[0].field))
    if reasons:
        raise Invalid(N_("Please check the fields marked below."), reasons=reasons)
    return found[""] if rule_form.parts[0].name == "" else found


_LEFT_OUT = object()


def _read(part: Part, form: Form, organisation: Row) -> object:
    """The value of one field, or `_LEFT_OUT`. Raises ValueError with what is wrong."""
    text = form.text(part.field)
    if part.kind in ("ticks", "programs"):
        chosen = [one for one in form.texts(part.field) if one]
        if not chosen:
            raise ValueError(N_("Choose at least one."))
        return chosen
    if part.kind == "days":
        return [_whole(part, one.strip()) for one in text.split(",")] if text else []
    if part.kind == "timeout" and form.is_ticked(f"never.{part.name}"):
        return None
    if not text:
        return _LEFT_OUT
    match part.kind:
        case "money":
            return _money(part, text, organisation)
        case "percent":
            return _percent(text)
        case "text":
            return text
        case "pick":
            if text not in dict(part.choices):
                raise ValueError(N_("Choose one from the list."))
            return text == "true" if part.choices is _YES_OR_NO else text
    return _whole(part, text)


def _whole(part: Part, text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ValueError(N_("Enter a whole number."))
    if not part.least <= int(text) <= part.most:
        raise ValueError(N_("From %(least)s to %(most)s."))
    return int(text)


def _percent(text: str) -> str:
    found = plain_number(text).removesuffix("%").strip()
    try:
        percentage(found)
    except ValueError:
        raise ValueError(N_("Enter a percentage from 0 to 100.")) from None
    return found


def _money(part: Part, text: str, organisation: Row) -> int:
    try:
        amount_minor = parse_asked(plain_number(text), organisation["currency"], organisation["locale"])
    except NotAnAmount as fault:
        raise ValueError(str(fault)) from None
    if amount_minor < part.least:
        raise ValueError(N_("Enter an amount above 0."))
    if amount_minor < 0:
        raise ValueError(N_("Enter an amount of 0 or more."))
    return amount_minor


def kept(rule_form: RuleForm, setting: object, currency: str) -> dict[str, Any]:
    """What each field shows of a setting: text, or what is chosen of a list; nothing where there is no such thing."""
    if _is_none(rule_form, setting):
        return {}
    if rule_form.parts[0].name == "":
        return {"value": _kept(rule_form.parts[0], setting, currency)}
    given: Mapping[str, object] = setting if isinstance(setting, Mapping) else {}
    return {part.field: _kept(part, given[part.name], currency) for part in rule_form.parts if part.name in given}


def _is_none(rule_form: RuleForm, setting: object) -> bool:
    """Whether it says that there is none; files of settings may also say it as a word."""
    return bool(rule_form.none) and (setting is None or setting in ("none", "any", "exempt"))


def _kept(part: Part, value: object, currency: str) -> Any:
    match part.kind:
        case "money":
            return "" if value is None else str(to_major(int(str(value)), currency))
        case "days":
            return ", ".join(str(day) for day in value) if isinstance(value, list) else ""
        case "ticks" | "programs":
            return list(value) if isinstance(value, list) else []
        case "timeout":
            return "never" if value in (None, "never") else str(value)
        case "pick" if isinstance(value, bool):
            return "true" if value else "false"
    return "" if value is None else str(value)
