"""What a sentence ends with once a fact was filled in."""

import re

# "until 9:01 a.m." is followed by the sentence's own full stop.
_TWICE = re.compile(r"(?<=\.m\.)\.(?!\.)")


def end_once(text: str) -> str:
    """A sentence that ends with "a.m." or "p.m." ends with one full stop."""
    return _TWICE.sub("", text)
