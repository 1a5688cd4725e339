"""Reminders: what is due soon and what is overdue, each step of the rule once; a worker's duty.

An invoice without a schedule is due on its own day; with one, each part is, less what was paid before it; a fee of the
booking is no part, and due by itself. Instalments
that are collected by direct debit are the bank's to pay: a family hears of one only after its debit has failed.
"""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from catalogue.rule_values import ReminderDays
from catalogue.rules import Rule, answer
from engine.database import Database, Row, Transaction
from engine.fire import announce
from engine.ids import new_id
from models import PaymentReminder, ReminderKind

# Farther from its day nothing is looked at: reminders of an old debt are for people.
DAYS_AROUND = 120

# What is open, part by part, with the booking and the offering that it is first about. `{of}` narrows it.
DUE = """
WITH today AS (
    SELECT (%(now)s AT TIME ZONE g.time_zone)::date AS day FROM organisation g WHERE g.id = %(org)s
), opened AS (
    SELECT b.id AS booking_id, b.order_id, v.id AS invoice_id, v.due_on, v.total_minor
        - coalesce((SELECT sum(a.amount_minor) FROM payment_allocation a
                    WHERE a.organisation_id = v.organisation_id AND a.invoice_id = v.id), 0)
        - coalesce((SELECT sum(c.amount_minor) FROM credit_allocation c
                    WHERE c.organisation_id = v.organisation_id AND c.invoice_id = v.id), 0) AS open_minor,
        EXISTS (SELECT FROM invoice_line l WHERE l.organisation_id = v.organisation_id AND l.invoice_id = v.id
                AND (l.overdue_fee_id IS NOT NULL OR l.late_pickup_id IS NOT NULL)) AS is_fee
    FROM term_booking b
    JOIN invoice v ON v.organisation_id = b.organisation_id AND v.booking_id = b.id AND v.series = 'INV'
    WHERE b.organisation_id = %(org)s AND b.payment_state IN ('OPEN', 'PENDING_PAYMENT') {of}
), agreed AS (
    SELECT DISTINCT ON (s.order_id) s.order_id, s.id AS schedule_id
    FROM payment_schedule s
    JOIN term_booking_order o ON o.organisation_id = s.organisation_id AND o.id = s.order_id
    WHERE s.organisation_id = %(org)s AND s.agreed_at >= o.submitted_at AND o.status = 500
      AND o.id IN (SELECT order_id FROM opened)
    ORDER BY s.order_id, s.agreed_at DESC, s.id DESC
), part AS (
    SELECT a.order_id, i.id AS instalment_id, i.kind, i.due_on, i.amount_minor,
           sum(i.amount_minor) OVER (PARTITION BY i.schedule_id ORDER BY i.position) - coalesce((
               SELECT sum(p.amount_minor - p.disputed_minor) FROM payment p
               WHERE p.organisation_id = %(org)s AND p.order_id = a.order_id AND p.status = 'SUCCESS'), 0)
           + coalesce((
               SELECT sum(x.amount_minor) FROM opened o
               JOIN payment_allocation x ON x.organisation_id = %(org)s AND x.invoice_id = o.invoice_id
               WHERE o.order_id = a.order_id AND o.is_fee), 0) AS unpaid_so_far_minor
    FROM agreed a JOIN instalment i ON i.organisation_id = %(org)s AND i.schedule_id = a.schedule_id
), due AS (
    SELECT o.order_id, o.booking_id, o.invoice_id, NULL::uuid AS instalment_id, o.due_on, o.open_minor AS amount_minor
    FROM opened o WHERE o.open_minor > 0 AND (o.is_fee OR o.order_id NOT IN (SELECT order_id FROM agreed))
    UNION ALL
    SELECT p.order_id, (SELECT min(o.booking_id::text)::uuid FROM opened o
                        WHERE o.order_id = p.order_id AND o.open_minor > 0 AND NOT o.is_fee),
           NULL, p.instalment_id, p.due_on,
           least(p.amount_minor, p.unpaid_so_far_minor, (SELECT sum(o.open_minor) FROM opened o
                                                         WHERE o.order_id = p.order_id AND NOT o.is_fee))
    FROM part p
    WHERE p.kind <> 'INSTALMENT' OR EXISTS (SELECT FROM payment y WHERE y.organisation_id = %(org)s
                                            AND y.instalment_id = p.instalment_id AND y.status = 'FAILED')
)
SELECT d.order_id, d.booking_id, d.invoice_id, d.instalment_id, d.due_on, d.amount_minor::bigint AS amount_minor,
       t.day AS today, (
    SELECT json_build_array(s.id, s.program_id, g.category_id, %(org)s)
    FROM term_booking_order_line l
    JOIN term_program_set s ON s.organisation_id = l.organisation_id AND s.id = l.term_program_set_id
    JOIN program g ON g.organisation_id = s.organisation_id AND g.id = s.program_id
    WHERE l.organisation_id = %(org)s AND l.order_id = d.order_id ORDER BY l.position, l.id LIMIT 1) AS chain
FROM due d CROSS JOIN today t
WHERE d.amount_minor > 0 AND d.due_on BETWEEN t.day - %(around)s::int AND t.day + %(around)s::int
  AND NOT EXISTS (SELECT FROM payment p WHERE p.organisation_id = %(org)s AND p.order_id = d.order_id
                  AND p.status = 'PROCESSING')
ORDER BY d.due_on, d.order_id
"""
_SENT = """
SELECT coalesce(invoice_id, instalment_id) AS what, kind, days FROM payment_reminder
WHERE organisation_id = %(org)s AND coalesce(invoice_id, instalment_id) = ANY(%(whats)s)
"""
_SETTINGS = """
SELECT scope_id, value FROM rule_setting WHERE organisation_id = %(org)s AND name = %(name)s
"""


def remind_of_payments(database: Database, *, now: datetime) -> int:
    """Remind the families of every organisation of what is due and overdue by now; returns how many reminders."""
    return sum(
        database.run(organisation_id, partial(remind, now=now)) for organisation_id in database.organisations()
    )  # fmt: skip


def remind(tx: Transaction, *, now: datetime) -> int:
    """Remind the families of one organisation, in one write. Several workers at once remind once."""
    tx.row("SELECT pg_advisory_xact_lock(hashtextextended(%(org)s::text || 'payment_reminder', 0))")
    due = tx.rows(DUE.format(of=""), now=now, around=DAYS_AROUND)
    if not due:
        return 0
    settings = {(row["scope_id"], Rule.PAYMENT_REMINDERS.value): row["value"]
                for row in tx.rows(_SETTINGS, name=Rule.PAYMENT_REMINDERS.value)}  # fmt: skip
    sent = {(row["what"], row["kind"], row["days"])
            for row in tx.rows(_SENT, whats=[row["invoice_id"] or row["instalment_id"] for row in due])}  # fmt: skip
    reminders = [reminder for row in due if (reminder := _reminder(row, settings, now)) is not None]
    fresh = [one for one in reminders
             if (one["invoice_id"] or one["instalment_id"], one["kind"], one["days"]) not in sent]  # fmt: skip
    tx.batch.add(PaymentReminder, fresh)
    for one in fresh:
        announce(tx.batch, f"payment.{one['kind'].lower()}", now=now, subject_id=one["order_id"],
                 invoice_id=one["invoice_id"], due_on=one["due_on"], amount_minor=one["amount_minor"])  # fmt: skip
    return len(fresh)


def _reminder(row: Row, settings: Mapping[tuple[UUID, str], Any], now: datetime) -> Row | None:
    chain = tuple(UUID(str(scope)) for scope in row["chain"] or ())
    days: ReminderDays = answer(Rule.PAYMENT_REMINDERS, settings, chain=chain).value
    step = step_of(days, due_on=row["due_on"], today=row["today"])
    if step is None:
        return None
    return {
        "id": new_id(), "order_id": row["order_id"], "invoice_id": row["invoice_id"],
        "instalment_id": row["instalment_id"], "kind": step[0].value, "days": step[1], "due_on": row["due_on"],
        "amount_minor": row["amount_minor"], "sent_at": now,
    }  # fmt: skip


def step_of(days: ReminderDays, *, due_on: date, today: date) -> tuple[ReminderKind, int] | None:
    """The step of the rule that a day is in: the last one that has come. A worker that was away sends no other."""
    left = (due_on - today).days
    if left >= 0:
        reached = [step for step in days.before_days if left <= step]
        return (ReminderKind.DUE, min(reached)) if reached else None
    passed = [step for step in days.after_days if -left >= step]
    return (ReminderKind.OVERDUE, max(passed)) if passed else None
