"""Accounts, attendees and users as they are shown."""

import re
from uuid import UUID

from api.moves import Answer, Principal, etag
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction

_ACCOUNTS = """
SELECT {keys}, a.id, a.reference, a.kind, a.name, a.email, a.phone, a.address, a.credit_limit_minor, a.is_staff,
       a.language, a.created_at
FROM account a WHERE a.organisation_id = %(org)s{where}
"""


def accounts(principal: Principal, *, named: str = "") -> Listing:
    """Accounts that the caller may see, oldest first; those that a search finds in the order of what was found."""
    found = _found(_ACCOUNTS, "account", "a", named)
    own_accounts(found, principal, "a.id")
    return found


# Read in the order of an index, so that the first page of very many is as quick as that of a few. Who is found by
# several words stands where the first of them does.
_NAMED = """{alias}.id = s.{table}_id AND s.{table}_id IS NOT NULL AND folded(%(q)s) <> ''
    AND s.words >= folded(%(q)s) COLLATE "C" AND s.words < (folded(%(q)s) || chr(1114111)) COLLATE "C"
    AND NOT EXISTS (
        SELECT FROM search_text e WHERE e.organisation_id = s.organisation_id AND e.{table}_id = s.{table}_id
        AND e.words >= folded(%(q)s) COLLATE "C" AND e.words < s.words)"""
_REFERENCE = re.compile(r"(AC|AT)-[0-9A-Z]{4,20}")


def _found(sql: str, table: str, alias: str, text: str) -> Listing:
    """All, or those of whom a word of a name, a number or an address begins like this, or that have this reference."""
    if not text:
        return Listing(sql, [(f"{alias}.id", "uuid")])
    if _REFERENCE.fullmatch(text.upper()):
        found = Listing(sql, [(f"{alias}.id", "uuid")])
        found.where(f"{alias}.reference = %(reference)s", reference=text.upper())
        return found
    joined = f"FROM search_text s JOIN {table} {alias} ON {alias}.organisation_id = s.organisation_id"
    found = Listing(sql.replace(f"FROM {table} {alias}", joined), [("s.words", "text"), (f"s.{table}_id", "uuid")])
    found.where(_NAMED.format(table=table, alias=alias), q=text)
    return found


_ACCOUNT_MORE = """
SELECT
    (SELECT json_agg(json_build_object('id', t.id, 'reference', t.reference, 'name', t.name,
                     'date_of_birth', t.date_of_birth) ORDER BY t.name, t.id)
     FROM account_attendee x JOIN attendee t ON t.organisation_id = x.organisation_id AND t.id = x.attendee_id
     WHERE x.organisation_id = %(org)s AND x.account_id = %(id)s) AS attendees,
    (SELECT json_agg(json_build_object('user_id', u.id, 'name', u.name, 'email', u.email) ORDER BY u.name, u.id)
     FROM account_user x JOIN "user" u ON u.organisation_id = x.organisation_id AND u.id = x.user_id
     WHERE x.organisation_id = %(org)s AND x.account_id = %(id)s) AS guardians,
    (SELECT coalesce(sum(p.amount_minor), 0)::bigint FROM ledger_posting p
     WHERE p.organisation_id = %(org)s AND p.account_id = %(id)s AND p.ledger_account = 'RECEIVABLE') AS owing_minor,
    (SELECT coalesce(-sum(p.amount_minor), 0)::bigint FROM ledger_posting p WHERE p.organisation_id = %(org)s
     AND p.account_id = %(id)s AND p.ledger_account = 'CUSTOMER_CREDIT') AS credit_minor
"""


def account(tx: Transaction, principal: Principal, account_id: UUID) -> Answer:
    """An account with its people and what it owes. Raises NotFound, also for another family's."""
    row = visible_account(tx, principal, account_id)
    more = tx.row(_ACCOUNT_MORE, id=account_id)
    assert more is not None
    return Answer({
        **row, **more, "attendees": more["attendees"] or [], "guardians": more["guardians"] or [],
        "owing": principal.money(more["owing_minor"]), "credit": principal.money(more["credit_minor"]),
    }, version=etag(row))  # fmt: skip


def visible_account(tx: Transaction, principal: Principal, account_id: UUID) -> Row:
    """Raises NotFound where there is none for this caller."""
    found = accounts(principal)
    found.where("a.id = %(id)s", id=account_id)
    return found.one(tx, "account")


_ATTENDEES = """
SELECT {keys}, t.id, t.reference, t.name, t.date_of_birth, t.school_year, t.height_cm, t.weight_kg, t.medical_notes,
       t.allergy_notes, t.medical_severity, t.allergy_severity, t.authorised_pick_ups, t.must_not_collect, t.created_at
FROM attendee t WHERE t.organisation_id = %(org)s{where}
"""
_OF_ACCOUNT = (
    "EXISTS (SELECT FROM account_attendee x WHERE x.organisation_id = t.organisation_id AND x.attendee_id = t.id "
    "AND x.account_id = {account})"
)


def attendees(principal: Principal, *, named: str = "") -> Listing:
    """Attendees of accounts that the caller may see, oldest first; those that a search finds in its order."""
    found = _found(_ATTENDEES, "attendee", "t", named)
    if principal.actor.is_family:
        found.conditions.append(_OF_ACCOUNT.format(account="ANY(%(own)s)"))
        found.parameters["own"] = list(principal.actor.account_ids)
    return found


def of_account(found: Listing, account_id: UUID | None) -> None:
    found.where(_OF_ACCOUNT.format(account="%(account)s"), account=account_id)


def visible_attendee(tx: Transaction, principal: Principal, attendee_id: UUID) -> Row:
    """Raises NotFound where there is none for this caller."""
    found = attendees(principal)
    found.where("t.id = %(id)s", id=attendee_id)
    return found.one(tx, "attendee")


_USERS = """
SELECT {keys}, u.id, u.email, u.name, u.roles, u.is_active, u.password_hash IS NOT NULL AS has_password, u.created_at,
       ARRAY(SELECT x.account_id FROM account_user x
             WHERE x.organisation_id = u.organisation_id AND x.user_id = u.id ORDER BY 1) AS account_ids,
       ARRAY(SELECT x.site_id FROM user_site x
             WHERE x.organisation_id = u.organisation_id AND x.user_id = u.id ORDER BY 1) AS site_ids
FROM "user" u WHERE u.organisation_id = %(org)s{where}
"""


def users() -> Listing:
    """Every login, oldest first."""
    return Listing(_USERS, [("u.id", "uuid")])


def user(tx: Transaction, user_id: UUID) -> Row:
    """Raises NotFound."""
    found = users()
    found.where("u.id = %(id)s", id=user_id)
    return found.one(tx, "user")
