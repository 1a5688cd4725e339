"""The rules of a level of the catalogue, each with where it comes from, set and taken away."""

from typing import Any

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from api.schemas.setup import RuleValue
from catalogue import rules
from engine.database import Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from models import RuleScope
from web.asked import id_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin
from web.words import N_

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
    return _page(visit)


def _page(visit: Admin, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    scope = scope_of(visit.asked("scope"))
    scope_id = id_of(visit, "of")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        levels = [(level.value, visit.say(words)) for level, words in LEVELS.items()]
        found = desk.choices(tx, TABLES[scope]) if scope in TABLES else []
        on = scope_id or (tx.organisation_id if scope is RuleScope.ORGANISATION else None)
        explained = rules.explain(tx, scope, on) if on is not None else []
        return {"levels": levels, "scope": scope.value, "choices": found, "of": str(on) if on else "",
                "rules": [_row(each) for each in explained]}  # fmt: skip

    return visit.show("admin/rules.html", query, form=form, refusal=refusal)


def scope_of(text: str) -> RuleScope:
    return RuleScope(text) if text in set(RuleScope) else RuleScope.ORGANISATION


def _row(each: rules.Explanation) -> dict[str, Any]:
    return {
        "name": each.rule.value, "value": orjson.dumps(each.setting, option=orjson.OPT_INDENT_2).decode(),
        "origin": each.origin, "meaning": each.meaning, "scope": each.answer.scope and each.answer.scope.value,
    }  # fmt: skip


@router.post("/admin/rules")
def change_rule(visit: Admin, form: Posted) -> Response:
    """Set a rule on the level that the page shows, or take the setting away."""
    scope, scope_id = scope_of(visit.asked("scope")), id_of(visit, "of")
    try:
        rule = rules.rule_named(form.text("rule"))
        is_cleared = form.text("do") == "clear"
        value = None if is_cleared else checked(RuleValue, {"value": _read(form.text("value"), rule)}).value

        def verb(tx: Transaction, who: Principal) -> Answer:
            on = scope_id or tx.organisation_id
            if is_cleared:
                rules.clear_rule(tx, scope, on, rule)
            else:
                rules.set_rule(tx, scope, on, rule, value)
            return Answer({})

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, form, refusal)
    return visit.go(f"{visit.address}#{rule.value}", visit.say("The rule was changed."))


def _read(text: str, rule: rules.Rule) -> Any:
    """The value as it was typed. Raises Invalid where it cannot be read."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        message = N_("This cannot be read. Write numbers plainly, texts in double quotes, lists in square brackets.")
        raise Invalid(message, reasons=[Reason("malformed", message, field=rule.value)]) from None
