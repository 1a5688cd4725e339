"""Many documents by several processes: in their order, and what goes wrong is said where they came from."""

import os
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from itertools import count
from math import sqrt
from operator import truediv

import pytest

from invoicing.press import in_processes


def test_results_come_in_the_order_of_the_documents() -> None:
    assert list(in_processes(sqrt, [n * n for n in range(30)], workers=3)) == list(range(30))


def test_documents_are_taken_a_few_ahead_only() -> None:
    taken = []

    def documents() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    results = in_processes(Fraction, documents(), workers=2)
    next(results)
    results.close()  # type: ignore[attr-defined]  # a generator

    assert len(taken) == 8


def test_what_a_document_raises_ends_the_run() -> None:
    results = in_processes(partial(truediv, 12), [3, 4, 0, 6], workers=2)

    assert [next(results), next(results)] == [4, 3]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_a_process_that_ends_by_itself_ends_the_run() -> None:
    with pytest.raises(RuntimeError, match="ended with status 3"):
        next(in_processes(os._exit, [3], workers=1))
