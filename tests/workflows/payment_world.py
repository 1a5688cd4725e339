"""A centre with one course, and families who order and pay in it: what the tests of payments act on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

from billing.gateways.protocol import GatewayEvent
from engine.actor import Actor
from engine.check import Breach, check
from engine.database import Database, Row
from models import ActorKind, PaymentStatus, TermBookingConfirmationType, TermBookingOrderType
from tests import builders as build
from tests.builders import NOW
from workflows import payment_events, payments, term_booking, term_booking_order
from workflows.payment_events import Outcome
from workflows.payments import StartedPayment

# A provider of which only its events are told; no process stands behind it.
PROVIDER = "postbank"
PAY_NOW = TermBookingConfirmationType.PAY_NOW_PAY_ALL
EDGES = {chart.name: chart.edges() for chart in (term_booking_order.CHART, term_booking.CHART)}


@dataclass(frozen=True)
class Placed:
    """A submitted order of a family of its own."""

    id: UUID
    account_id: UUID
    total_minor: int
    family: Actor


@dataclass(frozen=True)
class PayWorld:
    """The centre; each order it places is of another family. Amounts are cents, tax is inside."""

    database: Database
    url: str
    organisation_id: UUID
    term_id: UUID
    session_ids: Sequence[UUID]
    admin: Actor

    def place(self, *, confirmation_type: TermBookingConfirmationType = PAY_NOW, now: datetime = NOW) -> Placed:
        """A family puts both sessions into its cart and submits: 22.60."""
        account_id, attendee_id = self._family()
        family = Actor(ActorKind.FAMILY, user_id=uuid4(), account_ids=frozenset({account_id}))
        by = family if confirmation_type is PAY_NOW else self.admin
        made = self.run(
            term_booking_order.new, actor=self.admin, account_id=account_id, attendee_id=attendee_id,
            term_id=self.term_id, order_type=TermBookingOrderType.BOOKING, now=now,
        )  # fmt: skip
        order_id = made.order.id
        self.submit(order_id, self.session_ids, by=by, confirmation_type=confirmation_type, now=now)
        return Placed(order_id, account_id, self.order(order_id)["total_minor"], family)

    def submit(
        self, order_id: UUID, sessions: Sequence[UUID], *, by: Actor, now: datetime,
        confirmation_type: TermBookingConfirmationType = PAY_NOW,
    ) -> None:  # fmt: skip
        lines = [{"session_id": session_id} for session_id in sessions]
        saved = self.run(term_booking_order.save, order_id=order_id, lines=lines, actor=by, now=now)
        assert saved.priced is not None
        self.run(
            term_booking_order.submit, order_id=order_id, confirmation_type=confirmation_type,
            price_fingerprint=saved.priced.fingerprint, actor=by, now=now,
        )  # fmt: skip

    def _family(self) -> tuple[UUID, UUID]:
        with self.database.transaction(self.organisation_id) as tx:
            account = build.account(tx)
            return account["id"], build.attendee(tx, account)["id"]

    def run(self, verb: Any, **facts: Any) -> Any:
        """A verb in a transaction of its own."""
        return self.database.run(self.organisation_id, lambda tx: verb(tx, **facts))

    # --- paying ---

    def start(self, placed: Placed, *, now: datetime = NOW) -> StartedPayment:
        """The family asks to pay, and the provider's page is attached."""
        started: StartedPayment = self.run(
            payments.start_payment, order_id=placed.id, provider=PROVIDER, actor=placed.family, now=now
        )
        external_id = f"ext_{started.payment_id}"
        self.run(payments.attach_checkout, payment_id=started.payment_id, external_id=external_id,
                 checkout_url="https://pay.example/1", now=now)  # fmt: skip
        return started

    def tell(
        self, started: StartedPayment, status: PaymentStatus, *, event_id: str = "", now: datetime = NOW, **told: Any
    ) -> Outcome:
        """The provider tells how the payment stands."""
        event = event_of(started, status, event_id=event_id or str(uuid4()), **told)
        return self.deliver(event, now=now)

    def deliver(self, event: GatewayEvent, *, now: datetime = NOW) -> Outcome:
        return payment_events.deliver_event(
            self.database, self.organisation_id, provider=PROVIDER, event=event, now=now
        )

    # --- looking ---

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        with self.database.transaction(self.organisation_id) as tx:
            return tx.rows(sql, **parameters)

    def order(self, order_id: UUID) -> Row:
        return self.rows("SELECT * FROM term_booking_order WHERE id = %(id)s", id=order_id)[0]

    def status(self, placed: Placed) -> int:
        status: int = self.order(placed.id)["status"]
        return status

    def payment(self, payment_id: UUID) -> Row:
        return self.rows("SELECT * FROM payment WHERE id = %(id)s", id=payment_id)[0]

    def booking(self, placed: Placed) -> Row:
        return self.rows("SELECT * FROM term_booking WHERE order_id = %(id)s", id=placed.id)[0]

    def balance(self, placed: Placed, *ledger_accounts: str) -> int:
        """What the family has in accounts of the books; a credit is positive here. Unless told otherwise, its credit:
        what waits beside an order in flight, and what is in its wallet.
        """
        sql = (
            "SELECT coalesce(-sum(amount_minor), 0)::bigint AS credit_minor FROM ledger_posting "
            "WHERE account_id = %(id)s AND ledger_account = ANY(%(asked)s)"
        )
        asked = list(ledger_accounts) or ["CUSTOMER_CREDIT", "WALLET"]
        credit: int = self.rows(sql, id=placed.account_id, asked=asked)[0]["credit_minor"]
        return credit

    def topics(self, placed: Placed) -> list[str]:
        """What the outbox tells about the order's payments, sorted."""
        sql = (
            "SELECT topic FROM outbox_message WHERE payload->>'payment_id' IN "
            "(SELECT id::text FROM payment WHERE order_id = %(id)s) ORDER BY topic"
        )
        return [row["topic"] for row in self.rows(sql, id=placed.id)]

    def reviews(self, placed: Placed) -> list[Row]:
        sql = "SELECT r.* FROM payment_review r JOIN payment p ON p.id = r.payment_id WHERE p.order_id = %(id)s"
        return self.rows(sql + " ORDER BY r.created_at", id=placed.id)

    def armed(self, placed: Placed) -> int:
        return len(self.rows("SELECT id FROM timer WHERE subject_id = %(id)s AND status = 'ARMED'", id=placed.id))

    def breaches(self) -> list[Breach]:
        return check(self.database, edges=EDGES)

    def own_breaches(self) -> list[Breach]:
        """The same of this centre alone: where each test has a centre of its own, each is looked at once."""
        return check(self.database, edges=EDGES, organisation_id=self.organisation_id)

    def final(self, placed: Placed, started: StartedPayment) -> tuple[Any, ...]:
        """Everything that must not depend on how events arrive."""
        order, paid = self.order(placed.id), self.payment(started.payment_id)
        bookings = self.rows("SELECT status, payment_state FROM term_booking WHERE order_id = %(id)s", id=placed.id)
        ledger = self.rows(
            "SELECT e.source_kind, e.purpose, count(DISTINCT e.id) AS entries FROM ledger_entry e "
            "JOIN ledger_posting p ON p.entry_id = e.id WHERE p.account_id = %(id)s GROUP BY 1, 2 ORDER BY 1, 2",
            id=placed.account_id,
        )
        return (
            order["status"], order["version"], paid["status"], paid["amount_minor"], paid["failure_reason"],
            [tuple(row.values()) for row in bookings], [tuple(row.values()) for row in ledger], self.balance(placed),
            [review["kind"] for review in self.reviews(placed)], self.armed(placed),
        )  # fmt: skip


def event_of(started: StartedPayment, status: PaymentStatus, *, event_id: str, **told: Any) -> GatewayEvent:
    """What the provider would tell of the payment, unless told otherwise: the amount that was asked."""
    default = {
        "type": f"payment.{status.value.lower()}", "external_id": f"ext_{started.payment_id}",
        "amount_minor": started.amount_minor, "currency": started.currency, "at": NOW, "key": started.key,
        "failure_reason": "card_declined" if status is PaymentStatus.FAILED else None,
    }  # fmt: skip
    return GatewayEvent(event_id=event_id, status=status, **{**default, **told})


def make_world(database: Database, url: str, *, name: str = "Riverside Centre") -> PayWorld:
    """Karate on two Saturdays, 11.30 each, for as many as like."""
    with psycopg.connect(url) as owner:
        organisation_id = build.organisation(owner, name=name)
    with database.transaction(organisation_id) as tx:
        site = build.site(tx)
        term = build.term(tx, site)
        karate = build.offering(tx, term, build.program(tx, site), capacity=5000)
        starts = [datetime(2026, 4, 11, 10) + timedelta(weeks=week) for week in range(2)]  # noqa: DTZ001 - local
        sessions = build.sessions(tx, karate, *starts)
    admin = Actor(ActorKind.ADMIN, user_id=uuid4())
    return PayWorld(database, url, organisation_id, term["id"], [s["id"] for s in sessions], admin)
