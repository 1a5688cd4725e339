"""Signing in and out for people, bearer tokens for programs."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from api.credentials import cookie_name, cookie_value, new_secret, token_text
from api.dependencies import Application, Called
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, creates, for_anyone, for_roles
from api.reads.paging import Cursor, Limit, Listing
from api.schemas.base import Page
from api.schemas.sign_ins import FreshToken, NewSignIn, NewToken, SignedIn, Token
from api.sign_in import SIGNED_IN_FOR, add_credential, sign_in
from engine.database import Row, Transaction
from engine.errors import Invalid, NotFound, Reason
from models import CredentialKind

router = APIRouter(tags=["sign-in"])

_TOKEN_FOR = timedelta(days=365)


@router.post(
    "/sign-ins", **for_anyone(*creates(401, 422, 429, 503), status_code=201, response_model=dict[str, str])
)  # fmt: skip
def make_sign_in(body: NewSignIn, request: Request, app: Application) -> Response:
    """Sign in with a password. The answer sets a cookie that pages of other sites cannot use."""
    made = sign_in(
        app.database, organisation=body.organisation, email=body.email, password=body.password,
        address=request.client.host if request.client else "", now=app.clock.now(),
    )  # fmt: skip
    response = JSONResponse({"organisation_id": str(made.organisation_id)}, 201, {"Location": "/sign-ins/current"})
    is_secure = app.settings.cookie_secure
    response.set_cookie(
        cookie_name(is_secure), cookie_value(made.organisation_id, made.secret),
        max_age=int(SIGNED_IN_FOR.total_seconds()), path="/", secure=is_secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return response


@router.get("/sign-ins/current", **for_roles(EVERYBODY, response_model=SignedIn))
def read_sign_in(call: Called) -> Response:
    """Who is signed in, and in which role."""

    def query(tx: Transaction, who: Principal) -> Answer:
        organisation = who.organisation
        return Answer({
            "user_id": who.user_id, "name": who.name, "email": who.email, "roles": who.roles,
            "acts_as": who.kind.value.lower(), "account_ids": sorted(who.actor.account_ids),
            "site_ids": sorted(who.actor.site_ids), "organisation_id": tx.organisation_id,
            "organisation": organisation["name"], "currency": organisation["currency"],
            "time_zone": organisation["time_zone"],
        })  # fmt: skip

    return call.read(query)


@router.delete("/sign-ins/current", **for_roles(EVERYBODY, status_code=204))
def end_sign_in(call: Called, app: Application) -> Response:
    """Sign out: the credential of this request is no longer valid, here and everywhere."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        _revoke(tx, who.credential_id, call)
        return Answer(status=204)

    response = call.move(verb)
    response.delete_cookie(cookie_name(app.settings.cookie_secure), path="/", secure=app.settings.cookie_secure)
    return response


_TOKENS = """
SELECT {keys}, c.id, c.kind, c.user_id, u.name AS user, c.label, c.created_at, c.expires_at, c.revoked_at
FROM credential c JOIN "user" u ON u.organisation_id = c.organisation_id AND u.id = c.user_id
WHERE c.organisation_id = %(org)s AND c.kind = 'TOKEN'{where}
"""


@router.get("/tokens", **for_roles(ADMIN, response_model=Page[Token]))
def list_tokens(call: Called, user_id: UUID | None = None, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """Tokens of the organisation, newest first; never their secrets."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = Listing(_TOKENS, [("c.id", "uuid")], is_descending=True)
        found.where("c.user_id = %(user)s", user=user_id)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post("/tokens", **for_roles(ADMIN, *creates(404), status_code=201, response_model=FreshToken))
def make_token(body: NewToken, call: Called) -> Response:
    """Make a token for a program. Its secret is shown in this answer only."""
    secret = new_secret()
    expires_at = body.expires_at or call.now + _TOKEN_FOR
    if not call.now < expires_at <= call.now + 2 * _TOKEN_FOR:
        message = "A token expires in the future, two years from now at most."
        raise Invalid(message, reasons=[Reason("out_of_range", message, field="expires_at")])

    def verb(tx: Transaction, who: Principal) -> Answer:
        user = _user(tx, body.user_id or who.user_id)
        token_id = add_credential(
            tx, CredentialKind.TOKEN, user_id=user["id"], secret=secret, label=body.label, now=call.now,
            expires_at=expires_at,
        )  # fmt: skip
        return Answer({
            "id": token_id, "kind": CredentialKind.TOKEN, "user_id": user["id"], "user": user["name"],
            "label": body.label, "created_at": call.now, "expires_at": expires_at, "revoked_at": None, "token": None,
        }, status=201)  # fmt: skip

    return call.move(verb, with_secret={"token": token_text(call.organisation_id, secret)})


@router.delete("/tokens/{token_id}", **for_roles(ADMIN, 404, status_code=204))
def revoke_token(token_id: UUID, call: Called) -> Response:
    """Revoke a token; it stops working at once."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        _revoke(tx, token_id, call)
        return Answer(status=204)

    return call.move(verb)


def _user(tx: Transaction, user_id: UUID) -> Row:
    row = tx.row('SELECT id, name FROM "user" WHERE organisation_id = %(org)s AND id = %(id)s', id=user_id)
    if row is None:
        raise NotFound("There is no such user.", what="user")
    return row


def _revoke(tx: Transaction, credential_id: UUID, call: Called) -> None:
    touched = tx.run(
        "UPDATE credential SET revoked_at = coalesce(revoked_at, %(now)s) "
        "WHERE organisation_id = %(org)s AND id = %(id)s", id=credential_id, now=call.now,
    )  # fmt: skip
    if not touched:
        raise NotFound("There is no such token.", what="token")
