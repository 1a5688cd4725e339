"""What an organisation's e-mails say, where it says it in its own words, and which of them a family does not want."""

from datetime import datetime
from uuid import UUID

from models.base import TenantRow, check, moment, refers, root, unique


class MailText(TenantRow, table=True):
    """A version of an organisation's own text for one kind of mail in one language; the latest is in force. One without
    words puts ours in force again.
    """

    __tablename__ = "mail_text"
    __table_args__ = (
        root(),
        check("(subject IS NULL) = (body IS NULL)", "says_all_or_nothing"),
        check("char_length(subject) BETWEEN 1 AND 300", "subject_has_a_sane_length"),
        check("char_length(body) BETWEEN 1 AND 10000", "body_has_a_sane_length"),
        check("subject !~ E'[\\\\r\\\\n]'", "subject_is_one_line"),
        check("language IN ('en', 'fr')", "language_is_known"),
        check("version > 0", "versions_are_counted"),
        unique("kind", "language", "version"),
    )
    kind: str
    language: str
    version: int
    subject: str | None = None
    body: str | None = None
    made_by: UUID | None = None
    created_at: datetime = moment()


class MailStop(TenantRow, table=True):
    """A family stopped mails of this kind; what it must hear comes all the same."""

    __tablename__ = "mail_stop"
    __table_args__ = (refers("account_id", "account"), unique("account_id", "kind"))
    account_id: UUID
    kind: str
    stopped_at: datetime = moment()
