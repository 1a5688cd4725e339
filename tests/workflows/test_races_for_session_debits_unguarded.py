"""The control of the race for session debits: without its guards one is debited twice. In a database of its own that is
not checked.
"""

import psycopg
import pytest

from billing import wallet as wallets
from engine.database import Database
from tests.workflows.centre import make_centre
from tests.workflows.purse import Purse
from tests.workflows.race import Pull, clients
from tests.workflows.test_pay_as_you_go import after, works
from tests.workflows.test_races_for_session_debits import debits, held
from workflows import pay_as_you_go, wallet, wallet_debits

WORKERS = 8


@pytest.mark.usefixtures("time_to_meet")
def test_without_its_guards_a_session_is_debited_twice(
    database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unlocked = wallet_debits._ACCOUNTS.replace("FOR NO KEY UPDATE OF a SKIP LOCKED", "")
    monkeypatch.setattr(wallet_debits, "_ACCOUNTS", unlocked)
    monkeypatch.setattr(wallets, "_LOCK", wallets._LOCK.replace("FOR NO KEY UPDATE", ""))
    monkeypatch.setattr(wallet, "debit_when_filled", lambda *_, **__: None)
    with psycopg.connect(database_url) as owner:
        owner.execute("DROP INDEX uq_payment_session_debit")
        owner.execute("DROP TRIGGER within_invoice ON payment_allocation")
    centre = make_centre(database, database_url)
    jobs = [Pull(pay_as_you_go.catch_up, {"now": after(0), "most": 200}) for _ in range(WORKERS)]
    most = []
    with clients(centre.url, processes=4, each=2) as racing:
        for _ in range(10):
            family = centre.family(credit_limit_minor=1_000_000)
            held(centre, family)
            works(centre, after(0))
            Purse(centre, family).top_up("500.00", now=after(0))
            racing.race(centre.organisation_id, [jobs])
            most.append(max(debits(centre, family).values()))
            if most[-1] > 1:
                return

    pytest.fail(f"the race never met: {most}")
