"""Consents that were answered for children."""

from engine.invariants.form import Invariant

CONSENTS: tuple[Invariant, ...] = (
    Invariant(
        name="withdrawn_consents_were_given",
        promise="Nobody takes back a consent that was never given.",
        sql="""
            SELECT a.reference, x.title
            FROM consent c
            JOIN attendee a ON a.organisation_id = c.organisation_id AND a.id = c.attendee_id
            JOIN consent_text x ON x.organisation_id = c.organisation_id AND x.id = c.text_id
            WHERE c.answer = 'WITHDRAWN' AND NOT EXISTS (
                SELECT FROM consent g
                JOIN consent_text y ON y.organisation_id = g.organisation_id AND y.id = g.text_id
                WHERE g.organisation_id = c.organisation_id AND g.attendee_id = c.attendee_id AND y.code = x.code
                  AND g.answer = 'GIVEN' AND g.at <= c.at)
        """,
        says="“{title}” was taken back for {reference}, and never given",
    ),
)
