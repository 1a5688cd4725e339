"""What is held right now: a place in a session, and a stretch of an attendee's time."""

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import ForeignKeyConstraint
from sqlalchemy.dialects.postgresql import TSTZRANGE, ExcludeConstraint
from sqlmodel import Field

from models.base import TenantRow, check, code, flag, index, moment, one_of, refers
from models.status import TermBookingOrderType


class PlaceClaim(TenantRow, table=True):
    """One order's claim on one session. A claim is deleted when it is released: the table is what is held now.

    `during` is empty for an undated session; the exclusion constraint is the second guard behind the attendee's lock.
    In a seated session a place is a seat of its venue, and nobody else's: the keys and constraints hold all of it.
    """

    __tablename__ = "place_claim"
    __table_args__ = (
        refers("order_id", "term_booking_order"),
        # Seated or not, as the session is: a claim that leaves the seat out is refused with the check below.
        ForeignKeyConstraint(
            ["organisation_id", "term_product_id", "is_seated"],
            ["term_product.organisation_id", "term_product.id", "term_product.is_seated"],
        ),
        ForeignKeyConstraint(
            ["organisation_id", "term_product_id", "venue_id"],
            ["term_product.organisation_id", "term_product.id", "term_product.venue_id"],
        ),
        ForeignKeyConstraint(
            ["organisation_id", "venue_id", "seat_id"], ["seat.organisation_id", "seat.venue_id", "seat.id"]
        ),
        check(
            "CASE WHEN is_seated AND takes_place THEN venue_id IS NOT NULL AND seat_id IS NOT NULL "
            "ELSE venue_id IS NULL AND seat_id IS NULL END",
            "place_in_a_seated_session_is_a_seat",
        ),
        index("uq_place_claim_seat", "term_product_id", "seat_id", where="seat_id IS NOT NULL", is_unique=True),
        # The key of the overlap constraint is the attendee's own: a wrong one would switch the constraint off.
        ForeignKeyConstraint(
            ["organisation_id", "attendee_id", "attendee_key"],
            ["attendee.organisation_id", "attendee.id", "attendee.claim_key"],
        ),
        one_of("order_type", TermBookingOrderType),
        # Kinds that take a place refuse the same session twice; an EoI takes none and may stand beside a Subscription.
        sa.UniqueConstraint(
            "organisation_id", "attendee_id", "term_product_id", "takes_place", name="uq_place_claim_same_session"
        ),
        index("ix_place_claim_order", "order_id"),
        index("ix_place_claim_session", "term_product_id"),
        # Where there is no time to overlap, kinds that block time refuse the same session twice as well.
        index(
            "uq_place_claim_same_undated_session",
            "attendee_id",
            "term_product_id",
            is_unique=True,
            where="blocks_time AND isempty(during)",
        ),
        ExcludeConstraint(
            (sa.text("int8range(attendee_key, attendee_key, '[]')"), "&&"),
            (sa.column("during"), "&&"),
            using="gist",
            where=sa.text("blocks_time"),
            name="ex_place_claim_no_overlap",
        ),
    )
    order_id: UUID
    attendee_id: UUID
    attendee_key: int = Field(sa_type=sa.BigInteger)
    term_product_id: UUID
    order_type: TermBookingOrderType = code(TermBookingOrderType)
    takes_place: bool
    blocks_time: bool
    during: Any = Field(sa_type=TSTZRANGE, nullable=False)
    held_since: datetime = moment()
    is_seated: bool = flag()
    venue_id: UUID | None = None
    seat_id: UUID | None = None
