"""The rules that may refuse an order. Each guard yields every reason it finds, naming the session and the rule."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.pricing import Priced
from catalogue.eligibility import AttendeeFacts, OfferingFacts, failing
from catalogue.rules import Rule
from engine.actor import Actor
from engine.database import Row
from engine.errors import Reason
from engine.money import format_money
from models import ActorKind, TermBookingConfirmationType, TermBookingOrderType
from workflows.booking_opening import failing_opening
from workflows.double_booking import clashes, clashing_pairs, converts
from workflows.order_facts import Claim, Facts, Offering, Order, WantedLine
from workflows.order_holdings import Holdings
from workflows.order_modes import wrong_sets
from workflows.subscription_rules import is_continued_by_system
from workflows.wanted_activities import places

# Why the system cancels. An order that was not paid in time may be revived by late money; one whose quote ran out is
# not: its price held until then and no longer.
TIMEOUT = "timeout"
QUOTE_EXPIRED = "quote expired"


def is_not_empty(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """An order asks for at least one session."""
    if not facts.lines and not order.is_change:
        yield Reason("cart_empty", "The cart is empty; choose at least one session.", field="lines", rule="lines")


def is_selectable(order: Order, *, facts: Facts, now: datetime, **_: object) -> Iterator[Reason]:
    """Each session belongs to the order's term and takes place; each set of sessions fits its mode."""
    for line in facts.lines:
        yield from _unselectable(order, line, now)
    for offering in facts.offerings.values():
        yield from _unavailable(offering, now)
        yield from wrong_sets(facts, offering)


def _unselectable(order: Order, line: WantedLine, now: datetime) -> Iterator[Reason]:
    if line.offering.facts["term_id"] != str(order.term_id):
        yield _about(
            line, "other_term", f"{line.label} belongs to another term ({line.offering.facts['term']}).", "term"
        )
    if line.facts["product_type"] != "SESSION":
        yield _about(line, "not_a_session", f"{line.label} is an activity, not a session.", "product_type")
    if line.facts["status"] != "OPEN":
        yield _about(line, "session_closed", f"{line.label} does not take place.", "session_status")
    if line.slot.ends_at is not None and line.slot.ends_at <= now:
        yield _about(line, "session_over", f"{line.label} is over.", "session_to_come")
    for extra in line.extras:
        if not extra.is_offered:
            yield _about(line, "extra_not_offered", f"{extra.name} is not offered with {line.label}.", "extras",
                         extra_id=str(extra.extra_id))  # fmt: skip


def _unavailable(offering: Offering, now: datetime) -> Iterator[Reason]:
    facts = offering.facts
    if facts["status"] != "PUBLISHED":
        yield Reason("offering_not_published", f"{offering.name} cannot be booked.", rule="offering_status")
    today = now.astimezone(ZoneInfo(facts["time_zone"])).date()
    if facts["term_status"] not in ("OPEN", "RUNNING") or facts["term_ends_on"] < today.isoformat():
        yield Reason("term_closed", f"{facts['term']} takes no bookings (it {_term_state(facts)}).", rule="term_status")


def _term_state(facts: dict[str, object]) -> str:
    return "is not open yet" if facts["term_status"] == "DRAFT" else f"ended on {facts['term_ends_on']}"


def is_price_as_shown(
    order: Order, *, priced: Priced, shown_fingerprint: str, shown: Sequence[Row] = (), **_: object
) -> Iterator[Reason]:
    """Nobody submits a price they did not see; `shown` are the companions that it stands for too."""
    if shown_fingerprint != priced.fingerprint:
        currency, locale = order.organisation["currency"], order.organisation["locale"]
        total = format_money(priced.total_minor, currency, locale)
        yield Reason(
            "price_changed", f"The price is {total} now; look at it and submit again.", field="price_fingerprint",
            rule="price_as_shown",
            facts={"total_minor": priced.total_minor, "price_fingerprint": priced.fingerprint,
                   **({"companions": shown} if shown else {})},
        )  # fmt: skip


def is_in_booking_window(
    order: Order, *, facts: Facts, now: datetime, override: str, actor: Actor, **_: object
) -> Iterator[Reason]:
    """Registration is open, to current families earlier where they have priority; an admin may override it with a
    reason.
    """
    if override or is_continued_by_system(order, actor):
        return
    for offering in facts.offerings.values():
        yield from failing_opening(order, offering, now)
        closes, zone = offering.facts["bookable_until"], ZoneInfo(offering.facts["time_zone"])
        if closes is not None and now >= closes:
            when = f"{closes.astimezone(zone):%a %d %b %Y %H:%M}"
            yield Reason("window_closed", f"Registration for {offering.name} closed on {when}.", rule="booking_window",
                         facts={"closed_at": closes.isoformat()})  # fmt: skip


def is_before_cut_off(order: Order, *, facts: Facts, now: datetime, override: str, **_: object) -> Iterator[Reason]:
    """Each session is booked before its cut-off; an admin may override it with a reason."""
    if override:
        return
    for line in facts.lines:
        if (
            line.session_id in facts.kept
            or line.slot.starts_at is None
            or (line.slot.ends_at is not None and line.slot.ends_at <= now)
        ):
            continue
        minutes = facts.rule(Rule.BOOKING_CUT_OFF, line.offering).value
        if now > line.slot.starts_at - timedelta(minutes=minutes):
            yield _about(line, "past_cut_off", f"{line.label} is booked at least {minutes} minutes before it starts.",
                         "booking_cut_off")  # fmt: skip


def is_eligible(order: Order, *, facts: Facts, override: str, **_: object) -> Iterable[Reason]:
    """Age on the day of the attendee's first session, school year, height and weight; overridable with a reason."""
    if override:
        return
    attendee = AttendeeFacts.of(order.attendee)
    for offering in facts.offerings.values():
        days = [line.local_date for line in facts.lines if line.offering is offering and line.local_date]
        # A timetable of undated sessions runs with its term.
        first = min(days, default=date.fromisoformat(offering.facts["term_starts_on"]))
        yield from failing(attendee, OfferingFacts.of(offering.facts), first)


def has_order_type_on_offer(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """The kind of enrolment is one that each category offers."""
    for offering in facts.offerings.values():
        if order.order_type not in facts.rule(Rule.ORDER_TYPES, offering).value:
            yield Reason("order_type_not_offered", f"{offering.name} offers no {in_words(order.order_type)}.",
                         field="order_type", rule="order_types")  # fmt: skip


# What is paid in parts; a change is one part.
_SCHEDULED = (TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT, TermBookingConfirmationType.DIRECT_DEBIT)


def has_confirmation_type_on_offer(order: Order, *, facts: Facts, actor: Actor, **_: object) -> Iterator[Reason]:
    """The way to confirm is one that each category offers; only admins confirm as admins."""
    wanted = order.confirmation_type
    assert wanted is not None, "submit sets the confirmation type first"
    if wanted is TermBookingConfirmationType.ADMIN_CONFIRM and not (
        actor.is_admin or is_continued_by_system(order, actor)
    ):
        yield Reason("confirmation_type_not_offered", "Only an admin confirms as an admin.", field="confirmation_type",
                     rule="confirmation_types")  # fmt: skip
    if order.is_change and wanted in _SCHEDULED:
        yield Reason("confirmation_type_not_offered", f"A change is not confirmed by {in_words(wanted)}; pay it now or "
                     "later, or ask the centre.", field="confirmation_type", rule="confirmation_types")  # fmt: skip
    for offering in facts.offerings.values():
        offered = facts.rule(Rule.CONFIRMATION_TYPES, offering).value
        if wanted not in offered:
            words = ", ".join(in_words(o) for o in sorted(offered))
            yield Reason("confirmation_type_not_offered", f"{offering.name} is not confirmed by {in_words(wanted)} "
                         f"(offered: {words}).", field="confirmation_type", rule="confirmation_types")  # fmt: skip


def has_trial_left(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """A trial is limited per attendee and program."""
    if order.order_type is not TermBookingOrderType.TRIAL_SESSION:
        return
    for program_id, name in {o.facts["program_id"]: o.facts["program"] for o in facts.offerings.values()}.items():
        lines = [line for line in facts.lines if line.offering.facts["program_id"] == program_id]
        limit = min(facts.rule(Rule.TRIAL_LIMIT, line.offering).value for line in lines)
        taken, wanted = facts.trials_taken.get(program_id, 0), len(lines)
        if taken + wanted > limit:
            message = f"{order.attendee['name']} may try {name} {_times(limit)}; "
            message += f"already taken: {taken}, asked for: {wanted}."
            yield Reason("trial_limit", message, rule="trial_limit")


def has_place(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """Every session has a place left. Nobody overrides capacity; the database has the last word."""
    for line in facts.lines:
        is_kept = line.session_id in facts.kept or facts.offered(line) is not None
        if not is_kept and facts.places_left(line) <= 0:
            yield session_full(line)


def session_full(line: WantedLine) -> Reason:
    return _about(line, "session_full", f"{line.label} is full ({places(line.facts['capacity'])}).", "capacity")


def has_no_conflict(order: Order, *, facts: Facts, actor: Actor, **_: object) -> Iterator[Reason]:
    """The attendee is not elsewhere at that time (DOMAIN §3); nobody overrides it."""
    for line in facts.lines:
        for claim in facts.claims:
            if _is_in_the_way(order, line, claim):
                yield _double_booked(order, line, claim, actor)
    labels = {line.session_id: line for line in facts.lines}
    for one, other in clashing_pairs(order.order_type, (line.slot for line in facts.lines)):
        line = labels[other.session_id]
        yield _about(line, "double_booked", f"{line.label} overlaps {labels[one.session_id].label} of this order.",
                     "double_booking")  # fmt: skip


def _is_in_the_way(order: Order, line: WantedLine, claim: Claim) -> bool:
    """The matrix of DOMAIN §3. What becomes this order is not in its way; another account's interest is."""
    if claim.order_id == order.converts_order_id:
        return False
    if converts(claim.order_type, claim.slot, order.order_type, line.slot):
        return claim.account_id != order.account_id
    return clashes(claim.order_type, claim.slot, order.order_type, line.slot)


def _double_booked(order: Order, line: WantedLine, claim: Claim, actor: Actor) -> Reason:
    is_theirs = claim.account_id == order.account_id and actor.kind is not ActorKind.GUEST
    if is_theirs or actor.is_admin:
        held = "has an interest in" if claim.order_type is TermBookingOrderType.EOI else "is already booked for"
        message = f"{order.attendee['name']} {held} {claim.label} ({claim.reference})."
        return _about(line, "double_booked", message, "double_booking", other=claim.reference)
    return _about(line, "double_booked", f"{line.label}: not available at this time.", "double_booking")


def is_in_good_standing(order: Order, *, facts: Facts, priced: Priced, **_: object) -> Iterator[Reason]:
    """Pay-later: nothing overdue, and unpaid invoices + open pay-later orders + this within the limit."""
    if order.confirmation_type is not TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT:
        return
    limits = [facts.rule(Rule.PAY_LATER_LIMIT, line.offering).value for line in facts.whole]
    asked = priced.total_minor if order.change_due_minor is None else order.change_due_minor
    yield from failing_standing(order, facts.standing, limits, asked)


def failing_standing(order: Order, standing: Row | None, limits: list[int], total_minor: int) -> Iterator[Reason]:
    """Why the account may not pay later; the nearest limit of all offerings counts unless the account has its own."""
    assert standing is not None, "pay-later reads the account's standing under its lock"
    money = {"currency": order.organisation["currency"], "locale": order.organisation["locale"]}
    if overdue := standing["overdue"]:
        named = ", ".join(f"{each['number']} ({format_money(each['minor'], **money)} since "
                          f"{date.fromisoformat(each['due_on']):%d %b %Y})" for each in overdue)  # fmt: skip
        due_minor = sum(each["minor"] for each in overdue)
        yield Reason("overdue", f"Pay later needs every due invoice paid; overdue: {named}. Pay "
                     f"{format_money(due_minor, **money)} and submit again.", field="confirmation_type",
                     rule="pay_later", facts={"overdue_minor": due_minor,
                                              "invoices": [each["number"] for each in overdue]})  # fmt: skip
    own = order.account["credit_limit_minor"]
    limit = own if own is not None else min(limits, default=0)
    owed = standing["unpaid_minor"] + standing["open_minor"]
    over = owed + total_minor - limit
    if over > 0:
        first = f"Pay {format_money(over, **money)} of what is open first, or choose another way to pay."
        way_out = first if over <= standing["unpaid_minor"] else "Choose another way to pay."
        yield Reason(
            "pay_later_limit", f"Pay later goes up to {format_money(limit, **money)}: {format_money(owed, **money)} is "
            f"open and this order adds {format_money(total_minor, **money)}. {way_out}",
            field="confirmation_type",
            rule="pay_later", facts={"limit_minor": limit, "owed_minor": owed},
        )  # fmt: skip


def _about(line: WantedLine, code: str, message: str, rule: str, **facts: object) -> Reason:
    return Reason(code, message, field=f"lines[{line.position}].session_id", rule=rule, session=line.label,
                  facts={"session_id": str(line.session_id), **facts})  # fmt: skip


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def in_words(member: TermBookingOrderType | TermBookingConfirmationType) -> str:
    """The type as people say it: "waiting list", "a deposit"."""
    return _SAID.get(member) or member.name.lower().replace("_", " ")


_SAID = {
    TermBookingOrderType.EOI: "expression of interest",
    TermBookingConfirmationType.PAY_NOW_PAY_ALL: "paying now",
    TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT: "a deposit",
    TermBookingConfirmationType.CONFIRM_WITHOUT_PAYMENT: "paying later",
    TermBookingConfirmationType.ADMIN_CONFIRM: "the office alone",
}


def has_no_money(order: Order, *, holdings: Holdings, actor: Actor, **_: object) -> Iterator[Reason]:
    """No money is moving or captured for it."""
    yield from has_no_money_moving(order, holdings=holdings, actor=actor)
    if holdings.paid_minor:
        yield Reason("money_captured", f"{order.reference} is paid (in part); cancel it instead.", rule="no_money")


def has_no_money_moving(order: Order, *, holdings: Holdings, actor: Actor, **_: object) -> Iterator[Reason]:
    """No payment is in its provider's hands now; a timeout has been put off for it before it asks, 24 h at most."""
    if holdings.has_money_moving and actor.kind is not ActorKind.SYSTEM:
        yield Reason("money_moving", f"A payment for {order.reference} is being processed.", rule="no_money_moving")


def is_not_paid(order: Order, *, holdings: Holdings, actor: Actor, **_: object) -> Iterator[Reason]:
    """A timeout never cancels what is paid."""
    if (
        actor.kind is ActorKind.SYSTEM
        and holdings.billing
        and holdings.paid_minor >= _asked_minor(order, holdings.billing) > 0
    ):
        yield Reason("paid", f"{order.reference} is paid.", rule="timeout_spares_paid")


def _asked_minor(order: Order, billing: Row) -> int:
    return int(billing["total_minor"] if order.change_due_minor is None else order.change_due_minor)


def is_timed_out(order: Order, **_: object) -> Iterator[Reason]:
    """Only an order that ran out of time is revived; what somebody cancelled stays so."""
    if order.cancel_reason != TIMEOUT:
        yield Reason("not_timed_out", f"{order.reference} was cancelled, it did not time out.", rule="revive")


def has_open_quote(order: Order, *, holdings: Holdings, now: datetime, **_: object) -> Iterator[Reason]:
    """The quote has not expired, and it is for the Billing version that the order has now."""
    assert holdings.quote is not None, "a quoted order has a quote"
    expires_at = datetime.fromisoformat(holdings.quote["expires_at"])
    if expires_at <= now:
        zone = ZoneInfo(order.organisation["time_zone"])
        yield Reason("quote_expired", f"The quote of {order.reference} expired on "
                     f"{expires_at.astimezone(zone):%a %d %b %Y %H:%M}.", rule="quote_expiry")  # fmt: skip
    if holdings.quote["billing_id"] != str(order.billing_id):
        yield Reason("quote_superseded", f"The price of {order.reference} has changed since the quote.", rule="quote")
