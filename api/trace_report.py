"""How a played trace compares with the real one: section by section, and why they differ."""

from collections import Counter
from dataclasses import dataclass

from rich.table import Table

from api.trace_play import Played, Section
from engine.check import Breach
from engine.check import report as say_breaches
from engine.replay import Comparison
from engine.replay import report as say_replayed


@dataclass(frozen=True, slots=True)
class Outcome:
    """What playing a trace came to."""

    played: Played
    breaches: list[Breach]
    replayed: Comparison
    oversold: int  # sessions with more places taken than they have, ever: the guard's own count at the end

    @property
    def is_sound(self) -> bool:
        """Whether nothing was oversold and every promise holds."""
        return not (self.breaches or self.replayed.breaches or self.oversold)


def differs(section: Section) -> bool:
    return (len(section.enrolled), len(section.waiting)) != (section.real.enrolled, section.real.waitlisted)


def table(played: Played) -> Table:
    """A line for each section that the trace tells of: the source's counts beside ours, and the reasons."""
    made = Table(title="Enrolled and waiting at the end: the source, and here")
    for name in ("Section", "Source", "Here", "Source waits", "Here waits"):
        made.add_column(name, justify="left" if name == "Section" else "right")
    made.add_column("Why they differ")
    for section in sorted(played.sections.values(), key=lambda each: each.name):
        if section.real.enrolled or section.real.waitlisted or section.enrolled or section.waiting or section.why:
            made.add_row(
                section.name, str(section.real.enrolled), str(len(section.enrolled)), str(section.real.waitlisted),
                str(len(section.waiting)), _why(section) if differs(section) else "",
            )  # fmt: skip
    return made


def _why(section: Section) -> str:
    reasons = section.why + Counter({"still waiting in the source, promoted here by our rule": section.ahead})
    return ", ".join(f"{times} × {why}" for why, times in reasons.most_common()) or "not known"


def summary(outcome: Outcome) -> str:
    """The whole in a few lines."""
    played = outcome.played
    sections = [s for s in played.sections.values() if s.real.enrolled or s.real.waitlisted or s.enrolled or s.waiting]
    same = sum(not differs(section) for section in sections)
    lines = [
        f"Played {played.lines:,} lines with {played.verbs:,} transactions: {len(sections)} sections, {same} end as in "
        f"the source, {len(sections) - same} differ.",
        f"Enrolled {sum(len(s.enrolled) for s in sections):,} here, {sum(s.real.enrolled for s in sections):,} there; "
        f"waiting {sum(len(s.waiting) for s in sections):,} here, {sum(s.real.waitlisted for s in sections):,} there.",
        f"{len(played.unknown)} sections of the trace are not in the timetable ({played.unknown.total():,} lines).",
        f"Sessions oversold: {outcome.oversold}.",
        say_breaches(outcome.breaches),
        say_replayed(outcome.replayed),
    ]
    return "\n".join(lines)
