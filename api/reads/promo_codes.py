"""Promo codes as they are shown: their terms, where they are good, how often they were used and by whom."""

from collections.abc import Sequence
from datetime import date

from api.moves import Principal
from api.reads.paging import Listing
from catalogue.promo_codes import DeclaredCode, state_of
from engine.database import Row, Transaction
from models import TermBookingStatus


def show_codes(tx: Transaction, who: Principal, found: Sequence[DeclaredCode], *, today: date) -> list[Row]:
    """Codes with their terms and uses; `today` is the organisation's own day."""
    rows = tx.rows("SELECT code, used FROM promo_code WHERE organisation_id = %(org)s AND code = ANY(%(codes)s)",
                   codes=sorted({each.code for each in found}))  # fmt: skip
    used = {row["code"]: row["used"] for row in rows}
    return [_shown(who, each, used=used.get(each.code, 0), today=today) for each in found]


def _shown(who: Principal, found: DeclaredCode, *, used: int, today: date) -> Row:
    terms, level = found.discount, found.level
    gives = who.money(terms.amount_minor) if terms.amount_minor is not None else f"{terms.percent:f} %"
    return {
        "code": found.code, "name": terms.name, "scope": level.scope, "scope_id": level.scope_id, "level": level.name,
        "percent": None if terms.percent is None else f"{terms.percent:f}", "amount_minor": terms.amount_minor,
        "gives": gives, "cap_minor": terms.cap_minor, "stacks": terms.stacks, "order": terms.order,
        "starts_on": terms.conditions["from"], "ends_on": terms.conditions["until"],
        "limit": terms.conditions["limit"], "once_per_account": terms.conditions["once_per_account"], "used": used,
        "state": state_of(terms, used=used, today=today),
    }  # fmt: skip


_USES = """
SELECT {keys}, p.used_at, p.account_id, a.name AS account, o.attendee_id, t.name AS attendee, o.id AS order_id,
       o.reference AS order_reference, o.status, o.booking_id, b.reference AS booking_reference
FROM promo_redemption p
JOIN term_booking_order o ON o.organisation_id = p.organisation_id AND o.id = p.order_id
JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
WHERE p.organisation_id = %(org)s{where}
"""


def uses(code: str) -> Listing:
    """The orders that use a code or were booked with it, the latest first."""
    found = Listing(_USES, [("p.used_at", "timestamptz"), ("p.id", "uuid")], is_descending=True)
    found.where("p.code = %(code)s", code=code)
    return found


def show_use(row: Row) -> Row:
    return {**row, "status": TermBookingStatus(row["status"]).name}
