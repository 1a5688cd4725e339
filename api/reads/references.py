"""Whatever has a reference or a number of its own, found by all of it: a unique index answers at any size."""

from typing import Any

from engine.database import Row, Transaction
from invoicing.issue import number_text
from models import TermBookingStatus

# Whose page says more of what has none of its own, the nearest first.
BELONGS_TO = ("booking", "order", "child", "family")

_OF_ACCOUNT = "JOIN account a ON a.organisation_id = x.organisation_id AND a.id = x.account_id"
_OF_ATTENDEE = "JOIN attendee t ON t.organisation_id = x.organisation_id AND t.id = x.attendee_id"
_BOOKED = """
JOIN term_booking b ON b.organisation_id = x.organisation_id AND b.id = x.booking_id
JOIN attendee t ON t.organisation_id = b.organisation_id AND t.id = b.attendee_id
"""
_OF_ORDER = """
JOIN term_booking_order o ON o.organisation_id = x.organisation_id AND o.id = x.order_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
"""


def _by_reference(table: str, *, name: str = "t.name", status: str = "NULL", joins: str = "",
                  reference: str = "reference", **of: str) -> str:  # fmt: skip
    """Reads one by its reference. `of` says in SQL what it belongs to, where it has no page of its own: an `order`, a
    `booking`, a `child`, a `family`.
    """
    belongs = ", ".join(f'{of.get(each, "NULL")}::uuid AS "{each}"' for each in BELONGS_TO)
    return (
        f"SELECT '{table}' AS what, x.id, x.{reference} AS label, {name} AS name, {status} AS status, "
        f"NULL::bigint AS total_minor, {belongs} FROM {table} x {joins} "
        f"WHERE x.organisation_id = %(org)s AND x.{reference} = %(reference)s ORDER BY name, id"
    )


# By the letters before the hyphen. AC and AT are families and children, which the search shows with their own.
BY_PREFIX = {
    "TO": _by_reference("term_booking_order", family="x.account_id", status="x.status", joins=_OF_ATTENDEE),
    "TB": _by_reference("term_booking", family="x.account_id", status="x.status", joins=_OF_ATTENDEE),
    "TK": _by_reference("term_booking_line", booking="x.booking_id", family="b.account_id", joins=_BOOKED,
                        reference="ticket_reference"),
    "TS": _by_reference("subscription", family="x.account_id", joins=_OF_ATTENDEE),
    "WE": _by_reference("waiting_entry", order="x.order_id", family="o.account_id", joins=_OF_ORDER),
    # A group order has no page of its own: its orders have.
    "GO": _by_reference("group_order", order="o.id", family="o.account_id", status="o.status", joins="""
        JOIN group_order_member m ON m.organisation_id = x.organisation_id AND m.group_order_id = x.id
        JOIN term_booking_order o ON o.organisation_id = x.organisation_id AND o.id = m.order_id
        JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id"""),
    "MC": _by_reference("makeup_credit", child="x.attendee_id", family="x.account_id", joins=_OF_ATTENDEE),
    "LP": _by_reference("late_pickup", family="x.account_id", joins=_OF_ATTENDEE),
    # One may ask for what lies in a wallet: that is of no booking.
    "RR": _by_reference("refund_request", booking="x.booking_id", family="x.account_id", name="a.name",
                        joins=_OF_ACCOUNT),
    "OF": _by_reference("overdue_fee", booking="x.booking_id", family="b.account_id", joins=_BOOKED),
    # What pays an order stands on its page, what fills a wallet with its family.
    "PM": _by_reference("payment", order="x.order_id", family="x.account_id", name="a.name", joins=_OF_ACCOUNT),
    "PS": _by_reference("entitlement", family="x.account_id", name="a.name", joins=_OF_ACCOUNT),
    "DD": _by_reference("direct_debit_mandate", family="x.account_id", name="a.name", joins=_OF_ACCOUNT),
    "DR": _by_reference("debit_run", name="NULL"),
}  # fmt: skip

_NUMBERED = (
    "WHERE x.organisation_id = %(org)s AND x.series = %(series)s AND x.year = %(year)s AND x.number = %(number)s"
)
_INVOICE = f"""
SELECT 'invoice' AS what, x.id, a.name, NULL AS status, x.booking_id AS booking, x.account_id AS family,
       CASE x.series WHEN 'ZS' THEN 0 ELSE x.total_minor END AS total_minor
FROM invoice x {_OF_ACCOUNT} {_NUMBERED}
"""
# By the series of their numbers. A zero statement is an invoice and a credit note of one number: one is enough.
BY_SERIES = {
    "INV": _INVOICE,
    "ZS": _INVOICE.replace("'invoice' AS what", "'zero_statement' AS what"),
    "CN": _INVOICE.replace("'invoice' AS what", "'credit_note' AS what").replace("FROM invoice", "FROM credit_note"),
    "Q": f"""
        SELECT 'quote' AS what, x.id, t.name, NULL AS status, x.order_id AS "order", o.account_id AS family,
               x.total_minor
        FROM quote x {_OF_ORDER} {_NUMBERED}""",
    "PASS": f"""
        SELECT 'entitlement' AS what, x.id, a.name, NULL AS status, x.account_id AS family, x.total_minor
        FROM entitlement x {_OF_ACCOUNT} {_NUMBERED}""",
}


def by_reference(tx: Transaction, text: str) -> list[Row]:
    """What has this reference or number: what it is, how it is written, whose it is, and what it belongs to
    (`BELONGS_TO`). Capitals are nothing.
    """
    prefix, _, rest = text.upper().partition("-")
    if prefix in BY_PREFIX:
        return [_shown(row) for row in tx.rows(BY_PREFIX[prefix], reference=f"{prefix}-{rest}")]
    year, _, number = rest.partition("-")
    if prefix not in BY_SERIES or not (_is_number(year, most=5) and _is_number(number, most=15)):
        return []
    known: dict[str, Any] = {"series": prefix, "year": int(year), "number": int(number)}
    return [_shown({**row, "label": number_text(**known)}) for row in tx.rows(BY_SERIES[prefix], **known)]


def _is_number(text: str, *, most: int) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= most


def _shown(row: Row) -> Row:
    status = row["status"]
    return {**dict.fromkeys(BELONGS_TO), **row, "status": None if status is None else TermBookingStatus(status).name}
