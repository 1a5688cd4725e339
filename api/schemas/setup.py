"""Rules on the levels of the catalogue, and imports of a whole programme."""

from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, Base64Bytes, ConfigDict, Field, JsonValue, StringConstraints

from api.schemas.base import NO_NUL, Input, Output, YesNo, shows
from api.schemas.offerings import SessionChanges
from api.schemas.sample_programme import IMPORT_REPORT, RULE, RULES
from models import RuleScope

_DEEPEST = 20


def _can_be_kept(value: Any, depth: int = 0) -> Any:
    """PostgreSQL keeps no NUL, also not in JSON."""
    if depth > _DEEPEST:
        raise ValueError("the value is nested too deeply")
    if isinstance(value, str) and "\x00" in value:
        raise ValueError("a text cannot hold a NUL character")
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _can_be_kept(part, depth + 1)
    for key in value if isinstance(value, dict) else ():
        _can_be_kept(key, depth + 1)
    return value


class RuleValue(Input):
    """What a rule is on this level; each rule has its own form."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"value": {"PAY_NOW_PAY_ALL": 20}}]})

    value: Annotated[JsonValue, AfterValidator(_can_be_kept)]


class RuleInForce(Output):
    """A rule as it applies on a level, and where that comes from."""

    model_config = shows(RULE)

    name: str
    value: Any
    scope: RuleScope | None = Field(description="The level it is set on; null: the built-in default.")
    scope_id: UUID | None
    origin: str
    meaning: str


class Rules(Output):
    """Every rule."""

    model_config = shows(RULES)

    items: list[RuleInForce]


Toml = Annotated[str, StringConstraints(max_length=200_000, pattern=NO_NUL)]


class NewImport(Input):
    """A programme as a file, with the mapping that says what its columns mean."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "file_name": "programme.csv",
                    "content": "bmFtZSxwcmljZQo=",
                    "mapping": '[source]\nformat = "csv"\n',
                    "dry_run": True,
                }
            ]
        }
    )

    file_name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$")]
    content: Base64Bytes = Field(description="The file as it is, in base64.")
    mapping: Toml = Field(description="TOML: which column means what.")
    prices: Toml | None = Field(default=None, description="TOML: prices and capacities that the file lacks.")
    skip_bad: YesNo = Field(default=False, description="Import the rest of a file that has bad rows.")
    dry_run: YesNo = Field(default=False, description="Say what would change, and change nothing.")


class ImportReport(Output):
    """What an import did, or would do."""

    model_config = shows(IMPORT_REPORT)

    source: str
    dry_run: bool
    applied: bool
    rows_read: int
    offerings: dict[str, int]
    sessions: SessionChanges
    sites: dict[str, int]
    terms: dict[str, int]
    categories: dict[str, int]
    programs: dict[str, int]
    rules: dict[str, int]
    bad_rows: list[dict[str, Any]]
    changed: list[dict[str, Any]] = Field(description="Offerings whose row differs from what was imported before.")
    vanished: list[dict[str, Any]] = Field(description="Offerings that were imported before; they stay as they are.")
    notices: list[str]
