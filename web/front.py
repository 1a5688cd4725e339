"""The first page: what the centre is, who comes in where; and the addresses that mails lead to."""

from collections.abc import Callable
from contextlib import suppress

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from api.errors import Unauthenticated
from api.moves import Principal
from engine.database import Transaction
from engine.errors import NotFound, NotPermitted
from models import Role
from notifications import choices as mails
from web import security
from web.forms import Posted
from web.portals import PORTALS
from web.visitor import NO_ORGANISATION, Anybody, AtCentre, SignedIn, Stranger, Visitor, is_own, shown_by
from web.words import LANGUAGES

router = APIRouter()

_TENANTS = "SELECT slug FROM tenant ORDER BY slug LIMIT 2"


def centre_of_front(visitor: Visitor) -> str | None:
    """The slug of the centre that the bare address leads to: the one that is set, or the only one that there is."""
    chosen = visitor.state.settings.front_centre
    if chosen and visitor.state.database.organisation_by_slug(chosen) is not None:
        return chosen
    with visitor.state.database.engine.connect() as connection:
        found = connection.exec_driver_sql(_TENANTS).scalars().all()
    return found[0] if len(found) == 1 else None


def show_front(visit: Anybody) -> Response:
    """The centre's front page, or the question which centre it is."""
    slug = centre_of_front(visit)
    if slug is not None:
        return _front(Stranger(visit.request, slug))
    asked = visit.asked("centre").lower()
    if asked and visit.state.database.organisation_by_slug(asked) is not None:
        return RedirectResponse(f"/at/{asked}", 303)
    return visit.answer("front/which.html", organisation=NO_ORGANISATION, who=None, asked=asked)


@router.get("/at/{centre}")
def show_centre(visit: AtCentre) -> Response:
    return _front(visit)


_OFFERED = """
SELECT c.name, count(*) AS offerings, min(t.starts_on) AS starts_on
FROM term_program_set p
JOIN term t ON t.organisation_id = p.organisation_id AND t.id = p.term_id AND t.status <> 'DRAFT'
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN program_category c ON c.organisation_id = g.organisation_id AND c.id = g.category_id
WHERE p.organisation_id = %(org)s AND p.status = 'PUBLISHED'
GROUP BY c.name ORDER BY count(*) DESC, c.name LIMIT 8
"""


def _front(visit: Stranger) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, object]:
        return {"offered": tx.rows(_OFFERED)}

    return visit.show("front/front.html", query, is_signed_in=shown_by(visit.request) is not None)


def go_to_order(order_id: str, visit: Anybody) -> Response:
    return visit.go(f"/family/orders/{order_id}")


def go_to_booking(booking_id: str, visit: Anybody) -> Response:
    return visit.go(f"/family/bookings/{booking_id}")


def go_to_wallet(account_id: str, visit: Anybody) -> Response:
    return visit.go(f"/family/wallet?account={account_id}")


def go_to_offer(offer_id: str, visit: Anybody) -> Response:
    return visit.go(f"/family/offers/{offer_id}")


def go_to_registration(link: str, visit: Anybody) -> Response:
    return visit.go(f"/guest/registration/{link}")


def go_to_guest_order(link: str, visit: Anybody) -> Response:
    return visit.go(f"/guest/order/{link}")


def go_to_bookings(visit: Anybody) -> Response:
    """What a subscription or a makeup credit of a mail is about stands among the family's bookings."""
    return visit.go("/family/bookings")


def go_to_pass(pass_id: str, visit: Anybody) -> Response:
    return visit.go(f"/family/passes/{pass_id}")


# Where the API and the pages share an address: a browser that follows the link of a mail gets the page.
SHARED: dict[str, Callable[..., Response]] = {
    "/": show_front,
    "/orders/{order_id}": go_to_order,
    "/bookings/{booking_id}": go_to_booking,
    "/accounts/{account_id}/wallet": go_to_wallet,
    "/waiting-offers/{offer_id}": go_to_offer,
    "/registrations/{link}": go_to_registration,
    "/guest-orders/{link}": go_to_guest_order,
    "/subscriptions/{subscription_id}": go_to_bookings,
    "/makeup-credits/{credit_id}/sessions": go_to_bookings,
    "/passes/{pass_id}": go_to_pass,
}


@router.post("/language")
def choose_language(visit: Anybody, form: Posted) -> Response:
    """The reader's own language, on this browser."""
    language, back = form.text("language"), form.text("back")
    if language not in LANGUAGES:
        raise NotFound("There is no such language.", what="language")
    response = visit.go(back if is_own(back) else "/")
    security.keep_language(response, visit.state.settings, language)
    if back.startswith("/family"):
        _tell_mails(visit, language)
    return response


def _tell_mails(visit: Visitor, language: str) -> None:
    """A family's mails speak as its pages do. Who is no family, or was signed out meanwhile, chose for the browser."""
    shown = shown_by(visit.request)
    if shown is None:
        return
    with suppress(Unauthenticated, NotPermitted):
        SignedIn(visit.request, PORTALS[Role.FAMILY], shown).fetch(
            lambda tx, who: mails.choose_language(tx, account_ids=who.actor.account_ids, language=language)
        )


def home_of(roles: list[str]) -> str:
    """Where one starts after signing in: by the first role that has pages; else with the API's documentation."""
    return next((portal.home for role, portal in PORTALS.items() if role.value in roles and portal.items), "/docs")
