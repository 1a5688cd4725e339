"""`termbook invoices` and `termbook documents`, as a person types them."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine.settings import settings
from models import RuleSetting
from tests.api.conftest import World
from tests.builders import add


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TERMBOOK_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("TERMBOOK_CLOCK_START", "2026-04-24T09:00:00-04:00")
    settings.cache_clear()
    yield
    settings.cache_clear()


def run(*words: str) -> str:
    done = CliRunner().invoke(app, list(words))
    assert done.exit_code == 0, done.output
    return " ".join(done.output.split())


def test_a_run_is_looked_at_issued_and_printed(world: World, tmp_path: Path) -> None:
    monthly = world.new_sessions(count=8)
    world.edit(lambda tx: add(tx, RuleSetting, scope="TPS", scope_id=monthly[0]["term_program_set_id"],
                              name="invoicing", value="PERIOD_IN_ADVANCE"))  # fmt: skip
    for name in ("Ida", "Uma"):
        world.confirmed(world.new_child(name), monthly)
    slug = ("--organisation", "riverside-centre")

    seen = run("invoices", "preview", *slug)
    issued = run("invoices", "issue", *slug, "--yes")
    nothing = run("invoices", "issue", *slug, "--yes")

    assert "01 May 2026 – 31 May 2026" in seen
    assert "2 invoices issued in" in issued
    assert "0 suspended sessions" in nothing
    of_run = world.rows("SELECT id FROM invoice_run")[0]["id"]

    for folder in ("first", "second"):
        printed = run("documents", "render", *slug, "--into", str(tmp_path / folder), "--run", str(of_run),
                      "--workers", "1")  # fmt: skip
        assert "2 PDFs in" in printed
    first, second = _contents(tmp_path / "first"), _contents(tmp_path / "second")
    assert first == second
    assert all(name.startswith("INV-2026-") for name in first)


def _contents(folder: Path) -> dict[str, str]:
    """Each file with a digest of its bytes."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
