"""The roll of a session: marks, disagreements, headcount, closing. The same forms work with and without scripts."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from attendance import conflicts, headcounts
from attendance.consents import consents_of
from attendance.photos import photo_marks, photo_of
from attendance.roll import Mark, RollEntry, mark_roll, read_roll, require_on_roll
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from engine.fire import Refused
from engine.ids import new_id
from models import AttendanceStatus, ConflictResolution
from web.forms import NOTHING_SENT, Form, Posted
from web.photos import as_picture
from web.staff.writing import written_at
from web.visitor import Staff
from web.words import N_
from workflows.roll_closing import close_roll

router = APIRouter()

# Why somebody is absent: what staff say most.
REASONS = (N_("Ill"), N_("On holiday"), N_("No word from the family"))
# What the scripts say, in the reader's language.
WORDS = {
    "EXPECTED": N_("Not marked yet"),
    "ABSENT_NOTIFIED": N_("Not coming"),
    "CANCELLED": N_("Cancelled"),
    "PRESENT": N_("Here"),
    "LATE": N_("Here, arrived late"),
    "ABSENT": N_("Absent"),
    "LEFT": N_("Left"),
    "sent": N_("All sent"),
    "unsent": N_("{count} not sent"),
    "offline": N_("Offline. Marks are saved on this device."),
    "signIn": N_("Sign in again to send your marks."),
    "conflict": N_("{why} Choose what is right above the roll."),
    "conflictOf": N_("{name}: {why} Choose what is right above the roll."),
    "refused": N_("{name} could not be saved: {why}"),
    "notKept": N_("This device couldn't save that: its storage is full. Note it on paper and tell the office."),
    "seen": N_("Got it"),
    "sendFirst": N_("Some marks haven't been sent yet. The roll will close once they are."),
    "counted": N_("{count} counted at {time}; compared with the roll when it is sent."),
    "needsNetwork": N_("The centre doesn't answer, so nothing was sent. Try again when there's a network."),
    "chooseWho": N_("Choose who is collecting."),
    "prove": N_("Enter the PIN, sign, or choose to sign later."),
    "wrongPin": N_("This is not the PIN."),
    "noNetworkPin": N_("Offline, so the PIN can't be checked. Ask them to sign."),
    "mustNot": N_("{person} must not collect {name}. Keep the child with you and call the office."),
    "other": N_("Someone else"),
}


@router.get("/staff/rolls/{session_id}")
def show_roll(session_id: UUID, visit: Staff) -> Response:
    return _shown(visit, session_id)


def _shown(
    visit: Staff, session_id: UUID, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None
) -> Response:
    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        roll = read_roll(tx, session_id=session_id, actor=who.actor)
        ids = [entry.attendee_id for entry in roll.entries]
        return {"roll": roll, "at": written_at(visit, who, roll.time_zone), "people": _people,
                "photos": photo_marks(tx, ids), "consents": consents_of(tx, ids)}  # fmt: skip

    words = {name: visit.say(text) for name, text in WORDS.items()}
    return visit.show("staff/roll.html", query, form=form, refusal=refusal, reasons=REASONS, words=words)


def _people(entry: RollEntry) -> list[dict[str, Any]]:
    """Who may collect, for the dialog of the scripts."""
    return [{"id": str(person.person_id) if person.person_id else None, "name": person.name,
             "relationship": person.relationship, "phone": person.phone, "hasPin": person.has_pin}
            for person in entry.people]  # fmt: skip


@router.get("/staff/rolls/{session_id}/photos/{attendee_id}")
def read_photo(session_id: UUID, attendee_id: UUID, visit: Staff) -> Response:
    """The photo of a child of this roll, for who takes it."""

    def query(tx: Transaction, who: Principal) -> bytes:
        require_on_roll(tx, session_id=session_id, attendee_id=attendee_id, actor=who.actor)
        return photo_of(tx, attendee_id)

    return as_picture(visit.fetch(query), visit.state.settings)


@router.post("/staff/rolls/{session_id}/marks")
def mark(session_id: UUID, visit: Staff, form: Posted) -> Response:
    """One tap: present, late, absent, or as it was."""
    attendance_id = form.id("attendance_id")
    status, _, reason = form.text("status").partition(":")
    if attendance_id is None or status not in set(AttendanceStatus) - {AttendanceStatus.LEFT}:
        raise Invalid(N_("Choose one from the list."))
    seen = form.whole("seen_version")
    made = Mark(attendance_id, AttendanceStatus(status), visit.now, reason=reason[:200] or None, id=new_id(),
                device="form", seen_version=seen if isinstance(seen, int) else None)  # fmt: skip

    def verb(tx: Transaction, who: Principal) -> Answer:
        roll = mark_roll(tx, session_id=session_id, marks=[made], actor=who.actor, now=visit.now)
        return Answer({"conflicts": [reason.message for reason in roll.conflicts]})

    address = f"/staff/rolls/{session_id}"
    try:
        answer = visit.move(form, verb)
    except (Invalid, Conflict) as refusal:
        return _shown(visit, session_id, form=form, refusal=refusal)
    for said in answer.get("conflicts", ()):
        return visit.go(address, visit.told(said), kind="warn")
    return visit.go(f"{address}#row-{attendance_id}")


@router.post("/staff/conflicts/{conflict_id}")
def decide(conflict_id: UUID, visit: Staff, form: Posted) -> Response:
    """A person says which account is right."""
    session_id = form.id("session_id")
    asked = form.text("resolution")
    if asked not in set(ConflictResolution) or session_id is None:
        raise Invalid(N_("Choose one from the list."))

    def verb(tx: Transaction, who: Principal) -> Answer:
        conflicts.resolve(tx, conflict_id=conflict_id, resolution=ConflictResolution(asked), note="",
                          actor=who.actor, now=visit.now)  # fmt: skip
        return Answer()

    is_kept = asked == ConflictResolution.KEPT
    said = visit.say("The roll stays as it was.") if is_kept else visit.say("The roll now says what was sent.")
    return _moved(visit, session_id, form, verb, said)


@router.post("/staff/rolls/{session_id}/headcount")
def count_heads(session_id: UUID, visit: Staff, form: Posted) -> Response:
    counted = form.whole("counted")

    def verb(tx: Transaction, who: Principal) -> Answer:
        if not isinstance(counted, int) or not 0 <= counted <= 10_000:
            raise Invalid(N_("Enter how many children you counted."))
        read_roll(tx, session_id=session_id, actor=who.actor)
        headcounts.take_count(tx, session_id=session_id, count_id=new_id(), counted=counted, counted_at=visit.now,
                              device="form", explanation="", actor=who.actor, now=visit.now)  # fmt: skip
        return Answer()

    return _moved(visit, session_id, form, verb, visit.say("Headcount saved."))


@router.post("/staff/rolls/{session_id}/explanation")
def explain_count(session_id: UUID, visit: Staff, form: Posted) -> Response:
    explanation = form.text("explanation")[:200]

    def verb(tx: Transaction, who: Principal) -> Answer:
        if not explanation:
            raise Invalid(N_("Explain why the headcount and the roll differ."))
        read_roll(tx, session_id=session_id, actor=who.actor)
        headcounts.explain(tx, session_id=session_id, explanation=explanation, actor=who.actor, now=visit.now)
        return Answer()

    return _moved(visit, session_id, form, verb, visit.say("Explanation saved."))


@router.post("/staff/rolls/{session_id}/closing")
def close(session_id: UUID, visit: Staff, form: Posted) -> Response:
    """Where only a mark is missing, the roll is closed on a second look at who that is."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        settled = close_roll(tx, session_id=session_id, absent=form.ids("absent"), actor=who.actor, now=visit.now)
        return Answer({"absent": settled.absent})

    try:
        visit.move(form, verb)
    except Refused as refusal:
        forgotten = [reason for reason in refusal.reasons if reason.code == "not_marked"]
        if len(forgotten) == len(refusal.reasons):
            return _not_marked(visit, session_id, forgotten[0])
        return _shown(visit, session_id, form=form, refusal=refusal)
    except (Invalid, Conflict, NotFound) as refusal:
        return _shown(visit, session_id, form=form, refusal=refusal)
    return visit.go(f"/staff/rolls/{session_id}", visit.say("Roll closed."))


def _not_marked(visit: Staff, session_id: UUID, forgotten: Reason) -> Response:
    """Who would be absent, by name, before anything is closed."""
    ids = (forgotten.facts or {})["attendance_ids"]

    def query(tx: Transaction, who: Principal) -> dict[str, Any]:
        roll = read_roll(tx, session_id=session_id, actor=who.actor)
        return {"roll": roll, "entries": [row for row in roll.entries if str(row.attendance_id) in ids]}

    return visit.show("staff/closing.html", query, status=409)


def _moved(
    visit: Staff, session_id: UUID, form: Form, verb: Callable[[Transaction, Principal], Answer], said: str
) -> Response:
    """Run a verb of the roll, and show it again."""
    try:
        visit.move(form, verb)
    except (Invalid, Conflict, NotFound) as refusal:
        return _shown(visit, session_id, form=form, refusal=refusal)
    return visit.go(f"/staff/rolls/{session_id}", said)
