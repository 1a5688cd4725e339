"""Payments: sending a payer to a provider, recording what came in by hand, hearing from the provider."""

from collections.abc import Callable
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from starlette.responses import JSONResponse, Response

from api.dependencies import Application, Called
from api.moves import Answer, Call, Principal
from api.operations import OFFICE, OWNERS_AND_FINANCE, creates, for_anyone, for_roles
from api.reads import finance as shown
from api.reads.paging import Cursor, Limit
from api.schemas import finance as schemas
from api.schemas.base import Page
from api.schemas.orders import NewPayment
from api.state import State
from engine.database import Transaction
from engine.errors import Invalid, NotFound, NotPermitted, Reason, TermbookError
from models import PaymentStatus
from workflows.group_payments import open_group_checkout, pay_group_from_wallet, record_group_payment
from workflows.payment_events import Outcome, deliver_event
from workflows.payment_reversal import reverse_payment
from workflows.payment_reviews import resolve_review
from workflows.payments import BY_HAND, StartedPayment, open_checkout, record_manual_payment
from workflows.wallet import pay_order
from workflows.wallet_debits import WALLET

router = APIRouter(tags=["finance"])


@router.post(
    "/orders/{order_id}/payments",
    **for_roles(OWNERS_AND_FINANCE, *creates(404, 409, 502), status_code=201, response_model=schemas.Payment),
)  # fmt: skip
def make_payment(order_id: UUID, call: Called, app: Application, body: NewPayment | None = None) -> Response:
    """Start a payment of exactly what the order requires: the answer's `checkout_url` is where the payer pays, and the
    provider's word confirms the order. With `provider` "wallet" it is taken from the family's wallet at once: all that
    is required, as much as there is, or `amount_minor`; a part leaves the rest to be paid another way. With `provider`
    "cash", "bank" or "manual", admins and finance record money that came in otherwise, with `amount_minor` and
    `reason`.
    """
    asked = body or NewPayment()
    if asked.provider == WALLET:
        return call.move(lambda tx, who: _from_wallet(tx, who, order_id, asked, call))
    if asked.provider in BY_HAND:
        return _record(order_id, asked, call)
    return check_out(
        asked.provider, call, app, open_page=partial(open_checkout, order_id=order_id), back_to=f"/orders/{order_id}",
        show=lambda tx, who, started: shown.payment(tx, who, started.payment_id, status=201),
    )  # fmt: skip


def _from_wallet(tx: Transaction, who: Principal, order_id: UUID, body: NewPayment, call: Call) -> Answer:
    paid = pay_order(tx, order_id=order_id, amount_minor=body.amount_minor, actor=who.actor, now=call.now)
    tx.flush()
    return shown.payment(tx, who, paid.payment_id, status=201)


def _record(order_id: UUID, body: NewPayment, call: Call) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        if who.actor.is_family:
            raise NotPermitted("Payments by hand are recorded by admins and finance.")
        payment_id, _ = record_manual_payment(
            tx, order_id=order_id, amount_minor=body.amount_minor or 0, reason=body.reason, actor=who.actor,
            now=call.now, provider=body.provider,
        )  # fmt: skip
        tx.flush()
        return shown.payment(tx, who, payment_id, status=201)

    return call.move(verb)


@router.post(
    "/group-orders/{group_order_id}/payments",
    **for_roles(OWNERS_AND_FINANCE, *creates(404, 409, 502), status_code=201, response_model=schemas.GroupPayment),
)  # fmt: skip
def pay_group_order(group_order_id: UUID, call: Called, app: Application, body: NewPayment | None = None) -> Response:
    """Pay all orders of a submitted group order at once, exactly what they require: one page of the provider's, and a
    payment for each order that its word confirms. With `provider` "wallet" all of it is taken from the family's wallet
    at once, or nothing. With `provider` "manual", admins and finance record the whole sum.
    """
    asked = body or NewPayment()
    if asked.provider == WALLET:
        return call.move(lambda tx, who: shown.payments_together(tx, who, pay_group_from_wallet(
            tx, group_order_id=group_order_id, actor=who.actor, now=call.now), status=201))  # fmt: skip
    if asked.provider in BY_HAND:
        return _record_group(group_order_id, asked, call)
    return check_out(
        asked.provider, call, app, open_page=partial(open_group_checkout, group_order_id=group_order_id),
        back_to=f"/group-orders/{group_order_id}",
        show=lambda tx, who, started: shown.checkout(tx, who, started.payment_id, status=201),
    )  # fmt: skip


def _record_group(group_order_id: UUID, body: NewPayment, call: Call) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        if who.actor.is_family:
            raise NotPermitted("Payments by hand are recorded by admins and finance.")
        recorded = record_group_payment(
            tx, group_order_id=group_order_id, amount_minor=body.amount_minor or 0, reason=body.reason,
            actor=who.actor, now=call.now, provider=body.provider,
        )  # fmt: skip
        return shown.payments_together(tx, who, recorded, status=201)

    return call.move(verb)


def check_out(
    provider: str, call: Call, app: State, *, open_page: Callable[..., StartedPayment], back_to: str,
    show: Callable[[Transaction, Principal, StartedPayment], Answer],
) -> Response:  # fmt: skip
    """Three steps, none of which holds a transaction while the provider is asked; each is safe to repeat."""
    who, answered = call.identify()
    if answered is not None:
        return answered
    gateway = app.gateways.get(provider)
    if gateway is None:
        raise _invalid("provider", f"There is no payment provider {provider}.")
    base_url = app.settings.base_url.rstrip("/")
    try:
        started = open_page(
            call.database, call.organisation_id, gateway, actor=who.actor, return_url=f"{base_url}{back_to}",
            webhook_url=f"{base_url}/webhooks/payments/{gateway.name}?organisation={call.organisation_id}",
            now=call.now,
        )  # fmt: skip
    except TermbookError as refusal:
        return call.refuse(who, refusal)
    return call.move(lambda tx, who: show(tx, who, started))


def _invalid(field: str, message: str) -> Invalid:
    return Invalid(message, reasons=[Reason("invalid", message, field=field)])


@router.get("/payments", **for_roles(OWNERS_AND_FINANCE, response_model=Page[schemas.Payment]))
def list_payments(
    call: Called, order_id: UUID | None = None, account_id: UUID | None = None, status: PaymentStatus | None = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Payments, newest first; a family sees its own."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.payments(who)
        found.where("y.order_id = %(order)s", order=order_id)
        found.where("y.account_id = %(account)s", account=account_id)
        found.where("y.status = %(status)s", status=status)
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_payment(who, row))

    return call.read(query)


@router.get("/payments/{payment_id}", **for_roles(OWNERS_AND_FINANCE, 404, response_model=schemas.Payment))
def read_payment(payment_id: UUID, call: Called) -> Response:
    """A payment as it stands with its provider."""
    return call.read(lambda tx, who: shown.payment(tx, who, payment_id))


@router.post(
    "/payments/{payment_id}/reversal", **for_roles(OFFICE, *creates(404, 409), response_model=schemas.Payment)
)  # fmt: skip
def reverse_recorded_payment(payment_id: UUID, body: schemas.PaymentReversal, call: Called) -> Response:
    """A payment that was recorded by hand was wrong: it is taken back by compensating entries. What it settled is owed
    again; a top-up leaves the wallet, as long as that holds it.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        reverse_payment(tx, payment_id=payment_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.payment(tx, who, payment_id)

    return call.move(verb)


@router.get("/payment-reviews", **for_roles(OFFICE, response_model=Page[schemas.PaymentReview]))
def list_payment_reviews(
    call: Called, is_resolved: bool | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Money that was not what was asked, oldest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.reviews()
        found.where("(r.resolved_at IS NOT NULL) = %(is_resolved)s", is_resolved=is_resolved)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post(
    "/payment-reviews/{review_id}/resolution",
    **for_roles(OFFICE, *creates(404, 409), response_model=schemas.PaymentReview),
)  # fmt: skip
def resolve_payment_review(review_id: UUID, body: schemas.ReviewResolution, call: Called) -> Response:
    """Close an entry of finance's list with what was done about it; no money moves by this."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        resolve_review(tx, review_id=review_id, resolution=body.resolution, actor=who.actor, now=call.now)
        return shown.review(tx, review_id)

    return call.move(verb)


async def _raw_body(request: Request) -> bytes:
    return await request.body()


@router.post("/webhooks/payments/{provider}", **for_anyone(403, 404, 422, 503, response_model=schemas.WebhookOutcome))
def hear_provider(
    provider: str, request: Request, app: Application, body: Annotated[bytes, Depends(_raw_body)],
    organisation: Annotated[UUID, Query(description="As it stands in the address that the provider was given.")],
) -> Response:  # fmt: skip
    """What a payment provider tells, signed by it. Applied once, however often and in whatever order it arrives."""
    gateway = app.gateways.get(provider)
    if gateway is None:
        raise NotFound("There is no such payment provider.", what="provider")
    now = app.clock.now()
    event = gateway.verify_webhook(request.headers, body, now=now)
    with app.database.transaction(organisation) as tx:
        if tx.row("SELECT 1 FROM organisation WHERE id = %(org)s") is None:
            raise NotFound("There is no such organisation.", what="organisation")
    if event is None:
        return JSONResponse({"outcome": Outcome.IGNORED.value})
    outcome = deliver_event(app.database, organisation, provider=provider, event=event, now=now)
    return JSONResponse({"outcome": outcome.value})
