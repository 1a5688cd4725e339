"""Waiting lists: who waited longest is offered what becomes free, and takes it, leaves it or lets it pass."""

from models import TermBookingStatus as S
from models import WaitingStatus as W
from tests.workflows.centre import (
    HOUR,
    MINUTE,
    NOW,
    Centre,
    orders,
)
from tests.workflows.waiting import accept, states, waiting


class TestOffer:
    def test_goes_to_who_waited_longest_in_the_transaction_that_freed_the_place(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=1)
        rossi, chen, okafor = (riverside.family(name) for name in ("Rossi", "Chen", "Okafor"))
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        first = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())
        second = waiting(riverside, okafor, okafor.child("Mia Okafor"), karate.lines(), now=NOW + MINUTE)
        assert (states(riverside, first), states(riverside, second)) == ([W.WAITING], [W.WAITING])

        riverside.pull(orders.cancel, held, now=NOW + HOUR)

        assert (states(riverside, first), states(riverside, second)) == ([W.OFFERED], [W.WAITING])
        assert riverside.taken(karate) == [1]
        (claim,) = riverside.claims(first)
        assert (claim["takes_place"], claim["blocks_time"]) == (True, False)
        assert riverside.timers(first) == [("WAITING_OFFER", "ARMED", NOW + 25 * HOUR)]

    def test_accepted_it_becomes_an_order_like_any_other(self, riverside: Centre) -> None:
        karate = riverside.course(capacity=1)
        rossi, chen = riverside.family(), riverside.family("Chen")
        held = riverside.submitted(rossi, rossi.child(), karate.lines())
        waits = waiting(riverside, chen, chen.child("Lin Chen"), karate.lines())
        riverside.pull(orders.cancel, held)

        (made,) = accept(riverside, chen, waits, now=NOW + HOUR)

        assert (riverside.status(made), riverside.status(waits)) == (S.SUBMITTED, S.REMOVED)
        assert riverside.order(waits)["cancel_reason"] == f"accepted as {made.reference}"
        assert states(riverside, waits) == [W.ACCEPTED]
        assert riverside.taken(karate) == [1]
        assert riverside.claims(waits) == []
        (claim,) = riverside.claims(made)
        assert (claim["order_type"], claim["takes_place"], claim["blocks_time"]) == (0, True, True)
        assert riverside.timers(made) == [("AUTO_CANCEL", "ARMED", NOW + HOUR + 15 * MINUTE)]
        assert riverside.timers(waits) == [("WAITING_OFFER", "DISARMED", NOW + 24 * HOUR)]
        assert len(riverside.billings(made)) == 1
