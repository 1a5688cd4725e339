"""Makeup credits: an absence that was told gives one, until it is used, revoked or runs out."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from attendance.headcounts import take_count
from attendance.roll import Mark, mark_roll
from catalogue.rules import Rule, RuleIsInvalid, parse_value
from engine.actor import Actor
from engine.errors import NotFound, NotPermitted
from engine.ids import new_id
from engine.outbox import Message as OutboxEntry
from models import ActorKind, AttendanceStatus
from models import MakeupStatus as M
from notifications.email import compose
from notifications.messages import MakeupExpired, MakeupExpiring, MakeupGranted
from tests.builders import NOW
from tests.workflows.centre import (
    HOUR,
    MINUTE,
    TRIAL,
    WEEK,
    Cart,
    Centre,
    codes,
)
from tests.workflows.makeups import START, Karate
from workflows import makeup_credit
from workflows.absence_withdrawal import withdraw_absence
from workflows.absences import notify_absence
from workflows.messages import compose_message


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


class TestTakenBack:
    def back(self, karate: Karate, session: int = 1, **known: Any) -> None:
        given = {"actor": karate.rossi.actor, **known}
        karate.centre.do(withdraw_absence, booking_id=karate.booking, session_id=karate.course.ids[session], **given)

    def test_the_child_is_expected_again_and_the_credit_goes(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()

        self.back(karate)

        row = riverside.one("SELECT status, reason FROM term_attendance WHERE booking_id = %(b)s AND "
                            "term_product_id = %(s)s", b=karate.booking, s=karate.course.ids[1])  # fmt: skip
        assert (row["status"], row["reason"]) == ("EXPECTED", None)
        assert (karate.shown(credit)["status"], karate.shown(credit)["is_withdrawn"]) == (M.REVOKED, True)

    def test_told_again_in_time_it_gives_the_same_credit_again(self, karate: Karate) -> None:
        credit = karate.credit()
        self.back(karate)

        again = karate.absent(now=NOW + HOUR)

        assert (again.credit and again.credit.id, karate.shown(credit)["status"]) == (credit, M.AVAILABLE)
        assert karate.shown(credit)["expires_at"] == NOW + HOUR + timedelta(days=60)

    def test_what_an_admin_took_back_stays_taken(self, karate: Karate) -> None:
        credit = karate.credit()
        karate.centre.do(makeup_credit.revoke, credit_id=credit, actor=karate.centre.admin, reason="by mistake")
        self.back(karate)

        assert "was taken back" in karate.absent().why_none

    def test_not_once_its_credit_is_booked(self, karate: Karate) -> None:
        karate.made_up(karate.credit())

        assert codes(lambda: self.back(karate)) == ["makeup_booked"]

    def test_not_what_was_never_told_nor_what_has_begun(self, karate: Karate) -> None:
        assert codes(lambda: self.back(karate)) == ["not_absent"]
        karate.absent()
        assert codes(lambda: self.back(karate, now=START + WEEK)) == ["session_started"]

    def test_not_of_another_family(self, riverside: Centre, karate: Karate) -> None:
        karate.absent()

        with pytest.raises(NotFound):
            self.back(karate, actor=riverside.family("Okafor").actor)


class TestMails:
    def mail(self, centre: Centre, topic: str, credit: UUID) -> Any:
        (row,) = centre.rows("SELECT * FROM outbox_message WHERE topic = %(topic)s AND payload->>'subject_id' = %(id)s",
                             topic=topic, id=str(credit))  # fmt: skip
        entry = OutboxEntry(row["id"], row["topic"], row["payload"], row["created_at"])
        with centre.database.transaction(centre.organisation_id) as tx:
            return compose_message(tx, entry, base_url="https://a.example", secret="")

    def test_tell_that_it_was_given_is_about_to_run_out_and_ran_out(self, riverside: Centre, karate: Karate) -> None:
        riverside.run("UPDATE account SET email = 'rossi@family.example' WHERE id = %(id)s", id=karate.rossi.id)
        credit = karate.credit()
        given = self.mail(riverside, "makeup.granted", credit)
        end = NOW + timedelta(days=60)

        makeup_credit.remind_of_credits(riverside.database, now=end - timedelta(days=8))
        assert karate.shown(credit)["reminded_at"] is None
        makeup_credit.remind_of_credits(riverside.database, now=end - timedelta(days=7))
        makeup_credit.remind_of_credits(riverside.database, now=end - timedelta(days=6))
        soon = self.mail(riverside, "makeup.expiring", credit)
        makeup_credit.expire_credits(riverside.database, now=end)
        over = self.mail(riverside, "makeup.expired", credit)

        assert (type(given), type(soon), type(over)) == (MakeupGranted, MakeupExpiring, MakeupExpired)
        assert (given.programs, given.absent_on, given.last_day) == ("Karate", (START + WEEK).date(), end.date())
        letters = [compose(each, message_id=new_id(), from_address="office@centre.example", now=NOW)
                   for each in (given, soon, over)]  # fmt: skip
        given_for, ends_on, over_for = (str(letter["Subject"]) for letter in letters)
        assert given_for.startswith("A makeup session for Mia")
        assert "makeup credit expires on" in ends_on
        assert over_for.endswith("makeup credit has expired")


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

    def came(self, karate: Karate, cart: Cart, session: UUID, at: datetime) -> None:
        """Signed in and out again, and counted in between."""
        row = karate.centre.one("SELECT id FROM term_attendance WHERE booking_id = %(b)s AND term_product_id = %(s)s",
                                b=karate.centre.booking(cart)["id"], s=session)  # fmt: skip
        marks = [Mark(row["id"], AttendanceStatus.PRESENT, at),
                 Mark(row["id"], AttendanceStatus.LEFT, at + MINUTE * 45, "Rosa Rossi")]  # fmt: skip
        karate.centre.do(mark_roll, session_id=session, marks=marks, actor=karate.centre.admin, now=at + HOUR)
        karate.centre.do(take_count, session_id=session, count_id=new_id(), counted=1, counted_at=at + MINUTE,
                         device="tablet", explanation="", actor=karate.centre.admin, now=at + HOUR)  # fmt: skip

    def test_who_came_after_all_has_none(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit(0)
        self.came(karate, karate.cart, karate.course.ids[0], START)

        assert karate.settle(karate.course, 0).revoked == 1
        assert karate.shown(credit)["status"] == M.REVOKED

    @pytest.mark.parametrize("came", [True, False])
    def test_a_makeup_session_that_was_held_has_used_its_credit(
        self, riverside: Centre, karate: Karate, came: bool
    ) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)
        if came:
            self.came(karate, cart, karate.other.ids[1], START + WEEK + HOUR * 4)

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
