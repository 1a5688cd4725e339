"""Bad input: a clear answer that names the field, and nothing written."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
import sqlalchemy as sa
from psycopg.rows import dict_row

from api.app import create_app
from api.record_rules import RULES
from engine.database import Database, Transaction
from engine.settings import Settings
from models import (
    Account,
    Attendee,
    ClosureDay,
    Extra,
    Program,
    ProgramCategory,
    Site,
    Term,
    TermProgramSet,
    User,
    Venue,
)
from tests.api.conftest import FIRST, World, serving
from tests.builders import offering, sessions, term

# What nobody's bad input may change; `credential` and `sign_in_attempt` belong to signing in.
_APART = ("credential", "sign_in_attempt", "idempotency_key")


@pytest.fixture
def unchanged(world: World) -> Iterator[None]:
    """Every table holds as many rows as before, and every order, session and account is as it was."""
    before = _everything(world)
    yield
    assert _everything(world) == before


def _everything(world: World) -> dict[str, Any]:
    with world.database.transaction(world.organisation_id) as tx:
        tables = [row["tablename"] for row in tx.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        found = {}
        with tx.raw.cursor(row_factory=dict_row) as cursor:
            for table in tables:
                if table not in _APART and table != "alembic_version":
                    sql = f'SELECT md5(string_agg(t::text, chr(10) ORDER BY t::text)) AS h FROM "{table}" t'
                    row = cursor.execute(sql).fetchone()  # type: ignore[call-overload]
                    found[table] = row["h"]
        return found


@pytest.fixture(scope="module")
def cart(world: World) -> dict[str, Any]:
    return world.cart(world.rossi, world.mia, world.sessions[:1])


def save(world: World, cart: dict[str, Any], lines: Any, **more: Any) -> httpx.Response:
    found: httpx.Response = world.rossi.put(f"/orders/{cart['id']}/lines", {"lines": lines}, **more)
    return found


def reasons_of(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["status"] == answer.status_code
    assert body["request_id"] == answer.headers["x-request-id"]
    return [(reason["code"], reason.get("field", "")) for reason in body["reasons"]]


@pytest.mark.usefixtures("unchanged")
class TestLines:
    def test_an_unknown_session(self, world: World, cart: dict[str, Any]) -> None:
        answer = save(world, cart, [{"session_id": str(world.sessions[0]["id"])}, {"session_id": str(uuid4())}])

        assert (answer.status_code, reasons_of(answer)) == (422, [("unknown", "lines[1].session_id")])

    def test_a_session_of_another_organisation(self, world: World, elsewhere: World, cart: dict[str, Any]) -> None:
        lines = [{"session_id": str(row["sessions"][0]["id"])} for row in (vars(world), vars(elsewhere))]

        answer = save(world, cart, lines)

        assert (answer.status_code, reasons_of(answer)) == (422, [("unknown", "lines[1].session_id")])

    def test_the_same_session_twice(self, world: World, cart: dict[str, Any]) -> None:
        answer = save(world, cart, 2 * [{"session_id": str(world.sessions[0]["id"])}])

        assert (answer.status_code, reasons_of(answer)) == (422, [("twice", "lines[1].session_id")])

    def test_ten_thousand_lines(self, world: World, cart: dict[str, Any]) -> None:
        answer = save(world, cart, [{"session_id": str(uuid4())} for _ in range(10_000)])

        assert (answer.status_code, reasons_of(answer)) == (422, [("too_long", "lines")])

    @pytest.mark.parametrize("quantity", [0, -1, 1_000_000_000, 1e9, 1.5, "many", None, True, 10**400])
    def test_a_quantity_that_is_none(self, world: World, cart: dict[str, Any], quantity: Any) -> None:
        extras = [{"extra_id": str(uuid4()), "quantity": quantity}]

        answer = save(world, cart, [{"session_id": str(world.sessions[0]["id"]), "extras": extras}])

        assert answer.status_code == 422
        assert {field for _, field in reasons_of(answer)} == {"lines[0].extras[0].quantity"}

    def test_an_unknown_extra(self, world: World, cart: dict[str, Any]) -> None:
        extras = [{"extra_id": str(uuid4()), "quantity": 1}]

        answer = save(world, cart, [{"session_id": str(world.sessions[0]["id"]), "extras": extras}])

        assert (answer.status_code, reasons_of(answer)[0][0]) == (422, "unknown")

    def test_an_unknown_field_is_refused_not_ignored(self, world: World, cart: dict[str, Any]) -> None:
        answer = save(world, cart, [{"session_id": str(world.sessions[0]["id"]), "price_minor": 1}])

        assert (answer.status_code, reasons_of(answer)) == (422, [("extra_forbidden", "lines[0].price_minor")])


class TestSubmission:
    def test_an_empty_cart(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), [])

        answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        assert (answer.status_code, reasons_of(answer)) == (409, [("cart_empty", "lines")])

    def test_a_draft_that_was_never_filled(self, world: World) -> None:
        draft = world.draft(world.rossi, world.new_child())

        answer = world.rossi.post(f"/orders/{draft['id']}/submission", world.submission(draft))

        assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now")
        assert answer.json()["facts"]["allowed"] == ["save", "remove"]

    @pytest.mark.parametrize("move", ["quote", "acceptance", "confirmation", "cancellation", "reopening"])
    def test_a_move_that_an_empty_draft_does_not_know(self, world: World, move: str) -> None:
        draft = world.draft(world.admin, world.mia, world.rossi_account)

        answer = world.admin.post(f"/orders/{draft['id']}/{move}")

        assert (answer.status_code, answer.json()["code"]) == (409, "not_allowed_now")

    def test_a_price_that_was_not_shown(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:1])
        body = world.submission(cart, "PAY_NOW_PAY_ALL") | {"price_fingerprint": "another"}

        answer = world.rossi.post(f"/orders/{cart['id']}/submission", body)

        assert (answer.status_code, reasons_of(answer)) == (409, [("price_changed", "price_fingerprint")])

    def test_a_session_that_is_over(self, world: World) -> None:
        started = world.edit(lambda tx: _past_sessions(tx, world))
        order = world.draft(world.rossi, world.new_child())

        answer = world.rossi.put(f"/orders/{order['id']}/lines", {"lines": [{"session_id": str(started["id"])}]})

        assert answer.status_code == 409
        assert ("session_over", "lines[0].session_id") in reasons_of(answer)
        assert world.rossi.get(f"/orders/{order['id']}").json()["status"] == "DRAFT"

    def test_a_term_that_has_ended(self, world: World) -> None:
        ended = world.edit(lambda tx: term(tx, world.site, name="Winter", starts_on=date(2026, 1, 5),
                                           ends_on=date(2026, 3, 20), status="ENDED"))  # fmt: skip
        before = world.count("term_booking_order")

        answer = world.rossi.post("/orders", {"attendee_id": str(world.mia["id"]), "term_id": str(ended["id"])})

        assert (answer.status_code, reasons_of(answer)) == (409, [("term_closed", "term_id")])
        assert world.count("term_booking_order") == before

    def test_all_that_fails_is_said_at_once(self, world: World) -> None:
        full = world.new_sessions(capacity=1, count=1, age_from_months=600)
        world.edit(lambda tx: tx.run("UPDATE term_product SET taken = 1 WHERE organisation_id = %(org)s "
                                     "AND id = %(id)s", id=full[0]["id"]))  # fmt: skip
        child = world.new_child()
        world.submitted(child, world.sessions[:1])
        cart = world.cart(world.rossi, child, full)

        answer = world.rossi.post(f"/orders/{cart['id']}/submission", world.submission(cart, "PAY_NOW_PAY_ALL"))

        codes = {code for code, _ in reasons_of(answer)}
        assert {"session_full", "double_booked"} <= codes
        assert len(codes) == 3
        world.edit(lambda tx: tx.run("UPDATE term_product SET taken = 0 WHERE organisation_id = %(org)s "
                                     "AND id = %(id)s", id=full[0]["id"]))  # fmt: skip

    def test_a_family_sets_no_rule_aside(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:1])
        body = world.submission(cart, "PAY_NOW_PAY_ALL") | {"override_reason": "we are late"}

        answer = world.rossi.post(f"/orders/{cart['id']}/submission", body)

        assert (answer.status_code, reasons_of(answer)) == (403, [("not_permitted", "override_reason")])
        assert world.rossi.get(f"/orders/{cart['id']}").json()["status"] == "CREATED"


class TestMovesWithoutInput:
    @pytest.mark.parametrize("move", ["quote", "acceptance", "reopening"])
    def test_refuse_what_they_would_ignore_and_stay_where_they_are(self, world: World, move: str) -> None:
        order = world.submitted(world.new_child(), world.sessions[8:9])
        if move == "acceptance":
            world.admin.post(f"/orders/{order['id']}/quote")
        before = world.admin.get(f"/orders/{order['id']}").json()["version"]

        refused = world.admin.post(f"/orders/{order['id']}/{move}", {"x": 1})

        assert (refused.status_code, reasons_of(refused)) == (422, [("extra_forbidden", "x")])
        assert world.admin.get(f"/orders/{order['id']}").json()["version"] == before
        # No body at all, or one that says nothing, is what they expect.
        said: Any = None if move == "acceptance" else {}
        assert world.admin.post(f"/orders/{order['id']}/{move}", said).status_code == 200

    def test_nor_do_others(self, world: World) -> None:
        account = f"/accounts/{world.rossi_account['id']}"
        for send, path in (
            (world.admin.post, f"/offerings/{world.offering['id']}/sessions"),
            (world.admin.put, f"{account}/attendees/{world.mia['id']}"),
            (world.admin.put, f"{account}/guardians/{world.rossi.user_id}"),
        ):
            answer = send(path, {"x": 1})

            assert (answer.status_code, reasons_of(answer)) == (422, [("extra_forbidden", "x")]), path


def _past_sessions(tx: Transaction, world: World) -> dict[str, Any]:
    course = offering(tx, world.term, {"id": world.offering["program_id"], "name": "Yoga"})
    return sessions(tx, course, FIRST - timedelta(days=30))[0]


@pytest.mark.usefixtures("unchanged")
class TestTexts:
    @pytest.mark.parametrize("field", ["name", "medical_notes", "authorised_pick_ups"])
    def test_a_nul_character_is_refused_with_its_field(self, world: World, field: str) -> None:
        text: Any = ["Ro\x00sa"] if field.endswith("ups") else "Mi\x00a"

        answer = world.rossi.post("/attendees", {"name": "Mia", "date_of_birth": "2018-01-01", field: text})

        assert answer.status_code == 422
        assert reasons_of(answer) == [("nul_character", field + ("[0]" if isinstance(text, list) else ""))]

    def test_a_nul_character_in_a_question(self, world: World) -> None:
        for path in ("/accounts?q=%00", "/attendees?q=a%00b", "/offerings?q=%00"):
            answer = world.admin.get(path)

            assert (answer.status_code, reasons_of(answer)) == (422, [("nul_character", "q")])

    def test_half_of_a_surrogate_pair(self, world: World) -> None:
        body = b'{"name": "\\ud83d", "date_of_birth": "2018-01-01"}'

        answer = world.rossi.post("/attendees", content=body, headers={"Content-Type": "application/json"})

        assert (answer.status_code, reasons_of(answer)) == (422, [("string_unicode", "name")])

    def test_a_field_whose_name_is_no_text(self, world: World) -> None:
        body = b'{"\\ud83d\\u0000": 1, "name": "A", "date_of_birth": "2018-01-01"}'

        answer = world.rossi.post("/attendees", content=body, headers={"Content-Type": "application/json"})

        assert answer.status_code == 422
        assert reasons_of(answer)

    def test_a_text_that_is_too_long_or_empty(self, world: World) -> None:
        for name, code in (("x" * 201, "string_too_long"), ("", "string_too_short"), ("   ", "string_too_short")):
            answer = world.admin.post("/accounts", {"name": name})

            assert (answer.status_code, reasons_of(answer)) == (422, [(code, "name")])

    def test_an_e_mail_that_may_be_empty_is_refused_once(self, world: World) -> None:
        answer = world.admin.post("/accounts", {"name": "Rossi", "email": "x"})

        assert reasons_of(answer) == [("string_pattern_mismatch", "email")]
        assert answer.json()["reasons"][0]["message"] == "Write an e-mail address, such as name@example.org."

    @pytest.mark.parametrize(("day", "code"), [("1018-06-10", "value_error"), ("2130-01-01", "out_of_range")])
    def test_a_birth_that_cannot_be(self, world: World, day: str, code: str) -> None:
        body = {"account_id": str(world.rossi_account["id"]), "name": "Mia", "date_of_birth": day}

        assert reasons_of(world.admin.post("/attendees", body)) == [(code, "date_of_birth")]

    @pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
    def test_a_day_at_the_end_of_the_calendar(self, world: World, day: str) -> None:
        answers = [world.admin.get(f"/reports/aged-receivables?until={day}"),
                   world.admin.get(f"/bookings?created_from={day}T00:00:00Z")]  # fmt: skip

        assert [answer.status_code for answer in answers] == [422] * 2

    def test_the_rules_of_an_offering_that_is_not_named(self, world: World) -> None:
        assert reasons_of(world.admin.get("/rules?scope=TPS")) == [("required", "scope_id")]

    def test_a_nul_character_deep_in_a_rule(self, world: World) -> None:
        answer = world.admin.put(
            f"/rules/ORGANISATION/{world.organisation_id}/discounts", {"value": [{"kind": ["a", {"b\x00": 1}]}]}
        )

        assert answer.status_code == 422
        assert reasons_of(answer)[0][1] == "value"


class TestGoodTexts:
    @pytest.mark.parametrize("name", ["Zoë 🦊 O'Neill", "שרה כהן", "محمد", "李小龍", "<script>x</script>", "a" * 200])
    def test_every_name_of_the_world_comes_back_as_it_was_sent(self, world: World, name: str) -> None:
        made = world.rossi.post("/attendees", {"name": name, "date_of_birth": "2018-01-01"})

        assert made.status_code == 201
        assert world.rossi.get(f"/attendees/{made.json()['id']}").json()["name"] == name


@pytest.mark.usefixtures("unchanged")
class TestTheRequestItself:
    def test_an_unknown_address(self, world: World) -> None:
        answer = world.admin.get("/nothing")

        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        assert answer.headers["content-type"] == "application/problem+json"

    def test_a_wrong_method(self, world: World) -> None:
        answer = world.admin.delete("/orders")

        assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
        assert "POST" in answer.headers["allow"]

    def test_an_id_that_is_none(self, world: World) -> None:
        answer = world.admin.get("/orders/42")

        assert (answer.status_code, reasons_of(answer)) == (422, [("uuid_parsing", "order_id")])

    def test_a_body_that_is_no_json(self, world: World) -> None:
        for body in (b"{", b"", b"\xff\xfe", b"[" * 100_000):
            answer = world.admin.post("/accounts", content=body, headers={"Content-Type": "application/json"})

            assert answer.status_code in (400, 422), body[:10]
            assert answer.headers["content-type"] == "application/problem+json"

    def test_a_body_of_another_type(self, world: World) -> None:
        for media_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"):
            answer = world.admin.post("/accounts", content=b'{"name": "A"}', headers={"Content-Type": media_type})

            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")

    @pytest.mark.parametrize("is_announced", [True, False])
    def test_a_body_that_is_too_large(self, world: World, is_announced: bool) -> None:
        body = b'{"name": "' + b"x" * 1_100_000 + b'"}'
        sent: Any = body if is_announced else (body[at : at + 65536] for at in range(0, len(body), 65536))

        answer = world.admin.post("/accounts", content=sent, headers={"Content-Type": "application/json"})

        assert (answer.status_code, answer.json()["code"]) == (413, "too_large")

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("limit=0", "limit"), ("limit=201", "limit"), ("cursor=rubbish", "cursor"), ("cursor=WyJ4Il0", "cursor"),
            ("cursor=%00", "cursor"), ("status=SHIPPED", "status[0]"), ("account_id=1", "account_id"),
            ("created_from=yesterday", "created_from"), ("created_from=2026-03-31T09:00:00", "created_from"),
        ],
    )  # fmt: skip
    def test_a_question_that_makes_no_sense(self, world: World, query: str, field: str) -> None:
        answer = world.admin.get(f"/orders?{query}")

        assert answer.status_code == 422
        assert {found for _, found in reasons_of(answer)} == {field}

    @pytest.mark.parametrize("path", ["/sessions?foo=1&limit=2", "/orders/{order}?foo=1", "/terms?foo"])
    def test_a_misspelt_filter_is_refused_not_ignored(self, world: World, cart: dict[str, Any], path: str) -> None:
        answer = world.admin.get(path.format(order=cart["id"]))

        assert (answer.status_code, reasons_of(answer)) == (422, [("unknown_parameter", "foo")])

    def test_a_misspelt_filter_is_told_the_filters_that_there_are(self, world: World) -> None:
        reason = world.admin.get("/sessions?offering=1").json()["reasons"][0]

        assert reason["facts"]["allowed"] == [
            "cursor", "date_from", "date_until", "limit", "offering_id", "site_id", "term_id"
        ]  # fmt: skip
        assert "offering_id" in reason["message"]

    def test_a_move_takes_no_query(self, world: World, cart: dict[str, Any]) -> None:
        answer = world.rossi.post(f"/orders/{cart['id']}/cancellation?reason=ill")

        assert (answer.status_code, reasons_of(answer)) == (422, [("unknown_parameter", "reason")])

    def test_a_malformed_credential(self, client: httpx.Client) -> None:
        for header in ("Bearer", "Bearer x", "Basic YTpi", "Bearer tb_", f"Bearer tb_{'0' * 32}_{'x' * 43}", "tb_"):
            answer = client.get("/orders", headers={"Authorization": header})

            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), header

    def test_a_stale_version(self, world: World, cart: dict[str, Any]) -> None:
        lines = [{"session_id": str(world.sessions[0]["id"])}]
        for etag in ('"1"', '"99"', '"rubbish"', 'W/"1"'):
            answer = save(world, cart, lines, headers={"If-Match": etag})

            assert (answer.status_code, answer.json()["code"]) == (412, "changed"), etag


class TestVersions:
    def test_the_current_version_is_accepted_and_named(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:1])
        read = world.rossi.get(f"/orders/{cart['id']}")
        lines = [{"session_id": str(world.sessions[1]["id"])}]

        saved = save(world, cart, lines, headers={"If-Match": read.headers["etag"]})
        stale = save(world, cart, lines, headers={"If-Match": read.headers["etag"]})

        assert (saved.status_code, stale.status_code) == (200, 412)
        assert saved.headers["etag"] != read.headers["etag"]

    def test_a_move_of_a_stale_version_is_undone_whole(self, world: World) -> None:
        cart = world.cart(world.rossi, world.new_child(), world.sessions[:1])
        body, path = world.submission(cart, "PAY_NOW_PAY_ALL"), f"/orders/{cart['id']}/submission"

        stale = world.rossi.post(path, body, headers={"If-Match": '"1"'})
        status = world.rossi.get(f"/orders/{cart['id']}").json()["status"]
        current = world.rossi.post(path, body, headers={"If-Match": '"2"'})

        assert (stale.status_code, status, current.status_code) == (412, "CREATED", 200)

    def test_what_is_known_is_not_sent_again(self, world: World, cart: dict[str, Any]) -> None:
        path = f"/orders/{cart['id']}"
        etag = world.rossi.get(path).headers["etag"]

        again = world.rossi.get(path, headers={"If-None-Match": etag})

        assert (again.status_code, again.content) == (304, b"")

    def test_records_without_a_version_have_a_fingerprint(self, world: World) -> None:
        path = f"/accounts/{world.chen_account['id']}"
        etag = world.admin.get(path).headers["etag"]

        first = world.admin.patch(path, {"phone": "1"}, headers={"If-Match": etag})
        second = world.admin.patch(path, {"phone": "2"}, headers={"If-Match": etag})

        assert (first.status_code, second.status_code) == (200, 412)
        assert world.admin.get(path).json()["phone"] == "1"
        assert world.admin.get(path).headers["etag"] == first.headers["etag"]

    def test_places_of_a_session_that_was_changed_meanwhile(self, world: World) -> None:
        session = world.new_sessions(count=1)[0]
        path = f"/sessions/{session['id']}"
        etag = world.admin.get(path).headers["etag"]

        first = world.admin.patch(path, {"capacity": 12, "reason": "larger room"}, headers={"If-Match": etag})
        second = world.admin.patch(path, {"capacity": 8, "reason": "smaller room"}, headers={"If-Match": etag})

        assert (first.status_code, second.status_code, second.json()["code"]) == (200, 412, "changed")
        read = world.admin.get(path)
        assert (read.json()["capacity"], read.headers["etag"]) == (12, first.headers["etag"])
        assert world.admin.get(path, headers={"If-None-Match": etag}).status_code == 200
        assert world.admin.get(path, headers={"If-None-Match": first.headers["etag"]}).status_code == 304

    def test_a_place_that_was_taken_is_another_version_of_its_session(self, world: World) -> None:
        session = world.new_sessions(count=1)[0]
        path = f"/sessions/{session['id']}"
        etag = world.admin.get(path).headers["etag"]
        world.submitted(world.new_child(), [session])

        answer = world.admin.patch(path, {"capacity": 8, "reason": "smaller room"}, headers={"If-Match": etag})

        assert answer.status_code == 412


@pytest.mark.usefixtures("unchanged")
class TestRecords:
    def test_what_it_refers_to_must_exist(self, world: World, elsewhere: World) -> None:
        for category in (uuid4(), elsewhere.offering["id"]):
            body = {"category_id": str(category), "site_id": str(world.site["id"]), "name": "Judo"}

            answer = world.admin.post("/programs", body)

            assert (answer.status_code, reasons_of(answer)) == (422, [("unknown", "category_id")])

    def test_a_name_that_is_taken(self, world: World) -> None:
        answer = world.admin.post("/sites", {"name": world.site["name"], "time_zone": "UTC"})

        assert (answer.status_code, reasons_of(answer)) == (409, [("already_exists", "name")])

    def test_a_term_that_ends_before_it_starts(self, world: World) -> None:
        body = {"name": "Backwards", "starts_on": "2026-06-30", "ends_on": "2026-04-01"}

        answer = world.admin.post("/terms", body)

        assert (answer.status_code, reasons_of(answer)) == (422, [("rule_of_the_record", "ends_on")])
        assert answer.json()["detail"] == "A term does not end before it starts."

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"age_from_months": 72, "age_below_months": 60}, "age_below_months"),
            ({"bookable_from": "2026-04-02T00:00:00Z", "bookable_until": "2026-04-01T00:00:00Z"}, "bookable_until"),
        ],
    )
    def test_a_range_that_is_none(self, world: World, change: dict[str, Any], field: str) -> None:
        answer = world.admin.patch(f"/offerings/{world.offering['id']}", change)

        assert (answer.status_code, reasons_of(answer)) == (422, [("rule_of_the_record", field)])

    def test_every_rule_that_an_admin_can_break_names_a_field_of_its_record(self) -> None:
        edited = (Account, Attendee, ClosureDay, Extra, Program, ProgramCategory, Site, Term, TermProgramSet, User,
                  Venue)  # fmt: skip
        rules = {
            str(rule.name): table for table in (model.__table__ for model in edited)  # type: ignore[attr-defined]
            for rule in table.constraints if isinstance(rule, sa.CheckConstraint)
            # The words of a column are refused by the schemas.
            and not str(rule.name).endswith("_is_known")
        }  # fmt: skip

        assert rules.keys() == RULES.keys() - {
            "ck_term_product_taken_within_capacity",
            "ck_extra_stock_taken_within_stock",
        }
        for name, table in rules.items():
            assert RULES[name][0] in table.columns, name

    @pytest.mark.parametrize(
        ("path", "body", "field"),
        [
            ("/sites", {"name": "X", "time_zone": "Mars/Olympus"}, "time_zone"),
            ("/terms", {"name": "X", "starts_on": "2026-04-31", "ends_on": "2026-06-30"}, "starts_on"),
            ("/extras", {"name": "X", "price_minor": -1}, "price_minor"),
            ("/extras", {"name": "X", "price_minor": 10**13}, "price_minor"),
            ("/extras", {"name": "X", "price_minor": 1.5}, "price_minor"),
            ("/users", {"email": "no address", "name": "X", "roles": ["admin"]}, "email"),
            ("/users", {"email": "a@b.c", "name": "X", "roles": []}, "roles"),
            ("/users", {"email": "a@b.c", "name": "X", "roles": ["admin"], "password": "short"}, "password"),
            ("/attendees", {"name": "X", "date_of_birth": "2030-01-01"}, "date_of_birth"),
            ("/tokens", {"label": "X", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ],
    )  # fmt: skip
    def test_a_value_out_of_range(self, world: World, path: str, body: dict[str, Any], field: str) -> None:
        answer = world.admin.post(path, body)

        assert answer.status_code == 422
        assert {found for _, found in reasons_of(answer)} == {field}

    def test_unknown_holidays(self, world: World) -> None:
        answer = world.admin.post("/sites", {"name": "X", "time_zone": "UTC", "holiday_country": "ZZ"})

        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_holidays")

    def test_places_cannot_go_below_what_is_taken(self, world: World) -> None:
        taken = world.rows("SELECT id, taken FROM term_product WHERE organisation_id = %(org)s AND taken > 0 LIMIT 1")

        answer = world.admin.patch(f"/sessions/{taken[0]['id']}", {"capacity": 0, "reason": "smaller room"})

        assert (answer.status_code, reasons_of(answer)) == (422, [("below_taken", "capacity")])

    def test_an_import_that_cannot_be_read(self, world: World) -> None:
        body = {"file_name": "x.csv", "content": "bm90IGJhc2U2NA==", "mapping": "not = [toml"}

        answer = world.admin.post("/imports", body)

        assert answer.status_code == 422
        assert world.admin.post("/imports", body | {"file_name": "../../etc/passwd"}).status_code == 422
        assert world.admin.post("/imports", body | {"content": "***"}).status_code == 422


class TestOurOwnFailures:
    """What goes wrong on our side is said without a word about how."""

    def test_a_bug_leaks_nothing(self, server_url: str, world: World) -> None:
        # A database without our tables stands for everything that nobody foresaw.
        answer = self.ask(server_url, world, "/orders")

        assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["x-request-id"] in answer.json()["detail"]
        for word in ("Traceback", "SELECT", "credential", "psycopg", "relation"):
            assert word not in answer.text

    @pytest.mark.parametrize("path", ["/orders", "/readyz"])
    def test_a_database_that_is_away_is_worth_another_try(self, world: World, path: str) -> None:
        answer = self.ask("postgresql://nobody@127.0.0.1:9/nothing", world, path)

        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert int(answer.headers["retry-after"]) > 0

    def test_the_process_lives_without_its_database(self, world: World) -> None:
        assert self.ask("postgresql://nobody@127.0.0.1:9/nothing", world, "/healthz").status_code == 200

    def ask(self, url: str, world: World, path: str) -> httpx.Response:
        database = Database(url, app_role="pg_monitor")
        app = create_app(Settings(), database=database, clock=world.clock, gateways={})
        with serving(app) as address:
            answer = httpx.get(f"{address}{path}", headers={"Authorization": f"Bearer {world.admin.token}"}, timeout=60)
        database.close()
        return answer
