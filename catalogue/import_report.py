"""What an import did, or would do: counts, bad rows, what vanished from the file, what stayed because it is booked."""

from dataclasses import dataclass, field

from catalogue.sessions import SessionChanges
from catalogue.sets import Counts
from catalogue.source import BadRow


@dataclass(frozen=True, slots=True)
class ChangedOffering:
    """An offering whose row differs from what was imported before, and in what."""

    line: int
    key: str
    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class VanishedOffering:
    """An offering that was imported from this source before and is no longer in the file; it is left as it is."""

    key: str
    name: str


@dataclass(slots=True)
class ImportReport:
    """The outcome of one import; `applied` is False for a preview and for a file with bad rows: nothing was written."""

    source: str
    dry_run: bool = False
    applied: bool = False
    rows_read: int = 0
    offerings: Counts = field(default_factory=Counts)
    sessions: SessionChanges = field(default_factory=SessionChanges)
    sites: Counts = field(default_factory=Counts)
    terms: Counts = field(default_factory=Counts)
    categories: Counts = field(default_factory=Counts)
    programs: Counts = field(default_factory=Counts)
    rules: Counts = field(default_factory=Counts)
    bad_rows: list[BadRow] = field(default_factory=list)
    changed: list[ChangedOffering] = field(default_factory=list)
    vanished: list[VanishedOffering] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    # Every key that stands in the file, also on a bad row: it has not vanished.
    seen_keys: set[str] = field(default_factory=set, repr=False)

    @property
    def created(self) -> int:
        return self.offerings.created

    @property
    def updated(self) -> int:
        return self.offerings.updated

    @property
    def unchanged(self) -> int:
        return self.offerings.unchanged

    @property
    def is_refused(self) -> bool:
        """Whether bad rows stopped it."""
        return not self.applied and not self.dry_run

    def forget_writes(self) -> None:
        """Nothing was written after all: the counts say so."""
        self.offerings, self.sites, self.terms = Counts(), Counts(), Counts()
        self.categories, self.programs, self.rules = Counts(), Counts(), Counts()
        self.sessions = SessionChanges()
        self.changed = []
