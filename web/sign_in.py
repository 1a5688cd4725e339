"""Coming in and going out: by password, by a link that is mailed, and the first time by registering."""

from datetime import timedelta
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api import passkeys
from api.attempts import Limit
from api.credentials import Presented, cookie_name, cookie_value, hash_of
from api.errors import TooManyAttempts, Unauthenticated
from api.moves import Answer, Principal
from api.passwords import hash_password
from api.schemas.guests import AskedByEmail, Registration
from api.sign_in import SIGNED_IN_FOR, SignIn, opened_link, sign_in, sign_in_by_link
from api.visits import REGISTER_BY_EMAIL
from engine.database import Row, Transaction
from engine.errors import Invalid, TermbookError
from engine.links import LinkInvalid, open_link
from web.forms import NOTHING_SENT, Form, Posted, checked, fields_are
from web.front import centre_of_front, home_of
from web.visitor import Anybody, AtCentre, Stranger, Visitor, is_own, shown_by, with_next
from workflows import registration, sign_in_links

router = APIRouter()

LINKS_BY_EMAIL = Limit("ask for a link", most=5, window=timedelta(hours=1))


@router.get("/sign-in")
def find_sign_in(visit: Anybody) -> Response:
    """The sign-in of the centre at the bare address, or the question which centre it is."""
    slug = centre_of_front(visit)
    return visit.go(with_next(f"/at/{slug}/sign-in", visit.asked("next"))) if slug else visit.go("/")


@router.get("/at/{centre}/sign-in")
def show_sign_in(visit: AtCentre) -> Response:
    return _show(visit, following=visit.asked("next"))


def _show(
    visit: Stranger, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, following: str = ""
) -> Response:  # fmt: skip
    is_named = passkeys.asking(visit.state.settings, "") is not None
    return visit.show("front/sign_in.html", form=form, refusal=refusal, following=following, has_passkeys=is_named)


@router.post("/at/{centre}/sign-in")
def do_sign_in(visit: AtCentre, form: Posted) -> Response:
    """Sign in with a password, and go where one wanted to go."""
    try:
        made = sign_in(
            visit.state.database, organisation=visit.slug, email=form.text("email").lower(),
            password=form.secret("password"), address=visit.visit.address, now=visit.now,
        )  # fmt: skip
    except (Unauthenticated, TooManyAttempts) as refusal:
        return _show(visit, form=form, refusal=refusal, following=form.text("next"))
    return enter(visit, made, form.text("next"))


_ROLES = """
SELECT u.roles FROM credential c JOIN "user" u ON u.organisation_id = c.organisation_id AND u.id = c.user_id
WHERE c.organisation_id = %(org)s AND c.secret_hash = %(hash)s
"""


def enter(visit: Visitor, made: SignIn, following: str) -> Response:
    """Give the browser its sign-in and lead on."""

    def roles(tx: Transaction) -> Row | None:
        return tx.row(_ROLES, hash=hash_of(made.secret))

    found = visit.state.database.run(made.organisation_id, roles)
    assert found is not None, "the sign-in was made a moment ago"
    response = visit.go(following if following and is_own(following) else home_of(found["roles"]))
    is_secure = visit.state.settings.cookie_secure
    response.set_cookie(
        cookie_name(is_secure), cookie_value(made.organisation_id, made.secret),
        max_age=int(SIGNED_IN_FOR.total_seconds()), path="/", secure=is_secure, httponly=True, samesite="lax",
    )  # fmt: skip
    return response


_REVOKE = """
UPDATE credential SET revoked_at = coalesce(revoked_at, %(now)s)
WHERE organisation_id = %(org)s AND secret_hash = %(hash)s
"""

_CENTRE = "SELECT currency, locale FROM organisation WHERE id = %(org)s"


@router.post("/sign-out")
def do_sign_out(visit: Anybody, form: Posted) -> Response:
    """Sign out here: the credential is no longer valid anywhere."""
    shown = shown_by(visit.request)
    if shown is not None:
        _revoke(visit, shown)
    response = visit.go("/", visit.say("You've signed out."))
    # Photos and pages that this browser keeps are not for who comes after. Not its storage: marks that a tablet has not
    # sent yet lie there.
    response.headers["Clear-Site-Data"] = '"cache"'
    is_secure = visit.state.settings.cookie_secure
    response.delete_cookie(cookie_name(is_secure), path="/", secure=is_secure, httponly=True)
    return response


def _revoke(visit: Visitor, shown: Presented) -> None:
    def work(tx: Transaction) -> Row | None:
        tx.run(_REVOKE, hash=shown.secret_hash, now=visit.now)
        return tx.row(_CENTRE)

    if centre := visit.state.database.run(shown.organisation_id, work):
        visit.meet(centre)


@router.post("/at/{centre}/sign-in-link")
def mail_link(visit: AtCentre, form: Posted) -> Response:
    """Mail an address that signs in; the answer is the same for everybody."""
    try:
        with fields_are(email="link_email"):
            asked = checked(AskedByEmail, {"organisation": visit.slug, "email": form.text("link_email")})
        visit.count(LINKS_BY_EMAIL, asked.email)
    except (Invalid, TooManyAttempts) as refusal:
        return _show(visit, form=form, refusal=refusal)

    def verb(tx: Transaction, who: Principal) -> Answer:
        sign_in_links.ask(tx, email=asked.email, now=visit.now)
        return Answer({})

    visit.move(form, verb)
    return visit.show("front/sent.html", email=asked.email)


@router.get("/guest/sign-in/{link}")
def show_sign_in_link(link: str, visit: Anybody) -> Response:
    """A button: programs that look at mails in advance use nothing up."""
    organisation_id, user_id = opened_link(visit.state.settings.secret, link, now=visit.now)
    with visit.state.database.transaction(organisation_id) as tx:
        slug, known = slug_of(tx), sign_in_links.find(tx, user_id=user_id)
    return Stranger(visit.request, slug).show("front/enter.html", name=known.name if known else "")


@router.post("/guest/sign-in/{link}")
def enter_by_link(link: str, visit: Anybody, form: Posted) -> Response:
    made = sign_in_by_link(visit.state.database, secret=visit.state.settings.secret, link=link, now=visit.now)
    return enter(visit, made, "")


@router.get("/at/{centre}/sign-up")
def show_sign_up(visit: AtCentre) -> Response:
    return visit.show("front/sign_up.html")


@router.post("/at/{centre}/sign-up")
def do_sign_up(visit: AtCentre, form: Posted) -> Response:
    """Mail an address that proves the e-mail address; the answer is the same for everybody."""
    try:
        asked = checked(AskedByEmail, {"organisation": visit.slug, "email": form.text("email")})
        visit.count(REGISTER_BY_EMAIL, asked.email)
    except (Invalid, TooManyAttempts) as refusal:
        return visit.show("front/sign_up.html", form=form, refusal=refusal)

    def verb(tx: Transaction, who: Principal) -> Answer:
        registration.ask(tx, email=asked.email, now=visit.now)
        return Answer({})

    visit.move(form, verb)
    return visit.show("front/sent.html", email=asked.email)


@router.get("/guest/registration/{link}")
def show_registration(link: str, visit: Anybody) -> Response:
    """The second half of signing up: a name and a password for the proved address."""
    return _registration(visit, link)


@router.post("/guest/registration/{link}")
def do_registration(link: str, visit: Anybody, form: Posted) -> Response:
    """Make the login and come in with it."""
    organisation_id, email = _proved(visit, link)
    try:
        given = {"name": form.text("name"), "password": form.secret("password")}
        asked = checked(Registration, {name: value for name, value in given.items() if value})
        hashed = hash_password(asked.password) if asked.password else None

        def verb(tx: Transaction) -> registration.Registered:
            return registration.finish(tx, email=email, name=asked.name, password_hash=hashed, now=visit.now)

        made = visit.state.database.run(organisation_id, verb)
    except Invalid as refusal:
        return _registration(visit, link, form, refusal)
    with visit.state.database.transaction(organisation_id) as tx:
        slug = slug_of(tx)
    at = Stranger(visit.request, slug)
    said = at.say("Welcome. Sign in with your new password.") if made.is_new_user else at.say("You can now sign in.")
    if not made.is_new_user or asked.password is None:
        return visit.go(f"/at/{slug}/sign-in", said)
    fresh = sign_in(
        visit.state.database, organisation=slug, email=email, password=asked.password, address="", now=visit.now
    )
    return enter(visit, fresh, "/family/children/new")


def _registration(
    visit: Visitor, link: str, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:  # fmt: skip
    organisation_id, email = _proved(visit, link)
    with visit.state.database.transaction(organisation_id) as tx:
        slug = slug_of(tx)
        is_known = tx.row('SELECT 1 FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s', email=email)
    at = Stranger(visit.request, slug)
    return at.show("front/registration.html", email=email, is_known=is_known is not None, refusal=refusal,
                   form=form)  # fmt: skip


def slug_of(tx: Transaction) -> str:
    """What the addresses of this centre name it by."""
    row = tx.row("SELECT slug FROM tenant WHERE id = %(org)s")
    assert row is not None
    return str(row["slug"])


def _proved(visit: Visitor, link: str) -> tuple[UUID, str]:
    """The organisation and the e-mail address of a link. Raises LinkInvalid or LinkExpired."""
    facts = open_link(visit.state.settings.secret, registration.PURPOSE, link, now=visit.now)
    try:
        return UUID(hex=facts["organisation"]), facts["email"]
    except (KeyError, ValueError) as fault:
        raise LinkInvalid("This link is not valid; ask for a new one.") from fault
