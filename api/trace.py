"""`termbook replay-trace`: the demand of a real registration against its imported timetable, at any speed."""

import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from rich.console import Console
from rich.progress import Progress

from api.runtime import Runtime
from api.trace_file import Sighting, read_trace
from api.trace_play import Played, Player, sections_of
from api.trace_report import Outcome, summary, table
from catalogue.import_words import in_words
from catalogue.importer import import_programme
from catalogue.rules import Rule, set_rule
from engine.check import check
from engine.database import Transaction
from engine.errors import Invalid
from engine.ids import new_id
from engine.replay import replay
from models import RuleScope
from samples.sample import make_organisation
from workflows.charts import edges


class TimetableRefused(Invalid):
    """The timetable has rows that cannot be imported."""

    code = "timetable_refused"


# A trace is played from scratch: its programme is offered from the day before its first line.
_BEFORE = timedelta(days=1)


def play_trace(
    runtime: Runtime, console: Console, *, trace: Path, timetable: Path, mapping: Path, speed: float = 0, seed: int = 0
) -> Outcome:
    """Play a trace into an organisation of its own and compare. `speed` is how many seconds of the trace pass in one;
    0 plays as fast as it goes. Raises TraceUnreadable, and what an import raises; nothing is made then.
    """
    sightings = read_trace(trace)
    organisation_id = _import(runtime, console, timetable, mapping, sightings[0])
    played = Played(runtime.database.run(organisation_id, sections_of))
    player = Player(runtime.database, organisation_id, played, seed)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(f"Playing {trace.name}", total=len(sightings))
        _play(player, sightings, speed, lambda: bar.advance(task))
    outcome = Outcome(
        played, check(runtime.database, edges=edges(), organisation_id=organisation_id),
        replay(runtime.database, edges=edges(), organisation_id=organisation_id),
        runtime.database.run(organisation_id, _oversold),
    )  # fmt: skip
    console.print(table(played))
    console.print(summary(outcome), markup=False, highlight=False, soft_wrap=True)
    return outcome


def _import(runtime: Runtime, console: Console, timetable: Path, mapping: Path, first: Sighting) -> UUID:
    now = first.at - _BEFORE
    organisation_id = make_organisation(
        runtime.owner_url, slug=f"trace-{new_id().hex[-12:]}", name="Played registration", now=now
    )

    def fill(tx: Transaction) -> str:
        report = import_programme(tx, source=timetable, mapping=mapping, prices=None, now=now)
        if report.is_refused:
            raise TimetableRefused(in_words(report))
        set_rule(tx, RuleScope.ORGANISATION, tx.organisation_id, Rule.ORDER_TYPES, ["BOOKING", "WAITING_LIST"])
        return in_words(report)

    console.print(runtime.database.run(organisation_id, fill), markup=False, highlight=False, soft_wrap=True)
    return organisation_id


def _play(player: Player, sightings: list[Sighting], speed: float, tick: Callable[[], object]) -> None:
    before = sightings[0].at
    for sighting in sightings:
        if speed > 0:
            time.sleep((sighting.at - before).total_seconds() / speed)
        before = sighting.at
        player.play(sighting)
        tick()


def _oversold(tx: Transaction) -> int:
    """Counted from the claims themselves, not from the counter that guards them."""
    row = tx.row(
        "SELECT count(*) AS n FROM (SELECT s.id FROM term_product s JOIN place_claim c ON "
        "c.organisation_id = s.organisation_id AND c.term_product_id = s.id AND c.takes_place "
        "WHERE s.organisation_id = %(org)s GROUP BY s.id, s.capacity HAVING count(*) > s.capacity) over"
    )
    assert row is not None
    count: int = row["n"]
    return count
