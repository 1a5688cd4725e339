"""The command, as a person types it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from engine.database import Database
from engine.errors import NotFound
from engine.settings import settings
from samples.sample import make_organisation
from workflows.charts import CHARTS

SAMPLES = Path(__file__).parents[2] / "samples"
COURSES = SAMPLES / "toronto_registered_programs_centre7_2026.csv"
KNOWN = ["--organisation", "maple", "--mapping", str(SAMPLES / "toronto_centre7.toml"),
         "--prices", str(SAMPLES / "toronto_prices.toml")]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def maple(database_url: str) -> None:
    make_organisation(database_url, slug="maple", name="Maple", now=datetime(2026, 3, 31, 13, tzinfo=UTC))


@pytest.fixture(autouse=True)
def environment(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("TERMBOOK_DATA_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("TERMBOOK_CLOCK_START", "2026-03-31T09:00:00-04:00")
    settings.cache_clear()
    yield
    settings.cache_clear()


class TestImport:
    def test_tells_first_and_does_then(self, database: Database) -> None:
        preview = CliRunner().invoke(app, ["import", str(COURSES), *KNOWN, "--dry-run"])
        with database.transaction(database.organisations()[0]) as tx:
            before = tx.rows("SELECT id FROM term_program_set")

        done = CliRunner().invoke(app, ["import", str(COURSES), *KNOWN])
        again = CliRunner().invoke(app, ["import", str(COURSES), *KNOWN])

        assert preview.exit_code == done.exit_code == again.exit_code == 0
        assert before == []
        assert "offerings  53 new, 0 changed, 0 unchanged" in preview.output
        assert "offerings  53 new, 0 changed, 0 unchanged" in done.output
        assert "offerings  0 new, 0 changed, 53 unchanged" in again.output

    def test_a_bad_row_stops_it_with_its_line(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.csv"
        bad.write_text("".join(COURSES.read_text("utf-8").splitlines(True)[:4]).replace("Apr-20-2026", "Apr-31-2026"))

        done = CliRunner().invoke(app, ["import", str(bad), *KNOWN])

        assert done.exit_code == 1
        assert "nothing was changed" in done.output
        assert "line 4, From To: 'Apr-31-2026' is not a date" in done.output

    def test_an_organisation_that_does_not_exist(self) -> None:
        done = CliRunner().invoke(app, ["import", str(COURSES), "--organisation", "oak", "--mapping", str(COURSES)])

        assert isinstance(done.exception, NotFound)
        assert done.exception.message == "There is no organisation 'oak'."


class TestCheck:
    def test_says_that_all_is_well(self) -> None:
        done = CliRunner().invoke(app, ["check"])

        assert done.exit_code == 0
        assert re.fullmatch(r"All \d+ invariants hold\.", done.output.strip())

    def test_replays_the_history_when_asked(self) -> None:
        done = CliRunner().invoke(app, ["check", "--replay"])

        assert done.exit_code == 0
        assert "from the history alone: every status and every place taken is as it stands." in done.output

    def test_exits_1_and_names_what_is_broken(self, database: Database) -> None:
        organisation = database.organisation_by_slug("maple")
        assert organisation is not None
        CliRunner().invoke(app, ["import", str(COURSES), *KNOWN])
        one = "SELECT min(id::text)::uuid FROM term_product WHERE capacity > 0"
        database.run(organisation, lambda tx: tx.run(f"UPDATE term_product SET taken = 1 WHERE id = ({one})"))

        done = CliRunner().invoke(app, ["check", "--organisation", "maple"])
        played = CliRunner().invoke(app, ["check", "--organisation", "maple", "--replay"])
        database.run(organisation, lambda tx: tx.run("UPDATE term_product SET taken = 0"))

        assert done.exit_code == played.exit_code == 1
        assert "taken" in done.output
        assert "1 place is taken; by the history alone 0 are." in played.output


class TestDiagram:
    def test_a_stale_one_fails_until_it_is_written(self, tmp_path: Path) -> None:
        readme = tmp_path / "README.md"
        readme.write_text("\n".join(f"<!-- diagram {c.name} -->old<!-- end {c.name} -->" for c in CHARTS))

        stale = CliRunner().invoke(app, ["diagram", "--check", str(readme)])
        CliRunner().invoke(app, ["diagram", "--write", str(readme)])
        fresh = CliRunner().invoke(app, ["diagram", "--check", str(readme)])

        assert (stale.exit_code, fresh.exit_code) == (1, 0)
        assert "CREATED --> SUBMITTED: submit" in readme.read_text()


class TestExport:
    def test_the_journal_and_a_report_go_to_files(self, tmp_path: Path) -> None:
        asked = ["--organisation", "maple", "--since", "2026-03-01", "--until", "2026-03-31"]
        journal, xero, book = tmp_path / "journal.csv", tmp_path / "xero.csv", tmp_path / "tax.xlsx"

        done = [
            CliRunner().invoke(app, ["export", "journal", *asked, "--out", str(journal)]),
            CliRunner().invoke(app, ["export", "journal", *asked, "--xero", "--out", str(xero)]),
            CliRunner().invoke(app, ["export", "report", "tax", *asked, "--out", str(book)]),
            CliRunner().invoke(app, ["export", "report", "trial-balance", *asked]),
        ]

        assert [each.exit_code for each in done] == [0] * 4, [each.output for each in done]
        assert journal.read_text().startswith("Entry,Posted on,Event on,Source")
        assert xero.read_text().startswith("*Narration,*Date,Description,*AccountCode,*TaxRate,*Amount")
        assert book.read_bytes().startswith(b"PK")
        assert "Account,Opening,Debit,Credit,Balance" in done[-1].output
