"""Texts of mails: every version is there."""

from engine.invariants.form import Invariant

MAIL = (
    Invariant(
        name="mail_text_versions_have_no_gap",
        promise="The versions of a mail's text are numbered from one without a gap: what was once sent can be read.",
        sql="""
            SELECT kind, language, count(*) AS versions, max(version) AS latest FROM mail_text
            GROUP BY organisation_id, kind, language HAVING count(*) <> max(version)
        """,
        says="{kind} ({language}): {versions} versions are kept, and the latest is {latest}",
    ),
)
