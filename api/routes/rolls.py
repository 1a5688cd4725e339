"""The door: the day's rolls, bundles of devices that were offline, conflicts, signatures, headcounts, closing."""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from starlette.responses import Response

from api.dependencies import Application, Called, NoInput
from api.moves import Answer, Call, Principal, respond
from api.operations import ADMIN, OFFICE, STAFF, creates, for_roles
from api.pins import is_proven, prove_pin
from api.reads import rolls as shown
from api.reads.paging import Cursor, Limit
from api.schemas import rolls as schemas
from api.schemas.base import Day, Page
from api.schemas.sessions import Roll
from api.state import State
from attendance import conflicts, headcounts, ratio, signatures
from attendance.bundle import Item, ItemAnswer, SentCount, SentSignature, take_bundle
from attendance.marks import Mark
from attendance.roll import read_roll
from attendance.today import roll_calls
from engine.database import Transaction
from engine.ids import new_id
from workflows import late_pickup, roll_closing

router = APIRouter(tags=["sessions"])


@router.get("/roll-calls", **for_roles(STAFF, response_model=Page[schemas.RollCall]))
def list_roll_calls(
    call: Called, day: Annotated[Day | None, Query(description="The site's local date; unless given, today.")] = None,
    site_id: UUID | None = None,
) -> Response:  # fmt: skip
    """The sessions of a day at the caller's sites, in order of time, with where each roll stands."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = roll_calls(tx, actor=who.actor, now=call.now, day=day, site_id=site_id)
        return Answer({"items": [asdict(one) for one in found], "next_cursor": None})

    return call.read(query)


@router.post("/roll-bundles", **for_roles(STAFF, *creates(), response_model=schemas.BundleAnswer))
def send_bundle(body: schemas.Bundle, call: Called, app: Application) -> Response:
    """What a device kept while it had no network. Each item is answered by itself: taken, known already, kept as a
    conflict that a person decides, or refused with a reason; sending the same bundle again changes nothing.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        answers = take_bundle(tx, items=list(_items(body, call, app)), actor=who.actor, now=call.now)
        return Answer({"items": [_answer(one) for one in answers], "received_at": call.now})

    return call.move(verb)


def _items(body: schemas.Bundle, call: Call, app: State) -> Iterator[Item]:
    for sent in body.marks:
        known = sent.model_dump(exclude={"pin_proof"})
        proven = is_proven(app.settings.secret, sent.pin_proof, person_id=sent.person_id, at=sent.marked_at,
                           organisation_id=call.organisation_id)  # fmt: skip
        yield Mark(**known, device=body.device, is_pin_proven=proven)
    for signature in body.signatures:
        yield SentSignature(**signature.model_dump())
    for count in body.headcounts:
        yield SentCount(**count.model_dump(), device=body.device)


def _answer(found: ItemAnswer) -> dict[str, Any]:
    return {"id": found.id, "outcome": found.outcome, "conflict_id": found.conflict_id,
            "reasons": [reason.as_dict() for reason in found.reasons]}  # fmt: skip


@router.post("/roll-conflicts/{conflict_id}/resolution", **for_roles(STAFF, *creates(404), response_model=Roll))
def resolve_conflict(conflict_id: UUID, body: schemas.Resolution, call: Called) -> Response:
    """A person decides which account is right. A sign-out to a person who must not collect is never taken."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        session_id = conflicts.resolve(tx, conflict_id=conflict_id, resolution=body.resolution, note=body.note,
                                       actor=who.actor, now=call.now)  # fmt: skip
        tx.flush()
        return Answer(shown.show_roll(read_roll(tx, session_id=session_id, actor=who.actor)))

    return call.move(verb)


@router.get("/missing-signatures", **for_roles(STAFF, response_model=Page[schemas.MissingSignature]))
def list_missing_signatures(call: Called) -> Response:
    """Who was collected without a PIN or a signature yet, oldest first."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = signatures.missing_signatures(tx, actor=who.actor)
        return Answer({"items": [asdict(one) for one in found], "next_cursor": None})

    return call.read(query)


@router.put("/sign-outs/{sign_out_id}/signature", **for_roles(STAFF, *creates(404), status_code=204))
def sign_sign_out(sign_out_id: UUID, body: schemas.NewSignature, call: Called) -> Response:
    """The signature of who collected; the same one sent again changes nothing, another is refused."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        signatures.sign(tx, sign_out_id=sign_out_id, strokes=body.strokes, signed_at=body.signed_at, actor=who.actor,
                        now=call.now)  # fmt: skip
        return Answer(status=204)

    return call.move(verb)


_SVG: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The signature.",
        "content": {
            "image/svg+xml": {"schema": {"type": "string"}, "example": signatures.drawn([[[10, 10], [200, 300]]])}
        },
    }
}


@router.get(
    "/sign-outs/{sign_out_id}/signature", **for_roles(STAFF, 404, responses=_SVG, response_class=Response)
)  # fmt: skip
def read_signature(sign_out_id: UUID, call: Called) -> Response:
    """The signature as a picture."""
    svg = call.fetch(lambda tx, who: signatures.read_signature(tx, sign_out_id=sign_out_id, actor=who.actor))
    return Response(svg, media_type="image/svg+xml")


@router.post(
    "/sessions/{session_id}/headcounts", **for_roles(STAFF, *creates(404), response_model=schemas.Headcount)
)  # fmt: skip
def take_headcount(session_id: UUID, body: schemas.NewHeadcount, call: Called) -> Response:
    """Heads counted, apart from the roll; answers with the last count beside what the roll says of that moment."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        read_roll(tx, session_id=session_id, actor=who.actor)
        headcounts.take_count(
            tx, session_id=session_id, count_id=body.id or new_id(), counted=body.counted,
            counted_at=body.counted_at or call.now, device=body.device, explanation=body.explanation, actor=who.actor,
            now=call.now,
        )  # fmt: skip
        tx.flush()
        count = headcounts.last_count(tx, session_id)
        assert count is not None, "it was counted just now"
        return Answer(shown.show_count(count))

    return call.move(verb)


@router.put(
    "/sessions/{session_id}/headcount-explanation", **for_roles(STAFF, *creates(404), response_model=schemas.Headcount)
)  # fmt: skip
def explain_headcount(session_id: UUID, body: schemas.Explanation, call: Called) -> Response:
    """Why the last count and the roll differ."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        read_roll(tx, session_id=session_id, actor=who.actor)
        count = headcounts.explain(tx, session_id=session_id, explanation=body.explanation, actor=who.actor,
                                   now=call.now)  # fmt: skip
        return Answer(shown.show_count(count))

    return call.move(verb)


@router.put("/sites/{site_id}/staff-presence", **for_roles(STAFF, *creates(404), response_model=schemas.StaffPresence))
def arrive_on_site(site_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The caller is on site from now on, and counts in its ratio."""
    return call.move(lambda tx, who: Answer(
        ratio.arrive(tx, site_id=site_id, user_id=who.user_id, actor=who.actor, now=call.now)))  # fmt: skip


@router.delete("/sites/{site_id}/staff-presence", **for_roles(STAFF, 404, status_code=204))
def leave_site(site_id: UUID, call: Called) -> Response:
    """The caller has left the site."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        ratio.leave(tx, site_id=site_id, user_id=who.user_id, actor=who.actor, now=call.now)
        return Answer(status=204)

    return call.move(verb)


@router.post("/sessions/{session_id}/roll/reopening", **for_roles(ADMIN, *creates(404), response_model=Roll))
def reopen_roll(session_id: UUID, body: schemas.Reopening, call: Called) -> Response:
    """Open a closed roll again, with a reason; what it settled stays, closing it again settles what is new."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        roll_closing.reopen_roll(tx, session_id=session_id, reason=body.reason, actor=who.actor, now=call.now)
        return Answer(shown.show_roll(read_roll(tx, session_id=session_id, actor=who.actor)))

    return call.move(verb)


@router.get("/late-pickups", **for_roles(OFFICE, response_model=Page[schemas.LatePickup]))
def list_late_pickups(call: Called, cursor: Cursor = None, limit: Limit = 50, is_open: bool = False) -> Response:
    """Children who were collected late, newest first; with `is_open` those that the office has to decide."""

    def query(tx: Transaction, who: Principal) -> Answer:
        found = shown.late_pickups()
        if is_open:
            found.where("x.status = 100")
        return found.page(tx, cursor=cursor, limit=limit, show=lambda row: shown.show_late(who, row))

    return call.read(query)


@router.post(
    "/late-pickups/{late_pickup_id}/acceptance", **for_roles(OFFICE, *creates(404), response_model=schemas.LatePickup)
)  # fmt: skip
def accept_late_pickup(late_pickup_id: UUID, call: Called, _: NoInput = None) -> Response:
    """The fee is charged: an invoice of its own asks for it, taxed as the session is."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        late_pickup.accept(tx, late_pickup_id=late_pickup_id, actor=who.actor, now=call.now)
        tx.flush()
        return shown.one_late(tx, who, late_pickup_id)

    return call.move(verb)


@router.post(
    "/late-pickups/{late_pickup_id}/waiver", **for_roles(OFFICE, *creates(404), response_model=schemas.LatePickup)
)  # fmt: skip
def waive_late_pickup(late_pickup_id: UUID, body: schemas.Waiver, call: Called) -> Response:
    """The fee is not charged, for a reason; where it was, a credit note takes it back."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        late_pickup.waive(tx, late_pickup_id=late_pickup_id, reason=body.reason, actor=who.actor, now=call.now)
        tx.flush()
        return shown.one_late(tx, who, late_pickup_id)

    return call.move(verb)


@router.post(
    "/authorised-people/{person_id}/pin-proofs", **for_roles(STAFF, *creates(404, 429), response_model=schemas.PinProof)
)  # fmt: skip
def make_pin_proof(person_id: UUID, body: schemas.PinTyped, call: Called, app: Application) -> Response:
    """Check the PIN that was typed at the door. The proof goes with the sign-out, within ten minutes."""
    proof, until = prove_pin(call, app.settings.secret, person_id=person_id, pin=body.pin)
    return respond(200, {"proof": proof, "expires_at": until}, {})
