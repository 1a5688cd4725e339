"""Booking without a login (DOMAIN §2): an e-mail address finds or makes a guest account, a signed link opens one order.

Nobody has proved yet that the address is theirs. So a guest sees the one order of the link and nothing else of the
account, pays now, and is told of no other booking. An address that belongs to a registered user makes a guest account
like any other: the answer reveals nothing.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import Conflict, NotFound, NotPermitted
from engine.fire import announce
from engine.ids import new_id, new_reference
from engine.links import sign_link
from models import AccountKind, ActorKind, TermBookingConfirmationType, TermBookingOrderType
from workflows import enrolment
from workflows import term_booking_order as orders
from workflows.change_facts import Change

# How long a link opens its order.
LINK_FOR = timedelta(days=180)
LINK_PURPOSE = "guest order"
MOST_ATTENDEES = 20
# A guest pays now: nobody knows them well enough to wait for their money.
CONFIRMED_BY = frozenset({TermBookingConfirmationType.PAY_NOW_PAY_ALL, TermBookingConfirmationType.PAY_NOW_PAY_DEPOSIT})
ORDER_TYPES = frozenset({TermBookingOrderType.BOOKING, TermBookingOrderType.TRIAL_SESSION})


class TooManyAttendees(Conflict):
    """A guest account has as many attendees as it may have."""

    code = "too_many_attendees"


class LinkClaimed(NotPermitted):
    """The guest has registered since: the account is a family's, which signs in."""

    code = "link_claimed"


@dataclass(frozen=True, slots=True)
class Opened:
    """The one order that a link opens, and whose it is."""

    order_id: UUID
    booking_id: UUID | None
    account_id: UUID
    name: str
    email: str

    @property
    def actor(self) -> Actor:
        return Actor(ActorKind.GUEST, account_ids=frozenset({self.account_id}))


_ACCOUNT = """
INSERT INTO account (organisation_id, id, reference, kind, name, email, phone, address, is_staff, created_at)
VALUES (%(org)s, %(id)s, %(reference)s, 'GUEST', %(name)s, %(email)s, %(phone)s, '[]', false, %(now)s)
ON CONFLICT (organisation_id, email) WHERE kind = 'GUEST'
DO UPDATE SET phone = coalesce(nullif(account.phone, ''), excluded.phone)
RETURNING id
"""

_ATTENDEES = """
SELECT t.id, t.name, t.date_of_birth FROM account_attendee x
JOIN attendee t ON t.organisation_id = x.organisation_id AND t.id = x.attendee_id
WHERE x.organisation_id = %(org)s AND x.account_id = %(account_id)s
"""

_MAKE_ATTENDEE = """
WITH made AS (
    INSERT INTO attendee (organisation_id, id, reference, name, date_of_birth, school_year, height_cm, weight_kg,
                          medical_notes, allergy_notes, authorised_pick_ups, must_not_collect, created_at)
    VALUES (%(org)s, %(id)s, %(reference)s, %(name)s, %(date_of_birth)s, %(school_year)s, %(height_cm)s,
            %(weight_kg)s, %(medical_notes)s, %(allergy_notes)s, '[]', '[]', %(now)s)
    RETURNING id
)
INSERT INTO account_attendee (organisation_id, id, account_id, attendee_id)
SELECT %(org)s, %(link_id)s, %(account_id)s, id FROM made
"""

# What was known stays known: an allergy is not forgotten because somebody left the field empty.
_ADD_NOTES = """
UPDATE attendee SET
    medical_notes = CASE WHEN position(%(medical_notes)s IN medical_notes) > 0 THEN medical_notes
                         ELSE concat_ws('; ', nullif(medical_notes, ''), %(medical_notes)s) END,
    allergy_notes = CASE WHEN position(%(allergy_notes)s IN allergy_notes) > 0 THEN allergy_notes
                         ELSE concat_ws('; ', nullif(allergy_notes, ''), %(allergy_notes)s) END,
    school_year = coalesce(%(school_year)s, school_year), height_cm = coalesce(%(height_cm)s, height_cm),
    weight_kg = coalesce(%(weight_kg)s, weight_kg)
WHERE organisation_id = %(org)s AND id = %(id)s
"""


def guest_link(secret: str, organisation_id: UUID, order_id: UUID, *, now: datetime) -> str:
    """The part of an address that opens a guest's order. Its organisation stands in it in clear."""
    return sign_link(
        secret, LINK_PURPOSE, expires_at=now + LINK_FOR, organisation=organisation_id.hex, order=order_id.hex
    )


def begin(
    tx: Transaction, *, guest: Row, attendee: Row, term_id: UUID, order_type: TermBookingOrderType, lines: list[Row],
    now: datetime, promo_code: str | None = None,
) -> orders.Outcome:  # fmt: skip
    """A cart of a guest: `guest` has name, email and phone; `attendee` what is asked of a child. It holds nothing.

    The same child, by name and date of birth, is found again in the guest's account: two orders cannot double book it.
    Raises what `orders.new` and `orders.save` raise, and TooManyAttendees.
    """
    email = guest["email"].lower()
    found = tx.row(_ACCOUNT, **{**guest, "email": email}, id=new_id(), reference=new_reference("AC"), now=now)
    assert found is not None
    account_id: UUID = found["id"]
    attendee_id = _attendee(tx, account_id, attendee, now=now)
    actor = Actor(ActorKind.GUEST, account_ids=frozenset({account_id}))
    begun = orders.new(
        tx, actor=actor, account_id=account_id, attendee_id=attendee_id, term_id=term_id, order_type=order_type, now=now
    )
    tx.flush()
    return orders.save(tx, order_id=begun.order.id, lines=lines, actor=actor, now=now, promo_code=promo_code)


def _attendee(tx: Transaction, account_id: UUID, asked: Row, *, now: datetime) -> UUID:
    known = tx.rows(_ATTENDEES, account_id=account_id)
    same = (asked["name"].casefold(), asked["date_of_birth"])
    for one in known:
        if (one["name"].casefold(), one["date_of_birth"]) == same:
            tx.run(_ADD_NOTES, **{**asked, "id": one["id"]})
            found: UUID = one["id"]
            return found
    if len(known) >= MOST_ATTENDEES:
        raise TooManyAttendees(f"A guest books for {MOST_ATTENDEES} attendees at most; please register.")
    attendee_id = new_id()
    tx.run(_MAKE_ATTENDEE, **{**asked, "id": attendee_id, "link_id": new_id(), "account_id": account_id, "now": now,
                              "reference": new_reference("AT")})  # fmt: skip
    return attendee_id


_OPENED = """
SELECT o.id AS order_id, o.booking_id, o.account_id, a.name, a.email, a.kind
FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
WHERE o.organisation_id = %(org)s AND o.id = %(order_id)s
"""


def opened(tx: Transaction, order_id: UUID) -> Opened:
    """What a link for this order opens. Raises NotFound, and LinkClaimed when the account is a family's now."""
    row = tx.row(_OPENED, order_id=order_id)
    if row is None:
        raise NotFound("There is no such order.", what="order")
    if row.pop("kind") != AccountKind.GUEST:
        raise LinkClaimed("This booking belongs to a registered family now: sign in to see it.")
    return Opened(**row)


def submit(
    tx: Transaction, link: Opened, *, confirmation_type: TermBookingConfirmationType, price_fingerprint: str,
    now: datetime,
) -> orders.Outcome:  # fmt: skip
    """Take the places, to be paid now; the guest is sent the link. Raises what `orders.submit` raises."""
    if confirmation_type not in CONFIRMED_BY:
        raise NotPermitted("Without a login one pays now: in full, or the deposit where there is one.")
    outcome = orders.submit(
        tx, order_id=link.order_id, confirmation_type=confirmation_type, price_fingerprint=price_fingerprint,
        actor=link.actor, now=now,
    )  # fmt: skip
    announce(tx.batch, "guest.links", now=now, order_ids=[str(link.order_id)])
    return outcome


def review_cancellation(tx: Transaction, link: Opened, *, now: datetime) -> Change:
    """What cancelling the booking would come to now. Raises NotFound while there is none: what is not confirmed is
    given up without a review.
    """
    if link.booking_id is None:
        raise NotFound("It is not confirmed yet: there is nothing to review, cancel it as it is.", what="booking")
    return enrolment.review_cancellation(tx, booking_id=link.booking_id, actor=link.actor, now=now)


def cancel(tx: Transaction, link: Opened, *, reason: str, now: datetime, fingerprint: str = "") -> None:
    """Give up what the link opens: a cart is removed, an order or a booking cancelled by its own rules, a booking with
    the fingerprint of its review.
    """
    actor = link.actor
    if link.booking_id is not None:
        enrolment.cancel(tx, booking_id=link.booking_id, fingerprint=fingerprint, actor=actor, now=now, reason=reason)
        return
    row = tx.row("SELECT status FROM term_booking_order WHERE organisation_id = %(org)s AND id = %(id)s",
                 id=link.order_id)  # fmt: skip
    assert row is not None, "a link opens an order that exists"
    step = orders.remove if row["status"] in _CARTS else orders.cancel
    step(tx, order_id=link.order_id, actor=actor, now=now, reason=reason)


_CARTS = (100, 200)

# What a guest may still want to see: not what was thrown away, and nothing older than a link's life.
_ORDERS = """
SELECT o.id FROM term_booking_order o
JOIN account a ON a.organisation_id = o.organisation_id AND a.id = o.account_id
WHERE o.organisation_id = %(org)s AND a.kind = 'GUEST' AND a.email = %(email)s AND o.status >= 300
  AND o.created_at > %(after)s
ORDER BY o.created_at DESC LIMIT 20
"""


def send_links(tx: Transaction, *, email: str, now: datetime) -> None:
    """Mail fresh links to the guest's orders to the address that they were made with; nobody learns whether any are."""
    found = tx.rows(_ORDERS, email=email.lower(), after=now - LINK_FOR)
    if found:
        announce(tx.batch, "guest.links", now=now, order_ids=[str(row["id"]) for row in found])
