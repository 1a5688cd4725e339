"""The rules of a level of the catalogue, each with where it comes from and a form to set it, or to inherit it again."""

from typing import Any
from uuid import UUID

from babel.units import format_unit
from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from catalogue import rules
from catalogue.rule_values import AUTO_CANCEL_MINUTES
from catalogue.rules import Explanation, Rule
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from engine.money import format_money
from models import RuleScope
from web.admin.rule_forms import FORMS, GROUPS, NONE, SOME, Part, RuleForm, kept, read
from web.asked import id_of
from web.forms import NOTHING_SENT, Form, Posted
from web.visitor import Admin
from web.words import N_, locale_of

router = APIRouter()

LEVELS = {
    RuleScope.ORGANISATION: N_("The whole organisation"),
    RuleScope.CATEGORY: N_("Category"),
    RuleScope.PROGRAM: N_("Program"),
    RuleScope.TPS: N_("Offering"),
}
TABLES = {RuleScope.CATEGORY: "program_category", RuleScope.PROGRAM: "program", RuleScope.TPS: "term_program_set"}


@router.get("/admin/rules")
def show_rules(visit: Admin) -> Response:
    """Every rule of the level that the address names, in words."""
    scope = scope_of(visit.asked("scope"))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        levels = [(level.value, visit.say(words)) for level, words in LEVELS.items()]
        choices = desk.choices(tx, TABLES[scope]) if scope in TABLES else []
        on = _scope_id(visit, tx, scope)
        explained = {each.rule: each for each in rules.explain(tx, scope, on)} if on is not None else {}
        programs = dict(desk.choices(tx, "program")) if explained else {}
        groups = [
            (visit.say(title), [_row(visit, who, scope, explained[rule], programs) for rule in members])
            for title, members in GROUPS.items()
        ] if explained else []  # fmt: skip
        return {"levels": levels, "scope": scope.value, "choices": choices, "of": str(on or ""), "groups": groups}

    return visit.show("admin/rules.html", query)


def scope_of(text: str) -> RuleScope:
    return RuleScope(text) if text in set(RuleScope) else RuleScope.ORGANISATION


def _scope_id(visit: Admin, tx: Transaction, scope: RuleScope) -> UUID | None:
    """Of the level that the address names; None where it names none."""
    return tx.organisation_id if scope is RuleScope.ORGANISATION else id_of(visit, "of")


def _row(visit: Admin, who: Principal, scope: RuleScope, each: Explanation, programs: dict[str, str]) -> Row:
    found: Row = {"name": each.rule.value, "origin": _origin(visit, each), "is_own": each.answer.scope is scope}
    rule_form = FORMS.get(each.rule)
    if rule_form is None:  # discounts have pages of their own
        count = len(each.setting) if isinstance(each.setting, list) else 0
        return found | {
            "title": visit.say("Discounts"),
            "words": [("", visit.say("%(count)s active", count=count))],
        }
    return found | {"title": visit.say(rule_form.title), "words": _words(visit, who, rule_form, each.setting, programs)}


def _origin(visit: Admin, each: Explanation) -> str:
    """Where the value comes from, such as "Category: Camps"."""
    if each.answer.scope is None:
        return visit.say("Default")
    if each.answer.scope is RuleScope.ORGANISATION:
        return visit.say(LEVELS[RuleScope.ORGANISATION])
    return f"{visit.say(LEVELS[each.answer.scope])}: {each.level}"


def _words(
    visit: Admin, who: Principal, rule_form: RuleForm, setting: object, programs: dict[str, str]
) -> list[tuple[str, str]]:
    """A setting as a person reads it: (what it is, its value) for each field that says something."""
    shown = kept(rule_form, setting, who.organisation["currency"])
    if rule_form is FORMS[Rule.AUTO_CANCEL]:
        shown = {kind.name: str(minutes) for kind, minutes in AUTO_CANCEL_MINUTES.items()} | shown
    if not shown and rule_form.none:
        return [("", visit.say(rule_form.none))]
    found = [(visit.say(part.label), _word(visit, who, part, shown[part.field], setting, programs))
             for part in rule_form.parts if shown.get(part.field) not in (None, "", [])]  # fmt: skip
    return found or [("", visit.say("None"))]


def _word(visit: Admin, who: Principal, part: Part, shown: Any, setting: Any, programs: dict[str, str]) -> str:
    match part.kind:
        case "money":
            minor = setting[part.name] if part.name else setting
            locale = locale_of(visit.language, who.organisation["locale"])
            return format_money(minor, who.organisation["currency"], str(locale))
        case "percent":
            return f"{shown} %"
        case "ticks":
            return ", ".join(visit.say(words) for value, words in part.choices if value in shown)
        case "programs":
            return ", ".join(programs.get(value, value) for value in shown)
        case "pick":
            return visit.say(dict(part.choices).get(shown, shown))
        case "timeout":
            return visit.say("never") if shown == "never" else _span(visit, who, int(shown))
    return str(shown)


def _span(visit: Admin, who: Principal, minutes: int) -> str:
    """A time as one says it: "3 days", not "4320 minutes"."""
    unit, size = next((unit, size) for unit, size in (("day", 1440), ("hour", 60), ("minute", 1)) if not minutes % size)
    return format_unit(minutes // size, unit, "long", locale=locale_of(visit.language, who.organisation["locale"]))


@router.get("/admin/rules/{rule}")
def show_rule(visit: Admin, rule: str) -> Response:
    return _form_page(visit, rule)


def _form_page(
    visit: Admin, name: str, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    rule, rule_form = _found(name)
    scope = scope_of(visit.asked("scope"))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        on = _scope_id(visit, tx, scope)
        if on is None:
            raise NotFound("There is no such level.", what="level")
        now, above = rules.explain_one(tx, scope, on, rule), rules.explain_one(tx, scope, on, rule, is_above=True)
        programs = desk.choices(tx, "program") if rule is Rule.COMBINE_BOOKING else []
        shown = kept(rule_form, now.setting, who.organisation["currency"])
        return {
            "rule": name, "scope": scope.value, "of": str(on), "is_own": now.answer.scope is scope,
            "level": f"{visit.say(LEVELS[scope])}: {rules.names_of(tx, [on])[on]}", "origin": _origin(visit, now),
            "above": {"origin": _origin(visit, above),
                      "words": _words(visit, who, rule_form, above.setting, dict(programs))},
            "shown": shown, "there_is": form.text("there_is") or (SOME if shown else NONE), "programs": programs,
        }  # fmt: skip

    return visit.show("admin/rule.html", query, form=form, refusal=refusal, rule_form=rule_form)


def _found(name: str) -> tuple[Rule, RuleForm]:
    """Raises NotFound; discounts have pages of their own."""
    found = {rule.value: (rule, rule_form) for rule, rule_form in FORMS.items()}.get(name)
    if found is None:
        raise NotFound("There is no such rule.", what="rule")
    return found


@router.post("/admin/rules/{rule}")
def change_rule(visit: Admin, rule: str, form: Posted) -> Response:
    """Set the rule on the level that the address names, or take the setting away."""
    known, rule_form = _found(rule)
    scope, is_cleared = scope_of(visit.asked("scope")), form.text("do") == "clear"

    def verb(tx: Transaction, who: Principal) -> Answer:
        on = _scope_id(visit, tx, scope)
        if on is None:
            raise NotFound("There is no such level.", what="level")
        if is_cleared:
            rules.clear_rule(tx, scope, on, known)
        else:
            rules.set_rule(tx, scope, on, known, read(rule_form, form, who.organisation))
        return Answer({})

    try:
        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _form_page(visit, rule, form, refusal)
    of = f"&of={id_of(visit, 'of')}" if id_of(visit, "of") else ""
    said = visit.say("Rule reset to the inherited value.") if is_cleared else visit.say("Rule saved.")
    return visit.go(f"/admin/rules?scope={scope.value}{of}#{rule}", said)
