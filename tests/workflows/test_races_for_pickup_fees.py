"""A late pick-up's fee, accepted and waived at the same moment: charged once at most, never after it was waived."""

from collections import Counter

from engine.actor import Actor
from models import LatePickupStatus
from tests.workflows.centre import Centre
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_door import EVENING
from tests.workflows.test_door import stella as stella
from tests.workflows.test_pickup_fees import Late
from workflows import late_pickup

ROUNDS, CLIENTS = 4, 8


def accepting(late: Late) -> Pull:
    return Pull(late_pickup.accept, {"late_pickup_id": late.row["id"], "actor": late.centre.admin, "now": EVENING})


def waiving(late: Late) -> Pull:
    return Pull(late_pickup.waive, {"late_pickup_id": late.row["id"], "reason": "The bus was late",
                                    "actor": late.centre.admin, "now": EVENING})  # fmt: skip


def test_it_is_accepted_once(riverside: Centre, stella: Actor) -> None:
    lates = [Late(riverside, stella) for _ in range(ROUNDS)]

    with clients(riverside.url, processes=4, each=2) as racing:
        outcomes = racing.race(riverside.organisation_id, [[accepting(late)] * CLIENTS for late in lates])

    assert [Counter(each) for each in outcomes] == [{GOT_IT: 1, "not_allowed_now": CLIENTS - 1}] * ROUNDS
    assert [len(late.lines()) for late in lates] == [1] * ROUNDS


def test_accepted_and_waived_at_once_it_costs_nothing_in_the_end(riverside: Centre, stella: Actor) -> None:
    lates = [Late(riverside, stella) for _ in range(ROUNDS)]
    rounds = [[accepting(late), waiving(late)] * (CLIENTS // 2) for late in lates]

    with clients(riverside.url, processes=4, each=2) as racing:
        racing.race(riverside.organisation_id, rounds)

    for late in lates:
        assert late.row["status"] == LatePickupStatus.WAIVED
        assert late.books()[0] == 1130  # what the session costs
        assert len(late.lines()) <= 1
