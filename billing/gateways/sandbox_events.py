"""What the sandbox tells its merchants: each event is kept, with its deliveries still to be made."""

import secrets
import sqlite3
from datetime import UTC, datetime
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field

Row = dict[str, Any]


class Behaviour(BaseModel):
    """How the sandbox misbehaves from now on; the default is a provider on a good day."""

    model_config = ConfigDict(extra="forbid")

    decline: str | None = None  # every payment fails with this reason
    challenge: bool = False  # every payment needs its payer's bank to recognise them (3-D Secure)
    capture_minor: int | None = Field(default=None, gt=0)  # captures this instead of what was asked
    capture_currency: str | None = Field(default=None, pattern="^[A-Z]{3}$")
    processing_seconds: float = Field(default=0, ge=0)  # how long money moves before it is captured
    delay_seconds: float = Field(default=0, ge=0)  # webhooks come that much later
    copies: int = Field(default=1, ge=1, le=20)  # each webhook comes so many times
    reorder: bool = False  # "processing" comes a second after what followed it
    drop: bool = False  # webhooks never come
    hang_before_seconds: float = Field(default=0, ge=0)  # what is asked for is not answered in time, and not made
    hang_after_seconds: float = Field(default=0, ge=0)  # what is asked for is made, and not answered in time
    refund_seconds: float = Field(default=0, ge=0)  # how long a refund is under way
    fail_refund: str | None = None  # every refund comes back with this reason


def tell(db: sqlite3.Connection, kind: str, told: Row, wanted: Behaviour, *, checkout_id: str, now: datetime) -> None:
    """Write the event and, unless it is dropped, its deliveries to where the checkout's merchant listens."""
    body = orjson.dumps({"type": kind, "timestamp": now.astimezone(UTC).isoformat(), "data": told}).decode()
    event_id = "evt_" + secrets.token_urlsafe(18)
    db.execute("INSERT INTO event VALUES (?, ?, ?, ?, ?)", [event_id, checkout_id, kind, body, now.timestamp()])
    [url] = db.execute("SELECT webhook_url FROM checkout WHERE id = ?", [checkout_id]).fetchone()
    if url is None:
        return
    due_at = now.timestamp() + wanted.delay_seconds
    if wanted.reorder and kind == "payment.processing":
        due_at += wanted.processing_seconds + 1
    for _ in range(wanted.copies):
        deliver(db, event_id, url, state="dropped" if wanted.drop else "waiting", due_at=due_at)


def deliver(db: sqlite3.Connection, event_id: str, url: str, *, state: str, due_at: float) -> None:
    db.execute("INSERT INTO delivery (event_id, url, state, due_at) VALUES (?, ?, ?, ?)",
               [event_id, url, state, due_at])  # fmt: skip
