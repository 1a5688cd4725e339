"""The finance officer's pages: what needs attention, documents, payments, refunds, runs, wallets, books, the bank."""

<<<<<<< HEAD
from web.finance import bank, books, debits, documents, entries, home, passes, refunds, reports, runs, wallets

ROUTERS = tuple(
    module.router for module in (home, documents, books, wallets, passes, entries, refunds, debits, runs, reports, bank)
=======
from web.finance import bank, books, debits, documents, entries, home, reconciliation, refunds, reports, runs, wallets

ROUTERS = tuple(
    module.router
    for module in (home, documents, books, wallets, entries, refunds, debits, runs, reports, reconciliation, bank)
>>>>>>> d70f1c0 (Reconciliation with a provider compares what was refunded and what is disputed, on a page of finance's and as a file)
)
