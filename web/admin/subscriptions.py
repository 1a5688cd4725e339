"""Subscriptions: asked for and begun, ended with notice, changed in their weekdays, rolled on by hand."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from api.moves import Answer, Principal
from api.reads import subscriptions as shown
from api.reads.histories import steps_of
from api.schemas import subscriptions as schemas
from engine.database import Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import SubscriptionStatus
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.labels import WEEKDAY
from web.listed import every_subscription
from web.visitor import Admin
from web.words import N_
from workflows import subscription as verbs
from workflows.subscription_changes import change_weekdays as change
from workflows.subscription_changes import go_on
from workflows.subscription_terms import roll

router = APIRouter()


@router.get("/admin/subscriptions")
def list_subscriptions(visit: Admin) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        waiting = shown.reviews()
        waiting.conditions.append("r.resolved_at IS NULL")
        return {
            **every_subscription(visit, tx, who),
            "reviews": (waiting.page(tx, cursor=None, limit=50, show=dict).body or {})["items"],
        }  # fmt: skip

    return visit.show("admin/subscriptions.html", query)


@router.get("/admin/subscriptions/{subscription_id}")
def show_subscription(visit: Admin, subscription_id: UUID) -> Response:
    return _page(visit, subscription_id)


def _page(
    visit: Admin, subscription_id: UUID, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = shown.subscription(tx, who, subscription_id).body
        assert found is not None
        # It rolls into an offering of its program alone.
        offerings = tx.rows("SELECT p.id, p.name || ' · ' || m.name AS label FROM term_program_set p "
                            "JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id "
                            "WHERE p.organisation_id = %(org)s AND p.program_id = %(program)s AND p.id <> %(own)s "
                            "ORDER BY m.starts_on DESC, p.name LIMIT 100",
                            program=found["program_id"], own=found["offering_id"])  # fmt: skip
        return {"subscription": found, "offerings": [(str(row["id"]), row["label"]) for row in offerings],
                "history": steps_of(tx, subscription_id, SubscriptionStatus)}  # fmt: skip

    return visit.show("admin/subscription.html", query, form=form, refusal=refusal, weekdays=list(WEEKDAY))


def _move(
    visit: Admin, subscription_id: UUID, form: Form, said: str, step: Callable[..., object], asked: type[BaseModel],
    **given: Any,
) -> Response:  # fmt: skip
    """One step, by the API's rules for it; what a form leaves empty is not asked for."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        wanted = checked(asked, {name: value for name, value in given.items() if value not in ("", None)})
        step(tx, subscription_id=subscription_id, actor=who.actor, now=visit.now, version=None,
             **wanted.model_dump())  # fmt: skip
        return Answer({})

    try:
        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, subscription_id, form, refusal)
    return visit.go(f"/admin/subscriptions/{subscription_id}", visit.say(said))


@router.post("/admin/subscriptions/{subscription_id}/beginning")
def begin(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Subscription started."), verbs.begin_subscription,
                 schemas.Beginning, reason=form.text("reason"), override_reason=form.text("override_reason"),
                 is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/subscriptions/{subscription_id}/withdrawal")
def withdraw(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Subscription declined."), verbs.decline,
                 schemas.Withdrawal, reason=form.text("reason"))  # fmt: skip


@router.post("/admin/subscriptions/{subscription_id}/notice")
def give_notice(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Notice recorded."), verbs.give_notice, schemas.Notice,
                 last_day=form.text("last_day"), reason=form.text("reason"),
                 is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/subscriptions/{subscription_id}/continuation")
def continue_it(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Subscription continues."), go_on, schemas.Continuation,
                 last_day=form.text("last_day"), reason=form.text("reason"),
                 is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/subscriptions/{subscription_id}/weekdays")
def change_weekdays(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Weekdays updated."), change, schemas.Weekdays,
                 weekdays=form.texts("weekday"), reason=form.text("reason"),
                 override_reason=form.text("override_reason"), is_muted=form.is_ticked("is_muted"))  # fmt: skip


@router.post("/admin/subscriptions/{subscription_id}/terms")
def roll_on(visit: Admin, subscription_id: UUID, form: Posted) -> Response:
    return _move(visit, subscription_id, form, N_("Subscription continued into the next term."), roll,
                 schemas.NextTerm, offering_id=form.text("offering_id"), reason=form.text("reason"),
                 override_reason=form.text("override_reason"))  # fmt: skip
