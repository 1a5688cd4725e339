"""Sixteen people approve the refund of one booking at the same moment: it is sent once, whatever the wallet holds."""

from tests.workflows.centre import NOW, Centre
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_refund_requests import Story, story
from workflows import refund_request

APPROVALS = 16


def race(centre: Centre) -> tuple[Story, list[str]]:
    """A refund of 11.30, and a wallet that holds so much more that it would pay all of the approvals."""
    its = story(centre)
    its.purse.top_up("500.00")
    request = its.ask()
    known = {"request_id": request.id, "actor": centre.admin, "note": "fine", "now": NOW}
    with clients(centre.url, processes=8, each=2) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [[Pull(refund_request.approve, known)] * APPROVALS])
    return its, outcomes


def test_one_approves_it(riverside: Centre) -> None:
    its, outcomes = race(riverside)

    assert outcomes.count(GOT_IT) == 1
    assert set(outcomes) == {GOT_IT, "not_allowed_now"}
    assert [refund["amount_minor"] for refund in its.sent()] == [11_30]
    assert its.purse.holds == (500_00, 0)
