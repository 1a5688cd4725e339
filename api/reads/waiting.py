"""Waiting lists as they are shown: entries with their position, and for admins why they stand where they do."""

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from api.moves import Principal
from api.reads.orders import own_accounts, session_label
from api.reads.paging import Listing
from engine.database import Row, Transaction
from models import WaitingStatus
from workflows.waiting_facts import POLICY
from workflows.waiting_offers import PricedOffer

_ENTRIES = """
SELECT {keys}, e.id, e.reference, e.status, e.order_id, o.reference AS order_reference, o.account_id,
       a.name AS account, e.attendee_id, t.name AS attendee, e.term_product_id AS session_id, p.name AS offering,
       s.local_date::text AS day, s.local_start::text AS start, s.local_end::text AS "end", e.group_id, e.since,
       e.offer_id, CASE WHEN e.status = 30 THEN e.offer_expires_at END AS offer_expires_at, e.accepted_order_id,
       e.passed_over_at, e.passed_over_for,
       CASE WHEN e.status IN (10, 20) THEN (
           SELECT count(*) + 1 FROM waiting_entry x
           WHERE x.organisation_id = e.organisation_id AND x.term_product_id = e.term_product_id
             AND x.status IN (10, 20) AND (x.since, x.id) < (e.since, e.id)) END AS position
FROM waiting_entry e
JOIN term_booking_order o ON o.organisation_id = e.organisation_id AND o.id = e.order_id
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = e.organisation_id AND t.id = e.attendee_id
JOIN term_product s ON s.organisation_id = e.organisation_id AND s.id = e.term_product_id
JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
WHERE e.organisation_id = %(org)s{where}
"""


def entries(principal: Principal) -> Listing:
    """Entries that the caller may see, longest waiting first."""
    found = Listing(_ENTRIES, [("e.since", "timestamptz"), ("e.id", "uuid")])
    own_accounts(found, principal, "o.account_id")
    return found


def show_entry(principal: Principal, row: Row) -> Row:
    status = WaitingStatus(row["status"])
    session = session_label(row.pop("offering"), row.pop("day"), row.pop("start"), row.pop("end"))
    passed_over_at, passed_over_for = row.pop("passed_over_at"), row.pop("passed_over_for")
    shown = {**row, "status": status.name, "session": session}
    if principal.actor.is_admin:
        shown |= {"passed_over_at": passed_over_at, "why": _why(row, status, passed_over_for)}
    return shown


def _why(row: Row, status: WaitingStatus, passed_over_for: str) -> str:
    if status is WaitingStatus.OFFERED:
        return "A place is offered and kept until it is answered or runs out."
    if status is WaitingStatus.SAVED:
        return "A place is saved until there are places for all of its group."
    if status is not WaitingStatus.WAITING:
        return f"It does not wait any more: {status.name.lower()}."
    words = "By the time of its group's last change; it wants all or nothing." if row["group_id"] else "By its time."
    return f"{words} Passed over: {passed_over_for}" if passed_over_for else words


def of_orders(tx: Transaction, principal: Principal, order_ids: Collection[UUID]) -> list[Row]:
    """Every entry of these orders."""
    found = entries(principal)
    found.where("e.order_id = ANY(%(orders)s)", orders=list(order_ids))
    body = found.page(tx, cursor=None, limit=10_000, show=lambda row: show_entry(principal, row)).body
    assert body is not None
    shown: list[Row] = body["items"]
    return shown


def offer(tx: Transaction, principal: Principal, priced: PricedOffer, *, now: datetime) -> Row:
    """An offer with its price; `is_open` says whether it can still be accepted."""
    total = sum(one.total_minor for one in priced.prices)
    is_offered = any(entry.status is WaitingStatus.OFFERED for entry in priced.offer.offered)
    return {
        "id": priced.offer.id, "is_open": is_offered and now < priced.expires_at, "expires_at": priced.expires_at,
        "entries": of_offer(tx, principal, priced.offer.id), "currency": principal.organisation["currency"],
        "total_minor": total, "total": principal.money(total), "price_fingerprint": priced.fingerprint,
        "policy": POLICY,
    }  # fmt: skip


def of_offer(tx: Transaction, principal: Principal, offer_id: UUID) -> list[Row]:
    """The entries of an offer."""
    found = entries(principal)
    found.where("e.offer_id = %(offer)s", offer=offer_id)
    body = found.page(tx, cursor=None, limit=10_000, show=lambda row: show_entry(principal, row)).body
    assert body is not None
    shown: list[Row] = body["items"]
    return shown
