"""Billing versions: immutable, numbered along their group, each with the lines that make its total."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from billing.pricing import Priced
from engine.batch import Batch, Guarded
from engine.fire import MovedMeanwhile
from engine.ids import new_id
from models import Billing, BillingGroup, BillingLine

_BUMP = Guarded(
    name="bump_group",
    sql="UPDATE billing_group t SET last_version = r.to_version FROM {rows} WHERE t.organisation_id = {org} "
    "AND t.id = r.id AND t.last_version = r.from_version RETURNING t.id",
    takes="id uuid, from_version int, to_version int",
    is_by_id=True,
)


def next_version(
    batch: Batch,
    *,
    group: dict[str, object] | None,
    account_id: UUID,
    term_id: UUID,
    now: datetime,
    subscription_id: UUID | None = None,
) -> tuple[UUID, int]:
    """Make the group or take its next version, under the account's lock. Returns (group id, version).

    The group is the account's in the term, or the subscription's in every term. Several orders of one group in one
    batch take one version after the other.
    """
    if group is None:
        return _first_version(batch, account_id=account_id, term_id=term_id, now=now, subscription_id=subscription_id)
    group_id = group["id"] if isinstance(group["id"], UUID) else UUID(str(group["id"]))
    if (bump := batch.waiting(_BUMP, group_id)) is not None:
        bump["to_version"] += 1
        return group_id, bump["to_version"]
    version = int(str(group["last_version"])) + 1
    batch.guard(
        _BUMP, [{"id": group_id, "from_version": version - 1, "to_version": version}],
        otherwise=lambda _: MovedMeanwhile("The billing of this account was changed meanwhile; look at it again."),
    )  # fmt: skip
    return group_id, version


def _first_version(
    batch: Batch, *, account_id: UUID, term_id: UUID, now: datetime, subscription_id: UUID | None
) -> tuple[UUID, int]:
    """The first of a group that is made in this batch; or the next, where an order before made it."""
    made = (row for row in batch.added(BillingGroup) if (row["account_id"], row["term_id"]) == (account_id, term_id))
    if (row := next(made, None)) is not None:
        row["last_version"] += 1
        return row["id"], row["last_version"]
    group_id = new_id()
    batch.add(
        BillingGroup,
        [{"id": group_id, "account_id": account_id, "subscription_id": subscription_id,
          "term_id": None if subscription_id else term_id, "last_version": 1, "created_at": now}],
    )  # fmt: skip
    return group_id, 1


def write_version(
    batch: Batch, priced: Priced, *, group_id: UUID, version: int, order_id: UUID, now: datetime,
    line_ids: Sequence[UUID] | None = None,
) -> UUID:  # fmt: skip
    """Add a version with its lines, under ids that are known before where somebody refers to them; returns its id."""
    ids = line_ids or [new_id() for _ in priced.lines]
    billing_id = _add(batch, group_id, version, order_id, priced, is_void=False, now=now)
    batch.add(
        BillingLine,
        [{
            "id": ids[position], "billing_id": billing_id, "attendee_id": p.line.attendee_id,
            "term_product_id": p.line.term_product_id, "component": p.line.component,
            "description": p.line.description, "printed": p.line.printed, "quantity": p.line.quantity,
            "base_minor": p.base_minor,
            "discount_minor": p.discount_minor, "net_minor": p.net_minor, "tax_minor": p.tax_minor,
            "gross_minor": p.gross_minor, "tax_name": p.line.tax_name, "tax_rate": str(p.line.tax_rate),
            "trace": p.trace, "position": position,
        } for position, p in enumerate(priced.lines)],
    )  # fmt: skip
    return billing_id


_KEPT = ("attendee_id", "term_product_id", "component", "description", "printed", "quantity", "base_minor",
         "discount_minor", "net_minor", "tax_minor", "gross_minor", "tax_name", "tax_rate", "trace")  # fmt: skip


def write_kept(
    batch: Batch, kept: Sequence[dict[str, Any]], *, group_id: UUID, version: int, order_id: UUID, now: datetime
) -> tuple[UUID, int]:
    """Add a version with what is left of an earlier one: its lines at their price then. Nothing left is a void one.

    A line that others are to refer to brings its new id as `as_id`.

    Returns its id and its total in minor units.
    """
    if not kept:
        return write_void(batch, group_id=group_id, version=version, order_id=order_id, now=now), 0
    net, tax = sum(line["net_minor"] for line in kept), sum(line["tax_minor"] for line in kept)
    figures = sorted((line["term_product_id"], line["component"], line["gross_minor"]) for line in kept)
    fingerprint = hashlib.sha256(repr(figures).encode()).hexdigest()[:32]
    priced = Priced([], net, tax, net + tax, fingerprint)
    billing_id = _add(batch, group_id, version, order_id, priced, is_void=False, now=now)
    batch.add(
        BillingLine,
        [{**{name: line[name] for name in _KEPT}, "id": line.get("as_id") or new_id(), "billing_id": billing_id,
          "position": position} for position, line in enumerate(kept)],
    )  # fmt: skip
    return billing_id, net + tax


def write_void(batch: Batch, *, group_id: UUID, version: int, order_id: UUID, now: datetime) -> UUID:
    """Add a zero version: the order costs nothing any more."""
    return _add(batch, group_id, version, order_id, Priced([], 0, 0, 0, "void"), is_void=True, now=now)


def _add(
    batch: Batch, group_id: UUID, version: int, order_id: UUID, priced: Priced, *, is_void: bool, now: datetime
) -> UUID:
    billing_id = new_id()
    batch.add(
        Billing,
        [{
            "id": billing_id, "group_id": group_id, "version": version, "order_id": order_id, "is_void": is_void,
            "net_minor": priced.net_minor, "tax_minor": priced.tax_minor, "total_minor": priced.total_minor,
            "fingerprint": priced.fingerprint, "created_at": now,
        }],
    )  # fmt: skip
    return billing_id
