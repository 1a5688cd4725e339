"""No promise of the domain is broken by random steps over all order types. `make steps` takes 20,000 of them.

The seed is printed: `TERMBOOK_SEED=… TERMBOOK_STEPS=…` walks the same way again. In the suite it is always the same.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from engine.database import Database
from tests.seed import SEED
from tests.workflows.random_payments import RandomPayments
from tests.workflows.random_steps import Tally

STEPS = int(os.environ.get("TERMBOOK_STEPS", "600"))
# Making a failing walk shorter takes minutes: on request.
_PHASES = (Phase.generate, Phase.shrink) if os.environ.get("TERMBOOK_SHRINK") else (Phase.generate,)
_LONG = 5_000
# So many rules in one world; a rule is up to four steps.
_RULES = 60


def test_random_steps_break_no_promise(
    database: Database, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = Tally()
    machine = type("RandomPayments", (RandomPayments,), {"database": database, "url": database_url, "tally": tally})
    chosen = settings(
        max_examples=10, stateful_step_count=_RULES, deadline=None, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck), phases=_PHASES,
    )  # fmt: skip
    round_ = 0
    while tally.steps < STEPS:
        with capsys.disabled():
            print(f"\nsteps {tally.steps:,} of {STEPS:,}, seed {SEED + round_}", end="")
        run_state_machine_as_test(seed(SEED + round_)(machine), settings=chosen)
        round_ += 1

    with capsys.disabled():
        print(f"\n{tally.steps:,} steps: {dict(tally.done)}\nrefused: {dict(tally.refused.most_common(40))}\n"
              f"orders by status: {dict(sorted(tally.statuses.items()))}")  # fmt: skip
    assert tally.steps >= STEPS
    # Steps that are all refused would prove nothing; a short walk does not come by everything.
    assert tally.done["submit"] + tally.done["wait"] + tally.done["express"] >= STEPS // 100
    assert STEPS < _LONG or {"submit", "confirm", "cancel", "booking cancel", "wait", "accept"} <= tally.done.keys()
