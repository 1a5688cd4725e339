"""Who is looked for without accents is found: Zoé by zoe, Müller by muller.

Revision: 0078, after 0077.
"""

from alembic import op

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None

_TEXTS = (("account", "account_texts(x.name, x.email, x.phone)"), ("attendee", "attendee_texts(x.name)"))
_FOLDED = """
CREATE OR REPLACE FUNCTION folded(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN left(btrim(regexp_replace({read}, '[^[:alnum:]]+', ' ', 'g')), 200)
"""
# Marks of Latin, Greek and Cyrillic letters are taken away; what other scripts are composed of is put together again.
_UNACCENTED = """
CREATE FUNCTION unaccented(given text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN normalize(regexp_replace(normalize(translate(replace(replace(replace(
    lower(given), 'œ', 'oe'), 'æ', 'ae'), 'ß', 'ss'), 'øłđı', 'oldi'), NFD), U&'[\\0300-\\036F]', '', 'g'), NFC)
"""


def upgrade() -> None:
    op.execute(_UNACCENTED)
    op.execute(_FOLDED.format(read="unaccented(given)"))
    _write_anew()


def downgrade() -> None:
    op.execute(_FOLDED.format(read="lower(given)"))
    _write_anew()
    op.execute("DROP FUNCTION unaccented(text)")


def _write_anew() -> None:
    """The words of everybody as they are folded now, where anything is otherwise."""
    tables = ("search_text", *(table for table, _ in _TEXTS))
    # The owner too is bound by the policies, and is to see every organisation here.
    for table in tables:
        op.execute(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    for table, texts in _TEXTS:
        own = f"s.organisation_id = x.organisation_id AND s.{table}_id = x.id"
        op.execute(f"""
            DELETE FROM search_text s USING {table} x
            WHERE {own} AND s.words NOT IN (SELECT t COLLATE "C" FROM {texts} t)
        """)
        op.execute(f"""
            INSERT INTO search_text (organisation_id, id, {table}_id, words)
            SELECT x.organisation_id, gen_random_uuid(), x.id, t FROM {table} x CROSS JOIN LATERAL {texts} t
            WHERE NOT EXISTS (SELECT FROM search_text s WHERE {own} AND s.words = t COLLATE "C")
        """)
    for table in tables:
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
