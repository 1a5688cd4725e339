"""Ways to break what `engine.invariants.bank` holds, each of them alone."""

from typing import Any

from models import BankLine, BankMatch, BankStatement
from tests import builders as build
from tests.builders import NOW, Row
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


def a_bank_line(world: World, **columns: Any) -> Row:
    file = build.add(world.tx, BankStatement, filename="1.csv", format="CSV", bank_account="A", content_hash="1",
                     entries_hash="1", lines=1, fresh_lines=1, imported_at=NOW)  # fmt: skip
    return build.add(world.tx, BankLine, statement_id=file["id"], position=0, bank_account="A", identity="1",
                     booked_on=NOW.date(), amount_minor=5000, currency="CAD", **columns)  # fmt: skip


@breaks("bank_matches_within_their_line")
def a_bank_line_matched_with_nothing(world: World) -> None:
    a_bank_line(world, matched_minor=100)


@breaks("bank_match_is_its_payment")
def a_bank_line_matched_with_a_providers_payment(world: World) -> None:
    paid = world.paid["leo"]
    line = a_bank_line(world, matched_minor=paid["amount_minor"])
    build.add(world.tx, BankMatch, line_id=line["id"], payment_id=paid["id"], amount_minor=paid["amount_minor"],
              matched_at=NOW)  # fmt: skip
