"""Several orders that alter the same booking, confirmed at the same moment: it is altered once."""

import pytest

from models import TermBookingStatus as S
from tests.workflows import endings
from tests.workflows.centre import ADMIN_CONFIRM, NOW, Centre, orders
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_companions import Story, story
from workflows import companions

SIBLINGS = 4


def race(centre: Centre, *others: Pull, its: Story | None = None) -> tuple[Story, list[str], list[int]]:
    """Orders of Mia's four siblings, each with a companion of her booking; what became of the companions."""
    its = its or story(centre)
    carts = [
        centre.submitted(its.rossi, its.rossi.child(f"Sibling {n}"), its.karate.lines(0), how=ADMIN_CONFIRM)
        for n in range(SIBLINGS)
    ]
    jobs = [Pull(orders.confirm, {"order_id": cart.id, "actor": centre.admin, "now": NOW, "reason": "as agreed"})
            for cart in carts]  # fmt: skip
    jobs += others
    with clients(centre.url, processes=len(jobs), each=1) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [jobs])
    return its, outcomes, sorted(status for cart in carts for status, _, _ in its.companions(cart))


def test_one_alters_it_and_all_are_confirmed(riverside: Centre) -> None:
    its, outcomes, ended = race(riverside)

    assert outcomes == [GOT_IT] * SIBLINGS
    assert ended == [S.REMOVED] * (SIBLINGS - 1) + [S.APPROVED]
    assert its.costs() == (54_00, 2)
    assert its.documents() == [("CN", 6_00), ("INV", 60_00)]


def test_while_the_booking_is_cancelled_nobody_is_refused(riverside: Centre) -> None:
    its = story(riverside)
    cancel = Pull(endings.cancel, {"booking_id": its.booking["id"], "actor": riverside.admin, "now": NOW,
                                     "reason": "moved away"})  # fmt: skip

    _, outcomes, ended = race(riverside, cancel, its=its)

    assert outcomes == [GOT_IT] * (SIBLINGS + 1)
    assert ended.count(S.APPROVED) <= 1
    assert S.SUBMITTED_CHANGE not in ended
    # Whoever came first, all that it was invoiced is credited.
    documents = its.documents()
    assert sum(total for series, total in documents if series == "CN") == 60_00
    assert (its.booking["status"], its.booking["total_minor"]) == (S.CANCELED, 0)


def test_without_the_look_at_what_was_shown_it_is_altered_again(
    riverside: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(companions, "shown_price", lambda change: "whatever it is")

    its, _, ended = race(riverside)

    assert ended == [S.APPROVED] * SIBLINGS
    assert its.costs() == (54_00, 1 + SIBLINGS)
