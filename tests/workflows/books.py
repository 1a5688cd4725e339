"""What the stories of the books ask again and again: balances of a family, the worker's turn, locked months."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from billing.ledger import post
from billing.recognition import recognise_of
from models import LedgerAccount
from tests.workflows.centre import Centre


def recognise(centre: Centre, now: datetime) -> int:
    """The worker comes by."""
    return recognise_of(centre.database, centre.organisation_id, now=now)


def balance(centre: Centre, account_id: UUID, *accounts: str) -> list[int]:
    """What a family has in these accounts of the books, as people read them: each on its own side."""
    rows = centre.rows("SELECT ledger_account, sum(amount_minor)::bigint AS minor FROM ledger_posting "
                       "WHERE account_id = %(id)s GROUP BY ledger_account", id=account_id)  # fmt: skip
    found = {row["ledger_account"]: row["minor"] for row in rows}
    return [found.get(name, 0) * (1 if name in ("RECEIVABLE", "WRITE_OFF", "GATEWAY_CLEARING") else -1)
            for name in accounts]  # fmt: skip


def entries(centre: Centre, account_id: UUID, source_kind: str) -> list[dict[str, Any]]:
    """The entries of one kind about a family, in the order in which they were posted."""
    return centre.rows(
        "SELECT e.id, e.purpose, e.posted_on, e.event_on, e.reverses_id, max(abs(p.amount_minor))::bigint AS minor "
        "FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id "
        "WHERE p.account_id = %(id)s AND e.source_kind = %(kind)s GROUP BY e.organisation_id, e.id ORDER BY e.id",
        id=account_id, kind=source_kind,
    )  # fmt: skip


def post_on(tx: Any, *, day: date, now: datetime, source_id: UUID) -> None:
    """Ten cents from the till to the bank."""
    post(tx.batch, source_kind="MANUAL", source_id=source_id, purpose="POSTED", account_id=None, posted_on=day, now=now,
         postings=[(LedgerAccount.BANK, 10), (LedgerAccount.CASH, -10)])  # fmt: skip
