"""Bank transfers: a statement is imported once, each of its lines is matched with what it pays, or set aside.

A match records a payment by transfer for the order, with all that follows from it: it confirms, or settles invoices.
One line may pay several orders, several lines one order; no more of a line is matched than came in.
The lock order is the house's: account → attendee → order, then the line.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from billing.bank_files import BankEntry
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from engine.money import format_money
from models import ActorKind, BankFileFormat, BankLine, BankMatch, BankStatement
from workflows.payment_use import Use
from workflows.payments import BANK, record_manual_payment


class LineNotOpen(Conflict):
    """The line is matched whole, set aside, or no money that came in."""

    code = "bank_line_not_open"


@dataclass(frozen=True, slots=True)
class Imported:
    """A statement, and whether the file was known already: then nothing was written."""

    statement_id: UUID
    is_known: bool


def import_statement(
    tx: Transaction, *, filename: str, content: str, kind: BankFileFormat, bank_account: str,
    entries: Sequence[BankEntry], actor: Actor, now: datetime,
) -> Imported:  # fmt: skip
    """Keep the lines that no earlier file held. The same file again, or one that tells of the same movements, gives the
    statement that it made, whatever the account is called now.

    Raises NotPermitted, Invalid (nothing in it, another currency than the organisation's, or most of the money in it
    is known of an account of another name).
    """
    _require_office(actor)
    content_hash = hashlib.sha256(content.encode()).hexdigest()
    # Two imports at once wait for each other: what is new is judged against what the other has written.
    tx.row("SELECT pg_advisory_xact_lock(hashtextextended(%(org)s::text || 'bank_statement', 0))")
    kept = [entry for entry in entries if entry.amount_minor]
    identities = identify(kept)
    entries_hash = _fingerprint(identities, kind, bank_account)
    known = tx.rows(_KNOWN, hash=content_hash, entries_hash=entries_hash)
    if known:
        return Imported(known[0]["id"], is_known=True)
    _check(tx, kept)
    bank_account = _as_it_was_called(tx, bank_account)
    if kind is BankFileFormat.CSV:
        _refuse_of_another_account(tx, bank_account, kept, identities)
    seen = {row["identity"] for row in tx.rows(_SEEN, account=bank_account, identities=identities)}
    statement_id, fresh = new_id(), [n for n, identity in enumerate(identities) if identity not in seen]
    tx.batch.add(
        BankStatement,
        [{"id": statement_id, "filename": filename, "format": kind.value, "bank_account": bank_account,
          "content_hash": content_hash, "entries_hash": entries_hash, "lines": len(kept), "fresh_lines": len(fresh),
          "imported_by": actor.user_id, "imported_at": now}],
    )  # fmt: skip
    tx.batch.add(BankLine, [_line(kept[n], n, identities[n], statement_id, bank_account) for n in fresh])
    return Imported(statement_id, is_known=False)


_KNOWN = """
SELECT id FROM bank_statement
WHERE organisation_id = %(org)s AND (content_hash = %(hash)s OR entries_hash = %(entries_hash)s)
ORDER BY content_hash = %(hash)s DESC LIMIT 1
"""
_NAMED = """
SELECT bank_account FROM bank_statement
WHERE organisation_id = %(org)s AND lower(bank_account) = lower(%(account)s) ORDER BY imported_at LIMIT 1
"""
# Money that came in on two accounts is never said alike to the last letter; what the bank takes for itself may be.
_ELSEWHERE = """
SELECT bank_account, count(*) AS lines FROM bank_line
WHERE organisation_id = %(org)s AND bank_account <> %(account)s AND identity = ANY(%(identities)s) AND amount_minor > 0
GROUP BY bank_account ORDER BY lines DESC, bank_account LIMIT 1
"""
_SEEN = """
SELECT identity FROM bank_line
WHERE organisation_id = %(org)s AND bank_account = %(account)s AND identity = ANY(%(identities)s)
"""


def _fingerprint(identities: Sequence[str], kind: BankFileFormat, bank_account: str) -> str:
    """What a file tells, however it is written. The account of a CSV file is only as a person calls it."""
    account = "" if kind is BankFileFormat.CSV else bank_account
    return hashlib.sha256("\n".join((account, *sorted(identities))).encode()).hexdigest()


def _as_it_was_called(tx: Transaction, bank_account: str) -> str:
    """An account typed with other blanks or capitals is the one that is known."""
    typed = " ".join(bank_account.split())
    found = tx.row(_NAMED, account=typed)
    return found["bank_account"] if found else typed


def _refuse_of_another_account(
    tx: Transaction, bank_account: str, entries: Sequence[BankEntry], identities: Sequence[str]
) -> None:
    """A file that overlaps one that was imported under another name would bring the same money in twice."""
    came_in = [identity for entry, identity in zip(entries, identities, strict=True) if entry.amount_minor > 0]
    found = tx.row(_ELSEWHERE, account=bank_account, identities=came_in) if came_in else None
    if found is None or 2 * found["lines"] <= len(came_in):
        return
    message = (f"{found['lines']} of {len(came_in)} lines with money that came in are known of the account "
               f"{found['bank_account']}; import the file under that name.")  # fmt: skip
    raise Invalid(message, reasons=[Reason("known_of_another_account", message, field="bank_account",
                                           facts={"bank_account": found["bank_account"]})])  # fmt: skip


def _check(tx: Transaction, entries: Sequence[BankEntry]) -> None:
    found = tx.row("SELECT currency FROM organisation WHERE id = %(org)s")
    assert found is not None, "the organisation is there"
    others = sorted({entry.currency for entry in entries} - {found["currency"]})
    message = f"The statement is in {', '.join(others)}, the books are in {found['currency']}." if others else (
        "" if entries else "The file holds no movement.")  # fmt: skip
    if message:
        raise Invalid(message, reasons=[Reason("invalid", message, field="content")])


def identify(entries: Iterable[BankEntry]) -> list[str]:
    """What tells each entry from every other of its account, in any file: the bank's reference, or all that it says and
    which of those that say the same on that day it is. Files that overlap by whole days find each entry again.
    """
    times: Counter[str] = Counter()
    found = []
    for entry in entries:
        said = (entry.booked_on.isoformat(), entry.amount_minor, entry.currency, entry.payer_name,
                entry.payer_account, entry.text, entry.bank_reference, entry.our_reference)  # fmt: skip
        mark = hashlib.sha256(repr(said).encode()).hexdigest()[:32]
        times[mark] += 1
        found.append(f"{mark}-{times[mark]}")
    return found


def _line(entry: BankEntry, position: int, identity: str, statement_id: UUID, bank_account: str) -> Row:
    return {
        "id": new_id(), "statement_id": statement_id, "position": position, "bank_account": bank_account,
        "identity": identity, "booked_on": entry.booked_on, "amount_minor": entry.amount_minor,
        "currency": entry.currency, "payer_name": entry.payer_name, "payer_account": entry.payer_account,
        "text": " ".join(filter(None, (entry.text, entry.our_reference))), "matched_minor": 0,
        "set_aside_reason": "",
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Matched:
    """The payment that a line became, and what that did."""

    payment_id: UUID
    amount_minor: int
    use: Use


def match(
    tx: Transaction, *, line_id: UUID, order_id: UUID, amount_minor: int | None, actor: Actor, now: datetime
) -> Matched:
    """Let a line pay for an order: as much as is left of it, or `amount_minor`; never more than the order still asks.

    Raises NotFound, NotPermitted, LineNotOpen, Invalid (more than is left, or than is open), NotPayable, PaymentMoving.
    """
    _require_office(actor)
    line = _open_line(tx, line_id)
    left = line["amount_minor"] - line["matched_minor"]
    wanted = left if amount_minor is None else amount_minor
    if not 0 < wanted <= left:
        told = tx.row("SELECT locale FROM organisation WHERE id = %(org)s")
        assert told is not None
        shown = format_money(left, line["currency"], told["locale"])
        message = f"{shown} of the line is left to match."
        raise Invalid(message, reasons=[
            Reason("amount_not_open", message, field="amount_minor", facts={"left_minor": left})])  # fmt: skip
    said = " ".join(filter(None, (line["payer_name"], line["text"])))[:300]
    payment_id, use = record_manual_payment(
        tx, order_id=order_id, amount_minor=wanted, reason=f"transfer of {line['booked_on']}: {said}",
        provider=BANK, actor=actor, now=now,
    )  # fmt: skip
    tx.batch.add(
        BankMatch,
        [{"id": new_id(), "line_id": line_id, "payment_id": payment_id, "amount_minor": wanted,
          "matched_by": actor.user_id, "matched_at": now}],
    )  # fmt: skip
    # Whoever else matched the same line meanwhile was first: the guard finds another sum than the one seen.
    tx.batch.guard(
        _MATCHED, [{"id": line_id, "seen_minor": line["matched_minor"], "amount_minor": wanted}],
        otherwise=lambda _: MovedMeanwhile("The line was matched or set aside meanwhile; look at it again."),
    )  # fmt: skip
    return Matched(payment_id, wanted, use)


_MATCHED = Guarded(
    name="match_line",
    sql="UPDATE bank_line t SET matched_minor = t.matched_minor + r.amount_minor FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.matched_minor = r.seen_minor AND t.set_aside_at IS NULL "
    "RETURNING t.id",
    takes="id uuid, seen_minor bigint, amount_minor bigint",
)
_SET_ASIDE = Guarded(
    name="set_line_aside",
    sql="UPDATE bank_line t SET set_aside_reason = r.reason, set_aside_by = r.user_id, set_aside_at = r.at "
    "FROM {rows} WHERE t.organisation_id = {org} AND t.id = r.id AND t.matched_minor = 0 "
    "AND (t.set_aside_at IS NULL) = (r.at IS NOT NULL) RETURNING t.id",
    takes="id uuid, reason text, user_id uuid, at timestamptz",
)


def set_aside(tx: Transaction, *, line_id: UUID, reason: str, actor: Actor, now: datetime) -> None:
    """It is none of the families': keep it off the list. Raises NotFound, NotPermitted, LineNotOpen, Invalid."""
    _require_office(actor)
    line = _open_line(tx, line_id)
    if not reason.strip() or line["matched_minor"]:
        message = "Say what the money is." if not reason.strip() else "A part of the line is matched already."
        raise Invalid(message, reasons=[Reason("reason_missing", message, field="reason")])
    _move_aside(tx, line_id, reason=reason.strip(), user_id=actor.user_id, at=now)


def take_up(tx: Transaction, *, line_id: UUID, actor: Actor) -> None:
    """Put a line back on the list. Raises NotFound, NotPermitted, LineNotOpen (it is on it)."""
    _require_office(actor)
    line = _read(tx, line_id)
    if line["set_aside_at"] is None:
        raise LineNotOpen("The line is on the list.")
    _move_aside(tx, line_id, reason="", user_id=None, at=None)


def _move_aside(tx: Transaction, line_id: UUID, **how: object) -> None:
    tx.batch.guard(_SET_ASIDE, [{"id": line_id, **how}],
                   otherwise=lambda _: MovedMeanwhile("The line was matched or set aside meanwhile."))  # fmt: skip


_LINE = """
SELECT id, booked_on, amount_minor, matched_minor, currency, payer_name, payer_account, text, set_aside_at,
       set_aside_reason
FROM bank_line WHERE organisation_id = %(org)s AND id = %(id)s
"""


def _read(tx: Transaction, line_id: UUID) -> Row:
    line = tx.row(_LINE, id=line_id)
    if line is None:
        raise NotFound("There is no such line.", what="line")
    return line


def _open_line(tx: Transaction, line_id: UUID) -> Row:
    line = _read(tx, line_id)
    if line["set_aside_at"] is not None or line["matched_minor"] >= line["amount_minor"]:
        how = f"is set aside: {line['set_aside_reason']}" if line["set_aside_at"] else (
            "is matched whole" if line["amount_minor"] > 0 else "went out")  # fmt: skip
        raise LineNotOpen(f"The line of {line['booked_on']} {how}.")
    return line


def _require_office(actor: Actor) -> None:
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Bank statements are for admins and finance.")
