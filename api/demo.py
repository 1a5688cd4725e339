"""The main job, played in the terminal: one enrolment from draft to roll call, and the fights around it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.progress import Progress

from api.demo_race import Race, Runner, race
from api.runtime import Runtime, running
from attendance.roll import Mark, mark_roll, read_roll
from attendance.tickets import TicketRefused, check_in
from catalogue.seat_choice import Position, best_together
from engine.actor import Actor
from engine.check import check, report
from engine.clock import SetClock
from engine.database import Transaction
from engine.fire import Refused
from engine.money import format_money
from engine.settings import settings
from engine.timers import sweep
from invoicing.pdf import render_pdf
from models import ActorKind, AttendanceStatus, Role, TermBookingConfirmationType, TermBookingOrderType
from samples.sample import CLOCK_START, Child, Family, Sample, add_family, make_sample
from samples.show import SHOW
from workflows import term_booking_order as orders
from workflows.charts import edges
from workflows.documents import invoice_document
from workflows.tickets import read_tickets
from workflows.timeouts import handlers
from workflows.wanted_seats import position

# Courses of the centre's programme, by the number that people know.
KARATE, SOCCER, DRAWING, GUITAR = "129881", "129900", "129519", "129626"
RACERS = 64
_TORONTO = ZoneInfo("America/Toronto")
_BOOKING = TermBookingOrderType.BOOKING


@dataclass
class Stage:
    """What the scenes share."""

    console: Console
    runtime: Runtime
    clock: SetClock
    sample: Sample

    @property
    def admin(self) -> Actor:
        return Actor(ActorKind.ADMIN, user_id=self.sample.users[Role.ADMIN])

    @property
    def staff(self) -> Actor:
        sites = self.run(lambda tx: tx.rows("SELECT id FROM site WHERE organisation_id = %(org)s"))
        return Actor(ActorKind.STAFF, user_id=self.sample.users[Role.STAFF],
                     site_ids=frozenset(site["id"] for site in sites))  # fmt: skip

    def run(self, work: Callable[[Transaction], Any]) -> Any:
        return self.runtime.database.run(self.sample.organisation_id, work)

    def verb(self, verb: Callable[..., Any], **known: Any) -> Any:
        """Call a verb of the workflow in a transaction of its own, now."""
        return self.run(partial(verb, now=self.clock.now(), **known))

    def say(self, text: str) -> None:
        when = self.clock.now().astimezone(_TORONTO)
        self.console.print(f"[dim]{when:%a %d %b %H:%M}[/]  {text}", highlight=False, soft_wrap=True)

    def title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/]")


def play(console: Console) -> None:
    """Play every scene on a new organisation of the embedded (or named) database; raises if anything is not as told."""
    clock = SetClock(CLOCK_START)
    starting = console.status("Starting PostgreSQL and bringing the schema up to date")
    starting.start()
    with running(settings(), clock=clock) as runtime:
        starting.stop()
        stage = Stage(console, runtime, clock, _import_programme(console, runtime, clock))
        order_id = _enrol(stage)
        pdf = _print_invoice(stage, order_id)
        _refuse_overlap(stage)
        _let_time_out(stage)
        _fight(stage)
        _take_the_roll(stage)
        _play_the_show(stage)
        _check(stage)
        console.print(f"\nThe invoice: [bold]{pdf}[/]", soft_wrap=True)


def _import_programme(console: Console, runtime: Runtime, clock: SetClock) -> Sample:
    console.print("[bold]The centre's programme[/]")
    count = len(runtime.database.organisations())
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Importing 53 courses")
        sample = make_sample(
            runtime.owner_url, runtime.database, slug=f"demo-{count + 1}", name="Centre 7", now=clock.now(),
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )  # fmt: skip
    console.print(sample.report, highlight=False, markup=False)
    return sample


def _sessions(stage: Stage, code: str) -> list[dict[str, Any]]:
    """The sessions of a course that are still to come."""
    found: list[dict[str, Any]] = stage.run(
        lambda tx: tx.rows(
            "SELECT s.id, s.starts_at, s.capacity, p.name, p.term_id FROM term_product s JOIN term_program_set p "
            "ON p.organisation_id = s.organisation_id AND p.id = s.term_program_set_id "
            "WHERE s.organisation_id = %(org)s AND p.code = %(code)s AND s.starts_at > %(now)s ORDER BY s.starts_at",
            code=code, now=stage.clock.now(),
        )
    )  # fmt: skip
    assert found, f"course {code} has sessions to come"
    return found


def _cart(stage: Stage, family: Family, child: UUID, code: str, *, only_first: bool = False) -> orders.Outcome:
    """A draft with the sessions of a course in it."""
    sessions = _sessions(stage, code)[: 1 if only_first else None]
    mode = "CASUAL" if only_first else "FULL_TERM"
    draft = stage.verb(
        orders.new, actor=stage.admin, account_id=family.account_id, attendee_id=child,
        term_id=sessions[0]["term_id"], order_type=_BOOKING,
    )  # fmt: skip
    lines = [{"session_id": s["id"], "mode": mode} for s in sessions]
    outcome: orders.Outcome = stage.verb(orders.save, order_id=draft.order.id, lines=lines, actor=stage.admin)
    return outcome


def _enrol(stage: Stage) -> UUID:
    stage.title("An admin books Karate for Mia Rossi")
    cart = _cart(stage, stage.sample.rossi, stage.sample.rossi.attendee_ids[0], KARATE)
    order, priced = cart.order, cart.priced
    assert priced is not None
    stage.say(f"{order.reference}  Draft → Created: {len(cart.facts.lines) if cart.facts else 0} sessions, "
              f"{_money(priced.total_minor)}, no place kept yet")  # fmt: skip
    known = {"order_id": order.id, "actor": stage.admin}
    stage.verb(orders.submit, confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM,
               price_fingerprint=priced.fingerprint, **known)  # fmt: skip
    taken = _one(stage, "SELECT count(*) AS n FROM place_claim WHERE organisation_id = %(org)s AND order_id = %(id)s",
                 order.id)  # fmt: skip
    stage.say(f"{order.reference}  Created → Submitted: {taken['n']} places held, Billing version 1 opened")
    quoted = stage.verb(orders.quote, **known)
    quote = _one(stage, "SELECT series, year, number, expires_at FROM quote WHERE organisation_id = %(org)s "
                 "AND id = %(id)s", quoted.document_id)  # fmt: skip
    stage.say(f"{order.reference}  Submitted → Quote: {_number(quote)}, valid until {_day(quote['expires_at'])}")
    stage.verb(orders.accept, **known)
    stage.say(f"{order.reference}  Quote → Accept")
    done = stage.verb(orders.confirm, reason="Subsidy approved by phone", **known)
    invoice = _one(stage, "SELECT series, year, number, total_minor, due_on FROM invoice WHERE "
                   "organisation_id = %(org)s AND id = %(id)s", done.made.invoice_id)  # fmt: skip
    rolls = _one(stage, "SELECT count(*) AS n FROM term_attendance WHERE organisation_id = %(org)s "
                 "AND booking_id = %(id)s", done.made.booking.id)  # fmt: skip
    owed = f"{_number(invoice)} over {_money(invoice['total_minor'])} due {invoice['due_on']}"
    stage.say(f"{order.reference}  Accept → Approved: booking {done.made.booking.reference}, invoice {owed}, "
              f"{rolls['n']} rows on the roll")  # fmt: skip
    invoice_id: UUID = done.made.invoice_id
    return invoice_id


def _print_invoice(stage: Stage, invoice_id: UUID) -> Path:
    with stage.console.status("Rendering the invoice"):
        document = stage.run(partial(invoice_document, invoice_id=invoice_id))
        path = stage.runtime.document_path(stage.sample.organisation_id, document.number)
        path.write_bytes(render_pdf(document))
    stage.say(f"{document.number} as PDF: {path.stat().st_size // 1024} kB")
    return path


def _refuse_overlap(stage: Stage) -> None:
    stage.title("Mia also wants Soccer, at the same time")
    cart = _cart(stage, stage.sample.rossi, stage.sample.rossi.attendee_ids[0], SOCCER, only_first=True)
    assert cart.priced is not None
    try:
        stage.verb(orders.submit, order_id=cart.order.id, actor=stage.admin, price_fingerprint=cart.priced.fingerprint,
                   confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM)  # fmt: skip
    except Refused as refusal:
        stage.say(f"{cart.order.reference}  refused: " + " ".join(reason.message for reason in refusal.reasons))
    else:
        raise AssertionError("an overlap was not refused")
    stage.verb(orders.remove, order_id=cart.order.id, actor=stage.admin, reason="overlaps")


def _let_time_out(stage: Stage) -> None:
    stage.title("The Chens do not pay")
    cart = _cart(stage, stage.sample.chen, stage.sample.chen.attendee_ids[0], DRAWING)
    assert cart.priced is not None
    done = stage.verb(
        orders.submit, order_id=cart.order.id, actor=stage.admin, price_fingerprint=cart.priced.fingerprint,
        confirmation_type=TermBookingConfirmationType.PAY_NOW_PAY_ALL,
    )  # fmt: skip
    due = done.order.expires_at
    stage.say(f"{cart.order.reference}  Submitted, {_money(cart.priced.total_minor)} to be paid until {due:%H:%M} UTC")
    stage.clock.move(timedelta(minutes=16))
    sweep(stage.runtime.database, now=stage.clock.now(), handlers=handlers())
    order = _one(stage, "SELECT status, cancel_reason FROM term_booking_order WHERE organisation_id = %(org)s "
                 "AND id = %(id)s", cart.order.id)  # fmt: skip
    assert order == {"status": 900, "cancel_reason": "timeout"}, f"the timeout did not cancel: {order}"
    stage.say(f"{cart.order.reference}  Submitted → Canceled by its timeout; the places are free again")


def _fight(stage: Stage) -> None:
    stage.title(f"{RACERS} families want the one place of a private guitar lesson")
    session = _sessions(stage, GUITAR)[0]
    runners = []
    with Progress(console=stage.console, transient=True) as bar:
        for n in bar.track(range(RACERS), description="Filling the carts"):
            child = Child(f"Child {n + 1}", date(2014, 1, 1) + timedelta(days=n))
            family = stage.run(partial(add_family, name=f"Family {n + 1}", email=f"family{n + 1}@race.example",
                                       children=(child,), now=stage.clock.now()))  # fmt: skip
            cart = _cart(stage, family, family.attendee_ids[0], GUITAR, only_first=True)
            assert cart.priced is not None
            runners.append(Runner(cart.order.id, family.account_id, cart.priced.fingerprint))
    with stage.console.status(f"{RACERS} processes submit at the same moment"):
        outcomes = race(Race(stage.runtime.owner_url, stage.sample.organisation_id, stage.clock.now(), runners))
    for outcome, count in sorted(outcomes.items()):
        stage.say(f"{count:>3} {outcome}")
    assert outcomes.get("got the place") == 1, "exactly one gets the last place"
    taken = _one(stage, "SELECT taken, capacity FROM term_product WHERE organisation_id = %(org)s AND id = %(id)s",
                 session["id"])  # fmt: skip
    stage.say(f"{session['name']}: {taken['taken']} of {taken['capacity']} places taken")


def _take_the_roll(stage: Stage) -> None:
    first = _sessions(stage, KARATE)[0]
    stage.clock.move(first["starts_at"] - stage.clock.now())
    stage.title("Roll call of the first Karate session")
    staff = stage.staff
    roll = stage.run(partial(read_roll, session_id=first["id"], actor=staff))
    for entry in roll.entries:
        alerts = f" [red]{'; '.join(map(str, entry.alerts))}[/]" if entry.alerts else ""
        stage.say(f"expected: {entry.name}{' (new)' if entry.is_new else ''}{alerts}")
    marks = [Mark(entry.attendance_id, AttendanceStatus.PRESENT, stage.clock.now()) for entry in roll.entries]
    roll = stage.verb(mark_roll, session_id=first["id"], marks=marks, actor=staff)
    stage.say(f"{roll.count(AttendanceStatus.PRESENT)} of {roll.expected} present")


def _play_the_show(stage: Stage) -> None:
    stage.title("Mia and Leo sit together at the spring show")
    session = _sessions(stage, SHOW)[0]
    rossi, chen = stage.sample.rossi, stage.sample.chen
    seats = [position(row) for row in stage.run(
        lambda tx: tx.rows("SELECT x.* FROM seat x JOIN term_product s ON s.organisation_id = x.organisation_id "
                           "AND s.venue_id = x.venue_id WHERE x.organisation_id = %(org)s AND s.id = %(id)s",
                           id=session["id"])
    )]  # fmt: skip
    first, second = best_together(seats, free=frozenset(seat.id for seat in seats), count=2)
    ticket = _book_seat(stage, session, rossi, rossi.attendee_ids[0], first)
    _book_seat(stage, session, rossi, rossi.attendee_ids[1], second)
    try:
        _book_seat(stage, session, chen, chen.attendee_ids[0], first)
    except Refused as refusal:
        stage.say("The Chens are refused: " + refusal.reasons[0].message)
    else:
        raise AssertionError("a seat was sold twice")
    stage.clock.move(session["starts_at"] - timedelta(minutes=20) - stage.clock.now())
    made = stage.verb(check_in, ticket_reference=ticket, scanned_at=stage.clock.now(), actor=stage.staff)
    stage.say(f"{ticket}  lets in {made.attendee}: {made.seat}")
    stage.clock.move(timedelta(minutes=5))
    try:
        stage.verb(check_in, ticket_reference=ticket, scanned_at=stage.clock.now(), actor=stage.staff)
    except TicketRefused as refusal:
        stage.say(refusal.message)
    else:
        raise AssertionError("a ticket let in twice")


def _book_seat(stage: Stage, session: dict[str, Any], family: Family, child: UUID, seat: Position) -> str:
    """Book one seat for a child; the ticket's reference."""
    draft = stage.verb(orders.new, actor=stage.admin, account_id=family.account_id, attendee_id=child,
                       term_id=session["term_id"], order_type=_BOOKING)  # fmt: skip
    line = {"session_id": session["id"], "seat_id": seat.id}
    cart = stage.verb(orders.save, order_id=draft.order.id, lines=[line], actor=stage.admin)
    stage.verb(orders.submit, order_id=draft.order.id, actor=stage.admin, price_fingerprint=cart.priced.fingerprint,
               confirmation_type=TermBookingConfirmationType.ADMIN_CONFIRM)  # fmt: skip
    made = stage.verb(orders.confirm, order_id=draft.order.id, actor=stage.admin, reason="paid at the desk")
    (ticket,) = stage.run(partial(read_tickets, booking_id=made.made.booking.id))
    stage.say(f"{ticket['attendee']}: {seat.label}, {_money(cart.priced.total_minor)}, {ticket['ticket_reference']}")
    return str(ticket["ticket_reference"])


def _check(stage: Stage) -> None:
    stage.title("What must never break, over the whole database")
    breaches = check(stage.runtime.database, edges=edges())
    stage.console.print(report(breaches), highlight=False, markup=False)
    assert not breaches, "an invariant is broken"


def _one(stage: Stage, sql: str, id: UUID) -> dict[str, Any]:
    row: dict[str, Any] | None = stage.run(lambda tx: tx.row(sql, id=id))
    assert row is not None
    return row


def _number(document: dict[str, Any]) -> str:
    return f"{document['series']}-{document['year']}-{document['number']:06d}"


def _money(minor: int) -> str:
    return format_money(minor, "CAD", "en_CA")


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(_TORONTO):%a %d %b %Y %H:%M}"
