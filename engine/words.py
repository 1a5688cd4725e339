"""How a count is said: one place, two places."""


def so_many(count: int, one: str, many: str | None = None) -> str:
    """So many of something; `many` where its plural does not end in s."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def are(count: int) -> str:
    """The verb that agrees with so many."""
    return "is" if count == 1 else "are"
