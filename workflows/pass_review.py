"""What an edit does to passes, as its review shows it: which units it uses, which come back, which are lost."""

from typing import Any
from uuid import UUID

from billing.passes import entitlement_of
from workflows.change_facts import Change
from workflows.pass_facts import Use
from workflows.pass_use import parted, uncovered


def shown_passes(change: Change) -> list[dict[str, Any]]:
    """Line by line, in words; a covered line costs nothing, so no money moves with its unit."""
    added = {line.session_id for line in change.facts.lines}
    shown = []
    for priced in change.priced.lines:
        step = entitlement_of(priced.trace)
        if step is not None and priced.line.term_product_id in added:
            words = f"{priced.line.description} is covered by {step['reference']}."
            shown.append(_shown("USES", priced.line.term_product_id, priced.line.component, step["reference"],
                                step["units"], words))  # fmt: skip
    back, lost = parted(change.enrolled, change.leaving, change.now)
    for use in [*back, *uncovered(change.enrolled, change.facts.staying)]:
        shown.append(_of("RETURNS", use, f"{_units(use)} back to {use.reference}."))
    for use in lost:
        shown.append(_of("LOSES", use, f"{_units(use)} not back to {use.reference}: it is given up too late."))
    return shown


def _units(use: Use) -> str:
    return "1 unit goes" if use.units == 1 else f"{use.units} units go"


def _of(kind: str, use: Use, words: str) -> dict[str, Any]:
    return _shown(kind, use.session_id, use.component, use.reference, use.units, words)


def _shown(kind: str, session_id: UUID, component: str, reference: str, units: int, words: str) -> dict[str, Any]:
    return {"kind": kind, "session_id": str(session_id), "component": component, "reference": reference,
            "units": units, "words": words}  # fmt: skip
