"""Passes: never over-used, used by who holds, owed in the books until they are used, and each sold once."""

from engine.invariants.form import CONFIRMED_ORDER, HOLDING_ORDER, Invariant, document_name
from models import LedgerAccount, WalletEntryKind

# What a confirmed order has used stands in its booking's price; the lines of what was given up are in it no more.
_COVERED = f"""
    SELECT o.id AS order_id, o.reference, x.term_product_id, x.component, (step->>'pass_id')::uuid AS pass_id,
           (step->>'units')::int AS units
    FROM term_booking_order o
    LEFT JOIN term_booking b ON b.id = o.booking_id AND b.order_id = o.id
    JOIN billing_line x ON x.billing_id = coalesce(b.billing_id, o.billing_id)
    CROSS JOIN LATERAL jsonb_array_elements(x.trace) step
    WHERE step->>'step' = 'entitlement' AND NOT (o.status IN {CONFIRMED_ORDER} AND b.id IS NULL)
      AND (o.status IN {HOLDING_ORDER} OR o.status IN {CONFIRMED_ORDER})
      AND (o.original_booking_id IS NULL AND o.original_order_id IS NULL)
"""

PASSES = (
    Invariant(
        name="pass_is_used_within_what_was_granted",
        promise="Of a pass no more is used than was granted, and never less than nothing.",
        sql="SELECT reference, name, used, granted FROM entitlement WHERE used < 0 OR used > granted",
        says="{reference} ({name}) granted {granted} and {used} are used",
    ),
    Invariant(
        name="pass_counts_its_uses",
        promise="A pass is used as often as lines use it.",
        # More than was granted is another promise.
        sql="""
            SELECT e.reference, e.name, e.used, coalesce(u.units, 0) AS units FROM entitlement e
            LEFT JOIN (SELECT entitlement_id, sum(units) AS units FROM pass_use WHERE returned_at IS NULL
                       GROUP BY entitlement_id) u ON u.entitlement_id = e.id
            WHERE e.used <> coalesce(u.units, 0) AND e.used BETWEEN 0 AND coalesce(e.granted, e.used)
        """,
        says="{reference} ({name}) says that {used} are used; its lines use {units}",
    ),
    Invariant(
        name="covered_line_uses_its_pass",
        promise="A line whose price says that a pass covers it uses that pass, and no other line does.",
        sql=f"""
            SELECT coalesce(c.reference, o.reference) AS reference, coalesce(c.component, u.component) AS component,
                   coalesce(c.units, 0) AS priced, coalesce(u.units, 0) AS used
            FROM ({_COVERED}) c
            FULL JOIN (SELECT u.* FROM pass_use u
                       JOIN term_booking_order o ON o.id = u.order_id
                       WHERE u.returned_at IS NULL AND u.forfeited_at IS NULL
                         AND o.original_booking_id IS NULL AND o.original_order_id IS NULL) u
                 ON u.order_id = c.order_id AND u.term_product_id = c.term_product_id AND u.component = c.component
                 AND u.entitlement_id = c.pass_id
            LEFT JOIN term_booking_order o ON o.id = u.order_id
            WHERE c.units IS DISTINCT FROM u.units
        """,
        says="{reference}, {component}: covered in its price with {priced}, uses {used} of the pass",
    ),
    Invariant(
        name="pass_is_used_by_its_family",
        promise="A pass is used by orders of the account that bought it, on days on which it is valid.",
        sql="""
            SELECT e.reference, o.reference AS order_reference, s.local_date, e.valid_from, e.valid_until
            FROM pass_use u
            JOIN entitlement e ON e.id = u.entitlement_id
            JOIN term_booking_order o ON o.id = u.order_id
            JOIN term_product s ON s.id = u.term_product_id
            WHERE u.returned_at IS NULL AND o.account_id <> e.account_id
        """,
        says="{reference} is used by {order_reference}, which is another family's",
    ),
    Invariant(
        name="pass_liability_is_what_is_to_be_used",
        promise="The books owe a family in passes what it paid for them, less tax, what is earned of it and "
        "what was taken back.",
        sql=f"""
            SELECT a.reference, a.name, coalesce(e.minor, 0) AS open_minor, coalesce(b.minor, 0) AS booked_minor
            FROM (SELECT account_id, sum(net_minor - revoked_net_minor - earned_minor) AS minor
                  FROM entitlement GROUP BY account_id) e
            FULL JOIN (SELECT account_id, -sum(amount_minor) AS minor FROM ledger_posting
                       WHERE ledger_account = '{LedgerAccount.PASS_LIABILITY}' GROUP BY account_id) b
                 ON b.account_id = e.account_id
            LEFT JOIN account a ON a.id = coalesce(e.account_id, b.account_id)
            WHERE coalesce(e.minor, 0) <> coalesce(b.minor, 0)
        """,
        says="{name} ({reference}): {open_minor} of its passes is to be used; the books say {booked_minor}",
    ),
    Invariant(
        name="pass_is_paid_from_its_wallet",
        promise="Each pass was paid once, in full, from the wallet of the family that has it.",
        sql=f"""
            SELECT coalesce({document_name("p")}, w.id::text) AS pass, p.total_minor,
                   coalesce(-(w.balance_minor + w.bonus_minor), 0) AS paid_minor
            FROM entitlement p
            FULL JOIN (SELECT * FROM wallet_entry WHERE kind = '{WalletEntryKind.PASS_BOUGHT}') w
                 ON w.id = p.wallet_entry_id AND w.account_id = p.account_id
            WHERE coalesce(p.total_minor, 0) <> coalesce(-(w.balance_minor + w.bonus_minor), 0)
        """,
        says="Pass {pass} over {total_minor} was paid with {paid_minor}",
    ),
    Invariant(
        name="revoked_pass_is_back_in_its_wallet",
        promise="Of a pass that was taken back, what was not used went into the wallet of the family that had it, "
        "once; it has a limit from then on.",
        sql=f"""
            SELECT coalesce({document_name("p")}, w.id::text) AS pass, coalesce(p.minor, 0) AS revoked_minor,
                   coalesce(w.balance_minor + w.bonus_minor, 0) AS returned_minor
            FROM (SELECT *, revoked_net_minor + revoked_tax_minor AS minor FROM entitlement
                  WHERE revoked_at IS NOT NULL) p
            FULL JOIN (SELECT * FROM wallet_entry WHERE kind = '{WalletEntryKind.PASS_REVOKED}') w
                 ON w.id = p.revoke_entry_id AND w.account_id = p.account_id
            WHERE coalesce(p.minor, 0) <> coalesce(w.balance_minor + w.bonus_minor, 0) OR p.granted IS NULL
        """,
        says="Pass {pass}: {revoked_minor} was taken back, {returned_minor} is in the wallet",
    ),
)
