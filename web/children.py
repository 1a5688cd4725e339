"""The form of a child, as the family and the office fill it in."""

from typing import Any

from web.forms import Form


def child_values(form: Form) -> dict[str, Any]:
    """What the form says of a child, as the API takes it."""
    texts = {name: form.text(name) for name in ("name", "date_of_birth", "medical_notes", "allergy_notes")}
    numbers = {name: form.whole(name) for name in ("school_year", "height_cm")}
    lists = {name: form.lines(name) for name in ("authorised_pick_ups", "must_not_collect")}
    return {**texts, **numbers, **lists, "weight_kg": form.decimal("weight_kg")}
