"""Extras with a stock: what is left of them at a session, and that they are held as long as the place is.

The database counts what is taken, and has the last word; deleting the claim on a place deletes those on its extras.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import orjson

from engine.batch import Batch, FollowUp
from engine.database import Overtaken, Transaction
from engine.errors import Reason
from engine.fire import Refused
from engine.ids import new_id
from models import ExtraClaim, PlaceClaim
from workflows.change_facts import Change
from workflows.double_booking import TAKES_PLACE
from workflows.order_facts import Facts, Order, WantedExtra, WantedLine

if TYPE_CHECKING:
    from workflows.trial_conversion import Handed


class ExtrasTaken(Overtaken, Refused):
    """Somebody was faster: who looks again sees how many are left."""

    code = Refused.code


def has_extra(order: Order, *, facts: Facts, **_: object) -> Iterator[Reason]:
    """Of every extra there is enough left at its session; the database has the last word."""
    if order.order_type not in TAKES_PLACE:
        return
    for line, extra in _asked(facts):
        left = facts.extras_left(line, extra)
        if left is not None and facts.extras_added(line, extra) > max(left, 0):
            yield _sold_out(line, extra, left=max(left, 0))


def hold_extras(
    order: Order, *, batch: Batch, facts: Facts, handed: "Handed | None" = None, change: Change | None = None, **_: Any
) -> None:  # fmt: skip
    """Hold what is asked for beside each session with the place in it, also one that was another's before."""
    asked = [(line, extra) for line, extra in _asked(facts) if facts.extras_added(line, extra) > 0]
    if not asked or order.order_type not in TAKES_PLACE:
        return
    places = _places(order, batch, facts, handed, change)
    stays = {line.session_id for line in facts.staying}
    batch.add(
        ExtraClaim,
        [_claim(places[line.session_id], line, extra, facts.extras_added(line, extra),
                order if line.session_id in stays else None) for line, extra in asked],
    )  # fmt: skip
    batch.on_violation(
        "ck_extra_stock_taken_within_stock",
        ExtrasTaken(f"submit of {order.reference} is refused: somebody was faster.",
                    reasons=[_sold_out(line, extra) for line, extra in asked]),
    )  # fmt: skip


def _places(
    order: Order, batch: Batch, facts: Facts, handed: "Handed | None", change: Change | None
) -> dict[UUID, UUID]:  # fmt: skip
    """By session the claims on the places: taken now, offered before, kept by a trial or by what is changed."""
    found = {UUID(str(row["term_product_id"])): row["id"] for row in batch.added(PlaceClaim)
             if row["order_id"] == order.id}  # fmt: skip
    found |= {line.session_id: claim.id for line in facts.lines if (claim := facts.offered(line))}
    if handed is not None:
        found |= handed.claims
    if change is not None:
        found |= {UUID(row["term_product_id"]): UUID(row["id"]) for row in change.enrolled.claims
                  if UUID(row["term_product_id"]) in {line.session_id for line in facts.staying}}  # fmt: skip
    return found


def _claim(
    place_claim_id: UUID, line: WantedLine, extra: WantedExtra, quantity: int, by: Order | None
) -> dict[str, Any]:  # fmt: skip
    return {"id": new_id(), "place_claim_id": place_claim_id, "extra_id": extra.extra_id,
            "term_product_id": line.session_id, "quantity": quantity, "change_order_id": by and by.id}  # fmt: skip


def let_extras_go(order: Order, *, batch: Batch, now: datetime, **_: Any) -> None:
    """What a change holds beside places that are its original's is given back by itself."""
    if order.is_change:
        batch.follow_up(FollowUp(_forget_asked, now), [order.id])


def _forget_asked(tx: Transaction, order_ids: Sequence[UUID], now: datetime) -> None:
    tx.run("DELETE FROM extra_claim WHERE organisation_id = %(org)s AND change_order_id = ANY(%(ids)s)",
           ids=list(order_ids))  # fmt: skip


_SETTLED = """json_to_recordset(%(rows)s::json)
    AS w(id uuid, place_claim_id uuid, extra_id uuid, term_product_id uuid, quantity int)"""
# Two statements: what is held is counted when each of them ends.
_FORGET = f"""
DELETE FROM extra_claim c USING {_SETTLED}
WHERE c.organisation_id = %(org)s AND c.place_claim_id = w.place_claim_id AND c.extra_id = w.extra_id
"""
_HOLD_ANEW = f"""
INSERT INTO extra_claim (organisation_id, id, place_claim_id, extra_id, term_product_id, quantity)
SELECT %(org)s, w.id, w.place_claim_id, w.extra_id, w.term_product_id, w.quantity FROM {_SETTLED} WHERE w.quantity > 0
"""


def settle_extras(tx: Transaction, change: Change) -> None:
    """A change that is made holds for its original what it leaves beside the sessions that stay."""
    places = {UUID(row["term_product_id"]): row["id"] for row in change.enrolled.claims}
    wanted = {(line.session_id, extra.extra_id): extra.quantity for line in change.facts.staying
              for extra in line.extras}  # fmt: skip
    held = change.facts.extras_held
    rows = [
        {"id": new_id(), "place_claim_id": places[session_id], "extra_id": extra_id, "term_product_id": session_id,
         "quantity": wanted.get((session_id, extra_id), 0)}
        for session_id, extra_id in sorted(wanted.keys() | held.keys())
        if wanted.get((session_id, extra_id), 0) != held.get((session_id, extra_id), 0)
    ]  # fmt: skip
    if rows:
        for sql in (_FORGET, _HOLD_ANEW):
            tx.run(sql, rows=orjson.dumps(rows, default=str).decode())


def _asked(facts: Facts) -> Iterator[tuple[WantedLine, WantedExtra]]:
    return ((line, extra) for line in facts.whole for extra in line.extras)


def _sold_out(line: WantedLine, extra: WantedExtra, *, left: int = 0) -> Reason:
    how_many = f"only {left} left" if left else "sold out"
    return Reason(
        "extra_sold_out", f"{extra.name} with {line.label}: {how_many}.", field=f"lines[{line.position}].extras",
        rule="extra_stock", session=line.label,
        facts={"session_id": str(line.session_id), "extra_id": str(extra.extra_id), "left": left},
    )  # fmt: skip
