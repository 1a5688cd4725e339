"""What is measured on: eight organisations with their programmes, and any number of saved carts, written in sets.

Nothing here is measured. Every order has a family and an attendee of its own; the sessions are shared.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from api.credentials import hash_of, new_secret, token_text
from billing.pricing import LineToPrice, price
from catalogue.rules import Rule, answer
from engine.ids import new_id, new_reference

NOW = datetime(2026, 3, 31, 13, tzinfo=UTC)
SIZES = (1, 10, 50)
ORGANISATIONS = 8
# Offerings of each size in each organisation; the more, the less the orders wait for the same sessions.
OFFERINGS = {1: 6, 10: 20, 50: 6}
_FIRST_DAY = date(2026, 4, 6)
_PRICE_MINOR = 1500
_CAPACITY = 1_000_000
_TAX = {"name": "HST", "rate_percent": "13"}
_SLOT = (time(13, 30), time(14, 30))  # UTC; a quarter past nothing: 09:30 to 10:30 in Toronto in April
_claim_keys = count(1)

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Offering:
    id: UUID
    session_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Organisation:
    """A tenant with its admin, the admin's bearer token, one term and offerings by their number of sessions."""

    id: UUID
    admin_id: UUID
    token: str
    term_id: UUID
    offerings: dict[int, list[Offering]]


@dataclass(frozen=True, slots=True)
class Cart:
    """A saved order and everything it refers to; `fingerprint` is that of the price that was shown."""

    organisation_id: UUID
    admin_id: UUID
    token: str
    order_id: UUID
    reference: str
    account_id: UUID
    attendee_id: UUID
    attendee_key: int
    term_id: UUID
    offering: Offering
    fingerprint: str


def build_world(owner: psycopg.Connection[Any]) -> list[Organisation]:
    """Write the organisations with their programmes, as the owner of the schema."""
    return [_organisation(owner, number) for number in range(ORGANISATIONS)]


def _organisation(owner: psycopg.Connection[Any], number: int) -> Organisation:
    org, site, category, program, term, admin = (new_id() for _ in range(6))
    secret = new_secret()
    key = {"organisation_id": org}
    _copy(owner, "tenant", [{"id": org, "slug": f"bench-{number}"}])
    _copy(owner, "organisation", [{
        "id": org, "name": f"Centre {number}", "legal_name": "", "currency": "CAD", "prices_include_tax": True,
        "time_zone": "America/Toronto", "locale": "en_CA", "created_at": NOW,
        "letterhead": Jsonb({"address_lines": ["1 Main Street", "Toronto"], "email": "office@example.org"}),
    }])  # fmt: skip
    _copy(owner, "site", [{**key, "id": site, "name": "Centre", "address": "", "time_zone": "America/Toronto",
                           "holiday_country": "", "holiday_subdivision": ""}])  # fmt: skip
    _copy(owner, "term", [{**key, "id": term, "name": "Spring 2026", "site_id": site, "starts_on": date(2026, 4, 1),
                           "ends_on": date(2026, 6, 30), "status": "OPEN"}])  # fmt: skip
    _copy(owner, "program_category", [{**key, "id": category, "name": "Classes", "program_type": 11}])
    _copy(owner, "program", [{**key, "id": program, "category_id": category, "site_id": site, "name": "Karate",
                              "description": ""}])  # fmt: skip
    _copy(owner, "rule_setting", [{**key, "id": new_id(), "scope": "ORGANISATION", "scope_id": org, "name": "tax",
                                   "value": Jsonb(_TAX)}])  # fmt: skip
    _copy(owner, "user", [{**key, "id": admin, "email": "admin@example.org", "name": "Ada Admin", "roles": ["admin"],
                           "is_active": True, "created_at": NOW}])  # fmt: skip
    _copy(owner, "credential", [{
        **key, "id": new_id(), "kind": "TOKEN", "user_id": admin, "secret_hash": hash_of(secret), "label": "bench",
        "created_at": NOW, "expires_at": NOW + timedelta(days=365),
    }])  # fmt: skip
    offerings = {size: [Offering(new_id(), tuple(new_id() for _ in range(size))) for _ in range(OFFERINGS[size])]
                 for size in SIZES}  # fmt: skip
    every = [offering for of_size in offerings.values() for offering in of_size]
    _copy(owner, "term_program_set", [_offering_row(key, o, term, program) for o in every])
    _copy(owner, "term_product", [_session_row(key, o, n) for o in every for n in range(len(o.session_ids))])
    return Organisation(org, admin, token_text(org, secret), term, offerings)


def _offering_row(key: Row, offering: Offering, term: UUID, program: UUID) -> Row:
    return {
        **key, "id": offering.id, "term_id": term, "program_id": program, "name": "Karate Beginner", "code": "K-1",
        "status": "PUBLISHED", "schedule": Jsonb([]), "modes": ["CASUAL"], "session_price_minor": _PRICE_MINOR,
        "capacity": _CAPACITY, "age_from_months": 72, "age_below_months": 144, "display": Jsonb({}),
    }  # fmt: skip


def _session_row(key: Row, offering: Offering, number: int) -> Row:
    """One session a day from the first day on, at the same hour in every offering."""
    day = _FIRST_DAY + timedelta(days=number)
    starts, ends = (datetime.combine(day, at, UTC) for at in _SLOT)
    return {
        **key, "id": offering.session_ids[number], "term_program_set_id": offering.id, "product_type": "SESSION",
        "component": "", "title": "", "status": "OPEN", "starts_at": starts, "ends_at": ends, "local_date": day,
        "local_start": time(9, 30), "local_end": time(10, 30), "price_minor": _PRICE_MINOR, "capacity": _CAPACITY,
        "taken": 0,
    }  # fmt: skip


def make_carts(
    owner: psycopg.Connection[Any], organisations: Sequence[Organisation], *, sessions: int, number: int,
    chance: random.Random,
) -> list[Cart]:  # fmt: skip
    """Write saved orders of that many sessions, each in an organisation and an offering drawn by `chance`."""
    carts = [_cart(chance.choice(organisations), sessions, chance) for _ in range(number)]
    _copy(owner, "account", map(_account_row, carts))
    _copy(owner, "attendee", map(_attendee_row, carts))
    _copy(owner, "account_attendee", map(_link_row, carts))
    _copy(owner, "term_booking_order", map(_order_row, carts))
    _copy(owner, "term_booking_order_line", (row for cart in carts for row in _line_rows(cart)))
    _copy(owner, "status_event", (row for cart in carts for row in _event_rows(cart)))
    return carts


def _cart(org: Organisation, sessions: int, chance: random.Random) -> Cart:
    offering, attendee_id = chance.choice(org.offerings[sessions]), new_id()
    return Cart(
        org.id, org.admin_id, org.token, new_id(), new_reference("TO"), new_id(), attendee_id, next(_claim_keys),
        org.term_id, offering, _fingerprint(offering, attendee_id),
    )  # fmt: skip


def _fingerprint(offering: Offering, attendee_id: UUID) -> str:
    """What saving the cart would have answered."""
    organisation_id = UUID(int=0)
    tax = answer(Rule.TAX, {(organisation_id, str(Rule.TAX)): _TAX}, chain=[organisation_id]).value
    lines = [
        LineToPrice(attendee_id, session_id, "SESSION", "", _PRICE_MINOR, 1, "", tax.name, tax.rate_percent / 100)
        for session_id in offering.session_ids
    ]
    return price(lines, prices_include_tax=True).fingerprint


def _account_row(cart: Cart) -> Row:
    return {
        "organisation_id": cart.organisation_id, "id": cart.account_id, "reference": "AC" + cart.reference[2:],
        "kind": "FAMILY", "name": "Rossi family", "email": "rossi@example.org", "phone": "",
        "address": Jsonb(["2 Side Street", "Toronto"]), "is_staff": False, "created_at": NOW,
    }  # fmt: skip


def _attendee_row(cart: Cart) -> Row:
    return {
        "organisation_id": cart.organisation_id, "id": cart.attendee_id, "reference": "AT" + cart.reference[2:],
        "name": "Mia Rossi", "date_of_birth": date(2018, 5, 1), "medical_notes": "", "allergy_notes": "",
        "authorised_pick_ups": Jsonb([]), "must_not_collect": Jsonb([]), "claim_key": cart.attendee_key,
        "created_at": NOW,
    }  # fmt: skip


def _link_row(cart: Cart) -> Row:
    return {"organisation_id": cart.organisation_id, "id": new_id(), "account_id": cart.account_id,
            "attendee_id": cart.attendee_id}  # fmt: skip


def _order_row(cart: Cart) -> Row:
    return {
        "organisation_id": cart.organisation_id, "id": cart.order_id, "reference": cart.reference,
        "account_id": cart.account_id, "attendee_id": cart.attendee_id, "term_id": cart.term_id, "order_type": 0,
        "status": 200, "version": 2, "made_by": "ADMIN", "total_minor": _PRICE_MINOR * len(cart.offering.session_ids),
        "price_fingerprint": cart.fingerprint, "note": "", "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip


def _line_rows(cart: Cart) -> Iterable[Row]:
    for position, session_id in enumerate(cart.offering.session_ids):
        yield {
            "organisation_id": cart.organisation_id, "id": new_id(), "order_id": cart.order_id,
            "term_product_id": session_id, "term_program_set_id": cart.offering.id, "kind": "SESSION",
            "mode": "CASUAL", "price_minor": _PRICE_MINOR, "position": position,
        }  # fmt: skip


def _event_rows(cart: Cart) -> Iterable[Row]:
    for sequence, (trigger, source, target) in enumerate((("new", None, 100), ("save", 100, 200)), 1):
        yield {
            "organisation_id": cart.organisation_id, "id": new_id(), "chart": "term_booking_order",
            "subject_id": cart.order_id, "sequence": sequence, "trigger": trigger, "from_status": source,
            "to_status": target, "actor_kind": "ADMIN", "actor_id": cart.admin_id, "reason": "",
            "changes": Jsonb({}), "at": NOW,
        }  # fmt: skip


def _copy(owner: psycopg.Connection[Any], table: str, rows: Iterable[Row]) -> None:
    """Write rows of the same columns in one COPY, past row level security: the owner is a superuser."""
    rows = list(rows)
    columns = list(rows[0])
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with owner.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([row[column] for column in columns])
