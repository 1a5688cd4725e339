"""What the booking's verbs know: the booking under lock, and what stands behind it, read in one statement after it.

Lock order: account → attendee → order → booking → its rows on the roll; sessions and the document counter come with
the write. A sweeper that holds the booking alone takes no lock that comes before it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlmodel import SQLModel

from billing.adjustments import is_beside
from billing.credits import Credit as MoneyBack
from billing.credits import Owed, Used, plan_credit
from catalogue.rules import Rule, answer
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.fire import Subject
from invoicing.issue import number_text
from models import (
    AttendanceStatus,
    BookingMode,
    LineKind,
    PaymentState,
    TermBooking,
    TermBookingConfirmationType,
    TermBookingStatus,
)
from workflows.makeup_credit import AS_JSON, Credit
from workflows.order_facts import Changed, Order, lock_order
from workflows.pass_facts import USES, Use, uses_of

_WAS_THERE = frozenset({AttendanceStatus.PRESENT, AttendanceStatus.LATE, AttendanceStatus.LEFT})


@dataclass(kw_only=True)
class Booking(Subject):
    """The booking as the verbs see it."""

    table: ClassVar[type[SQLModel]] = TermBooking
    account_id: UUID
    attendee_id: UUID
    order_id: UUID
    group_id: UUID
    billing_id: UUID
    total_minor: int
    confirmation_type: TermBookingConfirmationType
    payment_state: PaymentState
    closes_on: date | None = None
    converted_into_id: UUID | None = None  # written by the conversion of a trial
    revision: int = 1


@dataclass(slots=True)
class BookedLine:
    """A confirmed session. An undated one runs with its term: from the morning of the first day to the last evening."""

    id: UUID
    session_id: UUID
    label: str
    day: date
    starts_at: datetime
    ends_at: datetime
    position: int
    is_cancelled: bool
    chain: tuple[UUID, ...]
    attendance: Row | None  # its row on the roll
    kind: LineKind = LineKind.SESSION
    mode: BookingMode = BookingMode.CASUAL
    makeup_credit_id: UUID | None = None  # what a makeup session is booked with
    seat_id: UUID | None = None

    @property
    def was_there(self) -> bool:
        """The attendee came, as the roll says."""
        return self.attendance is not None and self.attendance["status"] in _WAS_THERE

    def is_held(self, now: datetime) -> bool:
        """It has begun, or the attendee is there already: it stays billed."""
        return self.was_there or self.starts_at <= now


@dataclass
class Enrolled:
    """A booking and everything that stands behind it. `order` is None for a sweeper, which holds the booking alone."""

    booking: Booking
    order: Order | None
    lines: list[BookedLine]
    claims: list[Row]
    timers: list[Row]
    group: Row
    billing_lines: list[Row]
    invoice_lines: list[Row]
    invoices: list[Owed]
    payments: list[Used]
    settings: dict[tuple[UUID, str], Any]
    term: Row
    order_type: int = 0
    captured_minor: int = 0  # money that came in for the order that made it
    # Money of its orders that was captured and settles nothing yet, by payment, the oldest first.
    free: list[tuple[UUID, int]] = field(default_factory=list)
    makeups: list[Credit] = field(default_factory=list)  # makeup credits that it has booked
    uses: list[Use] = field(default_factory=list)  # what its sessions use of passes
    credit_note_id: UUID | None = None
    scheduled: list[Row] = field(default_factory=list)  # its sessions that wait for their invoice

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.term["time_zone"])

    def today(self, now: datetime) -> date:
        """Today where the term runs."""
        return now.astimezone(self.zone).date()

    def kept(self) -> list[BookedLine]:
        """The sessions that were not given up; a closed day is none of them any more."""
        return [line for line in self.lines if not line.is_cancelled and line.kind is not LineKind.CLOSURE_DAY]

    @property
    def invoiced(self) -> set[UUID]:
        """The lines that stand on an invoice, whatever was credited of them."""
        return {UUID(row["booking_line_id"]) for row in self.invoice_lines}

    @property
    def paid_minor(self) -> int:
        """What was paid for it, whether an invoice of it is issued by now or not."""
        return sum(invoice.paid_minor for invoice in self.invoices) + sum(minor for _, minor in self.free)

    @property
    def not_invoiced(self) -> set[UUID]:
        """The lines that wait for their invoice: nothing of them is charged or credited before."""
        return {UUID(row["booking_line_id"]) for row in self.scheduled}

    def to_invoice(self) -> list[Row]:
        """What it costs, line by line, as an invoice charges it."""
        offering = {str(line.session_id): str(line.chain[0]) for line in self.lines}
        return [{**row, "local_date": None if is_beside(row["component"]) else row["printed"].get("date"),
                 "term_program_set_id": offering[row["term_product_id"]]} for row in self.billing_lines]  # fmt: skip

    def to_come(self, now: datetime) -> list[BookedLine]:
        """The sessions that can still be given up."""
        return [line for line in self.kept() if not line.is_held(now)]

    def cancellable_until(self, line: BookedLine) -> datetime:
        """Until when a family may cancel the session, by the rule that applies to its offering."""
        hours = answer(Rule.CANCELLATION_WINDOW, self.settings, chain=line.chain).value
        return line.starts_at - timedelta(hours=hours)

    def until_words(self, line: BookedLine) -> str:
        """The same moment as a person reads it."""
        return f"{self.cancellable_until(line).astimezone(self.zone):%a %d %b %Y %H:%M}"

    def has_late_fee(self, line: BookedLine) -> bool:
        """Whether a family may give the session up inside its window, at a fee."""
        return answer(Rule.LATE_FEE, self.settings, chain=line.chain).value is not None

    def rules(self, rule: Rule) -> list[Any]:
        """The rule's value for each offering of its sessions, those given up included."""
        return [answer(rule, self.settings, chain=chain).value for chain in {line.chain for line in self.lines}]

    def credit_of(self, leaving: list[BookedLine]) -> MoneyBack:
        """What giving up these sessions takes back of the invoices, extras included."""
        gone = {str(line.id) for line in leaving}
        return plan_credit(
            [
                line
                for line in self.invoice_lines
                if line["booking_line_id"] in gone and not is_beside(line["component"])
            ],
            self.invoices,
            self.payments,
        )


_FIND = "SELECT order_id, account_id FROM term_booking WHERE organisation_id = %(org)s AND id = %(booking_id)s"

BOOKINGS = """
SELECT id, reference, status, version, account_id, attendee_id, order_id, group_id, billing_id, total_minor,
       confirmation_type, payment_state, closes_on, revision
FROM term_booking WHERE organisation_id = %(org)s AND id = ANY(%(booking_ids)s) ORDER BY id
"""
_LOCK = f"{BOOKINGS} FOR NO KEY UPDATE"

# A roll that is being marked is waited for: what it says is seen by the next statement.
LOCK_ROLL = """
SELECT id FROM term_attendance WHERE organisation_id = %(org)s AND booking_line_id = ANY(ARRAY(
    SELECT l.id FROM term_booking_line l WHERE l.organisation_id = %(org)s AND l.booking_id = ANY(%(booking_ids)s)))
ORDER BY id FOR NO KEY UPDATE
"""

BEHIND = """
WITH term AS (
    SELECT t.id, t.name, t.starts_on, t.ends_on, coalesce(s.time_zone, g.time_zone) AS time_zone
    FROM term_booking b
    JOIN term t ON t.organisation_id = b.organisation_id AND t.id = b.term_id
    JOIN organisation g ON g.id = b.organisation_id
    LEFT JOIN site s ON s.organisation_id = t.organisation_id AND s.id = t.site_id
    WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s
), lines AS (
    SELECT l.id, l.term_product_id, l.position, l.kind, l.mode, l.seat_id, l.cancelled_at IS NOT NULL AS is_cancelled,
           CASE WHEN l.kind = 'MAKEUP_SESSION' THEN (
               SELECT o.makeup_credit_id FROM term_booking_order_line o
               WHERE o.organisation_id = %(org)s AND o.order_id = %(order_id)s
                 AND o.term_product_id = l.term_product_id) END AS makeup_credit_id,
           p.id AS offering_id,
           p.name, p.program_id, g.category_id, s.local_date, s.local_start, s.local_end,
           coalesce(s.local_date, term.starts_on) AS day,
           coalesce(s.starts_at, term.starts_on::timestamp AT TIME ZONE term.time_zone) AS starts_at,
           coalesce(s.ends_at, (term.ends_on + 1)::timestamp AT TIME ZONE term.time_zone) AS ends_at
    FROM term_booking_line l CROSS JOIN term
    JOIN term_product s ON s.organisation_id = l.organisation_id AND s.id = l.term_product_id
    JOIN term_program_set p ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id
    JOIN program g ON g.organisation_id = p.organisation_id AND g.id = p.program_id
    WHERE l.organisation_id = %(org)s AND l.booking_id = %(booking_id)s
)
SELECT
    (SELECT row_to_json(term) FROM term) AS term,
    (SELECT json_agg(l ORDER BY l.position) FROM lines l) AS lines,
    (SELECT json_agg(json_build_object('id', a.id, 'booking_line_id', a.booking_line_id, 'status', a.status,
                     'version', a.version, 'reason', a.reason))
     FROM lines l JOIN term_attendance a ON a.organisation_id = %(org)s AND a.booking_line_id = l.id) AS attendance,
    (SELECT json_agg(json_build_object('id', c.id, 'term_product_id', c.term_product_id,
                     'takes_place', c.takes_place, 'chosen_with', (
                         SELECT l.term_product_id FROM term_booking_order h
                         JOIN term_booking_order w ON w.organisation_id = h.organisation_id
                              AND (w.id = h.id OR w.booking_id = h.booking_id)
                         JOIN term_booking_order_activity y ON y.organisation_id = w.organisation_id
                              AND y.order_id = w.id AND y.term_product_id = c.term_product_id
                         JOIN term_booking_order_line l ON l.organisation_id = y.organisation_id
                              AND l.id = y.order_line_id
                         WHERE h.organisation_id = c.organisation_id AND h.id = c.order_id
                         ORDER BY y.id DESC LIMIT 1)) ORDER BY c.term_product_id)
     FROM place_claim c WHERE c.organisation_id = %(org)s AND c.order_id = %(order_id)s) AS claims,
    (SELECT json_agg(json_build_object('id', t.id, 'kind', t.kind, 'due_at', t.due_at))
     FROM timer t WHERE t.organisation_id = %(org)s AND t.subject_id = %(booking_id)s AND t.status = 'ARMED') AS timers,
    (SELECT json_build_object('id', g.id, 'last_version', g.last_version) FROM billing_group g
     WHERE g.organisation_id = %(org)s AND g.id = %(group_id)s) AS billing_group,
    (SELECT json_agg(json_build_object('id', x.id, 'attendee_id', x.attendee_id, 'term_product_id', x.term_product_id,
                     'component', x.component, 'position', x.position, 'description', x.description,
                     'printed', x.printed,
                     'quantity', x.quantity, 'base_minor', x.base_minor,
                     'discount_minor', x.discount_minor, 'net_minor', x.net_minor,
                     'tax_minor', x.tax_minor, 'gross_minor', x.gross_minor, 'tax_name', x.tax_name,
                     'tax_rate', x.tax_rate::text, 'trace', x.trace) ORDER BY x.position)
     FROM billing_line x WHERE x.organisation_id = %(org)s AND x.billing_id = %(billing_id)s) AS billing_lines,
    (SELECT json_agg(json_build_object('id', x.id, 'invoice_id', x.invoice_id, 'booking_line_id', x.booking_line_id,
                     'description', x.description, 'session_date', x.session_date, 'quantity', x.quantity,
                     'component', (SELECT k.component FROM billing_line k
                                   WHERE k.organisation_id = x.organisation_id AND k.id = x.billing_line_id),
                     'net_minor', x.net_minor, 'tax_minor', x.tax_minor, 'tax_name', x.tax_name,
                     'tax_rate', x.tax_rate::text, 'credited_net_minor', c.net_minor,
                     'credited_tax_minor', c.tax_minor) ORDER BY v.issued_at, v.number, x.position)
     FROM invoice v
     JOIN invoice_line x ON x.organisation_id = v.organisation_id AND x.invoice_id = v.id
     CROSS JOIN LATERAL (
         SELECT coalesce(sum(n.net_minor), 0)::bigint AS net_minor, coalesce(sum(n.tax_minor), 0)::bigint AS tax_minor
         FROM credit_note_line n WHERE n.organisation_id = x.organisation_id AND n.invoice_line_id = x.id) c
     WHERE v.organisation_id = %(org)s AND v.booking_id = %(booking_id)s) AS invoice_lines,
    (SELECT json_agg(json_build_object('id', v.id, 'series', v.series, 'year', v.year, 'number', v.number,
                     'total_minor', v.total_minor, 'due_on', v.due_on,
                     'paid_minor', coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                         WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)::bigint,
                     'credited_minor', coalesce((SELECT sum(a.amount_minor) FROM credit_allocation a
                         WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)::bigint,
                     'given_up', (
                         SELECT json_agg(json_build_array(w.id, w.amount_minor - w.restored_minor) ORDER BY w.id)
                         FROM write_off w WHERE w.organisation_id = v.organisation_id AND w.invoice_id = v.id
                           AND w.undone_at IS NULL AND w.amount_minor > w.restored_minor)))
     FROM invoice v WHERE v.organisation_id = %(org)s AND v.booking_id = %(booking_id)s) AS invoices,
    (SELECT json_agg(u ORDER BY u.used_at DESC, u.payment_id) FROM (
        SELECT a.invoice_id, a.payment_id, sum(a.amount_minor)::bigint AS amount_minor, max(a.created_at) AS used_at
        FROM payment_allocation a
        JOIN invoice v ON v.organisation_id = a.organisation_id AND v.id = a.invoice_id
        WHERE a.organisation_id = %(org)s AND v.booking_id = %(booking_id)s
        GROUP BY a.invoice_id, a.payment_id HAVING sum(a.amount_minor) > 0) u) AS payments,
    (SELECT json_agg(json_build_array(r.scope_id, r.name, r.value)) FROM rule_setting r
     WHERE r.organisation_id = %(org)s AND r.name IN (
         'cancellation_window_hours', 'makeup', 'late_fee', 'change_fee_minor', 'invoice_due_days',
         'pay_later_limit_minor', 'invoicing', 'invoicing_period', 'invoicing_advance_days') AND r.scope_id IN (
         SELECT %(org)s UNION ALL SELECT offering_id FROM lines UNION ALL SELECT program_id FROM lines
         UNION ALL SELECT category_id FROM lines)) AS settings,
    (SELECT json_agg({makeup}) FROM makeup_credit m
     WHERE m.organisation_id = %(org)s AND m.order_id = %(order_id)s AND m.status = 200) AS makeups,
    {uses},
    (SELECT json_agg(json_build_object('booking_line_id', x.booking_line_id, 'schedule_id', w.id, 'status', w.status,
                     'period_from', w.period_from, 'period_until', w.period_until, 'issue_on', w.issue_on,
                     'session_id', w.term_product_id))
     FROM invoice_schedule w
     JOIN scheduled_line x ON x.organisation_id = w.organisation_id AND x.schedule_id = w.id
     WHERE w.organisation_id = %(org)s AND w.booking_id = %(booking_id)s
       AND x.status IN ('SCHEDULED', 'WAIVED')) AS scheduled,
    (SELECT coalesce(sum(p.amount_minor), 0) FROM payment p
     WHERE p.organisation_id = %(org)s AND p.order_id = %(order_id)s AND p.status = 'SUCCESS') AS captured_minor,
    (SELECT json_agg(json_build_object('id', f.id, 'free_minor', f.free_minor) ORDER BY f.created_at, f.id)
     FROM (SELECT p.id, p.created_at, p.amount_minor - p.disputed_minor
               - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                           WHERE a.organisation_id = p.organisation_id AND a.payment_id = p.id), 0)
               - coalesce((SELECT sum(w.moved_minor) FROM wallet_entry w
                           WHERE w.organisation_id = p.organisation_id AND w.payment_id = p.id), 0) AS free_minor
           FROM term_booking b
           JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.account_id = b.account_id
                AND o.booking_id = b.id
           JOIN payment p ON p.organisation_id = o.organisation_id AND p.order_id = o.id AND p.status = 'SUCCESS'
           WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s) f
     WHERE f.free_minor > 0) AS free,
    (SELECT b.order_type FROM term_booking b
     WHERE b.organisation_id = %(org)s AND b.id = %(booking_id)s) AS order_type
""".replace("{makeup}", AS_JSON).replace("{uses}", USES.replace("{order_id}", "%(order_id)s"))


def lock_booking(tx: Transaction, booking_id: UUID, *, actor: Actor, version: int | None = None) -> Enrolled:
    """Lock account, attendee, order, booking and its rows on the roll, then read what stands behind it.

    Raises NotFound for a booking that the actor may not see, Changed when `version` is not its version any more.
    """
    found = tx.row(_FIND, booking_id=booking_id)
    if found is None or not actor.may_see_account(found["account_id"]):
        raise NotFound("There is no such booking.", what="booking")
    return lock_enrolled(tx, lock_order(tx, found["order_id"], actor=actor), booking_id, version=version)


def lock_enrolled(tx: Transaction, order: Order, booking_id: UUID, *, version: int | None = None) -> Enrolled:
    """The booking of an order whose lock the caller holds. Raises Changed."""
    enrolled = read_enrolled(tx, booking_id, order=order)
    if version is not None and version != enrolled.booking.version:
        raise Changed(
            f"{enrolled.booking.reference} was changed meanwhile; look at it again.", version=enrolled.booking.version
        )
    return enrolled


def read_enrolled(tx: Transaction, booking_id: UUID, *, order: Order | None = None) -> Enrolled:
    """Lock the booking and its rows on the roll, and read what stands behind it; without `order` for a sweeper."""
    row = tx.row(_LOCK, booking_ids=[booking_id])
    assert row is not None, "a booking is never deleted"
    booking = booking_of(row)
    tx.rows(LOCK_ROLL, booking_ids=[booking_id])
    behind = tx.row(
        BEHIND, booking_id=booking_id, order_id=booking.order_id, group_id=booking.group_id,
        billing_id=booking.billing_id,
    )  # fmt: skip
    assert behind is not None
    return enrolled_of(booking, behind, order, tx.organisation_id)


def booking_of(row: Row) -> Booking:
    """The booking of a row of `BOOKINGS`."""
    typed = {
        "status": TermBookingStatus(row["status"]), "payment_state": PaymentState(row["payment_state"]),
        "confirmation_type": TermBookingConfirmationType(row["confirmation_type"]),
    }  # fmt: skip
    return Booking(**{**row, **typed})


def enrolled_of(booking: Booking, behind: Row, order: Order | None, organisation_id: UUID) -> Enrolled:
    """A booking with what `BEHIND` says of it."""
    roll = {a["booking_line_id"]: a for a in behind["attendance"] or ()}
    return Enrolled(
        booking=booking, order=order,
        lines=[booked_line(line, roll.get(line["id"]), organisation_id) for line in behind["lines"] or ()],
        claims=behind["claims"] or [], timers=behind["timers"] or [], group=behind["billing_group"],
        billing_lines=behind["billing_lines"] or [],
        invoice_lines=[{**line, "invoice_id": UUID(line["invoice_id"])} for line in behind["invoice_lines"] or ()],
        invoices=[_owed(invoice) for invoice in behind["invoices"] or ()],
        payments=[Used(UUID(u["invoice_id"]), UUID(u["payment_id"]), u["amount_minor"])
                  for u in behind["payments"] or ()],
        settings={(UUID(scope), name): value for scope, name, value in behind["settings"] or ()},
        term=behind["term"], order_type=behind["order_type"], captured_minor=behind["captured_minor"],
        free=[(UUID(each["id"]), each["free_minor"]) for each in behind["free"] or ()],
        makeups=[Credit.of(credit) for credit in behind["makeups"] or ()], scheduled=behind["scheduled"] or [],
        uses=uses_of(behind["uses"]),
    )  # fmt: skip


def booked_line(row: Row, attendance: Row | None, organisation_id: UUID) -> BookedLine:
    """A confirmed session of a row of `BEHIND`, with its row on the roll."""
    chain = (UUID(row["offering_id"]), UUID(row["program_id"]), UUID(row["category_id"]), organisation_id)
    return BookedLine(
        UUID(row["id"]), UUID(row["term_product_id"]), _label(row), date.fromisoformat(row["day"]),
        datetime.fromisoformat(row["starts_at"]), datetime.fromisoformat(row["ends_at"]), row["position"],
        row["is_cancelled"], chain, attendance, LineKind(row["kind"]), BookingMode(row["mode"]),
        UUID(row["makeup_credit_id"]) if row["makeup_credit_id"] else None,
        UUID(row["seat_id"]) if row["seat_id"] else None,
    )  # fmt: skip


def _label(row: Row) -> str:
    if row["local_date"] is None:
        return f"{row['name']}, undated"
    day = date.fromisoformat(row["local_date"])
    return f"{row['name']}, {day:%a %d %b %Y} {row['local_start'][:5]}–{row['local_end'][:5]}"


def _owed(row: Row) -> Owed:
    number = number_text(row["series"], row["year"], row["number"])
    return Owed(UUID(row["id"]), number, row["total_minor"], row["paid_minor"], row["credited_minor"],
                due_on=date.fromisoformat(row["due_on"]),
                given_up=tuple((UUID(i), minor) for i, minor in row["given_up"] or ()))  # fmt: skip
