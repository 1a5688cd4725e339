"""What a provider tells of a refund that we asked for: in any order and multiplicity it ends alike."""

from itertools import permutations
from typing import Any

import pytest

from billing.gateways.protocol import GatewayRefund, GatewayRefundEvent, GatewayRefundStatus
from tests.workflows.centre import NOW, Centre
from tests.workflows.test_refund_requests import CARD, Story, story
from workflows.payment_events import deliver_event

PENDING, SUCCEEDED, FAILED = GatewayRefundStatus
SENT = "the worker sends it"


def hear(its: Story, refund: Any, status: GatewayRefundStatus) -> None:
    """The webhook; the same news carry the same id."""
    paid = its.centre.one("SELECT external_id FROM payment WHERE id = %(id)s", id=refund["payment_id"])
    event = GatewayRefundEvent(
        event_id=f"{refund['id']}-{status}", type=f"refund.{status.lower()}", key=str(refund["id"]), at=NOW,
        refund=GatewayRefund(f"re_{refund['id']}", status, "closed account" if status is FAILED else None),
        amount_minor=refund["amount_minor"], currency="CAD", external_id=paid["external_id"],
    )  # fmt: skip
    deliver_event(its.centre.database, its.centre.organisation_id, provider=CARD, event=event, now=NOW)


@pytest.mark.parametrize(("last", "left"), [(SUCCEEDED, 0), (FAILED, 11_30)])
def test_ends_alike_in_every_order_and_told_twice(riverside: Centre, last: GatewayRefundStatus, left: int) -> None:
    ends = {}

    for news in sorted(set(permutations([SENT, PENDING, last, last])), key=repr):
        its = story(riverside)
        its.provider.answers = [PENDING]
        its.approve(its.ask())
        [refund] = its.sent()
        for one in news:
            its.send() if one is SENT else hear(its, refund, GatewayRefundStatus(one))
        [ended] = its.sent()
        ends[repr((ended["status"], ended["failure_reason"], its.purse.holds, its.purse.books()))] = news

    assert len(ends) == 1, ends
    assert (ended["status"], its.purse.holds) == (last, (left, 0))
