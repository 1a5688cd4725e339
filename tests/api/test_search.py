"""The office's search: families and children by how a word of a name or number begins, or an address."""

import re
from pathlib import Path

import pytest

from api.reads import desk
from api.reads.references import BY_PREFIX, BY_SERIES, by_reference
from engine.database import Transaction
from invoicing.issue import number_text
from models import DocumentSeries, RefundRequest
from tests.api.conftest import World
from tests.builders import NOW, Row, account, add, attendee


@pytest.fixture(scope="module")
def beaumont(world: World) -> World:
    def make(tx: Transaction) -> None:
        family = account(tx, name="Élise O'Neill-Beaumont", email="elise.b@mail.example", phone="+41 79 123 45 67")
        attendee(tx, family, name="Zoé Beaumont")

    world.edit(make)
    return world


def found(world: World, asked: str) -> set[str]:
    with world.database.transaction(world.organisation_id) as tx:
        answer = desk.search(tx, asked)
    return {row["name"] for what in ("accounts", "attendees") for row in answer[what]}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        ("beau", {"Élise O'Neill-Beaumont", "Zoé Beaumont"}),
        ("BEAUMONT", {"Élise O'Neill-Beaumont", "Zoé Beaumont"}),
        ("élise o'neill", {"Élise O'Neill-Beaumont"}),
        ("  Zoé   beau", {"Zoé Beaumont"}),
        ("neill beaumont", {"Élise O'Neill-Beaumont"}),
        ("zoe beau", {"Zoé Beaumont"}),
        ("ELISE", {"Élise O'Neill-Beaumont"}),
        ("bèau", {"Élise O'Neill-Beaumont", "Zoé Beaumont"}),
        ("elise.b@mail", {"Élise O'Neill-Beaumont"}),
        ("079 123", set()),
        ("79 123", {"Élise O'Neill-Beaumont"}),
        ("123 45", {"Élise O'Neill-Beaumont"}),
        ("eaumont", set()),
        ("%", set()),
        ("--", set()),
    ],
)
def test_people_are_found_by_how_their_words_begin(beaumont: World, asked: str, names: set[str]) -> None:
    assert found(beaumont, asked) == names


@pytest.mark.parametrize("asked", ["zoe", "élise", "beaumont", "elise.b@mail"])
def test_a_family_is_found_by_its_own_words_and_by_a_childs_and_once(beaumont: World, asked: str) -> None:
    with beaumont.database.transaction(beaumont.organisation_id) as tx:
        names = [row["name"] for row in desk.families(tx, asked)]

    assert names == ["Élise O'Neill-Beaumont"]


@pytest.mark.parametrize(
    ("given", "read"),
    [("Cœur, Ægir", "coeur, aegir"), ("Łódź", "lodz"), ("Størmer", "stormer"), ("Straße", "strasse"),
     ("김민준", "김민준"), ("أحمد", "أحمد"), ("Åsa", "asa"), ("e\N{COMBINING ACUTE ACCENT}", "e"),
     ("Nguyễn", "nguyen")],
)  # fmt: skip
def test_letters_are_read_without_their_marks_and_other_scripts_as_they_are(
    world: World, given: str, read: str
) -> None:
    with world.database.transaction(world.organisation_id) as tx:
        row = tx.row("SELECT unaccented(%(given)s) AS read", given=given)

    assert row == {"read": read}


def test_who_is_named_otherwise_is_found_by_the_new_name_alone(beaumont: World) -> None:
    child = beaumont.new_child("Noor Haddad")
    beaumont.edit(
        lambda tx: tx.run(
            "UPDATE attendee SET name = 'Noor Sabbagh' WHERE organisation_id = %(org)s AND id = %(id)s", id=child["id"]
        )
    )

    assert found(beaumont, "sabb") == {"Noor Sabbagh"}
    assert found(beaumont, "haddad") == set()


def test_of_very_many_the_first_are_shown(beaumont: World) -> None:
    beaumont.edit(lambda tx: [account(tx, name=f"Twin {n:03} family") for n in range(desk.MOST_FOUND + 3)])

    assert found(beaumont, "twin") == {f"Twin {n:03} family" for n in range(desk.MOST_FOUND)}


class TestReferences:
    def test_whatever_is_given_a_reference_or_a_number_can_be_looked_for(self) -> None:
        given = {
            prefix for path in Path(desk.__file__).parents[2].glob("[abcinw]*/**/*.py")
            for prefix in re.findall(r'new_reference\("([A-Z]+)"\)', path.read_text("utf-8"))
        }  # fmt: skip

        assert given - {"AC", "AT"} == set(BY_PREFIX) - {"TK"}
        assert {series.value for series in DocumentSeries} == set(BY_SERIES)

    def test_each_can_be_asked_for(self, beaumont: World) -> None:
        with beaumont.database.transaction(beaumont.organisation_id) as tx:
            for prefix in BY_PREFIX:
                assert by_reference(tx, f"{prefix}-00000000") == []
            for series in BY_SERIES:
                assert by_reference(tx, f"{series}-2026-000000") == []
            assert by_reference(tx, "INV-2026-²") == []

    def test_an_order_its_quote_its_booking_and_its_invoice_are_found(self, beaumont: World) -> None:
        child, wanted = beaumont.new_child("Ida Beaumont"), beaumont.new_sessions(count=1)
        order = beaumont.submitted(child, wanted)
        beaumont.admin.post(f"/orders/{order['id']}/quote")
        (quote,) = beaumont.rows(
            "SELECT series, year, number FROM quote WHERE organisation_id = %(org)s AND order_id = %(id)s",
            id=order["id"],
        )
        number = number_text(**quote)
        beaumont.admin.post(f"/orders/{order['id']}/acceptance")
        done = beaumont.admin.post(f"/orders/{order['id']}/confirmation", {"reason": "as agreed"}).json()

        with beaumont.database.transaction(beaumont.organisation_id) as tx:
            (by_order,) = by_reference(tx, order["reference"].lower())
            (by_quote,) = by_reference(tx, number.lower())
            (by_booking,) = by_reference(tx, done["booking"]["reference"])

        assert (by_order["what"], str(by_order["id"]), by_order["status"]) == (
            "term_booking_order", order["id"], "APPROVED",
        )  # fmt: skip
        assert (by_quote["what"], str(by_quote["order"]), by_quote["label"]) == ("quote", order["id"], number)
        assert (by_booking["what"], str(by_booking["id"])) == ("term_booking", done["booking"]["id"])
        assert {str(each["family"]) for each in (by_order, by_quote, by_booking)} == {order["account_id"]}
        assert {by_order["name"], by_quote["name"], by_booking["name"]} == {"Ida Beaumont"}

    def test_what_is_asked_back_of_a_wallet_is_of_no_booking_and_is_found(self, beaumont: World) -> None:
        class Seen(Exception):
            """It was looked at; nothing of it stays."""

        found: list[Row] = []

        def look(tx: Transaction) -> None:
            asking = account(tx, name="Wallet family")
            add(tx, RefundRequest, reference="RR-WALLET22", account_id=asking["id"], status=100, amount_minor=500,
                destination="ORIGINAL", created_at=NOW, updated_at=NOW)  # fmt: skip
            found.extend(by_reference(tx, "rr-wallet22"))
            raise Seen

        with pytest.raises(Seen):
            beaumont.edit(look)

        (asked,) = found
        assert (asked["what"], asked["name"], asked["booking"]) == ("refund_request", "Wallet family", None)


class TestOverHttp:
    def test_the_office_and_finance_find_families_by_their_children(self, beaumont: World) -> None:
        beaumont.new_child("Pia Zurbriggen")

        for who in (beaumont.admin, beaumont.finance):
            found = who.get("/search?q=zurb").json()
            (child,) = found["attendees"]
            assert child["name"] == "Pia Zurbriggen"
            assert child["accounts"]
            assert found["references"] == []

    @pytest.mark.parametrize("query", ["", "?q=", "?q=z"])
    def test_one_letter_finds_nothing(self, beaumont: World, query: str) -> None:
        answer = beaumont.admin.get(f"/search{query}")

        assert (answer.status_code, any(answer.json().values())) == (200, False)
