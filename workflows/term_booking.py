"""The booking: the confirmed enrolment, made by its order's confirmation.

The diagram is generated from the chart: `termbook diagram`.
"""

from collections.abc import Iterator
from typing import Any

from engine.chart import Chart, Step
from engine.errors import Reason
from models import ActorKind
from models import TermBookingStatus as Status

ADMIN = frozenset({ActorKind.ADMIN})
OWNER = frozenset({ActorKind.ADMIN, ActorKind.FAMILY, ActorKind.GUEST})
SYSTEM = frozenset({ActorKind.SYSTEM})


def is_available(subject: Any, **_: Any) -> Iterator[Reason]:
    """Declared, and refused with a clear reason until it is built."""
    yield Reason("not_available_yet", f"This step of {subject.reference} is not available yet.", rule="not_available")


_LATER = (is_available,)

CHART = Chart(
    name="term_booking",
    states=(Status.ATTENDANCE_APPROVED, Status.APPROVED, Status.SUSPENDED, Status.CLOSED, Status.ARCHIVED,
            Status.CANCELED),
    initial=(Status.APPROVED, Status.ATTENDANCE_APPROVED),
    steps=(
        #     trigger    source                       target            who             guards
        Step("approve",  Status.ATTENDANCE_APPROVED,  Status.APPROVED,  ADMIN | SYSTEM, when=_LATER),
        Step("cancel",   Status.ATTENDANCE_APPROVED,  Status.CANCELED,  OWNER,          when=_LATER),
        Step("cancel",   Status.APPROVED,             Status.CANCELED,  OWNER,          when=_LATER),
        Step("cancel",   Status.SUSPENDED,            Status.CANCELED,  OWNER,          when=_LATER),
        Step("close",    Status.ATTENDANCE_APPROVED,  Status.CLOSED,    ADMIN,          when=_LATER),
        Step("close",    Status.APPROVED,             Status.CLOSED,    ADMIN,          when=_LATER),
        Step("close",    Status.SUSPENDED,            Status.CLOSED,    ADMIN | SYSTEM, when=_LATER),
        Step("suspend",  Status.APPROVED,             Status.SUSPENDED, ADMIN,          when=_LATER),
        Step("resume",   Status.SUSPENDED,            Status.APPROVED,  ADMIN,          when=_LATER),
        Step("archive",  Status.APPROVED,             Status.ARCHIVED,  ADMIN | SYSTEM, when=_LATER),
        Step("archive",  Status.CLOSED,               Status.ARCHIVED,  ADMIN | SYSTEM, when=_LATER),
    ),
)  # fmt: skip
