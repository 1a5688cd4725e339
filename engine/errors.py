"""The four families of refusal. Concrete errors stand at the top of the module that raises them."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Reason:
    """One failing rule, in words a person can act on.

    `code` is stable for programs, `field` names the input (`lines[2].session_id`), `rule` the rule that failed,
    `session` the reference of the session it concerns; `facts` are JSON-ready.
    """

    code: str
    message: str
    field: str | None = None
    rule: str | None = None
    session: str | None = None
    facts: dict[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        return {k: v for k, v in asdict(self).items() if v is not None}


class TermbookError(Exception):
    """Something the world did that we refuse. The message can be shown to the person who asked."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: str, *, reasons: Sequence[Reason] = (), **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.reasons = list(reasons)
        self.facts = facts


class NotFound(TermbookError):
    """There is no such thing for this caller; what belongs to another answers the same."""

    code = "not_found"


class NotPermitted(TermbookError):
    """The caller is known and may not do this."""

    code = "not_permitted"


class Conflict(TermbookError):
    """The state of the world does not allow it now."""

    code = "conflict"


class Invalid(TermbookError):
    """The input breaks a rule; `reasons` names each field."""

    code = "invalid"


class StartupFailed(TermbookError):
    """The program cannot start; the message says what to do."""

    code = "startup_failed"
