"""A worker of its own that issues planned invoices, a few at a time, until it is killed."""

import sys
from datetime import datetime

from engine.database import Database
from workflows.invoice_runs import issue_due_invoices

if __name__ == "__main__":
    url, now = sys.argv[1], datetime.fromisoformat(sys.argv[2])
    database = Database(url, pool_size=2)
    while issue_due_invoices(database, now=now, batch=2):
        pass
