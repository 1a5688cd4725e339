"""A lifecycle as a table: every edge is a line with its trigger, who may pull it, its guards and its effects.

`transitions` runs the table; declaring a chart checks it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any

from transitions import EventData, Machine, Transition

from engine.errors import Reason
from models import ActorKind

# A guard yields the reasons why not; an effect adds to the batch. Both get the subject and the facts by keyword.
Guard = Callable[..., Iterable[Reason]]
Effect = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Step:
    """One edge. `tells` is the outbox topic that it announces."""

    trigger: str
    source: IntEnum
    target: IntEnum
    who: frozenset[ActorKind]
    when: tuple[Guard, ...] = ()
    then: tuple[Effect, ...] = ()
    tells: str | None = None


@dataclass(frozen=True)
class Chart:
    """A lifecycle. Raises AssertionError when it is declared wrong: a twice-declared edge, a state that no path from
    an initial one reaches or that is not declared, a guard or effect without its proper name.
    """

    name: str
    states: Sequence[IntEnum]
    initial: Sequence[IntEnum]
    steps: Sequence[Step]
    _machine: Machine = field(init=False, repr=False, compare=False)
    _by_edge: dict[tuple[str, IntEnum], Step] = field(init=False, repr=False, compare=False)
    # The library's own transition of each edge: whoever knows the edge needs not have it looked up.
    _moves: dict[tuple[str, IntEnum], Transition] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "_by_edge", {(step.trigger, step.source): step for step in self.steps})
        machine = _Machine(
            model=None, states=list(self.states), initial=self.initial[0], model_attribute="status",
            auto_transitions=False, send_event=True, queued=False,
        )  # fmt: skip
        for step in self.steps:
            machine.add_transition(step.trigger, step.source, step.target)
        object.__setattr__(self, "_machine", machine)
        moves = {(step.trigger, step.source): machine.events[step.trigger].transitions[step.source.name][-1]
                 for step in self.steps}  # fmt: skip
        object.__setattr__(self, "_moves", moves)

    def _check(self) -> None:
        edges = [(step.trigger, step.source) for step in self.steps]
        assert len(edges) == len(set(edges)), f"{self.name}: an edge is declared twice"
        named = set(self.initial) | {state for step in self.steps for state in (step.source, step.target)}
        assert named <= set(self.states), f"{self.name}: {named - set(self.states)} is none of its states"
        reached = self._reached()
        assert reached == set(self.states), f"{self.name}: unreachable {set(self.states) - reached}"
        for step in self.steps:
            assert step.who, f"{self.name}: nobody may pull {step.trigger}"
            for guard in step.when:
                assert _asks(guard), f"{self.name}: guard {guard.__name__} needs a name that asks (is_, has_, can_)"
            for effect in step.then:
                assert not _asks(effect), f"{self.name}: effect {effect.__name__} needs a name that does something"

    def _reached(self) -> set[IntEnum]:
        """Every state that the edges lead to from an initial one."""
        reached = set(self.initial)
        while more := {step.target for step in self.steps if step.source in reached} - reached:
            reached |= more
        return reached

    def step(self, trigger: str, status: IntEnum) -> Step | None:
        """The edge of this trigger out of this status, if there is one."""
        return self._by_edge.get((trigger, status))

    def triggers_from(self, status: IntEnum, kind: ActorKind | None = None) -> list[str]:
        """What is allowed in this status (to this kind of actor), in the order of the table."""
        return [step.trigger for step in self.steps if step.source == status and (kind is None or kind in step.who)]

    def edges(self) -> list[tuple[str, int | None, int]]:
        """Every (trigger, from, to) as codes; making a row is `new` from nothing."""
        new: list[tuple[str, int | None, int]] = [("new", None, int(state)) for state in self.initial]
        return new + [(step.trigger, int(step.source), int(step.target)) for step in self.steps]

    def pull(self, step: Step, subject: Any, facts: dict[str, Any]) -> list[Reason]:
        """Run guards, move, run effects. Returns the reasons of all failing guards; empty when it moved."""
        attempt = _Attempt(step, facts)
        event = EventData(None, None, self._machine, subject, (), {"attempt": attempt})
        self._moves[step.trigger, step.source].execute(event)
        return attempt.reasons


def _asks(rule: Guard | Effect) -> bool:
    return rule.__name__.startswith(("is_", "has_", "can_"))


@dataclass(slots=True)
class _Attempt:
    step: Step
    facts: dict[str, Any]
    reasons: list[Reason] = field(default_factory=list)


class _Move(Transition):
    """A transition without the library's other callbacks: looking for them costs as much as a move does, and a sweeper
    makes thousands a second.
    """

    def execute(self, event_data: EventData) -> bool:
        """Every failing guard speaks, not only the first."""
        attempt: _Attempt = event_data.kwargs["attempt"]
        subject, facts = event_data.model, attempt.facts
        for guard in attempt.step.when:
            attempt.reasons.extend(guard(subject, **facts))
        if attempt.reasons:
            return False
        setattr(subject, event_data.machine.model_attribute, attempt.step.target)
        for effect in attempt.step.then:
            effect(subject, **facts)
        return True


class _Machine(Machine):
    transition_cls = _Move
