"""Orders of one account that are submitted together."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models.base import TenantRow, check, index, moment, one_of, refers, unique, word
from models.status import ActorKind


class GroupOrderPolicy(StrEnum):
    """What becomes of a group order of which something cannot be had. The family chooses before it submits."""

    ALL_OR_NOTHING = "ALL_OR_NOTHING"  # nothing is submitted
    BEST_EFFORT = "BEST_EFFORT"  # what can be had is submitted, the rest comes back with its reasons


class GroupOrder(TenantRow, table=True):
    """Several attendees of one account in one term, an order for each, submitted in one step."""

    __tablename__ = "group_order"
    __table_args__ = (
        refers("account_id", "account"),
        refers("term_id", "term"),
        one_of("policy", GroupOrderPolicy),
        one_of("made_by", ActorKind),
        unique("reference"),
        index("ix_group_order_account", "account_id", "created_at"),
    )
    reference: str
    account_id: UUID
    term_id: UUID
    policy: GroupOrderPolicy = word(GroupOrderPolicy)
    made_by: ActorKind = word(ActorKind)
    created_at: datetime = moment()
    # From here on its orders go their own ways.
    submitted_at: datetime | None = moment(default=None, nullable=True)


class GroupOrderMember(TenantRow, table=True):
    """An order of a group order, in the place that the family gave it; it is in no other."""

    __tablename__ = "group_order_member"
    __table_args__ = (
        refers("group_order_id", "group_order"),
        refers("order_id", "term_booking_order"),
        check("position >= 0", "position_is_not_negative"),
        unique("order_id"),
        unique("group_order_id", "position"),
    )
    group_order_id: UUID
    order_id: UUID
    position: int
