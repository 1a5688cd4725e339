"""The finance officer's pages: what needs attention, documents, payments, refunds, wallets, books, the bank."""

from web.finance import (
    bank,
    books,
    debits,
    documents,
    entries,
    home,
    passes,
    reconciliation,
    refunds,
    reports,
    runs,
    subscriptions,
    wallets,
)

ROUTERS = tuple(
    module.router
    for module in (
        home, documents, books, wallets, passes, subscriptions, entries, refunds, debits, runs, reports,
        reconciliation, bank,
    )
)  # fmt: skip
