"""The sandbox: a payment provider in a process and with a store of its own, so that reconciliation has two truths.

It has an API for merchants, a hosted page for payers, signed webhooks, and knobs that make it misbehave. Start it with
`uvicorn billing.gateways.sandbox_service:create_service --factory`. It moves no real money: for samples and tests.
"""

import hmac
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from html import escape
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Form, Header, HTTPException, Query
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from billing.gateways.sandbox_delivery import Deliverer
from billing.gateways.sandbox_events import Behaviour, Row
from billing.gateways.sandbox_refunds import KeyUsedOtherwise, NotRefundable, shown_refund
from billing.gateways.sandbox_store import Store
from engine.clock import Clock
from engine.money import format_money
from engine.settings import default_data_directory, make_clock, settings

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sandbox payment</title><style>
body {{ font: 1.05rem/1.5 system-ui, sans-serif; color-scheme: light dark; max-width: 26rem; margin: 0 auto;
 padding: 1.5rem; }}
button {{ display: block; width: 100%; margin: .6rem 0; padding: .8rem; font: inherit; border-radius: .5rem; }}
strong {{ font-size: 1.6rem; }}
</style></head>
<body><main><h1>Sandbox payment</h1><p>{description}</p><p><strong>{amount}</strong></p>{form}</main></body></html>
"""
_FORM = """<form method="post">
<button name="action" value="pay">Pay</button>
<button name="action" value="challenge">Pay, with a question of your bank</button>
<button name="action" value="decline">Decline</button>
<button name="action" value="abandon">Abandon</button></form>
<p>No real money moves here.</p>"""

_CHALLENGE = """<form method="post"><p>Your bank asks: is it you who pays?</p>
<button name="answer" value="yes">Yes</button>
<button name="answer" value="no">No</button></form>"""

_SAID = {"open": "is not decided yet", "challenged": "waits for your bank", "succeeded": "was made already",
         "failed": "was not made"}  # fmt: skip


class NewCheckout(BaseModel):
    """What a merchant asks for."""

    model_config = ConfigDict(extra="forbid")

    amount_minor: int = Field(gt=0, le=10**12)
    currency: str = Field(pattern="^[A-Z]{3}$")
    description: str = Field(max_length=500)
    client_reference: str | None = Field(default=None, max_length=200)
    merchant: str = Field(default="", max_length=200)
    return_url: AnyHttpUrl
    webhook_url: AnyHttpUrl | None = None


class NewRefund(BaseModel):
    """What a merchant gives back of a captured checkout."""

    model_config = ConfigDict(extra="forbid")

    checkout_id: str = Field(max_length=200)
    amount_minor: int = Field(gt=0, le=10**12)
    currency: str = Field(pattern="^[A-Z]{3}$")


class NewDispute(BaseModel):
    """What a payer says to their bank; without an amount it is about all of it."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(default="fraudulent", max_length=200)
    amount_minor: int | None = Field(default=None, gt=0)


class SandboxSettings(BaseSettings):
    """What the sandbox's process may be told; every name is read with the prefix `TERMBOOK_SANDBOX_`."""

    model_config = SettingsConfigDict(env_prefix="TERMBOOK_SANDBOX_", extra="ignore", validate_default=True)

    store: Path = Field(default_factory=lambda: default_data_directory() / "sandbox.sqlite3")
    api_key: str = Field(default="", min_length=16)
    secret: str = Field(default="", min_length=24)  # signs webhooks; base64, with or without "whsec_"
    public_url: str = "http://127.0.0.1:8001"


def create_service() -> FastAPI:
    """The sandbox as its environment describes it, on the installation's clock."""
    told = SandboxSettings()
    return build_service(
        store=Store(told.store), clock=make_clock(settings()), api_key=told.api_key, secret=told.secret,
        public_url=told.public_url,
    )  # fmt: skip


def build_service(*, store: Store, clock: Clock, api_key: str, secret: str, public_url: str) -> FastAPI:
    """The sandbox over a store and a clock. `public_url` is where payers reach its pages."""
    deliverer = Deliverer(store, clock, secret=secret)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        deliverer.start()
        yield
        deliverer.stop()

    async def is_merchant(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization.encode(), f"Bearer {api_key}".encode()):
            raise HTTPException(401, "The merchant's key is not accepted.")

    app = FastAPI(title="Sandbox payment gateway", lifespan=lifespan)
    _add_merchant_api(app, store, clock, public_url.rstrip("/"), is_merchant)
    _add_hosted_page(app, store, clock)
    _add_knobs(app, store, clock, is_merchant)
    return app


def _add_merchant_api(
    app: FastAPI, store: Store, clock: Clock, public_url: str, is_merchant: Callable[..., Any]
) -> None:
    def as_told(checkout: Row) -> Row:
        shown = ("id", "status", "amount_minor", "currency", "failure_reason", "client_reference")
        return {name: checkout[name] for name in shown} | {"url": f"{public_url}/checkout/{checkout['id']}"}

    @app.post("/v1/checkouts", dependencies=[Depends(is_merchant)])
    def open_checkout(
        wanted: NewCheckout, idempotency_key: Annotated[str, Header(min_length=1, max_length=200)]
    ) -> Row:
        with _misbehaving(store):
            checkout = store.open_checkout(idempotency_key, wanted.model_dump(mode="json"), now=clock.now())
        return as_told(checkout)

    @app.get("/v1/checkouts/{checkout_id}", dependencies=[Depends(is_merchant)])
    def read_checkout(checkout_id: str) -> Row:
        return as_told(_found(store, checkout_id))

    @app.get("/v1/checkouts", dependencies=[Depends(is_merchant)])
    def list_checkouts(
        since: float, until: float, merchant: str = "", after: str = "",
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> list[Row]:  # fmt: skip
        """Moments are seconds since the epoch; `after` is the last id of the page before."""
        found = store.list_checkouts(merchant=merchant, since=since, until=until, after=after, limit=limit)
        listed = ("created_at", "refunded_minor", "disputed_minor")
        return [as_told(row) | {name: row[name] for name in listed} for row in found]

    @app.post("/v1/refunds", dependencies=[Depends(is_merchant)])
    def open_refund(wanted: NewRefund, idempotency_key: Annotated[str, Header(min_length=1, max_length=200)]) -> Row:
        with _misbehaving(store):
            return shown_refund(store.open_refund(idempotency_key, wanted.model_dump(), now=clock.now()))

    @app.get("/v1/refunds", dependencies=[Depends(is_merchant)])
    def list_refunds(checkout_id: str) -> list[Row]:
        return [shown_refund(refund) for refund in store.refunds(checkout_id)]

    @app.get("/v1/refunds/{refund_id}", dependencies=[Depends(is_merchant)])
    def read_refund(refund_id: str) -> Row:
        refund = store.refund(refund_id)
        if refund is None:
            raise HTTPException(404, "There is no such refund.")
        return shown_refund(refund)


@contextmanager
def _misbehaving(store: Store) -> Iterator[None]:
    """Make what is asked for, once for its key; knobs keep it from being made, or from being answered, in time."""
    behaviour = store.behaviour()
    if behaviour.hang_before_seconds:
        time.sleep(behaviour.hang_before_seconds)
        raise HTTPException(503, "Nothing was made.")
    try:
        yield
    except KeyUsedOtherwise as error:
        raise HTTPException(409, "This key belongs to a request with another content.") from error
    except NotRefundable as error:
        raise HTTPException(422, str(error)) from error
    time.sleep(behaviour.hang_after_seconds)


def _add_hosted_page(app: FastAPI, store: Store, clock: Clock) -> None:
    @app.get("/checkout/{checkout_id}", response_class=HTMLResponse)
    def show(checkout_id: str) -> str:
        checkout = _found(store, checkout_id)
        return _page(checkout, _FORM if checkout["status"] == "open" else None)

    @app.post("/checkout/{checkout_id}")
    def decide(
        checkout_id: str, action: Annotated[Literal["pay", "challenge", "decline", "abandon"], Form()]
    ) -> Response:
        checkout = _found(store, checkout_id)
        if action == "challenge" or (action == "pay" and store.behaviour().challenge):
            store.challenge(checkout_id)
            return RedirectResponse(f"/checkout/{checkout_id}/challenge", status_code=303)
        if action == "pay":
            store.pay(checkout_id, now=clock.now())
        else:
            reason = "card_declined" if action == "decline" else "abandoned"
            store.refuse(checkout_id, reason, now=clock.now())
        return RedirectResponse(checkout["return_url"], status_code=303)

    @app.get("/checkout/{checkout_id}/challenge", response_class=HTMLResponse)
    def show_challenge(checkout_id: str) -> str:
        checkout = _found(store, checkout_id)
        return _page(checkout, _CHALLENGE if checkout["status"] == "challenged" else None)

    @app.post("/checkout/{checkout_id}/challenge")
    def answer_challenge(checkout_id: str, answer: Annotated[Literal["yes", "no"], Form()]) -> Response:
        checkout = _found(store, checkout_id)
        if answer == "yes":
            store.pay(checkout_id, now=clock.now(), source="challenged")
        else:
            store.refuse(checkout_id, "authentication_failed", now=clock.now(), source="challenged")
        return RedirectResponse(checkout["return_url"], status_code=303)


def _page(checkout: Row, form: str | None) -> str:
    return _PAGE.format(
        description=escape(checkout["description"]),
        amount=escape(format_money(checkout["amount_minor"], checkout["currency"], "en")),
        form=form
        or f"<p>This payment {_SAID[checkout['status']]}.</p>"
        f'<p><a href="{escape(checkout["return_url"])}">Back to where it is for</a></p>',
    )


def _add_knobs(app: FastAPI, store: Store, clock: Clock, is_merchant: Callable[..., Any]) -> None:
    @app.put("/test/behaviour", dependencies=[Depends(is_merchant)])
    def behave(wanted: Behaviour) -> Behaviour:
        store.behave(wanted)
        return wanted

    @app.post("/test/checkouts/{checkout_id}/disputes", status_code=201, dependencies=[Depends(is_merchant)])
    def dispute(checkout_id: str, wanted: NewDispute) -> Row:
        try:
            return store.dispute(checkout_id, **wanted.model_dump(), now=clock.now())
        except NotRefundable as error:
            raise HTTPException(422, str(error)) from error

    @app.post("/test/disputes/{dispute_id}/{outcome}", status_code=204, dependencies=[Depends(is_merchant)])
    def decide(dispute_id: str, outcome: Literal["won", "lost"]) -> None:
        if not store.decide(dispute_id, outcome, now=clock.now()):
            raise HTTPException(404, "There is no such open dispute.")

    @app.get("/test/deliveries", dependencies=[Depends(is_merchant)])
    def deliveries() -> list[Row]:
        return store.deliveries()

    @app.post("/test/events/{event_id}/deliveries", status_code=202, dependencies=[Depends(is_merchant)])
    def deliver_again(event_id: str) -> None:
        if not store.deliver_again(event_id, now=clock.now()):
            raise HTTPException(404, "There is no such event.")


def _found(store: Store, checkout_id: str) -> Row:
    checkout = store.checkout(checkout_id)
    if checkout is None:
        raise HTTPException(404, "There is no such checkout.")
    return checkout
