"""What is kept of the days of a period, and the days of which nothing is: SQL that every report of sums begins with."""

from models import KeptKind


def kept(kind: KeptKind, *, since: str = "%(since)s", until: str = "%(until)s") -> str:
    """Two sets: the days that are `kept`, and as spans the days that are not (`unkept`: first_on, last_on)."""
    return f"""
kept AS MATERIALIZED (
    SELECT id, day FROM kept_day
    WHERE organisation_id = %(org)s AND kind = '{kind}' AND is_summed AND day BETWEEN {since} AND {until}
), unkept AS MATERIALIZED (
    SELECT first_on, last_on FROM (
        SELECT coalesce(lag(day) OVER (ORDER BY day) + 1, {since}::date) AS first_on, day - 1 AS last_on FROM kept
        UNION ALL SELECT coalesce(max(day) + 1, {since}::date), {until}::date FROM kept) s
    WHERE first_on <= last_on
)"""
