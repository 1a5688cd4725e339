"""The documentation is whole, and the API does what it says whatever is sent to it."""

import re
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from pydantic import BaseModel
from schemathesis import checks

from api.app import create_app
from api.schemas import base, catalogue, orders, people, sessions, setup, sign_ins
from engine.clock import FrozenClock
from engine.database import Database
from engine.settings import Settings
from tests.api.conftest import World
from tests.builders import NOW


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
        for module in (base, catalogue, orders, people, sessions, setup, sign_ins):
            for kind in vars(module).values():
                if isinstance(kind, type) and issubclass(kind, BaseModel):
                    for example in (kind.model_config.get("json_schema_extra") or {}).get("examples", ()):
                        kind.model_validate(example)
        bodies = [op["requestBody"]["content"]["application/json"]["schema"] for _, op in operations(document)
                  if "application/json" in op.get("requestBody", {}).get("content", {})]  # fmt: skip
        for schema in bodies:
            name = (schema.get("$ref") or schema["anyOf"][0]["$ref"]).rsplit("/", 1)[1]
            assert document["components"]["schemas"][name]["examples"], name

    def test_every_input_refuses_unknown_fields_and_bounds_its_texts(self) -> None:
        inputs = [
            kind for module in (base, catalogue, orders, people, sessions, setup, sign_ins)
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


def _texts(field: dict[str, Any]) -> list[dict[str, Any]]:
    """The string schemas in a field."""
    if field.get("type") == "string":
        return [field]
    parts = field.get("anyOf", []) + ([field["items"]] if isinstance(field.get("items"), dict) else [])
    return [text for part in parts for text in _texts(part)]


class TestHealth:
    def test_it_lives_and_is_ready(self, client: httpx.Client) -> None:
        assert client.get("/healthz").json() == {"status": "alive"}
        assert client.get("/readyz").json() == {"status": "ready"}


@pytest.fixture(scope="module")
def known(world: World) -> dict[str, str]:
    """Ids of things that exist, so that fuzzing gets past the front door."""
    booked = world.confirmed(world.mia, world.sessions[:1])
    quoted = world.submitted(world.new_child("Zoe"), world.sessions[1:2])
    quote = world.admin.post(f"/orders/{quoted['id']}/quote").json()
    return {
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


@pytest.mark.parametrize("operation", _described(), ids=lambda operation: operation.label)
def test_the_api_does_what_it_says_whatever_is_sent(operation: Any, world: World, known: dict[str, str]) -> None:
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

        case.call_and_validate(
            base_url=str(world.client.base_url), headers={"Authorization": f"Bearer {world.admin.token}"},
            excluded_checks=[checks.positive_data_acceptance],  # some rules are not in the schema
        )  # fmt: skip

    send()
