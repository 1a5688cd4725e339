"""Lists: pages that hold still while rows are added, and the filters that people need."""

import base64
import json
from typing import Any

import psycopg
import pytest

from api.reads.paging import Listing
from tests.api.conftest import Person, World
from tests.builders import sessions


def walk(person: Person, path: str, *, limit: int = 2, between: Any = None) -> list[dict[str, Any]]:
    """All items of a list, page by page."""
    items, cursor = [], ""
    while True:
        page = person.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = f"&cursor={page['next_cursor']}"
        if between is not None:
            between()


@pytest.fixture(scope="module")
def bookings(world: World) -> list[dict[str, Any]]:
    """Five children with one booking each, of the n-th session; one of them with the first two."""
    children = [world.new_child(f"Child {n}") for n in range(5)]
    return [
        world.confirmed(child, world.sessions[n : n + (2 if n == 0 else 1)]) | {"child": child}
        for n, child in enumerate(children)
    ]


class TestPages:
    def test_show_every_row_once_newest_first(self, world: World, bookings: list[dict[str, Any]]) -> None:
        found = [item["id"] for item in walk(world.admin, "/bookings")]

        assert found == [order["booking"]["id"] for order in reversed(bookings)]

    def test_hold_still_while_rows_are_added(self, world: World) -> None:
        before = [item["id"] for item in walk(world.admin, "/orders")]

        found = [
            item["id"] for item in walk(world.admin, "/orders", between=lambda: world.draft(world.rossi, world.mia))
        ]

        assert found == before

    @pytest.mark.parametrize(
        "path",
        ["/sessions", "/offerings", "/terms", "/sites", "/programs", "/program-categories", "/accounts", "/attendees",
         "/users", "/invoices", "/tokens", "/extras", "/closure-days", "/quotes", "/payments", "/payment-reviews"],
    )  # fmt: skip
    def test_of_every_list_add_up_to_the_whole(self, world: World, bookings: list[dict[str, Any]], path: str) -> None:
        whole = world.admin.get(f"{path}?limit=200").json()

        assert walk(world.admin, path, limit=3) == whole["items"]
        assert whole["next_cursor"] is None

    def test_of_sessions_end_with_the_undated_ones(self, world: World) -> None:
        undated = world.edit(lambda tx: sessions(tx, world.offering, None, component="lab"))

        found = walk(world.rossi, "/sessions", limit=4)

        starts = [item["starts_at"] for item in found[:-1]]
        assert starts == sorted(starts)
        assert (found[-1]["id"], found[-1]["name"]) == (str(undated[0]["id"]), "Karate, undated")


class TestCursors:
    def cursor(self, world: World, path: str) -> str:
        found: str = world.admin.get(path).json()["next_cursor"]
        return found

    def is_refused(self, world: World, path: str) -> bool:
        answer = world.admin.get(path)
        assert answer.status_code == 200 or answer.json()["reasons"][0]["field"] == "cursor"
        return bool(answer.status_code == 422)

    def test_of_another_list_are_refused(self, world: World, bookings: list[dict[str, Any]]) -> None:
        cursor = self.cursor(world, "/bookings?limit=1")

        assert self.is_refused(world, f"/orders?cursor={cursor}")
        assert self.is_refused(world, f"/sessions?cursor={cursor}")

    def test_of_other_filters_are_refused(self, world: World, bookings: list[dict[str, Any]]) -> None:
        filters = f"account_id={world.rossi_account['id']}&status=APPROVED&status=CANCELED"
        cursor = self.cursor(world, f"/bookings?limit=1&{filters}")

        assert self.is_refused(world, f"/bookings?cursor={cursor}")
        assert self.is_refused(world, f"/bookings?cursor={cursor}&{filters.replace('APPROVED', 'CLOSED')}")
        assert self.is_refused(world, f"/bookings?cursor={cursor}&{filters}&term_id={world.term['id']}")

    def test_of_the_same_filters_in_another_order_and_page_size_go_on(
        self, world: World, bookings: list[dict[str, Any]]
    ) -> None:
        cursor = self.cursor(world, f"/bookings?limit=1&status=APPROVED&status=CANCELED&term_id={world.term['id']}")
        again = f"term_id={world.term['id']}&status=CANCELED&status=APPROVED"

        answer = world.admin.get(f"/bookings?limit=3&cursor={cursor}&{again}")

        wanted = [order["booking"]["id"] for order in reversed(bookings)][1:4]
        assert [item["id"] for item in answer.json()["items"]] == wanted

    def test_of_somebody_who_sees_more_are_refused(self, world: World, bookings: list[dict[str, Any]]) -> None:
        cursor = self.cursor(world, "/bookings?limit=1")

        assert world.rossi.get(f"/bookings?cursor={cursor}").status_code == 422

    def test_with_a_key_that_is_none_are_refused(self, world: World, bookings: list[dict[str, Any]]) -> None:
        cursor = self.cursor(world, "/bookings?limit=1")
        mark, _ = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        forged = base64.urlsafe_b64encode(json.dumps([mark, "no id"]).encode()).decode().rstrip("=")

        assert self.is_refused(world, f"/bookings?cursor={forged}")

    def test_are_not_blamed_where_none_was_sent(self, world: World) -> None:
        broken = Listing("SELECT {keys} FROM term t WHERE t.organisation_id = %(org)s{where}", [("t.id", "uuid")])
        broken.where("t.id = %(id)s::uuid", id="no id")

        with pytest.raises(psycopg.DataError):
            world.edit(lambda tx: broken.page(tx, cursor=None, limit=1, show=dict))


class TestFilters:
    def ids(self, world: World, query: str) -> set[str]:
        return {item["id"] for item in walk(world.admin, f"/bookings?{query}")}

    def test_by_session(self, world: World, bookings: list[dict[str, Any]]) -> None:
        wanted = {bookings[0]["booking"]["id"], bookings[1]["booking"]["id"]}

        assert self.ids(world, f"session_id={world.sessions[1]['id']}") == wanted

    def test_by_attendee_and_account(self, world: World, bookings: list[dict[str, Any]]) -> None:
        assert self.ids(world, f"attendee_id={bookings[2]['child']['id']}") == {bookings[2]["booking"]["id"]}
        assert self.ids(world, f"account_id={world.chen_account['id']}") == set()
        assert len(self.ids(world, f"account_id={world.rossi_account['id']}")) == 5

    def test_by_status(self, world: World, bookings: list[dict[str, Any]]) -> None:
        assert len(self.ids(world, "status=APPROVED&status=SUSPENDED")) == 5
        assert self.ids(world, "status=CANCELED") == set()

    def test_by_the_dates_of_their_sessions(self, world: World, bookings: list[dict[str, Any]]) -> None:
        days = [session["local_date"] for session in world.sessions]

        assert len(self.ids(world, f"date_from={days[1]}&date_until={days[2]}")) == 3
        assert len(self.ids(world, f"date_until={days[0]}")) == 1
        assert self.ids(world, f"date_from={days[5]}") == set()

    def test_by_when_they_were_made(self, world: World, bookings: list[dict[str, Any]]) -> None:
        assert len(self.ids(world, "created_from=2026-03-31T00:00:00Z&created_until=2026-04-01T00:00:00Z")) == 5
        assert self.ids(world, "created_until=2026-03-31T00:00:00Z") == set()

    def test_orders_by_status_and_session(self, world: World, bookings: list[dict[str, Any]]) -> None:
        session = world.sessions[3]["id"]

        found = walk(world.admin, f"/orders?status=APPROVED&session_id={session}")

        assert [item["id"] for item in found] == [bookings[3]["id"]]
        assert found[0]["session_count"] == 1

    def test_invoices_that_are_open(self, world: World, bookings: list[dict[str, Any]]) -> None:
        assert len(walk(world.finance, "/invoices?is_open=true")) == 5
        assert walk(world.finance, "/invoices?is_open=false") == []
        assert walk(world.finance, "/invoices?due_until=2026-04-01") == []

    def test_people_by_part_of_their_name(self, world: World) -> None:
        assert [item["name"] for item in walk(world.admin, "/accounts?q=ROSS")] == ["Rossi family"]
        assert [item["name"] for item in walk(world.admin, "/attendees?q=lin")] == ["Lin Chen"]

    def test_whom_several_words_find_stands_there_once(self, world: World) -> None:
        for name in ("Zoltan Zola", "Zola Zoltan", "Zoltan"):
            world.admin.post("/accounts", {"name": name})
        (zoltan, *_) = found = walk(world.admin, "/accounts?q=zol")

        assert [item["name"] for item in found] == ["Zoltan Zola", "Zola Zoltan", "Zoltan"]
        assert walk(world.admin, f"/accounts?q={zoltan['reference'].lower()}") == [zoltan]
        assert walk(world.admin, "/accounts?q=zola.zoltan") == [found[1]]
        assert walk(world.admin, "/accounts?q=-") == []

    def test_offerings_by_name_age_and_term(self, world: World) -> None:
        term = world.term["id"]

        assert [item["name"] for item in walk(world.rossi, f"/offerings?q=kara&term_id={term}")] == ["Karate"]
        assert walk(world.rossi, f"/offerings?q=kara&term_id={world.mia['id']}") == []
        assert len(walk(world.rossi, "/offerings?age_months=100")) == 1

    def test_sessions_by_offering_and_date(self, world: World) -> None:
        days = [session["local_date"] for session in world.sessions]
        path = f"/sessions?offering_id={world.offering['id']}&date_from={days[2]}&date_until={days[4]}"

        assert [item["local_date"] for item in walk(world.rossi, path)] == [day.isoformat() for day in days[2:5]]


class TestPlaces:
    def test_an_offering_says_what_is_left_of_its_fullest_and_its_emptiest_session(self, world: World) -> None:
        course = world.new_sessions(capacity=3, count=2, name="Pottery")
        world.confirmed(world.new_child("Ada"), course[:1])

        shown = world.rossi.get("/offerings?q=pottery").json()["items"][0]

        assert (shown["least_left"], shown["most_left"]) == (2, 3)

    def test_a_session_says_what_is_left(self, world: World, bookings: list[dict[str, Any]]) -> None:
        shown = world.rossi.get(f"/sessions/{world.sessions[1]['id']}").json()

        assert (shown["capacity"], shown["taken"], shown["left"]) == (10, 2, 8)
        assert shown["price"] == "$11.30"

    def test_staff_see_holds_apart_from_bookings(self, world: World, bookings: list[dict[str, Any]]) -> None:
        world.submitted(world.new_child("Waiting"), world.sessions[7:8])
        shown = world.staff.get(f"/sessions/{world.sessions[7]['id']}").json()

        assert (shown["active_count"], shown["held_count"], shown["taken"]) == (0, 1, 1)
        assert shown["held"][0]["attendee"] == "Waiting"
