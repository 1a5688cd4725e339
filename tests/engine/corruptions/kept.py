"""Ways to break what `engine.invariants.kept` holds, each of them alone: sums of a day on which nothing was written."""

from datetime import date
from decimal import Decimal
from typing import Any

from models import (
    KeptBalance,
    KeptDay,
    KeptDeferral,
    KeptKind,
    KeptRevenue,
    KeptTakings,
    KeptTax,
    LedgerAccount,
)
from models.base import TenantRow
from tests import builders as build
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


def keep(world: World, sums: type[TenantRow], *, kind: KeptKind = KeptKind.JOURNAL, **columns: Any) -> None:
    day = build.add(world.tx, KeptDay, kind=kind, day=date(2020, 5, 4), is_summed=True)
    build.add(world.tx, sums, kept_id=day["id"], **columns)


@breaks("kept_balances_are_the_journal")
def a_day_that_is_kept_with_more_than_was_posted(world: World) -> None:
    keep(world, KeptBalance, ledger_account=LedgerAccount.BANK, debit_minor=500, credit_minor=0)


@breaks("kept_revenue_is_the_journal")
def revenue_of_a_day_on_which_nothing_was_held(world: World) -> None:
    keep(world, KeptRevenue, ledger_account=LedgerAccount.REVENUE, source_kind="RECOGNITION", component="SESSION",
         lines=1, amount_minor=500)  # fmt: skip


@breaks("kept_takings_are_the_journal")
def takings_of_a_day_on_which_nobody_paid(world: World) -> None:
    keep(world, KeptTakings, ledger_account=LedgerAccount.CASH, source_kind="PAYMENT", postings=1, in_minor=500,
         out_minor=0)  # fmt: skip


@breaks("kept_tax_is_what_documents_say")
def tax_of_a_day_without_an_invoice(world: World) -> None:
    keep(world, KeptTax, tax_name="HST", tax_rate=Decimal("0.13"), net_minor=100, tax_minor=13, credited_net_minor=0,
         credited_tax_minor=0)  # fmt: skip


@breaks("kept_deferral_is_what_was_written")
def a_day_that_is_kept_as_one_on_which_was_invoiced(world: World) -> None:
    keep(world, KeptDeferral, kind=KeptKind.DEFERRAL, month=date(2020, 6, 1), invoiced_minor=100, credited_minor=0,
         earned_minor=0)  # fmt: skip
