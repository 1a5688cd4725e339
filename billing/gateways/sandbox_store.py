"""What the sandbox knows: its own checkouts, events and deliveries in an SQLite file, never the merchant's database.

A checkout goes open → (challenged →) processing → succeeded or failed; each step is a guarded UPDATE, so that a form
sent twice or two workers settle it once. Moments are kept as seconds since the epoch.
"""

import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from billing.gateways.sandbox_events import Behaviour, Row, deliver, tell
from billing.gateways.sandbox_refunds import (
    KeyUsedOtherwise,
    begin_refund,
    decide_dispute,
    open_dispute,
    settle_refunds_due,
)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS checkout (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, request TEXT NOT NULL, status TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, description TEXT NOT NULL, client_reference TEXT,
    merchant TEXT NOT NULL DEFAULT '', return_url TEXT NOT NULL, webhook_url TEXT, failure_reason TEXT,
    settles_at REAL, created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS event (
    id TEXT PRIMARY KEY, checkout_id TEXT NOT NULL REFERENCES checkout, type TEXT NOT NULL, body TEXT NOT NULL,
    created_at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS delivery (
    id INTEGER PRIMARY KEY, event_id TEXT NOT NULL REFERENCES event, url TEXT NOT NULL, due_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, answer TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (due_at) WHERE state = 'waiting';
CREATE TABLE IF NOT EXISTS refund (
    id TEXT PRIMARY KEY, key TEXT NOT NULL UNIQUE, request TEXT NOT NULL, checkout_id TEXT NOT NULL REFERENCES checkout,
    status TEXT NOT NULL, amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, failure_reason TEXT, settles_at REAL,
    created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS refund_of_checkout ON refund (checkout_id);
CREATE TABLE IF NOT EXISTS dispute (
    id TEXT PRIMARY KEY, checkout_id TEXT NOT NULL REFERENCES checkout, status TEXT NOT NULL, reason TEXT NOT NULL,
    amount_minor INTEGER NOT NULL, currency TEXT NOT NULL, created_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS dispute_of_checkout ON dispute (checkout_id);
CREATE TABLE IF NOT EXISTS behaviour (id INTEGER PRIMARY KEY CHECK (id = 1), wanted TEXT NOT NULL);
"""
_IS_DUE = """
SELECT EXISTS (SELECT 1 FROM checkout WHERE status = 'processing' AND settles_at <= :now)
    OR EXISTS (SELECT 1 FROM refund WHERE status = 'pending' AND settles_at <= :now)
    OR EXISTS (SELECT 1 FROM delivery WHERE state = 'waiting' AND due_at <= :now)
"""


class Store:
    """The sandbox's own file; a connection for each piece of work, one writer at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self.work() as db:
            db.executescript(_SCHEMA)
            if "merchant" not in {column["name"] for column in db.execute("PRAGMA table_info(checkout)")}:
                db.execute("ALTER TABLE checkout ADD COLUMN merchant TEXT NOT NULL DEFAULT ''")  # an older file

    @contextmanager
    def work(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes."""
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            if db.in_transaction:
                db.execute("COMMIT")

    @contextmanager
    def watching(self) -> Iterator[Callable[[datetime], bool]]:
        """Whether anything is to be settled or delivered by then: asked many times a second, it locks nobody out."""
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as db:
            yield lambda now: bool(db.execute(_IS_DUE, {"now": now.timestamp()}).fetchone()[0])

    def behaviour(self) -> Behaviour:
        with self.work() as db:
            row = db.execute("SELECT wanted FROM behaviour").fetchone()
        return Behaviour.model_validate_json(row["wanted"]) if row else Behaviour()

    def behave(self, wanted: Behaviour) -> None:
        with self.work() as db:
            db.execute("INSERT OR REPLACE INTO behaviour VALUES (1, ?)", [wanted.model_dump_json()])

    def open_checkout(self, key: str, request: Row, *, now: datetime) -> Row:
        """Make a checkout, or give the one that this key made. Raises KeyUsedOtherwise."""
        content = orjson.dumps(request, option=orjson.OPT_SORT_KEYS).decode()
        with self.work() as db:
            made = db.execute("SELECT * FROM checkout WHERE key = ?", [key]).fetchone()
            if made is None:
                row = {
                    **request, "id": "co_" + secrets.token_urlsafe(18), "key": key, "request": content,
                    "status": "open", "created_at": now.timestamp(),
                }  # fmt: skip
                db.execute(
                    f"INSERT INTO checkout ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", list(row.values())
                )
                made = db.execute("SELECT * FROM checkout WHERE key = ?", [key]).fetchone()
        if made["request"] != content:
            raise KeyUsedOtherwise(key)
        return dict(made)

    def checkout(self, checkout_id: str) -> Row | None:
        with self.work() as db:
            row = db.execute("SELECT * FROM checkout WHERE id = ?", [checkout_id]).fetchone()
        return dict(row) if row else None

    def challenge(self, checkout_id: str) -> bool:
        """The payer's bank asks who is paying (3-D Secure). False when the checkout is no longer open."""
        with self.work() as db:
            return _move(db, checkout_id, "open", "challenged")

    def pay(self, checkout_id: str, *, now: datetime, source: str = "open") -> bool:
        """The payer pays: money moves, and is captured now or later. False when the checkout is no longer `source`."""
        wanted = self.behaviour()
        with self.work() as db:
            settles_at = now.timestamp() + wanted.processing_seconds
            if not _move(db, checkout_id, source, "processing", settles_at=settles_at):
                return False
            _tell(db, checkout_id, "payment.processing", wanted, now=now)
            if not wanted.processing_seconds:
                _settle(db, checkout_id, wanted, now=now)
        return True

    def refuse(self, checkout_id: str, reason: str, *, now: datetime, source: str = "open") -> bool:
        """The payer's bank declines, or the payer goes away. False when the checkout is no longer `source`."""
        wanted = self.behaviour()
        with self.work() as db:
            if not _move(db, checkout_id, source, "failed", failure_reason=reason):
                return False
            _tell(db, checkout_id, "payment.failed", wanted, now=now)
        return True

    def settle_due(self, *, now: datetime) -> None:
        """Capture what has been moving long enough."""
        wanted = self.behaviour()
        with self.work() as db:
            for row in db.execute(
                "SELECT id FROM checkout WHERE status = 'processing' AND settles_at <= ?", [now.timestamp()]
            ).fetchall():
                _settle(db, row["id"], wanted, now=now)
            settle_refunds_due(db, wanted, now=now)

    def open_refund(self, key: str, request: Row, *, now: datetime) -> Row:
        """Begin to give money back, or tell how what this key began stands. Raises KeyUsedOtherwise, NotRefundable."""
        wanted = self.behaviour()
        with self.work() as db:
            return begin_refund(db, key, request, wanted, now=now)

    def refund(self, refund_id: str) -> Row | None:
        with self.work() as db:
            row = db.execute("SELECT * FROM refund WHERE id = ?", [refund_id]).fetchone()
        return dict(row) if row else None

    def refunds(self, checkout_id: str) -> list[Row]:
        """All that was asked back of a checkout, in the order in which it was asked."""
        with self.work() as db:
            rows = db.execute("SELECT * FROM refund WHERE checkout_id = ? ORDER BY created_at, id", [checkout_id])
            return [dict(row) for row in rows]

    def dispute(self, checkout_id: str, *, reason: str, amount_minor: int | None, now: datetime) -> Row:
        """A payer disputes what they paid. Raises NotRefundable."""
        wanted = self.behaviour()
        with self.work() as db:
            return open_dispute(db, checkout_id, wanted, reason=reason, amount_minor=amount_minor, now=now)

    def decide(self, dispute_id: str, status: str, *, now: datetime) -> bool:
        """A dispute is won or lost. False when there is no open dispute of that id."""
        wanted = self.behaviour()
        with self.work() as db:
            return decide_dispute(db, dispute_id, status, wanted, now=now)

    def list_checkouts(self, *, merchant: str, since: float, until: float, after: str, limit: int) -> list[Row]:
        """A page of a merchant's checkouts in the order of their ids, after one of them, with what was refunded and
        what is disputed.
        """
        with self.work() as db:
            return [dict(row) for row in db.execute(
                "SELECT c.*, (SELECT coalesce(sum(r.amount_minor), 0) FROM refund r "
                "WHERE r.checkout_id = c.id AND r.status <> 'failed') AS refunded_minor, "
                "(SELECT coalesce(sum(d.amount_minor), 0) FROM dispute d "
                "WHERE d.checkout_id = c.id AND d.status <> 'won') AS disputed_minor FROM checkout c "
                "WHERE c.merchant = ? AND c.created_at >= ? AND c.created_at < ? AND c.id > ? ORDER BY c.id LIMIT ?",
                [merchant, since, until, after, limit],
            )]  # fmt: skip

    def due_deliveries(self, *, now: datetime) -> list[Row]:
        """Webhooks to deliver now, in the order in which they are due."""
        with self.work() as db:
            return [dict(row) for row in db.execute(
                "SELECT d.id, d.url, d.attempts, d.event_id, e.body FROM delivery d JOIN event e ON e.id = d.event_id "
                "WHERE d.state = 'waiting' AND d.due_at <= ? ORDER BY d.due_at, d.id LIMIT 100", [now.timestamp()],
            )]  # fmt: skip

    def note_attempt(self, delivery_id: int, *, state: str, due_at: datetime | None, answer: str) -> None:
        with self.work() as db:
            db.execute(
                "UPDATE delivery SET attempts = attempts + 1, state = ?, due_at = ?, answer = ? WHERE id = ?",
                [state, due_at and due_at.timestamp(), answer, delivery_id],
            )

    def deliveries(self) -> list[Row]:
        """Every delivery there was, for whoever looks at what the sandbox did."""
        with self.work() as db:
            return [dict(row) for row in db.execute(
                "SELECT d.id, d.event_id, e.type, e.checkout_id, d.url, d.state, d.attempts, d.answer "
                "FROM delivery d JOIN event e ON e.id = d.event_id ORDER BY d.id"
            )]  # fmt: skip

    def deliver_again(self, event_id: str, *, now: datetime) -> bool:
        """Deliver an old event once more. False when there is no such event."""
        with self.work() as db:
            found = db.execute(
                "SELECT e.id, c.webhook_url FROM event e JOIN checkout c ON c.id = e.checkout_id "
                "WHERE e.id = ? AND c.webhook_url IS NOT NULL", [event_id],
            ).fetchone()  # fmt: skip
            if found is not None:
                deliver(db, event_id, found["webhook_url"], state="waiting", due_at=now.timestamp())
        return found is not None


def _move(db: sqlite3.Connection, checkout_id: str, source: str, target: str, **columns: Any) -> bool:
    columns["status"] = target
    names = ", ".join(f"{name} = ?" for name in columns)
    moved = db.execute(
        f"UPDATE checkout SET {names} WHERE id = ? AND status = ?", [*columns.values(), checkout_id, source]
    )
    return moved.rowcount == 1


def _settle(db: sqlite3.Connection, checkout_id: str, wanted: Behaviour, *, now: datetime) -> None:
    if wanted.decline:
        if _move(db, checkout_id, "processing", "failed", failure_reason=wanted.decline):
            _tell(db, checkout_id, "payment.failed", wanted, now=now)
        return
    captured = {"amount_minor": wanted.capture_minor, "currency": wanted.capture_currency}
    if _move(db, checkout_id, "processing", "succeeded", **{k: v for k, v in captured.items() if v is not None}):
        _tell(db, checkout_id, "payment.succeeded", wanted, now=now)


def _tell(db: sqlite3.Connection, checkout_id: str, kind: str, wanted: Behaviour, *, now: datetime) -> None:
    told = db.execute(
        "SELECT id, status, amount_minor, currency, failure_reason, client_reference FROM checkout WHERE id = ?",
        [checkout_id],
    ).fetchone()
    tell(db, kind, dict(told), wanted, checkout_id=checkout_id, now=now)
