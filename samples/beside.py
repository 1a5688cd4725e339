"""What the sample centre sells beside its sessions, which the city's file does not have: single camp days with their
activities, lunch and late pick-up, a pass, a discount for siblings, and a consent that families are asked for.
"""

from datetime import datetime
from itertools import cycle

from catalogue.activities import add_activity
from catalogue.rules import Rule, set_rule
from engine.actor import Actor
from engine.database import Transaction
from engine.ids import new_id
from models import BookingMode, ConsentText, Extra, PassReturns, RuleScope
from workflows.passes import Offer, declare

_CAMPS = """
SELECT o.id, o.program_id, array_agg(DISTINCT s.local_date ORDER BY s.local_date) AS days
FROM program_category c
JOIN program g ON g.organisation_id = c.organisation_id AND g.category_id = c.id
JOIN term_program_set o ON o.organisation_id = g.organisation_id AND o.program_id = g.id
JOIN term_product s ON s.organisation_id = o.organisation_id AND s.term_program_set_id = o.id
WHERE c.organisation_id = %(org)s AND c.name = 'Camps' AND s.product_type = 'SESSION' GROUP BY o.id, o.program_id
ORDER BY o.id
"""
_BY_DAY = """
UPDATE term_program_set SET modes = %(modes)s WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)
"""
# Each day has the next one, and one that takes ten.
_THEMES = ("Splash pad and water games", "Science show", "Ravine hike", "Art studio", "Carnival games")
_FOR_TEN = "Climbing wall"
_LATE_PICK_UPS = 12  # at each day
_SIBLINGS = [{"kind": "SIBLING", "order": 1, "percent": "10"}]
_PHOTOS = "We take photos at the centre's events, and show some of them on our boards and pages, without names."


def add_what_is_beside(tx: Transaction, *, admin: Actor, now: datetime) -> None:
    """Add all of it, by the verbs that the office has for it."""
    camps = tx.rows(_CAMPS)
    assert camps, "the centre's programme has camps"
    tx.run(_BY_DAY, ids=[camp["id"] for camp in camps], modes=[BookingMode.FULL_WEEK, BookingMode.CASUAL])
    for camp in camps:
        for day, theme in zip(camp["days"], cycle(_THEMES), strict=False):
            add_activity(tx, camp["id"], day=day, title=theme, capacity=None)
            add_activity(tx, camp["id"], day=day, title=_FOR_TEN, capacity=10)
    tx.batch.add(Extra, [
        {"id": new_id(), "program_id": program_id, "is_active": True, **extra}
        for program_id in sorted({camp["program_id"] for camp in camps})
        for extra in ({"name": "Lunch", "price_minor": 900, "stock": None},
                      {"name": "Pick-up until 6 p.m.", "price_minor": 1200, "stock": _LATE_PICK_UPS})
    ])  # fmt: skip
    declare(tx, actor=admin, now=now, offer=Offer("Ten visits", price_minor=9500, validity_days=180, units=10,
                                                  returns=PassReturns.IN_WINDOW))  # fmt: skip
    set_rule(tx, RuleScope.ORGANISATION, tx.organisation_id, Rule.DISCOUNTS, _SIBLINGS)
    tx.batch.add(ConsentText, [
        {"id": new_id(), "code": "PHOTOS", "version": 1, "title": "Photos at the centre", "body": _PHOTOS,
         "is_retired": False, "written_by": admin.user_id, "created_at": now}
    ])  # fmt: skip
