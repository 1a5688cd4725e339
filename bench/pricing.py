"""`python -m bench.pricing`: the CPU that a price with its trace costs, and a difference over a family's bookings.

CPU time of this process, the best of several rounds; no database. What is read from one before is not in it.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console

from bench.edits.books import make
from bench.edits.edit import Edit
from bench.edits.family import START, Booked, Family
from catalogue.rules import Rule
from workflows.change_guards import shown_difference
from workflows.change_pricing import Asked
from workflows.order_pricing import price_order

SESSIONS, SIBLINGS = 50, 5
_DISCOUNTS = [
    {"kind": "SIBLING", "order": 1, "percent": "10", "conditions": {"every_child": True}, "on_edit": "REPRICE_ALL"},
    {"kind": "MULTI_SESSION", "order": 2, "percent": "5", "stacks": True, "conditions": {"sessions": 5}},
    {"kind": "EARLY_BIRD", "order": 3, "percent": "5", "conditions": {"until": "2026-01-01"}},
]


def booked(seed: int) -> Booked:
    """A course of fifty sessions with three discounts and a tax, and a booking that holds nothing of it yet."""
    family = Family(random.Random(seed))
    offering = family.offerings[0]
    offering.facts |= {"session_price_minor": 3000, "modes": ["CASUAL"]}
    family.settings = {(offering.id, str(Rule.DISCOUNTS)): _DISCOUNTS,
                       (offering.id, str(Rule.TAX)): {"name": "HST", "rate_percent": "13"}}  # fmt: skip
    family.sessions = [(family.id(), offering, START + timedelta(days=n), 3000) for n in range(SESSIONS)]
    family.passes, family.bookings = [], family.bookings[:1]
    return family.bookings[0]


def new_order(its: Booked) -> Edit:
    return Edit(its, {session[0] for session in its.family.sessions}, {}, Asked(has_change_fee=False))


def enrolled(seed: int) -> Booked:
    """One child's booking of all fifty."""
    its = booked(seed)
    make(its, new_order(its).judged())
    its.family.elsewhere = [{"attendee_id": str(its.family.id()), "programs": []} for _ in range(SIBLINGS - 1)]
    return its


def best_ms(work: Callable[[], object], *, rounds: int = 15, each: int = 10) -> float:
    """The CPU of one call in milliseconds, in the best of the rounds."""
    work()
    found = []
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(each):
            work()
        found.append((time.process_time() - start) / each * 1000)
    return min(found)


def main() -> None:
    console = Console()
    its = booked(1)
    facts = new_order(its).judged().facts
    priced = best_ms(lambda: price_order(its.order, facts))
    console.print(f"pricing an order of {SESSIONS} sessions with its trace: {priced:.2f} ms CPU (bar 1 ms)")
    family = [enrolled(seed) for seed in range(SIBLINGS)]
    edits = [Edit(each, {session[0] for session in each.family.sessions[:-1]}, {}, Asked()) for each in family]
    difference = best_ms(lambda: [shown_difference(edit.judged()) for edit in edits], each=3)
    over = f"a difference over {SIBLINGS} siblings × {SESSIONS} sessions with its documents and credits"
    console.print(f"{over}: {difference:.1f} ms CPU (bar 50 ms)")


if __name__ == "__main__":
    main()
