"""What all schemas share: inputs that refuse what they do not know, texts with bounds, pages of a list."""

import datetime
import re
from typing import Annotated, Any, Generic, TypeVar, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    WithJsonSchema,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from engine.money import MOST_ASKED_MINOR

T = TypeVar("T")

# PostgreSQL keeps every character but NUL; emoji and right-to-left scripts are welcome.
NO_NUL = "^[^\x00]*$"
LARGEST_AMOUNT_MINOR = MOST_ASKED_MINOR
LARGEST_COUNT = 100_000

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=NO_NUL)]
ShortText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200, pattern=NO_NUL)]
LongText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern=NO_NUL)]
Lines = Annotated[list[ShortText], Field(max_length=10)]
Names = Annotated[list[Name], Field(max_length=20)]
_ADDRESS = r"[^\x00-\x20@]+@[^\x00-\x20@]+"
Email = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=f"^{_ADDRESS}$")]
EmailOrNone = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, max_length=254, pattern=f"^({_ADDRESS})?$")
]
# Strict: 1.0, true and "1" are not whole numbers, and "yes" is no answer to a yes-or-no question.
Whole = Annotated[int, Field(strict=True)]
YesNo = Annotated[bool, Field(strict=True)]
Minor = Annotated[Whole, Field(ge=0, le=LARGEST_AMOUNT_MINOR, description="In minor units of the currency (cents).")]
Count = Annotated[Whole, Field(ge=0, le=LARGEST_COUNT)]
# Python's calendar ends at both ends, and a week, or an hour of another zone, beside them is outside of it.
FIRST_DAY, LAST_DAY = datetime.date(1900, 1, 1), datetime.date(2200, 1, 1)


def _is_written(form: str, example: str) -> BeforeValidator:
    """Dates and times are written out, never counted in seconds."""

    def check(value: Any) -> Any:
        if not isinstance(value, datetime.date | datetime.time) and not (
            isinstance(value, str) and re.match(form, value)
        ):
            raise ValueError(f"write it as {example}")
        return value

    return BeforeValidator(check)


def _in_the_calendar(value: datetime.date) -> datetime.date:
    day = value.date() if isinstance(value, datetime.datetime) else value
    if not FIRST_DAY <= day <= LAST_DAY:
        raise ValueError(f"write a day such as 2026-04-12, from {FIRST_DAY} to {LAST_DAY}")
    return value


_IN_THE_CALENDAR = AfterValidator(_in_the_calendar)
# A decimal comes as a number or as a text of digits.
WRITTEN_DECIMAL = WithJsonSchema(
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^[0-9]{1,4}(\.[0-9])?$"}]}, mode="validation"
)
Day = Annotated[datetime.date, _is_written(r"\d{4}-\d\d-\d\d$", "2026-04-12"), _IN_THE_CALENDAR]
# JSON Schema's "time" has an offset; a local time has none.
LocalTime = Annotated[
    datetime.time,
    _is_written(r"\d\d:\d\d(:\d\d)?$", "09:30"),
    WithJsonSchema({"type": "string", "pattern": r"^([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9])?$"}),
]
ShownTime = Annotated[str, Field(pattern=r"^\d\d:\d\d:\d\d", description="Of the site, without an offset.")]
Moment = Annotated[
    AwareDatetime,
    _is_written(r"\d{4}-\d\d-\d\dT", "2026-04-12T09:30:00-04:00"),
    _IN_THE_CALENDAR,
]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{name!r} is no IANA time zone such as America/Toronto") from None
    return name


TimeZone = Annotated[
    str,
    StringConstraints(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_+/-]+$"),
    AfterValidator(_known_zone),
    Field(examples=["America/Toronto"]),
]


class Input(BaseModel):
    """What a caller sends: an unknown field is refused, never ignored."""

    model_config = ConfigDict(extra="forbid")


class Change(Input):
    """A part of something to change: what is left out stays as it is."""

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Without defaults: a client made from the document would send them, and a capacity of 0 is a change."""
        schema = handler(core)
        for shown in handler.resolve_ref_schema(schema)["properties"].values():
            shown.pop("default", None)
        return schema

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}


class Output(BaseModel):
    """What we answer; documentation only, the answers are composed as plain values."""

    model_config = ConfigDict(extra="allow")


def shows(example: dict[str, Any]) -> ConfigDict:
    """The configuration of an answer whose documentation shows this example."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Page(Output, Generic[T]):
    """One page of a list. `next_cursor` is null on the last page."""

    items: list[T]
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page.")


def example_of(kind: Any) -> dict[str, Any] | None:
    """What the documentation shows of an answer; a page shows one of what it lists."""
    if not (isinstance(kind, type) and issubclass(kind, Output)):
        return None
    if issubclass(kind, Page):
        return {"items": [example_of(listed_in(kind))], "next_cursor": None}
    extra = kind.model_config.get("json_schema_extra")
    assert isinstance(extra, dict), f"{kind.__name__} has no example"
    found: dict[str, Any] = extra["examples"][0]  # type: ignore[index, assignment]
    return found


def listed_in(page: type[Page[Any]]) -> Any:
    """What a page is a list of."""
    return get_args(page.model_fields["items"].annotation)[0]


class FailedRule(Output):
    """One failing rule or field."""

    code: str = Field(
        description="Stable, for programs; each operation lists those of its refusals with their meaning."
    )
    message: str
    field: str | None = None
    rule: str | None = None
    session: str | None = None
    facts: dict[str, Any] | None = None


class Problem(Output):
    """Why a request was refused (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(description="Stable, for programs.")
    request_id: str
    reasons: list[FailedRule] | None = Field(default=None, description="Every rule or field that says no.")
    facts: dict[str, Any] | None = Field(default=None, description="What the refusal is about, for programs.")


_SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
Slug = Annotated[str, StringConstraints(max_length=63, pattern=rf"^{_SLUG.pattern}$"), Field(examples=["centre7"])]
