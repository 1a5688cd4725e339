"""A server on the loopback that speaks Stripe's HTTP API as its documentation describes it, for what our adapter uses:
form-encoded requests, bearer keys, idempotency keys, its objects, its errors, its signed events.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import stripe

Object = dict[str, Any]
STRIPE_KEY = "sk_test_of_the_tests"
STRIPE_SECRET = "whsec_of_the_tests"


class Problem(Exception):
    """An error as Stripe answers it."""

    def __init__(self, status: int, kind: str, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.body = status, {"error": {"type": kind, "message": message, "code": code}}


@dataclass
class Stripe:
    """What the server has on its books, and the knobs of a bad day."""

    now: datetime
    url: str = ""
    objects: dict[str, Object] = field(default_factory=dict)
    answers: dict[str, tuple[Object, Object]] = field(default_factory=dict)  # by idempotency key: asked, answered
    events: list[Object] = field(default_factory=list)
    hang_before_seconds: float = 0
    hang_after_seconds: float = 0
    refund_status: str = "succeeded"
    refund_failure: str | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)

    def new(self, prefix: str, kind: str, **columns: Any) -> Object:
        made = {"id": f"{prefix}_{len(self.objects) + 1:06d}", "object": kind, "created": int(self.now.timestamp()),
                "livemode": False, **columns}  # fmt: skip
        self.objects[made["id"]] = made
        return made

    def tell(self, kind: str, subject: Object) -> None:
        """An event; its payload is the object as it is at this moment, nothing expanded."""
        self.events.append({
            "id": f"evt_{len(self.events) + 1:06d}", "object": "event", "type": kind, "livemode": False,
            "api_version": "2026-10-28.endive", "created": int(self.now.timestamp()),
            "data": {"object": json.loads(json.dumps(subject))},
        })  # fmt: skip

    def sign(self, event: Object, *, at: datetime | None = None) -> tuple[dict[str, str], bytes]:
        body = json.dumps(event)
        stamp = int((at or self.now).timestamp())
        made = stripe.WebhookSignature.generate_signature_header(body, STRIPE_SECRET, stamp)
        return {"Stripe-Signature": made}, body.encode()

    # What payers and their banks do.

    def complete(self, session_id: str, *, paid: bool = True, amount: int | None = None) -> None:
        """The payer pays on the hosted page; an unpaid session waits for a bank (a delayed method)."""
        session = self.objects[session_id]
        if session["status"] != "open":
            return
        if amount is not None:
            session["amount_total"] = amount
        intent = self._intent_of(session)
        session.update(status="complete", payment_status="paid" if paid else "unpaid", url=None)
        intent.update(status="succeeded" if paid else "processing")
        if paid:
            self._charge(intent, session)
        self.tell("checkout.session.completed", session)

    def settle(self, session_id: str, *, succeeds: bool) -> None:
        session = self.objects[session_id]
        intent = self.objects[session["payment_intent"]]
        if succeeds:
            session["payment_status"] = "paid"
            intent["status"] = "succeeded"
            self._charge(intent, session)
            self.tell("checkout.session.async_payment_succeeded", session)
        else:
            intent.update(status="requires_payment_method", last_payment_error={"code": "bank_declined"})
            self.tell("checkout.session.async_payment_failed", session)

    def decline(self, session_id: str, code: str = "card_declined") -> None:
        """A card is declined; the session stays open for another."""
        intent = self._intent_of(self.objects[session_id])
        intent.update(status="requires_payment_method", last_payment_error={"code": code})
        self.tell("payment_intent.payment_failed", intent)

    def expire(self, session_id: str) -> None:
        session = self.objects[session_id]
        if session["status"] == "open":
            session.update(status="expired", url=None)
            self.tell("checkout.session.expired", session)

    def dispute(self, session_id: str, *, status: str = "needs_response") -> str:
        intent = self.objects[self.objects[session_id]["payment_intent"]]
        charge = self.objects[intent["latest_charge"]]
        made = self.new("dp", "dispute", amount=charge["amount"] - charge["amount_refunded"], charge=charge["id"],
                        currency=charge["currency"], payment_intent=intent["id"], reason="fraudulent", status=status,
                        metadata={})  # fmt: skip
        charge["disputed"] = True
        self.tell("charge.dispute.created", made)
        if status == "needs_response":
            self.tell("charge.dispute.funds_withdrawn", made)
        return str(made["id"])

    def decide(self, dispute_id: str, status: str) -> None:
        self.objects[dispute_id]["status"] = status
        self.tell("charge.dispute.closed", self.objects[dispute_id])
        if status == "won":
            self.tell("charge.dispute.funds_reinstated", self.objects[dispute_id])

    def _intent_of(self, session: Object) -> Object:
        if session["payment_intent"] is None:
            made = self.new("pi", "payment_intent", amount=session["amount_total"], currency=session["currency"],
                            status="requires_payment_method", latest_charge=None, last_payment_error=None,
                            metadata=session["metadata"])  # fmt: skip
            session["payment_intent"] = made["id"]
        return self.objects[session["payment_intent"]]

    def _charge(self, intent: Object, session: Object) -> None:
        charge = self.new("ch", "charge", amount=session["amount_total"], amount_refunded=0, status="succeeded",
                          disputed=False,
                          currency=intent["currency"], payment_intent=intent["id"])  # fmt: skip
        intent.update(latest_charge=charge["id"], last_payment_error=None)

    # The API.

    def answer(self, method: str, path: str, asked: Object, key: str | None) -> Object:
        if method == "POST":
            return self._once(path, asked, key)
        if found := re.fullmatch(r"/v1/(checkout/sessions|refunds)/(\w+)", path):
            prefix = {"checkout/sessions": "cs_test", "refunds": "re"}[found[1]]
            if found[2] not in self.objects or not found[2].startswith(prefix + "_"):
                raise Problem(404, "invalid_request_error", f"No such object: '{found[2]}'", "resource_missing")
            return self._expand(self.objects[found[2]], asked.get("expand", {}))
        if kind := {
            "/v1/checkout/sessions": "checkout.session",
            "/v1/refunds": "refund",
            "/v1/disputes": "dispute",
        }.get(path):
            return self._list(path, kind, asked)
        raise Problem(404, "invalid_request_error", f"Unrecognized request URL ({method}: {path}).")

    def _once(self, path: str, asked: Object, key: str | None) -> Object:
        if key in self.answers:
            before, answered = self.answers[key]
            if before != {"path": path, **asked}:
                raise Problem(400, "idempotency_error", "Keys for idempotent requests can only be used with the same "
                              "parameters they were first used with.")  # fmt: skip
            return answered
        if self.hang_before_seconds:
            time.sleep(self.hang_before_seconds)
            raise Problem(503, "api_error", "Nothing was made.")
        make = {"/v1/checkout/sessions": self._open_session, "/v1/refunds": self._refund}[path]
        answered = json.loads(json.dumps(make(asked)))
        if key:
            self.answers[key] = ({"path": path, **asked}, answered)
        time.sleep(self.hang_after_seconds)
        return answered

    def _open_session(self, asked: Object) -> Object:
        item = asked["line_items"]["0"]
        price = item["price_data"]
        session = self.new(
            "cs_test", "checkout.session", mode=asked["mode"], status="open", payment_status="unpaid",
            amount_total=int(price["unit_amount"]) * int(item["quantity"]), currency=price["currency"],
            client_reference_id=asked.get("client_reference_id"), metadata=asked.get("metadata", {}),
            payment_intent=None, success_url=asked["success_url"], cancel_url=asked["cancel_url"],
        )  # fmt: skip
        session["url"] = f"https://checkout.stripe.test/c/pay/{session['id']}"
        return session

    def _refund(self, asked: Object) -> Object:
        intent = self.objects[asked["payment_intent"]]
        charge = self.objects.get(intent["latest_charge"] or "")
        if charge is None:
            raise Problem(400, "invalid_request_error", "This PaymentIntent does not have a successful charge.")
        amount = int(asked["amount"])
        if amount > charge["amount"] - charge["amount_refunded"]:
            raise Problem(400, "invalid_request_error", "Refund amount is greater than unrefunded amount on charge.")
        refund = self.new("re", "refund", amount=amount, currency=charge["currency"], charge=charge["id"],
                          payment_intent=intent["id"], status=self.refund_status, metadata=asked.get("metadata", {}),
                          failure_reason=self.refund_failure)  # fmt: skip
        if self.refund_status != "failed":
            charge["amount_refunded"] += amount
        self.tell("refund.created", refund)
        return refund

    def _list(self, path: str, kind: str, asked: Object) -> Object:
        rows = [o for o in self.objects.values() if o["object"] == kind][::-1]
        if intent := asked.get("payment_intent"):
            rows = [o for o in rows if o["payment_intent"] == intent]
        if created := asked.get("created"):
            rows = [o for o in rows if int(created["gte"]) <= o["created"] < int(created["lt"])]
        if after := asked.get("starting_after"):
            rows = rows[[o["id"] for o in rows].index(after) + 1 :]
        limit = int(asked.get("limit", 10))
        expand = {n: path.removeprefix("data.") for n, path in asked.get("expand", {}).items()}
        return {"object": "list", "url": path, "has_more": len(rows) > limit,
                "data": [self._expand(row, expand) for row in rows[:limit]]}  # fmt: skip

    def _expand(self, row: Object, paths: Object) -> Object:
        shown = dict(row)
        for path in paths.values():
            where = shown
            for name in path.split("."):
                if not isinstance(where.get(name), str):
                    break
                where[name] = dict(self.objects[where[name]])
                where = where[name]
        return shown


def _nested(text: str) -> Object:
    """`a[b][0]=c` as Stripe reads it."""
    read: Object = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        where = read
        for step, following in zip([first, *rest], rest, strict=False):
            where = where.setdefault(step, {})
            assert following != "", "lists are numbered"
        where[[first, *rest][-1]] = value
    return read


@contextmanager
def running_stripe(now: datetime) -> Iterator[Stripe]:
    books = Stripe(now)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._answer("")

        def do_POST(self) -> None:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

        def _answer(self, body: str) -> None:
            url = urlsplit(self.path)
            try:
                if self.headers.get("Authorization") != f"Bearer {STRIPE_KEY}":
                    raise Problem(401, "invalid_request_error", "Invalid API Key provided: sk_test_****")
                with books.lock:
                    asked = _nested(body or url.query)
                    status, answer = 200, books.answer(
                        self.command, url.path, asked, self.headers.get("Idempotency-Key")
                    )  # fmt: skip
            except Problem as problem:
                status, answer = problem.status, problem.body
            content = json.dumps(answer).encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.send_header("Request-Id", "req_1")
                self.end_headers()
                self.wfile.write(content)
            except BrokenPipeError:
                self.close_connection = True  # whoever asked had no more patience

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    books.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield books
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
