"""A family with its bookings, passes and wallet, the programme that it books, its chances, and its books."""

import random
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from billing.credits import Owed, Used
from billing.ledger import Posting
from billing.passes import Right
from billing.wallet import Parts, Wallet
from catalogue.rules import Rule, Settings
from catalogue.selection import OfferedSession
from models import (
    BookingMode,
    LedgerAccount,
    PassCovers,
    PassReturns,
    PaymentState,
    TermBookingConfirmationType,
    TermBookingOrderType,
    TermBookingStatus,
)
from workflows.booking_facts import BookedLine, Booking, Enrolled
from workflows.credit_facts import Paid
from workflows.order_facts import Offering, Order
from workflows.pass_facts import Use

# Ten currencies, of 0, 2 and 3 decimals.
CURRENCIES = ("JPY", "KRW", "ISK", "CAD", "EUR", "AUD", "GBP", "KWD", "BHD", "TND")
START = datetime(2026, 4, 13, 9, 30, tzinfo=ZoneInfo("America/Toronto"))
CODE = "SUN10"
_PAY_LATER = TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT
_RATES = (None, {"name": "HST", "rate_percent": "13"}, {"name": "VAT", "rate_percent": "19"},
          {"name": "GST", "rate_percent": "6.875"})  # fmt: skip
_POLICIES = ("FREEZE", "REPRICE_FUTURE", "REPRICE_ALL")
# Where single days are not sold too, as somewhere they are not.
_MODES = (["CASUAL"], ["CASUAL", "FULL_WEEK"], ["CASUAL", "FULL_WEEK", "FULL_TERM"], ["CASUAL", "FULL_TERM"],
          ["FULL_WEEK"])  # fmt: skip

Session = tuple[UUID, Offering, datetime, int]


class Disagreement(AssertionError):
    """Two figures that must be one are two."""


def agree(what: str, *figures: object) -> None:
    if any(figure != figures[0] for figure in figures):
        raise Disagreement(f"{what}: {', '.join(map(str, figures))}")


@dataclass
class Bill:
    """An invoice with what settles it."""

    number: str
    due_on: date
    total_minor: int
    paid_minor: int = 0
    credited_minor: int = 0

    @property
    def open_minor(self) -> int:
        return self.total_minor - self.paid_minor - self.credited_minor


@dataclass
class Pass:
    """A pass of the family; `used` are its units."""

    right: Right
    granted: int | None
    returns: PassReturns
    used: int = 0


@dataclass
class Family:
    """Everything that an edit may touch, made by dice."""

    dice: random.Random

    def __post_init__(self) -> None:
        dice = self.dice
        self.now = START - timedelta(days=11)
        self.included, self.is_staff = dice.random() < 0.6, dice.random() < 0.2
        self.currency = dice.choice(CURRENCIES)
        self.organisation_id, self.account_id, self.term_id, self.group_id = (self.id() for _ in range(4))
        self.offerings = [self._offering(n) for n in range(dice.randint(1, 3))]
        self.settings: Settings = dict(setting for o in self.offerings for setting in self._rules(o))
        # Two days a week, so that there are weeks to be whole.
        days = [START + timedelta(weeks=n // 2, days=2 * (n % 2)) for n in range(dice.randint(3, 12))]
        self.sessions: list[Session] = [(self.id(), dice.choice(self.offerings), day, self._price()) for day in days]
        self.extras = [(self.id(), f"Extra {n}", self._price()) for n in range(2)]
        self.passes = [self._pass(n) for n in range(dice.choice((0, 0, 1, 2)))]
        self.wallet = Wallet(self.account_id, 0, 0)
        self.bills: dict[UUID, Bill] = {}
        self.used: list[Used] = []  # which payment settles which invoice, the oldest first
        self.payments: dict[UUID, Paid] = {}
        self.debited: dict[UUID, Parts] = {}
        self.books: Counter[LedgerAccount] = Counter()
        self.elsewhere: list[dict[str, Any]] = []  # another child's booking, which comes and goes
        mia = self.id()
        self.bookings = [self._booking(n, dice.choice((mia, self.id()))) for n in range(dice.choice((1, 2, 2, 3)))]

    def id(self) -> UUID:
        return UUID(int=self.dice.getrandbits(128))

    def _price(self) -> int:
        return self.dice.choice((0, 1, 999, 1130, 3000, self.dice.randint(0, 9_999_999)))

    def _offering(self, n: int) -> Offering:
        program, category, dice = self.id(), self.id(), self.dice
        facts = {
            "name": f"Course {n}", "site": "Riverside", "program_id": str(program), "term_starts_on": "2026-04-01",
            "session_price_minor": self._price(), "modes": dice.choice(_MODES),
            "full_week_price_minor": dice.choice((None, self._price(), 5000)),
            "full_term_price_minor": dice.choice((None, self._price(), 20_000)),
        }  # fmt: skip
        offering_id = self.id()
        return Offering(offering_id, facts, (offering_id, program, category, self.organisation_id))

    def _rules(self, offering: Offering) -> list[tuple[tuple[UUID, str], Any]]:
        dice, scope = self.dice, offering.id
        said = self._said()
        kinds = dice.sample(list(said), dice.randint(0, 5))
        discounts = [
            {"kind": kind, "order": n, "stacks": dice.random() < 0.5, "conditions": said[kind],
             "on_edit": dice.choice(_POLICIES), **self._amount()} for n, kind in enumerate(kinds, start=1)
        ]  # fmt: skip
        rules: dict[Rule, Any] = {Rule.DISCOUNTS: discounts, Rule.TAX: dice.choice(_RATES)}
        if dice.random() < 0.5:
            rules[Rule.LATE_FEE] = self._amount()
        if dice.random() < 0.3:
            rules[Rule.CHANGE_FEE] = dice.randint(0, 2000)
        return [((scope, str(rule)), value) for rule, value in rules.items()]

    def _said(self) -> dict[str, dict[str, Any]]:
        """What each kind of discount asks."""
        programs = [str(offering.chain[1]) for offering in self.offerings]
        return {
            "SIBLING": {"from_child": 2, "every_child": True}, "MULTI_SESSION": {"sessions": 4}, "STAFF": {},
            "EARLY_BIRD": {"until": "2026-04-20"}, "FULL_WEEK": {}, "FULL_TERM": {},
            "PROMO_CODE": {"code": CODE, "until": self.dice.choice((None, "2026-04-20"))},
            "COMBINE_BOOKING": {"programs": self.dice.sample(programs, 1)},
        }  # fmt: skip

    def _amount(self) -> dict[str, Any]:
        if self.dice.random() < 0.3:
            return {"amount_minor": self.dice.randint(0, 5000)}
        return {"percent": self.dice.choice(("10", "33.3333", "50", "100"))}

    def _pass(self, n: int) -> Pass:
        dice = self.dice
        granted = dice.choice((None, 1, 2, 4))
        scopes = frozenset({dice.choice(self.offerings).chain[1]}) if dice.random() < 0.4 else frozenset()
        right = Right(
            self.id(), f"PS-{n}", "Pass", date(2026, 4, 1), START.date() + timedelta(days=dice.randint(3, 50)), granted,
            dice.choice(list(PassCovers)), scopes,
        )  # fmt: skip
        return Pass(right, granted, dice.choice(list(PassReturns)))

    def _booking(self, n: int, attendee_id: UUID) -> "Booked":
        order = Order(
            id=self.id(), reference=f"TO-{n}", status=TermBookingStatus.APPROVED, version=1, account_id=self.account_id,
            attendee_id=attendee_id, term_id=self.term_id, order_type=TermBookingOrderType.BOOKING,
            confirmation_type=_PAY_LATER, group_id=self.group_id,
            promo_code=CODE if self.dice.random() < 0.5 else None, account={"is_staff": self.is_staff},
            attendee={"name": "Mia Rossi"},
            organisation={"currency": self.currency, "locale": "en", "time_zone": "America/Toronto",
                          "prices_include_tax": self.included},
        )  # fmt: skip
        booking = Booking(
            id=self.id(), reference=f"TB-{n}", status=TermBookingStatus.APPROVED, version=1, account_id=self.account_id,
            attendee_id=attendee_id, order_id=order.id, group_id=self.group_id, billing_id=self.id(), total_minor=0,
            payment_state=PaymentState.OPEN, confirmation_type=_PAY_LATER,
        )  # fmt: skip
        return Booked(self, order, booking)

    def offered(self) -> dict[UUID, list[OfferedSession]]:
        """The sessions of each offering; what has begun is not to come."""
        found: dict[UUID, list[OfferedSession]] = {}
        for session_id, offering, starts, _ in self.sessions:
            found.setdefault(offering.id, []).append(OfferedSession(session_id, starts.date(), starts > self.now))
        return found

    def peers(self, without: Iterable["Booked"]) -> list[dict[str, Any]]:
        """The children of the family that have bookings, but for these ones, with their programs."""
        gone = {its.booking.id for its in without}
        found: dict[UUID, list[str]] = {}
        for its in self.bookings:
            if its.booking.id not in gone and (kept := its.kept()):
                found.setdefault(its.order.attendee_id, []).extend(str(line.chain[1]) for line in kept)
        return [{"attendee_id": str(i), "programs": programs} for i, programs in found.items()] + self.elsewhere

    def post(self, postings: list[Posting]) -> None:
        agree("a posting balances", sum(amount for _, amount in postings), 0)
        for account, amount in postings:
            self.books[account] += amount


@dataclass
class Booked:
    """One booking of the family as it stands."""

    family: Family
    order: Order
    booking: Booking
    lines: list[BookedLine] = field(default_factory=list)
    billed: list[dict[str, Any]] = field(default_factory=list)
    invoiced: list[dict[str, Any]] = field(default_factory=list)
    invoices: list[UUID] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)  # what its sessions use of passes

    def kept(self) -> list[BookedLine]:
        return [line for line in self.lines if not line.is_cancelled]

    def enrolled(self) -> Enrolled:
        bills = {invoice_id: self.family.bills[invoice_id] for invoice_id in self.invoices}
        settled: dict[tuple[UUID, UUID], int] = {}
        for used in reversed(self.family.used):
            if used.invoice_id in bills:
                key = used.invoice_id, used.payment_id
                settled[key] = settled.get(key, 0) + used.amount_minor
        return Enrolled(
            booking=self.booking, order=self.order, lines=self.lines, claims=[], timers=[], group={},
            billing_lines=self.billed, invoice_lines=self.invoiced,
            invoices=[Owed(i, bill.number, bill.total_minor, bill.paid_minor, bill.credited_minor, due_on=bill.due_on)
                      for i, bill in bills.items()],
            payments=[Used(*key, amount) for key, amount in settled.items()],
            settings=dict(self.family.settings),  # type: ignore[arg-type]
            term={"time_zone": "America/Toronto"}, uses=self.uses,
        )  # fmt: skip

    def modes(self) -> dict[UUID, BookingMode]:
        return {line.session_id: line.mode for line in self.kept()}
