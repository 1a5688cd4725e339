"""A chart checks itself when it is declared; its guards all speak before anything moves."""

from collections.abc import Iterator
from enum import IntEnum
from types import SimpleNamespace
from typing import Any

import pytest

from engine.chart import Chart, Step
from engine.errors import Reason
from models import ActorKind

ANYBODY = frozenset(ActorKind)


class Light(IntEnum):
    OFF = 0
    ON = 1
    BROKEN = 2


def is_bright(subject: Any, *, by_day: bool = False, **_: Any) -> Iterator[Reason]:
    if by_day:
        yield Reason("bright", "It is bright enough.")


def has_power(subject: Any, *, power: bool = True, **_: Any) -> Iterator[Reason]:
    if not power:
        yield Reason("no_power", "The power is cut.")
        yield Reason("no_candle", "There is no candle.")


def count(subject: Any, **_: Any) -> None:
    subject.seen.append(("count", subject.status))


def ring(subject: Any, *, bell: str = "ding", **_: Any) -> None:
    subject.seen.append((bell, subject.status))


def step(trigger: str, source: Light, target: Light, **more: Any) -> Step:
    return Step(trigger, source, target, more.pop("who", ANYBODY), **more)


SWITCH_ON = step("switch_on", Light.OFF, Light.ON, when=(is_bright, has_power), then=(count, ring))
SWITCH_OFF = step("switch_off", Light.ON, Light.OFF)
BREAK = step("break", Light.ON, Light.BROKEN)


def chart(*steps: Step, states: tuple[Light, ...] = tuple(Light), initial: tuple[Light, ...] = (Light.OFF,)) -> Chart:
    return Chart("light", states=states, initial=initial, steps=steps or (SWITCH_ON, SWITCH_OFF, BREAK))


def lamp(status: Light = Light.OFF) -> SimpleNamespace:
    return SimpleNamespace(status=status, seen=[])


class TestDeclaring:
    def test_a_sound_one(self) -> None:
        light = chart()

        assert light.step("switch_on", Light.OFF) is SWITCH_ON
        assert light.step("switch_on", Light.ON) is None
        assert light.triggers_from(Light.ON) == ["switch_off", "break"]
        assert light.triggers_from(Light.BROKEN) == []
        assert light.edges() == [("new", None, 0), ("switch_on", 0, 1), ("switch_off", 1, 0), ("break", 1, 2)]

    def test_an_edge_twice(self) -> None:
        with pytest.raises(AssertionError, match="light: an edge is declared twice"):
            chart(SWITCH_ON, SWITCH_OFF, BREAK, step("switch_on", Light.OFF, Light.BROKEN))

    def test_a_state_that_nothing_leads_to(self) -> None:
        with pytest.raises(AssertionError, match=r"unreachable .*BROKEN"):
            chart(SWITCH_ON, SWITCH_OFF)

    def test_states_that_only_lead_to_each_other(self) -> None:
        repair, breaks = step("repair", Light.BROKEN, Light.ON), step("break", Light.ON, Light.BROKEN)

        with pytest.raises(AssertionError, match="unreachable"):
            chart(repair, breaks)

    def test_a_state_that_is_not_its_own(self) -> None:
        with pytest.raises(AssertionError, match="none of its states"):
            chart(states=(Light.OFF, Light.ON))

    def test_a_badly_named_guard(self) -> None:
        def bright(subject: Any, **_: Any) -> Iterator[Reason]:
            yield from ()

        with pytest.raises(AssertionError, match="guard bright needs a name that asks"):
            chart(step("switch_on", Light.OFF, Light.ON, when=(bright,)), SWITCH_OFF, BREAK)

    def test_an_effect_that_is_named_like_a_guard(self) -> None:
        with pytest.raises(AssertionError, match="effect is_bright needs a name that does something"):
            chart(step("switch_on", Light.OFF, Light.ON, then=(is_bright,)), SWITCH_OFF, BREAK)  # type: ignore[arg-type]

    def test_an_edge_for_nobody(self) -> None:
        with pytest.raises(AssertionError, match="nobody may pull switch_on"):
            chart(step("switch_on", Light.OFF, Light.ON, who=frozenset()), SWITCH_OFF, BREAK)


class TestPulling:
    def test_moves_and_then_runs_the_effects_in_order(self) -> None:
        one = lamp()

        reasons = chart().pull(SWITCH_ON, one, {"bell": "dong"})

        assert (reasons, one.status) == ([], Light.ON)
        assert one.seen == [("count", Light.ON), ("dong", Light.ON)]

    def test_every_failing_guard_speaks_and_nothing_moves(self) -> None:
        one = lamp()

        reasons = chart().pull(SWITCH_ON, one, {"by_day": True, "power": False})

        assert [reason.code for reason in reasons] == ["bright", "no_power", "no_candle"]
        assert (one.status, one.seen) == (Light.OFF, [])

    def test_an_effect_that_fails_is_heard(self) -> None:
        def explode(subject: Any, **_: Any) -> None:
            raise RuntimeError("bang")

        light = chart(step("switch_on", Light.OFF, Light.ON, then=(explode,)), SWITCH_OFF, BREAK)

        with pytest.raises(RuntimeError, match="bang"):
            light.pull(light.steps[0], lamp(), {})

    def test_two_lamps_do_not_share_a_state(self) -> None:
        light, one, other = chart(), lamp(), lamp()

        light.pull(SWITCH_ON, one, {})

        assert (one.status, other.status) == (Light.ON, Light.OFF)
