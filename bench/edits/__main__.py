"""`python -m bench.edits`: edits bookings at random, and stops at the first disagreement; its seed finds it again."""

import random
from collections import Counter

import typer
from rich.console import Console
from rich.progress import track

from bench.edits.run import run

_AT_A_TIME = 1000


def main(edits: int = 200_000, seed: int | None = None) -> None:
    """Edit bookings, and compare all figures after each edit."""
    console = Console()
    first = random.SystemRandom().getrandbits(32) if seed is None else seed
    console.print(f"{edits:,} edits; --seed {first} makes the same ones")
    made: Counter[str] = Counter()
    for turn in track(range(-(-edits // _AT_A_TIME)), description="Editing", console=console):
        made += run(first + turn, min(_AT_A_TIME, edits))
    console.print(f"{made.total():,} edits in which delta, due, documents, ledger and fingerprint agree: {dict(made)}")


if __name__ == "__main__":
    typer.run(main)
