"""Small builders of named people, programmes and enrolments, written as rows: what a healthy database looks like.

They take an open `Transaction`, return the rows they wrote as dictionaries, and know no verb of the product, so that a
test of a verb does not prove it with itself. A record's `moves` are its history: the last one is where it stands.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import IntEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
import psycopg
from psycopg.rows import dict_row
from sqlmodel import SQLModel

from engine.database import Transaction
from engine.ids import new_id, new_reference, new_ticket
from models import (
    Account,
    AccountAttendee,
    Attendee,
    Billing,
    BillingGroup,
    BillingLine,
    BonusGrant,
    BonusUse,
    CreditAllocation,
    CreditNote,
    CreditNoteLine,
    DirectDebitMandate,
    DocumentSeries,
    Entitlement,
    GroupOrder,
    GroupOrderMember,
    Instalment,
    Invoice,
    InvoiceLine,
    InvoiceSchedule,
    LedgerAccount,
    LedgerEntry,
    LedgerPosting,
    MandateStatus,
    Organisation,
    PassProduct,
    Payment,
    PaymentAllocation,
    PaymentSchedule,
    PlaceClaim,
    Program,
    ProgramCategory,
    Quote,
    ScheduledLine,
    Seat,
    Site,
    StatusEvent,
    Subscription,
    SubscriptionStatus,
    Tenant,
    Term,
    TermAttendance,
    TermBooking,
    TermBookingLine,
    TermBookingOrder,
    TermBookingOrderLine,
    TermBookingOrderType,
    TermBookingStatus,
    TermProduct,
    TermProgramSet,
    Timer,
    Venue,
    WaitingEntry,
    WaitingStatus,
    Wallet,
    WalletEntry,
)  # fmt: skip

Row = dict[str, Any]
Moves = tuple[tuple[str, IntEnum], ...]
Status = TermBookingStatus

NOW = datetime(2026, 3, 31, 13, tzinfo=UTC)
TORONTO = ZoneInfo("America/Toronto")

DRAFTED: Moves = (("new", Status.DRAFT),)
CARTED: Moves = (*DRAFTED, ("save", Status.CREATED))
SUBMITTED: Moves = (*CARTED, ("submit", Status.SUBMITTED))
QUOTED: Moves = (*SUBMITTED, ("quote", Status.QUOTE))
ACCEPTED: Moves = (*QUOTED, ("accept", Status.ACCEPT))
CONFIRMED: Moves = (*SUBMITTED, ("confirm", Status.APPROVED))
ATTENDANCE_APPROVED: Moves = (*SUBMITTED, ("approve_attendance", Status.ATTENDANCE_APPROVED))
EXPRESSED: Moves = (*CARTED, ("express", Status.SUBMITTED))
TIMED_OUT: Moves = (*SUBMITTED, ("cancel", Status.CANCELED))
WAITED: Moves = (*CARTED, ("wait", Status.SUBMITTED))

# What an entry of a waiting list went through.
IN_QUEUE: Moves = (("new", WaitingStatus.WAITING),)
OFFERED: Moves = (*IN_QUEUE, ("offer", WaitingStatus.OFFERED))

# What a booking went through since its order was confirmed.
BOOKED: Moves = (("new", Status.APPROVED),)
BOOKED_FOR_ATTENDANCE: Moves = (("new", Status.ATTENDANCE_APPROVED),)
CLOSING: Moves = (*BOOKED, ("plan_close", Status.APPROVED))
SUSPENDED: Moves = (*BOOKED, ("suspend", Status.SUSPENDED))
BOOKING_CANCELED: Moves = (*BOOKED, ("cancel", Status.CANCELED))


def insert(tx: Transaction | psycopg.Connection[Any], table: type[SQLModel], rows: Iterable[Row]) -> list[Row]:
    """Insert rows in one statement and return them as the database keeps them; the models' defaults fill the gaps."""
    given = [_with_defaults(table, row) for row in rows]
    if isinstance(tx, Transaction):
        given = [{"organisation_id": tx.organisation_id, **row} for row in given]
    name = str(table.__tablename__)
    columns = ", ".join(f'"{column}"' for column in given[0]) if given else "id"
    sql = (
        f'INSERT INTO "{name}" ({columns}) SELECT {columns} '
        f'FROM jsonb_populate_recordset(NULL::"{name}", %(rows)s::jsonb) RETURNING *'
    )
    rows_json = orjson.dumps(given, default=str).decode()
    if isinstance(tx, Transaction):
        return tx.rows(sql, rows=rows_json)
    return tx.cursor(row_factory=dict_row).execute(sql, {"rows": rows_json}).fetchall()


def add(tx: Transaction | psycopg.Connection[Any], table: type[SQLModel], **columns: Any) -> Row:
    """Insert one row."""
    return insert(tx, table, [columns])[0]


def _with_defaults(table: type[SQLModel], row: Row) -> Row:
    row = dict(row)
    for name, info in table.model_fields.items():
        if name == "organisation_id" or name in row or name == "claim_key":
            continue
        if not info.is_required():
            row[name] = info.get_default(call_default_factory=True, validated_data={})
        elif name in ("created_at", "updated_at", "at", "held_since", "issued_at"):
            row[name] = NOW
    return row


# --- the tenant and its programme ---


def organisation(owner: psycopg.Connection[Any], *, name: str = "Riverside Centre", **columns: Any) -> UUID:
    """A tenant with its organisation, made by the owner of the schema; returns its id."""
    slug = columns.pop("slug", name.lower().replace(" ", "-"))
    tenant: UUID = add(owner, Tenant, slug=slug)["id"]
    owner.execute("SELECT set_config('app.organisation_id', %s, false)", [str(tenant)])
    add(owner, Organisation, id=tenant, name=name,
        **{"currency": "CAD", "time_zone": "America/Toronto", "created_at": NOW, **columns})  # fmt: skip
    return tenant


def site(tx: Transaction, *, name: str = "Riverside", **columns: Any) -> Row:
    return add(tx, Site, **{"name": name, "time_zone": "America/Toronto", **columns})


def term(tx: Transaction, at: Row, *, name: str = "Spring 2026", **columns: Any) -> Row:
    dates = {"starts_on": date(2026, 4, 1), "ends_on": date(2026, 6, 30), "status": "OPEN"}
    return add(tx, Term, **{"name": name, "site_id": at["id"], **dates, **columns})


def program(tx: Transaction, at: Row, *, name: str = "Karate", category: Row | None = None, **columns: Any) -> Row:
    """A program of a category; without one it gets a category of its own name."""
    category = category or add(tx, ProgramCategory, name=f"{name} classes", program_type=11)
    return add(tx, Program, **{"category_id": category["id"], "site_id": at["id"], "name": name, **columns})


def offering(tx: Transaction, during: Row, of: Row, *, capacity: int = 10, **columns: Any) -> Row:
    """A published offering of a program in a term, 11.30 a session."""
    defaults = {"name": of["name"], "status": "PUBLISHED", "session_price_minor": 1130, "capacity": capacity}
    return add(tx, TermProgramSet, **{"term_id": during["id"], "program_id": of["id"], **defaults, **columns})


def sessions(tx: Transaction, of: Row, *starts: datetime | None, minutes: int = 60, **columns: Any) -> list[Row]:
    """Dated sessions that start at these local times (None: an undated one) and last that long."""
    rows = [{**_slot(start, minutes), "capacity": of["capacity"], **columns} for start in starts]
    price = {"term_program_set_id": of["id"], "price_minor": of["session_price_minor"]}
    return insert(tx, TermProduct, [{**price, **row} for row in rows])


def _slot(start: datetime | None, minutes: int) -> Row:
    if start is None:
        return {"starts_at": None, "ends_at": None, "local_date": None, "local_start": None, "local_end": None}
    start = start if start.tzinfo else start.replace(tzinfo=TORONTO)
    end = start + timedelta(minutes=minutes)
    return {
        "starts_at": start.astimezone(UTC), "ends_at": end.astimezone(UTC), "local_date": start.date(),
        "local_start": start.time(), "local_end": end.time(),
    }  # fmt: skip


def venue(tx: Transaction, at: Row, *numbers: int, name: str = "Main hall") -> tuple[Row, list[Row]]:
    """A venue with one row of these seats."""
    made = add(tx, Venue, site_id=at["id"], name=name)
    return made, insert(tx, Seat, [
        {"venue_id": made["id"], "row_name": "A", "row_position": 0, "number": number, "seat_type": "VIP"}
        for number in numbers
    ])  # fmt: skip


# --- people ---


def account(tx: Transaction, *, name: str = "Okafor family", **columns: Any) -> Row:
    return add(tx, Account, **{"reference": new_reference("AC"), "name": name, **columns})


def attendee(tx: Transaction, of: Row, *, name: str = "Mia Okafor", **columns: Any) -> Row:
    """A child of nine (unless told otherwise) whom the account may book for."""
    defaults = {"reference": new_reference("AT"), "name": name, "date_of_birth": date(2017, 2, 3)}
    child = add(tx, Attendee, **{**defaults, **columns})
    add(tx, AccountAttendee, account_id=of["id"], attendee_id=child["id"])
    return child


MANDATE_ACTIVE: tuple[tuple[str, MandateStatus], ...] = (("new", MandateStatus.PENDING),
                                                        ("activate", MandateStatus.ACTIVE))  # fmt: skip


def mandate(tx: Transaction, of: Row, *, moves: Any = MANDATE_ACTIVE, **columns: Any) -> Row:
    """A mandate of the family's bank account, in force unless told otherwise."""
    defaults = {"reference": new_reference("DD"), "account_id": of["id"], "holder": of["name"],
                "iban": "DE89370400440532013000", "signed_on": NOW.date()}  # fmt: skip
    standing = {"status": moves[-1][1], "version": len(moves)}
    made = add(tx, DirectDebitMandate, **{**defaults, **standing, **columns})
    history(tx, "direct_debit_mandate", made["id"], moves)
    return made


SUBSCRIPTION_ACTIVE = (("new", SubscriptionStatus.REQUESTED), ("begin", SubscriptionStatus.ACTIVE))


def subscription(
    tx: Transaction, by: Row, child: Row, to: Row, *, moves: Any = SUBSCRIPTION_ACTIVE, **columns: Any
) -> Row:
    """A subscription to an offering on Mondays, begun unless told otherwise."""
    defaults = {
        "reference": new_reference("TS"), "account_id": by["id"], "attendee_id": child["id"], "offering_id": to["id"],
        "program_id": to["program_id"], "weekdays": ["MON"], "starts_on": NOW.date(), "period": "MONTHLY",
        "notice_days": 14, "advance_days": 7,
    }  # fmt: skip
    made = add(tx, Subscription, **{**defaults, "status": moves[-1][1], "version": len(moves), **columns})
    history(tx, "subscription", made["id"], moves)
    return made


def schedule(tx: Transaction, enrolled: "Enrolled", *, status: str = "SCHEDULED", **columns: Any) -> Row:
    """The invoice that is planned for a booking's sessions."""
    first = enrolled.sessions[0]["local_date"]
    planned = add(tx, InvoiceSchedule, **{
        "booking_id": enrolled.booking["id"], "period_from": first, "period_until": first, "issue_on": first, **columns,
    })  # fmt: skip
    insert(tx, ScheduledLine, [{"schedule_id": planned["id"], "booking_line_id": line["id"], "status": status}
                               for line in enrolled.booking_lines])  # fmt: skip
    return planned


# --- an order on its way ---


@dataclass
class Ordered:
    """An order with everything that was written with it."""

    order: Row
    sessions: list[Row]
    lines: list[Row] = field(default_factory=list)
    claims: list[Row] = field(default_factory=list)
    billing: Row | None = None
    billing_lines: list[Row] = field(default_factory=list)


@dataclass
class Enrolled(Ordered):
    """A confirmed order with its booking; `invoice` is None when it is approved for attendance only."""

    booking: Row = field(default_factory=dict)
    booking_lines: list[Row] = field(default_factory=list)
    attendance: list[Row] = field(default_factory=list)
    invoice: Row | None = None
    invoice_lines: list[Row] = field(default_factory=list)


def cart(
    tx: Transaction, by: Row, child: Row, during: Row, wanted: Sequence[Row], *, moves: Moves = CARTED, **columns: Any
) -> Ordered:
    """An order that asks for these sessions and holds nothing, with the history of its moves."""
    order = add(tx, TermBookingOrder, **{
        "reference": new_reference("TO"), "account_id": by["id"], "attendee_id": child["id"], "term_id": during["id"],
        "made_by": "FAMILY", "confirmation_type": 201, "status": moves[-1][1], "version": len(moves), **columns,
    })  # fmt: skip
    history(tx, "term_booking_order", order["id"], moves, wanted if _takes(order) else ())
    lines = insert(tx, TermBookingOrderLine, [
        {"order_id": order["id"], "term_product_id": s["id"], "term_program_set_id": s["term_program_set_id"],
         "price_minor": s["price_minor"], "position": position, "seat_id": s.get("seat_id")}
        for position, s in enumerate(wanted)
    ])  # fmt: skip
    return Ordered(order, list(wanted), lines)


def history(
    tx: Transaction, chart: str, subject_id: UUID, moves: Moves, placed: Sequence[Row] = ()
) -> list[Row]:  # fmt: skip
    """The events of a record's moves, a minute apart from NOW; what timed out the system cancelled.

    `placed` are the sessions in which a submit or an offer takes places and a cancel gives them back.
    """
    before = [None, *(to for _, to in moves)]
    ids = [session["id"] for session in placed]
    taken, released = {"places_taken": ids}, {"places_released": ids}
    places = {"submit": taken, "offer": taken, "cancel": released} if ids else {}
    return insert(tx, StatusEvent, [
        {"chart": chart, "subject_id": subject_id, "sequence": sequence, "trigger": trigger, "from_status": source,
         "to_status": target, "actor_kind": "SYSTEM" if moves is TIMED_OUT and target == 900 else "ADMIN",
         "changes": places.get(trigger, {}), "at": NOW + timedelta(minutes=sequence)}
        for sequence, ((trigger, target), source) in enumerate(zip(moves, before, strict=False), 1)
    ])  # fmt: skip


def submitted(
    tx: Transaction, by: Row, child: Row, during: Row, wanted: Sequence[Row], *, moves: Moves = SUBMITTED,
    **columns: Any,
) -> Ordered:  # fmt: skip
    """An order that holds its sessions and has its Billing."""
    placed = cart(tx, by, child, during, wanted, moves=moves, **columns)
    placed.claims = hold(tx, placed, child)
    return bill(tx, placed)


def agree(tx: Transaction, placed: Ordered, *parts: tuple[str, int]) -> list[Row]:
    """A schedule of the order's Billing: each part's kind and amount, a month apart from NOW."""
    assert placed.billing is not None
    schedule = add(tx, PaymentSchedule, order_id=placed.order["id"], billing_id=placed.billing["id"],
                   total_minor=placed.billing["total_minor"], fingerprint="s", agreed_at=NOW)  # fmt: skip
    return insert(tx, Instalment, [
        {"schedule_id": schedule["id"], "position": position, "kind": kind, "amount_minor": amount,
         "due_on": NOW.date() + timedelta(days=30 * position)} for position, (kind, amount) in enumerate(parts)
    ])  # fmt: skip


def hold(tx: Transaction, placed: Ordered, child: Row) -> list[Row]:
    """Claim the order's sessions as its type does."""
    order_type = TermBookingOrderType(placed.order["order_type"])
    is_offered = order_type is TermBookingOrderType.WAITING_LIST
    takes = _takes(placed.order) or is_offered
    claims = insert(tx, PlaceClaim, [
        {"order_id": placed.order["id"], "attendee_id": child["id"], "attendee_key": child["claim_key"],
         "term_product_id": s["id"], "order_type": order_type, "takes_place": takes,
         "blocks_time": not is_offered and order_type is not TermBookingOrderType.SUBSCRIPTION,
         "during": f"[{s['starts_at'].isoformat()},{s['ends_at'].isoformat()})" if s["starts_at"] else "empty",
         "is_seated": s["is_seated"], "venue_id": s["venue_id"] if takes else None,
         "seat_id": s.get("seat_id") if takes else None}
        for s in placed.sessions
    ])  # fmt: skip
    if takes:
        ids = [s["id"] for s in placed.sessions]
        tx.run("UPDATE term_product SET taken = taken + 1 WHERE id = ANY (%(ids)s)", ids=ids)
    return claims


def _takes(order: Row) -> bool:
    return order["order_type"] != TermBookingOrderType.EOI


@dataclass
class Waited(Ordered):
    """A waiting-list order with its one entry."""

    entry: Row = field(default_factory=dict)


def wait(
    tx: Transaction, by: Row, child: Row, during: Row, session: Row, *, moves: Moves = IN_QUEUE, **columns: Any
) -> Waited:  # fmt: skip
    """An order that waits for a session; offered a place, it holds one for a day, with a timer."""
    placed = Waited(**vars(cart(tx, by, child, during, [session], moves=WAITED, order_type=1, confirmation_type=None)))
    is_offered = moves[-1][1] is WaitingStatus.OFFERED
    expires_at = NOW + timedelta(days=1)
    offer = {"offer_id": new_id(), "offer_expires_at": expires_at} if is_offered else {}
    placed.entry = add(tx, WaitingEntry, **{
        "reference": new_reference("WE"), "order_id": placed.order["id"], "attendee_id": child["id"],
        "term_product_id": session["id"], "status": moves[-1][1], "version": len(moves), "since": NOW, **offer,
        **columns,
    })  # fmt: skip
    history(tx, "waiting_entry", placed.entry["id"], moves, [session] if is_offered else ())
    if is_offered:
        placed.claims = hold(tx, placed, child)
        arm(tx, placed, "WAITING_OFFER", minutes=24 * 60, detail_id=offer["offer_id"])
    else:
        tx.run("UPDATE term_product SET waiting_count = waiting_count + 1 WHERE id = %(id)s", id=session["id"])
    return placed


def bill(tx: Transaction, placed: Ordered, *, is_void: bool = False) -> Ordered:
    """The next version of the order's booking group: its lines with 13 % tax included, or a void one without any."""
    group = _group(tx, placed.order)
    priced = [] if is_void else [_price(s["price_minor"]) for s in placed.sessions]
    total = {column: sum(p[column] for p in priced) for column in ("net_minor", "tax_minor", "gross_minor")}
    placed.billing = add(tx, Billing,
        group_id=group["id"], version=group["last_version"], order_id=placed.order["id"], is_void=is_void,
        net_minor=total["net_minor"], tax_minor=total["tax_minor"], total_minor=total["gross_minor"], fingerprint="f",
    )  # fmt: skip
    placed.billing_lines = insert(tx, BillingLine, [
        {"billing_id": placed.billing["id"], "attendee_id": placed.order["attendee_id"], "term_product_id": s["id"],
         "component": "SESSION", "description": "A session", "printed": {"course": "Karate"},
         "base_minor": s["price_minor"], **price, "tax_name": "HST", "tax_rate": "0.13", "trace": [],
         "position": position}
        for position, (s, price) in enumerate(zip(placed.sessions, priced, strict=False))
    ])  # fmt: skip
    placed.order |= _update_order(tx, placed, group)
    return placed


def _group(tx: Transaction, order: Row) -> Row:
    """The booking group of the order's account and term, with its version one up."""
    key = {"account_id": order["account_id"], "term_id": order["term_id"]}
    where = "account_id = %(account_id)s AND term_id = %(term_id)s"
    if order["subscription_id"] is not None:
        key = {"account_id": order["account_id"], "subscription_id": order["subscription_id"]}
        where = "subscription_id = %(subscription_id)s"
    if tx.row(f"SELECT id FROM billing_group WHERE {where}", **key) is None:
        add(tx, BillingGroup, **key)
    return tx.rows(f"UPDATE billing_group SET last_version = last_version + 1 WHERE {where} RETURNING *", **key)[0]


def _price(gross_minor: int) -> Row:
    tax_minor = (gross_minor * 13 + 56) // 113
    return {"net_minor": gross_minor - tax_minor, "tax_minor": tax_minor, "gross_minor": gross_minor}


def _update_order(tx: Transaction, placed: Ordered, group: Row) -> Row:
    assert placed.billing is not None
    return tx.rows(
        "UPDATE term_booking_order SET group_id = %(group)s, billing_id = %(billing)s, total_minor = %(total)s "
        "WHERE id = %(id)s RETURNING *",
        group=group["id"], billing=placed.billing["id"], total=placed.billing["total_minor"], id=placed.order["id"],
    )[0]  # fmt: skip


def group_order(tx: Transaction, by: Row, during: Row, together: Sequence[Ordered], **columns: Any) -> Row:
    """A group order for all or nothing (unless told otherwise), of these orders."""
    group = add(tx, GroupOrder, **{
        "reference": new_reference("GO"), "account_id": by["id"], "term_id": during["id"], "policy": "ALL_OR_NOTHING",
        "made_by": "FAMILY", **columns,
    })  # fmt: skip
    for position, placed in enumerate(together):
        add(tx, GroupOrderMember, group_order_id=group["id"], order_id=placed.order["id"], position=position)
    return group


def timed_out(tx: Transaction, by: Row, child: Row, during: Row, wanted: Sequence[Row]) -> Ordered:
    """An order that nobody paid: the system cancelled it, its Billing is void, its timer fired."""
    placed = cart(tx, by, child, during, wanted, moves=TIMED_OUT, cancel_reason="timeout")
    arm(tx, placed, status="FIRED", settled_at=NOW + timedelta(minutes=15))
    return bill(tx, bill(tx, placed), is_void=True)


def arm(tx: Transaction, placed: Ordered, kind: str = "AUTO_CANCEL", *, minutes: int = 15, **columns: Any) -> Row:
    """A timer on the order, that many minutes after NOW."""
    due_at = NOW + timedelta(minutes=minutes)
    return add(tx, Timer, **{"kind": kind, "subject_id": placed.order["id"], "due_at": due_at, **columns})


def quote(tx: Transaction, placed: Ordered) -> Row:
    """The numbered quote of an order's Billing, good for a week."""
    assert placed.billing is not None
    return add(tx, Quote,
        **number(tx, DocumentSeries.QUOTE), order_id=placed.order["id"], billing_id=placed.billing["id"],
        total_minor=placed.billing["total_minor"], issued_on=NOW.date(), expires_at=NOW + timedelta(days=7), printed={},
    )  # fmt: skip


def number(tx: Transaction, series: DocumentSeries, year: int = 2026) -> Row:
    """The next number of a series, as columns of a document."""
    given = tx.rows(
        "INSERT INTO document_counter AS c (organisation_id, id, series, year, last_number) "
        "VALUES (%(org)s, %(id)s, %(series)s, %(year)s, 1) ON CONFLICT (organisation_id, series, year) "
        "DO UPDATE SET last_number = c.last_number + 1 RETURNING last_number",
        id=new_id(), series=series.value, year=year,
    )  # fmt: skip
    return {"series": series, "year": year, "number": given[0]["last_number"]}


# --- an enrolment ---


def confirmed(
    tx: Transaction, by: Row, child: Row, during: Row, wanted: Sequence[Row], *, moves: Moves = CONFIRMED,
    booking_moves: Moves = BOOKED, is_invoiced: bool = True, **columns: Any,
) -> Enrolled:  # fmt: skip
    """A confirmed order with booking, roll and posted invoice; it holds places while its booking's status does."""
    is_expected = booking_moves[-1][1] in (Status.ATTENDANCE_APPROVED, Status.APPROVED)
    holds = is_expected or booking_moves[-1][1] is Status.SUSPENDED
    booking_id = new_id()
    columns["booking_id"] = booking_id
    placed = (submitted if holds else cart)(tx, by, child, during, wanted, moves=moves, **columns)
    enrolled = Enrolled(**vars(placed if holds else bill(tx, placed)))
    book(tx, enrolled, booking_id, booking_moves)
    roll(tx, enrolled, "EXPECTED" if is_expected else "CANCELLED")
    if is_invoiced:
        issue(tx, enrolled)
    return enrolled


def book(tx: Transaction, enrolled: Enrolled, booking_id: UUID, moves: Moves) -> None:
    """The booking of an order, with a line for each of its lines."""
    order, assumed = enrolled.order, ("account_id", "attendee_id", "term_id", "group_id", "order_type", "billing_id")
    enrolled.booking = add(tx, TermBooking,
        id=booking_id, reference=new_reference("TB"), order_id=order["id"], **{name: order[name] for name in assumed},
        confirmation_type=order["confirmation_type"], total_minor=order["total_minor"], payment_state="NOT_DUE",
        status=moves[-1][1], version=len(moves),
    )  # fmt: skip
    history(tx, "term_booking", booking_id, moves, enrolled.sessions)
    enrolled.booking_lines = insert(tx, TermBookingLine, [
        {"booking_id": booking_id, "billing_line_id": billed["id"], "gross_minor": billed["gross_minor"],
         **{name: line[name] for name in ("term_product_id", "term_program_set_id", "kind", "mode", "position",
                                          "seat_id")},
         "ticket_reference": new_ticket() if line["seat_id"] else None}
        for line, billed in zip(enrolled.lines, enrolled.billing_lines, strict=True)
    ])  # fmt: skip


def roll(tx: Transaction, enrolled: Enrolled, status: str) -> None:
    """A row on the roll for each dated line."""
    enrolled.attendance = insert(tx, TermAttendance, [
        {"booking_line_id": line["id"], "booking_id": line["booking_id"], "term_product_id": s["id"],
         "attendee_id": enrolled.order["attendee_id"], "local_date": s["local_date"], "status": status}
        for line, s in zip(enrolled.booking_lines, enrolled.sessions, strict=True) if s["local_date"]
    ])  # fmt: skip


def issue(tx: Transaction, enrolled: Enrolled) -> Row:
    """The booking's numbered invoice over its Billing, posted; the booking is open then, or paid if it is free."""
    billing, booking = enrolled.billing, enrolled.booking
    assert billing is not None
    amounts = {column: billing[column] for column in ("net_minor", "tax_minor", "total_minor")}
    enrolled.invoice = add(tx, Invoice,
        **number(tx, DocumentSeries.INVOICE), account_id=booking["account_id"], booking_id=booking["id"],
        billing_id=billing["id"], currency="CAD", issued_on=NOW.date(), due_on=NOW.date() + timedelta(days=14),
        printed={}, **amounts,
    )  # fmt: skip
    copied = ("description", "net_minor", "tax_minor", "gross_minor", "tax_name", "tax_rate", "position")
    enrolled.invoice_lines = insert(tx, InvoiceLine, [
        {"invoice_id": enrolled.invoice["id"], "billing_line_id": billed["id"], "booking_line_id": line["id"],
         **{name: billed[name] for name in copied}}
        for billed, line in zip(enrolled.billing_lines, enrolled.booking_lines, strict=True)
    ])  # fmt: skip
    post(tx, "INVOICE", enrolled.invoice["id"], "ISSUED", booking["account_id"], {
        LedgerAccount.RECEIVABLE: amounts["total_minor"], LedgerAccount.DEFERRED_REVENUE: -amounts["net_minor"],
        LedgerAccount.TAX: -amounts["tax_minor"],
    })  # fmt: skip
    _set_payment_state(tx, enrolled, "OPEN" if amounts["total_minor"] else "PAID")
    return enrolled.invoice


def give_up(tx: Transaction, enrolled: Enrolled, position: int, *, is_credited: bool = True) -> None:
    """A session that was given up: off the roll, its place free, its price off the Billing, credited unless not."""
    line, session = enrolled.booking_lines[position], enrolled.sessions[position]
    tx.run("UPDATE term_booking_line SET cancelled_at = %(now)s WHERE id = %(id)s", now=NOW, id=line["id"])
    tx.run("UPDATE term_attendance SET status = 'CANCELLED', reason = 'CLOSED' WHERE booking_line_id = %(id)s",
           id=line["id"])  # fmt: skip
    given_back = {"order": enrolled.order["id"], "session": session["id"]}
    tx.run("DELETE FROM place_claim WHERE order_id = %(order)s AND term_product_id = %(session)s", **given_back)
    tx.run("UPDATE term_product SET taken = taken - 1 WHERE id = %(session)s", **given_back)
    _bill_the_rest(tx, enrolled, session)
    if is_credited:
        credit(tx, enrolled, position)


def _bill_the_rest(tx: Transaction, enrolled: Enrolled, gone: Row) -> None:
    group, order = _group(tx, enrolled.order), enrolled.order
    kept = tx.rows("SELECT l.* FROM billing_line l JOIN term_booking b ON b.billing_id = l.billing_id "
                   "WHERE b.id = %(id)s AND l.term_product_id <> %(gone)s ORDER BY l.position",
                   id=enrolled.booking["id"], gone=gone["id"])  # fmt: skip
    total = {name: sum(row[name] for row in kept) for name in ("net_minor", "tax_minor", "gross_minor")}
    version = add(tx, Billing,
        group_id=group["id"], version=group["last_version"], order_id=order["id"], is_void=not kept,
        net_minor=total["net_minor"], tax_minor=total["tax_minor"], total_minor=total["gross_minor"], fingerprint="r",
    )  # fmt: skip
    insert(tx, BillingLine, [{**row, "id": new_id(), "billing_id": version["id"]} for row in kept])
    enrolled.booking = tx.rows(
        "UPDATE term_booking SET billing_id = %(billing)s, total_minor = %(total)s WHERE id = %(id)s RETURNING *",
        billing=version["id"], total=version["total_minor"], id=enrolled.booking["id"],
    )[0]  # fmt: skip


def credit(tx: Transaction, enrolled: Enrolled, position: int) -> Row:
    """A posted credit note over one line of the booking's invoice, which it settles."""
    assert enrolled.invoice is not None
    invoice, line = enrolled.invoice, enrolled.invoice_lines[position]
    amounts = {"net_minor": line["net_minor"], "tax_minor": line["tax_minor"]}
    note = add(tx, CreditNote,
        **number(tx, DocumentSeries.CREDIT_NOTE), account_id=invoice["account_id"], booking_id=invoice["booking_id"],
        currency="CAD", total_minor=line["gross_minor"], issued_on=NOW.date(), printed={}, **amounts,
    )  # fmt: skip
    copied = ("booking_line_id", "description", "gross_minor", "tax_name", "tax_rate", "position")
    add(tx, CreditNoteLine, credit_note_id=note["id"], invoice_line_id=line["id"], **amounts,
        **{name: line[name] for name in copied})  # fmt: skip
    add(tx, CreditAllocation, credit_note_id=note["id"], invoice_id=invoice["id"], amount_minor=line["gross_minor"])
    post(tx, "CREDIT_NOTE", note["id"], "ISSUED", invoice["account_id"], {
        LedgerAccount.RECEIVABLE: -line["gross_minor"], LedgerAccount.DEFERRED_REVENUE: line["net_minor"],
        LedgerAccount.TAX: line["tax_minor"],
    })  # fmt: skip
    return note


def post(
    tx: Transaction, source_kind: str, source_id: UUID, purpose: str, account_id: UUID,
    amounts: dict[LedgerAccount, int], *, at: datetime = NOW, **columns: Any,
) -> None:  # fmt: skip
    """One balanced entry in the books; without amounts there is nothing to post."""
    postings = {ledger_account: amount for ledger_account, amount in amounts.items() if amount}
    if not postings:
        return
    entry = add(tx, LedgerEntry,
        posted_on=at.date(), source_kind=source_kind, source_id=source_id, purpose=purpose, created_at=at, **columns,
    )  # fmt: skip
    insert(tx, LedgerPosting, [
        {"entry_id": entry["id"], "posted_on": entry["posted_on"], "ledger_account": ledger_account,
         "account_id": account_id, "amount_minor": amount}
        for ledger_account, amount in postings.items()
    ])  # fmt: skip


# --- money ---


def payment(tx: Transaction, placed: Ordered, *, status: str = "SUCCESS", at: datetime = NOW, **columns: Any) -> Row:
    """A payment of what the order costs; captured money becomes the family's credit."""
    defaults = {
        "reference": new_reference("PM"), "account_id": placed.order["account_id"], "order_id": placed.order["id"],
        "billing_id": placed.order["billing_id"], "amount_minor": placed.order["total_minor"], "currency": "CAD",
        "provider": "sandbox", "external_id": str(new_id()), "status": status, "fingerprint": "f",
    }  # fmt: skip
    paid = add(tx, Payment, **{**defaults, **columns})
    if status == "SUCCESS":
        post(tx, "PAYMENT", paid["id"], "CAPTURED", paid["account_id"], {
            LedgerAccount.GATEWAY_CLEARING: paid["amount_minor"],
            LedgerAccount.CUSTOMER_CREDIT: -paid["amount_minor"],
        }, at=at)  # fmt: skip
    return paid


def wallet(tx: Transaction, of: Row, *, top_up_minor: int, bonus_minor: int) -> dict[str, Row]:
    """A wallet that was topped up and given bonus: its row, the payment, the grant and the entries of both."""
    for_nothing = Ordered({"account_id": of["id"], "id": None, "billing_id": None, "total_minor": top_up_minor}, [])
    topped = payment(tx, for_nothing)
    made = add(tx, Wallet, id=of["id"], balance_minor=top_up_minor, bonus_minor=bonus_minor)
    grant = add(tx, BonusGrant, account_id=of["id"], granted_minor=bonus_minor, left_minor=bonus_minor, reason="hello")
    entry = add(tx, WalletEntry, account_id=of["id"], kind="TOPPED_UP", balance_minor=top_up_minor,
                payment_id=topped["id"], moved_minor=top_up_minor)  # fmt: skip
    given = add(tx, WalletEntry, account_id=of["id"], kind="GRANTED", bonus_minor=bonus_minor)
    use = add(tx, BonusUse, entry_id=given["id"], grant_id=grant["id"], amount_minor=bonus_minor)
    post(tx, "WALLET_ENTRY", entry["id"], "TOPPED_UP", of["id"],
         {LedgerAccount.CUSTOMER_CREDIT: top_up_minor, LedgerAccount.WALLET: -top_up_minor})  # fmt: skip
    post(tx, "WALLET_ENTRY", given["id"], "GRANTED", of["id"],
         {LedgerAccount.BONUS_EXPENSE: bonus_minor, LedgerAccount.BONUS: -bonus_minor})  # fmt: skip
    return {"wallet": made, "payment": topped, "grant": grant, "topped_up": entry, "given": given, "use": use}


def a_pass(tx: Transaction, of: Row, *, units: int | None = 10, net_minor: int = 1000, tax_minor: int = 130) -> Row:
    """A pass for ten sessions that was paid from a wallet, none of it used."""
    product = add(tx, PassProduct, name="Ten sessions", units=units, validity_days=180, covers="SESSIONS",
                  returns="ALWAYS", price_minor=net_minor + tax_minor, tax_rate="0.13")  # fmt: skip
    paid = net_minor + tax_minor
    entry = add(tx, WalletEntry, account_id=of["id"], kind="PASS_BOUGHT", balance_minor=-paid)
    tx.run("UPDATE wallet SET balance_minor = balance_minor - %(paid)s WHERE id = %(id)s", paid=paid, id=of["id"])
    post(tx, "WALLET_ENTRY", entry["id"], "PASS_BOUGHT", of["id"], {
        LedgerAccount.WALLET: paid, LedgerAccount.PASS_LIABILITY: -net_minor, LedgerAccount.TAX: -tax_minor,
    })  # fmt: skip
    return add(
        tx, Entitlement, **number(tx, DocumentSeries.PASS), reference="PS-1", account_id=of["id"],
        product_id=product["id"], wallet_entry_id=entry["id"], name="Ten sessions", valid_from=NOW.date(),
        valid_until=NOW.date() + timedelta(days=179), granted=units, net_minor=net_minor, tax_minor=tax_minor,
        total_minor=paid, tax_rate="0.13", sold_on=NOW.date(),
    )  # fmt: skip


def settle(tx: Transaction, enrolled: Enrolled, paid: Row) -> Row:
    """Use the payment for the booking's invoice."""
    assert enrolled.invoice is not None
    invoice, amount = enrolled.invoice, min(paid["amount_minor"], enrolled.invoice["total_minor"])
    allocation = add(tx, PaymentAllocation, payment_id=paid["id"], invoice_id=invoice["id"], amount_minor=amount)
    post(tx, "ALLOCATION", allocation["id"], "APPLIED", paid["account_id"],
         {LedgerAccount.CUSTOMER_CREDIT: amount, LedgerAccount.RECEIVABLE: -amount})  # fmt: skip
    _set_payment_state(tx, enrolled, "PAID" if amount == invoice["total_minor"] else "OPEN")
    return allocation


def give_back(tx: Transaction, enrolled: Enrolled, debit: Row) -> Row:
    """The bank takes back a debit that was used for the booking's invoice."""
    assert enrolled.invoice is not None
    invoice, amount = enrolled.invoice, debit["amount_minor"]
    freed = add(tx, PaymentAllocation, payment_id=debit["id"], invoice_id=invoice["id"], amount_minor=-amount)
    account, credit = debit["account_id"], LedgerAccount.CUSTOMER_CREDIT
    post(tx, "ALLOCATION", freed["id"], "RELEASED", account, {LedgerAccount.RECEIVABLE: amount, credit: -amount})
    captured = tx.rows("SELECT id FROM ledger_entry WHERE source_id = %(id)s", id=debit["id"])[0]
    post(tx, "PAYMENT", debit["id"], "RETURNED", account,
         {LedgerAccount.GATEWAY_CLEARING: -amount, credit: amount}, reverses_id=captured["id"])  # fmt: skip
    _set_payment_state(tx, enrolled, "OPEN")
    return tx.rows("UPDATE payment SET status = 'FAILED', returned_at = %(now)s WHERE id = %(id)s RETURNING *",
                   now=NOW, id=debit["id"])[0]  # fmt: skip


def _set_payment_state(tx: Transaction, enrolled: Enrolled, state: str) -> None:
    booking = enrolled.booking
    booking["payment_state"] = state
    tx.run("UPDATE term_booking SET payment_state = %(state)s WHERE id = %(id)s", state=state, id=booking["id"])
