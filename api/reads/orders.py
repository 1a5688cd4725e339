"""Orders as they are shown: right after a verb from what it knows, and read back whole."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.paging import Listing
from billing.pricing import PricedLine
from engine.database import Row, Transaction
from engine.errors import NotFound
from invoicing.issue import number_text
from models import TermBookingConfirmationType, TermBookingOrderType, TermBookingStatus
from workflows.companion_facts import shown_companions
from workflows.eoi_conversions import Ended
from workflows.interest_facts import triggers_of
from workflows.order_discounts import discount_rows
from workflows.order_facts import Changed, WantedLine
from workflows.term_booking_order import CHART, Outcome


def moved(
    outcome: Outcome, principal: Principal, *, status: int = 200, expected: int | None = None, moves: int = 1,
    **more: Any,
) -> Answer:  # fmt: skip
    """The answer of a verb that moved an order `moves` times. Raises Changed where it was not `expected` before."""
    order = outcome.order
    if expected is not None and order.version - moves != expected:
        raise Changed(f"{order.reference} was changed meanwhile; look at it again.", version=order.version - moves)
    standing = TermBookingStatus(order.status)
    body = {
        "id": order.id, "reference": order.reference, **_status(standing), "version": order.version,
        "allowed": triggers_of(CHART, order.order_type, standing, principal.kind), "account_id": order.account_id,
        "attendee_id": order.attendee_id, "term_id": order.term_id, "order_type": order.order_type.name,
        "confirmation_type": order.confirmation_type.name if order.confirmation_type else None,
        "currency": principal.organisation["currency"], "total_minor": order.total_minor,
        "total": principal.money(order.total_minor), "price_fingerprint": order.price_fingerprint,
        "created_at": order.created_at, "submitted_at": order.submitted_at, "expires_at": order.expires_at,
        "cancel_reason": order.cancel_reason, "promo_code": order.promo_code,
        "original_booking_id": order.original_booking_id, "original_order_id": order.original_order_id,
        "cause_order_id": order.cause_order_id, "booking_id": order.booking_id,
        "converts_order_id": order.converts_order_id, "note": order.note, **more,
    }  # fmt: skip
    if outcome.companions is not None:
        body["companions"] = _companions(outcome, principal)
    made = outcome.made
    if made is not None and made.booking is not None:
        body["booking"] = {"id": made.booking.id, "reference": made.booking.reference}
        body["invoice_id"] = made.invoice_id
    if outcome.document_id is not None:
        body["quote_id"] = outcome.document_id
    return Answer(body, status, version=order.version, location=f"/orders/{order.id}" if status == 201 else None)


def _companions(outcome: Outcome, principal: Principal) -> list[Row]:
    """What the verb found; from the submission on each is an order of its own."""
    assert outcome.companions is not None
    rows = [companion_shown(row, principal) for row in shown_companions(outcome.companions)]
    if outcome.order.status in (TermBookingStatus.DRAFT, TermBookingStatus.CREATED):
        return rows
    status = "APPROVED" if outcome.made else "SUBMITTED_CHANGE"
    return [{**row, "order_id": companion.order.id, "status": status}
            for row, companion in zip(rows, outcome.companions, strict=True)]  # fmt: skip


def companion_shown(row: Row, principal: Principal) -> Row:
    """A companion with its amounts in words."""
    return {**row, "delta": principal.money(row["delta_minor"])}


def converted(ended: Sequence[Ended], principal: Principal) -> Answer:
    """What became of each expression of interest: its order, or why there is none."""
    made = [one for one in ended if one.outcome is not None]
    return Answer({
        "converted": len(made), "refused": len(ended) - len(made),
        "items": [{
            "order_id": one.order_id, "order": moved(one.outcome, principal).body if one.outcome else None,
            "reasons": [reason.as_dict() for reason in one.reasons],
        } for one in ended],
    })  # fmt: skip


def saved(outcome: Outcome, principal: Principal, *, status: int = 200) -> Answer:
    """The cart with the price of each line, and what a submission would be refused for."""
    assert outcome.facts is not None
    assert outcome.priced is not None
    prices = {p.line.term_product_id: p for p in outcome.priced.lines if p.line.component == "SESSION"}
    return moved(
        outcome, principal, status=status,
        lines=[_saved_line(line, prices[line.session_id]) for line in outcome.facts.whole],
        wishes=[{"offering_id": wish.offering_id, "program_id": wish.program_id, "name": wish.name}
                for wish in outcome.wishes or ()],
        notices=[reason.as_dict() for reason in outcome.notices or ()],
    )  # fmt: skip


def _saved_line(line: WantedLine, priced: PricedLine) -> Row:
    discounts = [{"name": row["facts"]["name"], **row} for row in discount_rows(priced.trace)]
    return {
        "session_id": line.session_id, "name": line.label, "kind": line.kind, "mode": line.mode,
        "asked_mode": line.asked_mode, "mode_reason": line.mode_reason or None,
        "position": line.position, "price_minor": priced.gross_minor, "seat": _seat(line),
        "activities": [activity.title for activity in line.activities],
        "discounts": [_discount(row) for row in discounts],
        "extras": [{"extra_id": e.extra_id, "name": e.name, "quantity": e.quantity, "price_minor": e.price_minor}
                   for e in line.extras],
    }  # fmt: skip


def _seat(line: WantedLine) -> Row | None:
    if line.seat is None:
        return None
    seat = line.seat.position
    return {"id": seat.id, "row": seat.row_name, "number": seat.number, "seat_type": seat.seat_type}


def _discount(row: Row) -> Row:
    return {"rule": row["rule"], "version": row["rule_version"], "name": row["name"], "why": row["reason"],
            "amount_minor": row["amount_minor"]}  # fmt: skip


def _status(status: TermBookingStatus) -> Row:
    return {"status": status.name, "status_code": int(status)}


_WHOLE = """
SELECT o.id, o.reference, o.status, o.version, o.account_id, o.attendee_id, o.term_id, o.order_type,
       o.confirmation_type, o.total_minor, o.price_fingerprint, o.created_at, o.submitted_at, o.cancel_reason,
       o.promo_code, o.original_booking_id, o.original_order_id, o.cause_order_id, o.booking_id, o.note,
       o.converts_order_id, o.converted_into_id,
       a.name AS account, t.name AS attendee, m.name AS term, b.reference AS booking_reference,
       (SELECT min(x.due_at) FROM timer x
        WHERE x.organisation_id = o.organisation_id AND x.subject_id = o.id AND x.status = 'ARMED') AS expires_at,
       (SELECT i.id FROM invoice i
        WHERE i.organisation_id = o.organisation_id AND i.booking_id = o.booking_id
        ORDER BY i.issued_at DESC, i.id DESC LIMIT 1) AS invoice_id,
       (SELECT json_build_object('id', q.id, 'series', q.series, 'year', q.year, 'number', q.number) FROM quote q
        WHERE q.organisation_id = o.organisation_id AND q.order_id = o.id
        ORDER BY q.issued_at DESC, q.number DESC LIMIT 1) AS quote,
       (SELECT json_agg(json_build_object(
            'session_id', l.term_product_id, 'offering', p.name, 'date', s.local_date, 'start', s.local_start,
            'end', s.local_end, 'kind', l.kind, 'mode', l.mode,
            'asked_mode', l.asked_mode, 'mode_reason', l.mode_reason, 'position', l.position,
            'price_minor', l.price_minor,
            'activities', ARRAY(SELECT y.title FROM term_booking_order_activity y
                WHERE y.organisation_id = l.organisation_id AND y.order_line_id = l.id ORDER BY y.title),
            'seat', (SELECT json_build_object('id', x.id, 'row', x.row_name, 'number', x.number,
                            'seat_type', x.seat_type)
                     FROM seat x WHERE x.organisation_id = l.organisation_id AND x.id = l.seat_id),
            'discounts', (SELECT json_agg(json_build_object('rule', d.rule, 'rule_version', d.rule_version,
                                 'name', d.facts->'name', 'reason', d.reason, 'amount_minor', d.amount_minor)
                                 ORDER BY d.id)
                          FROM term_booking_order_discount d
                          WHERE d.organisation_id = l.organisation_id AND d.order_line_id = l.id),
            'extras', (SELECT json_agg(json_build_object('extra_id', e.extra_id, 'name', e.name,
                              'quantity', e.quantity, 'price_minor', e.price_minor) ORDER BY e.name, e.id)
                       FROM term_booking_order_extra e
                       WHERE e.organisation_id = l.organisation_id AND e.order_line_id = l.id)
            ) ORDER BY l.position)
        FROM term_booking_order_line l
        JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
        JOIN term_program_set p ON p.organisation_id = l.organisation_id AND p.id = l.term_program_set_id
        WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id) AS lines,
       (SELECT json_agg(json_build_object('offering_id', w.term_program_set_id, 'program_id', w.program_id,
                        'name', coalesce(p.name, g.name)) ORDER BY w.position)
        FROM term_booking_order_wish w
        LEFT JOIN term_program_set p ON p.organisation_id = w.organisation_id AND p.id = w.term_program_set_id
        LEFT JOIN program g ON g.organisation_id = w.organisation_id AND g.id = w.program_id
        WHERE w.organisation_id = o.organisation_id AND w.order_id = o.id) AS wishes,
       (SELECT json_agg(json_build_object('id', y.id, 'reference', y.reference, 'status', y.status,
                        'amount_minor', y.amount_minor, 'provider', y.provider) ORDER BY y.created_at, y.id)
        FROM payment y WHERE y.organisation_id = o.organisation_id AND y.order_id = o.id) AS payments,
       (SELECT json_agg(json_build_object('order_id', c.id, 'status', c.status, 'booking_id', x.id,
                        'booking_reference', x.reference, 'attendee', e.name, 'was_minor', c.was_minor,
                        'becomes_minor', c.total_minor, 'delta_minor', c.total_minor - c.was_minor, 'why', c.note)
                        ORDER BY x.id, c.id)
        FROM term_booking_order c
        JOIN term_booking x ON x.organisation_id = c.organisation_id AND x.id = c.original_booking_id
        JOIN attendee e ON e.organisation_id = c.organisation_id AND e.id = c.attendee_id
        WHERE c.organisation_id = o.organisation_id AND c.cause_order_id = o.id) AS companions
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
JOIN term m ON m.organisation_id = o.organisation_id AND m.id = o.term_id
LEFT JOIN term_booking b ON b.organisation_id = o.organisation_id AND b.id = o.booking_id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def whole(tx: Transaction, principal: Principal, order_id: UUID) -> Answer:
    """An order with its lines, payments and newest quote. Raises NotFound, also for another family's."""
    row = tx.row(_WHOLE, order_id=order_id)
    if row is None or not principal.actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such order.", what="order")
    quote, booking, status = row.pop("quote"), row.pop("booking_reference"), TermBookingStatus(row["status"])
    return Answer({
        **row, **_status(status), **_types(row), "wishes": row["wishes"] or [],
        "allowed": triggers_of(CHART, TermBookingOrderType(row["order_type"]), status, principal.kind),
        "currency": principal.organisation["currency"], "total": principal.money(row["total_minor"]),
        "lines": [_line(line) for line in row["lines"] or ()], "payments": row["payments"] or [],
        "companions": [_companion(each, principal) for each in row["companions"] or ()],
        "booking": {"id": row["booking_id"], "reference": booking} if booking else None,
        "quote_id": quote and quote["id"],
        "quote_number": quote and number_text(quote["series"], quote["year"], quote["number"]),
    }, version=row["version"])  # fmt: skip


def _companion(row: Row, principal: Principal) -> Row:
    status = TermBookingStatus(row["status"]).name
    return companion_shown({**row, "status": status, "why": row["why"].splitlines()}, principal)


def _line(row: Row) -> Row:
    extras = row.pop("extras") or []
    name = session_label(row.pop("offering"), row.pop("date"), row.pop("start"), row.pop("end"))
    discounts = [_discount(each) for each in row.pop("discounts") or ()]
    return {**row, "name": name, "extras": extras, "discounts": discounts}


def session_label(offering: str, day: str | None, start: str | None, end: str | None) -> str:
    """How a person names a session: "Karate, Sun 12 Apr 2026 09:30–10:30"."""
    if day is None or start is None or end is None:
        return f"{offering}, undated"
    return f"{offering}, {date.fromisoformat(day):%a %d %b %Y} {start[:5]}–{end[:5]}"


def _types(row: Row) -> Row:
    how = row["confirmation_type"]
    return {
        "order_type": TermBookingOrderType(row["order_type"]).name,
        "confirmation_type": TermBookingConfirmationType(how).name if how is not None else None,
    }


_LIST = """
SELECT {keys}, o.id, o.reference, o.status, o.version, o.account_id, a.name AS account, o.attendee_id,
       t.name AS attendee, o.term_id, o.order_type, o.confirmation_type, o.total_minor, o.booking_id, o.created_at,
       n.session_count, n.first_date
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
JOIN attendee t ON t.organisation_id = o.organisation_id AND t.id = o.attendee_id
CROSS JOIN LATERAL (
    SELECT count(*) AS session_count, min(s.local_date) AS first_date FROM term_booking_order_line l
    JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
    WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id) n
WHERE o.organisation_id = %(org)s{where}
"""


# Its sessions are the offering's, or an expression of interest wishes for it or for any of its program.
IS_ABOUT_OFFERING = """(
    EXISTS (SELECT FROM term_booking_order_line l WHERE l.organisation_id = o.organisation_id AND l.order_id = o.id
            AND l.term_program_set_id = %(offering)s)
    OR EXISTS (SELECT FROM term_booking_order_wish w
               JOIN term_program_set p ON p.organisation_id = w.organisation_id AND p.id = %(offering)s
               WHERE w.organisation_id = o.organisation_id AND w.order_id = o.id
                 AND (w.term_program_set_id = p.id OR (w.program_id = p.program_id AND o.term_id = p.term_id))))"""


def listing(principal: Principal) -> Listing:
    """Orders that the caller may see, newest first; companions stand with their cause and nowhere else."""
    found = Listing(_LIST, [("o.id", "uuid")], is_descending=True)
    found.conditions.append("o.cause_order_id IS NULL")
    own_accounts(found, principal, "o.account_id")
    return found


def of_type(found: Listing, order_type: TermBookingOrderType | None) -> None:
    """Only orders of this type; written out, since the rare types have an index of their own."""
    if order_type is not None:
        found.conditions.append(f"o.order_type = {int(order_type)}")


def own_accounts(found: Listing, principal: Principal, column: str) -> None:
    """Families see what belongs to their accounts."""
    if principal.actor.is_family:
        found.conditions.append(f"{column} = ANY(%(own)s)")
        found.parameters["own"] = list(principal.actor.account_ids)


def summary(row: Row) -> Row:
    """An order or a booking in a list: codes as names."""
    return {**row, **_types(row), "status": TermBookingStatus(row["status"]).name}


def statuses(names: Iterable[str] | None) -> list[int]:
    """The codes of statuses that a filter names."""
    return [int(TermBookingStatus[name]) for name in names or ()]


_HISTORY = """
SELECT e.sequence, e.trigger, e.from_status, e.to_status, e.actor_kind, e.actor_id, u.name AS actor, e.reason,
       e.changes, e.at
FROM status_event e
LEFT JOIN "user" u ON u.organisation_id = e.organisation_id AND u.id = e.actor_id
WHERE e.organisation_id = %(org)s AND e.subject_id = %(subject_id)s ORDER BY e.sequence
"""
_OWNER = {
    "order": "SELECT account_id FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(subject_id)s",
    "booking": "SELECT account_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(subject_id)s",
}


def history(tx: Transaction, principal: Principal, what: str, subject_id: UUID) -> Answer:
    """Every change of an order or a booking, oldest first. Raises NotFound."""
    owner = tx.row(_OWNER[what], subject_id=subject_id)
    if owner is None or not principal.actor.may_see_account(owner["account_id"]):
        raise NotFound(f"There is no such {what}.", what=what)
    return Answer({"items": [_event(row) for row in tx.rows(_HISTORY, subject_id=subject_id)]})


def _event(row: Row) -> Row:
    before = row["from_status"]
    return {
        **row, "from_status": TermBookingStatus(before).name if before is not None else None,
        "to_status": TermBookingStatus(row["to_status"]).name,
    }  # fmt: skip
