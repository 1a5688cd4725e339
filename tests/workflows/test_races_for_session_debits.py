"""Workers and top-ups at the same moment: each held session is invoiced once and debited once, whoever comes first."""

from collections import Counter

from tests.workflows.centre import FIRST, Centre, Family
from tests.workflows.purse import Purse
from tests.workflows.race import GOT_IT, Pull, clients
from tests.workflows.test_pay_as_you_go import AS_YOU_GO, after, works
from workflows import pay_as_you_go, wallet

CHILDREN, WORKERS = 6, 6


def held(centre: Centre, family: Family) -> None:
    """A session of each of the family's children that is over."""
    course = centre.course(FIRST, rules=AS_YOU_GO, capacity=CHILDREN)
    for n in range(CHILDREN):
        centre.confirmed(family, family.child(f"Child {n}"), course.lines())


def debits(centre: Centre, family: Family) -> Counter[str]:
    """How often each of the family's invoices was debited."""
    rows = centre.rows("SELECT p.invoice_id FROM payment p WHERE p.account_id = %(id)s AND p.provider = 'wallet' "
                       "AND p.status = 'SUCCESS'", id=family.id)  # fmt: skip
    return Counter(str(row["invoice_id"]) for row in rows)


def test_each_is_debited_once(riverside: Centre) -> None:
    family = riverside.family(credit_limit_minor=1_000_000)
    held(riverside, family)
    jobs: list[Pull] = [Pull(pay_as_you_go.ask, {"now": after(0), "most": 200}) for _ in range(WORKERS)]
    jobs += [
        Pull(wallet.record_top_up, {"account_id": family.id, "amount": "11.30", "reason": "cash",
                                    "actor": riverside.admin, "now": after(0)})
        for _ in range(CHILDREN)
    ]  # fmt: skip

    with clients(riverside.url, processes=4, each=3) as racing:
        (outcomes,) = racing.race(riverside.organisation_id, [jobs])
    assert set(outcomes) == {GOT_IT}
    works(riverside, after(0))

    assert list(debits(riverside, family).values()) == [1] * CHILDREN
    assert Purse(riverside, family).holds == (0, 0)
    states = riverside.rows("SELECT payment_state FROM term_booking WHERE account_id = %(id)s", id=family.id)
    assert [row["payment_state"] for row in states] == ["PAID"] * CHILDREN
