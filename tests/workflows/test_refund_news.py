"""What a provider tells of a refund that we asked for: in any order and multiplicity it ends alike."""

from collections.abc import Iterable
from itertools import permutations
from typing import Any

import pytest

from billing.gateways.protocol import GatewayRefund, GatewayRefundEvent, GatewayRefundStatus
from tests.workflows.centre import MINUTE, NOW, Centre
from tests.workflows.test_refund_requests import CARD, Story, story
from workflows.payment_events import deliver_event

PENDING, SUCCEEDED, FAILED = GatewayRefundStatus
SENT = "the worker sends it"


def hear(its: Story, refund: Any, status: GatewayRefundStatus, *, told: int = 0) -> None:
    """The webhook; the same news carry the same id, unless the provider has several words for them."""
    paid = its.centre.one("SELECT external_id FROM payment WHERE id = %(id)s", id=refund["payment_id"])
    event = GatewayRefundEvent(
        event_id=f"{refund['id']}-{status}-{told}", type=f"refund.{status.lower()}", key=str(refund["id"]), at=NOW,
        refund=GatewayRefund(f"re_{refund['id']}", status, "closed account" if status is FAILED else None),
        amount_minor=refund["amount_minor"], currency="CAD", external_id=paid["external_id"],
    )  # fmt: skip
    deliver_event(its.centre.database, its.centre.organisation_id, provider=CARD, event=event, now=NOW)


def ends_of(centre: Centre, orders: Iterable[Any], *, afresh: bool) -> dict[str, Any]:
    """How a refund ends after each of these orders of its news: `afresh` where repeated news come as new events."""
    ends = {}
    for news in orders:
        its = story(centre)
        its.provider.answers = [PENDING]
        its.approve(its.ask())
        [refund] = its.sent()
        for n, one in enumerate(news):
            its.send() if one is SENT else hear(its, refund, GatewayRefundStatus(one), told=n if afresh else 0)
        [ended] = its.sent()
        ends[repr((ended["status"], ended["failure_reason"], its.purse.holds, its.purse.books()))] = news
    return ends


@pytest.mark.parametrize(("last", "left"), [(SUCCEEDED, 0), (FAILED, 11_30)])
def test_ends_alike_in_every_order_and_told_twice(riverside: Centre, last: GatewayRefundStatus, left: int) -> None:
    orders = sorted(set(permutations([SENT, PENDING, last, last])), key=repr)

    [end] = ends_of(riverside, orders, afresh=False)

    assert end.startswith(f"('{last}'")
    assert f"({left}, 0)" in end


@pytest.mark.parametrize(
    "news", [[SENT, PENDING, SUCCEEDED, FAILED], [SENT, SUCCEEDED, SUCCEEDED, FAILED, FAILED]], ids=["once", "twice"]
)
def test_that_was_sent_and_came_back_is_in_the_wallet_once(riverside: Centre, news: list[Any]) -> None:
    orders = sorted(set(permutations(news)), key=repr)

    [end] = ends_of(riverside, orders, afresh=True)

    assert end == repr(("FAILED", "closed account", (11_30, 0), {"GATEWAY_CLEARING": 11_30, "WALLET": -11_30}))


def test_that_came_back_can_be_asked_for_again_and_pays_what_waits(riverside: Centre) -> None:
    its = story(riverside)
    its.approve(its.ask())
    its.send()
    [refund] = its.sent()
    assert its.purse.books() == {}

    hear(its, refund, FAILED)

    assert its.purse.entries()[-1] == ("RESTORED", 11_30, 0)
    books = riverside.rows("SELECT purpose, reverses_id IS NOT NULL AS reverses FROM ledger_entry "
                           "WHERE source_id = %(id)s ORDER BY id", id=refund["id"])  # fmt: skip
    assert [tuple(row.values()) for row in books] == [("PAID", False), ("RETURNED", True)]
    its.approve(its.ask())
    assert its.send(later=3 * MINUTE) == 1
    assert its.purse.books() == {}
