"""What a form sent: its values as text, the same rules as the API's for them, and which field a refusal is about."""

import hashlib
import re
from collections.abc import AsyncIterator, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

from fastapi import Depends
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from api.schemas.base import FIRST_DAY, LAST_DAY, NO_NUL
from api.state import State
from engine.errors import Invalid, NotPermitted, Reason, TermbookError
from engine.money import NotAnAmount, parse_asked, why_no_amount
from web.security import anchor_of, is_token
from web.words import N_

M = TypeVar("M", bound=BaseModel)

TOKEN, KEY = "form_token", "form_key"
_MOST_FIELDS = 2000


class FormOutOfDate(NotPermitted):
    """The form was made for another visit: before a sign-in, or by nobody here."""

    code = "form_out_of_date"


@dataclass(frozen=True)
class Wrong:
    """What was typed and cannot be read, in place of its value."""

    reason: Reason


@dataclass(frozen=True)
class Form:
    """What was sent. `key` makes sending it twice one request; `faults` are what is wrong, by field."""

    fields: FormData = field(default_factory=FormData)
    key: str | None = None
    faults: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str, default: str = "") -> str:
        """The value as it was typed, without spaces around it; of several, the last."""
        found = self.fields.getlist(name)
        last = found[-1] if found else default
        return typed(last) if isinstance(last, str) else default

    def texts(self, name: str) -> list[str]:
        return [typed(one) for one in self.fields.getlist(name) if isinstance(one, str)]

    def secret(self, name: str) -> str:
        """A password just as it was typed: spaces around it are part of it."""
        found = self.fields.get(name)
        return found if isinstance(found, str) else ""

    def lines(self, name: str) -> list[str]:
        """The lines of a text area that are not empty."""
        return [line.strip() for line in self.text(name).splitlines() if line.strip()]

    def whole(self, name: str) -> int | str | None:
        """A whole number; None where nothing is written, and the text itself where it is no number."""
        text = self.text(name)
        return int(text) if re.fullmatch(r"[+-]?[0-9]{1,12}", text) else text or None

    def decimal(self, name: str) -> Decimal | str | None:
        """The same of a number with decimals; a comma is one as well."""
        text = self.text(name).replace(",", ".")
        try:
            found = Decimal(text) if text else None
        except InvalidOperation:
            return text
        return found if found is None or found.is_finite() else text

    def minor(self, name: str, organisation: Mapping[str, Any], *, least: int = 0) -> "int | Wrong | None":
        """Minor units of an amount; None where nothing is written, what is wrong where it is none: `checked` tells."""
        text = self.text(name)
        if not text:
            return None
        try:
            found = parse_asked(plain_number(text), organisation["currency"], organisation["locale"])
        except NotAnAmount as fault:
            return Wrong(why_no_amount(fault, name))
        if found >= least:
            return found
        message = N_("Enter an amount above 0.") if least else N_("Enter an amount of 0 or more.")
        return Wrong(Reason("amount_not_positive", message, field=name))

    def amount(self, name: str, organisation: Mapping[str, Any], *, least: int = 0) -> int | None:
        """The same; raises Invalid at the field where it is none."""
        found = self.minor(name, organisation, least=least)
        if isinstance(found, Wrong):
            raise Invalid(N_("Please check the fields marked below."), reasons=[found.reason])
        return found

    def is_ticked(self, name: str) -> bool:
        return bool(self.text(name))

    def ids(self, name: str) -> list[UUID]:
        """Ids of the boxes that are ticked. Raises Invalid where one is no id: only a form of ours has them."""
        return [id_in(text, name) for text in self.texts(name)]

    def id(self, name: str) -> UUID | None:
        text = self.text(name)
        return id_in(text, name) if text else None

    def one(self, name: str) -> UUID:
        """What a form of ours always names. Raises Invalid where it is missing: nothing is done silently."""
        return id_in(self.text(name), name)

    def file(self, name: str) -> UploadFile | None:
        found = self.fields.get(name)
        return found if isinstance(found, UploadFile) and found.filename else None

    def has(self, name: str) -> bool:
        return name in self.fields

    def names(self) -> Iterator[str]:
        return iter(self.fields.keys())

    def shown(self, name: str, default: Any = "") -> Any:
        """What a field shows: what was typed where something was, what is kept otherwise."""
        return self.text(name) if name in self.fields else default

    def with_faults(self, refusal: TermbookError) -> "Form":
        """The same form, with what a refusal says of its fields."""
        return Form(self.fields, self.key, faults_of(refusal))


NOTHING_SENT = Form()


def typed(text: str) -> str:
    """A text without the spaces around it, and without NUL: nobody types one, and the database keeps none."""
    return text.replace("\x00", "").strip()


def day_in(text: str) -> date | None:
    """The day that is written there; None where it is none, or none that anybody means."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if FIRST_DAY <= found <= LAST_DAY else None


def id_in(text: str, name: str) -> UUID:
    """The id that a field holds. Raises Invalid naming the field."""
    try:
        return UUID(text)
    except ValueError:
        message = N_("Choose one from the list.")
        raise Invalid(message, reasons=[Reason("malformed", message, field=name)]) from None


def new_key() -> str:
    return uuid4().hex


def checked(
    schema: type[M], values: dict[str, Any], *, prefix: str = "", within: Collection[str] = ()
) -> M:  # fmt: skip
    """The values by the API's own rules; what is `within` one of them has a field of its own. Raises Invalid with a
    reason for each field, those among it that hold what is wrong already.
    """
    unread = {name: value.reason for name, value in values.items() if isinstance(value, Wrong)}
    try:
        found = schema.model_validate({name: None if name in unread else value for name, value in values.items()})
    except ValidationError as wrong:
        faults = [fault for fault in wrong.errors(include_url=False) if fault["loc"][:1] not in {(n,) for n in unread}]
        reasons = [*unread.values(), *(_reason(fault, prefix, within) for fault in faults)]
        first = {reason.field: reason for reason in reversed(reasons)}  # one at each field says enough
        raise Invalid(N_("Please check the fields marked below."), reasons=list(reversed(first.values()))) from wrong
    if unread:
        raise Invalid(N_("Please check the fields marked below."), reasons=list(unread.values()))
    return found


@contextmanager
def fields_are(**names: str) -> Iterator[None]:
    """What is refused of a field of the API is said of the field that the form has for it."""
    try:
        yield
    except TermbookError as refusal:
        refusal.reasons = [replace(reason, field=names.get(reason.field or "", reason.field))
                           for reason in refusal.reasons]  # fmt: skip
        raise


class Faults:
    """What is wrong with each part of a form; a part that is refused ends, and the next is looked at all the same."""

    def __init__(self) -> None:
        self.reasons: list[Reason] = []

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, refusal: BaseException | None, trace: object) -> bool:
        if not isinstance(refusal, Invalid) or not refusal.reasons:
            return False
        self.reasons += refusal.reasons
        return True


@contextmanager
def together() -> Iterator[Faults]:
    """Several parts of one form: all that is wrong with any of them is told at once. Raises Invalid at the end."""
    found = Faults()
    yield found
    if found.reasons:
        raise Invalid(N_("Please check the fields marked below."), reasons=found.reasons)


def plain_number(text: str) -> str:
    """An amount with a decimal comma as one with a point."""
    return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text


def faults_of(refusal: TermbookError) -> dict[str, str]:
    """The first thing that is wrong with each field."""
    found: dict[str, str] = {}
    for reason in refusal.reasons:
        if reason.field:
            found.setdefault(reason.field.partition("[")[0], reason.message)
    return found


_SAID = {
    "string_too_short": N_("Please fill this in."),
    "missing": N_("Please fill this in."),
    "string_type": N_("Please fill this in."),
    "date_type": N_("Please choose a date."),
    "date_from_datetime_parsing": N_("Please choose a date."),
    "date_parsing": N_("Please choose a date."),
    "int_type": N_("Enter a whole number."),
    "int_parsing": N_("Enter a whole number."),
    "decimal_parsing": N_("Enter a number."),
    "decimal_type": N_("Enter a number."),
    "uuid_parsing": N_("Choose one from the list."),
    "uuid_type": N_("Choose one from the list."),
    "enum": N_("Choose one from the list."),
    "literal_error": N_("Choose one from the list."),
    "time_type": N_("Enter a time."),
    "time_parsing": N_("Enter a time."),
}
_NOT_FILLED_IN = N_("Please fill this in.")
_IN_GENERAL = N_("This can't be saved as it is. Please check it.")
_CHOSEN = ("uuid_parsing", "uuid_type", "enum", "literal_error")
# What the API says with an example of how a program writes it.
_BY_EXAMPLE = {"2026-04-12": N_("Please choose a date."), "09:30": N_("Enter a time.")}
# What a field that has a pattern takes.
SAID_OF_PATTERNS = {
    NO_NUL: N_("It contains a character we can't save. Please type it again."),
    r"^[0-9]{4,8}$": N_("Use 4 to 8 digits."),
    r"^[0-9]*$": N_("Use digits only."),
    r"^([0-9]{6})?$": N_("Use 6 digits."),
    r"^([A-Z]{3})?$": N_("Use 3 capital letters."),
    r"^[A-Z][A-Z0-9_]{1,39}$": N_("Use capital letters, digits and underscores, a letter first."),
    r"^[A-Za-z0-9-]*$": N_("Use letters, digits and dashes only."),
    r"^[A-Za-z0-9-]+$": N_("Use letters, digits and dashes only."),
    r"^[A-Za-z0-9 -]*$": N_("Use letters, digits and dashes only."),
    r"^[A-Za-z0-9_+/-]+$": N_("Name a time zone, such as America/Toronto."),
    r"^[0-9]{1,3}(\.[0-9]{1,4})?$": N_("Enter a percentage from 0 to 100."),
}


def _reason(fault: Any, prefix: str, within: Collection[str]) -> Reason:
    code, path = str(fault["type"]), [part for part in fault["loc"] if isinstance(part, str)]
    name = prefix + (path[1] if len(path) > 1 and path[0] in within else path[0] if path else "")
    context = fault.get("ctx", {})
    facts: dict[str, Any] = {}
    if fault["input"] in (None, "") and not code.startswith("date_"):
        message = _SAID.get(code, _NOT_FILLED_IN) if code in _CHOSEN else _NOT_FILLED_IN
    elif code == "string_too_long":
        message, facts = N_("Use at most %(most)s characters."), {"most": context["max_length"]}
    elif code == "string_too_short" and context["min_length"] > 1:
        message, facts = N_("Use at least %(least)s characters."), {"least": context["min_length"]}
    elif code == "too_short":
        message, facts = N_("Choose at least %(least)s."), {"least": context["min_length"]}
    elif code == "too_long":
        message, facts = N_("At most %(most)s lines."), {"most": context["max_length"]}
    elif code in ("greater_than_equal", "less_than_equal"):
        message = N_("At least %(least)s.") if "ge" in context else N_("At most %(most)s.")
        facts = {"least": str(context.get("ge")), "most": str(context.get("le"))}
    elif code == "string_pattern_mismatch":
        pattern = context.get("pattern", "")
        message = (
            N_("Write an e-mail address, such as name@example.org.")
            if "@" in pattern
            else SAID_OF_PATTERNS.get(pattern) or _IN_GENERAL
        )
    elif code == "value_error":
        said = str(fault["msg"]).removeprefix("Value error, ")
        message = next((words for example, words in _BY_EXAMPLE.items() if example in said), said)
    else:
        message = _SAID.get(code) or _IN_GENERAL
    return Reason(code, message, field=name, facts=facts or None)


async def posted(request: Request) -> AsyncIterator[Form]:
    """The form of this request; its files are closed with it. Raises FormOutOfDate where it is none of this visit."""
    state: State = request.app.state.termbook
    fields = await request.form(max_fields=_MOST_FIELDS)
    try:
        anchor, is_new = anchor_of(request, state.settings)
        token = fields.get(TOKEN)
        if is_new or not isinstance(token, str) or not is_token(state.settings, anchor, token):
            raise FormOutOfDate(
                N_("This form is out of date because you signed in or out after opening it. Nothing was changed.")
            )  # fmt: skip
        yield Form(fields, await _key(request, fields) if KEY in fields else None)
    finally:
        await fields.close()


async def _key(request: Request, fields: FormData) -> str:
    """The same form with the same content is the same request; with another content it is a new one."""
    found = hashlib.sha256(request.url.path.encode())
    for name, value in fields.multi_items():
        found.update(f"\0{name}\0".encode("utf-8", "replace"))
        if isinstance(value, str):
            found.update(value.encode("utf-8", "replace"))
        else:
            found.update(await value.read())
            await value.seek(0)
    return f"form-{found.hexdigest()}"


Posted = Annotated[Form, Depends(posted)]
