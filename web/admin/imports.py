"""Importing a programme: an example to begin with; what the file would change is shown first, then it is made."""

from contextlib import ExitStack
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile
from starlette.responses import Response

from api.moves import Answer, Principal
from catalogue.importer import import_programme
from engine.database import Transaction
from engine.errors import Conflict, Invalid, NotFound, Reason, TermbookError
from web.forms import Form, Posted, typed
from web.visitor import Admin
from web.words import N_

router = APIRouter()

_LARGEST = 900_000
# The sample's own files, as they are imported there, and how a mapping is written.
_EXAMPLES = {
    "rows": "toronto_registered_programs_centre7_2026.csv", "mapping": "toronto_centre7.toml",
    "prices": "toronto_prices.toml", "guide": "README.md",
}  # fmt: skip


@router.get("/admin/import")
def show_import(visit: Admin) -> Response:
    return visit.show("admin/import.html", report=None)


@router.get("/admin/import/examples/{example}")
def show_example(visit: Admin, example: str) -> Response:
    """A file to begin with; the guide is read, the others are kept."""
    visit.fetch(lambda _tx, _who: None)  # it asks who looks, as every page does
    name = _EXAMPLES.get(example)
    if name is None:
        raise NotFound("There is no such file.", what="file")
    where = "inline" if example == "guide" else "attachment"
    return Response((files("samples") / name).read_bytes(), media_type="text/plain; charset=utf-8",
                    headers={"Content-Disposition": f'{where}; filename="{name}"'})  # fmt: skip


@router.post("/admin/import")
async def import_file(visit: Admin, form: Posted) -> Response:
    """Look at what the file would do; the second button makes it. The files are sent with both."""
    try:
        sent = {name: await _content(form, name) for name in ("source", "mapping", "prices")}
        return await run_in_threadpool(_import, visit, form, sent)
    except (Invalid, Conflict) as refusal:
        return await run_in_threadpool(_refused, visit, form, refusal)


def _refused(visit: Admin, form: Form, refusal: TermbookError) -> Response:
    return visit.show("admin/import.html", form=form, refusal=refusal, report=None)


async def _content(form: Form, name: str) -> tuple[str, bytes] | None:
    """A file that was sent. Raises Invalid where one that is needed is missing, or too large."""
    sent = form.file(name)
    if sent is None:
        if name == "prices":
            return None
        message = N_("Choose a file.")
        raise Invalid(message, reasons=[Reason("required", message, field=name)])
    content = await sent.read()
    if len(content) > _LARGEST:
        message = N_("The file is too large for this page. Use the API or the command line instead.")
        raise Invalid(message, reasons=[Reason("too_large", message, field=name)])
    return _name_of(sent) or name, content


def _name_of(sent: UploadFile) -> str:
    """What the file is called, where a file can be called so: problems are told by its name."""
    found = typed(Path(sent.filename or "").name)[:60]
    return "" if found == ".." else found


def _import(visit: Admin, form: Form, sent: dict[str, tuple[str, bytes] | None]) -> Response:
    is_made = form.text("do") == "make"

    def verb(tx: Transaction, who: Principal) -> Answer:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            paths: dict[str, Path | None] = {}
            for name, file in sent.items():
                paths[name] = _kept(folder / name, *file) if file else None
            report = import_programme(
                tx, source=paths["source"], mapping=paths["mapping"], prices=paths["prices"],  # type: ignore[arg-type]
                now=visit.now, skip_bad=form.is_ticked("skip_bad"), dry_run=not is_made,
            )  # fmt: skip
        if report.is_refused:
            raise Invalid(
                N_("Some rows in the file couldn't be read. Nothing was imported."),
                reasons=[Reason("bad_row", str(bad), facts={"line": bad.line}) for bad in report.bad_rows[:50]],
            )
        shown: dict[str, Any] = {name: value for name, value in asdict(report).items() if name != "seen_keys"}
        return Answer(shown)

    report = visit.move(form, verb)
    if is_made:
        return visit.go("/admin/offerings", visit.say("Programme imported."))
    return visit.show("admin/import.html", report=report)


def _kept(folder: Path, name: str, content: bytes) -> Path:
    folder.mkdir()
    path = folder / name
    path.write_bytes(content)
    return path
