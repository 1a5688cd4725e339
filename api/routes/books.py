"""The books over HTTP: entries and their reversal, an account line by line, locked months, write-offs."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import OFFICE, creates, for_roles
from api.reads import books as shown
from api.reads.paging import Cursor, Limit
from api.schemas import books as schemas
from api.schemas.base import Day, Page
from billing import journal, periods
from engine.database import Transaction
from models import LedgerAccount
from workflows import overdue_fees
from workflows import write_off as write_offs

router = APIRouter(tags=["books"])


@router.get("/ledger/entries", **for_roles(OFFICE, response_model=Page[schemas.Entry]))
def list_entries(
    call: Called, account_id: UUID | None = None, source_id: UUID | None = None,
    ledger_account: LedgerAccount | None = None, posted_from: Day | None = None, posted_until: Day | None = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """Entries of the books with their postings, newest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.entries()
        found.where("e.source_id = %(source)s", source=source_id)
        found.where("e.posted_on >= %(since)s", since=posted_from)
        found.where("e.posted_on <= %(until)s", until=posted_until)
        postings = (
            "EXISTS (SELECT FROM ledger_posting p WHERE p.organisation_id = e.organisation_id AND p.entry_id = e.id"
        )
        found.where(f"{postings} AND p.account_id = %(account)s)", account=account_id)
        found.where(f"{postings} AND p.ledger_account = %(books)s)", books=ledger_account)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post("/ledger/entries", **for_roles(OFFICE, *creates(), status_code=201, response_model=schemas.Entry))
def post_entry(body: schemas.NewEntry, call: Called) -> Response:
    """Post an entry by hand, between accounts that no document holds. Into a locked month nothing is posted."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        postings = [(each.ledger_account, each.amount_minor) for each in body.postings]
        entry_id = journal.post_by_hand(tx, postings=postings, reason=body.reason, posted_on=body.posted_on,
                                        actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return shown.entry(tx, entry_id, status=201)

    return call.move(verb)


@router.get("/ledger/entries/{entry_id}", **for_roles(OFFICE, 404, response_model=schemas.Entry))
def read_entry(entry_id: UUID, call: Called) -> Response:
    """An entry with its postings, what it reverses and what reverses it."""
    return call.read(lambda tx, _: shown.entry(tx, entry_id))


@router.post(
    "/ledger/entries/{entry_id}/reversal",
    **for_roles(OFFICE, *creates(404), status_code=201, response_model=schemas.Entry),
)  # fmt: skip
def reverse_entry(entry_id: UUID, body: schemas.Because, call: Called) -> Response:
    """Post the mirror of an entry that was posted by hand, today and once."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        reversal_id = journal.reverse_by_hand(tx, entry_id=entry_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.entry(tx, reversal_id, status=201)

    return call.move(verb)


@router.get("/ledger/accounts/{ledger_account}/lines", **for_roles(OFFICE, response_model=Page[schemas.Line]))
def list_account_lines(
    ledger_account: LedgerAccount, call: Called, account_id: UUID | None = None, posted_from: Day | None = None,
    posted_until: Day | None = None, cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """An account of the books line by line, oldest first, each with the balance after it; of one family, or of all."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.lines(ledger_account.value, account_id)
        found.where("e.posted_on >= %(since)s", since=posted_from)
        found.where("e.posted_on <= %(until)s", until=posted_until)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.get("/period-locks", **for_roles(OFFICE, response_model=Page[schemas.Lock]))
def list_period_locks(
    call: Called, is_locked: bool | None = None, cursor: Cursor = None, limit: Limit = 50
) -> Response:
    """Months that are or were locked, the latest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.locks()
        found.where("(l.unlocked_at IS NULL) = %(is_locked)s", is_locked=is_locked)
        return found.page(tx, cursor=cursor, limit=limit, show=dict)

    return call.read(query)


@router.post("/period-locks", **for_roles(OFFICE, *creates(), status_code=201, response_model=schemas.Lock))
def lock_period(body: schemas.NewLock, call: Called) -> Response:
    """Lock a month that is over: from now on nothing is posted into it."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        lock_id = periods.lock_period(tx, month=body.month, note=body.note, actor=who.actor, now=call.now)
        tx.flush()
        return shown.lock(tx, lock_id, status=201)

    return call.move(verb)


@router.post("/period-locks/{lock_id}/unlocking", **for_roles(OFFICE, *creates(404), response_model=schemas.Lock))
def unlock_period(lock_id: UUID, body: schemas.Because, call: Called) -> Response:
    """Open a month again; the lock keeps who did so and why."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        periods.unlock_period(tx, lock_id=lock_id, reason=body.reason, actor=who.actor, now=call.now)
        return shown.lock(tx, lock_id)

    return call.move(verb)


@router.get("/write-offs", **for_roles(OFFICE, response_model=Page[schemas.WriteOff]))
def list_write_offs(
    call: Called, account_id: UUID | None = None, invoice_id: UUID | None = None, cursor: Cursor = None,
    limit: Limit = 50,
) -> Response:  # fmt: skip
    """What was given up, newest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.write_offs()
        found.where("w.account_id = %(account)s", account=account_id)
        found.where("w.invoice_id = %(invoice)s", invoice=invoice_id)
        return found.page(tx, cursor=cursor, limit=limit, show=shown.show_write_off)

    return call.read(query)


@router.post(
    "/invoices/{invoice_id}/write-offs",
    **for_roles(OFFICE, *creates(404), status_code=201, response_model=schemas.WriteOff),
)  # fmt: skip
def write_off_invoice(invoice_id: UUID, body: schemas.NewWriteOff, call: Called) -> Response:
    """Give up what is open of an invoice, or a part of it, with a reason."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        write_off_id = write_offs.write_off(tx, invoice_id=invoice_id, amount_minor=body.amount_minor,
                                            reason=body.reason, actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return shown.write_off(tx, write_off_id, status=201)

    return call.move(verb)


@router.post("/write-offs/{write_off_id}/reversal", **for_roles(OFFICE, *creates(404), response_model=schemas.WriteOff))
def undo_write_off(write_off_id: UUID, body: schemas.Because, call: Called) -> Response:
    """Undo a write-off: its entry is reversed, and the invoice is owed again."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        write_offs.undo_write_off(tx, write_off_id=write_off_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.write_off(tx, write_off_id)

    return call.move(verb)


@router.get("/overdue-fees", **for_roles(OFFICE, response_model=Page[schemas.OverdueFee]))
def list_overdue_fees(
    call: Called, account_id: UUID | None = None, invoice_id: UUID | None = None, is_waived: bool | None = None,
    cursor: Cursor = None, limit: Limit = 50,
) -> Response:  # fmt: skip
    """What was charged because it was not paid in time, newest first; of an invoice the fees that it caused or asks
    for.
    """

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.overdue_fees(invoice_id=invoice_id)
        found.where("f.account_id = %(account)s", account=account_id)
        found.where("(f.waived_at IS NOT NULL) = %(is_waived)s", is_waived=is_waived)
        return found.page(tx, cursor=cursor, limit=limit, show=shown.show_overdue_fee)

    return call.read(query)


@router.post(
    "/overdue-fees/{overdue_fee_id}/waiver", **for_roles(OFFICE, *creates(404), response_model=schemas.OverdueFee)
)  # fmt: skip
def waive_overdue_fee(overdue_fee_id: UUID, body: schemas.Because, call: Called) -> Response:
    """Waive a fee, with a reason: a credit note takes it back, and it is not charged again."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        overdue_fees.waive(tx, overdue_fee_id=overdue_fee_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.overdue_fee(tx, overdue_fee_id)

    return call.move(verb)
