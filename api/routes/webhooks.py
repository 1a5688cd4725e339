"""Webhooks for integrators: register an address, look at what was sent, send it again."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import Called, NoInput
from api.moves import Answer, Principal
from api.operations import ADMIN, creates, for_roles
from api.reads import webhooks as shown
from api.reads.paging import Cursor, Limit
from api.schemas.base import Page
from api.schemas.webhooks import NewWebhookEndpoint, WebhookDelivery, WebhookEndpoint, WebhookSecret
from engine.database import Transaction
from engine.settings import Settings
from workflows import webhooks as verbs

router = APIRouter(tags=["webhooks"])


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.termbook.settings
    return settings


@router.post("/webhook-endpoints", **for_roles(ADMIN, *creates(), status_code=201, response_model=WebhookSecret))
def make_webhook_endpoint(body: NewWebhookEndpoint, call: Called, request: Request) -> Response:
    """Send what happens from now on to an address. The answer holds the secret that signs each message; keep it."""
    settings = _settings(request)

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = verbs.register(
            tx, url=body.url, topics=body.topics, description=body.description, secret=settings.secret, now=call.now,
            only_https=settings.base_url.startswith("https://"),
        )  # fmt: skip
        return Answer({"id": made.id, "secret": made.secret}, 201)

    return call.move(verb)


@router.get("/webhook-endpoints", **for_roles(ADMIN, response_model=Page[WebhookEndpoint]))
def list_webhook_endpoints(call: Called, cursor: Cursor = None, limit: Limit = 50) -> Response:
    """The addresses, newest first, those that are disabled too."""
    return call.read(lambda tx, _: shown.endpoints().page(tx, cursor=cursor, limit=limit, show=dict))


@router.post(
    "/webhook-endpoints/{endpoint_id}/secret",
    **for_roles(ADMIN, *creates(404), status_code=201, response_model=WebhookSecret),
)  # fmt: skip
def renew_webhook_secret(endpoint_id: UUID, call: Called, request: Request, _: NoInput = None) -> Response:
    """Sign with a new secret from now on: the old one signs nothing any more."""
    secret = _settings(request).secret

    def verb(tx: Transaction, who: Principal) -> Answer:
        made = verbs.renew_secret(tx, endpoint_id=endpoint_id, secret=secret)
        return Answer({"id": made.id, "secret": made.secret}, 201)

    return call.move(verb)


@router.delete("/webhook-endpoints/{endpoint_id}", **for_roles(ADMIN, 404, status_code=204))
def remove_webhook_endpoint(endpoint_id: UUID, call: Called) -> Response:
    """Send nothing there any more. What was sent stays in the log."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        verbs.disable(tx, endpoint_id=endpoint_id, because="an admin removed it", now=call.now)
        return Answer(None, 204)

    return call.move(verb)


@router.get("/webhook-deliveries", **for_roles(ADMIN, response_model=Page[WebhookDelivery]))
def list_webhook_deliveries(
    call: Called, endpoint_id: UUID | None = None,
    status: Annotated[list[Literal["WAITING", "DELIVERED", "GIVEN_UP"]] | None, Query(max_length=3)] = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """What was sent, newest first, and how the last attempt ended."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.deliveries()
        found.where("d.endpoint_id = %(endpoint)s", endpoint=endpoint_id)
        found.where("d.status = ANY(%(status)s)", status=status or [])
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post(
    "/webhook-deliveries/{delivery_id}/redelivery",
    **for_roles(ADMIN, *creates(404), response_model=WebhookDelivery),
)  # fmt: skip
def send_webhook_again(delivery_id: UUID, call: Called, _: NoInput = None) -> Response:
    """Send a message again from the beginning, whatever became of it: with the same `webhook-id`."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        verbs.send_again(tx, delivery_id=delivery_id, actor=who.actor, now=call.now)
        return shown.delivery(tx, delivery_id)

    return call.move(verb)
