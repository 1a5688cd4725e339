"""Riverside Centre: one spring of courses, the Rossi and Chen families, and every verb at hand."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest

from engine.actor import SYSTEM, Actor
from engine.database import Database, Row, Transaction
from engine.errors import Reason
from engine.fire import Refused
from engine.ids import new_id
from engine.timers import sweep
from models import AccountAttendee, ActorKind, Extra, RuleSetting, TermBookingConfirmationType, TermBookingOrderType
from tests import builders as build
from tests.builders import NOW
from workflows import term_booking_order as orders
from workflows.timeouts import handlers

Kind = TermBookingOrderType
How = TermBookingConfirmationType
BOOKING, TRIAL = Kind.BOOKING, Kind.TRIAL_SESSION
PAY_NOW, PAY_LATER, ADMIN_CONFIRM = How.PAY_NOW_PAY_ALL, How.CONFIRM_WITHOUT_PAYMENT, How.ADMIN_CONFIRM

# The first Sunday of the programme, 09:30 in Toronto.
FIRST = datetime(2026, 4, 12, 9, 30)  # noqa: DTZ001 - local
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
MINUTE = timedelta(minutes=1)


def sundays(count: int, *, first: datetime = FIRST) -> list[datetime]:
    """Local starts, a week apart."""
    return [first + WEEK * n for n in range(count)]


@dataclass
class Family:
    """An account with a guardian; children are added by name."""

    centre: "Centre"
    account: Row
    actor: Actor

    @property
    def id(self) -> UUID:
        found: UUID = self.account["id"]
        return found

    def child(self, name: str = "Mia Rossi", **columns: Any) -> Row:
        """A child of nine whose time is free."""
        child: Row = self.centre.edit(build.attendee, self.account, name=name, **columns)
        return child


@dataclass
class Course:
    """An offering with its sessions, and what one asks for with them."""

    offering: Row
    sessions: list[Row]

    @property
    def ids(self) -> list[UUID]:
        return [session["id"] for session in self.sessions]

    def lines(self, *wanted: int, mode: str = "CASUAL", **more: Any) -> list[Row]:
        """Lines for these sessions (all of them, if none is named)."""
        chosen = [self.ids[n] for n in wanted] if wanted else self.ids
        return [{"session_id": session_id, "mode": mode, **more} for session_id in chosen]


@dataclass
class Cart:
    """An order as a test holds it: enough to pull its next trigger."""

    id: UUID
    reference: str
    fingerprint: str = ""
    total_minor: int = 0
    notices: list[str] = field(default_factory=list)


@dataclass
class Centre:
    """The organisation that tests act on; amounts are cents of CAD with tax inside."""

    database: Database
    url: str
    organisation_id: UUID
    site: Row
    term: Row
    admin: Actor = field(default_factory=lambda: Actor(ActorKind.ADMIN, user_id=new_id()))

    # --- the programme ---

    def edit(self, work: Callable[..., Any], *given: Any, **columns: Any) -> Any:
        """A builder in a transaction of its own."""
        with self.database.transaction(self.organisation_id) as tx:
            return work(tx, *given, **columns)

    def program(self, name: str = "Karate", **columns: Any) -> Row:
        """A program with a category of its own."""

        def make(tx: Transaction) -> Row:
            of = build.add(tx, build.ProgramCategory, name=f"{name} {new_id()}", program_type=11)
            return build.program(tx, self.site, name=name, category=of, **columns)

        made: Row = self.edit(make)
        return made

    def course(
        self, *starts: datetime | None, name: str = "Karate", minutes: int = 60, program: Row | None = None,
        term: Row | None = None, session: dict[str, Any] | None = None, rules: dict[str, Any] | None = None,
        **columns: Any,
    ) -> Course:  # fmt: skip
        """A published course of a program of its own, 11.30 a session; one Sunday session unless told otherwise."""
        of = program or self.program(name)

        def make(tx: Transaction) -> Course:
            made = build.offering(tx, term or self.term, of, **{"name": name, **columns})
            return Course(made, build.sessions(tx, made, *(starts or (FIRST,)), minutes=minutes, **(session or {})))

        course: Course = self.edit(make)
        for rule, value in (rules or {}).items():
            self.rule(rule, value, course.offering["id"])
        return course

    def rule(self, name: str, value: Any, scope_id: UUID, scope: str = "TPS") -> None:
        """Set a rule, on an offering unless told otherwise."""
        self.run("DELETE FROM rule_setting WHERE organisation_id = %(org)s AND scope_id = %(id)s AND name = %(name)s",
                 id=scope_id, name=name)  # fmt: skip
        self.edit(build.add, RuleSetting, scope=scope, scope_id=scope_id, name=name, value=value)

    def extra(self, name: str = "Lunch", price_minor: int = 800, **columns: Any) -> UUID:
        made: Row = self.edit(build.add, Extra, name=name, price_minor=price_minor, **columns)
        found: UUID = made["id"]
        return found

    # --- people ---

    def family(self, name: str = "Rossi family", **columns: Any) -> Family:
        """A family that nobody else's test touches."""
        account: Row = self.edit(build.account, name=name, **columns)
        guardian = Actor(ActorKind.FAMILY, user_id=new_id(), account_ids=frozenset({account["id"]}))
        return Family(self, account, guardian)

    def share(self, child: Row, other: Family) -> None:
        """The child belongs to another account too."""
        self.edit(build.add, AccountAttendee, account_id=other.id, attendee_id=child["id"])

    # --- the verbs ---

    def do(self, verb: Callable[..., Any], **known: Any) -> Any:
        """A verb in a unit of work of its own, at NOW unless told otherwise."""
        known.setdefault("now", NOW)
        return self.database.run(self.organisation_id, lambda tx: verb(tx, **known))

    def draft(
        self, by: Family, child: Row, *, term: Row | None = None, order_type: Kind = BOOKING, **known: Any
    ) -> Cart:
        made = self.do(
            orders.new, account_id=by.id, attendee_id=child["id"], term_id=(term or self.term)["id"],
            order_type=order_type, **{"actor": by.actor, **known},
        )  # fmt: skip
        return Cart(made.order.id, made.order.reference)

    def save(self, cart: Cart, lines: list[Row], *, actor: Actor, **known: Any) -> Cart:
        saved = self.do(orders.save, order_id=cart.id, lines=lines, actor=actor, **known)
        cart.fingerprint, cart.total_minor = saved.priced.fingerprint, saved.priced.total_minor
        cart.notices = [reason.code for reason in saved.notices]
        return cart

    def cart(self, by: Family, child: Row, lines: list[Row], **known: Any) -> Cart:
        """A saved cart of a family."""
        actor = known.get("actor", by.actor)
        drafting = {key: known[key] for key in ("term", "order_type") if key in known}
        saving = {key: known[key] for key in ("now",) if key in known}
        return self.save(self.draft(by, child, actor=actor, **drafting), lines, actor=actor, **saving)

    def submit(self, cart: Cart, *, actor: Actor, how: How = PAY_NOW, **known: Any) -> Any:
        known.setdefault("price_fingerprint", cart.fingerprint)
        return self.do(orders.submit, order_id=cart.id, confirmation_type=how, actor=actor, **known)

    def submitted(self, by: Family, child: Row, lines: list[Row], *, how: How = PAY_NOW, **known: Any) -> Cart:
        """An order that holds its places."""
        actor = known.get("actor", self.admin if how is ADMIN_CONFIRM else by.actor)
        cart = self.cart(by, child, lines, **{**known, "actor": actor})
        self.submit(cart, actor=actor, how=how, **({"now": known["now"]} if "now" in known else {}))
        return cart

    def confirmed(self, by: Family, child: Row, lines: list[Row], **known: Any) -> Cart:
        """An enrolment that an admin confirmed."""
        cart = self.submitted(by, child, lines, how=ADMIN_CONFIRM, **known)
        self.pull(orders.confirm, cart, reason="as agreed", **({"now": known["now"]} if "now" in known else {}))
        return cart

    def quoted(self, by: Family, child: Row, lines: list[Row], *, how: How = PAY_NOW, **known: Any) -> Cart:
        cart = self.submitted(by, child, lines, how=how, **known)
        self.pull(orders.quote, cart)
        return cart

    def pull(self, verb: Callable[..., Any], cart: Cart, **known: Any) -> Any:
        """A verb on an order, by an admin unless told otherwise."""
        return self.do(verb, order_id=cart.id, **{"actor": self.admin, **known})

    def sweep(self, now: datetime) -> int:
        return sweep(self.database, now=now, handlers=handlers())

    def refusal(self, attempt: Callable[[], Any]) -> dict[str, Any]:
        """What it is refused for: each reason by its code (the last of a code, where there are several)."""
        return {reason.code: reason for reason in refused(attempt)}

    # --- looking ---

    def rows(self, sql: str, **parameters: Any) -> list[Row]:
        with self.database.transaction(self.organisation_id) as tx:
            return tx.rows(sql, **parameters)

    def run(self, sql: str, **parameters: Any) -> int:
        """Change a row as the application may."""
        with self.database.transaction(self.organisation_id) as tx:
            return tx.run(sql, **parameters)

    def one(self, sql: str, **parameters: Any) -> Row:
        (found,) = self.rows(sql, **parameters)
        return found

    def order(self, cart: Cart) -> Row:
        return self.one("SELECT * FROM term_booking_order WHERE id = %(id)s", id=cart.id)

    def status(self, cart: Cart) -> int:
        status: int = self.order(cart)["status"]
        return status

    def taken(self, course: Course) -> list[int]:
        """The places taken of each session, in order."""
        rows = self.rows("SELECT id, taken FROM term_product WHERE id = ANY(%(ids)s)", ids=course.ids)
        found = {row["id"]: row["taken"] for row in rows}
        return [found[session_id] for session_id in course.ids]

    def claims(self, cart: Cart) -> list[Row]:
        return self.rows("SELECT * FROM place_claim WHERE order_id = %(id)s", id=cart.id)

    def billings(self, cart: Cart) -> list[tuple[int, bool, int]]:
        """Each version of the order: (number along the group, void, total)."""
        rows = self.rows("SELECT version, is_void, total_minor FROM billing WHERE order_id = %(id)s ORDER BY version",
                         id=cart.id)  # fmt: skip
        return [tuple(row.values()) for row in rows]  # type: ignore[misc]

    def timers(self, cart: Cart) -> list[tuple[str, str, datetime]]:
        """Each timer of the order: (kind, status, due), oldest first."""
        rows = self.rows("SELECT kind, status, due_at FROM timer WHERE subject_id = %(id)s ORDER BY id", id=cart.id)
        return [tuple(row.values()) for row in rows]  # type: ignore[misc]

    def history(self, cart: Cart) -> list[tuple[str, int | None, int]]:
        rows = self.rows("SELECT trigger, from_status, to_status FROM status_event WHERE subject_id = %(id)s "
                         "ORDER BY sequence", id=cart.id)  # fmt: skip
        return [tuple(row.values()) for row in rows]  # type: ignore[misc]

    def booking(self, cart: Cart) -> Row:
        return self.one("SELECT * FROM term_booking WHERE order_id = %(id)s", id=cart.id)

    def snapshot(self) -> dict[str, int]:
        """How many rows each table holds, for tests of what is not written."""
        tables = self.rows("SELECT relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
                           "WHERE n.nspname = 'public' AND relkind = 'r' AND relname <> 'alembic_version'")  # fmt: skip
        return {t["name"]: self.one(f'SELECT count(*) AS n FROM "{t["name"]}"')["n"] for t in tables}

    def pay(self, cart: Cart, amount_minor: int, *, status: str = "SUCCESS") -> Row:
        """Money that came in (or moves) for the order, as rows."""
        order = self.order(cart)
        placed = build.Ordered(order, [])
        paid: Row = self.edit(build.payment, placed, amount_minor=amount_minor, status=status)
        return paid


def refused(attempt: Callable[[], Any]) -> list[Any]:
    """The reasons it is refused for."""
    with pytest.raises(Refused) as refusal:
        attempt()
    assert refusal.value.reasons, "a refusal says why"
    return refusal.value.reasons


def codes(attempt: Callable[[], Any]) -> list[str]:
    return sorted(reason.code for reason in refused(attempt))


def refused_cart(centre: Centre, *, now: Any = NOW, how: How = PAY_NOW, **columns: Any) -> list[Reason]:
    """Why a family's cart with one session of a course like this is refused."""
    rossi, karate = centre.family(), centre.course(**columns)
    cart = centre.cart(rossi, rossi.child(), karate.lines())
    return refused(lambda: centre.submit(cart, actor=rossi.actor, how=how, now=now))


def make_centre(database: Database, url: str, *, name: str = "Riverside Centre", **columns: Any) -> Centre:
    with psycopg.connect(url) as owner:
        organisation_id = build.organisation(owner, name=name, **columns)
    with database.transaction(organisation_id) as tx:
        site = build.site(tx)
        return Centre(database, url, organisation_id, site, build.term(tx, site))


__all__ = [
    "ADMIN_CONFIRM", "BOOKING", "DAY", "FIRST", "HOUR", "MINUTE", "NOW", "PAY_LATER", "PAY_NOW", "SYSTEM", "TRIAL",
    "WEEK", "Cart", "Centre", "Course", "Family", "How", "Kind", "codes", "make_centre", "orders", "refused",
    "refused_cart", "sundays",
]  # fmt: skip
