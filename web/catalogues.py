"""The texts of the pages for translators: taken from templates and code, one catalogue for each part of the pages."""

import io
import re
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from web.words import LANGUAGES, SOURCE

_WEB = Path(str(files("web")))
LANGUAGES_TO_KEEP = tuple(language for language in LANGUAGES if language != SOURCE)
_METHODS = [("templates/**.html", "jinja2"), ("**.py", "python")]
_OPTIONS = {"templates/**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "extensions": "jinja2.ext.do"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "N_": None, "say": None, "say_many": (1, 2)}
_PORTALS = ("family", "staff", "admin", "finance")
# What admins and finance are both told, in files of their own.
_OFFICE = ("office_sentences.py", "catalogue_sentences.py")


def texts() -> Iterator[tuple[str, str | tuple[str, ...], str]]:
    """Every text with the part of the pages that it is in, and where it stands."""
    for name, line, message, _, _ in extract_from_dir(_WEB, _METHODS, _OPTIONS, _KEYWORDS, strip_comment_tags=True):
        yield part_of(name), message, f"{name}:{line}"


def part_of(name: str) -> str:
    """`family` of what is in its folder, `common` of all that several parts share."""
    if Path(name).name in _OFFICE:
        return "office"
    found = next((part for part in Path(name).parts if part in _PORTALS), None)
    return found or "common"


def wanted() -> dict[str, set[str | tuple[str, ...]]]:
    """The texts of each part; one that several parts say is common."""
    where: dict[str | tuple[str, ...], set[str]] = {}
    for part, message, _ in texts():
        where.setdefault(message, set()).add(part)
    found: dict[str, set[str | tuple[str, ...]]] = {}
    for message, parts in where.items():
        found.setdefault(next(iter(parts)) if len(parts) == 1 else "common", set()).add(message)
    return found


def path_of(language: str, part: str) -> Path:
    return _WEB / "locale" / language / f"{part}.po"


def kept(language: str) -> dict[str, Catalog]:
    """The catalogues as they stand, by part."""
    found = {}
    for path in sorted((_WEB / "locale" / language).glob("*.po")):
        with path.open("rb") as source:
            found[path.stem] = read_po(source, locale=language)
    return found


def missing(language: str) -> list[str]:
    """Texts of the pages that have no translation, or one that fills in other names."""
    have = {message.id: message for catalogue in kept(language).values() for message in catalogue if message.id}
    found = []
    for texts_ in wanted().values():
        for text in texts_:
            message = have.get(text) or (have.get(text[0]) if isinstance(text, tuple) else None)
            if message is None or not _is_whole(message.string) or _names(message.string) - _names(text):
                found.append(str(text))
    return sorted(found)


def _is_whole(translated: object) -> bool:
    return all(translated) if isinstance(translated, tuple) else bool(translated)


def _names(text: object) -> set[str]:
    every = text if isinstance(text, tuple | list) else (text,)
    return {name for one in every for name in re.findall(r"%\((\w+)\)s", str(one))}


def renew(language: str) -> dict[str, int]:
    """Write the catalogues anew: what is said no more goes, what is new comes without a text. Returns what is empty."""
    old = {message.id: message.string for catalogue in kept(language).values() for message in catalogue if message.id}
    found = {}
    for part, texts_ in sorted(wanted().items()):
        catalogue = Catalog(locale=language, fuzzy=False, charset="utf-8")
        for text in sorted(texts_, key=str):
            catalogue.add(text, old.get(text, ("", "") if isinstance(text, tuple) else ""))
        path = path_of(language, part)
        write(path, catalogue)
        found[path.name] = sum(1 for message in catalogue if message.id and not _is_whole(message.string))
    return found


def write(path: Path, catalogue: Catalog) -> None:
    """A catalogue without a date or a name in its head: it changes only with its texts."""
    texts_ = io.BytesIO()
    write_po(texts_, catalogue, width=120, omit_header=True, no_location=True, sort_output=True)
    head = ("Content-Type: text/plain; charset=utf-8", f"Plural-Forms: {catalogue.plural_forms}")
    told = "".join(f'"{line}\\n"\n' for line in head)
    path.write_bytes(f'msgid ""\nmsgstr ""\n{told}\n'.encode() + texts_.getvalue())
