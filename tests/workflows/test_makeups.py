"""Makeup credits: from an absence that was told to the session that makes up for it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from catalogue.rules import Rule, RuleIsInvalid, parse_value
from engine.actor import Actor
from engine.database import Row
from engine.errors import Invalid, NotFound, NotPermitted
from models import ActorKind
from models import MakeupStatus as M
from models import TermBookingStatus as S
from tests.builders import NOW, TORONTO
from tests.workflows.centre import (
    ADMIN_CONFIRM,
    FIRST,
    HOUR,
    MINUTE,
    PAY_NOW,
    TRIAL,
    WEEK,
    Cart,
    Centre,
    Course,
    Family,
    codes,
    orders,
    refused,
    sundays,
)
from workflows import enrolment, makeup_credit
from workflows.absences import Absence, Settled, close_roll, notify_absence
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope

START = FIRST.replace(tzinfo=TORONTO)
RULE = {"notice_hours": 24, "validity_days": 60, "per_term": 2}


class Karate:
    """Mia in four Sundays of Karate, 11.30 each; absences that are told a day before give a credit for 60 days."""

    def __init__(self, centre: Centre, **rule: Any) -> None:
        self.centre = centre
        self.rossi: Family = centre.family()
        self.mia = self.rossi.child()
        rules = {"makeup": {**RULE, **rule}}
        self.course: Course = centre.course(*sundays(4), rules=rules)
        self.cart: Cart = centre.confirmed(self.rossi, self.mia, self.course.lines())
        # The same program at another time, where she may make up.
        program = {"id": self.course.offering["program_id"], "name": "Karate"}
        later = [start + HOUR * 4 for start in sundays(12)]
        self.other: Course = centre.course(*later, name="Karate, later", program=program, capacity=2)

    @property
    def booking(self) -> UUID:
        found: UUID = self.centre.booking(self.cart)["id"]
        return found

    def absent(self, session: int = 1, **known: Any) -> Absence:
        given = {"actor": self.rossi.actor, "reason": "A cold", **known}
        told: Absence = self.centre.do(
            notify_absence, booking_id=self.booking, session_id=self.course.ids[session], **given
        )
        return told

    def credit(self, session: int = 1) -> UUID:
        told = self.absent(session)
        assert told.credit is not None
        return told.credit.id

    def shown(self, credit: UUID) -> Row:
        return self.centre.one("SELECT * FROM makeup_credit WHERE id = %(id)s", id=credit)

    def lines(self, credit: UUID, session: int = 1, **more: Any) -> list[Row]:
        return self.other.lines(session, makeup_credit_id=credit, **more)

    def made_up(self, credit: UUID, session: int = 1) -> Cart:
        """The makeup session, submitted by the family: 0.00 confirms at once."""
        return self.centre.submitted(self.rossi, self.mia, self.lines(credit, session), how=PAY_NOW)

    def settle(self, course: Course, session: int, **known: Any) -> Settled:
        now = START + WEEK * session + HOUR * 10
        settled: Settled = self.centre.do(
            close_roll, session_id=course.ids[session], **{"actor": self.centre.admin, "now": now, **known}
        )
        return settled


@pytest.fixture
def karate(riverside: Centre) -> Karate:
    return Karate(riverside)


class TestAbsence:
    def test_told_in_time_gives_a_credit(self, riverside: Centre, karate: Karate) -> None:
        told = karate.absent()

        assert (told.why_none, told.credit and told.credit.expires_at) == ("", NOW + timedelta(days=60))
        row = riverside.one("SELECT status, reason FROM term_attendance WHERE booking_id = %(b)s AND "
                            "term_product_id = %(s)s", b=karate.booking, s=karate.course.ids[1])  # fmt: skip
        assert (row["status"], row["reason"]) == ("ABSENT_NOTIFIED", "A cold")
        assert riverside.taken(karate.course) == [1, 1, 1, 1]

    def test_told_too_late_gives_none_and_says_why(self, karate: Karate) -> None:
        told = karate.absent(1, now=START + WEEK - HOUR * 23)

        assert told.credit is None
        assert told.why_none == "no makeup credit: it is told at least 24 hours before the session."

    def test_so_many_a_term(self, karate: Karate) -> None:
        karate.absent(0)
        karate.absent(1)

        assert karate.absent(2).why_none == "no makeup credit: the 2 of this term are given."

    def test_where_the_program_gives_none(self, riverside: Centre) -> None:
        karate = Karate(riverside)
        riverside.rule("makeup", "none", karate.course.offering["id"])

        assert karate.absent().why_none == "no makeup credit: the program gives none."

    def test_of_a_trial_gives_none(self, riverside: Centre, karate: Karate) -> None:
        leo = karate.rossi.child("Leo Rossi")
        karate.cart = riverside.confirmed(karate.rossi, leo, karate.course.lines(1), order_type=TRIAL)

        assert "a trial or a makeup session" in karate.absent().why_none

    def test_twice_is_refused(self, karate: Karate) -> None:
        karate.absent()

        assert codes(karate.absent) == ["not_expected"]

    def test_of_a_session_that_began_is_refused(self, karate: Karate) -> None:
        assert codes(lambda: karate.absent(now=START + WEEK)) == ["session_started"]

    def test_of_anothers_booking_or_session_is_not_found(self, riverside: Centre, karate: Karate) -> None:
        with pytest.raises(NotFound):
            karate.absent(actor=riverside.family().actor)
        with pytest.raises(NotFound):
            riverside.do(notify_absence, booking_id=karate.booking, session_id=karate.other.ids[0],
                         actor=karate.rossi.actor)  # fmt: skip


class TestBooking:
    def test_costs_nothing_takes_a_place_and_is_on_the_roll(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()

        cart = karate.made_up(credit)

        assert (cart.total_minor, riverside.status(cart)) == (0, S.APPROVED)
        assert riverside.taken(karate.other)[1] == 1
        row = karate.shown(credit)
        assert (row["status"], row["order_id"], row["session_id"]) == (M.BOOKED, cart.id, karate.other.ids[1])
        (line,) = riverside.rows("SELECT l.kind, a.status FROM term_booking_line l JOIN term_attendance a "
                                 "ON a.booking_line_id = l.id WHERE l.booking_id = %(id)s",
                                 id=riverside.booking(cart)["id"])  # fmt: skip
        assert (line["kind"], line["status"]) == ("MAKEUP_SESSION", "EXPECTED")
        (invoice,) = riverside.rows("SELECT total_minor FROM invoice WHERE booking_id = %(id)s",
                                    id=riverside.booking(cart)["id"])  # fmt: skip
        assert invoice["total_minor"] == 0

    def test_its_extras_are_charged(self, riverside: Centre, karate: Karate) -> None:
        lunch = [{"extra_id": riverside.extra(), "quantity": 1}]
        cart = riverside.cart(karate.rossi, karate.mia, karate.lines(karate.credit(), extras=lunch))

        assert cart.total_minor == 800

    def test_beside_a_session_of_its_own(self, riverside: Centre, karate: Karate) -> None:
        lines = [*karate.lines(karate.credit(), 1), *karate.other.lines(2)]

        assert riverside.cart(karate.rossi, karate.mia, lines).total_minor == 1130

    def test_once(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        karate.made_up(credit)

        cart = riverside.draft(karate.rossi, karate.mia)
        (reason,) = refused(lambda: riverside.save(cart, karate.lines(credit, 2), actor=karate.rossi.actor))

        assert (reason.code, reason.field) == ("makeup_not_available", "lines[0].makeup_credit_id")

    def test_by_whoever_is_first_of_two_carts(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        second = riverside.cart(karate.rossi, karate.mia, karate.lines(credit, 2))
        karate.made_up(credit)

        assert codes(lambda: riverside.submit(second, actor=karate.rossi.actor)) == ["makeup_not_available"]

    def test_twice_in_one_order_is_refused(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.draft(karate.rossi, karate.mia)

        with pytest.raises(Invalid):
            riverside.save(cart, [*karate.lines(credit, 1), *karate.lines(credit, 2)], actor=karate.rossi.actor)

    def refusal(self, karate: Karate, credit: UUID, **known: Any) -> str:
        centre, child = karate.centre, known.pop("child", karate.mia)
        by = known.pop("by", karate.rossi)
        drafting = {key: known.pop(key) for key in ("order_type",) if key in known}
        cart = centre.draft(by, child, **drafting)
        lines = known.pop("lines", None) or karate.lines(credit)
        (reason,) = refused(lambda: centre.save(cart, lines, actor=by.actor, **known))
        return str(reason.code)

    def test_not_of_another_child_or_family(self, riverside: Centre, karate: Karate) -> None:
        credit, chen = karate.credit(), riverside.family("Chen family")

        assert self.refusal(karate, credit, child=karate.rossi.child("Leo Rossi")) == "makeup_unknown"
        assert self.refusal(karate, credit, by=chen, child=chen.child("Lin Chen")) == "makeup_unknown"
        assert self.refusal(karate, riverside.term["id"]) == "makeup_unknown"

    def test_not_in_another_program(self, riverside: Centre, karate: Karate) -> None:
        swimming = riverside.course(FIRST + HOUR * 8, name="Swimming")
        credit = karate.credit()

        assert self.refusal(karate, credit, lines=swimming.lines(makeup_credit_id=credit)) == "makeup_elsewhere"

    def test_not_after_its_end(self, karate: Karate) -> None:
        credit = karate.credit()

        assert self.refusal(karate, credit, lines=karate.lines(credit, 9)) == "makeup_expired"

    def test_not_as_a_trial(self, karate: Karate) -> None:
        assert self.refusal(karate, karate.credit(), order_type=TRIAL) == "makeup_needs_booking"

    def test_not_in_a_full_session(self, riverside: Centre, karate: Karate) -> None:
        for name in ("Ana", "Ben"):
            riverside.confirmed(karate.rossi, karate.rossi.child(name), karate.other.lines(1))
        cart = riverside.cart(karate.rossi, karate.mia, karate.lines(karate.credit()))

        assert codes(lambda: riverside.submit(cart, actor=karate.rossi.actor)) == ["session_full"]

    def test_not_at_the_time_of_another_booking(self, riverside: Centre, karate: Karate) -> None:
        overlapping = riverside.course(
            *sundays(3), program={"id": karate.course.offering["program_id"], "name": "Karate"}
        )
        credit = karate.credit()
        cart = riverside.cart(karate.rossi, karate.mia, overlapping.lines(1, makeup_credit_id=credit))

        assert codes(lambda: riverside.submit(cart, actor=karate.rossi.actor)) == ["double_booked"]


class TestGivingBack:
    def test_an_order_that_ends_gives_it_back(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.submitted(karate.rossi, karate.mia, karate.lines(credit), how=ADMIN_CONFIRM)
        assert karate.shown(credit)["status"] == M.BOOKED

        riverside.pull(orders.cancel, cart, reason="changed their mind")

        row = karate.shown(credit)
        assert (row["status"], row["order_id"]) == (M.AVAILABLE, None)

    def test_a_booking_that_is_cancelled_in_its_window_too(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)

        riverside.do(enrolment.cancel, booking_id=riverside.booking(cart)["id"], actor=karate.rossi.actor)

        assert karate.shown(credit)["status"] == M.AVAILABLE
        karate.made_up(credit, 2)
        assert karate.shown(credit)["status"] == M.BOOKED

    def test_too_late_it_is_used(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)

        riverside.do(enrolment.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill",
                     now=START + WEEK + HOUR)  # fmt: skip

        assert karate.shown(credit)["status"] == M.USED

    def test_a_closed_day_gives_it_back_as_long_again(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        karate.made_up(credit)
        scope, now = Scope(session_id=karate.other.ids[1]), NOW + timedelta(days=10)
        seen = riverside.do(lambda tx, now: preview(tx, scope))

        riverside.do(close_day, scope=scope, fingerprint=seen["fingerprint"], reason="Storm", actor=riverside.admin,
                     now=now)  # fmt: skip

        row = karate.shown(credit)
        assert (row["status"], row["expires_at"]) == (M.AVAILABLE, now + timedelta(days=60))

    def test_what_ran_out_meanwhile_is_expired(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.submitted(karate.rossi, karate.mia, karate.lines(credit, 3), how=ADMIN_CONFIRM)
        riverside.run("UPDATE makeup_credit SET expires_at = %(at)s WHERE id = %(id)s", at=NOW + HOUR, id=credit)

        riverside.pull(orders.cancel, cart, reason="changed", now=NOW + HOUR * 2)

        assert karate.shown(credit)["status"] == M.EXPIRED


class TestExpiry:
    def test_is_void_when_read(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = riverside.cart(karate.rossi, karate.mia, karate.lines(credit, 5))
        karate.centre.run("UPDATE makeup_credit SET expires_at = %(at)s WHERE id = %(id)s", at=NOW + MINUTE, id=credit)

        assert "makeup_expired" in codes(lambda: riverside.submit(cart, actor=karate.rossi.actor, now=NOW + MINUTE * 2))

    def test_is_written_down_once(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        end = NOW + timedelta(days=60)

        makeup_credit.expire_credits(riverside.database, now=end - MINUTE)
        assert karate.shown(credit)["status"] == M.AVAILABLE
        assert makeup_credit.expire_credits(riverside.database, now=end) >= 1
        assert makeup_credit.expire_credits(riverside.database, now=end) == 0
        assert karate.shown(credit)["status"] == M.EXPIRED


class TestRevocation:
    def test_needs_a_reason_and_an_admin(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()

        def revoke(actor: Actor, reason: str = "by mistake") -> Any:
            return riverside.do(makeup_credit.revoke, credit_id=credit, actor=actor, reason=reason)

        assert codes(lambda: revoke(riverside.admin, " ")) == ["reason_required"]
        with pytest.raises(NotPermitted):
            revoke(karate.rossi.actor)
        revoke(riverside.admin)
        assert karate.shown(credit)["status"] == M.REVOKED


class TestClosingTheRoll:
    def mark(self, karate: Karate, cart: Cart, session: UUID, status: str, at: datetime) -> None:
        karate.centre.run(
            "UPDATE term_attendance SET status = %(status)s, marked_at = %(at)s WHERE booking_id = %(b)s "
            "AND term_product_id = %(s)s", status=status, at=at, b=karate.centre.booking(cart)["id"], s=session,
        )  # fmt: skip

    def test_who_did_not_come_was_absent(self, riverside: Centre, karate: Karate) -> None:
        settled = karate.settle(karate.course, 0)

        assert (settled.absent, settled.granted) == (1, 0)
        row = riverside.one("SELECT status FROM term_attendance WHERE booking_id = %(b)s AND term_product_id = %(s)s",
                            b=karate.booking, s=karate.course.ids[0])  # fmt: skip
        assert row["status"] == "ABSENT"

    def test_an_absence_that_staff_noted_in_time_gives_its_credit(self, riverside: Centre, karate: Karate) -> None:
        self.mark(karate, karate.cart, karate.course.ids[0], "ABSENT_NOTIFIED", NOW)

        assert karate.settle(karate.course, 0).granted == 1

    def test_but_not_one_that_was_noted_late(self, riverside: Centre, karate: Karate) -> None:
        self.mark(karate, karate.cart, karate.course.ids[0], "ABSENT_NOTIFIED", START - HOUR)

        assert karate.settle(karate.course, 0).granted == 0

    def test_one_that_gave_its_credit_gives_no_second(self, karate: Karate) -> None:
        karate.credit(0)

        assert karate.settle(karate.course, 0).granted == 0

    def test_who_came_after_all_has_none(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit(0)
        self.mark(karate, karate.cart, karate.course.ids[0], "PRESENT", START)

        assert karate.settle(karate.course, 0).revoked == 1
        assert karate.shown(credit)["status"] == M.REVOKED

    @pytest.mark.parametrize("mark", ["PRESENT", "EXPECTED"])
    def test_a_makeup_session_that_was_held_has_used_its_credit(
        self, riverside: Centre, karate: Karate, mark: str
    ) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)
        self.mark(karate, cart, karate.other.ids[1], mark, START + WEEK + HOUR * 4)

        assert karate.settle(karate.other, 1).used == 1
        assert karate.shown(credit)["status"] == M.USED

    def test_is_done_once_and_when_it_is_over(self, riverside: Centre, karate: Karate) -> None:
        assert codes(lambda: karate.settle(karate.course, 0, now=START + MINUTE)) == ["session_not_over"]
        karate.settle(karate.course, 0)
        assert codes(lambda: karate.settle(karate.course, 0)) == ["roll_is_closed"]

    def test_is_for_the_sites_staff(self, riverside: Centre, karate: Karate) -> None:
        with pytest.raises(NotFound):
            karate.settle(karate.course, 0, actor=Actor(ActorKind.STAFF))
        with pytest.raises(NotPermitted):
            karate.settle(karate.course, 0, actor=karate.rossi.actor)


class TestRule:
    @pytest.mark.parametrize("value", [5, {"notice_hours": -1}, {"validity_days": 0}, {"per_term": 0}, {"weeks": 2}])
    def test_refuses_what_it_cannot_be(self, value: object) -> None:
        with pytest.raises(RuleIsInvalid):
            parse_value(Rule.MAKEUP, value)
