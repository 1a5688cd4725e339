"""What the application was made with; every route finds it in `request.app.state.termbook`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.clock import Clock
from engine.database import Database
from engine.settings import Settings


@dataclass(frozen=True, slots=True)
class State:
    """The composition root's choices."""

    settings: Settings
    database: Database
    clock: Clock
    gateways: Mapping[str, Any]

    @property
    def gateway(self) -> Any:
        """Where one pays online who is asked for no choice; None where nobody can."""
        return next(iter(self.gateways.values()), None)
