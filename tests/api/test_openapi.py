"""The documentation is whole, and the API does what it says whatever is sent to it."""

import ast
import inspect
import pkgutil
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel
from schemathesis import checks
from schemathesis.transport.requests import ManagedCookiesSession

from api import schemas
from api.app import create_app
from api.schemas import base, codes, orders, refusals
from api.schemas.sample_enrolment import ORDER_AFTER, ORDER_WHOLE
from api.schemas.sample_finance import INVOICE
from catalogue.eligibility import AttendeeFacts, OfferingFacts, failing
from engine.clock import FrozenClock
from engine.database import Database
from engine.errors import TermbookError
from engine.settings import Settings
from models import ActorKind, TermBookingOrderType, TermBookingStatus
from tests.api.conftest import World
from tests.builders import NOW
from workflows.charts import CHARTS
from workflows.interest_facts import triggers_of
from workflows.term_booking_order import CHART

SCHEMAS = [import_module(f"api.schemas.{found.name}") for found in pkgutil.iter_modules(schemas.__path__)]


@pytest.fixture(scope="module")
def document(client: httpx.Client) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").json()
    return found


def operations(document: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    return [
        (f"{method.upper()} {path}", operation)
        for path, methods in document["paths"].items() for method, operation in methods.items()
    ]  # fmt: skip


class TestDocumentation:
    def test_every_operation_says_what_it_does_and_what_it_refuses(self, document: dict[str, Any]) -> None:
        for name, operation in operations(document):
            assert operation.get("description") or operation.get("summary"), name
            for status, response in operation["responses"].items():
                if int(status) >= 400:
                    assert "application/problem+json" in response["content"], (name, status)
                    assert response["content"]["application/problem+json"]["example"]["status"] == int(status)

    def test_every_body_has_an_example_that_is_valid(self, document: dict[str, Any]) -> None:
        for module in SCHEMAS:
            for kind in vars(module).values():
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    for example in (kind.model_config.get("json_schema_extra") or {}).get("examples", ()):
                        kind.model_validate(example)
        bodies = [op["requestBody"]["content"]["application/json"]["schema"] for _, op in operations(document)
                  if "application/json" in op.get("requestBody", {}).get("content", {})]  # fmt: skip
        for schema in bodies:
            name = (schema.get("$ref") or schema["anyOf"][0]["$ref"]).rsplit("/", 1)[1]
            assert document["components"]["schemas"][name]["examples"], name

    def test_every_answer_has_an_example_that_is_valid(self, document: dict[str, Any]) -> None:
        missing, wrong = [], []
        for name, operation in operations(document):
            for status, response in operation["responses"].items():
                for content in response.get("content", {}).values() if int(status) < 300 else ():
                    schema = {**content["schema"], "components": document["components"]}
                    if content.get("example") is None:
                        missing.append((name, status))
                        continue
                    faults = jsonschema_rs.validator_for(schema).iter_errors(content["example"])
                    wrong += [(name, status, fault.message) for fault in faults]

        assert not missing
        assert not wrong

    def test_an_example_shows_what_the_schema_knows_and_nothing_else(self) -> None:
        kinds = [kind for module in SCHEMAS for kind in vars(module).values() if _has_example(kind)]
        assert len(kinds) > 25
        examples = [(kind, base.example_of(kind)) for kind in kinds]
        examples += [(orders.Order, example) for example in ORDER_AFTER.values()]
        for kind, example in examples:
            assert not _unknown_fields(kind.model_validate(example)), kind

    def test_an_example_of_an_order_allows_what_its_status_allows(self) -> None:
        for name, example in (*ORDER_AFTER.items(), ("read_order", ORDER_WHOLE)):
            status = TermBookingStatus[example["status"]]

            assert example["status_code"] == int(status), name
            order_type = TermBookingOrderType[example["order_type"]]
            by_role = [triggers_of(CHART, order_type, status, kind) for kind in (ActorKind.FAMILY, ActorKind.ADMIN)]
            assert example["allowed"] in by_role, name

    def test_the_examples_of_an_invoice_add_up(self) -> None:
        for part, total in (("net_minor", "net_minor"), ("tax_minor", "tax_minor"), ("gross_minor", "total_minor")):
            assert sum(line[part] for line in INVOICE["lines"]) == INVOICE[total], part
        assert all(line["net_minor"] + line["tax_minor"] == line["gross_minor"] for line in INVOICE["lines"])
        assert INVOICE["total_minor"] == ORDER_WHOLE["total_minor"] == INVOICE["paid_minor"] + INVOICE["owing_minor"]

    def test_every_input_refuses_unknown_fields_and_bounds_its_texts(self) -> None:
        inputs = [
            kind for module in SCHEMAS
            for kind in vars(module).values() if isinstance(kind, type) and issubclass(kind, base.Input)
        ]  # fmt: skip
        assert len(inputs) > 20
        for kind in inputs:
            schema = kind.model_json_schema()
            assert schema["additionalProperties"] is False, kind
            for name, field in [*schema["properties"].items()]:
                for text in _texts(field):
                    is_bounded = {"maxLength", "enum", "const", "format", "$ref", "contentEncoding"} & text.keys()
                    is_short = text.get("pattern", base.NO_NUL) != base.NO_NUL
                    assert is_bounded or is_short, (kind.__name__, name)

    def test_the_page_works_without_a_network(self, client: httpx.Client) -> None:
        page = client.get("/docs").text

        files = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(files) >= 3
        for address in files:
            assert address.startswith("/"), address
            assert client.get(address).status_code == 200, address
        assert not re.findall(r'https?://(?!www\.w3\.org)[^"\s]+', page)


def _has_example(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, base.Output) and "json_schema_extra" in kind.model_config


def _unknown_fields(shown: BaseModel) -> list[str]:
    """Fields, at any depth, that no schema describes."""
    found = [f"{type(shown).__name__}.{name}" for name in shown.model_extra or {}]
    for name in type(shown).model_fields:
        value = getattr(shown, name)
        for part in value if isinstance(value, list) else [value]:
            found += _unknown_fields(part) if isinstance(part, BaseModel) else []
    return found


def _texts(field: dict[str, Any]) -> list[dict[str, Any]]:
    """The string schemas in a field."""
    if field.get("type") == "string":
        return [field]
    parts = field.get("anyOf", []) + ([field["items"]] if isinstance(field.get("items"), dict) else [])
    return [text for part in parts for text in _texts(part)]


class TestRefusals:
    """The lists of codes are what the sources say: a new code without its line here fails, and so does a stale one."""

    def test_each_guard_says_what_is_listed_of_it(self) -> None:
        guards = {guard.__name__: guard for chart in CHARTS for step in chart.steps for guard in step.when}

        assert guards.keys() == refusals.GUARDS.keys()
        for name, guard in guards.items():
            assert _codes_of(guard) == set(refusals.GUARDS[name]), name

    def test_each_step_lists_every_code_of_its_guards(self, document: dict[str, Any]) -> None:
        by_id = {operation["operationId"]: operation for _, operation in operations(document)}
        for operation_id, named in refusals.TRIGGERS.items():
            refused = by_id[operation_id]["responses"]["409"]
            pulled = [step for chart in CHARTS for step in chart.steps
                      if (chart.name, refusals.PULLED_WITH.get(step.trigger, step.trigger)) == named]  # fmt: skip
            guards = {guard for step in pulled for guard in step.when}

            # A step of a subscription also says what the order of its term is refused for.
            own = set(refusals.OWN.get(operation_id, {}).get(409, ((), ()))[1])
            assert set(refused["x-reason-codes"]) == own.union(*map(_codes_of, guards)), operation_id
            for code in (*refused["x-codes"], *refused["x-reason-codes"]):
                assert f"| `{code}` |" in refused["description"], (operation_id, code)

    def test_every_reason_of_the_sources_is_listed_somewhere_and_no_other(self, document: dict[str, Any]) -> None:
        written = _eligibility_codes().union(*(_literals(file.read_text()) for package in PACKAGES
                                              for file in Path(package).rglob("*.py")))  # fmt: skip
        listed = {code for _, operation in operations(document) for response in operation["responses"].values()
                  for code in response.get("x-reason-codes", ())}  # fmt: skip

        # Late money revives an order by itself: no operation does.
        assert listed == codes.REASONS.keys() - {"not_timed_out"}
        # Marks that contradict come back in the answer, why nothing continues a subscription in its review, why a
        # booking stays closed in the preview; what a validator says is not in our sources. A mail that is too long is
        # refused by its bounds first. Why a deposit is of no use today is said in the cart, beside the other ways.
        told_otherwise = {"older_mark", "not_signed_in", "other_device", "not_timed_out", "no_continuation",
                          "credit_used", "credited_with_others", "too_long", "deposit_buys_no_time"}  # fmt: skip
        assert written - told_otherwise == listed - {"nul_character"}

    @pytest.mark.parametrize("meanings", [codes.PROBLEMS, codes.REASONS], ids=["problems", "reasons"])
    def test_a_code_is_found_by_the_alphabet(self, meanings: Mapping[str, str]) -> None:
        assert list(meanings) == sorted(meanings)

    def test_the_example_of_a_refusal_is_one_that_can_come(self, document: dict[str, Any]) -> None:
        for name, operation in operations(document):
            for status, response in operation["responses"].items():
                if "x-codes" in response:
                    example = response["content"]["application/problem+json"]["example"]
                    assert example["code"] in response["x-codes"], (name, status)
                    base.Problem.model_validate(example)

    def test_every_problem_that_is_listed_exists(self, document: dict[str, Any]) -> None:
        listed = {code for _, operation in operations(document) for response in operation["responses"].values()
                  for code in response.get("x-codes", ())}  # fmt: skip

        assert listed == codes.PROBLEMS.keys()
        assert listed <= {kind.code for kind in _kinds(TermbookError)}


PACKAGES = ("engine", "workflows", "billing", "catalogue", "attendance", "notifications", "api")


def _codes_of(guard: Callable[..., Any]) -> set[str]:
    """The codes that a guard, or what it calls of our own, gives as literals."""
    if guard is failing:
        return _eligibility_codes()
    source = textwrap.dedent(inspect.getsource(guard))
    called = {node.func.id for node in ast.walk(ast.parse(source))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    found = _literals(source)
    for name in called - {"_about"}:
        function = inspect.unwrap(guard).__globals__.get(name)
        if inspect.isfunction(function) and function.__module__.split(".")[0] in PACKAGES:
            found |= _codes_of(function)
    return found


def _literals(source: str) -> set[str]:
    """The codes in `Reason("code", …)` and `_about(line, "code", …)`."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    given = [call.args[0] for call in calls if getattr(call.func, "id", "") == "Reason" and call.args]
    given += [call.args[1] for call in calls if getattr(call.func, "id", "") == "_about"]
    return {code.value for code in given if isinstance(code, ast.Constant)}


def _eligibility_codes() -> set[str]:
    """Composed, not literal: asked of somebody who fits in nothing, and of somebody of whom nothing is known."""
    limits = {"school_year_from": 1, "height_from_cm": 100, "weight_from_kg": Decimal(20)}
    offering = OfferingFacts(name="Karate", age_from_months=72, **limits)
    small = AttendeeFacts("Mia Rossi", date(2025, 1, 1), school_year=0, height_cm=70, weight_kg=Decimal(9))
    unknown = AttendeeFacts("Leo Chen", date(2025, 1, 1), school_year=None, height_cm=None, weight_kg=None)
    day = date(2026, 4, 12)
    return {reason.code for who in (small, unknown) for reason in failing(who, offering, day)}


def _kinds(family: type[TermbookError]) -> set[type[TermbookError]]:
    return {family}.union(*(_kinds(kind) for kind in family.__subclasses__()))


class TestHealth:
    def test_it_lives_and_is_ready(self, client: httpx.Client) -> None:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready"}

    def test_the_front_door_leads_to_the_documentation_and_the_health_page(self, client: httpx.Client) -> None:
        shown = client.get("/").json()

        assert shown["name"] == "Termbook"
        for page in ("documentation", "openapi", "health"):
            assert client.get(httpx.URL(shown[page]).path).status_code == 200


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, str]:
    """Ids of things that exist, so that fuzzing gets past the front door."""
    booked = world.confirmed(world.mia, world.sessions[:1])
    quoted = world.submitted(world.new_child("Zoe"), world.sessions[1:2])
    quote = world.admin.post(f"/orders/{quoted['id']}/quote").json()
    return {
        "group_order_id": world.group_order(world.new_child("Ida"), world.sessions[5:7])["id"],
        "order_id": world.cart(world.admin, world.new_child(), world.sessions[2:4], world.rossi_account)["id"],
        "booking_id": booked["booking"]["id"], "invoice_id": booked["invoice_id"], "quote_id": quote["quote_id"],
        "account_id": str(world.rossi_account["id"]), "attendee_id": str(world.mia["id"]),
        "session_id": str(world.sessions[0]["id"]), "offering_id": str(world.offering["id"]),
        "user_id": str(world.chen.user_id), "scope_id": str(world.organisation_id),
    }  # fmt: skip


def _described() -> Any:
    """The operations of the document, known before any server runs."""
    database = Database("postgresql://nobody@127.0.0.1:9/nothing")
    app = create_app(Settings(), database=database, clock=FrozenClock(NOW), gateways={})
    schema = schemathesis.openapi.from_dict(app.openapi())
    # Ending one's own credential would end the test as well.
    found = [result.ok() for result in schema.exclude(operation_id="end_sign_in").get_all_operations()]
    database.close()
    return found


# The payment provider of this module's world is nowhere: what must ask it answers 503.
ASKS_THE_PROVIDER = {"GET /payment-reconciliation", "GET /payment-reconciliation/file"}


@pytest.fixture(scope="module")
def connection() -> Iterator[ManagedCookiesSession]:
    """Kept open from request to request; what one answer sets is not sent with the next."""
    with ManagedCookiesSession() as session:
        session.trust_env = False
        yield session


@pytest.mark.parametrize("operation", _described(), ids=lambda operation: operation.label)
def test_the_api_does_what_it_says_whatever_is_sent(
    operation: Any, world: World, known: dict[str, str], connection: ManagedCookiesSession
) -> None:
    @settings(
        max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def send(case: Any) -> None:
        for name, value in case.path_parameters.items():
            # Every other time about something that exists.
            if name in known and str(value)[-1:] in "02468ace":
                case.path_parameters[name] = known[name]

        # Some rules are not in the schema.
        excluded = [checks.positive_data_acceptance]
        if operation.label in ASKS_THE_PROVIDER:
            excluded.append(checks.not_a_server_error)
        response = case.call_and_validate(
            base_url=str(world.client.base_url), session=connection,
            headers={"Authorization": f"Bearer {world.admin.token}"}, excluded_checks=excluded,
        )  # fmt: skip
        assert response.status_code in (200, 503) or response.status_code < 500, response.text
        declared = operation.definition.raw["responses"].get(str(response.status_code), {})
        if "x-codes" in declared:
            refused = response.json()
            assert refused["code"] in declared["x-codes"]
            if response.status_code == 409:
                assert {reason["code"] for reason in refused.get("reasons", ())} <= {*declared["x-reason-codes"]}

    send()
