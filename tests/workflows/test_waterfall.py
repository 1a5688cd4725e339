"""What a credit frees, on PostgreSQL: what else is open in the group first, then back to where it was paid from."""

from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import ADMIN_CONFIRM, NOW, WEEK, Cart, Centre, Family, orders, sundays
from tests.workflows.purse import Purse
from workflows import payments, wallet


def paid_in_cash(centre: Centre, cart: Cart, amount_minor: int) -> None:
    centre.do(payments.record_manual_payment, order_id=cart.id, amount_minor=amount_minor, reason="cash",
              actor=centre.admin)  # fmt: skip


def cancelled(centre: Centre, cart: Cart) -> list[tuple[str, int]]:
    """Cancel the booking; the steps that its credit took."""
    booking = centre.booking(cart)
    centre.do(endings.cancel, booking_id=booking["id"], actor=centre.admin, reason="moved away")
    return steps(centre, booking["id"])


def steps(centre: Centre, booking_id: object) -> list[tuple[str, int]]:
    rows = centre.rows(
        "SELECT s.rule, s.amount_minor FROM credit_step s JOIN credit_note n ON n.id = s.credit_note_id "
        "WHERE n.booking_id = %(id)s ORDER BY n.number, s.position", id=booking_id)  # fmt: skip
    return [tuple(row.values()) for row in rows]  # type: ignore[misc]


def rossi(centre: Centre) -> tuple[Purse, Family]:
    family = centre.family()
    return Purse(centre, family), family


def test_an_unpaid_booking_frees_nothing(riverside: Centre) -> None:
    its, family = rossi(riverside)
    cart = riverside.confirmed(family, family.child(), riverside.course().lines())

    assert cancelled(riverside, cart) == [("SAME_INVOICE", 11_30)]
    assert (its.holds, its.books()) == ((0, 0), {})


def test_a_half_paid_booking_settles_what_is_open_and_the_rest_is_in_the_wallet(riverside: Centre) -> None:
    its, family = rossi(riverside)
    cart = riverside.confirmed(family, family.child(), riverside.course(*sundays(2)).lines())
    paid_in_cash(riverside, cart, 10_00)

    assert cancelled(riverside, cart) == [("SAME_INVOICE", 12_60), ("TO_WALLET", 10_00)]
    assert its.holds == (10_00, 0)


def test_what_is_free_pays_another_open_invoice_of_the_group_first(riverside: Centre) -> None:
    its, family = rossi(riverside)
    mia, leo = family.child(), family.child("Leo Rossi")
    mias = riverside.confirmed(family, mia, riverside.course(*sundays(2)).lines())
    leos = riverside.confirmed(family, leo, riverside.course(name="Soccer").lines())
    paid_in_cash(riverside, mias, 22_60)

    assert cancelled(riverside, mias) == [("SAME_GROUP", 11_30), ("TO_WALLET", 11_30)]
    assert riverside.booking(leos)["payment_state"] == "PAID"
    assert its.holds == (11_30, 0)
    assert "RECEIVABLE" not in its.books()


def test_an_order_that_times_out_after_a_part_gives_it_to_the_wallet(riverside: Centre) -> None:
    its, family = rossi(riverside)
    cart = riverside.submitted(family, family.child(), riverside.course().lines())
    paid_in_cash(riverside, cart, 5_00)
    assert its.books()["CUSTOMER_CREDIT"] == -5_00

    riverside.pull(orders.cancel, cart, reason="gave up")

    assert riverside.status(cart) == S.CANCELED
    assert (its.holds, "CUSTOMER_CREDIT" in its.books()) == ((5_00, 0), False)


def test_several_credits_share_what_one_payment_paid(riverside: Centre) -> None:
    its, family = rossi(riverside)
    mia = family.child()
    first = riverside.submitted(family, mia, riverside.course(*sundays(4)).lines(), how=ADMIN_CONFIRM)
    its.top_up("30.00")
    its.bonus("20.00")
    riverside.pull(orders.confirm, first, reason="as agreed")
    its.pay(first)
    assert its.debited(first) == (25_20, 20_00)
    booking = riverside.booking(first)

    for last_day in (sundays(3)[2].date(), sundays(2)[1].date()):
        riverside.do(endings.close, booking_id=booking["id"], actor=riverside.admin, last_day=last_day, reason="ill")

    assert steps(riverside, booking["id"]) == [("TO_SOURCE", 11_30), ("TO_SOURCE", 11_30)]
    assert (its.holds, its.debited(first)) == ((27_40, 0), (2_60, 20_00))
    riverside.do(endings.cancel, booking_id=booking["id"], actor=riverside.admin, reason="ill")
    assert (its.holds, its.debited(first)) == ((30_00, 20_00), (0, 0))


def test_a_wrong_credit_is_undone_by_an_entry(riverside: Centre) -> None:
    its, family = rossi(riverside)
    cart = riverside.confirmed(family, family.child(), riverside.course().lines())
    paid_in_cash(riverside, cart, 11_30)
    cancelled(riverside, cart)
    assert its.holds == (11_30, 0)

    riverside.do(wallet.correct, entry_id=its.entry("CREDITED")["id"], reason="paid back by hand",
                 actor=riverside.admin, now=NOW + WEEK)  # fmt: skip

    assert (its.holds, its.books()["CUSTOMER_CREDIT"]) == ((0, 0), -11_30)
