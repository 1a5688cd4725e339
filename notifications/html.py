"""The HTML form of a mail, made from its plain one: paragraphs, lists, and the address that it is about as a button."""

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notifications.messages import Message

ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Part:
    """One paragraph: lines of text, lines of a list, or a button."""

    lines: list[list[tuple[str, str]]] = field(default_factory=list)  # each in pieces: words, and where they lead
    is_list: bool = False
    button: str = ""


def as_html(
    subject: str, body: str, message: Message, *, addresses: Set[str], language: str, unsubscribe: str = "",
    why: str = "",
) -> str:  # fmt: skip
    """A whole page. Only `addresses` are led to: what a person typed as a name is no link. `unsubscribe` is where its
    reader stops such mails, said with `why`.
    """
    return _environment().get_template("layout.html").render(
        subject=subject, parts=list(_parts(body, message.link, addresses)), message=message, language=language,
        unsubscribe=unsubscribe, why=why,
    )  # fmt: skip


def _parts(body: str, link: str | None, addresses: Set[str]) -> Iterator[Part]:
    for paragraph in re.split(r"\n{2,}", body):
        lines: list[str] = []
        listed: list[str] = []
        for line in paragraph.split("\n"):
            if link and line.endswith(link) and (words := line.removesuffix(link).rstrip(" :\u00a0\u202f")):
                yield from _so_far(lines, listed, addresses)
                yield Part(button=words)
            elif line.startswith("- "):
                yield from _so_far(lines, [], addresses)
                listed.append(line[2:])
            else:
                yield from _so_far([], listed, addresses)
                lines.append(line)
        yield from _so_far(lines, listed, addresses)


def _so_far(lines: list[str], listed: list[str], addresses: Set[str]) -> Iterator[Part]:
    """What was gathered, once; then there is nothing gathered."""
    for gathered, is_list in ((lines, False), (listed, True)):
        if any(line.strip() for line in gathered):
            yield Part([list(_pieces(line, addresses)) for line in gathered], is_list)
        gathered.clear()


def _pieces(line: str, addresses: Set[str]) -> Iterator[tuple[str, str]]:
    """Words and addresses in turn; an address leads to itself."""
    at = 0
    for found in ADDRESS.finditer(line):
        if found[0] not in addresses:
            continue
        if found.start() > at:
            yield line[at : found.start()], ""
        yield found[0], found[0]
        at = found.end()
    if at < len(line):
        yield line[at:], ""


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
