"""Taking and giving back places and time. Sessions are locked in id order; a guarded counter has the last word."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from engine.batch import Batch, FollowUp, Guarded
from engine.database import Overtaken
from engine.fire import MovedMeanwhile, Refused, Subject
from engine.ids import new_id
from models import PlaceClaim
from workflows.double_booking import BLOCKS_TIME, TAKES_PLACE
from workflows.order_facts import Order, WantedLine
from workflows.order_guards import session_full
from workflows.waiting_list import offer_freed

TAKE = Guarded(
    name="take_places",
    sql="UPDATE term_product s SET taken = s.taken + locked.places FROM ("
    "SELECT p.id, r.places FROM {rows} JOIN term_product p ON p.id = r.id WHERE p.organisation_id = {org} "
    "ORDER BY p.id FOR NO KEY UPDATE OF p) locked "
    "WHERE s.organisation_id = {org} AND s.id = locked.id AND s.status = 'OPEN' "
    "AND s.taken + locked.places <= s.capacity RETURNING s.id",
    takes="id uuid, places int",
    is_by_id=True,
)

_GIVE_BACK = Guarded(
    name="give_back_places",
    sql="UPDATE term_product s SET taken = s.taken - locked.places FROM ("
    "SELECT p.id, r.places FROM {rows} JOIN term_product p ON p.id = r.id WHERE p.organisation_id = {org} "
    "ORDER BY p.id FOR NO KEY UPDATE OF p) locked "
    "WHERE s.organisation_id = {org} AND s.id = locked.id AND s.taken >= locked.places "
    "RETURNING s.id, s.waiting_count > 0 AS is_marked",
    takes="id uuid, places int",
    marks=True,
)

RELEASE = Guarded(
    name="release_claims",
    sql="DELETE FROM place_claim c USING {rows} WHERE c.organisation_id = {org} AND c.id = r.id RETURNING c.id",
    takes="id uuid",
    is_by_id=True,
)


class PlacesTaken(Overtaken, Refused):
    """Somebody was faster: who looks again sees all that is in the way of the submission now."""

    code = Refused.code


_TAKE_OVER = Guarded(
    name="take_over_claims",
    sql="UPDATE place_claim c SET order_id = r.order_id, order_type = r.order_type, blocks_time = r.blocks_time, "
    "held_since = r.held_since FROM {rows} WHERE c.organisation_id = {org} AND c.id = r.id "
    "AND c.order_type = 1 RETURNING c.id",
    takes="id uuid, order_id uuid, order_type smallint, blocks_time boolean, held_since timestamptz",
)


def hold(
    batch: Batch, order: Order, lines: Sequence[WantedLine], *, now: datetime, looks_again: bool = False,
    offered: Mapping[UUID, UUID] | None = None,
) -> None:  # fmt: skip
    """Take one place in each session and the attendee's time; all of them or, if any is full, none.

    Orders of one batch add up: two siblings in one session take its places at once. One that `looks_again` has its
    whole unit of work done once more when somebody was faster. `offered` are the claims, by session, of places that
    are kept for the attendee: those become the order's own.
    """
    offered = offered or {}
    fresh = [line for line in lines if line.session_id not in offered]
    if lines and order.order_type in TAKES_PLACE:
        _take(batch, order, fresh, PlacesTaken if looks_again else Refused)
        order.record(places_taken=[line.session_id for line in lines])
    if offered:
        blocks = order.order_type in BLOCKS_TIME
        batch.guard(
            _TAKE_OVER,
            [{"id": claim_id, "order_id": order.id, "order_type": int(order.order_type), "blocks_time": blocks,
              "held_since": now} for claim_id in offered.values()],
            otherwise=lambda _: MovedMeanwhile("The offer ran out meanwhile; look again."),
        )  # fmt: skip
    batch.add(PlaceClaim, [_claim(order, line, now) for line in fresh])
    for constraint in ("ex_place_claim_no_overlap", *_SAME_SESSION):
        batch.on_violation(constraint, MovedMeanwhile("The attendee was booked elsewhere meanwhile; look again."))
    for constraint in _SEATS:
        batch.on_violation(constraint, MovedMeanwhile("The seats were taken or changed meanwhile; look again."))


_SAME_SESSION = ("uq_place_claim_same_session", "uq_place_claim_same_undated_session")
# Somebody has the seat, or the session is seated otherwise than it was when its facts were read.
_SEATS = (
    "uq_place_claim_seat", "fk_place_claim_organisation_id_term_product_id_is_seated",
    "fk_place_claim_organisation_id_term_product_id_venue_id", "fk_place_claim_organisation_id_venue_id_seat_id",
)  # fmt: skip


def give_back(batch: Batch, subject: Subject, claims: Iterable[dict[str, Any]], *, now: datetime) -> None:
    """Delete claims and give their places back; the history of the subject's move tells which. Where somebody waits,
    the places are offered before the transaction commits.
    """
    claims = list(claims)
    note_release(subject, claims)
    release(batch, claims, now=now)


def note_release(subject: Subject, claims: Iterable[dict[str, Any]]) -> None:
    """The history of the subject's move tells which places were given back."""
    if placed := [c["term_product_id"] for c in claims if c["takes_place"]]:
        subject.record(places_released=placed)


def release(batch: Batch, claims: Iterable[dict[str, Any]], *, now: datetime) -> None:
    """Delete claims of any number of records and give their places back; the caller has recorded them."""
    claims = list(claims)
    meanwhile = MovedMeanwhile("The places were released meanwhile; look at it again.")
    placed = Counter(str(c["term_product_id"]) for c in claims if c["takes_place"])
    if placed:
        batch.guard(
            _GIVE_BACK, [{"id": session_id, "places": places} for session_id, places in placed.items()],
            otherwise=lambda _: meanwhile, then=FollowUp(offer_freed, now),
        )  # fmt: skip
    if claims:
        batch.guard(RELEASE, [{"id": c["id"]} for c in claims], otherwise=lambda _: meanwhile)


def _take(batch: Batch, order: Order, lines: Sequence[WantedLine], refusal: type[Refused]) -> None:
    first: list[WantedLine] = []
    for line in lines:
        if (siblings := batch.waiting(TAKE, line.session_id)) is not None:
            siblings["places"] += 1
        else:
            first.append(line)
    if first:
        batch.guard(
            TAKE, [{"id": line.session_id, "places": 1} for line in first],
            otherwise=lambda taken: _places_taken(order, first, taken, refusal),
        )  # fmt: skip


def _places_taken(order: Order, lines: list[WantedLine], taken: set[str], refusal: type[Refused]) -> Refused:
    full = [session_full(line) for line in lines if str(line.session_id) not in taken]
    return refusal(f"submit of {order.reference} is refused: somebody was faster.", reasons=full)


def _claim(order: Order, line: WantedLine, now: datetime) -> dict[str, Any]:
    starts, ends = line.slot.starts_at, line.slot.ends_at
    seat = line.seat if order.order_type in TAKES_PLACE else None
    return {
        "id": new_id(), "order_id": order.id, "attendee_id": order.attendee_id,
        "attendee_key": order.attendee["claim_key"], "term_product_id": line.session_id,
        "order_type": int(order.order_type), "takes_place": order.order_type in TAKES_PLACE,
        "blocks_time": order.order_type in BLOCKS_TIME and not line.waits_for_swap,
        "during": f"[{starts.isoformat()},{ends.isoformat()})" if starts and ends else "empty", "held_since": now,
        "is_seated": line.facts["venue_id"] is not None, "venue_id": seat and seat.venue_id,
        "seat_id": seat and seat.id,
    }  # fmt: skip
