"""`make demo`, played on a database of the tests."""

import os
import re
import subprocess
import sys
from pathlib import Path


def test_plays_every_scene_and_leaves_the_invoice(database_url: str, tmp_path: Path) -> None:
    environment = os.environ | {"DATABASE_URL": database_url, "TERMBOOK_DATA_DIRECTORY": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", "from api.cli import main; main()", "demo"], env=environment, capture_output=True,
        text=True, timeout=120, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    for told in (
        "offerings  53 new", "Draft → Created: 9 sessions, $94.50", "9 places held, Billing version 1 opened",
        "Submitted → Quote: Q-2026-000001", "invoice INV-2026-000001 over $94.50", "9 rows on the roll",
        "refused: Mia Rossi is already booked for Karate - Beginner, Sun 19 Apr 2026 10:45–11:45",
        "Submitted → Canceled by its timeout", "  1 got the place", " 63 refused: session_full",
        "Allergy: Peanuts", "1 of 1 present", "Mia Rossi: row A seat 8, $25.00, TK-", "row A seat 8 is taken",
        "lets in Mia Rossi: row A seat 8", "It was used on Sat 25 Apr 2026 14:40.", "invariants hold.",
    ):  # fmt: skip
        assert told in done.stdout, f"{told!r} is not in\n{done.stdout}"
    path = re.search(r"The invoice: (\S+)", done.stdout)
    assert path is not None
    assert Path(path[1]).read_bytes().startswith(b"%PDF-")
