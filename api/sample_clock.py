"""Where the sample's clock stood when the sample ended: it goes on from there, whatever of its history moved."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

_FILE = "clock"


def keep(folder: Path, organisation_id: UUID, now: datetime) -> None:
    """Beside the data, for the organisation that lives by this clock."""
    fresh = folder / f"{_FILE}.new"
    fresh.write_text(f"{organisation_id} {now.isoformat()}\n", "ascii")
    fresh.replace(folder / _FILE)


def kept(folder: Path, organisation_id: UUID) -> datetime | None:
    """What was kept for this organisation; None for another, such as that of a database that was made anew."""
    path = folder / _FILE
    if not path.exists():
        return None
    whose, _, moment = path.read_text("ascii").strip().partition(" ")
    return datetime.fromisoformat(moment) if whose == str(organisation_id) else None
