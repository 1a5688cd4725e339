"""Wallets: what they hold is what moved them, in the entries, in the grants and in the books."""

from engine.invariants.form import Invariant, document_name
from models import (
    LedgerAccount,
    PaymentStatus,
    RefundDestination,
    RefundRequestStatus,
    RefundStatus,
    WalletEntryKind,
)

WALLETS = (
    Invariant(
        name="wallet_is_the_sum_of_its_entries",
        promise="A wallet holds what its entries come to, balance and bonus.",
        sql="""
            SELECT a.reference, a.name, w.balance_minor, w.bonus_minor, e.moved_minor, e.moved_bonus_minor
            FROM wallet w
            CROSS JOIN LATERAL (
                SELECT coalesce(sum(x.balance_minor), 0) AS moved_minor, coalesce(sum(x.bonus_minor), 0)
                       AS moved_bonus_minor
                FROM wallet_entry x WHERE x.account_id = w.id) e
            LEFT JOIN account a ON a.id = w.id
            WHERE (w.balance_minor, w.bonus_minor) IS DISTINCT FROM (e.moved_minor, e.moved_bonus_minor)
        """,
        says="{name} ({reference}): the wallet holds {balance_minor} and a bonus of {bonus_minor}; its entries come to "
        "{moved_minor} and {moved_bonus_minor}",
    ),
    Invariant(
        name="wallet_is_as_in_the_books",
        promise="A wallet holds what the books owe the family in it.",
        # Below zero in the books is another promise.
        sql=f"""
            SELECT a.reference, a.name, w.balance_minor, w.bonus_minor, b.balance_minor AS booked_minor,
                   b.bonus_minor AS booked_bonus_minor
            FROM wallet w
            CROSS JOIN LATERAL (
                SELECT coalesce(-sum(p.amount_minor) FILTER (WHERE p.ledger_account = '{LedgerAccount.WALLET}'), 0)
                       AS balance_minor,
                       coalesce(-sum(p.amount_minor) FILTER (WHERE p.ledger_account = '{LedgerAccount.BONUS}'), 0)
                       AS bonus_minor
                FROM ledger_posting p WHERE p.account_id = w.id) b
            LEFT JOIN account a ON a.id = w.id
            WHERE (b.balance_minor >= 0 AND b.balance_minor <> w.balance_minor)
               OR (b.bonus_minor >= 0 AND b.bonus_minor <> w.bonus_minor)
        """,
        says="{name} ({reference}): the wallet holds {balance_minor} and a bonus of {bonus_minor}; the books say "
        "{booked_minor} and {booked_bonus_minor}",
    ),
    Invariant(
        name="bonus_is_what_its_grants_have_left",
        promise="The bonus of a wallet is what its grants have left, and that is what was given less what was used.",
        sql="""
            SELECT a.reference, a.name, coalesce(w.bonus_minor, 0) AS bonus_minor, g.left_minor, g.used_minor
            FROM (SELECT g.account_id, sum(g.left_minor) AS left_minor, sum(u.minor) AS used_minor,
                         bool_or(g.left_minor <> u.minor) AS is_off
                  FROM bonus_grant g
                  CROSS JOIN LATERAL (SELECT coalesce(sum(x.amount_minor), 0) AS minor FROM bonus_use x
                                      WHERE x.grant_id = g.id) u
                  GROUP BY g.account_id) g
            LEFT JOIN wallet w ON w.id = g.account_id
            LEFT JOIN account a ON a.id = g.account_id
            WHERE g.is_off OR g.left_minor <> (SELECT coalesce(sum(e.bonus_minor), 0) FROM wallet_entry e
                                               WHERE e.account_id = g.account_id)
        """,
        says="{name} ({reference}): a bonus of {bonus_minor}; the grants have {left_minor} left, and by their use "
        "{used_minor}",
    ),
    Invariant(
        name="payment_from_a_wallet_is_its_debit",
        promise="What was paid from a wallet was taken from it, once.",
        sql=f"""
            SELECT coalesce(p.reference, e.payment_id::text) AS payment, p.amount_minor,
                   coalesce(-e.minor, 0) AS debited_minor
            FROM (SELECT id, reference, amount_minor FROM payment
                  WHERE provider = 'wallet' AND status = '{PaymentStatus.SUCCESS}') p
            FULL JOIN (SELECT payment_id, sum(balance_minor + bonus_minor) AS minor FROM wallet_entry
                       WHERE kind = '{WalletEntryKind.DEBITED}' GROUP BY payment_id) e ON e.payment_id = p.id
            WHERE coalesce(p.amount_minor, 0) <> coalesce(-e.minor, 0)
        """,
        says="Payment {payment} over {amount_minor} took {debited_minor} from the wallet",
    ),
    Invariant(
        name="booking_says_what_was_debited",
        promise="A booking says how much of wallet and bonus was taken for it, net of what came back.",
        sql="""
            SELECT b.reference, b.wallet_debited_minor, b.bonus_debited_minor, coalesce(d.balance_minor, 0)
                   AS taken_minor, coalesce(d.bonus_minor, 0) AS taken_bonus_minor
            FROM term_booking b
            LEFT JOIN (
                SELECT o.booking_id, -sum(e.balance_minor) AS balance_minor, -sum(e.bonus_minor) AS bonus_minor
                FROM wallet_entry e
                JOIN payment p ON p.id = e.payment_id AND p.provider = 'wallet'
                JOIN term_booking_order o ON o.id = p.order_id
                GROUP BY o.booking_id) d ON d.booking_id = b.id
            WHERE (b.wallet_debited_minor, b.bonus_debited_minor)
                  IS DISTINCT FROM (coalesce(d.balance_minor, 0), coalesce(d.bonus_minor, 0))
        """,
        says="{reference} says {wallet_debited_minor} and a bonus of {bonus_debited_minor}; {taken_minor} and "
        "{taken_bonus_minor} were taken",
    ),
    Invariant(
        name="credit_steps_make_the_credit",
        promise="The steps of a credit through the waterfall sum to it.",
        sql=f"""
            SELECT {document_name("n")} AS note, n.total_minor, s.minor AS steps_minor
            FROM (SELECT credit_note_id, sum(amount_minor) AS minor FROM credit_step GROUP BY credit_note_id) s
            LEFT JOIN credit_note n ON n.id = s.credit_note_id
            WHERE n.total_minor IS DISTINCT FROM s.minor
        """,
        says="Credit note {note} over {total_minor} went {steps_minor} of the way",
    ),
    Invariant(
        name="refunds_within_what_was_captured",
        promise="No more of a payment is sent back than became free of it and went to the wallet.",
        sql=f"""
            SELECT p.reference, p.amount_minor, r.refunded_minor, coalesce(w.moved_minor, 0) AS moved_minor
            FROM (SELECT payment_id, sum(amount_minor) AS refunded_minor FROM refund
                  WHERE status <> '{RefundStatus.FAILED}' GROUP BY payment_id) r
            LEFT JOIN (SELECT payment_id, sum(moved_minor) AS moved_minor FROM wallet_entry GROUP BY payment_id) w
                 ON w.payment_id = r.payment_id
            LEFT JOIN payment p ON p.id = r.payment_id
            WHERE r.refunded_minor > coalesce(w.moved_minor, 0)
        """,
        says="Payment {reference} over {amount_minor}: {refunded_minor} is sent back of {moved_minor} that became free",
    ),
    Invariant(
        name="refund_was_taken_out_of_the_wallet",
        promise="What is sent back of a payment was taken out of its family's wallet, as much of the same payment.",
        sql=f"""
            SELECT coalesce(p.reference, r.payment_id::text) AS payment, r.amount_minor, e.kind, -e.balance_minor
                   AS taken_minor
            FROM refund r
            JOIN wallet_entry e ON e.id = r.wallet_entry_id
            LEFT JOIN payment p ON p.id = r.payment_id
            WHERE (e.kind, e.account_id, e.payment_id, -e.balance_minor, e.bonus_minor) IS DISTINCT FROM
                  ('{WalletEntryKind.WITHDRAWN}', r.account_id, r.payment_id, r.amount_minor, 0)
        """,
        says="A refund of {amount_minor} of payment {payment} names an entry of the wallet ({kind}, {taken_minor}) "
        "that is not its own",
    ),
    Invariant(
        name="approved_refunds_are_set_aside_once",
        promise="What was approved to go back the way it was paid was set aside, each time it was approved once.",
        sql=f"""
            SELECT q.reference, coalesce(h.approved_minor, 0) AS approved_minor, coalesce(r.minor, 0) AS set_aside_minor
            FROM refund_request q
            LEFT JOIN (SELECT subject_id, sum((changes ->> 'amount_minor')::bigint) AS approved_minor FROM status_event
                       WHERE chart = 'refund_request' AND to_status = {int(RefundRequestStatus.APPROVED)}
                         AND changes ->> 'destination' = '{RefundDestination.ORIGINAL}' GROUP BY subject_id) h
                 ON h.subject_id = q.id
            LEFT JOIN (SELECT request_id, sum(amount_minor) AS minor FROM refund GROUP BY request_id) r
                 ON r.request_id = q.id
            WHERE coalesce(h.approved_minor, 0) <> coalesce(r.minor, 0)
        """,
        says="{reference}: {approved_minor} was approved to go back, and {set_aside_minor} was set aside for it",
    ),
    Invariant(
        name="refund_payable_is_what_is_on_its_way",
        promise="The books owe a family in refunds what was approved and has not been sent or given up.",
        sql=f"""
            SELECT a.reference, a.name, coalesce(r.open_minor, 0) AS open_minor, coalesce(b.booked_minor, 0)
                   AS booked_minor
            FROM (SELECT account_id, sum(amount_minor) AS open_minor FROM refund
                  WHERE status = '{RefundStatus.PENDING}' GROUP BY account_id) r
            FULL JOIN (SELECT account_id, -sum(amount_minor) AS booked_minor FROM ledger_posting
                       WHERE ledger_account = '{LedgerAccount.REFUND_PAYABLE}' GROUP BY account_id) b
                 ON b.account_id = r.account_id
            LEFT JOIN account a ON a.id = coalesce(r.account_id, b.account_id)
            WHERE coalesce(r.open_minor, 0) <> coalesce(b.booked_minor, 0)
        """,
        says="{name} ({reference}): {open_minor} is on its way back; the books say {booked_minor}",
    ),
)
