"""Money that the sandbox gives back: what its merchant refunds, and what a payer's bank takes back in a dispute.

A refund is made once for its key, at once or after a while. All that leaves a checkout is never more than was captured.
"""

import secrets
import sqlite3
from datetime import datetime

import orjson

from billing.gateways.sandbox_events import Behaviour, Row, tell


class KeyUsedOtherwise(Exception):
    """The key belongs to a request with another content."""


class NotRefundable(Exception):
    """The payment does not have that much, in that currency, to give back; the message says why."""


def begin_refund(db: sqlite3.Connection, key: str, request: Row, wanted: Behaviour, *, now: datetime) -> Row:
    """Make a refund, or give the one that this key made. Raises KeyUsedOtherwise, NotRefundable."""
    content = orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode()
    made = db.execute("SELECT * FROM refund WHERE key = ?", [key]).fetchone()
    if made is None:
        _check(db, **request)
        row = {
            **request, "id": "re_" + secrets.token_urlsafe(18), "key": key, "request": content, "status": "pending",
            "settles_at": now.timestamp() + wanted.refund_seconds, "created_at": now.timestamp(),
        }  # fmt: skip
        _insert(db, "refund", row)
        settle_refunds_due(db, wanted, now=now)
        made = db.execute("SELECT * FROM refund WHERE id = ?", [row["id"]]).fetchone()
    if made["request"] != content:
        raise KeyUsedOtherwise(key)
    return dict(made)


def settle_refunds_due(db: sqlite3.Connection, wanted: Behaviour, *, now: datetime) -> None:
    """What has been under way long enough is with the payer, or came back."""
    status = "failed" if wanted.fail_refund else "succeeded"
    moved = db.execute(
        "UPDATE refund SET status = ?, failure_reason = ? WHERE status = 'pending' AND settles_at <= ? RETURNING *",
        [status, wanted.fail_refund, now.timestamp()],
    ).fetchall()
    for refund in moved:
        tell(db, f"refund.{status}", shown_refund(dict(refund)), wanted, checkout_id=refund["checkout_id"], now=now)


def shown_refund(refund: Row) -> Row:
    """A refund as the merchant sees it; `client_reference` is the key that it was asked for with."""
    shown = ("id", "checkout_id", "status", "amount_minor", "currency", "failure_reason")
    return {name: refund[name] for name in shown} | {"client_reference": refund["key"]}


def open_dispute(
    db: sqlite3.Connection, checkout_id: str, wanted: Behaviour, *, reason: str, amount_minor: int | None, now: datetime
) -> Row:
    """The payer's bank takes the money back until it is decided: all that is left of it, or that much.

    Raises NotRefundable.
    """
    left_minor, currency = left_of(db, checkout_id)
    amount_minor = left_minor if amount_minor is None else amount_minor
    if not 0 < amount_minor <= left_minor:
        raise NotRefundable(f"Only {left_minor} minor units of the checkout are left to dispute.")
    dispute = {
        "id": "dp_" + secrets.token_urlsafe(18), "checkout_id": checkout_id, "status": "open", "reason": reason,
        "amount_minor": amount_minor, "currency": currency, "created_at": now.timestamp(),
    }  # fmt: skip
    _insert(db, "dispute", dispute)
    tell(db, "dispute.opened", _shown_dispute(dispute), wanted, checkout_id=checkout_id, now=now)
    return dispute


def decide_dispute(db: sqlite3.Connection, dispute_id: str, status: str, wanted: Behaviour, *, now: datetime) -> bool:
    """It is won or lost. False when there is no open dispute of that id."""
    moved = db.execute(
        "UPDATE dispute SET status = ? WHERE id = ? AND status = 'open' RETURNING *", [status, dispute_id]
    ).fetchone()
    if moved is not None:
        tell(db, f"dispute.{status}", _shown_dispute(dict(moved)), wanted, checkout_id=moved["checkout_id"], now=now)
    return moved is not None


def left_of(db: sqlite3.Connection, checkout_id: str) -> tuple[int, str]:
    """What of a captured checkout is neither refunded nor disputed, and its currency. Raises NotRefundable."""
    paid = db.execute("SELECT status, amount_minor, currency FROM checkout WHERE id = ?", [checkout_id]).fetchone()
    if paid is None:
        raise NotRefundable("There is no such checkout.")
    if paid["status"] != "succeeded":
        raise NotRefundable(f"The checkout is {paid['status']}: nothing of it was captured.")
    [gone] = db.execute(
        "SELECT coalesce(sum(amount_minor), 0) FROM ("
        "SELECT amount_minor FROM refund WHERE checkout_id = ?1 AND status <> 'failed' "
        "UNION ALL SELECT amount_minor FROM dispute WHERE checkout_id = ?1 AND status <> 'won')", [checkout_id],
    ).fetchone()  # fmt: skip
    return paid["amount_minor"] - gone, paid["currency"]


def _check(db: sqlite3.Connection, *, checkout_id: str, amount_minor: int, currency: str) -> None:
    left_minor, captured_in = left_of(db, checkout_id)
    if captured_in != currency:
        raise NotRefundable(f"The checkout was captured in {captured_in}.")
    if amount_minor > left_minor:
        raise NotRefundable(f"Only {left_minor} minor units of the checkout are left to refund.")


def _shown_dispute(dispute: Row) -> Row:
    return {name: dispute[name] for name in ("id", "checkout_id", "status", "reason", "amount_minor", "currency")}


def _insert(db: sqlite3.Connection, table: str, row: Row) -> None:
    db.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
