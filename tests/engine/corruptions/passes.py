"""Ways to break what `engine.invariants.passes` holds, each of them alone."""

from typing import Any

from models import PassUse, WalletEntry
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, drop


@breaks("pass_is_used_within_what_was_granted")
def a_pass_that_is_used_more_often_than_it_was_granted(world: World) -> None:
    drop(world, "entitlement", "ck_entitlement_used_within_granted")
    change(world, "entitlement", world.bought, "used = granted + 1")


@breaks("pass_counts_its_uses")
def a_unit_that_no_line_uses(world: World) -> None:
    change(world, "entitlement", world.bought, "used = 1")


@breaks("covered_line_uses_its_pass")
def a_use_by_a_line_that_was_paid(world: World) -> None:
    _use(world, world.waiting.order["id"])


@breaks("pass_is_used_by_its_family")
def a_pass_that_another_family_used(world: World) -> None:
    _use(world, world.mias.order["id"], forfeited_at=NOW)


def _use(world: World, order_id: Any, **columns: Any) -> None:
    build.add(world.tx, PassUse, entitlement_id=world.bought["id"], order_id=order_id,
              term_product_id=world.karate[2]["id"], component="SESSION", units=1, **columns)  # fmt: skip
    change(world, "entitlement", world.bought, "used = used + 1")


@breaks("pass_liability_is_what_is_to_be_used")
def a_pass_that_earned_what_is_not_in_the_books(world: World) -> None:
    change(world, "entitlement", world.bought, "earned_minor = 100")


@breaks("pass_is_paid_from_its_wallet")
def a_pass_that_another_wallet_paid(world: World) -> None:
    other = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="GRANTED", bonus_minor=100)
    back = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)
    assert other["id"] != back["id"]
    change(world, "entitlement", world.bought, "wallet_entry_id = %(entry)s", entry=other["id"])


@breaks("revoked_pass_is_back_in_its_wallet")
def money_back_for_no_pass(world: World) -> None:
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="PASS_REVOKED", bonus_minor=100)
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)


@breaks("revoked_pass_is_back_in_its_wallet")
def a_pass_without_a_limit_after_it_was_taken_back(world: World) -> None:
    given = build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="GRANTED", bonus_minor=100)
    build.add(world.tx, WalletEntry, account_id=world.chen["id"], kind="EXPIRED", bonus_minor=-100)
    change(world, "entitlement", world.bought, "granted = NULL, revoked_at = now(), revoked_on = sold_on, "
           "revoke_reason = 'x', revoke_entry_id = %(entry)s", entry=given["id"])  # fmt: skip
