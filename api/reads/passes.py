"""Passes on sale, passes of families and their uses, as they are shown."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from engine.database import Row, Transaction
from engine.errors import NotFound
from invoicing.issue import number_text
from workflows.passes import total_minor

_PRODUCTS = """
SELECT {keys}, p.id, p.name, p.units, p.validity_days, p.covers, p.returns, p.price_minor, p.tax_name, p.tax_rate,
       p.withdrawn_at, p.created_at, g.prices_include_tax,
       ARRAY(SELECT s.category_id FROM pass_scope s WHERE s.organisation_id = p.organisation_id AND s.product_id = p.id
             AND s.category_id IS NOT NULL ORDER BY s.id) AS category_ids,
       ARRAY(SELECT s.program_id FROM pass_scope s WHERE s.organisation_id = p.organisation_id AND s.product_id = p.id
             AND s.program_id IS NOT NULL ORDER BY s.id) AS program_ids
FROM pass_product p JOIN organisation g ON g.id = p.organisation_id
WHERE p.organisation_id = %(org)s{where}
"""


def products() -> Listing:
    """Passes as they are sold, by name."""
    return Listing(_PRODUCTS, [("p.name", "text"), ("p.id", "uuid")])


def show_product(principal: Principal, row: Row) -> Row:
    rate, is_inside = row.pop("tax_rate"), row.pop("prices_include_tax")
    total = total_minor(row["price_minor"], rate, is_inside=is_inside)
    percent = (Decimal(rate) * 100).normalize()
    return {**row, "price": principal.money(row["price_minor"]), "total_minor": total,
            "total": principal.money(total), "tax_percent": f"{percent:f}"}  # fmt: skip


def product(tx: Transaction, principal: Principal, product_id: UUID, *, status: int = 200) -> Answer:
    """One of them. Raises NotFound."""
    found = products()
    found.where("p.id = %(id)s", id=product_id)
    return _only(found, tx, lambda row: show_product(principal, row), "pass", status)


_PLACES = """
SELECT id, name FROM program_category WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
UNION ALL SELECT id, name FROM program WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""


def places_of(tx: Transaction, products: list[Row]) -> dict[UUID, str]:
    """The names of the categories and programs where they are good."""
    ids = [one for product in products for one in (*product["category_ids"], *product["program_ids"])]
    return {row["id"]: row["name"] for row in tx.rows(_PLACES, ids=ids)} if ids else {}


_PASSES = """
SELECT {keys}, e.id, e.reference, e.series, e.year, e.number, e.account_id, a.name AS account, e.product_id, e.name,
       p.covers, p.returns,
       e.valid_from, e.valid_until, e.granted, e.used, e.granted - e.used AS left, e.total_minor, e.net_minor,
       e.tax_minor, e.tax_name, e.sold_on, e.created_at, e.revoked_at,
       e.revoked_net_minor + e.revoked_tax_minor AS revoked_minor, e.revoked_tax_minor,
       coalesce(w.bonus_minor, 0) AS revoked_bonus_minor, e.revoke_reason
FROM entitlement e
JOIN account a ON a.organisation_id = e.organisation_id AND a.id = e.account_id
JOIN pass_product p ON p.organisation_id = e.organisation_id AND p.id = e.product_id
LEFT JOIN wallet_entry w ON w.organisation_id = e.organisation_id AND w.id = e.revoke_entry_id
WHERE e.organisation_id = %(org)s{where}
"""


def passes(principal: Principal) -> Listing:
    """Passes that the caller may see, newest first."""
    found = Listing(_PASSES, [("e.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "e.account_id")
    return found


_IS_GOOD = """
(e.valid_until >= %(today)s AND e.revoked_at IS NULL AND coalesce(e.used < e.granted, true)) = %(is_good)s
"""


def narrow(found: Listing, *, is_good: bool | None, today: date) -> None:
    """Those that still cover something, those that do not, or all. One is good while its last day is not over, nobody
    took it back, and something of it is left.
    """
    if is_good is not None:
        found.where(_IS_GOOD, today=today, is_good=is_good)


def show_pass(principal: Principal, row: Row) -> Row:
    number = number_text(row.pop("series"), row.pop("year"), row["number"])
    return {**row, "number": number, "total": principal.money(row["total_minor"])}


def one(tx: Transaction, principal: Principal, pass_id: UUID, *, status: int = 200) -> Answer:
    """One of them. Raises NotFound, also for another family's."""
    found = passes(principal)
    found.where("e.id = %(id)s", id=pass_id)
    return _only(found, tx, lambda row: show_pass(principal, row), "pass", status)


_USES = """
SELECT {keys}, u.id, u.order_id, o.reference AS order_reference, u.term_product_id AS session_id, p.name AS session,
       s.local_date, u.component, u.units, u.forfeited_at, u.returned_at, u.return_reason, u.created_at
FROM pass_use u
JOIN term_booking_order o ON o.organisation_id = u.organisation_id AND o.id = u.order_id
JOIN term_product s ON s.organisation_id = u.organisation_id AND s.id = u.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE u.organisation_id = %(org)s{where}
"""


def uses(pass_id: UUID) -> Listing:
    """What uses a pass or has used it, newest first."""
    found = Listing(_USES, [("u.id", "uuid")], is_descending=True)
    found.where("u.entitlement_id = %(pass)s", **{"pass": pass_id})
    return found


def _only(found: Listing, tx: Transaction, show: Callable[[Row], Row], what: str, status: int) -> Answer:
    page = found.page(tx, cursor=None, limit=1, show=show).body
    if page is None or not page["items"]:
        raise NotFound(f"There is no such {what}.", what=what)
    return Answer(page["items"][0], status)
