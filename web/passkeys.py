"""Passkeys on the pages: one signs in with one, and keeps one's own under every front door."""

from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api import passkeys
from api.errors import TooManyAttempts
from api.moves import Answer, Principal
from api.passkeys import Asking, PasskeyRefused
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from web import security
from web.forms import NOTHING_SENT, Form, Posted
from web.portals import PORTALS, Portal
from web.sign_in import enter
from web.visitor import AtCentre, SignedIn, Visitor, signed_in

router = APIRouter()


@router.get("/at/{centre}/passkey")
def ask_to_sign_in(visit: AtCentre) -> Response:
    """What the browser's own question is asked with; a script of the sign-in fetches it."""
    made = passkeys.options_to_sign_in(_asking(visit), organisation_id=visit.organisation_id, now=visit.now)
    return _options(visit, made)


@router.post("/at/{centre}/passkey")
def do_sign_in(visit: AtCentre, form: Posted) -> Response:
    following = form.text("next")
    try:
        made = passkeys.sign_in_by_passkey(
            visit.state.database, _asking(visit), organisation_id=visit.organisation_id, answer=form.text("answer"),
            address=visit.visit.address, now=visit.now,
        )  # fmt: skip
    except (PasskeyRefused, TooManyAttempts) as refusal:
        return visit.show("front/sign_in.html", refusal=refusal, following=following, has_passkeys=True)
    return enter(visit, made, following)


def _asking(visit: Visitor) -> Asking:
    """Raises NotFound where browsers keep no keys for our address."""
    found = passkeys.asking(visit.state.settings, visit.form_token)
    if found is None:
        raise NotFound("There are no passkeys at this address.", what="passkey")
    return found


def has_passkeys(visit: Visitor) -> bool:
    return passkeys.asking(visit.state.settings, "") is not None


def _options(visit: Visitor, made: str) -> Response:
    kept = {**security.headers(visit.state.settings), "Cache-Control": "no-store"}
    return Response(made, media_type="application/json", headers=kept)


def _own(portal: Portal) -> APIRouter:
    """The pages of one's own passkeys in a portal: every login has the same, each in the frame of its work."""
    own = APIRouter(prefix=f"{portal.home}/passkeys")
    Own = Annotated[SignedIn, Depends(signed_in(portal.role))]  # noqa: N806 - a type

    def show_passkeys(visit: Own) -> Response:
        return _show(visit)

    def ask_to_add(visit: Own) -> Response:
        by = _asking(visit)

        def query(tx: Transaction, who: Principal) -> str:
            return passkeys.options_to_add(tx, by, user_id=who.user_id, email=who.email, name=who.name, now=visit.now)

        return _options(visit, visit.fetch(query))

    def add(visit: Own, form: Posted) -> Response:
        by, answer, label = _asking(visit), form.text("answer"), form.text("label")

        def verb(tx: Transaction, who: Principal) -> Answer:
            passkeys.add_passkey(tx, by, user_id=who.user_id, answer=answer, label=label, now=visit.now)
            return Answer()

        return _done(visit, form, verb, visit.say("Passkey added. You can now use it to sign in."))

    def rename(visit: Own, passkey_id: UUID, form: Posted) -> Response:
        def verb(tx: Transaction, who: Principal) -> Answer:
            passkeys.rename_passkey(tx, user_id=who.user_id, passkey_id=passkey_id, label=form.text("label"))
            return Answer()

        return _done(visit, form, verb, visit.say("Saved."))

    def remove(visit: Own, passkey_id: UUID, form: Posted) -> Response:
        def verb(tx: Transaction, who: Principal) -> Answer:
            passkeys.remove_passkey(tx, user_id=who.user_id, passkey_id=passkey_id)
            return Answer()

        return _done(visit, form, verb, visit.say("Passkey removed. It can no longer be used to sign in."))

    own.add_api_route("", show_passkeys, methods=["GET"])
    own.add_api_route("", add, methods=["POST"])
    own.add_api_route("/options", ask_to_add, methods=["GET"])
    own.add_api_route("/{passkey_id}", rename, methods=["POST"])
    own.add_api_route("/{passkey_id}/removal", remove, methods=["POST"])
    return own


def _done(visit: SignedIn, form: Form, verb: Callable[[Transaction, Principal], Answer], said: str) -> Response:
    try:
        visit.move(form, verb)
    except (PasskeyRefused, Invalid, Conflict) as refusal:
        return _show(visit, form, refusal)
    assert visit.portal is not None
    return visit.go(f"{visit.portal.home}/passkeys", said)


def _show(visit: SignedIn, form: Form = NOTHING_SENT, refusal: TermbookError | None = None) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        return {"passkeys": passkeys.passkeys_of(tx, who.user_id)}

    return visit.show("front/passkeys.html", query, form=form, refusal=refusal, is_possible=has_passkeys(visit),
                      longest=passkeys.LONGEST_LABEL)  # fmt: skip


ROUTERS = (router, *(_own(portal) for portal in PORTALS.values()))
