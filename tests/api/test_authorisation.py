"""Who may call what: every route and role of the API against a table written by hand, and whose objects they see."""

import re
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings
from tests.api.conftest import Person, World, login

A, F, S, Y = "admin", "finance", "staff", "family"
ANYONE = "anyone"

# Every route with the roles that may ever call it. A route that is missing here fails the tests.
MAY_CALL: dict[str, str | tuple[str, ...]] = {
    "GET /": ANYONE,
    "GET /healthz": ANYONE,
    "GET /readyz": ANYONE,
    "POST /sign-ins": ANYONE,
    "POST /webhooks/payments/{provider}": ANYONE,
    **dict.fromkeys(("GET /centres/{organisation}/offerings", "GET /centres/{organisation}/sessions",
                     "GET /centres/{organisation}/sessions/{session_id}/seat-map",
                     "GET /centres/{organisation}/sessions/{session_id}/best-seats",
                     "POST /guest-orders", "POST /guest-links", "GET /guest-orders/{link}",
                     "PUT /guest-orders/{link}/lines", "POST /guest-orders/{link}/submission",
                     "POST /guest-orders/{link}/payments", "POST /guest-orders/{link}/cancellation",
                     "GET /guest-orders/{link}/cancellation",
                     "GET /guest-orders/{link}/invoice", "POST /registrations", "POST /registrations/{link}",
                     "GET /calendars/{link}.ics"), ANYONE),
    "POST /attendee-merges": (A,),
    **dict.fromkeys(("GET /ledger/entries", "POST /ledger/entries", "GET /ledger/entries/{entry_id}",
                     "POST /ledger/entries/{entry_id}/reversal", "GET /ledger/accounts/{ledger_account}/lines",
                     "GET /ledger/journal", "GET /period-locks", "POST /period-locks",
                     "POST /period-locks/{lock_id}/unlocking", "GET /write-offs",
                     "POST /invoices/{invoice_id}/write-offs", "POST /write-offs/{write_off_id}/reversal",
                     "GET /overdue-fees", "POST /overdue-fees/{overdue_fee_id}/waiver",
                     "GET /reports/{report}", "GET /reports/{report}/file"), (A, F)),
    "GET /sign-ins/current": (A, F, S, Y),
    "DELETE /sign-ins/current": (A, F, S, Y),
    "GET /tokens": (A,),
    "POST /tokens": (A,),
    "DELETE /tokens/{token_id}": (A,),
    "POST /orders": (A, Y),
    "GET /orders": (A, F, Y),
    "GET /orders/{order_id}": (A, F, Y),
    "GET /orders/{order_id}/history": (A, F, Y),
    "GET /orders/{order_id}/payment-schedule": (A, F, Y),
    "GET /group-orders/{group_order_id}/payment-schedule": (A, F, Y),
    "PUT /orders/{order_id}/lines": (A, Y),
    "POST /orders/{order_id}/submission": (A, Y),
    "POST /orders/{order_id}/quote": (A,),
    "POST /orders/{order_id}/acceptance": (A, Y),
    "POST /orders/{order_id}/attendance-approval": (A,),
    "POST /orders/{order_id}/confirmation": (A, Y),
    "POST /orders/{order_id}/reopening": (A, Y),
    "POST /orders/{order_id}/interest": (A, Y),
    "POST /orders/{order_id}/conversion": (A, Y),
    "POST /eoi-conversions": (A,),
    "POST /orders/{order_id}/removal": (A, Y),
    "POST /orders/{order_id}/cancellation": (A, Y),
    "POST /orders/{order_id}/payments": (A, F, Y),
    "GET /accounts/{account_id}/wallet": (A, F, Y),
    "GET /accounts/{account_id}/wallet/entries": (A, F, Y),
    "POST /accounts/{account_id}/wallet/top-ups": (A, F, Y),
    "POST /accounts/{account_id}/wallet/bonuses": (A, F),
    "POST /wallet-entries/{entry_id}/correction": (A, F),
    "GET /pass-products": (A, F, Y),
    "POST /pass-products": (A,),
    "POST /pass-products/{product_id}/withdrawal": (A,),
    "GET /accounts/{account_id}/passes": (A, F, Y),
    "POST /accounts/{account_id}/passes": (A, F, Y),
    "POST /accounts/{account_id}/pass-checkouts": (A, F, Y),
    "GET /passes": (A, F, Y),
    "GET /passes/{pass_id}": (A, F, Y),
    "GET /passes/{pass_id}/uses": (A, F, Y),
    "POST /passes/{pass_id}/revocation": (A, F),
    "GET /credit-notes/{credit_note_id}/steps": (A, F, Y),
    "POST /bookings/{booking_id}/refund-request": (A, F, Y),
    "POST /accounts/{account_id}/wallet/refund-request": (A, F, Y),
    "GET /refund-requests": (A, F, Y),
    "GET /refund-requests/{request_id}": (A, F, Y),
    "POST /refund-requests/{request_id}/approval": (A, F),
    "POST /refund-requests/{request_id}/rejection": (A, F),
    "POST /refunds/{refund_id}/payment": (A, F),
    "POST /group-orders": (A, Y),
    "GET /group-orders": (A, F, Y),
    "GET /group-orders/{group_order_id}": (A, F, Y),
    "PUT /group-orders/{group_order_id}/lines": (A, Y),
    "POST /group-orders/{group_order_id}/submission": (A, Y),
    "POST /orders/{order_id}/waiting-entries": (A, Y),
    "POST /waiting-groups": (A, Y),
    "GET /waiting-entries": (A, F, Y),
    "GET /waiting-offers/{offer_id}": (A, Y),
    "POST /waiting-offers/{offer_id}/acceptance": (A, Y),
    "POST /waiting-offers/{offer_id}/declination": (A, Y),
    "POST /group-orders/{group_order_id}/confirmation": (A, Y),
    "POST /group-orders/{group_order_id}/payments": (A, F, Y),
    "GET /bookings": (A, F, Y),
    "GET /bookings/{booking_id}": (A, F, Y),
    "GET /bookings/{booking_id}/history": (A, F, Y),
    "GET /bookings/{booking_id}/cancellation": (A, F, Y),
    "POST /bookings/{booking_id}/cancellation": (A, Y),
    "POST /bookings/{booking_id}/suspension": (A,),
    "POST /bookings/{booking_id}/resumption": (A,),
    "GET /bookings/{booking_id}/closure": (A,),
    "POST /bookings/{booking_id}/closure": (A,),
    "POST /bookings/{booking_id}/archiving": (A,),
    "POST /bookings/{booking_id}/change-orders": (A, Y),
    "POST /bookings/{booking_id}/billing-difference": (A, Y),
    "GET /orders/{order_id}/billing-difference": (A, F, Y),
    "POST /orders/{order_id}/change-orders": (A, Y),
    "PUT /orders/{order_id}/adjustments": (A,),
    "GET /sessions": (A, F, S, Y),
    "GET /sessions/{session_id}": (A, F, S, Y),
    "PATCH /sessions/{session_id}": (A,),
    "GET /sessions/{session_id}/extras": (A, F, S, Y),
    "GET /sessions/{session_id}/roll": (A, S),
    "PUT /sessions/{session_id}/roll/marks": (A, S),
    "GET /venues": (A, F, S, Y),
    "POST /venues": (A,),
    "GET /venues/{record_id}": (A, F, S, Y),
    "PATCH /venues/{record_id}": (A,),
    "GET /venues/{venue_id}/seats": (A, F, S, Y),
    "PUT /venues/{venue_id}/seats": (A,),
    "GET /offerings/{offering_id}/seating": (A, F),
    "PUT /offerings/{offering_id}/seating": (A,),
    "GET /sessions/{session_id}/seating": (A, F),
    "PUT /sessions/{session_id}/seating": (A,),
    "GET /sessions/{session_id}/seat-map": (A, F, S, Y),
    "GET /sessions/{session_id}/best-seats": (A, F, S, Y),
    "GET /bookings/{booking_id}/tickets": (A, F, Y),
    "GET /bookings/{booking_id}/tickets/document": (A, F, Y),
    "POST /ticket-check-ins": (A, S),
    "GET /offerings": (A, F, S, Y),
    "POST /offerings": (A,),
    "GET /offerings/{record_id}": (A, F, S, Y),
    "PATCH /offerings/{record_id}": (A,),
    "POST /offerings/{offering_id}/sessions": (A,),
    **{f"GET /{noun}": (A, F, S, Y) for noun in ("sites", "terms", "program-categories", "programs", "extras")},
    **{f"GET /{noun}/{{record_id}}": (A, F, S, Y)
       for noun in ("sites", "terms", "program-categories", "programs", "extras")},
    **{f"POST /{noun}": (A,) for noun in ("sites", "terms", "program-categories", "programs", "extras")},
    **{f"PATCH /{noun}/{{record_id}}": (A,) for noun in ("sites", "terms", "program-categories", "programs", "extras")},
    "GET /offerings/{offering_id}/activities": (A, F, S, Y),
    "POST /offerings/{offering_id}/activities": (A,),
    "PATCH /activities/{activity_id}": (A,),
    "DELETE /activities/{activity_id}": (A,),
    "POST /bookings/{booking_id}/absences": (A, Y),
    "POST /bookings/{booking_id}/absences/withdrawal": (A, Y),
    "GET /makeup-credits": (A, F, Y),
    "GET /makeup-credits/{makeup_credit_id}/sessions": (A, F, Y),
    "POST /makeup-credits/{makeup_credit_id}/revocation": (A,),
    "POST /sessions/{session_id}/roll/closing": (A, S),
    "GET /closure-days": (A, F),
    "POST /closure-days": (A,),
    "GET /sites/{site_id}/days/{day}/closure-preview": (A,),
    "POST /sites/{site_id}/days/{day}/closure": (A,),
    "GET /sessions/{session_id}/closure-preview": (A,),
    "POST /sessions/{session_id}/closure": (A,),
    "GET /sites/{site_id}/days/{day}/reopening-preview": (A,),
    "POST /sites/{site_id}/days/{day}/reopening": (A,),
    "GET /sessions/{session_id}/reopening-preview": (A,),
    "POST /sessions/{session_id}/reopening": (A,),
    "DELETE /closure-days/{record_id}": (A,),
    "GET /terms/{term_id}/roll-overs/{from_term_id}": (A,),
    "POST /terms/{term_id}/roll-overs/{from_term_id}": (A,),
    "GET /scheduled-invoices": (A, F, Y),
    "POST /webhook-endpoints": (A,),
    "GET /webhook-endpoints": (A,),
    "POST /webhook-endpoints/{endpoint_id}/secret": (A,),
    "DELETE /webhook-endpoints/{endpoint_id}": (A,),
    "GET /webhook-deliveries": (A,),
    "POST /webhook-deliveries/{delivery_id}/redelivery": (A,),
    "GET /documents": (A, F, Y),
    "GET /attendees/{attendee_id}/calendar": (A, Y),
    "POST /attendees/{attendee_id}/calendar": (A, Y),
    "GET /consent-texts": (A, F, S, Y),
    "POST /consent-texts": (A,),
    "GET /attendees/{attendee_id}/consents": (A, Y),
    "POST /attendees/{attendee_id}/consents": (A, Y),
    "GET /payments/{payment_id}/receipt": (A, F, Y),
    "GET /accounts/{account_id}/statement": (A, F, Y),
    "GET /accounts/{account_id}/statement/document": (A, F, Y),
    "GET /invoice-runs": (A, F),
    "POST /invoice-runs": (A, F),
    "GET /invoice-runs/preview": (A, F),
    "GET /invoice-runs/{run_id}": (A, F),
    "GET /invoice-runs/{run_id}/documents": (A, F),
    "POST /subscriptions": (A, Y),
    "GET /subscriptions": (A, F, Y),
    "GET /subscriptions/{subscription_id}": (A, F, Y),
    "POST /subscriptions/{subscription_id}/beginning": (A,),
    "POST /subscriptions/{subscription_id}/withdrawal": (A, Y),
    "POST /subscriptions/{subscription_id}/notice": (A, Y),
    "POST /subscriptions/{subscription_id}/continuation": (A, Y),
    "POST /subscriptions/{subscription_id}/weekdays": (A,),
    "POST /subscriptions/{subscription_id}/terms": (A,),
    "GET /subscription-reviews": (A,),
    "GET /search": (A, F),
    "GET /accounts": (A, F, Y),
    "POST /accounts": (A,),
    "GET /accounts/{account_id}": (A, F, Y),
    "PATCH /accounts/{account_id}": (A,),
    "PUT /accounts/{account_id}/attendees/{attendee_id}": (A,),
    "DELETE /accounts/{account_id}/attendees/{attendee_id}": (A,),
    "PUT /accounts/{account_id}/guardians/{user_id}": (A,),
    "DELETE /accounts/{account_id}/guardians/{user_id}": (A,),
    "GET /roll-calls": (A, S),
    "POST /roll-bundles": (A, S),
    "POST /roll-conflicts/{conflict_id}/resolution": (A, S),
    "GET /missing-signatures": (A, S),
    "PUT /sign-outs/{sign_out_id}/signature": (A, S),
    "GET /sign-outs/{sign_out_id}/signature": (A, S),
    "POST /sessions/{session_id}/headcounts": (A, S),
    "PUT /sessions/{session_id}/headcount-explanation": (A, S),
    "PUT /sites/{site_id}/staff-presence": (A, S),
    "DELETE /sites/{site_id}/staff-presence": (A, S),
    "POST /sessions/{session_id}/roll/reopening": (A,),
    "GET /late-pickups": (A, F),
    "POST /late-pickups/{late_pickup_id}/acceptance": (A, F),
    "POST /late-pickups/{late_pickup_id}/waiver": (A, F),
    "POST /authorised-people/{person_id}/pin-proofs": (A, S),
    "GET /attendees/{attendee_id}/authorised-people": (A, Y),
    "POST /attendees/{attendee_id}/authorised-people": (A, Y),
    "PATCH /authorised-people/{person_id}": (A, Y),
    "DELETE /authorised-people/{person_id}": (A, Y),
    "GET /attendees": (A, Y),
    "POST /attendees": (A, Y),
    "GET /attendees/{attendee_id}": (A, Y),
    "PATCH /attendees/{attendee_id}": (A, Y),
    "GET /users": (A,),
    "POST /users": (A,),
    "GET /users/{user_id}": (A,),
    "PATCH /users/{user_id}": (A,),
    "GET /invoices": (A, F, Y),
    "GET /invoices/{invoice_id}": (A, F, Y),
    "GET /invoices/{invoice_id}/document": (A, F, Y),
    "GET /credit-notes": (A, F, Y),
    "GET /credit-notes/{credit_note_id}": (A, F, Y),
    "GET /credit-notes/{credit_note_id}/document": (A, F, Y),
    "GET /zero-statements/{statement_id}": (A, F, Y),
    "GET /zero-statements/{statement_id}/document": (A, F, Y),
    "GET /quotes": (A, F, Y),
    "GET /quotes/{quote_id}": (A, F, Y),
    "GET /quotes/{quote_id}/document": (A, F, Y),
    "POST /mandates": (A, F, Y),
    "GET /mandates": (A, F, Y),
    "GET /mandates/{mandate_id}": (A, F, Y),
    "POST /mandates/{mandate_id}/activation": (A, F),
    "POST /mandates/{mandate_id}/revocation": (A, F, Y),
    "POST /invoices/{invoice_id}/debits": (A, F),
    **{f"POST /debits/{{payment_id}}/{word}": (A, F) for word in ("presentation", "settlement", "refusal", "return")},
    "GET /payments": (A, F, Y),
    "GET /payments/{payment_id}": (A, F, Y),
    "GET /payment-reconciliation": (A, F),
    "GET /payment-reconciliation/file": (A, F),
    "POST /payments/{payment_id}/reversal": (A, F),
    "POST /payment-reviews/{review_id}/resolution": (A, F),
    "PUT /collection-accounts/{scheme}": (A,),
    "GET /collection-accounts/{scheme}": (A, F),
    "GET /debit-run-review": (A, F),
    "POST /debit-runs": (A, F),
    "GET /debit-runs": (A, F),
    "GET /debit-runs/{run_id}": (A, F),
    "GET /debit-runs/{run_id}/file": (A, F),
    "POST /debit-runs/{run_id}/settlement": (A, F),
    "POST /debit-return-files": (A, F),
    "GET /debit-return-files/{file_id}": (A, F),
    "POST /bank-statements": (A, F),
    "GET /bank-statements": (A, F),
    "GET /bank-statements/{statement_id}": (A, F),
    "GET /bank-lines": (A, F),
    "GET /bank-lines/{line_id}": (A, F),
    "POST /bank-lines/{line_id}/matches": (A, F),
    "POST /bank-lines/{line_id}/matches/{payment_id}/reversal": (A, F),
    "POST /bank-lines/{line_id}/setting-aside": (A, F),
    "POST /bank-lines/{line_id}/taking-up": (A, F),
    "GET /payment-reviews": (A, F),
    "GET /organisation": (A, F, S, Y),
    "PATCH /organisation": (A,),
    "GET /rules": (A, F),
    "GET /mail-texts": (A,),
    "GET /mail-texts/{kind}/{language}": (A,),
    "PUT /mail-texts/{kind}/{language}": (A,),
    "POST /mail-texts/{kind}/{language}/preview": (A,),
    "GET /accounts/{account_id}/mail-stops": (A, Y),
    "PUT /accounts/{account_id}/mail-stops/{kind}": (A, Y),
    "GET /promo-codes": (A,),
    "POST /promo-codes": (A,),
    "PUT /promo-codes/{code}": (A,),
    "DELETE /promo-codes/{code}": (A,),
    "GET /promo-codes/{code}/uses": (A,),
    "PUT /rules/{scope}/{scope_id}/{name}": (A,),
    "DELETE /rules/{scope}/{scope_id}/{name}": (A,),
    "POST /imports": (A,),
}  # fmt: skip
GUARDED = sorted(route for route, roles in MAY_CALL.items() if roles != ANYONE)
FILLED = {
    "ledger_account": "BANK",
    "report": "tax",
    "scope": "CATEGORY",
    "name": "trial_limit",
    "day": "2026-04-19",
    "provider": "sandbox",
    "scheme": "SEPA",
    "code": "WELCOME",
    "kind": "booking_confirmed",
    "language": "en",
}


def test_every_route_is_in_the_table(client: httpx.Client, database: Database, clock: FrozenClock) -> None:
    app = create_app(Settings(), database=database, clock=clock, gateways={})
    documented = {
        f"{method} {route.path}" for route in _api_routes(app.routes) if route.include_in_schema
        for method in route.methods
    }  # fmt: skip
    described = {
        f"{method.upper()} {path}" for path, methods in client.get("/openapi.json").json()["paths"].items()
        for method in methods
    }  # fmt: skip

    assert described == set(MAY_CALL)
    assert documented <= set(MAY_CALL)


def _api_routes(routes: Any) -> list[APIRoute]:
    return [route for route in routes if isinstance(route, APIRoute)]


@pytest.fixture(scope="module")
def openapi(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def example_of(openapi: dict[str, Any], route: str) -> Any:
    """The documented example of a route's body."""
    method, path = route.split()
    body = openapi["paths"][path][method.lower()].get("requestBody")
    if body is None:
        return None
    schema = body["content"]["application/json"]["schema"]
    name = (schema.get("$ref") or schema["anyOf"][0]["$ref"]).rsplit("/", 1)[1]
    return openapi["components"]["schemas"][name]["examples"][0]


def send(world: World, openapi: dict[str, Any], route: str, person: Person | None, **filled: Any) -> httpx.Response:
    """The route with its documented example, about things that do not exist unless they are given."""
    method, path = route.split()
    address = re.sub(r"\{(\w+)\}", lambda m: str(filled.get(m[1]) or FILLED.get(m[1]) or uuid4()), path)
    headers = {"Authorization": f"Bearer {person.token}"} if person else {}
    return world.client.request(method, address, json=example_of(openapi, route), headers=headers)


class TestRoles:
    @pytest.mark.parametrize("route", GUARDED)
    def test_each_route_is_for_its_roles_only(self, world: World, openapi: dict[str, Any], route: str) -> None:
        for role in (A, F, S, Y):
            # A login of its own: signing out is one of the routes.
            person = world.edit(lambda tx, role=role: login(tx, world.client, f"{role}-{uuid4().hex[:8]}", role))

            answer = send(world, openapi, route, person)

            if role in MAY_CALL[route]:
                assert answer.status_code not in (401, 403, 415, 500), (role, answer.text)
                assert answer.status_code != 422 or "reasons" in answer.json(), (role, answer.text)
            else:
                assert answer.status_code == 403, (role, answer.text)
                assert answer.headers["content-type"] == "application/problem+json"

    @pytest.mark.parametrize("route", GUARDED)
    def test_nobody_gets_in_without_a_credential(self, world: World, openapi: dict[str, Any], route: str) -> None:
        answer = send(world, openapi, route, None)

        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
        assert answer.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize("route", GUARDED)
    def test_a_token_of_another_organisation_opens_nothing_here(
        self, world: World, elsewhere: World, openapi: dict[str, Any], route: str
    ) -> None:
        secret = world.admin.token.split("_", 2)[2]
        stolen = f"tb_{elsewhere.organisation_id.hex}_{secret}"

        answer = send(world, openapi, route, Person(world.admin.user_id, "", stolen, world.client))

        assert answer.status_code == 401


@pytest.fixture(scope="module")
def owned(world: World) -> dict[str, str]:
    """What the Rossi family has: an order, a quoted one, a booking with its invoice, a payment, people."""
    confirmed = world.confirmed(world.mia, world.sessions[:2])
    given_up = world.confirmed(world.new_child("Ada"), world.sessions[6:8])["booking"]["id"]
    seen = world.admin.get(f"/bookings/{given_up}/cancellation").json()
    canceled = world.admin.post(
        f"/bookings/{given_up}/cancellation", {"reason": "moved away", "fingerprint": seen["fingerprint"]}
    ).json()
    quoted = world.submitted(world.new_child("Zoe"), world.sessions[3:5])
    quote = world.admin.post(f"/orders/{quoted['id']}/quote").json()
    paying = world.submitted(world.new_child("Ivo"), world.sessions[5:6], "PAY_NOW_PAY_ALL")
    payment = world.finance.post(
        f"/orders/{paying['id']}/payments", {"provider": "manual", "amount_minor": 100, "reason": "cash"}
    ).json()
    return {
        "group_order_id": world.group_order(world.new_child("Ida"), world.sessions[5:7])["id"],
        "order_id": quoted["id"], "booking_id": confirmed["booking"]["id"], "invoice_id": confirmed["invoice_id"],
        "credit_note_id": canceled["credit_notes"][0]["id"], "quote_id": quote["quote_id"],
        "payment_id": payment["id"], "account_id": str(world.rossi_account["id"]),
        "attendee_id": str(world.mia["id"]), "session_id": str(world.sessions[0]["id"]),
        "user_id": str(world.rossi.user_id),
    }  # fmt: skip


ABOUT_A_FAMILY = [
    route for route in GUARDED
    if Y in MAY_CALL[route] and re.search(
        r"\{(order|group_order|booking|invoice|credit_note|quote|payment|account|attendee)_id\}", route
    )
]  # fmt: skip
ABOUT_SOMETHING = [
    route for route in GUARDED if re.search(r"\{(\w+_id)\}", route) and "token" not in route and "rules" not in route
]


class TestOwnership:
    @pytest.mark.parametrize("route", ABOUT_A_FAMILY)
    def test_another_familys_object_answers_like_a_missing_one(
        self, world: World, openapi: dict[str, Any], owned: dict[str, str], route: str
    ) -> None:
        missing = send(world, openapi, route, world.chen)

        theirs = send(world, openapi, route, world.chen, **owned)

        assert theirs.status_code == missing.status_code == 404, theirs.text
        assert _without_id(theirs) == _without_id(missing)

    @pytest.mark.parametrize("route", ABOUT_SOMETHING)
    def test_another_organisations_object_answers_like_a_missing_one(
        self, world: World, elsewhere: World, openapi: dict[str, Any], owned: dict[str, str], route: str
    ) -> None:
        records = {"sites": world.site, "terms": world.term, "offerings": world.offering}
        record = next((str(row["id"]) for noun, row in records.items() if f"/{noun}/" in route), None)
        known = {**owned, "record_id": record, "offering_id": str(world.offering["id"])}
        missing = send(elsewhere, openapi, route, elsewhere.admin)

        theirs = send(elsewhere, openapi, route, elsewhere.admin, **known)

        assert theirs.status_code == missing.status_code == 404, theirs.text
        assert _without_id(theirs) == _without_id(missing)

    @pytest.mark.parametrize(
        "path",
        ["/orders", "/bookings", "/invoices", "/credit-notes", "/quotes", "/payments", "/accounts", "/attendees"],
    )
    def test_lists_show_a_family_its_own(self, world: World, owned: dict[str, str], path: str) -> None:
        theirs = {item["id"] for item in world.rossi.get(f"{path}?limit=200").json()["items"]}
        others = {item["id"] for item in world.chen.get(f"{path}?limit=200").json()["items"]}

        assert theirs & set(owned.values())
        assert not theirs & others
        assert not others & set(owned.values())

    def test_a_family_cannot_widen_a_list_with_a_filter(self, world: World, owned: dict[str, str]) -> None:
        for path in ("/orders", "/bookings", "/invoices", "/payments", "/attendees"):
            found = world.chen.get(f"{path}?account_id={owned['account_id']}").json()

            assert found["items"] == [], path

    def test_a_family_orders_for_its_own_children_only(self, world: World) -> None:
        for body in (
            {"attendee_id": str(world.mia["id"])},
            {"attendee_id": str(world.mia["id"]), "account_id": str(world.rossi_account["id"])},
            {"attendee_id": str(world.mia["id"]), "account_id": str(world.chen_account["id"])},
        ):
            answer = world.chen.post("/orders", body | {"term_id": str(world.term["id"])})

            assert answer.status_code == 404, answer.text

    def test_an_admin_selects_the_account_by_hand(self, world: World) -> None:
        body = {"attendee_id": str(world.mia["id"]), "term_id": str(world.term["id"])}

        answer = world.admin.post("/orders", body)

        assert answer.status_code == 422
        assert answer.json()["reasons"][0]["field"] == "account_id"

    def test_a_family_sees_no_drafts_of_the_programme(self, world: World) -> None:
        drafts = world.new_sessions(count=1, status="DRAFT")

        assert world.rossi.get(f"/sessions/{drafts[0]['id']}").status_code == 404
        assert world.rossi.get(f"/offerings/{drafts[0]['term_program_set_id']}").status_code == 404
        assert world.admin.get(f"/sessions/{drafts[0]['id']}").status_code == 200


class TestStaff:
    def test_see_who_is_in_a_session_of_their_site(self, world: World, owned: dict[str, str]) -> None:
        shown = world.staff.get(f"/sessions/{owned['session_id']}").json()

        assert shown["active_count"] == 1
        assert [booking["attendee"] for booking in shown["bookings"]] == ["Mia Rossi"]

    def test_families_and_finance_see_places_only(self, world: World, owned: dict[str, str]) -> None:
        for person in (world.rossi, world.finance):
            shown = person.get(f"/sessions/{owned['session_id']}").json()

            assert shown["left"] == shown["capacity"] - shown["taken"]
            assert "bookings" not in shown

    def test_of_another_site_find_no_roll(self, world: World, owned: dict[str, str]) -> None:
        stranger = world.edit(lambda tx: login(tx, world.client, "Stranger", "staff"))

        assert stranger.get(f"/sessions/{owned['session_id']}/roll").status_code == 404
        assert "bookings" not in stranger.get(f"/sessions/{owned['session_id']}").json()


class TestSeveralRoles:
    def test_one_acts_in_the_strongest_unless_another_is_named(self, world: World) -> None:
        both = world.edit(lambda tx: login(tx, world.client, "Both", "family", "staff"))

        assert both.get("/sign-ins/current").json()["acts_as"] == "staff"
        assert both.get("/sign-ins/current", headers={"Act-As": "family"}).json()["acts_as"] == "family"
        assert both.get("/sign-ins/current", headers={"Act-As": "admin"}).status_code == 403


def _without_id(answer: httpx.Response) -> dict[str, Any]:
    """The problem without the ids that the caller sent."""
    body = {name: value for name, value in answer.json().items() if name != "request_id"}
    return body | {"detail": re.sub(r"[0-9a-f-]{36}", "…", body["detail"])}
