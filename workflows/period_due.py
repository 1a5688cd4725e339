"""What planned invoices are due and what stands on each: read for any number of bookings in a few statements.

Those of a period by their day; those of one session, which is paid as one goes, as soon as it is over.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from billing.pricing import LineToPrice, price
from catalogue.rules import Rule, answer, read_settings
from engine.database import Row, Transaction
from engine.ids import new_id
from models import AttendanceStatus, LineKind, ScheduledLineStatus, ScheduleStatus
from workflows.booking_effects import SUSPENDED

# An invoice whose day has come; and, of a period that was invoiced, what was waived while it was suspended and is
# attended after all.
_DUE = """
SELECT s.id, s.booking_id, b.account_id, s.period_from, s.period_until, s.status
FROM invoice_schedule s
JOIN term_booking b ON b.organisation_id = s.organisation_id AND b.id = s.booking_id
WHERE s.organisation_id = %(org)s AND s.status = 'SCHEDULED' AND s.issue_on <= %(through)s
  AND s.term_product_id IS NULL AND b.status IN (500, 700, 800, 900) {of}
UNION
SELECT s.id, s.booking_id, b.account_id, s.period_from, s.period_until, s.status
FROM scheduled_line l
JOIN invoice_schedule s ON s.organisation_id = l.organisation_id AND s.id = l.schedule_id
JOIN term_booking b ON b.organisation_id = s.organisation_id AND b.id = s.booking_id
JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.booking_line_id
WHERE l.organisation_id = %(org)s AND l.status = 'WAIVED' AND s.status <> 'SCHEDULED' AND b.status = 500
  AND s.term_product_id IS NULL AND a.status <> 'CANCELLED' {of}
"""
_OF_ACCOUNTS, _OF_BOOKINGS = (
    _DUE.format(of=f"AND b.{name} = ANY(%(ids)s)") + " ORDER BY account_id, period_from, booking_id, id"
    for name in ("account_id", "id"))  # fmt: skip
_ACCOUNTS = f"SELECT DISTINCT d.account_id FROM ({_DUE.format(of='')}) d ORDER BY 1 LIMIT %(most)s"

# Of pay as you go: a session that is over; and one that was not asked for, whose attendee was there after all.
HELD = """
SELECT s.id, s.booking_id, b.account_id, s.period_from, s.period_until, s.status, p.ends_at
FROM invoice_schedule s
JOIN term_booking b ON b.organisation_id = s.organisation_id AND b.id = s.booking_id
JOIN term_product p ON p.organisation_id = s.organisation_id AND p.id = s.term_product_id
WHERE s.organisation_id = %(org)s AND s.status = 'SCHEDULED' AND p.ends_at <= %(now)s
  AND b.status IN (500, 700, 800, 900)
UNION
SELECT s.id, s.booking_id, b.account_id, s.period_from, s.period_until, s.status, p.ends_at
FROM scheduled_line l
JOIN invoice_schedule s ON s.organisation_id = l.organisation_id AND s.id = l.schedule_id
JOIN term_booking b ON b.organisation_id = s.organisation_id AND b.id = s.booking_id
JOIN term_product p ON p.organisation_id = s.organisation_id AND p.id = s.term_product_id
JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.booking_line_id
WHERE l.organisation_id = %(org)s AND l.status = 'WAIVED' AND s.status <> 'SCHEDULED'
  AND b.status IN (500, 700, 800, 900) AND a.status IN ('PRESENT', 'LATE', 'LEFT')
"""


@dataclass(slots=True)
class DuePeriod:
    """One planned invoice of a booking, its lines by what becomes of them.

    A supplement invoices what was resumed after its period had been invoiced. `billed` are Billing lines, each with the
    booking line it charges and the id (`as_id`) under which it is invoiced; `next_version` is the whole Billing where
    some of them cost something else by now.
    """

    schedule_id: UUID
    booking_id: UUID
    period_from: date
    period_until: date
    is_supplement: bool
    head: Row
    billed: list[Row] = field(default_factory=list)
    moves: list[tuple[UUID, ScheduledLineStatus]] = field(default_factory=list)
    chains: list[tuple[UUID, ...]] = field(default_factory=list)
    next_version: list[Row] = field(default_factory=list)
    is_repriced: bool = False
    settled_minor: int = 0
    session_id: UUID | None = None  # of pay as you go: the one that is debited from the wallet

    @property
    def is_subscription(self) -> bool:
        return self.head["subscription_id"] is not None

    @property
    def net_minor(self) -> int:
        return sum(row["net_minor"] for row in self.billed)

    @property
    def tax_minor(self) -> int:
        return sum(row["tax_minor"] for row in self.billed)

    def settle(self, total_minor: int) -> Iterator[tuple[UUID, int]]:
        """Which captured money of the booking's orders pays how much of it, the oldest first."""
        left = total_minor
        for payment in self.head["payments"]:
            amount = min(left, payment["free_minor"])
            if amount > 0:
                left -= amount
                self.settled_minor += amount
                yield UUID(payment["id"]), amount


def due_accounts(tx: Transaction, *, through: date, most: int | None = None) -> list[UUID]:
    """Whose planned invoices are due through that local day, in the order in which accounts are locked. It looks at
    all that is due: who issues many sets asks once and takes the accounts in turn.
    """
    return [row["account_id"] for row in tx.rows(_ACCOUNTS, through=through, most=most)]


def read_due(
    tx: Transaction, *, through: date, account_ids: Sequence[UUID] | None = None,
    booking_ids: Sequence[UUID] = (), is_first_only: bool = False,
) -> list[DuePeriod]:  # fmt: skip
    """The planned invoices of these accounts, or else bookings, that are due through that local day, in the order of
    their accounts and periods; with `is_first_only` the oldest of each booking, besides those of which nothing is left.
    """
    of, ids = (_OF_BOOKINGS, booking_ids) if account_ids is None else (_OF_ACCOUNTS, account_ids)
    found = tx.rows(of, through=through, ids=list(ids))
    if not found:
        return []
    due = _sorted_out(tx, found)
    if is_first_only:
        due = list(_first_billed(due))
    _reprice_subscriptions(tx, [period for period in due if period.is_subscription and period.billed])
    return due


def read_held(tx: Transaction, *, now: datetime, account_ids: Sequence[UUID]) -> list[DuePeriod]:
    """The sessions of these accounts that are over and still to be asked for, the oldest of each booking; besides those
    of which nothing is asked.
    """
    found = tx.rows(f"SELECT d.* FROM ({HELD}) d WHERE d.account_id = ANY(%(accounts)s) "
                    "ORDER BY d.account_id, d.ends_at, d.booking_id, d.id", now=now,
                    accounts=list(account_ids))  # fmt: skip
    return list(_first_billed(_sorted_out(tx, found))) if found else []


def _sorted_out(tx: Transaction, found: Sequence[Row]) -> list[DuePeriod]:
    due = _with_heads(tx, found)
    _sort_out(tx, due)
    # A supplement of which nothing is attended after all, as it looked when it was found, is none.
    return [period for period in due if period.moves or not period.is_supplement]


def _first_billed(due: Iterable[DuePeriod]) -> Iterator[DuePeriod]:
    seen: set[UUID] = set()
    for period in due:
        if period.billed and period.booking_id in seen:
            continue
        if period.billed:
            seen.add(period.booking_id)
        yield period


_HEADS = """
SELECT b.id, b.reference, b.account_id, b.order_id, b.billing_id, b.total_minor, b.term_id, b.payment_state,
    o.subscription_id, z.prices_include_tax,
    json_build_object('id', g.id, 'last_version', g.last_version) AS billing_group,
    EXISTS (SELECT FROM direct_debit_mandate m WHERE m.organisation_id = b.organisation_id
            AND m.account_id = b.account_id AND m.status = 200) AS has_mandate,
    coalesce((SELECT sum(v.total_minor
        - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                    WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
        - coalesce((SELECT sum(a.amount_minor) FROM credit_allocation a
                    WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0))
     FROM invoice v WHERE v.organisation_id = b.organisation_id AND v.booking_id = b.id), 0)::bigint AS open_minor,
    coalesce((SELECT json_agg(json_build_object('id', p.id, 'free_minor', p.free_minor) ORDER BY p.created_at, p.id)
     FROM (SELECT y.id, y.created_at, y.amount_minor - y.disputed_minor
               - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                           WHERE a.organisation_id = y.organisation_id AND a.payment_id = y.id), 0)
               - coalesce((SELECT sum(w.moved_minor) FROM wallet_entry w
                           WHERE w.organisation_id = y.organisation_id AND w.payment_id = y.id), 0) AS free_minor
           FROM payment y
           JOIN term_booking_order o ON o.organisation_id = y.organisation_id AND o.id = y.order_id
           WHERE y.organisation_id = b.organisation_id AND y.account_id = b.account_id AND y.status = 'SUCCESS'
             AND o.booking_id = b.id) p
     WHERE p.free_minor > 0), '[]') AS payments
FROM term_booking b
JOIN billing_group g ON g.organisation_id = b.organisation_id AND g.id = b.group_id
JOIN term_booking_order o ON o.organisation_id = b.organisation_id AND o.id = b.order_id
JOIN organisation z ON z.id = b.organisation_id
WHERE b.organisation_id = %(org)s AND b.id = ANY(%(ids)s)
"""


def _with_heads(tx: Transaction, found: Sequence[Row]) -> list[DuePeriod]:
    heads = {row["id"]: row for row in tx.rows(_HEADS, ids=[row["booking_id"] for row in found])}
    return [
        DuePeriod(
            row["id"], row["booking_id"], row["period_from"], row["period_until"],
            row["status"] != ScheduleStatus.SCHEDULED, heads[row["booking_id"]],
        ) for row in found
    ]  # fmt: skip


_LINES = """
SELECT l.id, l.schedule_id, l.booking_line_id, l.status, k.kind, k.cancelled_at IS NOT NULL AS is_cancelled,
       a.status AS attendance, a.reason, a.marked_at, s.local_date, s.starts_at, p.id AS offering_id, p.program_id,
       m.category_id, w.term_product_id AS session_id, EXISTS (
           SELECT FROM makeup_credit c WHERE c.organisation_id = a.organisation_id AND c.attendance_id = a.id
             AND c.status <> 900) AS is_made_up
FROM scheduled_line l
JOIN invoice_schedule w ON w.organisation_id = l.organisation_id AND w.id = l.schedule_id
JOIN term_booking_line k ON k.organisation_id = l.organisation_id AND k.id = l.booking_line_id
JOIN term_product s ON s.organisation_id = k.organisation_id AND s.id = k.term_product_id
JOIN term_program_set p ON p.organisation_id = k.organisation_id AND p.id = k.term_program_set_id
JOIN program m ON m.organisation_id = p.organisation_id AND m.id = p.program_id
LEFT JOIN term_attendance a ON a.organisation_id = l.organisation_id AND a.booking_line_id = l.booking_line_id
WHERE l.organisation_id = %(org)s AND l.schedule_id = ANY(%(ids)s) AND l.status IN ('SCHEDULED', 'WAIVED')
ORDER BY l.schedule_id, s.starts_at, k.position
"""

# What the booking's present Billing asks for the sessions of its lines, extras included.
_BILLED = """
SELECT k.id AS booking_line_id, x.id AS as_id, x.term_product_id, x.component, x.description, x.quantity, x.base_minor,
       x.net_minor, x.tax_minor, x.gross_minor, x.tax_name, x.tax_rate
FROM term_booking_line k
JOIN term_booking b ON b.organisation_id = k.organisation_id AND b.id = k.booking_id
JOIN billing_line x ON x.organisation_id = b.organisation_id AND x.billing_id = b.billing_id
     AND x.term_product_id = k.term_product_id
     -- A fee is invoiced with the change that asked for it.
     AND split_part(x.component, ':', 1) IN ('SESSION', 'EXTRA')
WHERE k.organisation_id = %(org)s AND k.id = ANY(%(ids)s)
ORDER BY x.position
"""


def _sort_out(tx: Transaction, due: Sequence[DuePeriod]) -> None:
    """What becomes of the lines of each period, and what of the Billing its invoice asks."""
    of_schedule: dict[UUID, list[Row]] = defaultdict(list)
    for line in tx.rows(_LINES, ids=[period.schedule_id for period in due]):
        of_schedule[line["schedule_id"]].append(line)
    fates = {line["id"]: _fate(line) for lines in of_schedule.values() for line in lines}
    fates |= _excused(tx, [line for lines in of_schedule.values() for line in lines if line["session_id"]])
    asked = [line["booking_line_id"] for lines in of_schedule.values() for line in lines
             if fates[line["id"]] is ScheduledLineStatus.INVOICED]  # fmt: skip
    billed: dict[UUID, list[Row]] = defaultdict(list)
    for row in tx.rows(_BILLED, ids=asked) if asked else ():
        billed[row["booking_line_id"]].append(row)
    for period in due:
        for line in of_schedule[period.schedule_id]:
            period.session_id = line["session_id"]
            fate = fates[line["id"]]
            if fate is not ScheduledLineStatus(line["status"]):
                period.moves.append((line["id"], fate))
            if fate is ScheduledLineStatus.INVOICED:
                assert billed[line["booking_line_id"]], "a confirmed line is billed"
                period.billed += [{**row, "local_date": line["local_date"]} for row in billed[line["booking_line_id"]]]
                period.chains.append((line["offering_id"], line["program_id"], line["category_id"], tx.organisation_id))
        period.chains = list(dict.fromkeys(period.chains))


def _fate(line: Mapping[str, Any]) -> ScheduledLineStatus:
    if line["is_cancelled"] or line["kind"] == LineKind.CLOSURE_DAY:
        return ScheduledLineStatus.DROPPED
    if (line["attendance"], line["reason"]) == (AttendanceStatus.CANCELLED, SUSPENDED):
        return ScheduledLineStatus.WAIVED
    return ScheduledLineStatus.INVOICED


def _excused(tx: Transaction, lines: Sequence[Row]) -> dict[UUID, ScheduledLineStatus]:
    """Absences of pay as you go that are not asked for, by the rule: told in time, and not made up for otherwise."""
    told = [line for line in lines
            if line["attendance"] == AttendanceStatus.ABSENT_NOTIFIED and not line["is_made_up"]]  # fmt: skip
    chains = {line["id"]: (line["offering_id"], line["program_id"], line["category_id"], tx.organisation_id)
              for line in told}  # fmt: skip
    settings = read_settings(tx, {scope for chain in chains.values() for scope in chain}) if told else {}
    excused = {}
    for line in told:
        hours = answer(Rule.ABSENCE_NOTICE, settings, chain=chains[line["id"]]).value
        if hours is not None and line["marked_at"] <= line["starts_at"] - timedelta(hours=hours):
            excused[line["id"]] = ScheduledLineStatus.WAIVED
    return excused


_PRICES = """
SELECT id, session_price_minor FROM term_program_set WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""
_WHOLE = """
SELECT x.billing_id, x.id, x.attendee_id, x.term_product_id, x.component, x.description, x.printed, x.quantity,
       x.base_minor, x.discount_minor, x.net_minor, x.tax_minor, x.gross_minor, x.tax_name, x.tax_rate::text, x.trace
FROM billing_line x WHERE x.organisation_id = %(org)s AND x.billing_id = ANY(%(ids)s) ORDER BY x.billing_id, x.position
"""


def _reprice_subscriptions(tx: Transaction, due: Sequence[DuePeriod]) -> None:
    """A subscription asks the offering's price, and its tax, of the day on which the invoice is issued."""
    if not due:
        return
    chains = {period.schedule_id: period.chains[0] for period in due}
    settings = read_settings(tx, {scope for chain in chains.values() for scope in chain})
    prices = {row["id"]: row["session_price_minor"]
              for row in tx.rows(_PRICES, ids=list({chain[0] for chain in chains.values()}))}  # fmt: skip
    changed = []
    for period in due:
        chain = chains[period.schedule_id]
        tax = answer(Rule.TAX, settings, chain=chain).value
        name, rate = (tax.name, tax.rate_percent / 100) if tax else ("", Decimal(0))
        unit_minor = prices[chain[0]]
        if any(_asks_another(row, unit_minor, name, rate) for row in period.billed):
            changed.append((period, unit_minor, name, rate))
    if not changed:
        return
    whole: dict[UUID, list[Row]] = defaultdict(list)
    for row in tx.rows(_WHOLE, ids=[period.head["billing_id"] for period, *_ in changed]):
        whole[row["billing_id"]].append(row)
    for period, unit_minor, name, rate in changed:
        _reprice(period, whole[period.head["billing_id"]], unit_minor=unit_minor, tax_name=name, tax_rate=rate)


def _asks_another(row: Row, unit_minor: int, tax_name: str, tax_rate: Decimal) -> bool:
    is_dearer = row["component"] == "SESSION" and row["base_minor"] != unit_minor
    return is_dearer or (row["tax_name"], row["tax_rate"]) != (tax_name, tax_rate)


def _reprice(period: DuePeriod, whole: Sequence[Row], *, unit_minor: int, tax_name: str, tax_rate: Decimal) -> None:
    """The period's lines anew, in a Billing version of which the others are as they were."""
    rows = {row["id"]: row for row in whole}
    kept = [rows[line["as_id"]] for line in period.billed]
    asked = [
        LineToPrice(
            row["attendee_id"], row["term_product_id"], row["component"], row["description"],
            unit_minor if row["component"] == "SESSION" else row["base_minor"] // row["quantity"], row["quantity"],
            "session price", tax_name, tax_rate, row["printed"],
        ) for row in kept
    ]  # fmt: skip
    made = price(asked, prices_include_tax=period.head["prices_include_tax"]).lines
    new = {
        row["id"]: {
            **row, "as_id": new_id(), "base_minor": line.base_minor, "discount_minor": line.discount_minor,
            "net_minor": line.net_minor, "tax_minor": line.tax_minor, "gross_minor": line.gross_minor,
            "tax_name": tax_name, "tax_rate": str(tax_rate), "trace": line.trace,
        } for row, line in zip(kept, made, strict=True)
    }  # fmt: skip
    period.is_repriced = True
    period.next_version = [new.get(row["id"], {**row, "as_id": None}) for row in whole]
    period.billed = [{**line, **{name: new[line["as_id"]][name] for name in _ANEW}} for line in period.billed]


_ANEW = ("as_id", "base_minor", "net_minor", "tax_minor", "gross_minor", "tax_name", "tax_rate")
