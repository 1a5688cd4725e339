"""Random priced edits: delta, due, documents, ledger and fingerprint agree to the cent, whatever the order of clicks.

`make edits` makes 200,000 of them; here they are the same each time, unless TERMBOOK_SEED asks for others.
"""

import random

import pytest

from bench.edits.family import CURRENCIES, Disagreement, Family, agree
from bench.edits.run import edit_once, run
from models import LedgerAccount
from tests.seed import SEED


def test_all_figures_agree_after_every_edit() -> None:
    print(f"TERMBOOK_SEED={SEED} makes the same edits")

    made = run(SEED, 300)

    assert made.total() >= 300
    assert made.keys() <= set(CURRENCIES)


def test_a_cent_that_goes_missing_is_seen() -> None:
    family = Family(random.Random(SEED))
    edit_once(family.bookings[0], first=True)
    family.books[LedgerAccount.TAX] += 1

    with pytest.raises(Disagreement, match="tax"):
        edit_once(family.bookings[0])


def test_figures_that_differ_disagree() -> None:
    agree("one", 1, 1, 1)

    with pytest.raises(Disagreement):
        agree("two", 1, 2)
