"""Families as the office keeps them: accounts, their children, what they booked and what they owe."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.editing import create, edit
from api.moves import Answer, Principal
from api.reads import bookings as booked
from api.reads import desk, people
from api.reads import orders as ordered
from api.records import ACCOUNTS
from api.schemas import people as schemas
from engine.database import Transaction
from engine.errors import Conflict, Invalid
from engine.ids import new_reference
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.visitor import Admin

router = APIRouter()


@router.get("/admin/families")
def list_families(visit: Admin) -> Response:
    asked = visit.asked("q")[:200]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        children = desk.search(tx, asked, with_programme=False)["attendees"] if asked else []
        return {"page": page_of(visit, tx, people.accounts(who, named=asked)), "children": children, "asked": asked}

    return visit.show("admin/families.html", query)


@router.get("/admin/families/new")
def show_new_family(visit: Admin) -> Response:
    return visit.show("admin/family_form.html", account=None)


@router.post("/admin/families/new")
def make_family(visit: Admin, form: Posted) -> Response:
    try:
        asked = checked(schemas.NewAccount, _contact(form))

        def verb(tx: Transaction, who: Principal) -> Answer:
            given = {"reference": new_reference("AC"), "created_at": visit.now}
            return create(tx, ACCOUNTS, asked.model_dump() | given)

        made = visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return visit.show("admin/family_form.html", form=form, refusal=refusal, account=None)
    return visit.go(f"/admin/families/{made['id']}", visit.say("%(name)s added.", name=asked.name))


def _contact(form: Form) -> dict[str, Any]:
    return {
        "name": form.text("name"), "email": form.text("email").lower(), "phone": form.text("phone"),
        "address": form.lines("address"), "language": form.text("language") or None,
    }  # fmt: skip


@router.get("/admin/families/{account_id}")
def show_family(visit: Admin, account_id: UUID) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        bookings = booked.listing(who)
        bookings.where("b.account_id = %(account)s", account=account_id)
        orders = ordered.listing(who)
        orders.where("o.account_id = %(account)s", account=account_id)
        orders.where("o.status = ANY(%(open)s)", open=[100, 200, 300, 475, 485])
        return {
            "account": people.account(tx, who, account_id).body,
            "bookings": bookings.page(tx, cursor=None, limit=100, show=ordered.summary).body,
            "orders": orders.page(tx, cursor=None, limit=100, show=ordered.summary).body,
        }

    return visit.show("admin/family.html", query)


@router.get("/admin/families/{account_id}/contact")
def show_contact(visit: Admin, account_id: UUID) -> Response:
    return _contact_page(visit, account_id)


def _contact_page(
    visit: Admin, account_id: UUID, form: Form = NOTHING_SENT, refusal: Invalid | Conflict | None = None
) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"account": people.visible_account(tx, who, account_id)}

    return visit.show("admin/family_form.html", query, form=form, refusal=refusal)


@router.post("/admin/families/{account_id}/contact")
def change_contact(visit: Admin, account_id: UUID, form: Posted) -> Response:
    try:
        asked = checked(schemas.AccountChange, _contact(form))
        visit.move(form, lambda tx, _: edit(tx, ACCOUNTS, account_id, asked.changes(), call=visit.call))
    except (Invalid, Conflict) as refusal:
        return _contact_page(visit, account_id, form, refusal)
    return visit.go(f"/admin/families/{account_id}", visit.say("Changes saved."))
