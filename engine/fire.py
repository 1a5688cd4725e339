"""The only code that moves a status: guards, the move, effects, history and outbox, in the caller's transaction.

The caller has locked the subject and read the facts. The move itself is a guarded UPDATE from the status and version
that were read, written with everything else by the batch.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from engine.actor import Actor
from engine.batch import Batch, Guarded, Values, column_type
from engine.chart import Chart
from engine.database import Overtaken
from engine.errors import Conflict, NotPermitted, Reason
from engine.ids import new_id
from models import ActorKind, OutboxMessage, StatusEvent


class NotAllowedNow(Conflict):
    """The trigger is not allowed in this status; the message names the status, the trigger and what is allowed."""

    code = "not_allowed_now"


class Refused(Conflict):
    """One or more rules of the domain say no; `reasons` lists all of them."""

    code = "refused"


class MovedMeanwhile(Overtaken):
    """Somebody else changed it after it was read."""

    code = "moved_meanwhile"


@dataclass(kw_only=True)
class Subject:
    """A row with a lifecycle, as a plain object. `change` notes columns that are written with its next move, `record`
    what the history of that move tells besides.
    """

    table: ClassVar[type[SQLModel]]
    id: UUID
    reference: str
    status: IntEnum
    version: int
    changed: Values = field(default_factory=dict, repr=False)
    recorded: dict[str, list[Any]] = field(default_factory=dict, repr=False)

    def allowed(self, chart: Chart, kind: ActorKind) -> list[str]:
        """The triggers that its status leaves open to this kind of actor."""
        return chart.triggers_from(self.status, kind)

    def change(self, **columns: Any) -> None:
        for name, value in columns.items():
            assert name not in ("status", "version"), "only fire moves a status"
            setattr(self, name, value)
        self.changed.update(columns)

    def record(self, **lists: Sequence[Any]) -> None:
        for name, values in lists.items():
            self.recorded.setdefault(name, []).extend(values)


def begin(
    batch: Batch, chart: Chart, subject: Subject, *, row: Values, actor: Actor, now: datetime, reason: str = ""
) -> None:
    """Insert a new subject in one of its chart's initial states, with the first line of its history."""
    assert subject.status in chart.initial, f"{chart.name} does not begin in {subject.status!r}"
    assert subject.version == 1, "history begins at 1"
    batch.add(subject.table, [{**row, "id": subject.id, "status": int(subject.status), "version": 1}])
    _write_history(batch, chart, subject, "new", None, actor=actor, reason=reason, changes={}, now=now)


def fire(
    batch: Batch, chart: Chart, subject: Subject, trigger: str, *, actor: Actor, now: datetime, reason: str = "",
    changes: Values | None = None, is_muted: bool = False, **facts: Any,
) -> None:  # fmt: skip
    """Move the subject along its chart.

    Raises NotAllowedNow (no such edge), NotPermitted (not this actor), Refused (guards; every reason), and at the write
    MovedMeanwhile.
    """
    source = subject.status
    step = chart.step(trigger, source)
    if step is None:
        allowed = subject.allowed(chart, actor.kind)
        raise NotAllowedNow(
            f"{subject.reference} is {_in_words(source)}: {trigger} is not allowed now "
            f"(allowed: {', '.join(allowed) or 'nothing'}).",
            status=source.name, trigger=trigger, allowed=allowed,
        )  # fmt: skip
    if actor.kind not in step.who:
        raise NotPermitted(f"{trigger} of {subject.reference} is not for {actor.kind.value.lower()} users.")
    facts |= {"chart": chart, "batch": batch, "actor": actor, "now": now, "reason": reason, "is_muted": is_muted}
    reasons = chart.pull(step, subject, facts)
    if reasons:
        raise Refused(_headline(subject, trigger, reasons), reasons=reasons)
    _write_move(batch, subject, source, now)
    _write_history(batch, chart, subject, trigger, source, actor=actor, reason=reason, changes=changes or {}, now=now)
    if step.tells and not is_muted:
        announce(batch, step.tells, now=now, subject_id=subject.id, reference=subject.reference)


def announce(batch: Batch, topic: str, *, now: datetime, **payload: Any) -> None:
    """Put a message into the outbox of this transaction."""
    batch.add(OutboxMessage, [{"id": new_id(), "topic": topic, "payload": payload, "created_at": now}])


def _in_words(status: IntEnum) -> str:
    """As it is said of what is in it: an order in Accept is accepted."""
    return {"QUOTE": "quoted", "ACCEPT": "accepted"}.get(status.name, status.name.lower().replace("_", " "))


def _headline(subject: Subject, trigger: str, reasons: Sequence[Reason]) -> str:
    """The first reason says most; the others are counted."""
    more = len(reasons) - 1
    others = f" (and {more} more reason{'s' if more > 1 else ''})" if more else ""
    return f"{trigger} of {subject.reference} is refused: {reasons[0].message}{others}"


def _write_move(batch: Batch, subject: Subject, source: IntEnum, now: datetime) -> None:
    columns = {"status": int(subject.status), "version": subject.version + 1, "updated_at": now, **subject.changed}
    batch.guard(
        _move_statement(subject, tuple(columns)),
        [{"id": subject.id, "from_status": int(source), "from_version": subject.version, **columns}],
        otherwise=lambda _: MovedMeanwhile(f"{subject.reference} was changed by somebody else; look at it again."),
    )
    subject.version += 1
    subject.changed = {}


def _move_statement(subject: Subject, columns: tuple[str, ...]) -> Guarded:
    return _MOVES.get((subject.table, columns)) or _new_move(subject.table, columns)


_MOVES: dict[tuple[type[SQLModel], tuple[str, ...]], Guarded] = {}


def _new_move(table: type[SQLModel], columns: tuple[str, ...]) -> Guarded:
    metadata = SQLModel.metadata.tables[str(table.__tablename__)]
    assignments = ", ".join(f'"{name}" = r."{name}"' for name in columns)
    types = ", ".join(f'"{name}" {column_type(metadata.columns[name].type)}' for name in columns)
    move = Guarded(
        name=f"move_{table.__tablename__}",
        sql=f'UPDATE "{table.__tablename__}" t SET {assignments} FROM {{rows}} WHERE t.organisation_id = {{org}} '
        "AND t.id = r.id AND t.status = r.from_status AND t.version = r.from_version RETURNING t.id",
        is_by_id=True,
        takes=f"id uuid, from_status smallint, from_version int, {types}",
    )
    return _MOVES.setdefault((table, columns), move)


def _write_history(
    batch: Batch, chart: Chart, subject: Subject, trigger: str, source: IntEnum | None, *, actor: Actor,
    reason: str, changes: Values, now: datetime,
) -> None:  # fmt: skip
    batch.add(
        StatusEvent,
        [{
            "id": new_id(), "chart": chart.name, "subject_id": subject.id, "sequence": subject.version,
            "trigger": trigger, "from_status": None if source is None else int(source),
            "to_status": int(subject.status), "actor_kind": actor.kind.value, "actor_id": actor.user_id,
            "reason": reason, "changes": {**changes, **subject.recorded}, "at": now,
        }],
    )  # fmt: skip
    subject.recorded = {}
