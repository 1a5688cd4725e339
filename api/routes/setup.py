"""The organisation itself, its rules, and imports of a whole programme."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from psycopg.types.json import Jsonb
from starlette.responses import Response

from api.dependencies import Called
from api.editing import require_match
from api.moves import Answer, Principal, etag
from api.operations import ADMIN, EVERYBODY, OFFICE, creates, for_roles
from api.schemas.catalogue import Organisation, OrganisationChange
from api.schemas.setup import ImportReport, NewImport, RuleInForce, Rules, RuleValue
from catalogue import rules
from catalogue.importer import import_programme
from engine.database import Row, Transaction
from engine.errors import Invalid, Reason
from models import RuleScope

router = APIRouter(tags=["set-up"])

_ORGANISATION = """
SELECT id, name, legal_name, currency, prices_include_tax, time_zone, locale, letterhead FROM organisation
WHERE id = %(org)s
"""


@router.get("/organisation", **for_roles(EVERYBODY, 304, response_model=Organisation))
def read_organisation(call: Called) -> Response:
    """The caller's organisation."""
    return call.read(lambda tx, _: _organisation(tx))


@router.patch("/organisation", **for_roles(ADMIN, *creates(412), response_model=Organisation))
def change_organisation(body: OrganisationChange, call: Called) -> Response:
    """Change the organisation; documents issued before keep what they said. `If-Match` is honoured."""
    changes = body.changes()
    columns = {name: Jsonb(value) if name == "letterhead" else value for name, value in changes.items()}

    def verb(tx: Transaction, who: Principal) -> Answer:
        tx.rows(f"{_ORGANISATION} FOR NO KEY UPDATE")
        require_match(call, str(_organisation(tx).version), "organisation")
        if columns:
            assignments = ", ".join(f"{name} = %({name})s" for name in columns)
            tx.run(f"UPDATE organisation SET {assignments} WHERE id = %(org)s", **columns)
        return _organisation(tx)

    return call.move(verb)


def _organisation(tx: Transaction) -> Answer:
    row = tx.row(_ORGANISATION)
    assert row is not None, "a caller belongs to an organisation"
    return Answer(row, version=etag(row))


@router.get("/rules", **for_roles(OFFICE, 404, response_model=Rules))
def list_rules(call: Called, scope: RuleScope = RuleScope.ORGANISATION, scope_id: UUID | None = None) -> Response:
    """Every rule as it applies on a level, with where it comes from. `TPS` is an offering; every level but the
    organisation is named by its `scope_id`.
    """

    if scope_id is None and scope is not RuleScope.ORGANISATION:
        message = "Say which one: the id of the category, program or offering."
        raise Invalid(message, reasons=[Reason("required", message, field="scope_id")])

    def query(tx: Transaction, who: Principal) -> Answer:
        explained = rules.explain(tx, scope, scope_id or tx.organisation_id)
        return Answer({"items": [_rule(each) for each in explained]})

    return call.read(query)


@router.put(
    "/rules/{scope}/{scope_id}/{name}", **for_roles(ADMIN, *creates(404), response_model=RuleInForce)
)  # fmt: skip
def set_rule(scope: RuleScope, scope_id: UUID, name: rules.Rule, body: RuleValue, call: Called) -> Response:
    """Set a rule on a level; it applies there and below, wherever nothing nearer is set."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        rules.set_rule(tx, scope, scope_id, name, body.value)
        return _explained(tx, scope, scope_id, name)

    return call.move(verb)


@router.delete("/rules/{scope}/{scope_id}/{name}", **for_roles(ADMIN, 404, response_model=RuleInForce))
def clear_rule(scope: RuleScope, scope_id: UUID, name: rules.Rule, call: Called) -> Response:
    """Take a setting away; the answer is the rule as it applies from now on."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        rules.clear_rule(tx, scope, scope_id, name)
        return _explained(tx, scope, scope_id, name)

    return call.move(verb)


def _explained(tx: Transaction, scope: RuleScope, scope_id: UUID, name: rules.Rule) -> Answer:
    return Answer(next(_rule(each) for each in rules.explain(tx, scope, scope_id) if each.rule is name))


def _rule(each: rules.Explanation) -> Row:
    return {
        "name": each.rule, "value": each.setting, "scope": each.answer.scope, "scope_id": each.answer.scope_id,
        "origin": each.origin, "meaning": each.meaning,
    }  # fmt: skip


@router.post("/imports", **for_roles(ADMIN, *creates(409), response_model=ImportReport))
def import_file(body: NewImport, call: Called) -> Response:
    """Import a programme. Importing twice changes nothing; a file with bad rows changes nothing unless `skip_bad`, and
    is refused with the line and the reason of each.
    """

    def verb(tx: Transaction, who: Principal) -> Answer:
        report = import_programme(tx, **files, now=call.now, skip_bad=body.skip_bad, dry_run=body.dry_run)
        if report.is_refused:
            raise Invalid(
                f"{report.source} has {len(report.bad_rows)} bad rows; nothing was imported.",
                reasons=[Reason("bad_row", str(bad), field=bad.column or None, facts={"line": bad.line})
                         for bad in report.bad_rows],
            )  # fmt: skip
        return Answer({name: value for name, value in asdict(report).items() if name != "seen_keys"})

    with _on_disk(body) as files:
        return call.move(verb)


@contextmanager
def _on_disk(body: NewImport) -> Iterator[dict[str, Any]]:
    """The import as the files that the importer reads."""
    with TemporaryDirectory() as folder:
        files: dict[str, Path | None] = {"prices": None}
        for role, name, content in (
            ("source", f"file/{body.file_name}", body.content),
            ("mapping", "mapping.toml", body.mapping.encode()),
            ("prices", "prices.toml", body.prices.encode() if body.prices is not None else None),
        ):
            if content is not None:
                files[role] = path = Path(folder, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(content)
        yield files
