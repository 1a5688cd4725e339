"""The finance officer's pages: what needs attention, documents, payments, refunds, runs, wallets, books, the bank."""

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
    wallets,
)

ROUTERS = tuple(
    module.router
    for module in (
        home, documents, books, wallets, passes, entries, refunds, debits, runs, reports, reconciliation, bank,
    )
)  # fmt: skip
