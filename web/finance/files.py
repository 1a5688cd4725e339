"""Files of a bank as a form sends them: their text and name, and how the columns of a CSV are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from engine.database import Row
from engine.errors import Invalid, Reason
from web.forms import Form
from web.words import N_


@dataclass(frozen=True, slots=True)
class SentFile:
    """A file that was chosen, or none: then both are empty."""

    name: str
    content: str

    def told(self, otherwise: str) -> Row:
        """What the API is told of it; `otherwise` names a file without a name. Raises Invalid where there is none."""
        if not self.content:
            message = N_("Choose a file.")
            raise Invalid(message, reasons=[Reason("required", message, field="file")])
        return {"filename": self.name[:200] or otherwise, "content": self.content}


async def sent_file(form: Form) -> SentFile:
    sent = form.file("file")
    if sent is None:
        return SentFile("", "")
    return SentFile(sent.filename or "", (await sent.read()).decode("utf-8-sig", "replace"))


def csv_mapping(form: Form, columns: Sequence[str]) -> Row:
    """How the columns of a CSV are called, its dates written, and its values parted."""
    found: Row = {column: form.text(column) for column in columns if form.text(column)}
    found["date_form"] = form.text("date_form")
    if form.text("delimiter"):
        found["delimiter"] = form.text("delimiter")
    return found
