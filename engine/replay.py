"""Rebuilds from the history alone where every record stands and which places are taken: `termbook check --replay`.

Nothing but the events is believed: each is played through the edges of its chart from nothing, and what the moves say
they took and gave back is added up. The result is compared with the tables.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from engine.check import AS_A_WHOLE, Breach, Edges
from engine.database import Database, Row, Transaction
from engine.invariants.form import SESSION_NAME
from engine.invariants.lifecycle import RECORDS
from engine.words import are, so_many

# So many events are fetched at a time: a history of years does not fit into memory at once.
_PAGE = 10_000

_EVENTS = """
SELECT subject_id, sequence, chart, trigger, from_status, to_status, changes->'places_taken' AS taken,
       changes->'places_released' AS released
FROM status_event
WHERE (subject_id, sequence) > (%(subject_id)s, %(sequence)s)
ORDER BY subject_id, sequence LIMIT %(page)s
"""
_SESSIONS = f"""
SELECT session.id, session.taken, {SESSION_NAME} AS name
FROM term_product session JOIN term_program_set offering ON offering.id = session.term_program_set_id
"""


@dataclass
class Replayed:
    """What the events of one organisation add up to, and those that cannot be played."""

    events: int = 0
    stands: dict[tuple[str, UUID], int] = field(default_factory=dict)
    taken: Counter[UUID] = field(default_factory=Counter)
    faults: list[Breach] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many events were played, of how many records, and what differs from the tables."""

    events: int
    records: int
    breaches: list[Breach]


def replay(database: Database, *, edges: Edges, organisation_id: UUID | None = None) -> Comparison:
    """Play the history of one organisation, or of all of them, and compare; each in one read-only snapshot."""
    events = records = 0
    breaches: list[Breach] = []
    for one in [organisation_id] if organisation_id else database.organisations():
        with database.transaction(one) as transaction:
            for setting in AS_A_WHOLE:
                transaction.run(setting)
            found = replay_organisation(transaction, edges=edges)
            events, records = events + found.events, records + found.records
            breaches += found.breaches
    return Comparison(events, records, breaches)


def replay_organisation(transaction: Transaction, *, edges: Edges) -> Comparison:
    """Play the history of the transaction's organisation and compare, as this transaction sees it."""
    played = _play(transaction, edges=edges)
    return Comparison(played.events, len(played.stands), played.faults + _compare(transaction, played))


def report(compared: Comparison) -> str:
    """The comparison in words."""
    played = f"Replayed {compared.events:,} events of {compared.records:,} records from the history alone"
    if not compared.breaches:
        return f"{played}: every status and every place taken is as it stands."
    return "\n".join([f"{played}; {len(compared.breaches)} differ:", *(f"  - {b.what}" for b in compared.breaches)])


def _play(transaction: Transaction, *, edges: Edges) -> Replayed:
    """Play every event of the transaction's organisation, in the order of its record's history."""
    allowed = {(chart, *edge) for chart, steps in edges.items() for edge in steps}
    played = Replayed()
    for event in _events(transaction):
        key = event["chart"], event["subject_id"]
        stood = played.stands.get(key)
        if (
            event["from_status"] != stood
            or (event["chart"], event["trigger"], stood, event["to_status"]) not in allowed
        ):
            what = f"{event['chart']} {key[1]}: event {event['sequence']} ({event['trigger']} to {event['to_status']}) "
            what += f"cannot follow on status {stood}."
            played.faults.append(_breach(transaction, what, subject_id=str(key[1]), sequence=event["sequence"]))
        played.stands[key] = event["to_status"]
        played.taken.update(UUID(session) for session in event["taken"] or ())
        played.taken.subtract(UUID(session) for session in event["released"] or ())
        played.events += 1
    return played


def _events(transaction: Transaction) -> Iterator[Row]:
    last: Row = {"subject_id": UUID(int=0), "sequence": 0}
    while True:
        page = transaction.rows(_EVENTS, subject_id=last["subject_id"], sequence=last["sequence"], page=_PAGE)
        yield from page
        if len(page) < _PAGE:
            return
        last = page[-1]


def _compare(transaction: Transaction, played: Replayed) -> list[Breach]:
    found: list[Breach] = []
    for record in transaction.rows(RECORDS):
        stands = played.stands.pop((record["chart"], record["id"]), None)
        if stands != record["status"]:
            what = f"{record['reference']} has status {record['status']}; its history alone makes it {stands}."
            found.append(_breach(transaction, what, subject_id=str(record["id"])))
    for chart, subject_id in played.stands:
        found.append(_breach(transaction, f"The history tells of {chart} {subject_id}, which is not there.",
                             subject_id=str(subject_id)))  # fmt: skip
    for session in transaction.rows(_SESSIONS):
        taken = played.taken[session["id"]]
        if taken != session["taken"]:
            counted = f"{so_many(session['taken'], 'place')} {are(session['taken'])}"
            what = f"{session['name']}: {counted} taken; by the history alone {taken} {are(taken)}."
            found.append(_breach(transaction, what, session_id=str(session["id"])))
    return found


def _breach(transaction: Transaction, what: str, **facts: object) -> Breach:
    return Breach("replay_of_the_history", transaction.organisation_id, what, facts)
