"""Ways to break what `engine.invariants.wallet` holds, each of them alone."""

from engine.ids import new_id
from models import CreditStep, LedgerAccount, Refund, RefundRequest, StatusEvent, WalletEntry
from models import RefundRequestStatus as R
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks, change, post


@breaks("wallet_is_the_sum_of_its_entries")
def a_top_up_of_less(world: World) -> None:
    change(world, "wallet_entry", world.purse["topped_up"], "balance_minor = balance_minor - 100")


@breaks("wallet_is_as_in_the_books")
def a_wallet_that_the_books_owe_more(world: World) -> None:
    build.post(world.tx, "PAYMENT", new_id(), "TOPPED_UP", world.chen["id"],
               {LedgerAccount.GATEWAY_CLEARING: 500, LedgerAccount.WALLET: -500})  # fmt: skip


@breaks("bonus_is_what_its_grants_have_left")
def a_grant_with_more_left(world: World) -> None:
    change(world, "bonus_use", world.purse["use"], "amount_minor = amount_minor - 100")


@breaks("bonus_is_what_its_grants_have_left")
def bonus_that_no_grant_has_left(world: World) -> None:
    change(world, "bonus_grant", world.purse["grant"], "left_minor = left_minor - 100")
    change(world, "bonus_use", world.purse["use"], "amount_minor = amount_minor - 100")


@breaks("payment_from_a_wallet_is_its_debit")
def a_payment_from_a_wallet_that_took_nothing(world: World) -> None:
    change(world, "payment", world.purse["payment"], "provider = 'wallet'")


@breaks("booking_says_what_was_debited")
def a_booking_that_says_it_took_from_the_wallet(world: World) -> None:
    change(world, "term_booking", world.mias.booking, "wallet_debited_minor = 100")


@breaks("credit_steps_make_the_credit")
def a_credit_that_went_part_of_the_way(world: World) -> None:
    note = world.tx.rows("SELECT id FROM credit_note LIMIT 1")[0]
    build.add(world.tx, CreditStep, credit_note_id=note["id"], position=0, rule="TO_WALLET", amount_minor=1, words="")


@breaks("refunds_within_what_was_captured")
def money_sent_back_that_never_became_free(world: World) -> None:
    build.add(world.tx, Refund, request_id=new_id(), account_id=world.okafor["id"], payment_id=world.paid["mia"]["id"],
              wallet_entry_id=new_id(), amount_minor=500, currency="CAD", provider="sandbox",
              status="SUCCEEDED")  # fmt: skip


@breaks("refund_was_taken_out_of_the_wallet")
def a_refund_that_names_what_came_back(world: World) -> None:
    known = {"account_id": world.okafor["id"], "payment_id": world.paid["mia"]["id"]}
    build.add(world.tx, WalletEntry, **known, kind="WITHDRAWN", balance_minor=-500, created_at=NOW)
    back = build.add(world.tx, WalletEntry, **known, kind="RESTORED", balance_minor=500, created_at=NOW)
    build.add(world.tx, Refund, **known, request_id=new_id(), wallet_entry_id=back["id"], amount_minor=500,
              currency="CAD", provider="sandbox", status="FAILED")  # fmt: skip


@breaks("approved_refunds_are_set_aside_once")
def an_approval_that_set_nothing_aside(world: World) -> None:
    asked = build.add(world.tx, RefundRequest, reference="RR-ASKED", account_id=world.okafor["id"], status=R.APPROVED,
                      version=2, attempt=1, amount_minor=500, destination="ORIGINAL", resolved_at=NOW,
                      created_at=NOW, updated_at=NOW)  # fmt: skip
    for sequence, (trigger, was, now) in enumerate((("new", None, 100), ("approve", 100, 200)), start=1):
        build.add(world.tx, StatusEvent, chart="refund_request", subject_id=asked["id"], sequence=sequence,
                  trigger=trigger, from_status=was, to_status=now, actor_kind="ADMIN", at=NOW,
                  changes={"amount_minor": 500, "destination": "ORIGINAL"})  # fmt: skip


@breaks("refund_payable_is_what_is_on_its_way")
def a_refund_that_nobody_asked_for(world: World) -> None:
    post(world, new_id(), "SET_ASIDE", GATEWAY_CLEARING=500, REFUND_PAYABLE=-500)
