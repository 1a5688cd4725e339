"""`fire` is the only code that moves a status: the move, its history and its message, together or not at all."""

from datetime import timedelta
from typing import Any, ClassVar
from uuid import UUID

import pytest
from sqlmodel import SQLModel

from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.database import Database, Transaction
from engine.errors import NotPermitted, Reason
from engine.fire import MovedMeanwhile, NotAllowedNow, Refused, Subject, begin, fire
from engine.ids import new_id, new_reference
from models import ActorKind, TermBookingOrder, TermBookingOrderType
from models import TermBookingStatus as S
from tests.workflows.centre import NOW, Centre, make_centre
from workflows.term_booking_order import CHART

ADMIN = Actor(ActorKind.ADMIN, user_id=new_id())
LATER = NOW + timedelta(minutes=5)


class Order(Subject):
    table: ClassVar[type[SQLModel]] = TermBookingOrder
    order_type: TermBookingOrderType = TermBookingOrderType.BOOKING


@pytest.fixture(scope="module")
def centre(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url)


def drafted(centre: Centre) -> Order:
    """A draft that `begin` wrote."""
    rossi = centre.family()
    mia = rossi.child()
    order = Order(id=new_id(), reference=new_reference("TO"), status=S.DRAFT, version=1)
    row = {
        "reference": order.reference, "account_id": rossi.id, "attendee_id": mia["id"],
        "term_id": centre.term["id"], "order_type": 0, "made_by": "ADMIN", "total_minor": 0, "price_fingerprint": "",
        "note": "", "created_at": NOW, "updated_at": NOW,
    }  # fmt: skip
    centre.do(lambda tx, now: begin(tx.batch, CHART, order, row=row, actor=ADMIN, now=now, reason="by phone"))
    return order


def pull(centre: Centre, order: Order, trigger: str = "remove", **known: Any) -> None:
    def work(tx: Transaction, now: Any) -> None:
        fire(tx.batch, CHART, order, trigger, **{"actor": ADMIN, "now": now, "reason": "changed her mind", **known})

    centre.do(work, now=LATER)


def events(centre: Centre, order_id: UUID) -> list[dict[str, Any]]:
    return centre.rows("SELECT * FROM status_event WHERE subject_id = %(id)s ORDER BY sequence", id=order_id)


class TestBegin:
    def test_writes_the_row_and_the_first_line_of_its_history(self, centre: Centre) -> None:
        order = drafted(centre)

        (event,) = events(centre, order.id)
        assert (event["chart"], event["sequence"], event["trigger"]) == ("term_booking_order", 1, "new")
        assert (event["from_status"], event["to_status"], event["reason"]) == (None, 100, "by phone")
        assert (event["actor_kind"], event["actor_id"], event["at"]) == ("ADMIN", ADMIN.user_id, NOW)

    def test_only_where_a_chart_begins(self) -> None:
        order = Order(id=new_id(), reference="TO-1", status=S.APPROVED, version=1)

        with pytest.raises(AssertionError, match="does not begin in"):
            begin(Batch(new_id()), CHART, order, row={}, actor=ADMIN, now=NOW)


class TestFire:
    def test_moves_the_row_and_adds_to_its_history(self, centre: Centre) -> None:
        order = drafted(centre)

        pull(centre, order, changes={"released": 0})

        row = centre.one("SELECT * FROM term_booking_order WHERE id = %(id)s", id=order.id)
        assert (row["status"], row["version"], row["updated_at"]) == (S.REMOVED, 2, LATER)
        assert row["cancel_reason"] == "changed her mind"
        event = events(centre, order.id)[-1]
        assert (event["sequence"], event["trigger"], event["from_status"], event["to_status"]) == (2, "remove", 100, 0)
        assert (event["reason"], event["changes"], event["at"]) == ("changed her mind", {"released": 0}, LATER)
        assert (order.status, order.version, order.changed) == (S.REMOVED, 2, {})

    def test_is_refused_when_somebody_moved_it_since_it_was_read(self, centre: Centre) -> None:
        order = drafted(centre)
        centre.run("UPDATE term_booking_order SET version = 7 WHERE id = %(id)s", id=order.id)

        moved = pytest.raises(MovedMeanwhile, match=f"{order.reference} was changed by somebody else")
        with moved, centre.database.transaction(centre.organisation_id) as tx:
            fire(tx.batch, CHART, order, "remove", actor=ADMIN, now=LATER)

        row = centre.one("SELECT status, version FROM term_booking_order WHERE id = %(id)s", id=order.id)
        assert row == {"status": S.DRAFT, "version": 7}
        assert len(events(centre, order.id)) == 1
        centre.run("UPDATE term_booking_order SET version = 1 WHERE id = %(id)s", id=order.id)

    def test_names_status_trigger_and_what_is_allowed(self, centre: Centre) -> None:
        order = drafted(centre)

        with pytest.raises(NotAllowedNow) as refusal:
            pull(centre, order, "confirm")

        assert refusal.value.facts == {"status": "DRAFT", "trigger": "confirm", "allowed": ["save", "remove"]}
        assert refusal.value.message == (
            f"{order.reference} is draft: confirm is not allowed now (allowed: save, remove)."
        )

    @pytest.mark.parametrize(("status", "words"), [(S.QUOTE, "is quoted"), (S.ACCEPT, "is accepted"),
                                                   (S.ATTENDANCE_APPROVED, "is attendance approved")])  # fmt: skip
    def test_says_the_status_as_people_do(self, centre: Centre, status: S, words: str) -> None:
        order = drafted(centre)
        order.status = status

        with pytest.raises(NotAllowedNow, match=f"{order.reference} {words}: save is not allowed now"):
            pull(centre, order, "save")

    def test_is_not_for_everybody(self, centre: Centre) -> None:
        order = drafted(centre)

        with pytest.raises(NotPermitted, match="is not for staff users"):
            pull(centre, order, actor=Actor(ActorKind.STAFF))

    def test_says_every_reason_and_writes_nothing(self) -> None:
        order, batch = Order(id=new_id(), reference="TO-1", status=S.SUBMITTED, version=4), Batch(new_id())

        with pytest.raises(Refused, match="lapse of TO-1 is refused: ") as refusal:
            fire(batch, CHART, order, "lapse", actor=SYSTEM, now=NOW)

        assert all(isinstance(reason, Reason) for reason in refusal.value.reasons)
        assert batch.is_empty
        assert (order.status, order.version) == (S.SUBMITTED, 4)

    @pytest.mark.parametrize("is_muted", [False, True])
    def test_announces_what_is_not_muted(self, centre: Centre, is_muted: bool) -> None:
        rossi, karate = centre.family(), centre.course()
        cart = centre.cart(rossi, rossi.child(), karate.lines())

        centre.submit(cart, actor=rossi.actor, is_muted=is_muted)

        told = centre.rows("SELECT topic FROM outbox_message WHERE payload->>'subject_id' = %(id)s", id=str(cart.id))
        assert [message["topic"] for message in told] == ([] if is_muted else ["order.submitted"])


class TestSubject:
    def test_notes_what_is_written_with_its_next_move(self) -> None:
        order = Order(id=new_id(), reference="TO-1", status=S.DRAFT, version=1)

        order.change(reference="TO-2")

        assert (order.reference, order.changed) == ("TO-2", {"reference": "TO-2"})

    @pytest.mark.parametrize("column", ["status", "version"])
    def test_does_not_move_its_status(self, column: str) -> None:
        order = Order(id=new_id(), reference="TO-1", status=S.DRAFT, version=1)

        with pytest.raises(AssertionError, match="only fire moves a status"):
            order.change(**{column: 500})
