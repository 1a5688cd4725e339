"""What the office and finance look for first: a search over everything, what waits, and how full the sessions are."""

from datetime import date, datetime
from uuid import UUID

from api.reads.references import by_reference
from engine.database import Row, Transaction

MOST_FOUND = 12
_SHORTEST = 2  # letters
_LOOKED_AT = 200  # so many of those that are found are put in order of their names

_ACCOUNTS = """
SELECT a.id, a.reference, a.name, a.email, a.kind,
       ARRAY(SELECT t.name FROM account_attendee x
        JOIN attendee t ON t.organisation_id = x.organisation_id AND t.id = x.attendee_id
        WHERE x.organisation_id = a.organisation_id AND x.account_id = a.id ORDER BY t.name) AS attendees
FROM account a
WHERE a.organisation_id = %(org)s
  AND {found}
ORDER BY a.name, a.id LIMIT %(most)s
"""
_ATTENDEES = """
SELECT t.id, t.reference, t.name, t.date_of_birth,
       (SELECT coalesce(json_agg(json_build_object('id', a.id, 'name', a.name) ORDER BY a.name), '[]')
        FROM account_attendee x
        JOIN account a ON a.organisation_id = x.organisation_id AND a.id = x.account_id
        WHERE x.organisation_id = t.organisation_id AND x.attendee_id = t.id) AS accounts
FROM attendee t
WHERE t.organisation_id = %(org)s AND {found}
ORDER BY t.name, t.id LIMIT %(most)s
"""
# Those of whom something reads like this from the beginning of a word; of very many, the first in order of the words.
_NAMED = """
folded(%(low)s) <> '' AND {whose}.id IN (
    SELECT found.{table}_id FROM (
        SELECT s.{table}_id FROM search_text s
        WHERE s.organisation_id = %(org)s AND s.{table}_id IS NOT NULL
          AND s.words >= folded(%(low)s) COLLATE "C" AND s.words < (folded(%(low)s) || chr(1114111)) COLLATE "C"
        ORDER BY s.words, s.{table}_id LIMIT %(looked_at)s) found)
"""
_ACCOUNT_NAMED = _NAMED.format(whose="a", table="account")
_ATTENDEE_NAMED = _NAMED.format(whose="t", table="attendee")
_OFFERINGS = """
SELECT p.id, p.name, p.code, p.status, m.name AS term, i.name AS site
FROM term_program_set p
JOIN term m ON m.organisation_id = p.organisation_id AND m.id = p.term_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE p.organisation_id = %(org)s AND position(unaccented(%(low)s) IN unaccented(p.name || ' ' || p.code)) > 0
ORDER BY p.name, p.id LIMIT %(most)s
"""
_KEPT = """
SELECT sort, id, name FROM (
    SELECT 'programs' AS sort, g.id, g.name FROM program g WHERE g.organisation_id = %(org)s
    UNION ALL SELECT 'terms', m.id, m.name FROM term m WHERE m.organisation_id = %(org)s
    UNION ALL SELECT 'sites', i.id, i.name FROM site i WHERE i.organisation_id = %(org)s) kept
WHERE position(unaccented(%(low)s) IN unaccented(name)) > 0 ORDER BY sort, name, id LIMIT %(most)s
"""


def search(tx: Transaction, text: str, *, with_programme: bool = True) -> dict[str, list[Row]]:
    """Whatever a name, an address, a reference or a number finds.

    People are found by how a word of a name or number begins, or an address, what is offered by any part of its name
    or code; case, accents and punctuation are nothing. A reference is looked for first: where it finds something,
    nobody's name is read. One letter finds nothing: it would find everybody. `with_programme` looks at what is
    offered too.
    """
    if len(text) < _SHORTEST:
        return {"accounts": [], "attendees": [], "references": [], "offerings": [], "kept": []}
    given = {"low": text.lower(), "reference": text.upper(), "most": MOST_FOUND, "looked_at": _LOOKED_AT}
    found = {
        "accounts": tx.rows(_ACCOUNTS.replace("{found}", "a.reference = %(reference)s"), **given),
        "attendees": tx.rows(_ATTENDEES.replace("{found}", "t.reference = %(reference)s"), **given),
        "references": by_reference(tx, text),
        "offerings": [],
        "kept": [],
    }  # fmt: skip
    if any(found.values()):
        return found
    return found | {
        "accounts": tx.rows(_ACCOUNTS.replace("{found}", _ACCOUNT_NAMED), **given),
        "attendees": tx.rows(_ATTENDEES.replace("{found}", _ATTENDEE_NAMED), **given),
        "offerings": tx.rows(_OFFERINGS, **given) if with_programme else [],
        "kept": tx.rows(_KEPT, **given) if with_programme else [],
    }


_HAS_CHILD = """
a.id IN (SELECT x.account_id FROM account_attendee x
         WHERE x.organisation_id = %(org)s AND x.attendee_id = ANY(%(children)s)) AND a.id <> ALL(%(found)s)
"""


def families(tx: Transaction, text: str) -> list[Row]:
    """The accounts that a search finds, and after them those of the children that it finds: who calls names a child."""
    found = search(tx, text, with_programme=False)
    named: list[Row] = found["accounts"]
    children = [child["id"] for child in found["attendees"]]
    if not children:
        return named
    beside = tx.rows(_ACCOUNTS.replace("{found}", _HAS_CHILD), children=children, most=MOST_FOUND,
                     found=[account["id"] for account in named])  # fmt: skip
    return named + beside


_ATTENTION = """
SELECT
    (SELECT count(*) FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.status IN (300, 485)
     AND o.order_type IN (0, 2) AND o.confirmation_type = 401 AND o.cause_order_id IS NULL) AS to_confirm,
    (SELECT count(*) FROM term_booking_order o WHERE o.organisation_id = %(org)s
     AND (o.status = 475 OR o.status = 485 AND o.confirmation_type IS DISTINCT FROM 401)) AS quoted,
    (SELECT count(*) FROM term_booking_order o WHERE o.organisation_id = %(org)s AND o.status = 300
     AND o.order_type = 5) AS interests,
    (SELECT count(*) FROM waiting_entry e WHERE e.organisation_id = %(org)s AND e.status IN (10, 20)) AS waiting,
    (SELECT count(*) FROM subscription s WHERE s.organisation_id = %(org)s AND s.status = 10) AS subscriptions,
    (SELECT count(*) FROM late_pickup k WHERE k.organisation_id = %(org)s AND k.status = 100) AS late,
    (SELECT count(*) FROM term_booking b WHERE b.organisation_id = %(org)s AND b.status = 450) AS not_invoiced
"""


def attention(tx: Transaction) -> Row:
    """How much waits for somebody in the office, by what it is."""
    found = tx.row(_ATTENTION)
    assert found is not None
    return found


_BOARD = """
SELECT s.id, s.term_program_set_id AS offering_id, p.name AS offering, i.name AS site, s.local_date, s.local_start,
       s.local_end, s.capacity, s.taken, s.waiting_count, s.status
FROM term_product s
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
JOIN site i ON i.organisation_id = g.organisation_id AND i.id = g.site_id
WHERE s.organisation_id = %(org)s AND s.product_type = 'SESSION' AND s.local_date BETWEEN %(first)s AND %(last)s
  AND (%(site)s::uuid IS NULL OR i.id = %(site)s) AND p.status IN ('DRAFT', 'PUBLISHED')
ORDER BY p.name, p.id, s.local_date, s.local_start
"""


def board(tx: Transaction, *, first: date, last: date, site_id: UUID | None) -> list[Row]:
    """The offerings that run in these days (both included, local dates), each with its sessions by day."""
    found: dict[UUID, Row] = {}
    for row in tx.rows(_BOARD, first=first, last=last, site=site_id):
        offering = found.setdefault(
            row["offering_id"],
            {"id": row["offering_id"], "name": row["offering"], "site": row["site"], "days": {}, "taken": 0,
             "capacity": 0},
        )  # fmt: skip
        offering["days"].setdefault(row["local_date"], []).append(row)
        if row["status"] == "OPEN":
            offering["taken"] += row["taken"]
            offering["capacity"] += row["capacity"]
    return list(found.values())


_QUEUES = """
SELECT s.id AS session_id, p.name AS offering, s.local_date::text AS day, s.local_start::text AS start,
       s.local_end::text AS "end", s.capacity, s.taken, count(*) AS waiting,
       count(*) FILTER (WHERE e.status = 30) AS offered, min(e.since) AS since
FROM waiting_entry e
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE e.organisation_id = %(org)s AND e.status IN (10, 20, 30) AND coalesce(s.ends_at > %(now)s, true)
GROUP BY s.organisation_id, s.id, p.name ORDER BY s.local_date, s.local_start, p.name LIMIT 500
"""


def queues(tx: Transaction, *, now: datetime) -> list[Row]:
    """The sessions that somebody waits for, in order of time."""
    return tx.rows(_QUEUES, now=now)


def choices(tx: Transaction, table: str, *, label: str = "name", where: str = "") -> list[tuple[str, str]]:
    """What a list to choose from offers: (id, words). `table`, `label` and `where` are ours, never a visitor's."""
    sql = (
        f'SELECT id, {label} AS label FROM "{table}" t WHERE organisation_id = %(org)s {where} ORDER BY 2, 1 LIMIT 500'
    )
    return [(str(row["id"]), row["label"]) for row in tx.rows(sql)]
