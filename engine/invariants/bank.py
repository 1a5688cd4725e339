"""Bank statements: no more of a line becomes payments than came in, and each payment by transfer is its own."""

from engine.invariants.form import Invariant
from models import PaymentStatus

BANK = (
    Invariant(
        name="bank_matches_within_their_line",
        promise="No more of a line of a bank statement is matched than came in, and it says how much is.",
        sql="""
            SELECT l.booked_on, l.payer_name, l.amount_minor, l.matched_minor, coalesce(m.minor, 0) AS matches_minor,
                   l.id AS line_id
            FROM bank_line l
            LEFT JOIN (SELECT line_id, sum(amount_minor) AS minor FROM bank_match WHERE undone_at IS NULL
                       GROUP BY line_id) m
                ON m.line_id = l.id
            WHERE l.matched_minor <> coalesce(m.minor, 0) OR l.matched_minor > greatest(l.amount_minor, 0)
               OR (l.set_aside_at IS NOT NULL AND m.minor > 0)
        """,
        says="The line of {booked_on} by {payer_name} over {amount_minor} says that {matched_minor} is matched; its "
        "matches make {matches_minor}",
    ),
    Invariant(
        name="bank_match_is_its_payment",
        promise="What a line of a bank statement is matched with is one captured payment over just that; undone, one "
        "that failed.",
        sql=f"""
            SELECT p.reference, p.provider, p.status, p.amount_minor, m.amount_minor AS match_minor, m.id AS match_id
            FROM bank_match m LEFT JOIN payment p ON p.id = m.payment_id
            WHERE p.id IS NULL OR p.provider <> 'bank' OR p.amount_minor <> m.amount_minor
               OR (p.status = '{PaymentStatus.SUCCESS}') <> (m.undone_at IS NULL)
        """,
        says="{reference} over {amount_minor} by {provider} is {status}; a line is matched with it over {match_minor}",
    ),
)
