"""Discounts other than promo codes: what applies on a level of the catalogue, in its order, each a form by its kind."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import desk
from api.schemas.discounts import TERMS
from catalogue import declared_discounts as kept
from catalogue.discount_values import Discount, DiscountKind, EditPolicy
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from engine.money import to_major
from models import RuleScope
from web.admin.rules import LEVELS, TABLES, scope_of
from web.asked import id_of
from web.forms import NOTHING_SENT, Form, Posted, Wrong, checked
from web.visitor import Admin
from web.words import N_

router = APIRouter()

KINDS: dict[DiscountKind, tuple[str, str]] = {
    DiscountKind.SIBLING: (N_("Siblings"), N_("Another child of the family in the same term.")),
    DiscountKind.MULTI_SESSION: (N_("Many sessions"), N_("A set number of sessions in one booking.")),
    DiscountKind.FULL_WEEK: (N_("Full week"), N_("Sessions booked as a full week.")),
    DiscountKind.FULL_TERM: (N_("Full term"), N_("Sessions booked as the full term.")),
    DiscountKind.EARLY_BIRD: (
        N_("Early bird"),
        N_("Booking by a set date, or a set number of days before the first session."),
    ),
    DiscountKind.COMBINE_BOOKING: (N_("Combined programs"), N_("The child is also in one of these programs.")),
    DiscountKind.STAFF: (N_("Staff families"), N_("Families marked as staff.")),
}
ON_EDIT = {
    EditPolicy.REPRICE_FUTURE: N_("Keep it for past sessions, recheck upcoming ones"),
    EditPolicy.FREEZE: N_("Each session keeps the discount it was sold with"),
    EditPolicy.REPRICE_ALL: N_("Recheck all sessions"),
}
_MONEY = {"amount_minor": "amount", "cap_minor": "cap"}


@router.get("/admin/discounts")
def list_discounts(visit: Admin) -> Response:
    """What applies on the level that the address names."""
    scope = scope_of(visit.asked("scope"))

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        levels = [(level.value, visit.say(words)) for level, words in LEVELS.items()]
        choices = desk.choices(tx, TABLES[scope]) if scope in TABLES else []
        on = _scope_id(visit, tx)
        found = kept.discounts_of(tx, scope, on) if on is not None else None
        return {"levels": levels, "choices": choices, "of": str(on or ""), "found": found}

    return visit.show("admin/discounts.html", query, scope=scope.value, kinds=KINDS)


def _scope_id(visit: Admin, tx: Transaction) -> UUID | None:
    """Of the level that the address names; None where it names none."""
    named = id_of(visit, "of")
    return tx.organisation_id if scope_of(visit.asked("scope")) is RuleScope.ORGANISATION else named


def _level_of(visit: Admin, tx: Transaction) -> tuple[RuleScope, UUID]:
    """Raises NotFound."""
    on = _scope_id(visit, tx)
    if on is None:
        raise NotFound("There is no such level.", what="level")
    return scope_of(visit.asked("scope")), on


def _kind(text: str) -> DiscountKind:
    """Raises NotFound; promo codes have pages of their own."""
    if text not in {kind.value for kind in KINDS}:
        raise NotFound("There is no such discount.", what="discount")
    return DiscountKind(text)


@router.get("/admin/discounts/new")
def show_new(visit: Admin) -> Response:
    """The form of the kind that the address names; where it names none, the kinds are chosen from."""
    if not visit.asked("kind"):
        return visit.go(_list_address(visit))
    return _form_page(visit, _kind(visit.asked("kind")))


@router.get("/admin/discounts/{order}")
def show_discount(visit: Admin, order: int) -> Response:
    return _form_page(visit, None, order=order)


def _form_page(
    visit: Admin, kind: DiscountKind | None, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, *,
    order: int | None = None,
) -> Response:  # fmt: skip
    """The form of a new discount of that kind, or of the one in that place."""

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        scope, on = _level_of(visit, tx)
        found = kept.find_discount(tx, scope, on, order) if order is not None else None
        of = _kind(found.kind.value) if found else kind
        assert of is not None, "a new one names its kind"
        applying = kept.discounts_of(tx, scope, on)
        return {
            "kind": of, "discount": found, "shown": _shown(found, who) if found else {"order": applying.next_order},
            "level": applying.level, "is_own": applying.scope is scope, "scope": scope.value, "of": str(on),
            "programs": desk.choices(tx, "program") if of is DiscountKind.COMBINE_BOOKING else [],
            "policies": [(policy.value, visit.say(words)) for policy, words in ON_EDIT.items()],
            "chosen": set(form.texts("programs")) if form.fields else _programs(found),
        }  # fmt: skip

    return visit.show("admin/discount.html", query, form=form, refusal=refusal, kinds=KINDS)


def _programs(found: Discount | None) -> set[str]:
    return {str(each) for each in found.conditions.get("programs", ())} if found else set()


def _shown(found: Discount, who: Principal) -> Row:
    """What the fields of a discount show."""
    currency = who.organisation["currency"]
    money = {field: str(to_major(value, currency)) if (value := getattr(found, name)) is not None else ""
             for name, field in _MONEY.items()}  # fmt: skip
    percent = "" if found.percent is None else f"{found.percent.normalize():f}"
    given = {name: "" if value is None else value for name, value in found.conditions.items()}
    return {**given, **money, "percent": percent, "order": found.order, "name": found.declared.get("name", ""),
            "stacks": found.stacks, "on_edit": found.on_edit.value, "version": found.version}  # fmt: skip


@router.post("/admin/discounts/new")
def make(visit: Admin, form: Posted) -> Response:
    kind = _kind(visit.asked("kind"))

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = kept.add_discount(tx, *_level_of(visit, tx), _declared(form, kind, who))
        return Answer({"name": made.name})

    try:
        made = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _form_page(visit, kind, form, refusal)
    return visit.go(_list_address(visit), visit.say("%(name)s added.", name=made["name"]))


@router.post("/admin/discounts/{order}")
def change(visit: Admin, order: int, form: Posted) -> Response:
    """Other terms for the discount in that place, or none any more."""
    is_removed = form.text("do") == "remove"

    def verb(tx: Transaction, who: Principal) -> Answer:
        scope, on = _level_of(visit, tx)
        found = kept.find_discount(tx, scope, on, order)
        if is_removed:
            kept.take_discount_away(tx, scope, on, form.text("version"))
        else:
            terms = _declared(form, _kind(found.kind.value), who)
            kept.change_discount(tx, scope, on, form.text("version"), terms)
        return Answer({"name": found.name})

    try:
        moved = visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _form_page(visit, None, form, refusal, order=order)
    said = visit.say("%(name)s is no longer given.", name=moved["name"]) if is_removed else ""
    return visit.go(_list_address(visit), said or visit.say("Changes saved."))


def _list_address(visit: Admin) -> str:
    return f"/admin/discounts?scope={scope_of(visit.asked('scope')).value}&of={id_of(visit, 'of') or ''}"


def _declared(form: Form, kind: DiscountKind, who: Principal) -> Row:
    """The discount that the form describes. Raises Invalid, each reason at its field."""
    sent: dict[str, Any] = {
        "order": form.whole("order"), "name": form.text("name"), "stacks": form.is_ticked("stacks"),
        "percent": _percent(form), "on_edit": form.text("on_edit"),
        **{name: form.minor(field, who.organisation, least=1) for name, field in _MONEY.items()},
    }  # fmt: skip
    asked: dict[str, Any] = {
        "from_child": form.whole("from_child"), "every_child": form.is_ticked("every_child"),
        "sessions": form.whole("sessions"), "until": form.text("until") or None,
        "days_before": form.whole("days_before"), "programs": form.texts("programs"),
    }  # fmt: skip
    if (sent["percent"] is None) == (sent["amount_minor"] is None):
        sent["percent"] = _wrong("percent", N_("Enter either a percentage or an amount."))
    if kind is DiscountKind.EARLY_BIRD and (asked["until"] is None) == (asked["days_before"] is None):
        asked["until"] = _wrong("until", N_("Enter either a last day or a number of days."))
    terms = checked(TERMS[kind], sent | {name: asked[name] for name in asked if name in TERMS[kind].model_fields})
    return terms.declared(kind)


def _percent(form: Form) -> str | Wrong | None:
    percent = form.decimal("percent")
    if percent is None:
        return None
    if isinstance(percent, Decimal) and 0 < percent <= 100:
        return f"{percent:f}"
    return _wrong("percent", N_("Enter a percentage above 0, up to 100."))


def _wrong(field: str, message: str) -> Wrong:
    return Wrong(Reason("invalid", message, field=field))
