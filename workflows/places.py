"""Taking and giving back places and time. Sessions are locked in id order; a guarded counter has the last word."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from engine.batch import Batch, FollowUp, Guarded
from engine.database import Overtaken
from engine.errors import Reason
from engine.fire import MovedMeanwhile, Refused, Subject
from engine.ids import new_id
from models import PlaceClaim
from workflows.double_booking import BLOCKS_TIME, TAKES_PLACE
from workflows.order_facts import Order, WantedLine
from workflows.order_guards import session_full
from workflows.waiting_list import offer_freed
from workflows.wanted_activities import WantedActivity, activity_full

TAKE = Guarded(
    name="take_places",
    sql="UPDATE term_product s SET taken = s.taken + locked.places FROM ("
    "SELECT p.id, r.places FROM {rows} JOIN term_product p ON p.id = r.id WHERE p.organisation_id = {org} "
    "ORDER BY p.id FOR NO KEY UPDATE OF p) locked "
    "WHERE s.organisation_id = {org} AND s.id = locked.id AND s.status = 'OPEN' "
    "AND s.taken + locked.places <= coalesce(s.capacity, 2147483647) RETURNING s.id",
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


# What a place is taken in, and what is said where there is none.
_Wanted = tuple[UUID, Callable[[], Reason]]


def hold(
    batch: Batch, order: Order, lines: Sequence[WantedLine], *, now: datetime, looks_again: bool = False,
    offered: Mapping[UUID, UUID] | None = None, chosen: Sequence[tuple[WantedLine, WantedActivity]] = (),
) -> None:  # fmt: skip
    """Take one place in each session and each `chosen` activity, and the attendee's time; all or, if any is full, none.

    Orders of one batch add up: two siblings in one session take its places at once. One that `looks_again` has its
    whole unit of work done once more when somebody was faster. `offered` are the claims, by session, of places that
    are kept for the attendee: those become the order's own.
    """
    offered = offered or {}
    fresh = [line for line in lines if line.session_id not in offered]
    wanted: list[_Wanted] = [(line.session_id, partial(session_full, line)) for line in fresh]
    wanted += [(activity.id, partial(activity_full, line, activity)) for line, activity in chosen]
    if (lines or chosen) and order.order_type in TAKES_PLACE:
        _take(batch, order, wanted, PlacesTaken if looks_again else Refused)
        order.record(places_taken=[line.session_id for line in lines] + [activity.id for _, activity in chosen])
    if offered:
        blocks = order.order_type in BLOCKS_TIME
        batch.guard(
            _TAKE_OVER,
            [{"id": claim_id, "order_id": order.id, "order_type": int(order.order_type), "blocks_time": blocks,
              "held_since": now} for claim_id in offered.values()],
            otherwise=lambda _: MovedMeanwhile("The offer ran out meanwhile; look again."),
        )  # fmt: skip
    batch.add(PlaceClaim, [_claim(order, line, now) for line in fresh])
    batch.add(PlaceClaim, [_activity_claim(order, line, activity, now) for line, activity in chosen])
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


def _take(batch: Batch, order: Order, wanted: Sequence[_Wanted], refusal: type[Refused]) -> None:
    first: list[_Wanted] = []
    for product_id, full in wanted:
        if (siblings := batch.waiting(TAKE, product_id)) is not None:
            siblings["places"] += 1
        else:
            first.append((product_id, full))
    if first:
        batch.guard(
            TAKE, [{"id": product_id, "places": 1} for product_id, _ in first],
            otherwise=lambda taken: _places_taken(order, first, taken, refusal),
        )  # fmt: skip


def _places_taken(order: Order, wanted: Sequence[_Wanted], taken: set[str], refusal: type[Refused]) -> Refused:
    reasons = [full() for product_id, full in wanted if str(product_id) not in taken]
    return refusal(f"submit of {order.reference} is refused: somebody was faster.", reasons=reasons)


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


def _activity_claim(order: Order, line: WantedLine, activity: WantedActivity, now: datetime) -> dict[str, Any]:
    """An activity has a place, and no time of its own."""
    return _claim(order, line, now) | {
        "id": new_id(), "term_product_id": activity.id, "during": "empty", "is_seated": False, "venue_id": None,
        "seat_id": None,
    }  # fmt: skip
