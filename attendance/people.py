"""Who may collect an attendee, and who must not: a name is compared as people compare it."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound, Reason
from engine.ids import new_id


class PersonRefused(Conflict):
    """This person cannot be authorised."""

    code = "person_refused"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may collect. `person_id` is missing of a name without more, and of a guardian."""

    person_id: UUID | None
    name: str
    relationship: str
    phone: str
    has_pin: bool


def name_key(name: str) -> str:
    """A name as people compare it: no difference of case, of spaces or of how an accent is typed."""
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())


# Everybody of the attendee `t` who may collect, as JSON: the records first, they know most.
PEOPLE = """(
    SELECT coalesce(json_agg(x ORDER BY x.place, x.name), '[]') FROM (
        SELECT 1 AS place, h.id AS person_id, h.name, h.relationship, h.phone, h.pin_hash IS NOT NULL AS has_pin
        FROM authorised_person h
        WHERE h.organisation_id = t.organisation_id AND h.attendee_id = t.id AND h.removed_at IS NULL
        UNION ALL SELECT 2, NULL, n.name, '', '', false FROM jsonb_array_elements_text(t.authorised_pick_ups) AS n(name)
        UNION ALL SELECT DISTINCT 3, NULL::uuid, u.name, 'guardian', '', false FROM account_attendee k
        JOIN account_user y ON y.organisation_id = k.organisation_id AND y.account_id = k.account_id
        JOIN "user" u ON u.organisation_id = y.organisation_id AND u.id = y.user_id AND u.is_active
        WHERE k.organisation_id = t.organisation_id AND k.attendee_id = t.id
    ) x
)"""


def who_may_collect(people: Iterable[Row], must_not: Sequence[str]) -> list[Person]:
    """Of the JSON of `PEOPLE`: each name once, and nobody who must not collect."""
    seen = {name_key(name) for name in must_not}
    found = []
    for row in people:
        key = name_key(row["name"])
        if key not in seen:
            seen.add(key)
            person_id = UUID(row["person_id"]) if row["person_id"] else None
            found.append(Person(person_id, row["name"], row["relationship"], row["phone"], row["has_pin"]))
    return found


def has_list(people: Iterable[Row]) -> bool:
    """Whether somebody was authorised by name: then nobody else collects, but the guardians."""
    return any(row["place"] < 3 for row in people)


_ATTENDEE = "SELECT id, name, must_not_collect FROM attendee WHERE organisation_id = %(org)s AND id = %(id)s"
_COLUMNS = "id, attendee_id, name, relationship, phone, pin_hash IS NOT NULL AS has_pin, created_at"


def add_person(
    tx: Transaction, *, attendee_id: UUID, name: str, relationship: str, phone: str, pin_hash: str | None, now: datetime
) -> Row:
    """Authorise a person. Raises NotFound, PersonRefused (must not collect, or is authorised already)."""
    attendee = tx.row(f"{_ATTENDEE} FOR NO KEY UPDATE", id=attendee_id)
    if attendee is None:
        raise NotFound("There is no such attendee.", what="attendee")
    _refuse_who_must_not(attendee, name)
    known = tx.row("SELECT 1 FROM authorised_person WHERE organisation_id = %(org)s AND attendee_id = %(id)s "
                   "AND name_key = %(key)s AND removed_at IS NULL", id=attendee_id, key=name_key(name))  # fmt: skip
    if known is not None:
        message = f"{name} is authorised already; change that record."
        raise PersonRefused(message, reasons=[Reason("already_authorised", message, field="name")])
    made = tx.row(
        f"""INSERT INTO authorised_person (organisation_id, id, attendee_id, name, name_key, relationship, phone,
                                           pin_hash, created_at)
            VALUES (%(org)s, %(id)s, %(attendee_id)s, %(name)s, %(key)s, %(relationship)s, %(phone)s, %(pin_hash)s,
                    %(now)s) RETURNING {_COLUMNS}""",
        id=new_id(), attendee_id=attendee_id, name=name, key=name_key(name), relationship=relationship, phone=phone,
        pin_hash=pin_hash, now=now,
    )  # fmt: skip
    assert made is not None
    return made


def change_person(tx: Transaction, *, person_id: UUID, changes: dict[str, Any]) -> Row:
    """Change relationship, phone or PIN; another name is another person. Raises NotFound."""
    columns = {name: changes[name] for name in ("relationship", "phone", "pin_hash") if name in changes}
    assignments = ", ".join(f"{name} = %({name})s" for name in columns) or "phone = phone"
    row = tx.row(f"UPDATE authorised_person SET {assignments} WHERE organisation_id = %(org)s AND id = %(id)s "
                 f"AND removed_at IS NULL RETURNING {_COLUMNS}", id=person_id, **columns)  # fmt: skip
    if row is None:
        raise NotFound("There is no such authorised person.", what="authorised person")
    return row


def remove_person(tx: Transaction, *, person_id: UUID, now: datetime) -> None:
    """From now on this person does not collect any more. Raises NotFound."""
    if not tx.run("UPDATE authorised_person SET removed_at = %(now)s, pin_hash = NULL WHERE organisation_id = %(org)s "
                  "AND id = %(id)s AND removed_at IS NULL", id=person_id, now=now):  # fmt: skip
        raise NotFound("There is no such authorised person.", what="authorised person")


def people_of(tx: Transaction, attendee_id: UUID) -> list[Row]:
    """The authorised people of an attendee, by name."""
    return tx.rows(f"SELECT {_COLUMNS} FROM authorised_person WHERE organisation_id = %(org)s "
                   "AND attendee_id = %(id)s AND removed_at IS NULL ORDER BY name, id", id=attendee_id)  # fmt: skip


def _refuse_who_must_not(attendee: Row, name: str) -> None:
    if name_key(name) in {name_key(barred) for barred in attendee["must_not_collect"]}:
        message = f"{name} must not collect {attendee['name']}."
        raise PersonRefused(message, reasons=[Reason("must_not_collect", message, field="name")])
