"""`python -m bench.edits`: bookings that are edited at random in memory, and what must agree to the cent after each.

Each edit is judged by the computation of every change, in two orders of clicks; its documents are planned and posted,
and the next edit finds what this one left. No database.
"""

import random
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.progress import track

from billing.adjustments import Adjustment
from billing.credits import Owed, Used
from billing.ledger import Posting, credit_applied, credit_note_issued, credit_released, invoice_issued
from catalogue.rules import Rule, Settings
from models import (
    BookingMode,
    LedgerAccount,
    LineKind,
    PaymentState,
    TermBookingConfirmationType,
    TermBookingOrderType,
    TermBookingStatus,
)
from workflows.booking_facts import BookedLine, Booking, Enrolled
from workflows.change_documents import Documents, plan_documents
from workflows.change_facts import Change, compute
from workflows.change_pricing import Asked
from workflows.double_booking import Slot
from workflows.order_facts import Facts, Offering, Order, WantedExtra, WantedLine

# Ten currencies, of 0, 2 and 3 decimals.
CURRENCIES = ("JPY", "KRW", "ISK", "CAD", "EUR", "AUD", "GBP", "KWD", "BHD", "TND")
START = datetime(2026, 4, 12, 9, 30, tzinfo=ZoneInfo("America/Toronto"))
_RATES = (None, {"name": "HST", "rate_percent": "13"}, {"name": "VAT", "rate_percent": "19"},
          {"name": "GST", "rate_percent": "6.875"})  # fmt: skip
_POLICIES = ("FREEZE", "REPRICE_FUTURE", "REPRICE_ALL")
_SAID: dict[str, dict[str, Any]] = {
    "SIBLING": {"from_child": 2, "every_child": True}, "MULTI_SESSION": {"sessions": 4}, "STAFF": {},
    "EARLY_BIRD": {"until": "2026-04-20"},
}  # fmt: skip


class Disagreement(AssertionError):
    """Two figures that must be one are two."""


def agree(what: str, *figures: object) -> None:
    if any(figure != figures[0] for figure in figures):
        raise Disagreement(f"{what}: {', '.join(map(str, figures))}")


@dataclass
class World:
    """One booking with its course, its books, and its chances."""

    dice: random.Random
    count: int = 0

    def __post_init__(self) -> None:
        dice = self.dice
        self.included = dice.random() < 0.6
        self.currency = dice.choice(CURRENCIES)
        self.organisation_id = self.id()
        self.order = Order(
            id=self.id(), reference="TO-1", status=TermBookingStatus.APPROVED, version=1, account_id=self.id(),
            attendee_id=self.id(), term_id=self.id(), order_type=TermBookingOrderType.BOOKING,
            confirmation_type=TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT, group_id=self.id(),
            account={"is_staff": dice.random() < 0.2}, attendee={"name": "Mia Rossi"},
            organisation={"currency": self.currency, "locale": "en", "time_zone": "America/Toronto",
                          "prices_include_tax": self.included},
        )  # fmt: skip
        self.offerings = [self._offering(n) for n in range(dice.randint(1, 3))]
        self.settings: Settings = dict(setting for o in self.offerings for setting in self._rules(o))
        count = dice.randint(3, 12)
        self.sessions = [(self.id(), dice.choice(self.offerings), START + timedelta(weeks=n), self._price())
                         for n in range(count)]  # fmt: skip
        self.extras = [(self.id(), f"Extra {n}", self._price()) for n in range(2)]
        self.now = START - timedelta(days=10)
        self.booking = Booking(
            id=self.id(), reference="TB-1", status=TermBookingStatus.APPROVED, version=1,
            account_id=self.order.account_id, attendee_id=self.order.attendee_id, order_id=self.order.id,
            group_id=self.id(), billing_id=self.id(), total_minor=0, payment_state=PaymentState.OPEN,
            confirmation_type=TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT,
        )  # fmt: skip
        self.peers: list[dict[str, Any]] = []
        self.lines: list[BookedLine] = []
        self.billed: list[dict[str, Any]] = []
        self.invoiced: list[dict[str, Any]] = []
        self.owed: dict[UUID, list[int]] = {}  # invoice → total, paid, credited
        self.used: list[Used] = []
        self.books: Counter[LedgerAccount] = Counter()
        self.captured_minor = 0

    def id(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128))

    def _price(self) -> int:
        return self.dice.choice((0, 1, 999, 1130, 3000, self.dice.randint(0, 9_999_999)))

    def _offering(self, n: int) -> Offering:
        program, category = self.id(), self.id()
        facts = {
            "name": f"Course {n}", "site": "Riverside", "program_id": str(program), "term_starts_on": "2026-04-01",
            "session_price_minor": self._price(), "full_week_price_minor": None, "full_term_price_minor": None,
            "modes": ["CASUAL"],
        }  # fmt: skip
        offering_id = self.id()
        return Offering(offering_id, facts, (offering_id, program, category, self.organisation_id))

    def _rules(self, offering: Offering) -> list[tuple[tuple[UUID, str], Any]]:
        dice, scope = self.dice, offering.id
        kinds = dice.sample(list(_SAID), dice.randint(0, 3))
        discounts = [
            {"kind": kind, "order": n, "stacks": dice.random() < 0.5, "conditions": _SAID[kind],
             "on_edit": dice.choice(_POLICIES), **self._amount()} for n, kind in enumerate(kinds, start=1)
        ]  # fmt: skip
        rules: dict[Rule, Any] = {Rule.DISCOUNTS: discounts, Rule.TAX: dice.choice(_RATES)}
        if dice.random() < 0.5:
            rules[Rule.LATE_FEE] = self._amount()
        if dice.random() < 0.3:
            rules[Rule.CHANGE_FEE] = dice.randint(0, 2000)
        return [((scope, str(rule)), value) for rule, value in rules.items()]

    def _amount(self) -> dict[str, Any]:
        if self.dice.random() < 0.3:
            return {"amount_minor": self.dice.randint(0, 5000)}
        return {"percent": self.dice.choice(("10", "33.3333", "50", "100"))}

    # --- an edit ---

    def enrolled(self) -> Enrolled:
        return Enrolled(
            booking=self.booking, order=self.order, lines=self.lines, claims=[], timers=[], group={},
            billing_lines=self.billed, invoice_lines=self.invoiced,
            invoices=[Owed(i, f"INV-{n}", *sums) for n, (i, sums) in enumerate(self.owed.items())],
            payments=list(reversed(self.used)), settings=dict(self.settings),  # type: ignore[arg-type]
            term={"time_zone": "America/Toronto"},
        )  # fmt: skip

    def pick(self, *, first: bool = False) -> "Edit":
        """What somebody asks for: mostly a bit more or less than before; sometimes nothing but what was held."""
        dice, live = self.dice, {line.session_id: line for line in self.lines if not line.is_cancelled}
        gone = {line.session_id for line in self.lines if line.is_cancelled}
        keeps = {s for s, line in live.items() if line.is_held(self.now) or dice.random() < 0.8}
        if not first and dice.random() < 0.05:
            keeps = {s for s, line in live.items() if line.is_held(self.now)}
        chance = 0.6 if first else 0.2
        adds = {s for s, _, starts, _ in self.sessions
                if s not in live and s not in gone and starts > self.now and dice.random() < chance}  # fmt: skip
        was = {(UUID(row["term_product_id"]), row["component"]): row["quantity"] for row in self.billed}
        extras = {}
        for session in keeps | adds:
            for extra_id, _, _ in self.extras:
                before = was.get((session, f"EXTRA:{extra_id}"), 0)
                is_fixed = session in live and live[session].is_held(self.now)
                extras[session, extra_id] = before if is_fixed or dice.random() < 0.7 else dice.randint(0, 3)
        adjusts = [s for s in sorted(keeps | adds) if not first and dice.random() < 0.1][:2]
        adjustments = tuple(Adjustment(s, dice.choice((-1, -500, 250, 7)), "as agreed") for s in adjusts)
        return Edit(self, keeps | adds, extras, Asked(adjustments, has_change_fee=not first))


@dataclass
class Edit:
    """All that a booking is to hold, in any order of clicks."""

    world: World
    wanted: set[UUID]
    extras: dict[tuple[UUID, UUID], int]
    asked: Asked
    _ids: dict[object, UUID] = field(default_factory=dict)

    def judged(self, *, shuffled: bool = False) -> Change:
        """What it comes to."""
        world = self.world
        clicks = sorted(self.wanted)
        if shuffled:
            world.dice.shuffle(clicks)
        by_id = {session[0]: session for session in world.sessions}
        lines = [self._line(n, *by_id[session]) for n, session in enumerate(clicks)]
        live = {line.session_id: line for line in world.lines if not line.is_cancelled}
        facts = Facts(
            lines=[line for line in lines if line.session_id not in live],
            staying=[line for line in lines if line.session_id in live], settings=dict(world.settings),  # type: ignore[arg-type]
            claims=[], siblings={}, group={}, trials_taken={}, standing=None, today=world.now.date(), peers=world.peers,
        )  # fmt: skip
        leaving = [line for session, line in live.items() if session not in self.wanted]
        return compute(replace(world.order, id=world.booking.id), world.enrolled(), facts, leaving, world.now,
                       self.asked, "")  # fmt: skip

    def _line(self, position: int, session_id: UUID, offering: Offering, starts: datetime, price: int) -> WantedLine:
        world, ends = self.world, starts + timedelta(hours=1)
        facts = {"local_date": starts.date().isoformat(), "local_start": "09:30:00", "local_end": "10:30:00",
                 "price_minor": price, "seat_id": None, "activities": None, "makeup_credit_id": None}  # fmt: skip
        line = WantedLine(session_id, session_id, offering, LineKind.SESSION, BookingMode.CASUAL, position,
                          Slot(session_id, starts, ends), facts)  # fmt: skip
        line.extras = [WantedExtra(extra_id, session_id, extra_id, name, unit, quantity, True)
                       for extra_id, name, unit in world.extras
                       if (quantity := self.extras.get((session_id, extra_id), 0))]  # fmt: skip
        return line


def apply(world: World, change: Change, documents: Documents) -> None:
    """Write what the documents say into the books, as the confirmation does."""
    names = {line.session_id: line for line in world.lines if not line.is_cancelled}
    for line in change.leaving:
        line.is_cancelled = True
    for wanted in change.facts.lines:
        starts, ends = wanted.slot.starts_at, wanted.slot.ends_at
        assert starts is not None
        assert ends is not None
        names[wanted.session_id] = BookedLine(
            wanted.session_id, wanted.session_id, wanted.label, starts.date(), starts, ends, len(world.lines), False,
            wanted.offering.chain, None,
        )  # fmt: skip
        world.lines.append(names[wanted.session_id])
    world.billed = [_row(p) for p in change.priced.lines]
    world.booking.total_minor = change.priced.total_minor
    world.booking.revision += 1
    world.booking.version += 1
    invoice_id = None
    if documents.charges:
        invoice_id = _invoice(world, documents)
    _credit(world, documents, invoice_id)


def _row(priced: Any) -> dict[str, Any]:
    line = priced.line
    return {
        "attendee_id": str(line.attendee_id), "term_product_id": str(line.term_product_id), "component": line.component,
        "description": line.description, "printed": line.printed, "quantity": line.quantity,
        "base_minor": priced.base_minor, "discount_minor": priced.discount_minor, "net_minor": priced.net_minor,
        "tax_minor": priced.tax_minor, "gross_minor": priced.gross_minor, "tax_name": line.tax_name,
        "tax_rate": str(line.tax_rate), "trace": priced.trace,
    }  # fmt: skip


def _invoice(world: World, documents: Documents) -> UUID:
    invoice_id = world.id()
    for line in documents.charges:
        world.invoiced.append({
            "id": str(world.id()), "invoice_id": invoice_id, "booking_line_id": str(line.session_id),
            "component": line.component, "description": line.description, "net_minor": line.net_delta_minor,
            "tax_minor": line.tax_delta_minor, "credited_net_minor": 0, "credited_tax_minor": 0,
        })  # fmt: skip
    world.owed[invoice_id] = [documents.charged_minor, 0, 0]
    net, tax = (
        sum(getattr(line, name) for line in documents.charges) for name in ("net_delta_minor", "tax_delta_minor")
    )
    post(world, invoice_issued(net_minor=net, tax_minor=tax))
    return invoice_id


def _credit(world: World, documents: Documents, invoice_id: UUID | None) -> None:
    credit = documents.credit
    rows = {row["id"]: row for row in world.invoiced}
    for line in credit.lines:
        rows[line["id"]]["credited_net_minor"] += line["net_minor"]
        rows[line["id"]]["credited_tax_minor"] += line["tax_minor"]
    settled = dict(credit.settles)
    if credit.to_charge_minor:
        assert invoice_id is not None
        settled[invoice_id] = credit.to_charge_minor
    for settled_id, amount in settled.items():
        world.owed[settled_id][2] += amount
    if credit.total_minor:
        post(world, credit_note_issued(net_minor=credit.net_minor, tax_minor=credit.tax_minor))
    for freed in credit.frees:
        world.owed[freed.invoice_id][1] -= freed.amount_minor
        of = freed.invoice_id, freed.payment_id
        world.used = [replace(u, amount_minor=u.amount_minor - freed.amount_minor)
                      if (u.invoice_id, u.payment_id) == of else u for u in world.used]  # fmt: skip
        post(world, credit_released(amount_minor=freed.amount_minor))
    world.used = [used for used in world.used if used.amount_minor]


def post(world: World, postings: list[Posting]) -> None:
    agree("a posting balances", sum(amount for _, amount in postings), 0)
    for account, amount in postings:
        world.books[account] += amount


def pay(world: World) -> None:
    """The family pays something of what is open."""
    for invoice_id, (total, paid, credited) in world.owed.items():
        owing = total - paid - credited
        if owing > 0 and world.dice.random() < 0.4:
            amount = world.dice.randint(1, owing)
            world.owed[invoice_id][1] += amount
            world.used.append(Used(invoice_id, world.id(), amount))
            world.captured_minor += amount
            world.books[LedgerAccount.CUSTOMER_CREDIT] -= amount
            post(world, credit_applied(amount_minor=amount))


def edit_once(world: World, *, first: bool = False) -> None:
    """One edit, judged twice in different orders of clicks, made, and compared with the books."""
    edit = world.pick(first=first)
    change, again = edit.judged(shuffled=True), edit.judged(shuffled=True)
    found, documents = change.difference, plan_documents(change)
    agree("the total, whatever the order of clicks", found.new_total_minor, again.difference.new_total_minor)
    agree("the fingerprint, whatever the order of clicks", found.fingerprint, again.difference.fingerprint)
    _explained(change)
    agree("delta", found.delta_minor, sum(line.delta_minor for line in found.lines),
          documents.charged_minor - documents.credit.total_minor)  # fmt: skip
    agree("due and credit", found.due_minor - found.credit_minor, found.new_total_minor - found.paid_minor)
    agree("what is freed", documents.credit.freed_minor <= found.credit_minor or documents.credit.freed_minor, True)
    apply(world, change, documents)
    _settled(world, change)
    if edit.wanted and world.dice.random() < 0.1:
        fresh = Edit(world, set(sorted(edit.wanted)[1:]), edit.extras, edit.asked).judged()
        agree("another edit has another fingerprint", fresh.difference.fingerprint != found.fingerprint, True)


def _explained(change: Change) -> None:
    """The steps of each trace make its line, and the lines the total."""
    for p in change.priced.lines:
        taken = sum(step["amount_minor"] for step in p.trace if step["step"] in ("discount", "adjustment"))
        agree("a trace", p.trace[0]["amount_minor"] + taken, p.base_minor - p.discount_minor)
        agree("net and tax", p.net_minor + p.tax_minor, p.gross_minor)
        agree("no line is negative", p.gross_minor >= 0, True)
        if not Decimal(p.line.tax_rate):
            agree("a line without tax", p.tax_minor, 0)
    agree("the lines", sum(p.gross_minor for p in change.priced.lines), change.priced.total_minor)
    for line in change.difference.lines:
        parts = (line.net_delta_minor, line.tax_delta_minor)
        agree("a line's parts go one way", all(x >= 0 for x in parts) or all(x <= 0 for x in parts), True)
        agree("each line says why", bool(line.causes), True)


def _settled(world: World, change: Change) -> None:
    """Documents, allocations and ledger say the same of what is owed."""
    total = world.booking.total_minor
    invoiced = sum(sums[0] for sums in world.owed.values())
    paid, credited = (sum(sums[n] for sums in world.owed.values()) for n in (1, 2))
    agree("invoiced less credited", invoiced - credited, total)
    agree("receivable", world.books[LedgerAccount.RECEIVABLE], invoiced - credited - paid)
    agree("what is owed", world.books[LedgerAccount.RECEIVABLE], max(0, total - change.difference.paid_minor))
    agree("customer credit", -world.books[LedgerAccount.CUSTOMER_CREDIT], world.captured_minor - paid)
    agree("deferred revenue", -world.books[LedgerAccount.DEFERRED_REVENUE],
          sum(row["net_minor"] for row in world.billed))  # fmt: skip
    agree("tax", -world.books[LedgerAccount.TAX], sum(row["tax_minor"] for row in world.billed))
    agree("an invoice within its total", all(t >= p + c and p >= 0 for t, p, c in world.owed.values()), True)
    agree("payments", sum(used.amount_minor for used in world.used), paid)
    for row in world.invoiced:
        agree("credits within a line", row["credited_net_minor"] <= row["net_minor"]
              and row["credited_tax_minor"] <= row["tax_minor"], True)  # fmt: skip


def run(seed: int, edits: int) -> Counter[str]:
    """So many edits of as many bookings as they take; returns how many there were by currency."""
    dice = random.Random(seed)
    made: Counter[str] = Counter()
    while made.total() < edits:
        made += edited(random.Random(dice.getrandbits(64)))
    return made


def edited(dice: random.Random) -> Counter[str]:
    """One booking, its edits and its payments."""
    world, made = World(dice), 0
    edit_once(world, first=True)
    for _ in range(dice.randint(2, 12)):
        pay(world)
        world.now += timedelta(days=dice.choice((0, 0, 1, 6, 7, 9)))
        if dice.random() < 0.2:
            world.peers = [] if world.peers else [{"attendee_id": str(world.id()), "programs": []}]
        edit_once(world)
        made += 1
    return Counter({world.currency: made})


_AT_A_TIME = 1000


def main(edits: int = 200_000, seed: int | None = None) -> None:
    """Edit bookings; stops at the first disagreement, with the seed that finds it again."""
    console = Console()
    first = random.SystemRandom().getrandbits(32) if seed is None else seed
    console.print(f"{edits:,} edits; --seed {first} makes the same ones")
    made: Counter[str] = Counter()
    for turn in track(range(-(-edits // _AT_A_TIME)), description="Editing", console=console):
        made += run(first + turn, min(_AT_A_TIME, edits))
    console.print(f"{made.total():,} edits in which delta, due, documents, ledger and fingerprint agree: {dict(made)}")


if __name__ == "__main__":
    typer.run(main)
