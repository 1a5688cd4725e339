"""The only place that reads the time: a real clock, or a set clock that a sample system or a test moves."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Answers the current moment, always in UTC and always aware."""

    def now(self) -> datetime: ...


class RealClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)


class SetClock:
    """A clock that was set to a moment and runs on from there; `move` takes it forward.

    `since` is the machine's time when it showed `start` (default: now), so that several processes share one clock.
    """

    def __init__(
        self, start: datetime, *, since: datetime | None = None, machine: Callable[[], datetime] | None = None
    ) -> None:
        assert start.tzinfo is not None, "a clock is set to an aware moment"
        self._machine = machine or RealClock().now
        self._offset = start.astimezone(UTC) - (since or self._machine())

    def now(self) -> datetime:
        return self._machine() + self._offset

    def move(self, by: timedelta) -> None:
        """Take the clock forward; a clock never goes back."""
        assert by >= timedelta(0), "a clock never goes back"
        self._offset += by


class FrozenClock:
    """A clock that stands still until it is moved: for tests and for steps that must share one moment."""

    def __init__(self, at: datetime) -> None:
        assert at.tzinfo is not None, "a clock is set to an aware moment"
        self._at = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._at

    def move(self, by: timedelta) -> None:
        assert by >= timedelta(0), "a clock never goes back"
        self._at += by
