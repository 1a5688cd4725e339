"""Every lifecycle, for those who need them all: the diagrams and the invariants."""

from engine.chart import Chart
from workflows import (
    late_pickup,
    makeup_credit,
    mandate,
    refund_request,
    subscription,
    term_booking,
    term_booking_order,
    waiting_list,
)

CHARTS: tuple[Chart, ...] = (
    term_booking_order.CHART, term_booking.CHART, mandate.CHART, waiting_list.CHART, subscription.CHART,
    makeup_credit.CHART, late_pickup.CHART, refund_request.CHART,
)  # fmt: skip


def edges() -> dict[str, list[tuple[str, int | None, int]]]:
    """The allowed (trigger, from, to) of each chart, as codes, for `engine.check`."""
    return {chart.name: chart.edges() for chart in CHARTS}
