"""The ledger, and payments with what they were used for."""

from engine.invariants.form import SETTLED, Invariant, document_name
from models import LedgerAccount, PaymentStatus, WalletEntryKind
from models.payment import NO_GATEWAYS


def _balance(*accounts: LedgerAccount) -> str:
    """Families for whom one of these accounts, which only ever owe them money, shows a debit."""
    names = ", ".join(f"'{account}'" for account in accounts)
    return f"""
        SELECT a.reference, a.name, p.ledger_account, p.balance_minor, p.account_id
        FROM (SELECT account_id, ledger_account, sum(amount_minor) AS balance_minor
              FROM ledger_posting WHERE ledger_account IN ({names})
              GROUP BY account_id, ledger_account HAVING sum(amount_minor) > 0) p
        LEFT JOIN account a ON a.id = p.account_id
    """


_RECEIVED = (LedgerAccount.GATEWAY_CLEARING, LedgerAccount.BANK, LedgerAccount.CASH)
# What was the family's already: a payment from its wallet.
_KEPT = (LedgerAccount.WALLET, LedgerAccount.BONUS)


def _posted(source_kind: str, purpose: str, *accounts: LedgerAccount) -> str:
    """What entries of one purpose debit to accounts, by their source; an entry that was reversed is undone."""
    names = ", ".join(f"'{account}'" for account in accounts)
    return f"""
        SELECT e.source_id, coalesce(sum(p.amount_minor), 0) AS posted_minor
        FROM ledger_entry e
        LEFT JOIN ledger_posting p ON p.entry_id = e.id AND p.ledger_account IN ({names})
        LEFT JOIN ledger_entry undone ON undone.reverses_id = e.id
        WHERE e.source_kind = '{source_kind}' AND e.purpose = '{purpose}' AND undone.id IS NULL
        GROUP BY e.source_id
    """


LEDGER = (
    Invariant(
        name="ledger_entry_balances",
        promise="Every posting balances.",
        sql="""
            SELECT e.source_kind, e.purpose, e.posted_on, p.difference_minor, p.entry_id
            FROM (SELECT entry_id, sum(amount_minor) AS difference_minor
                  FROM ledger_posting GROUP BY entry_id HAVING sum(amount_minor) <> 0) p
            LEFT JOIN ledger_entry e ON e.id = p.entry_id
        """,
        says="The entry {source_kind} {purpose} of {posted_on} is off by {difference_minor} ({entry_id})",
    ),
    Invariant(
        name="source_is_posted_once",
        promise="A document or payment is posted once for each purpose.",
        sql="""
            SELECT source_kind, source_id, purpose, count(*) AS entries
            FROM ledger_entry GROUP BY source_kind, source_id, purpose HAVING count(*) > 1
        """,
        says="{source_kind} {source_id} is posted {entries} times as {purpose}",
    ),
    Invariant(
        name="issued_invoice_is_posted",
        promise="An invoice posts its total as a receivable.",
        sql=f"""
            SELECT coalesce({document_name("i")}, e.source_id::text) AS invoice, i.total_minor,
                   coalesce(e.posted_minor, 0) AS posted_minor
            FROM invoice i
            FULL JOIN ({_posted("INVOICE", "ISSUED", LedgerAccount.RECEIVABLE)}) e ON e.source_id = i.id
            WHERE coalesce(i.total_minor, 0) <> coalesce(e.posted_minor, 0)
        """,
        says="Invoice {invoice} over {total_minor} is posted as a receivable of {posted_minor}",
    ),
    Invariant(
        name="issued_credit_note_is_posted",
        promise="A credit note takes its total off the receivable.",
        sql=f"""
            SELECT coalesce({document_name("n")}, e.source_id::text) AS note, n.total_minor,
                   -coalesce(e.posted_minor, 0) AS posted_minor
            FROM credit_note n
            FULL JOIN ({_posted("CREDIT_NOTE", "ISSUED", LedgerAccount.RECEIVABLE)}) e ON e.source_id = n.id
            WHERE coalesce(n.total_minor, 0) <> -coalesce(e.posted_minor, 0)
        """,
        says="Credit note {note} over {total_minor} is posted over {posted_minor}",
    ),
    Invariant(
        name="captured_payment_is_posted",
        promise="A payment that succeeded is in the books, and no other is.",
        sql=f"""
            SELECT coalesce(p.reference, e.source_id::text) AS payment, p.status, p.amount_minor,
                   coalesce(e.posted_minor, 0) AS posted_minor
            FROM payment p
            FULL JOIN ({_posted("PAYMENT", "CAPTURED", *_RECEIVED, *_KEPT)}) e ON e.source_id = p.id
            WHERE CASE WHEN p.status = '{PaymentStatus.SUCCESS}' THEN p.amount_minor ELSE 0 END
                  <> coalesce(e.posted_minor, 0)
        """,
        says="Payment {payment} over {amount_minor} is {status}; {posted_minor} is posted as captured",
    ),
    Invariant(
        name="capture_is_what_was_written",
        promise="What is kept of a payment at a provider is what it says that was captured, and what the books say, "
        "with the day.",
        sql=f"""
            SELECT reference, captured_minor, posted_minor, kept_captured_minor, kept_posted_minor
            FROM (SELECT y.reference, e.captured_on, c.captured_on AS kept_on,
                         CASE WHEN y.status = '{PaymentStatus.SUCCESS}' AND y.provider NOT IN {NO_GATEWAYS}
                              THEN y.amount_minor ELSE 0 END AS captured_minor,
                         coalesce(e.posted_minor, 0) AS posted_minor,
                         coalesce(c.captured_minor, 0) AS kept_captured_minor,
                         coalesce(c.posted_minor, 0) AS kept_posted_minor
                  FROM payment y
                  LEFT JOIN (SELECT e.source_id, sum(p.amount_minor) AS posted_minor, min(p.posted_on) AS captured_on
                             FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id
                             WHERE p.ledger_account = '{LedgerAccount.GATEWAY_CLEARING}' AND e.source_kind = 'PAYMENT'
                             GROUP BY e.source_id) e ON e.source_id = y.id
                  LEFT JOIN capture c ON c.id = y.id) each
            WHERE (captured_minor, posted_minor) <> (kept_captured_minor, kept_posted_minor)
               OR captured_on IS DISTINCT FROM kept_on
        """,
        says="Of payment {reference} {captured_minor} is captured and {posted_minor} posted; kept is "
        "{kept_captured_minor} and {kept_posted_minor}",
    ),
    Invariant(
        name="customer_credit_is_never_overdrawn",
        promise="A family's credit is never used twice: customer credit shows no debit balance.",
        sql=_balance(LedgerAccount.CUSTOMER_CREDIT),
        says="{name} ({reference}): customer credit is overdrawn by {balance_minor}",
    ),
    Invariant(
        name="wallet_is_never_below_zero",
        promise="A wallet is never below zero.",
        sql=_balance(LedgerAccount.WALLET, LedgerAccount.BONUS),
        says="{name} ({reference}): {ledger_account} is {balance_minor} below zero",
    ),
    Invariant(
        name="receivable_is_what_was_written",
        promise="What is kept of each invoice (whose it is, its days, what is asked, paid and credited, and when that "
        "was last) is what was written of it.",
        sql=f"""
            SELECT {document_name("v")} AS invoice, v.total_minor, coalesce(p.minor, 0) AS paid_minor,
                   coalesce(c.minor, 0) AS credited_minor, coalesce(r.total_minor, 0) AS kept_total_minor,
                   coalesce(r.paid_minor, 0) AS kept_paid_minor, coalesce(r.credited_minor, 0) AS kept_credited_minor
            FROM invoice v
            LEFT JOIN (SELECT invoice_id, sum(amount_minor)::bigint AS minor, max(created_at) AS at
                       FROM payment_allocation GROUP BY invoice_id) p ON p.invoice_id = v.id
            LEFT JOIN (SELECT invoice_id, sum(amount_minor)::bigint AS minor, max(created_at) AS at
                       FROM credit_allocation GROUP BY invoice_id) c ON c.invoice_id = v.id
            LEFT JOIN receivable r ON r.id = v.id
            WHERE (r.account_id, r.billing_id, r.issued_on, r.due_on, r.total_minor, r.paid_minor, r.credited_minor,
                   r.moved_at)
                  IS DISTINCT FROM (v.account_id, v.billing_id, v.issued_on, v.due_on, v.total_minor,
                                    coalesce(p.minor, 0), coalesce(c.minor, 0), greatest(p.at, c.at))
        """,
        says="Invoice {invoice} over {total_minor}, less {credited_minor}, {paid_minor} of it paid, is kept as "
        "{kept_total_minor}, {kept_credited_minor} and {kept_paid_minor}",
    ),
    Invariant(
        name="receivable_is_what_is_owed",
        promise="What a family owes in the books is what was invoiced, less what was credited, given up and paid; and "
        "the credit that it spent before its bank took that back, as far as its wallet has not paid that since.",
        sql=f"""
            WITH owed AS (
                SELECT account_id, sum(total_minor) AS invoiced_minor FROM invoice GROUP BY account_id
            ), settled AS (
                SELECT i.account_id, sum(s.amount_minor) AS settled_minor
                FROM payment_allocation s JOIN invoice i ON i.id = s.invoice_id GROUP BY i.account_id
            ), credited AS (
                SELECT account_id, sum(minor) AS credited_minor
                FROM (SELECT account_id, total_minor AS minor FROM credit_note
                      UNION ALL SELECT account_id, amount_minor - restored_minor FROM write_off
                      WHERE undone_at IS NULL) each
                GROUP BY account_id
            ), spent AS (
                SELECT account_id, sum(minor) AS spent_minor
                FROM (SELECT y.account_id, d.receivable_minor AS minor
                      FROM payment_dispute d JOIN payment y ON y.id = d.payment_id
                      UNION ALL SELECT account_id, returned_owed_minor - set_off_minor FROM payment) each
                GROUP BY account_id
            ), booked AS (
                SELECT account_id, sum(amount_minor) AS balance_minor FROM ledger_posting
                WHERE ledger_account = '{LedgerAccount.RECEIVABLE}' GROUP BY account_id
            )
            SELECT a.reference, a.name, coalesce(balance_minor, 0) AS balance_minor,
                   coalesce(invoiced_minor, 0) AS invoiced_minor, coalesce(settled_minor, 0) AS settled_minor,
                   coalesce(credited_minor, 0) AS credited_minor, coalesce(spent_minor, 0) AS spent_minor
            FROM account a
            LEFT JOIN owed ON owed.account_id = a.id
            LEFT JOIN credited ON credited.account_id = a.id
            LEFT JOIN settled ON settled.account_id = a.id
            LEFT JOIN booked ON booked.account_id = a.id
            LEFT JOIN spent ON spent.account_id = a.id
            WHERE coalesce(balance_minor, 0) <> coalesce(invoiced_minor, 0) - coalesce(credited_minor, 0)
                  - coalesce(settled_minor, 0) + coalesce(spent_minor, 0)
        """,
        says="{name} ({reference}) owes {balance_minor} in the books; {invoiced_minor} is invoiced, {credited_minor} "
        "credited, {settled_minor} settled, {spent_minor} taken back of what was spent",
    ),
)

PAYMENTS = (
    Invariant(
        name="allocations_within_payment",
        promise="Allocations, and what went to the wallet, ≤ payment amount.",
        sql="""
            SELECT p.reference, p.amount_minor, s.allocated_minor, p.id AS payment_id
            FROM (SELECT payment_id, sum(minor) AS allocated_minor
                  FROM (SELECT payment_id, amount_minor AS minor FROM payment_allocation
                        UNION ALL SELECT payment_id, moved_minor FROM wallet_entry WHERE moved_minor <> 0) each
                  GROUP BY payment_id) s
            JOIN payment p ON p.id = s.payment_id
            WHERE s.allocated_minor > p.amount_minor
        """,
        says="Payment {reference} over {amount_minor} is used for {allocated_minor}",
    ),
    Invariant(
        name="disputes_are_taken_once",
        promise="What disputes have taken of a payment is out of the books and out of what can be used, once.",
        sql="""
            SELECT p.reference, p.amount_minor, p.disputed_minor, coalesce(d.taken_minor, 0) AS taken_minor,
                   coalesce(d.posted_minor, 0) AS posted_minor, coalesce(a.allocated_minor, 0) AS allocated_minor
            FROM payment p
            LEFT JOIN (
                SELECT d.payment_id, sum(d.taken_minor) AS taken_minor, sum(coalesce(e.posted_minor, 0)) AS posted_minor
                FROM payment_dispute d
                LEFT JOIN (
                    SELECT e.source_id, -sum(t.amount_minor) AS posted_minor FROM ledger_entry e
                    JOIN ledger_posting t ON t.entry_id = e.id AND t.ledger_account = 'GATEWAY_CLEARING'
                    WHERE e.source_kind = 'DISPUTE' GROUP BY e.source_id
                ) e ON e.source_id = d.id
                GROUP BY d.payment_id
            ) d ON d.payment_id = p.id
            LEFT JOIN (SELECT payment_id, sum(amount_minor) AS allocated_minor FROM payment_allocation
                       GROUP BY payment_id) a ON a.payment_id = p.id
            WHERE p.disputed_minor <> coalesce(d.taken_minor, 0) OR p.disputed_minor <> coalesce(d.posted_minor, 0)
               OR (p.disputed_minor > 0 AND coalesce(a.allocated_minor, 0) + p.disputed_minor > p.amount_minor)
        """,
        says="Payment {reference} over {amount_minor} is disputed by {disputed_minor}: its disputes took "
        "{taken_minor}, {posted_minor} is posted, {allocated_minor} settles invoices",
    ),
    Invariant(
        name="set_off_within_what_is_owed",
        promise="A wallet pays no more of what was spent and taken back than is owed; its entries say how much.",
        sql=f"""
            SELECT p.reference, p.set_off_minor, o.owed_minor, coalesce(w.paid_minor, 0) AS paid_minor,
                   coalesce(w.posted_minor, 0) AS posted_minor
            FROM payment p
            CROSS JOIN LATERAL (
                SELECT p.returned_owed_minor + coalesce(sum(d.receivable_minor), 0) AS owed_minor
                FROM payment_dispute d WHERE d.payment_id = p.id) o
            LEFT JOIN (
                SELECT e.payment_id, -sum(e.balance_minor) AS paid_minor, -sum(t.minor) AS posted_minor
                FROM wallet_entry e
                LEFT JOIN (
                    SELECT l.source_id, sum(s.amount_minor) AS minor FROM ledger_entry l
                    JOIN ledger_posting s ON s.entry_id = l.id AND s.ledger_account = '{LedgerAccount.RECEIVABLE}'
                    WHERE l.source_kind = 'WALLET_ENTRY' GROUP BY l.source_id) t ON t.source_id = e.id
                WHERE e.kind = '{WalletEntryKind.SET_OFF}' GROUP BY e.payment_id) w ON w.payment_id = p.id
            WHERE (p.set_off_minor > 0 OR w.payment_id IS NOT NULL)
              AND (p.set_off_minor > o.owed_minor OR p.set_off_minor <> coalesce(w.paid_minor, 0)
                   OR p.set_off_minor <> coalesce(w.posted_minor, 0))
        """,
        says="Of {reference} {owed_minor} is owed, {set_off_minor} paid by the wallet: its entries make {paid_minor}, "
        "the books {posted_minor}",
    ),
    Invariant(
        name="allocations_come_from_captured_money",
        promise="Only a payment that succeeded settles an invoice; one that the bank took back settles none any more.",
        sql=f"""
            SELECT p.reference, p.status, s.amount_minor, {document_name("i")} AS invoice, s.payment_id
            FROM (SELECT payment_id, invoice_id, sum(amount_minor) AS amount_minor FROM payment_allocation
                  GROUP BY payment_id, invoice_id HAVING sum(amount_minor) <> 0) s
            LEFT JOIN payment p ON p.id = s.payment_id
            LEFT JOIN invoice i ON i.id = s.invoice_id
            WHERE p.status IS DISTINCT FROM '{PaymentStatus.SUCCESS}'
        """,
        says="Payment {reference} is {status} and settles {amount_minor} of {invoice}",
    ),
    Invariant(
        name="allocations_within_invoice",
        promise="No invoice is settled by more than its total, by payments and credits together.",
        sql=f"""
            SELECT {document_name("i")} AS invoice, i.total_minor, s.settled_minor, i.id AS invoice_id
            FROM {SETTLED} s
            JOIN invoice i ON i.id = s.invoice_id
            WHERE s.settled_minor > i.total_minor
        """,
        says="Invoice {invoice} over {total_minor} is settled by {settled_minor}",
    ),
    Invariant(
        name="no_more_is_freed_than_was_used",
        promise="What a credit frees of a payment was used for that invoice before.",
        sql=f"""
            SELECT p.reference, {document_name("i")} AS invoice, -s.amount_minor AS freed_minor
            FROM (SELECT payment_id, invoice_id, sum(amount_minor) AS amount_minor FROM payment_allocation
                  GROUP BY payment_id, invoice_id HAVING sum(amount_minor) < 0) s
            LEFT JOIN payment p ON p.id = s.payment_id
            LEFT JOIN invoice i ON i.id = s.invoice_id
        """,
        says="Payment {reference} settles {invoice} by {freed_minor} less than nothing",
    ),
    Invariant(
        name="credit_settles_what_it_corrects",
        promise="A credit note settles invoices of its own booking, by what it takes back in all.",
        # That of the same edit first, then the unpaid part of those that it corrects, then the booking's others.
        sql=f"""
            SELECT {document_name("n")} AS note, n.total_minor AS credited_minor,
                   coalesce(sum(s.amount_minor), 0) AS settled_minor
            FROM credit_note n
            LEFT JOIN credit_allocation s ON s.credit_note_id = n.id
            LEFT JOIN invoice i ON i.id = s.invoice_id
            GROUP BY n.id, n.series, n.year, n.number, n.total_minor, n.booking_id
            HAVING coalesce(sum(s.amount_minor), 0) <> n.total_minor
                OR bool_or(i.booking_id IS DISTINCT FROM n.booking_id AND s.id IS NOT NULL)
        """,
        says="Credit note {note} takes back {credited_minor} and settles {settled_minor} of invoices of its booking",
    ),
    Invariant(
        name="payment_event_is_applied_once",
        promise="A payment event is applied exactly once.",
        sql="""
            SELECT provider, event_id, count(*) AS times, min(processed_at) AS first_at
            FROM processed_event GROUP BY provider, event_id HAVING count(*) > 1
        """,
        says="The event {event_id} of {provider} was applied {times} times, first on {first_at}",
    ),
    Invariant(
        name="provider_payment_is_recorded_once",
        promise="A provider's payment is one payment here.",
        sql="""
            SELECT provider, external_id, string_agg(reference, ', ' ORDER BY reference) AS payments
            FROM payment WHERE external_id IS NOT NULL
            GROUP BY provider, external_id HAVING count(DISTINCT coalesce(checkout_id, id)) > 1
        """,
        says="{external_id} of {provider} is recorded more than once: {payments}",
    ),
)
