"""`python -m bench.pricing`: the CPU that a price with its trace costs, and a difference over a family's bookings.

CPU time of this process, the best of several rounds; no database. What is read from one before is not in it.
"""

import random
import time
from collections.abc import Callable
from datetime import timedelta

from rich.console import Console

from bench.edits import START, Edit, World, apply
from catalogue.rules import Rule
from workflows.change_documents import plan_documents
from workflows.change_pricing import Asked
from workflows.order_pricing import price_order

SESSIONS, SIBLINGS = 50, 5
_DISCOUNTS = [
    {"kind": "SIBLING", "order": 1, "percent": "10", "conditions": {"every_child": True}, "on_edit": "REPRICE_ALL"},
    {"kind": "MULTI_SESSION", "order": 2, "percent": "5", "stacks": True, "conditions": {"sessions": 5}},
    {"kind": "EARLY_BIRD", "order": 3, "percent": "5", "conditions": {"until": "2026-01-01"}},
]


def family_world(seed: int) -> World:
    """A course of fifty sessions with three discounts and a tax."""
    world = World(random.Random(seed))
    offering = world.offerings[0]
    offering.facts["session_price_minor"] = 3000
    world.settings = {(offering.id, str(Rule.DISCOUNTS)): _DISCOUNTS,
                      (offering.id, str(Rule.TAX)): {"name": "HST", "rate_percent": "13"}}  # fmt: skip
    world.sessions = [(world.id(), offering, START + timedelta(days=n), 3000) for n in range(SESSIONS)]
    return world


def new_order(world: World) -> Edit:
    return Edit(world, {session[0] for session in world.sessions}, {}, Asked(has_change_fee=False))


def enrolled(seed: int) -> World:
    """One child's booking of all fifty."""
    world = family_world(seed)
    change = new_order(world).judged()
    apply(world, change, plan_documents(change))
    world.peers = [{"attendee_id": str(world.id()), "programs": []} for _ in range(SIBLINGS - 1)]
    return world


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
    world = family_world(1)
    facts = new_order(world).judged().facts
    priced = best_ms(lambda: price_order(world.order, facts))
    console.print(f"pricing an order of {SESSIONS} sessions with its trace: {priced:.2f} ms CPU (bar 1 ms)")
    family = [enrolled(seed) for seed in range(SIBLINGS)]
    edits = [Edit(each, {session[0] for session in each.sessions[:-1]}, {}, Asked()) for each in family]
    difference = best_ms(lambda: [plan_documents(edit.judged()) for edit in edits], each=3)
    over = f"a difference over {SIBLINGS} siblings × {SESSIONS} sessions with its documents"
    console.print(f"{over}: {difference:.1f} ms CPU (bar 50 ms)")


if __name__ == "__main__":
    main()
