"""The same 11.30 are asked back at their booking and out of the wallet, and spent on eight orders, at one moment."""

from tests.workflows.centre import NOW, Centre
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_refund_requests import Story, story
from workflows import refund_request, wallet

DEBITS = 8


def race(centre: Centre) -> tuple[Story, list[str]]:
    its = story(centre)
    family = its.purse.family
    course = centre.course(capacity=DEBITS)
    carts = [centre.submitted(family, family.child(f"Child {n}"), course.lines()) for n in range(DEBITS)]
    of_wallet = centre.do(refund_request.ask_from_wallet, account_id=family.id, amount="11.30", reason="",
                          actor=family.actor)  # fmt: skip
    pulls = [Pull(refund_request.approve, {"request_id": asked.id, "actor": centre.admin, "now": NOW})
             for asked in (of_wallet, its.ask())]  # fmt: skip
    pulls += [Pull(wallet.pay_order, {"order_id": cart.id, "actor": family.actor, "now": NOW}) for cart in carts]
    with clients(centre.url, processes=5, each=2) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [pulls])
    return its, outcomes


def gone(its: Story) -> dict[str, int]:
    """What left the wallet for each of the three, by kind."""
    left: dict[str, int] = {}
    for kind, minor, _ in its.purse.entries():
        if minor < 0:
            left[kind] = left.get(kind, 0) - minor
    return left


def test_the_money_goes_one_way(riverside: Centre) -> None:
    its, outcomes = race(riverside)

    assert outcomes.count(GOT_IT) == 1
    assert set(outcomes) <= {GOT_IT, "above_refundable", "wallet_empty"}
    assert sum(gone(its).values()) == 11_30
    assert its.purse.holds == (0, 0)
