"""Makeup credits: from an absence that was told to the session that makes up for it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from attendance.headcounts import take_count
from attendance.roll import Mark, mark_roll
from catalogue.rules import Rule, RuleIsInvalid, parse_value
from engine.actor import Actor
from engine.database import Row
from engine.errors import Invalid, NotFound, NotPermitted
from engine.fire import Refused
from engine.ids import new_id
from engine.outbox import Message as OutboxEntry
from models import ActorKind, AttendanceStatus
from models import MakeupStatus as M
from models import TermBookingStatus as S
from notifications.email import compose
from notifications.messages import MakeupExpired, MakeupExpiring, MakeupGranted
from tests import builders as build
from tests.builders import NOW, TORONTO
from tests.workflows import endings
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
from workflows import change_order, makeup_credit
from workflows.absence_withdrawal import withdraw_absence
from workflows.absences import Absence, notify_absence
from workflows.closure_days import close_day, preview
from workflows.closure_facts import Scope
from workflows.messages import compose_message
from workflows.roll_closing import Settled, close_roll

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
        waited_for = self.centre.rows("SELECT id FROM term_attendance WHERE term_product_id = %(id)s AND status = "
                                      "'EXPECTED'", id=course.ids[session])  # fmt: skip
        settled: Settled = self.centre.do(
            close_roll,
            session_id=course.ids[session],
            absent=[row["id"] for row in waited_for],
            **{"actor": self.centre.admin, "now": now, **known},
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


class TestElsewhere:
    """Where the rule lets a credit reach."""

    @pytest.mark.parametrize(("reach", "swimming", "art"), [
        ("PROGRAM", ["makeup_elsewhere"], ["makeup_elsewhere"]), ("CATEGORY", [], ["makeup_elsewhere"]),
        ("ORGANISATION", [], []),
    ])  # fmt: skip
    def test_is_it_booked(
        self, riverside: Centre, reach: str, swimming: list[str], art: list[str]
    ) -> None:  # fmt: skip
        karate = Karate(riverside, reach=reach)
        program = riverside.one("SELECT * FROM program WHERE id = %(id)s", id=karate.course.offering["program_id"])
        beside = riverside.edit(build.program, riverside.site, name="Swimming",
                                category={"id": program["category_id"]})  # fmt: skip
        courses = [riverside.course(FIRST + HOUR * 8, name="Swimming", program=beside),
                   riverside.course(FIRST + HOUR * 8, name="Art")]  # fmt: skip
        credit = karate.credit()

        found = [refused_to(riverside, karate, course.lines(makeup_credit_id=credit)) for course in courses]

        assert found == [swimming, art]


class TestAChangeOfItsBooking:
    """The makeup session of a booking stays as it is when something else of the booking is changed."""

    def change(self, karate: Karate, cart: Cart, lines: list[Row] | None = None) -> list[Row]:
        """Begin a change of it, ask for these lines (else for what is booked), make it; the lines that it asks for."""
        centre = karate.centre
        begun = centre.do(change_order.begin_change, booking_id=centre.booking(cart)["id"], actor=karate.rossi.actor)
        known = {"order_id": begun.order.id, "actor": centre.admin}
        if lines:
            centre.do(change_order.save, lines=lines, **known)
        review = centre.do(change_order.review, **known).difference
        if lines:
            centre.do(change_order.submit, confirmation_type=ADMIN_CONFIRM, price_fingerprint=review.fingerprint,
                      **known)  # fmt: skip
            centre.do(change_order.confirm, difference_fingerprint=review.fingerprint, reason="as agreed", **known)
        return centre.rows("SELECT kind, makeup_credit_id FROM term_booking_order_line WHERE order_id = %(id)s "
                           "ORDER BY kind", id=begun.order.id)  # fmt: skip

    def booked(self, karate: Karate, cart: Cart) -> list[tuple[str, int]]:
        rows = karate.centre.rows(
            "SELECT kind, gross_minor FROM term_booking_line WHERE booking_id = %(id)s "
            "AND cancelled_at IS NULL ORDER BY position",
            id=karate.centre.booking(cart)["id"],
        )
        return [(row["kind"], row["gross_minor"]) for row in rows]  # fmt: skip

    def test_begins_with_it(self, karate: Karate) -> None:
        credit = karate.credit()

        assert self.change(karate, karate.made_up(credit)) == [{"kind": "MAKEUP_SESSION", "makeup_credit_id": credit}]

    @pytest.mark.parametrize("says_so", [True, False])
    def test_keeps_it_beside_what_is_added(self, karate: Karate, says_so: bool) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)
        kept = karate.lines(credit) if says_so else karate.other.lines(1)

        lines = self.change(karate, cart, [*kept, *karate.other.lines(2)])

        assert lines == [{"kind": "MAKEUP_SESSION", "makeup_credit_id": credit},
                         {"kind": "SESSION", "makeup_credit_id": None}]  # fmt: skip
        assert self.booked(karate, cart) == [("MAKEUP_SESSION", 0), ("SESSION", 1130)]
        assert karate.shown(credit)["status"] == M.BOOKED

    def test_of_the_sibling_takes_it_along(self, riverside: Centre) -> None:
        """Leo's booking makes Mia's cheaper; a makeup session of hers is repriced to nothing with it."""
        karate = Karate(riverside)
        sibling = {"kind": "SIBLING", "order": 1, "percent": "10", "conditions": {"every_child": True},
                   "on_edit": "REPRICE_ALL"}  # fmt: skip
        riverside.rule("discounts", [sibling], karate.other.offering["id"])
        cart = riverside.confirmed(karate.rossi, karate.mia,
                                   [*karate.lines(karate.credit()), *karate.other.lines(2, 3)])  # fmt: skip
        before = riverside.booking(cart)["revision"]

        riverside.confirmed(karate.rossi, karate.rossi.child("Leo Rossi"), karate.other.lines(2, 3))

        assert riverside.booking(cart)["revision"] == before + 1
        assert self.booked(karate, cart) == [("MAKEUP_SESSION", 0), ("SESSION", 1017), ("SESSION", 1017)]


def refused_to(centre: Centre, karate: Karate, lines: list[Row]) -> list[str]:
    """Why these cannot be booked; nothing where they can, and then they are given up again."""
    try:
        cart = centre.submitted(karate.rossi, karate.mia, lines, how=PAY_NOW)
    except Refused as refusal:
        return [reason.code for reason in refusal.reasons]
    centre.do(endings.cancel, booking_id=centre.booking(cart)["id"], actor=centre.admin, reason="only asked")
    return []


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
    def test_when_its_order_is_not_paid_in_time(self, riverside: Centre, karate: Karate) -> None:
        """Beside a session that costs something, which the sweep of the timeouts cancels in a set."""
        credit = karate.credit()
        lines = [*karate.lines(credit, 1), *karate.other.lines(2)]
        cart = riverside.submitted(karate.rossi, karate.mia, lines, how=PAY_NOW)

        riverside.sweep(NOW + MINUTE * 16)

        row = karate.shown(credit)
        assert (riverside.status(cart), row["status"], row["order_id"]) == (S.CANCELED, M.AVAILABLE, None)

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

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=karate.rossi.actor)

        assert karate.shown(credit)["status"] == M.AVAILABLE
        karate.made_up(credit, 2)
        assert karate.shown(credit)["status"] == M.BOOKED

    def test_too_late_it_is_used(self, riverside: Centre, karate: Karate) -> None:
        credit = karate.credit()
        cart = karate.made_up(credit)

        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], actor=riverside.admin, reason="ill",
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
