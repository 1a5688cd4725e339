"""Wallets, their entries, and the steps of a credit, as they are shown."""

from datetime import datetime
from uuid import UUID

from api.moves import Answer, Principal
from api.reads import finance
from api.reads.orders import own_accounts
from api.reads.paging import Listing
from api.reads.people import visible_account
from engine.database import Row, Transaction
from workflows.set_off import MAY_BE_OWED, OWED_MINOR

_WALLET = f"""
SELECT coalesce((SELECT balance_minor FROM wallet WHERE organisation_id = %(org)s AND id = %(id)s), 0) AS balance_minor,
    (SELECT json_agg(json_build_object('left_minor', g.left_minor, 'granted_minor', g.granted_minor,
                     'expires_at', g.expires_at, 'reason', g.reason) ORDER BY g.expires_at NULLS LAST, g.id)
     FROM bonus_grant g WHERE g.organisation_id = %(org)s AND g.account_id = %(id)s AND g.left_minor > 0
       AND (g.expires_at IS NULL OR g.expires_at > %(now)s)) AS grants,
    coalesce((SELECT sum({OWED_MINOR}) FROM payment p
              WHERE p.organisation_id = %(org)s AND p.account_id = %(id)s AND {MAY_BE_OWED}), 0)::bigint AS owed_minor
"""


def wallet(tx: Transaction, principal: Principal, account_id: UUID, now: datetime) -> Answer:
    """What a family can spend. Raises NotFound, also for another family's."""
    visible_account(tx, principal, account_id)
    row = tx.row(_WALLET, id=account_id, now=now)
    assert row is not None
    grants = row["grants"] or []
    # What has run out is void when it is read, whatever the worker does.
    bonus = sum(grant["left_minor"] for grant in grants)
    return Answer({
        "account_id": account_id, "currency": principal.organisation["currency"],
        "balance_minor": row["balance_minor"], "balance": principal.money(row["balance_minor"]),
        "bonus_minor": bonus, "bonus": principal.money(bonus), "available_minor": row["balance_minor"] + bonus,
        "available": principal.money(row["balance_minor"] + bonus), "grants": grants,
        "owed_minor": row["owed_minor"], "owed": principal.money(row["owed_minor"]),
    })  # fmt: skip


_ENTRIES = """
SELECT {keys}, e.id, e.account_id, e.kind, e.balance_minor, e.bonus_minor, e.payment_id,
       y.reference AS payment_reference, y.order_id, e.corrects_id, e.reason, e.created_at
FROM wallet_entry e
LEFT JOIN payment y ON y.organisation_id = e.organisation_id AND y.id = e.payment_id
WHERE e.organisation_id = %(org)s{where}
"""


def entries(principal: Principal) -> Listing:
    """Movements of wallets that the caller may see, newest first."""
    found = Listing(_ENTRIES, [("e.id", "uuid")], is_descending=True)
    own_accounts(found, principal, "e.account_id")
    return found


def show_entry(principal: Principal, row: Row) -> Row:
    return {**row, "amount": principal.money(row["balance_minor"] + row["bonus_minor"])}


def entry(tx: Transaction, principal: Principal, entry_id: UUID, *, status: int = 200) -> Answer:
    """One movement. Raises NotFound."""
    found = entries(principal)
    found.where("e.id = %(id)s", id=entry_id)
    row = found.one(tx, "wallet entry", show=lambda row: show_entry(principal, row))
    return Answer(row, status)


_STEPS = """
SELECT s.position, s.rule, s.amount_minor, s.invoice_id, s.payment_id, s.wallet_entry_id, s.words FROM credit_step s
WHERE s.organisation_id = %(org)s AND s.credit_note_id = %(id)s ORDER BY s.position
"""


def credit_steps(tx: Transaction, principal: Principal, credit_note_id: UUID) -> Answer:
    """Where a credit went. Raises NotFound, also for another family's."""
    note = finance.credit_note(tx, principal, credit_note_id).body
    assert note is not None
    steps = [{**row, "amount": principal.money(row["amount_minor"])} for row in tx.rows(_STEPS, id=credit_note_id)]
    return Answer({"credit_note_id": credit_note_id, "number": note["number"], "total_minor": note["total_minor"],
                   "total": note["total"], "steps": steps})  # fmt: skip
