"""Signing out to a named person with a PIN or a signature, and the queue of those who have not signed yet."""

from typing import Any
from uuid import UUID

import orjson
from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.pins import is_proven, prove_pin
from attendance import signatures
from attendance.roll import Mark, mark_roll, read_roll
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from engine.ids import new_id
from models import AttendanceStatus
from web.forms import NOTHING_SENT, Form, Posted
from web.staff.writing import written_for
from web.visitor import Staff
from web.words import N_

router = APIRouter()


@router.get("/staff/rolls/{session_id}/out/{attendance_id}")
def show_sign_out(session_id: UUID, attendance_id: UUID, visit: Staff) -> Response:
    return _shown(visit, session_id, attendance_id)


def _shown(
    visit: Staff, session_id: UUID, attendance_id: UUID, *, form: Form = NOTHING_SENT,
    refusal: TermbookError | None = None,
) -> Response:  # fmt: skip
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        roll = read_roll(tx, session_id=session_id, actor=who.actor)
        entry = next((entry for entry in roll.entries if entry.attendance_id == attendance_id), None)
        if entry is None:
            raise NotFound("There is no such row on this roll.", what="row")
        return {"roll": roll, "entry": entry}

    return visit.show("staff/sign_out.html", query, form=form, refusal=refusal)


@router.post("/staff/rolls/{session_id}/out/{attendance_id}")
def sign_out(session_id: UUID, attendance_id: UUID, visit: Staff, form: Posted) -> Response:
    address = f"/staff/rolls/{session_id}"
    try:
        made = _mark(visit, attendance_id, form)
        strokes = strokes_of(form)

        def verb(tx: Transaction, who: Principal) -> Answer:
            roll = mark_roll(tx, session_id=session_id, marks=[made], actor=who.actor, now=visit.now)
            if strokes and not roll.conflicts:
                signatures.sign(tx, sign_out_id=made.mark_id, strokes=strokes, signed_at=visit.now, actor=who.actor,
                                now=visit.now)  # fmt: skip
            return Answer({"conflicts": [reason.message for reason in roll.conflicts]})

        answer = visit.move(form, verb)
    except (Invalid, Conflict, NotFound) as refusal:
        return _shown(visit, session_id, attendance_id, form=form, refusal=refusal)
    for said in answer.get("conflicts", ()):
        return visit.go(address, visit.told(said), kind="warn")
    return visit.go(f"{address}#row-{attendance_id}", visit.say("Signed out."))


def _mark(visit: Staff, attendance_id: UUID, form: Form) -> Mark:
    """The sign-out that the form asks for; a PIN is checked first, outside of the transaction."""
    who, other = form.text("who"), form.text("other")[:200]
    person_id = UUID(who.removeprefix("id:")) if who.startswith("id:") else None
    name = form.text(f"name-{who}") if person_id else who.removeprefix("name:")
    if who in ("", "other"):
        name = other
    if not name:
        message = N_("Choose who is collecting.")
        raise Invalid(message, reasons=[Reason("person_missing", message, field="who")])
    pin, proven = form.text("pin"), False
    if pin and person_id is not None:
        secret = visit.state.settings.secret
        proof, _ = prove_pin(visit.call, secret, person_id=person_id, pin=pin)
        proven = is_proven(secret, proof, person_id=person_id, organisation_id=visit.call.organisation_id, at=visit.now)
    return Mark(attendance_id, AttendanceStatus.LEFT, visit.now, name, id=new_id(), device="form", person_id=person_id,
                is_pin_proven=proven)  # fmt: skip


def strokes_of(form: Form) -> list[list[list[int]]]:
    """What was drawn; nothing where nothing was. Raises Invalid for what is no drawing."""
    text = form.text("strokes")
    try:
        found = orjson.loads(text) if text else []
        return [[[int(x), int(y)] for x, y in stroke] for stroke in found]
    except (ValueError, TypeError) as wrong:
        raise Invalid(N_("The signature couldn't be read. Please sign again.")) from wrong


@router.get("/staff/signatures")
def show_missing(visit: Staff) -> Response:
    return visit.show(
        "staff/signatures.html", lambda tx, who: {
            "missing": signatures.missing_signatures(tx, actor=who.actor), "at": written_for(visit, who)}
    )  # fmt: skip


@router.get("/staff/signatures/{sign_out_id}")
def show_one(sign_out_id: UUID, visit: Staff) -> Response:
    return _one(visit, sign_out_id)


def _one(
    visit: Staff, sign_out_id: UUID, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        found = signatures.missing_signatures(tx, actor=who.actor)
        one = next((one for one in found if one.sign_out_id == sign_out_id), None)
        if one is None:
            raise NotFound("There is no signature missing here.", what="signature")
        return {"one": one, "at": written_for(visit, who)}

    return visit.show("staff/signature.html", query, form=form, refusal=refusal)


@router.post("/staff/signatures/{sign_out_id}")
def sign_one(sign_out_id: UUID, visit: Staff, form: Posted) -> Response:
    def verb(tx: Transaction, who: Principal) -> Answer:
        signatures.sign(tx, sign_out_id=sign_out_id, strokes=strokes_of(form), signed_at=visit.now, actor=who.actor,
                        now=visit.now)  # fmt: skip
        return Answer()

    try:
        visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _one(visit, sign_out_id, form=form, refusal=refusal)
    return visit.go("/staff/signatures", visit.say("Signature saved."))
