"""No code but `engine.fire` (and `transitions`, which it calls) moves a status of an order or booking."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = (
    "engine", "models", "catalogue", "billing", "invoicing", "attendance", "notifications", "workflows", "api",
    "samples",
)  # fmt: skip
MOVES_A_STATUS = {Path("engine/fire.py")}
# Rows with a `status` that has no lifecycle of its own; each assigns it in one place, by this name.
WITHOUT_LIFECYCLE = {
    (Path("attendance/marks.py"), "row.status"): "a mark on the roll",
    (Path("workflows/order_facts.py"), "row['status']"): "a code read from the database becomes its enum",
    (Path("workflows/order_endings.py"), "row['status']"): "the same, of many orders at once",
    (Path("billing/gateways/sandbox_store.py"), "columns['status']"): "a payment in the sandbox provider's own books",
}
LIFECYCLES = (
    "(term_booking_order|term_booking|direct_debit_mandate|waiting_entry|subscription|makeup_credit|late_pickup"
    "|refund_request)"
)
UPDATES = re.compile(
    rf'\bUPDATE\s+(ONLY\s+)?(public\.)?"?{LIFECYCLES}"?(\s+(AS\s+)?\w+)?\s+SET\b(?P<set>.*?)(\bFROM\b|\bWHERE\b|$)',
    re.IGNORECASE | re.DOTALL,
)
SETS_STATUS = re.compile(r'(^|[,(\s])(\w+\.)?"?status"?\s*(=|,[^=]*\)\s*=|\)\s*=)', re.IGNORECASE)


def sources() -> list[Path]:
    found = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    assert len(found) > 80, "the packages are where they are looked for"
    return found


def assigned(tree: ast.AST) -> Iterator[ast.expr]:
    """Every target that is assigned to, one by one; a declaration without a value assigns nothing."""
    for node in ast.walk(tree):
        match node:
            case ast.Assign(targets=targets):
                for target in targets:
                    yield from ast.walk(target)  # type: ignore[misc]
            case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
                yield from ast.walk(target)  # type: ignore[misc]


def moves(tree: ast.AST) -> Iterator[str]:
    """Assignments to a status, by attribute, by key, by `setattr` or by a column of `change`."""
    for target in assigned(tree):
        match target:
            case ast.Attribute(attr="status", ctx=ast.Store()):
                yield ast.unparse(target)
            case ast.Subscript(slice=ast.Constant(value="status"), ctx=ast.Store()):
                yield ast.unparse(target)
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="setattr"), args=[_, ast.Constant(value="status"), *_]):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="__setattr__"), args=[*_, ast.Constant(value="status"), _]):
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(attr="change"), keywords=words) if any(w.arg == "status" for w in words):
                yield ast.unparse(node)


def texts(tree: ast.AST) -> Iterator[str]:
    """Every text of the code, with what is put into it left out."""
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=parts):
                yield "".join(str(p.value) if isinstance(p, ast.Constant) else " _ " for p in parts)
            case ast.Constant(value=str(text)):
                yield text


def updates(tree: ast.AST) -> Iterator[str]:
    """Statements that set the status of an order or booking."""
    for text in texts(tree):
        for found in UPDATES.finditer(text):
            if SETS_STATUS.search(found["set"]):
                yield found[0]


def test_nothing_assigns_a_status() -> None:
    found = {
        (path.relative_to(ROOT), target)
        for path in sources()
        for target in moves(ast.parse(path.read_text()))
        if path.relative_to(ROOT) not in MOVES_A_STATUS
    }

    assert found == WITHOUT_LIFECYCLE.keys()


def test_no_statement_sets_a_status() -> None:
    found = {
        (path.relative_to(ROOT), sql)
        for path in sources()
        for sql in updates(ast.parse(path.read_text()))
        if path.relative_to(ROOT) not in MOVES_A_STATUS
    }

    assert found == set()


@pytest.mark.parametrize(
    "code",
    [
        "order.status = S.APPROVED", "self.order.status = 500", "a, b.status = 1, 2", "booking.status: int = 3",
        "order['status'] = 500", "setattr(order, 'status', 500)", "order.change(status=500)", "order.status += 1",
        "object.__setattr__(order, 'status', 500)",
    ],
)  # fmt: skip
def test_sees_an_assignment(code: str) -> None:
    assert list(moves(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "'UPDATE term_booking_order SET status = 500 WHERE id = 1'",
        "'UPDATE term_booking t SET version = 2, status = r.status FROM r'",
        'f\'update "term_booking" SET "status" = {x}\'',
        "'UPDATE term_booking_order SET (version, status) = (1, 500)'",
        "'UPDATE term_booking_order AS o SET note = 1,\\n status=500'",
    ],
)
def test_sees_a_statement(code: str) -> None:
    assert list(updates(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "'UPDATE term_booking t SET payment_state = 1 WHERE t.status = 2'",
        "'UPDATE timer SET status = 1'",
        "'UPDATE term_booking_line SET status = 1'",
    ],
)
def test_leaves_other_statements_alone(code: str) -> None:
    assert not list(updates(ast.parse(code)))
