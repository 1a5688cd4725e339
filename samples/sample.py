"""A sample organisation: the real programme of one Toronto community centre, and made-up people of every role.

It lives on a set clock that starts on 2026-03-31 09:00 in Toronto, so that its sessions lie ahead on any real day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.resources import files
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
from argon2 import PasswordHasher
from psycopg.types.json import Jsonb

from catalogue.import_words import in_words
from catalogue.importer import import_programme
from engine.database import Database, Transaction
from engine.ids import new_id, new_reference
from models import Account, AccountAttendee, AccountUser, Attendee, Role, User, UserSite
from samples.show import add_show

CLOCK_START = datetime(2026, 3, 31, 9, 0, tzinfo=ZoneInfo("America/Toronto"))
PASSWORD = "termbook-sample"  # noqa: S105 - printed for everyone who runs the sample

_LETTERHEAD = {
    "address_lines": ["100 Sample Street", "Toronto ON  M5V 0A1", "Canada"],
    "phone": "+1 416 555 0107", "email": "office@centre7.example", "tax_registration": "HST 12345 6789 RT0001",
    "payment_instructions": ["Pay by card in the portal, or by bank transfer quoting the invoice number."],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up login of one role."""

    email: str
    name: str
    role: Role


PEOPLE = (
    Person("admin@centre7.example", "Ada Min", Role.ADMIN),
    Person("finance@centre7.example", "Finn Anse", Role.FINANCE),
    Person("staff@centre7.example", "Stella Roll", Role.STAFF),
    Person("rossi@family.example", "Rosa Rossi", Role.FAMILY),
    Person("chen@family.example", "Bo Chen", Role.FAMILY),
)


@dataclass(frozen=True, slots=True)
class Family:
    """An account with its children."""

    account_id: UUID
    attendee_ids: tuple[UUID, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What was made."""

    organisation_id: UUID
    users: dict[Role, UUID]
    rossi: Family
    chen: Family
    report: str


def make_organisation(owner_url: str, *, slug: str, name: str, now: datetime) -> UUID:
    """Enter a tenant and its organisation, as the owner of the database. Raises UniqueViolation for a slug in use."""
    organisation_id = new_id()
    with psycopg.connect(owner_url) as connection:
        connection.execute("SELECT set_config('app.organisation_id', %s, true)", [str(organisation_id)])
        connection.execute("INSERT INTO tenant (id, slug) VALUES (%s, %s)", [organisation_id, slug])
        connection.execute(
            "INSERT INTO organisation (id, name, legal_name, currency, prices_include_tax, time_zone, locale, "
            "letterhead, created_at) VALUES (%s, %s, %s, 'CAD', true, 'America/Toronto', 'en_CA', %s, %s)",
            [organisation_id, name, f"{name} Community Services", Jsonb(_LETTERHEAD), now],
        )
    return organisation_id


def make_sample(
    owner_url: str, database: Database, *, slug: str, name: str, now: datetime,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:  # fmt: skip
    """Make the organisation, import the centre's programme, and add a seated show and people of every role."""
    organisation_id = make_organisation(owner_url, slug=slug, name=name, now=now)

    def fill(tx: Transaction) -> Sample:
        folder = Path(str(files("samples")))
        report = import_programme(
            tx, source=folder / "toronto_registered_programs_centre7_2026.csv", mapping=folder / "toronto_centre7.toml",
            prices=folder / "toronto_prices.toml", now=now, progress=progress,
        )  # fmt: skip
        tx.session.expire_all()
        add_show(tx, now=now)
        return _people(tx, now, in_words(report))

    return database.run(organisation_id, fill)


def _people(tx: Transaction, now: datetime, report: str) -> Sample:
    hashed = PasswordHasher().hash(PASSWORD)
    users = {}
    for person in PEOPLE:
        user = User(organisation_id=tx.organisation_id, email=person.email, name=person.name, roles=[person.role.value],
                    password_hash=hashed, created_at=now)  # fmt: skip
        tx.session.add(user)
        users[person.email] = user.id
    tx.session.flush()
    for site in tx.rows("SELECT id FROM site WHERE organisation_id = %(org)s"):
        staff = users["staff@centre7.example"]
        tx.session.add(UserSite(organisation_id=tx.organisation_id, site_id=site["id"], user_id=staff))
    rossi = add_family(
        tx, name="Rossi family", email="rossi@family.example", user_id=users["rossi@family.example"], now=now,
        children=(
            Child("Mia Rossi", date(2016, 9, 14), allergies="Peanuts", pick_ups=("Rosa Rossi", "Nonno Rossi")),
            Child("Leo Rossi", date(2021, 2, 3)),
        ),
    )  # fmt: skip
    chen = add_family(
        tx, name="Chen family", email="chen@family.example", user_id=users["chen@family.example"], now=now,
        children=(Child("Lin Chen", date(2017, 6, 30), must_not=("Max Mustermann",)),),
    )  # fmt: skip
    by_role = {person.role: users[person.email] for person in reversed(PEOPLE)}
    return Sample(tx.organisation_id, by_role, rossi, chen, report)


@dataclass(frozen=True, slots=True)
class Child:
    """A made-up attendee."""

    name: str
    born: date
    allergies: str = ""
    pick_ups: tuple[str, ...] = ()
    must_not: tuple[str, ...] = ()


def add_family(
    tx: Transaction, *, name: str, email: str, children: tuple[Child, ...], now: datetime, user_id: UUID | None = None
) -> Family:
    """An account that may owe 500.00 under pay-later, with its children."""
    session, organisation = tx.session, tx.organisation_id
    account = Account(organisation_id=organisation, reference=new_reference("AC"), name=name, email=email,
                      address=["12 Maple Road", "Toronto ON  M4C 1B5"], credit_limit_minor=500_00,
                      created_at=now)  # fmt: skip
    attendees = [
        Attendee(organisation_id=organisation, reference=new_reference("AT"), name=child.name,
                 date_of_birth=child.born, allergy_notes=child.allergies, authorised_pick_ups=list(child.pick_ups),
                 must_not_collect=list(child.must_not), created_at=now)
        for child in children
    ]  # fmt: skip
    session.add_all([account, *attendees])
    session.flush()
    session.add_all(
        AccountAttendee(organisation_id=organisation, account_id=account.id, attendee_id=attendee.id)
        for attendee in attendees
    )
    if user_id is not None:
        session.add(AccountUser(organisation_id=organisation, account_id=account.id, user_id=user_id))
    session.flush()
    return Family(account.id, tuple(attendee.id for attendee in attendees))
