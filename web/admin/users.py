"""Who may sign in: logins with their roles, and the sites at which staff work."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import logins
from api.moves import Answer, Principal
from api.passwords import hash_password
from api.reads import desk, people
from api.schemas import people as schemas
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, TermbookError
from models import Role
from web.asked import page_of
from web.forms import NOTHING_SENT, Form, Posted, checked
from web.labels import ROLE
from web.visitor import Admin

router = APIRouter()


@router.get("/admin/users")
def list_users(visit: Admin) -> Response:
    asked, role = visit.asked("q")[:200], visit.asked("role")

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = people.users()
        found.where("position(lower(%(q)s) IN lower(u.name || ' ' || u.email)) > 0", q=asked or None)
        found.where("%(role)s = ANY(u.roles)", role=role if role in ROLE else None)
        return {"page": page_of(visit, tx, found), "sites": dict(desk.choices(tx, "site"))}

    return visit.show("admin/users.html", query, asked=asked, chosen=role)


@router.get("/admin/users/new")
def show_new(visit: Admin) -> Response:
    return _page(visit, None)


@router.get("/admin/users/{user_id}")
def show_user(visit: Admin, user_id: UUID) -> Response:
    return _page(visit, user_id)


def _page(
    visit: Admin, user_id: UUID | None, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        user = people.user(tx, user_id) if user_id is not None else None
        return {"user": user, "sites": desk.choices(tx, "site"), "is_self": user_id == who.user_id}

    return visit.show("admin/user.html", query, form=form, refusal=refusal, roles=[role.value for role in Role])


@router.post("/admin/users/new")
def make_user(visit: Admin, form: Posted) -> Response:
    try:
        asked = checked(schemas.NewUser, _asked(form) | {"email": form.text("email").lower(),
                                                         "password": form.secret("password") or None})  # fmt: skip
        password_hash = _hash(visit, asked.password)
        visit.move(form, lambda tx, _: logins.make(tx, asked, password_hash=password_hash, now=visit.now))
    except (Invalid, Conflict) as refusal:
        return _page(visit, None, form, refusal)
    return visit.go("/admin/users", visit.say("%(name)s added.", name=asked.name))


@router.post("/admin/users/{user_id}")
def change_user(visit: Admin, user_id: UUID, form: Posted) -> Response:
    given = _asked(form) | {"is_active": form.is_ticked("is_active")}
    if form.secret("password"):
        given["password"] = form.secret("password")
    try:
        changes = checked(schemas.UserChange, given).changes()
        password_hash = _hash(visit, changes.pop("password", None))

        def verb(tx: Transaction, who: Principal) -> Answer:
            logins.change(tx, user_id, changes, password_hash=password_hash, call=visit.call)
            return Answer({})

        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _page(visit, user_id, form, refusal)
    return visit.go("/admin/users", visit.say("Changes saved."))


def _asked(form: Form) -> Row:
    return {"name": form.text("name"), "roles": form.texts("role"), "site_ids": form.texts("site")}


def _hash(visit: Admin, password: str | None) -> str | None:
    """Outside any transaction, and only for somebody who may do this at all."""
    if not password:
        return None
    visit.fetch(lambda _, who: who)
    return hash_password(password)
