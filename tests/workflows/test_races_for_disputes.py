"""A bank takes a top-up back while the family spends it: what was spent is owed, the rest is gone, nothing twice."""

from collections import Counter

from billing.gateways.protocol import DisputeStatus, GatewayDisputeEvent, GatewayEvent
from models import PaymentStatus
from tests.workflows.centre import NOW, Centre, sundays
from tests.workflows.purse import Purse
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import payment_events, wallet
from workflows.payments import attach_checkout

DEBITS = 15
PROVIDER = "postbank"


def race(centre: Centre) -> tuple[Purse, list[str], int]:
    """A wallet with the price of fifteen sessions from one top-up: each is debited, and its dispute comes. Returns what
    the dispute made a debt besides.
    """
    family = centre.family()
    carts = [
        centre.confirmed(family, family.child(f"Child {n}"), centre.course(*sundays(5), name=f"Course {n}").lines())
        for n in range(3)
    ]
    started = centre.do(wallet.start_top_up, account_id=family.id, amount=f"{DEBITS * 11.30:.2f}", provider=PROVIDER,
                        actor=family.actor)  # fmt: skip
    external_id = f"ext_{started.key}"
    centre.do(attach_checkout, payment_id=started.payment_id, external_id=external_id,
              checkout_url="https://pay.example/1")  # fmt: skip
    known = {"external_id": external_id, "amount_minor": started.amount_minor, "currency": "CAD", "at": NOW}
    paid = GatewayEvent(event_id=f"{external_id}-paid", type="payment", status=PaymentStatus.SUCCESS, **known)
    centre.do(payment_events.apply_event, provider=PROVIDER, event=paid)
    disputed = GatewayDisputeEvent(event_id=f"{external_id}-disputed", type="dispute", status=DisputeStatus.OPEN,
                                   dispute_id=f"dp_{started.key}", reason="fraudulent", **known)  # fmt: skip
    jobs = [
        Pull(wallet.pay_order, {"order_id": carts[n % 3].id, "amount_minor": 11_30, "actor": centre.admin, "now": NOW})
        for n in range(DEBITS)
    ]  # fmt: skip
    jobs.insert(DEBITS // 2, Pull(payment_events.apply_event, {"provider": PROVIDER, "event": disputed, "now": NOW}))
    with clients(centre.url, processes=4, each=4) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [jobs])
    owed = centre.one("SELECT receivable_minor FROM payment_dispute WHERE payment_id = %(id)s", id=started.payment_id)
    assert outcomes.pop(DEBITS // 2) == GOT_IT
    return Purse(centre, family), outcomes, owed["receivable_minor"]


def test_what_was_spent_before_is_owed_and_the_rest_is_gone(riverside: Centre) -> None:
    its, outcomes, owed_minor = race(riverside)

    spent = Counter(outcomes)[GOT_IT]
    assert set(outcomes) <= {GOT_IT, "amount_not_in_wallet"}
    assert (its.holds, owed_minor) == ((0, 0), spent * 11_30)
    its.top_up(f"{DEBITS * 11.30:.2f}")
    assert its.holds == ((DEBITS - spent) * 11_30, 0)
