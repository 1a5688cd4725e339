"""A closed day takes place after all: what closing did is undone by what compensates it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.database import Database
from engine.errors import NotFound
from engine.fire import Refused
from engine.ids import new_id
from engine.outbox import read_message
from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.camp import TAX, Camp
from tests.workflows.centre import ADMIN_CONFIRM, DAY, FIRST, Cart, Centre, make_centre, orders, refused
from tests.workflows.test_extras import taken
from workflows.closure_reopening import ReopeningIsStale, preview, reopen_day
from workflows.invoice_runs import issue_due_invoices
from workflows.messages import compose_message
from workflows.pay_as_you_go import debit_held_sessions
from workflows.wallet import pay_order


@pytest.fixture
def camp(riverside: Centre) -> Camp:
    return Camp(riverside)


def look(camp: Camp, **known: Any) -> dict[str, Any]:
    found: dict[str, Any] = camp.centre.do(preview, scope=camp.scope, actor=camp.centre.admin, **known)
    return found


def reopen(camp: Camp, **known: Any) -> dict[str, Any]:
    given = {"reason": "The pipe is mended", "actor": camp.centre.admin, **known}
    if "fingerprint" not in given:
        given["fingerprint"] = look(camp)["fingerprint"]
    done: dict[str, Any] = camp.centre.do(reopen_day, scope=camp.scope, **given)
    return done


def wallet(centre: Centre, account_id: Any) -> int:
    rows = centre.rows("SELECT balance_minor FROM wallet WHERE id = %(id)s", id=account_id)
    return rows[0]["balance_minor"] if rows else 0


def invoices(camp: Camp, cart: Cart) -> list[tuple[int, int]]:
    """The total of each invoice of the booking, and what is paid of it."""
    rows = camp.centre.rows(
        "SELECT i.total_minor, (SELECT coalesce(sum(a.amount_minor), 0)::int FROM payment_allocation a "
        "WHERE a.invoice_id = i.id) AS paid FROM invoice i WHERE i.booking_id = %(id)s ORDER BY i.number",
        id=camp.centre.booking(cart)["id"])  # fmt: skip
    return [(row["total_minor"], row["paid"]) for row in rows]


def told(centre: Centre, cart: Cart) -> Any:
    """The mail to the family."""
    row = centre.one("SELECT id FROM outbox_message WHERE topic = 'booking.day_reopened' "
                     "AND payload->>'subject_id' = %(id)s", id=str(centre.booking(cart)["id"]))  # fmt: skip
    with centre.database.transaction(centre.organisation_id) as tx:
        message = compose_message(tx, read_message(tx, row["id"]), base_url="http://centre.test", secret="s")
    assert message is not None
    return message


class TestOpening:
    def test_brings_back_what_was_not_paid_and_invoices_it_again(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.close()

        done = reopen(camp)

        assert camp.statuses() == ["OPEN"] * 3
        assert camp.lines(cart) == [("SESSION", "EXPECTED", None)] * 3
        assert riverside.taken(camp.course) == [1, 1, 1]
        booking = riverside.booking(cart)
        assert (booking["status"], booking["total_minor"], booking["payment_state"]) == (S.APPROVED, 3390, "OPEN")
        assert invoices(camp, cart) == [(3390, 0), (1130, 0)]
        assert (done["charged_minor"], done["from_credit_minor"]) == (1130, 0)
        assert riverside.rows("SELECT 1 FROM closure_day WHERE site_id = %(id)s", id=camp.site["id"]) == []

    def test_takes_the_credit_back_out_of_the_wallet(self, riverside: Centre, camp: Camp) -> None:
        rossi, cart = camp.booked(paid=True)
        camp.close()
        assert wallet(riverside, rossi.id) == 1130

        done = reopen(camp)

        assert (done["charged_minor"], done["from_credit_minor"]) == (1130, 1130)
        assert wallet(riverside, rossi.id) == 0
        assert invoices(camp, cart) == [(3390, 2260), (1130, 1130)]
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_brings_back_two_children_of_one_family(self, riverside: Centre, camp: Camp) -> None:
        rossi, mias = camp.booked(paid=True)
        _, leos = camp.booked("Leo Rossi", paid=True, of=rossi)
        camp.close()
        assert wallet(riverside, rossi.id) == 2260

        done = reopen(camp)

        assert (done["charged_minor"], done["from_credit_minor"]) == (2260, 2260)
        assert wallet(riverside, rossi.id) == 0
        assert [invoices(camp, cart) for cart in (mias, leos)] == [[(3390, 2260), (1130, 1130)]] * 2
        assert riverside.taken(camp.course) == [2, 2, 2]

    def test_holds_the_extras_again(self, riverside: Centre, camp: Camp) -> None:
        lunch, family = riverside.extra(stock=1), riverside.family()
        lines = camp.course.lines(1, extras=[{"extra_id": lunch, "quantity": 1}])
        cart = riverside.confirmed(family, family.child(), lines)
        camp.close()
        assert taken(riverside, lunch, camp.course) == [0, 0, 0]

        reopen(camp)

        assert taken(riverside, lunch, camp.course) == [0, 1, 0]
        assert riverside.booking(cart)["total_minor"] == cart.total_minor

    def test_of_attendance_that_is_not_invoiced_invoices_with_its_order(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        cart = riverside.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
        riverside.pull(orders.approve_attendance, cart)
        camp.close()

        done = reopen(camp)
        riverside.pull(orders.confirm, cart, reason="as agreed")

        assert done["charged_minor"] == 0
        assert invoices(camp, cart) == [(3390, 0)]

    def test_closes_and_opens_again_and_again(self, riverside: Centre, camp: Camp) -> None:
        rossi, cart = camp.booked(paid=True)
        for _ in range(2):
            camp.close()
            reopen(camp)

        assert wallet(riverside, rossi.id) == 0
        assert camp.lines(cart) == [("SESSION", "EXPECTED", None)] * 3
        assert riverside.booking(cart)["payment_state"] == "PAID"

    def test_tells_the_family(self, riverside: Centre, camp: Camp) -> None:
        rossi, cart = camp.booked(paid=True)
        riverside.run("UPDATE account SET email = 'rossi@example.org' WHERE id = %(id)s", id=rossi.id)
        camp.close()

        reopen(camp)

        message = told(riverside, cart)
        assert (message.charged_minor, message.from_credit_minor, message.later_minor) == (1130, 1130, 0)


WEEKLY = {"invoicing": "PERIOD_IN_ADVANCE", "invoicing_period": "WEEKLY", "invoicing_advance_days": 3}
ISSUED = datetime(2026, 4, 10, 14, tzinfo=UTC)  # three days before the Monday on which the week of the camp begins
HELD = datetime(2026, 4, 14, 20, tzinfo=UTC)  # two of the three are over


class TestPerPeriod:
    """What was to be invoiced later is, whether its day was open again before that or after."""

    @pytest.fixture
    def centre(self, checked_database: Database, database_url: str) -> Centre:
        """An organisation of its own: the worker issues whatever is due in it."""
        return make_centre(checked_database, database_url, name=f"Riverside {new_id()}")

    def camp(self, centre: Centre, **rules: Any) -> Camp:
        return Camp(centre, rules={**TAX, **rules})

    def works(self, camp: Camp, now: datetime) -> None:
        while issue_due_invoices(camp.centre.database, now=now):
            pass

    def test_stands_on_its_planned_invoice_again(self, centre: Centre) -> None:
        camp = self.camp(centre, **WEEKLY)
        rossi, cart = camp.booked()
        centre.run("UPDATE account SET email = 'rossi@example.org' WHERE id = %(id)s", id=rossi.id)
        camp.close()

        done = reopen(camp)

        assert (done["charged_minor"], done["later_minor"]) == (0, 1130)
        assert told(centre, cart).later_minor == 1130
        assert (invoices(camp, cart), centre.booking(cart)["payment_state"]) == ([], "NOT_DUE")
        assert camp.lines(cart) == [("SESSION", "EXPECTED", None)] * 3
        self.works(camp, ISSUED)
        assert invoices(camp, cart) == [(3390, 0)]

    def test_is_a_supplement_where_its_period_was_invoiced_without_it(self, centre: Centre) -> None:
        camp = self.camp(centre, **WEEKLY)
        _, cart = camp.booked()
        camp.close()
        self.works(camp, ISSUED)
        assert invoices(camp, cart) == [(2260, 0)]

        done = reopen(camp, now=ISSUED + DAY)
        self.works(camp, ISSUED + DAY)

        assert (done["charged_minor"], done["later_minor"]) == (0, 1130)
        assert invoices(camp, cart) == [(2260, 0), (1130, 0)]
        self.works(camp, ISSUED + DAY)
        assert len(invoices(camp, cart)) == 2

    def test_is_not_asked_for_where_it_is_closed_once_more_before_that(self, centre: Centre) -> None:
        camp = self.camp(centre, **WEEKLY)
        _, cart = camp.booked()
        camp.close()
        self.works(camp, ISSUED)
        reopen(camp, now=ISSUED + DAY)

        camp.close(now=ISSUED + DAY)
        self.works(camp, ISSUED + DAY)

        assert invoices(camp, cart) == [(2260, 0)]
        reopen(camp, now=ISSUED + DAY)
        self.works(camp, ISSUED + DAY)
        assert invoices(camp, cart) == [(2260, 0), (1130, 0)]

    def test_is_credited_and_charged_like_any_other_once_it_was_invoiced(self, centre: Centre) -> None:
        camp = self.camp(centre, **WEEKLY)
        _, cart = camp.booked()
        camp.close()
        self.works(camp, ISSUED)
        reopen(camp, now=ISSUED + DAY)
        self.works(camp, ISSUED + DAY)

        camp.close(now=ISSUED + DAY)
        done = reopen(camp, now=ISSUED + DAY)

        assert (done["charged_minor"], done["later_minor"]) == (1130, 0)
        assert invoices(camp, cart) == [(2260, 0), (1130, 0), (1130, 0)]

    def test_that_is_paid_as_one_goes_is_debited_after_it_was_held(self, centre: Centre) -> None:
        camp = self.camp(centre, invoicing="SESSION_FROM_WALLET")
        _, cart = camp.booked()
        camp.close()

        done = reopen(camp)
        debit_held_sessions(centre.database, now=HELD)

        assert (done["charged_minor"], done["later_minor"]) == (0, 1130)
        assert invoices(camp, cart) == [(1130, 0)] * 2

    def test_of_what_was_confirmed_while_it_was_closed_goes_by_its_rule(self, centre: Centre) -> None:
        for rules, charged, later in (({}, 1130, 0), (WEEKLY, 0, 1130)):
            camp = self.camp(centre, **rules)
            family = centre.family()
            cart = centre.submitted(family, family.child(), camp.course.lines(), how=ADMIN_CONFIRM)
            centre.pull(orders.approve_attendance, cart)
            camp.close()
            centre.pull(orders.confirm, cart, reason="as agreed")

            done = reopen(camp)
            self.works(camp, ISSUED)

            assert (done["charged_minor"], done["later_minor"]) == (charged, later)
            assert sum(total for total, _ in invoices(camp, cart)) == 3390


class TestWhoStaysOut:
    def reasons(self, camp: Camp) -> list[list[str]]:
        return [[reason["code"] for reason in one["reasons"]] for one in look(camp)["bookings"]]

    def test_whose_credit_was_used(self, riverside: Centre, camp: Camp) -> None:
        rossi, cart = camp.booked(paid=True)
        camp.close()
        chess = riverside.course(FIRST + DAY * 5, name="Chess")
        other = riverside.submitted(rossi, rossi.child("Leo Rossi"), chess.lines())
        riverside.do(pay_order, order_id=other.id, actor=rossi.actor)

        assert self.reasons(camp) == [["credit_used"]]
        reopen(camp)

        assert camp.statuses() == ["OPEN"] * 3
        assert camp.lines(cart)[1] == ("CLOSURE_DAY", "CANCELLED", "CLOSURE")
        assert riverside.taken(camp.course) == [1, 0, 1]

    def test_who_is_elsewhere_by_now(self, riverside: Centre, camp: Camp) -> None:
        family = riverside.family()
        mia = family.child()
        riverside.confirmed(family, mia, camp.course.lines())
        camp.close()
        chess = riverside.course(FIRST + DAY * 2, name="Chess")
        riverside.confirmed(family, mia, chess.lines())

        assert self.reasons(camp) == [["double_booked"]]

    def test_whose_booking_ended(self, riverside: Centre, camp: Camp) -> None:
        _, cart = camp.booked()
        camp.close()
        riverside.do(endings.cancel, booking_id=riverside.booking(cart)["id"], reason="moved", actor=riverside.admin)

        assert self.reasons(camp) in ([], [["not_changeable"]])

    def test_where_there_are_fewer_places_than_before(self, riverside: Centre, camp: Camp) -> None:
        camp.booked()
        camp.booked("Ana Chen")
        camp.close()
        riverside.run("UPDATE term_product SET capacity = 1 WHERE id = %(id)s", id=camp.course.ids[1])

        assert sorted(self.reasons(camp)) == [[], ["session_full"]]
        reopen(camp)

        assert riverside.taken(camp.course) == [2, 1, 2]


class TestRefused:
    def test_with_another_fingerprint_than_that_of_the_preview(self, riverside: Centre, camp: Camp) -> None:
        camp.booked()
        camp.close()
        before = riverside.snapshot()

        with pytest.raises(ReopeningIsStale) as stale:
            reopen(camp, fingerprint="another")

        assert stale.value.facts["fingerprint"] == look(camp)["fingerprint"]
        assert riverside.snapshot() == before

    def test_once_a_session_would_have_begun(self, camp: Camp) -> None:
        camp.booked()
        camp.close()

        (reason,) = refused(lambda: reopen(camp, now=camp.centre.one(
            "SELECT starts_at FROM term_product WHERE id = %(id)s", id=camp.course.ids[1])["starts_at"]))  # fmt: skip

        assert reason.code == "session_started"

    def test_where_nothing_is_closed(self, camp: Camp) -> None:
        with pytest.raises(NotFound):
            look(camp)

    def test_while_it_is_refused_nothing_is_changed(self, riverside: Centre, camp: Camp) -> None:
        camp.booked()
        camp.close()
        before = riverside.snapshot()

        with pytest.raises(Refused):
            reopen(camp, now=riverside.one("SELECT max(ends_at) AS at FROM term_product WHERE id = ANY(%(ids)s)",
                                           ids=camp.course.ids)["at"])  # fmt: skip

        assert riverside.snapshot() == before
