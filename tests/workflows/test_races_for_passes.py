"""Thirty-two carts of one family, each in a term of its own, and five units of its pass: five sessions are covered, and
no unit is used twice.
"""

from collections import Counter
from uuid import UUID

from tests import builders as build
from tests.workflows.centre import NOW, PAY_NOW, Centre
from tests.workflows.passes import of, sold
from tests.workflows.race import GOT_IT, Pull, clients
from workflows import term_booking_order as orders

CARTS, UNITS = 32, 5


def race(centre: Centre) -> tuple[UUID, list[str]]:
    """A cart of one covered session for each of many children, all submitted at the price that was shown: nothing."""
    rossi = centre.family()
    pass_id = sold(centre, rossi, units=UNITS)
    # Terms of their own: two orders of one term would meet in the versions of its billing.
    terms = [centre.edit(build.term, centre.site, name=f"Spring {n}") for n in range(CARTS)]
    courses = [centre.course(name=f"Course {n}", term=term) for n, term in enumerate(terms)]
    carts = [centre.cart(rossi, rossi.child(f"Child {n}"), courses[n].lines(), term=terms[n]) for n in range(CARTS)]
    jobs = [
        Pull(orders.submit, {"order_id": cart.id, "confirmation_type": PAY_NOW, "price_fingerprint": cart.fingerprint,
                             "actor": centre.admin, "now": NOW})
        for cart in carts
    ]  # fmt: skip
    with clients(centre.url, processes=8, each=4) as racing:
        (outcomes,) = racing.race(centre.organisation_id, [jobs])
    return pass_id, outcomes


def test_as_many_as_it_was_granted(riverside: Centre) -> None:
    pass_id, outcomes = race(riverside)

    assert Counter(outcomes)[GOT_IT] == UNITS
    assert set(outcomes) <= {GOT_IT, "price_changed"}
    assert of(riverside, pass_id)["used"] == UNITS
