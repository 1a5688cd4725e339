"""A sentence that ends with a time has one full stop."""

import pytest

from engine.punctuation import end_once


@pytest.mark.parametrize(
    ("filled", "said"),
    [
        ("It works until 9:01 a.m.. If you", "It works until 9:01 a.m. If you"),
        ("It works until 9:01\N{NARROW NO-BREAK SPACE}p.m..", "It works until 9:01\N{NARROW NO-BREAK SPACE}p.m."),
        ("It works until 21 h 01.", "It works until 21 h 01."),
        ("from 9:01 a.m.…", "from 9:01 a.m.…"),
        ("9:01 a.m...", "9:01 a.m..."),
        ("Wait..", "Wait.."),
    ],
)
def test_ends_once(filled: str, said: str) -> None:
    assert end_once(filled) == said
