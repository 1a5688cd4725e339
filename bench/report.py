"""The figures as tables, each with its bar beside it. Speed is told, never asserted."""

from rich.console import Console
from rich.table import Table

from bench.measure import CLIENTS, SIDES, USUAL_SIZE, Measured, Statements

NAMES = {"floor": "floor", "engine": "engine", "http": "HTTP"}
_LEGEND = """
An order is submitted and confirmed, in two transactions.
floor   the same rows, keys and row level security, by one function per
        transaction, without decisions
engine  the verbs, in process
HTTP    the API with two workers, bearer tokens and idempotency keys
A ratio is to the floor: the median of rounds in which the sides take turns.
CPU is that of the clients, of PostgreSQL's backends and of the API.
"""
# At least; to be reached for.
_RATE_BARS = {"engine": (0.45, 0.70), "http": (0.28, 0.45)}
# At most; to be reached for.
_CPU_BARS = {"engine": (2.1, 1.5)}
_STATEMENT_BARS = (11, 13)


def show(
    console: Console, *, many: Measured, one: Measured, sizes: list[Measured], statements: list[Statements],
    server: str, sees_server: bool, rows_per_order: dict[int, int],
) -> None:  # fmt: skip
    """Print everything that was measured."""
    console.print(f"\nOrders over 8 organisations, on {server}.\n{_LEGEND}")
    for measured in (many, one):
        console.print(_speed(measured))
    if not sees_server:
        console.print("[yellow]The server runs on another machine: its CPU is missing from these figures.[/]")
    console.print(_sizes(sizes, rows_per_order))
    console.print(_statements(statements))


def _speed(measured: Measured) -> Table:
    clients = f"{measured.clients} client{'s' if measured.clients > 1 else ''}"
    table = Table(title=f"{measured.sessions} sessions, {clients}", title_justify="left")
    for heading in ("", "orders/s", "ratio", "bar", "CPU ms/order", "of it clients", "ratio", "bar"):
        table.add_column(heading, justify="right" if heading else "left")
    for side in SIDES:
        is_judged = measured.clients == CLIENTS and measured.sessions == USUAL_SIZE
        table.add_row(
            NAMES[side], f"{measured.rate(side):.1f}", *_judged(measured.rate_ratio(side), side, _RATE_BARS, is_judged),
            f"{measured.cpu_ms(side):.2f}", f"{measured.client_cpu_ms(side):.2f}",
            *_judged(measured.cpu_ratio(side), side, _CPU_BARS, is_judged),
        )  # fmt: skip
    return table


def _judged(ratio: float, side: str, bars: dict[str, tuple[float, float]], is_judged: bool) -> tuple[str, str]:
    """The ratio, green where it meets its bar, and the bar with what to reach for."""
    if side == "floor":
        return "1", ""
    if side not in bars or not is_judged:
        return f"{ratio:.2f}", ""
    bar, reach = bars[side]
    is_met, sign = (ratio >= bar, "≥") if reach > bar else (ratio <= bar, "≤")
    return f"[{'green' if is_met else 'red'}]{ratio:.2f}[/]", f"{sign} {bar}, reach {reach}"


def _sizes(sizes: list[Measured], rows_per_order: dict[int, int]) -> Table:
    table = Table(title="By number of sessions, 1 client: ms per order (CPU ms)", title_justify="left")
    ratios = (f"{NAMES[side]} ratio" for side in SIDES[1:])
    for heading in ("sessions", "rows", *NAMES.values(), *ratios):
        table.add_column(heading, justify="right")
    for measured in sizes:
        costs = [f"{1000 / measured.rate(side):.1f} ({measured.cpu_ms(side):.1f})" for side in SIDES]
        rates = [f"{measured.rate_ratio(side):.2f}" for side in SIDES[1:]]
        table.add_row(str(measured.sessions), str(rows_per_order[measured.sessions]), *costs, *rates)
    return table


def _statements(statements: list[Statements]) -> Table:
    table = Table(title="Statements per order, counted on the server", title_justify="left")
    for heading in ("sessions", "in process", "bar", "through HTTP", "bar"):
        table.add_column(heading, justify="right")
    for found in statements:
        cells = []
        for number, bar in zip((found.in_process, found.through_http), _STATEMENT_BARS, strict=True):
            cells += [f"[{'green' if number <= bar else 'red'}]{number:g}[/]", f"≤ {bar}"]
        table.add_row(str(found.sessions), *cells)
    is_same = len({(s.in_process, s.through_http) for s in statements}) == 1
    table.caption = "the same at every size" if is_same else "[red]not the same at every size[/]"
    return table
