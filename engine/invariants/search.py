"""What the office's search finds people by."""

from engine.invariants.form import Invariant

_OF = """
    SELECT x.reference FROM {table} x
    WHERE EXISTS (SELECT t COLLATE "C" FROM {texts} t
                  EXCEPT SELECT s.words FROM search_text s
                  WHERE s.organisation_id = x.organisation_id AND s.{table}_id = x.id)
       OR EXISTS (SELECT s.words FROM search_text s
                  WHERE s.organisation_id = x.organisation_id AND s.{table}_id = x.id
                  EXCEPT SELECT t COLLATE "C" FROM {texts} t)
"""
_OF_ACCOUNTS = _OF.format(table="account", texts="account_texts(x.name, x.email, x.phone)")
_OF_ATTENDEES = _OF.format(table="attendee", texts="attendee_texts(x.name)")

SEARCH: tuple[Invariant, ...] = (
    Invariant(
        name="people_are_found_by_their_words",
        promise="The office finds every family and every child by the words of its name as it is now, and by no other.",
        sql=f"{_OF_ACCOUNTS} UNION ALL {_OF_ATTENDEES}",
        says="{reference} is found by other words than its own",
    ),
)
