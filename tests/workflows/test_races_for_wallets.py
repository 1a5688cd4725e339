"""Sixty-four debits of one wallet at the same moment: as many as it holds, and it is never below zero."""

from collections import Counter

from tests.workflows.centre import NOW, PAY_NOW, Centre, sundays
from tests.workflows.purse import Purse
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import wallet
from workflows.wallet_submission import submit_from_wallet

DEBITS, HELD = 64, 20


def race(centre: Centre) -> tuple[Purse, list[str]]:
    """Invoices over 64 sessions, a wallet that holds twenty of them, and 64 clients that each pay one."""
    family = centre.family()
    its = Purse(centre, family)
    carts = [
        centre.confirmed(family, family.child(f"Child {n}"), centre.course(*sundays(8), name=f"Course {n}").lines())
        for n in range(8)
    ]
    its.top_up(f"{HELD * 11.30:.2f}")
    jobs = [
        Pull(wallet.pay_order, {"order_id": carts[n % 8].id, "amount_minor": 11_30, "actor": centre.admin,
                                "now": NOW})
        for n in range(DEBITS)
    ]  # fmt: skip
    with clients(centre.url, processes=8, each=8) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [jobs])
    return its, outcomes


def test_as_many_as_it_holds(riverside: Centre) -> None:
    its, outcomes = race(riverside)

    assert Counter(outcomes)[GOT_IT] == HELD
    assert set(outcomes) <= {GOT_IT, "amount_not_in_wallet"}
    assert its.holds == (0, 0)
    assert len([kind for kind, _, _ in its.entries() if kind == "DEBITED"]) == HELD


def test_carts_that_are_submitted_and_paid_at_once(riverside: Centre) -> None:
    """Sixteen carts of one family and money for five: five are confirmed, of the others nothing is written."""
    family, course = riverside.family(), riverside.course(capacity=16)
    its = Purse(riverside, family)
    its.top_up(f"{5 * 11.30:.2f}")
    carts = [riverside.cart(family, family.child(f"Child {n}"), course.lines()) for n in range(16)]
    jobs = [
        Pull(submit_from_wallet, {"order_id": cart.id, "confirmation_type": PAY_NOW, "actor": family.actor, "now": NOW,
                                  "price_fingerprint": cart.fingerprint})
        for cart in carts
    ]  # fmt: skip
    with clients(riverside.url, processes=4, each=4) as racing:
        (outcomes,) = racing.race(riverside.organisation_id, [jobs])

    assert Counter(outcomes) == {GOT_IT: 5, "wallet_empty": 11}
    assert sorted(riverside.status(cart) for cart in carts) == [200] * 11 + [500] * 5
    assert (its.holds, riverside.taken(course)) == ((0, 0), [5])
