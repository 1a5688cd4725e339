"""Clients that order over HTTP and never give up: the same key again until there is an answer. They write down all."""

import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

import httpx

_PATIENCE_SECONDS = 90.0


class NeverAnswered(Exception):
    """A request was not answered for so long that the service must be taken for lost."""


@dataclass(frozen=True, slots=True)
class Family:
    """An account with its children and the token of its guardian."""

    token: str
    account_id: str
    attendee_ids: Sequence[str]


@dataclass(frozen=True, slots=True)
class Centre:
    """What the clients know: who they are and what can be booked, by offering."""

    admin_token: str
    term_id: str
    families: Sequence[Family]
    offerings: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Ask:
    """A request with the answer that ended it."""

    token: str
    key: str
    method: str
    path: str
    body: dict[str, Any]
    status: int
    answer: dict[str, Any]


@dataclass
class Order:
    """What was acknowledged of an order: the triggers in their order, the last status, what was made."""

    id: str
    triggers: list[str]
    status: str
    confirmation_type: str = ""
    booking_ids: list[str] = field(default_factory=list)
    invoice_ids: list[str] = field(default_factory=list)
    payment_ids: list[str] = field(default_factory=list)


@dataclass
class Journal:
    """All that one client was told."""

    asks: list[Ask] = field(default_factory=list)
    orders: list[Order] = field(default_factory=list)
    broken: int = 0  # connections that broke, or could not be made
    unavailable: Counter[str] = field(default_factory=Counter)  # answers 5xx and in flight, by their code
    faults: list[str] = field(default_factory=list)

    @property
    def retries(self) -> int:
        return self.broken + sum(self.unavailable.values())


class Client:
    """One family's browser and the admin at the desk, in turn; everything it does follows from its seed."""

    def __init__(self, number: int, *, seed: int, base_url: str, centre: Centre, stop: threading.Event) -> None:
        self._chance = Random(f"{seed}-{number}")
        self._prefix = f"crash-{seed}-{number}"
        self._centre, self._family = centre, centre.families[number]
        self._stop = stop
        self._http = httpx.Client(base_url=base_url, timeout=30, trust_env=False)
        self.journal = Journal()

    def run(self) -> None:
        """Order after order until told to stop; a request under way is brought to its end."""
        try:
            with self._http:
                while not self._stop.is_set():
                    self._order()
        except Exception as error:
            self.journal.faults.append(f"{self._prefix}: {error!r}")

    def _order(self) -> None:
        by_admin = self._chance.random() < 0.4
        token = self._centre.admin_token if by_admin else self._family.token
        body = {"attendee_id": self._chance.choice(self._family.attendee_ids), "term_id": self._centre.term_id}
        made = self._ask(token, "POST", "/orders", body | ({"account_id": self._family.account_id} if by_admin else {}))
        if made.status != 201:
            self.journal.faults.append(f"a draft was refused: {made.answer}")
            return
        order = Order(made.answer["id"], ["new"], made.answer["status"])
        self.journal.orders.append(order)
        offering = self._chance.choice(self._centre.offerings)
        wanted = self._chance.sample(list(offering), k=self._chance.randint(1, len(offering)))
        cart = self._move(order, token, "save", "PUT", "lines", {"lines": [{"session_id": one} for one in wanted]})
        if cart is None or self._chance.random() < 0.05:
            return
        how = "ADMIN_CONFIRM" if by_admin else self._chance.choice(("CONFIRM_WITHOUT_PAYMENT", "PAY_NOW_PAY_ALL"))
        wish = {"confirmation_type": how, "price_fingerprint": cart["price_fingerprint"]}
        submitted = self._move(order, token, "submit", "POST", "submission", wish)
        if submitted is None:
            return
        order.confirmation_type = how
        if submitted["status"] == "APPROVED":
            order.triggers.append("confirm")
        elif by_admin:
            self._go_on_as_admin(order, token)
        else:
            self._go_on_unpaid(order, token, submitted["total_minor"])

    def _go_on_as_admin(self, order: Order, token: str) -> None:
        dice = self._chance.random()
        if dice < 0.25:
            if self._move(order, token, "quote", "POST", "quote", {}):
                self._move(order, token, "accept", "POST", "acceptance", {})
        elif dice < 0.4:
            self._move(order, token, "cancel", "POST", "cancellation", {"reason": "asked by telephone"})
            return
        if dice < 0.95:
            self._move(order, token, "confirm", "POST", "confirmation", {"reason": "as agreed"})

    def _go_on_unpaid(self, order: Order, token: str, total_minor: int) -> None:
        """Half are left to their timeout."""
        dice = self._chance.random()
        if dice < 0.2:
            self._move(order, token, "cancel", "POST", "cancellation", {})
        elif dice < 0.3:
            self._move(order, token, "reopen", "POST", "reopening", {})
        elif dice < 0.5:
            self._pay(order, total_minor)

    def _pay(self, order: Order, amount_minor: int) -> None:
        body = {"provider": "manual", "amount_minor": amount_minor, "reason": "cash at the desk"}
        paid = self._ask(self._centre.admin_token, "POST", f"/orders/{order.id}/payments", body)
        if paid.status == 201:
            order.payment_ids.append(paid.answer["id"])
            order.triggers.append("confirm")
            order.status = "APPROVED"

    def _move(
        self, order: Order, token: str, trigger: str, method: str, resource: str, body: dict[str, Any]
    ) -> dict[str, Any] | None:
        """Pull a trigger and note what was acknowledged; None where it was refused."""
        asked = self._ask(token, method, f"/orders/{order.id}/{resource}", body)
        if asked.status != 200:
            return None
        order.triggers.append(trigger)
        order.status = asked.answer["status"]
        if asked.answer.get("booking"):
            order.booking_ids.append(asked.answer["booking"]["id"])
        if asked.answer.get("invoice_id"):
            order.invoice_ids.append(asked.answer["invoice_id"])
        return asked.answer

    def _ask(self, token: str, method: str, path: str, body: dict[str, Any]) -> Ask:
        """Send it with a key of its own, and again with the same key while the answer is lost or 5xx."""
        key = f"{self._prefix}-{len(self.journal.asks)}"
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        until, tried = time.monotonic() + _PATIENCE_SECONDS, 0
        while time.monotonic() < until:
            try:
                response = self._http.request(method, path, json=body, headers=headers)
            except httpx.TransportError:
                self.journal.broken += 1
            else:
                if not self._is_to_be_repeated(response):
                    ask = Ask(token, key, method, path, body, response.status_code, response.json())
                    self.journal.asks.append(ask)
                    return ask
            tried += 1
            time.sleep(self._chance.uniform(0.02, 0.1) * 2 ** min(tried, 3))
        raise NeverAnswered(f"{method} {path} was not answered for {_PATIENCE_SECONDS:.0f} s")

    def _is_to_be_repeated(self, response: httpx.Response) -> bool:
        """Whatever is down may answer 503; anything else of that family is a fault of ours."""
        if response.status_code < 500 and response.status_code != 409:
            return False
        code = response.json()["code"]
        if response.status_code == 409 and code != "in_flight":
            return False
        self.journal.unavailable[code] += 1
        if response.status_code not in (409, 503):
            self.journal.faults.append(f"{response.request.url.path}: {response.text}")
        return True
