"""A language in which every text that was translated is between marks, and what of a page is not.

It is made of the catalogues as any other, so that a page speaks it as it speaks French. Its days and months are Greek:
a Latin letter outside the marks is somebody's data, or a text that nobody can translate.
"""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from babel.messages.catalog import Catalog

from tests.web.conftest import Centre
from web import words
from web.catalogues import kept, write
from web.render import initials

MARKED, OPENED, CLOSED = "el", "⟦", "⟧"
_PLACE = re.compile(r"(%\(\w+\)[sd]|%%)")
_MARKS = re.compile(f"([{OPENED}{CLOSED}])")
_WORD = re.compile(r"[A-Za-z]{2,}")
_READ_OUT = ("title", "aria-label", "aria-description", "aria-valuetext", "placeholder", "alt", "label")
_BUTTONS = ("submit", "reset", "button")
_SILENT = frozenset(("script", "style", "textarea", "code", "pre"))
_EMPTY = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)


def marked(text: str, french: str) -> str:
    """The text with each of its pieces between marks. What is filled in stands outside: it has marks of its own.

    What French does not say, such as the name of a step, is not said either.
    """
    pieces = [one for one in _PLACE.split(text) if one in french or not _PLACE.fullmatch(one)]
    return "".join(f"{OPENED}{one}{CLOSED}" if _WORD.search(one) and not _PLACE.fullmatch(one) else one
                   for one in pieces)  # fmt: skip


@contextmanager
def spoken(folder: Path) -> Iterator[str]:
    """A language of marks that pages speak meanwhile."""
    catalogue = Catalog(locale=MARKED, charset="utf-8")
    for known in kept("fr").values():
        for message in known:
            if message.id:
                french = str(message.string)
                is_one = isinstance(message.id, str)
                said = [marked(one, french) for one in ([message.id] if is_one else message.id)]
                catalogue.add(message.id, said[0] if is_one else tuple(said))
    (folder / MARKED).mkdir()
    write(folder / MARKED / "everything.po", catalogue)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(words, "CATALOGUES", folder)
        patch.setitem(words.LANGUAGES, MARKED, "Ελληνικά")
        words.translations.cache_clear()
        yield MARKED
    words.translations.cache_clear()


class _Page(HTMLParser):
    """What a page says, with the element that each text stands in or the attribute that it is; and its forms."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[str, str]] = []
        self.forms: list[FormOfPage] = []
        self._within: list[tuple[str, bool]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        # What says its language speaks that one, whatever the page's; an example for a program is in none.
        is_silent = self._is_silent() or tag in _SILENT or given.get("lang", MARKED) != MARKED
        if tag not in _EMPTY:
            self._within.append((tag, is_silent))
        if not is_silent:
            self.found += [(f"{tag} {name}", text) for name, value in given.items()
                           for text in _read_out(name, value, given)]  # fmt: skip
        if tag == "form":
            self.forms.append(FormOfPage(given.get("action", ""), given.get("method", "get")))
        elif self.forms and "name" in given and tag in ("input", "select", "textarea", "button"):
            self.forms[-1].fields.append((given["name"], given.get("type", tag), given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        while any(tag == name for name, _ in self._within):
            if self._within.pop()[0] == tag:
                return

    def handle_data(self, data: str) -> None:
        if not self._is_silent():
            self.found.append((self._within[-1][0] if self._within else "", data))

    def _is_silent(self) -> bool:
        return bool(self._within) and self._within[-1][1]


def _read_out(name: str, value: str, given: dict[str, str]) -> list[str]:
    """The texts of an attribute: what is read out, and what scripts are given to say."""
    if name in _READ_OUT or (name == "value" and given.get("type") in _BUTTONS):
        return [value]
    if not name.startswith("data-"):
        return []
    return list(leaves(json.loads(value))) if value[:1] in ("{", "[") else [value] if " " in value else []


def leaves(value: Any) -> Iterator[str]:
    """Every text within what JSON says."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from leaves(one)


@dataclass
class FormOfPage:
    """Where a form goes, and each of its fields: name, kind, and the value that it has by itself."""

    action: str
    method: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)

    def filled(self, text: str) -> dict[str, list[str]]:
        """What it sends where somebody writes that everywhere and ticks nothing; its first button is pressed."""
        sent: dict[str, list[str]] = {}
        for name, kind, value in self.fields:
            if kind == "hidden" or (kind in ("submit", "button") and name not in sent):
                sent.setdefault(name, []).append(value)
            elif kind not in ("checkbox", "radio", "file", "submit", "button"):
                sent.setdefault(name, []).append(text)
        return sent

    def files(self) -> dict[str, tuple[str, bytes, str]]:
        """Files that are none; what they are called is known of the bank's, so that it is data in what is said."""
        return {name: ("march.csv", b"\x00?", "text/plain") for name, kind, _ in self.fields if kind == "file"}


def forms_of(page: str) -> list[FormOfPage]:
    reader = _Page()
    reader.feed(page)
    return reader.forms


def texts_of(page: str) -> list[tuple[str, str]]:
    """What a page says, with where each text stands."""
    reader = _Page()
    reader.feed(page)
    return reader.found


def unmarked(page: str) -> Iterator[tuple[str, str]]:
    """What of a page is not between marks, with where it stands."""
    depth = 0
    for where, text in texts_of(page):
        if " " in where:
            left, _ = _outside(text, 0)
        else:
            left, depth = _outside(text, depth)
        if _WORD.search(left):
            yield where, left


def _outside(text: str, depth: int) -> tuple[str, int]:
    """What of the text is not between marks, and how many are open behind it."""
    left = []
    for piece in _MARKS.split(text):
        if piece in (OPENED, CLOSED):
            depth += 1 if piece == OPENED else -1
        elif depth <= 0:
            left.append(piece)
    return re.sub(r"\s+", " ", "\N{BULLET}".join(left)).strip(), depth


class Written:
    """What people wrote, as the database has it of every centre: names, numbers and notes need no translation."""

    # Texts of ours stand in other columns: reasons, descriptions of lines; and what a program calls something.
    _COLUMNS = ("name", "legal_name", "email", "reference", "code", "row_name", "text", "filename", "bank_account",
                "relationship", "tax_name", "title", "body",
                "label", "time_zone", "slug", "allergy_notes", "medical_notes", "phone")  # fmt: skip
    _LISTS = ("address", "authorised_pick_ups", "must_not_collect", "display", "letterhead")
    _PEOPLE = ("attendee", "user", "account")
    # INV-2026-000001, TB-4F7K9QW2, and the beginning of one as an example; a masked account; an id; a currency; an
    # e-mail address.
    _NUMBERS = re.compile(r"\b[A-Z]{1,4}-[\dA-Z…][\dA-Z-]*|[A-Z]{2}(?=••)|[0-9a-f]{8}-[0-9a-f-]{27}|CA\$|\S+@\S+")

    def __init__(self, centre: Centre) -> None:
        people = [name for table in self._PEOPLE for name in _values(centre, table, "name")]
        texts = {*people, *(word for name in people for word in name.split()), *map(initials, people)}
        for column in _columns(centre):
            if column["kind"] == "character varying" and column["name"] in self._COLUMNS:
                texts |= set(_values(centre, column["table"], column["name"]))
            elif column["name"] in self._LISTS:
                every = _values(centre, column["table"], column["name"])
                is_json = column["kind"] == "jsonb"
                texts |= {leaf for one in every for leaf in (leaves(json.loads(one)) if is_json else [one])}
        texts |= {row["code"] for row in centre.rows(_CODES)}
        every = sorted((re.sub(r"\s+", " ", text) for text in texts if len(text) > 1), key=len, reverse=True)
        self._texts = re.compile("|".join(rf"(?<!\w){re.escape(text)}(?!\w)" for text in every))

    def without(self, text: str) -> str:
        return self._NUMBERS.sub("", self._texts.sub("", text))


_CODES = """
SELECT d #>> '{conditions,code}' AS code FROM rule_setting r, jsonb_array_elements(r.value) d
WHERE r.name = 'discounts' AND d ->> 'kind' = 'PROMO_CODE'
"""


def _columns(centre: Centre) -> list[dict[str, Any]]:
    return centre.rows(
        "SELECT c.table_name AS table, c.column_name AS name, c.data_type AS kind FROM information_schema.columns c "
        "WHERE c.table_schema = 'public' AND c.table_name NOT IN ('rule_setting', 'search_text')"
    )


def _values(centre: Centre, table: str, column: str) -> list[str]:
    sql = f'SELECT DISTINCT "{column}"::text AS text FROM "{table}" WHERE "{column}" IS NOT NULL'
    found = []
    for tenant in centre.rows("SELECT id FROM tenant"):
        with centre.database.transaction(tenant["id"]) as tx:
            found += [row["text"] for row in tx.rows(sql)]
    return found
