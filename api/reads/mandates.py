"""Mandates as they are shown: with the bank account masked."""

from collections.abc import Collection
from uuid import UUID

from api.moves import Answer, Principal
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from billing.bank_accounts import BankAccount, masked
from engine.database import Row, Transaction
from models import MandateStatus
from workflows.mandate import CHART

_MANDATES = """
SELECT {keys}, m.id, m.reference, m.account_id, a.name AS account, m.holder, m.iban, m.bank_code, m.account_number,
       m.status, m.version, m.signed_on, m.created_at
FROM direct_debit_mandate m
JOIN account a ON a.organisation_id = m.organisation_id AND a.id = m.account_id
WHERE m.organisation_id = %(org)s{where}
"""


def mandates(principal: Principal) -> Listing:
    """Mandates that the caller may see, newest first."""
    found = Listing(_MANDATES, [("m.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "m.account_id")
    return found


def show_mandate(principal: Principal, row: Row) -> Row:
    names = ("iban", "bank_code", "account_number")
    account = BankAccount(**{name: row.pop(name) for name in names})
    status = MandateStatus(row["status"])
    return {**row, "status": status.name, "bank_account": masked(account),
            "allowed": CHART.triggers_from(status, principal.kind)}  # fmt: skip


_OF_GROUPS = """
SELECT g.id, max(m.status) AS status FROM group_order g
JOIN direct_debit_mandate m ON m.organisation_id = g.organisation_id AND m.account_id = g.account_id
 AND m.status IN (100, 200)
WHERE g.organisation_id = %(org)s AND g.id = ANY(%(ids)s) GROUP BY g.id
"""


def standing_of_groups(tx: Transaction, group_ids: Collection[UUID]) -> dict[UUID, str]:
    """How far the mandate of each group order's account is: ACTIVE, else PENDING; without one it is left out."""
    rows = tx.rows(_OF_GROUPS, ids=list(group_ids)) if group_ids else []
    return {row["id"]: MandateStatus(row["status"]).name for row in rows}


def mandate(tx: Transaction, principal: Principal, mandate_id: UUID, *, status: int = 200) -> Answer:
    """A mandate. Raises NotFound, also for another family's."""
    found = mandates(principal)
    found.where("m.id = %(id)s", id=mandate_id)
    row = found.one(tx, "mandate", show=lambda row: show_mandate(principal, row))
    return Answer(row, status, version=row["version"], location=f"/mandates/{mandate_id}" if status == 201 else None)
