"""The waiting list: who waits for which session since when, and which of them want all or nothing."""

from datetime import datetime
from enum import IntEnum
from uuid import UUID

from models.base import TenantRow, check, code, index, moment, one_of, refers, unique


class WaitingStatus(IntEnum):
    """Where an entry of a waiting list stands."""

    WAITING = 10  # in the queue
    SAVED = 20  # a place is set aside until its all-or-nothing group has all that it asked for
    OFFERED = 30  # a place is offered, and held until the offer is answered or runs out
    ACCEPTED = 40  # the place went to an order of the family
    DECLINED = 50  # the family did not want it any more
    EXPIRED = 60  # the offer was not answered in time
    LEFT = 70  # it left the queue by itself


# In the queue, or with a place that came of it.
LIVE = (WaitingStatus.WAITING, WaitingStatus.SAVED, WaitingStatus.OFFERED)


class WaitingGroup(TenantRow, table=True):
    """Entries of one account that want all or nothing: of siblings, of several sessions, or of both."""

    __tablename__ = "waiting_group"
    __table_args__ = (refers("account_id", "account"),)
    account_id: UUID
    # The time of its last change is its position in each queue; each of its entries carries it as `since`.
    changed_at: datetime = moment()
    created_at: datetime = moment()


class WaitingEntry(TenantRow, table=True):
    """One session that a waiting-list order asks for; in the queue of the session by `since`, then by id."""

    __tablename__ = "waiting_entry"
    __table_args__ = (
        refers("order_id", "term_booking_order"),
        refers("attendee_id", "attendee"),
        refers("term_product_id", "term_product"),
        refers("group_id", "waiting_group"),
        refers("accepted_order_id", "term_booking_order"),
        one_of("status", WaitingStatus),
        check("status <> 30 OR (offer_id IS NOT NULL AND offer_expires_at IS NOT NULL)", "offer_has_its_end"),
        check("status <> 20 OR group_id IS NOT NULL", "saved_for_a_group"),
        check("(status = 40) = (accepted_order_id IS NOT NULL)", "accepted_into_an_order"),
        unique("reference"),
        # Nobody waits for the same session twice (DOMAIN §3, the double-booking guard).
        index(
            "uq_waiting_entry_live", "attendee_id", "term_product_id", where="status IN (10, 20, 30)", is_unique=True
        ),
        index("ix_waiting_entry_queue", "term_product_id", "since", "id", where="status IN (10, 20, 30)"),
        index("ix_waiting_entry_order", "order_id"),
        index("ix_waiting_entry_offer", "offer_id", where="offer_id IS NOT NULL"),
        index("ix_waiting_entry_group", "group_id", where="group_id IS NOT NULL"),
    )
    reference: str
    order_id: UUID
    attendee_id: UUID
    term_product_id: UUID
    group_id: UUID | None = None
    status: WaitingStatus = code(WaitingStatus, default=WaitingStatus.WAITING)
    version: int = 1
    since: datetime = moment()
    # The offer that it belongs to, or belonged to: a group is offered everything at once, as one.
    offer_id: UUID | None = None
    offer_expires_at: datetime | None = moment(default=None, nullable=True)
    # When a place went to somebody behind it, and why it could not have it; its position stays.
    passed_over_at: datetime | None = moment(default=None, nullable=True)
    passed_over_for: str = ""
    accepted_order_id: UUID | None = None
    created_at: datetime = moment()
    updated_at: datetime = moment()
