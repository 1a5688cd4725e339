"""By what words the office finds families and children."""

from uuid import UUID

import sqlalchemy as sa
from sqlmodel import Field

from models.base import TenantRow, check, index, refers


class SearchText(TenantRow, table=True):
    """What a name, a number or an address reads like from the beginning of one of its words, folded.

    The database writes these rows itself. They are compared byte by byte: the policies that keep tenants apart let only
    such comparisons use an index, neither `lower` nor `LIKE`.
    """

    __tablename__ = "search_text"
    __table_args__ = (
        refers("account_id", "account", ondelete="CASCADE"),
        refers("attendee_id", "attendee", ondelete="CASCADE"),
        check("num_nonnulls(account_id, attendee_id) = 1", "is_of_one"),
        index("ix_search_text_of_accounts", "words", "account_id", where="account_id IS NOT NULL"),
        index("ix_search_text_of_attendees", "words", "attendee_id", where="attendee_id IS NOT NULL"),
        index("ix_search_text_account", "account_id", where="account_id IS NOT NULL"),
        index("ix_search_text_attendee", "attendee_id", where="attendee_id IS NOT NULL"),
    )
    account_id: UUID | None = None
    attendee_id: UUID | None = None
    words: str = Field(sa_type=sa.Text(collation="C"))
