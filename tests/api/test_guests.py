"""Booking without a login: a link opens one order, nothing is revealed, and who registers takes it all along."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from api.app import create_app
from api.routes.guests import BY_LINKS
from api.visits import BOOK_BY_ADDRESS, BOOK_BY_EMAIL
from engine.clock import FrozenClock
from engine.database import Database
from engine.links import sign_link
from engine.outbox import read_message
from engine.settings import Settings
from notifications.messages import GuestLinks, RegistrationAsked
from tests.api.conftest import World, make_world, serving
from tests.billing.sandbox import Sandbox, sandbox_at_hand
from tests.builders import NOW
from tests.engine.later import together, until
from tests.ports import free_port
from workflows.guests import LINK_FOR, LINK_PURPOSE, guest_link
from workflows.messages import compose_message

KEY = "a secret for signing"
DAY = timedelta(days=1)
LOGIN = {"name": "Nils Berg", "password": "a long enough password"}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox_at_hand(tmp_path_factory.mktemp("sandbox") / "own.sqlite3") as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(checked_database: Database, sandbox: Sandbox) -> Iterator[httpx.Client]:
    port = free_port()
    chosen = Settings(cookie_secure=False, base_url=f"http://127.0.0.1:{port}", secret=KEY)
    app = create_app(chosen, database=checked_database, clock=sandbox.clock, gateways={"sandbox": sandbox.gateway})
    with serving(app, port=port) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client


@pytest.fixture(scope="module")
def world(database_url: str, checked_database: Database, client: httpx.Client, clock: FrozenClock) -> World:
    return make_world(database_url, checked_database, client, clock, "Riverside Centre")


@pytest.fixture(autouse=True)
def an_hour_later(world: World) -> None:
    """Nobody is counted for what another test did."""
    world.edit(lambda tx: tx.run("DELETE FROM sign_in_attempt WHERE organisation_id = %(org)s"))


class Guest:
    """Somebody with an e-mail address and a child, at the door of Riverside."""

    def __init__(self, world: World, email: str = "", child: str = "Nora Berg") -> None:
        self.world, self.email, self.child, self.link = world, email or f"{uuid4().hex[:10]}@berg.example", child, ""

    def begin(self, wanted: list[dict[str, Any]], **more: Any) -> httpx.Response:
        answer = self.world.client.post("/guest-orders", json={
            "organisation": "riverside-centre", "guest": {"name": "Berg family", "email": self.email},
            "attendee": {"name": self.child, "date_of_birth": "2018-05-01", **more.pop("attendee", {})},
            "term_id": str(self.world.term["id"]), "lines": [{"session_id": str(s["id"])} for s in wanted], **more,
        })  # fmt: skip
        if answer.status_code == 201:
            self.link = answer.json()["link"]
        return answer

    def submit(self, cart: dict[str, Any]) -> httpx.Response:
        return self.post("submission", {"price_fingerprint": cart["price_fingerprint"]})

    def submitted(self, wanted: list[dict[str, Any]]) -> dict[str, Any]:
        answer = self.submit(self.begin(wanted).json())
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def post(self, what: str, body: Any = None) -> httpx.Response:
        return self.world.client.post(f"/guest-orders/{self.link}/{what}", json=body or {})

    def read(self) -> httpx.Response:
        return self.world.client.get(f"/guest-orders/{self.link}")

    @property
    def account(self) -> dict[str, Any]:
        (found,) = self.world.rows("SELECT * FROM account WHERE organisation_id = %(org)s AND email = %(email)s "
                                   "AND kind = 'GUEST'", email=self.email)  # fmt: skip
        return found


def codes(answer: httpx.Response) -> list[str]:
    return [reason["code"] for reason in answer.json()["reasons"]]


def mails(world: World, topic: str) -> list[Any]:
    """Every mail of a topic, as it would be sent now."""
    with world.database.transaction(world.organisation_id) as tx:
        entries = tx.rows("SELECT id FROM outbox_message WHERE organisation_id = %(org)s AND topic = %(topic)s "
                          "ORDER BY created_at, id", topic=topic)  # fmt: skip
        return [
            compose_message(tx, read_message(tx, e["id"]), base_url="https://x.example", secret=KEY) for e in entries
        ]


class TestProgramme:
    def test_everybody_sees_what_is_published(self, world: World) -> None:
        offerings = world.client.get("/centres/riverside-centre/offerings").json()["items"]
        slots = world.client.get(f"/centres/riverside-centre/sessions?offering_id={world.offering['id']}").json()[
            "items"
        ]
        world.edit(lambda tx: tx.run("UPDATE term_program_set SET status = 'DRAFT' WHERE id = %(id)s",
                                     id=world.offering["id"]))  # fmt: skip
        hidden = world.client.get("/centres/riverside-centre/offerings").json()["items"]
        world.edit(lambda tx: tx.run("UPDATE term_program_set SET status = 'PUBLISHED' WHERE id = %(id)s",
                                     id=world.offering["id"]))  # fmt: skip

        assert str(world.offering["id"]) in [o["id"] for o in offerings]
        assert [s["id"] for s in slots] == [str(s["id"]) for s in world.sessions]
        assert str(world.offering["id"]) not in [o["id"] for o in hidden]
        assert world.client.get("/centres/nowhere/offerings").status_code == 404
        assert world.client.get("/centres/riverside-centre/offerings?weekday=1").status_code == 422


class TestBooking:
    def test_a_guest_books_pays_sees_the_invoice_and_cancels(self, world: World, sandbox: Sandbox) -> None:
        guest = Guest(world)
        order = guest.submitted(world.new_sessions(count=2))

        payment = guest.post("payments")
        again = guest.post("payments")
        sandbox.visit(payment.json()["checkout_url"])
        until(lambda: guest.read().json()["status"] == "APPROVED", seconds=20)
        invoice = world.client.get(f"/guest-orders/{guest.link}/invoice")
        review = world.client.get(f"/guest-orders/{guest.link}/cancellation").json()
        canceled = guest.post("cancellation", {"reason": "moving", "fingerprint": review["fingerprint"]})

        assert order["status"] == "SUBMITTED"
        assert order["expires_at"].startswith("2026-03-31T13:15")
        assert (payment.status_code, payment.json()["amount_minor"]) == (201, order["total_minor"])
        assert again.json()["id"] == payment.json()["id"]
        assert invoice.content.startswith(b"%PDF")
        assert invoice.headers["referrer-policy"] == "no-referrer"
        assert canceled.status_code == 200, canceled.text
        booking_id = UUID(canceled.json()["booking_id"])
        assert world.rows("SELECT status FROM term_booking WHERE id = %(id)s", id=booking_id) == [{"status": 900}]

    def test_a_cart_is_changed_and_thrown_away(self, world: World) -> None:
        guest, wanted = Guest(world), world.new_sessions(count=3)
        guest.begin(wanted[:1])

        saved = world.client.put(f"/guest-orders/{guest.link}/lines",
                                 json={"lines": [{"session_id": str(s["id"])} for s in wanted]})  # fmt: skip
        gone = guest.post("cancellation")

        assert len(saved.json()["lines"]) == 3
        assert gone.json()["status"] == "REMOVED"

    def test_a_promo_code_is_heard_with_the_cart_and_with_its_change(self, world: World) -> None:
        guest, wanted = Guest(world), world.new_sessions(count=1)
        begun = guest.begin(wanted, promo_code="nosuch1")
        lines = [{"session_id": str(session["id"])} for session in wanted]

        changed = world.client.put(f"/guest-orders/{guest.link}/lines", json={"lines": lines, "promo_code": "nosuch2"})

        assert [begun.json()["promo_code"], changed.json()["promo_code"]] == ["NOSUCH1", "NOSUCH2"]
        assert "Nothing of this order takes the promo code NOSUCH2." in changed.text

    def test_the_same_child_is_found_again_and_not_booked_twice(self, world: World) -> None:
        first, wanted = Guest(world), world.new_sessions(count=1)
        first.submitted(wanted)
        again = Guest(world, first.email, child="nora berg")

        cart = again.begin(wanted, attendee={"allergy_notes": "Peanuts"})
        refused = again.submit(cart.json())

        assert codes(refused) == ["double_booked"]
        assert "not available at this time" in refused.json()["reasons"][0]["message"]
        children = world.rows("SELECT t.* FROM attendee t JOIN account_attendee x ON x.attendee_id = t.id "
                              "WHERE x.account_id = %(id)s", id=first.account["id"])  # fmt: skip
        assert [(c["name"], c["allergy_notes"]) for c in children] == [("Nora Berg", "Peanuts")]

    def test_what_was_known_of_a_child_is_not_forgotten(self, world: World) -> None:
        guest = Guest(world)
        for note in ("Peanuts", "", "Eggs", "Peanuts"):
            guest.begin([], attendee={"allergy_notes": note})

        found = world.rows("SELECT t.allergy_notes FROM attendee t JOIN account_attendee x ON x.attendee_id = t.id "
                           "WHERE x.account_id = %(id)s", id=guest.account["id"])  # fmt: skip
        assert found == [{"allergy_notes": "Peanuts; Eggs"}]

    def test_a_child_that_is_not_born_yet_books_nothing(self, world: World) -> None:
        guest = Guest(world)

        answer = guest.begin(world.sessions[:1], attendee={"date_of_birth": "2030-01-01"})

        assert answer.status_code == 422
        assert answer.json()["reasons"][0]["field"] == "attendee.date_of_birth"
        assert world.rows("SELECT 1 FROM account WHERE organisation_id = %(org)s AND email = %(email)s",
                          email=guest.email) == []  # fmt: skip

    def test_a_guest_pays_now(self, world: World) -> None:
        guest = Guest(world)
        cart = guest.begin(world.new_sessions(count=1)).json()

        later = guest.post("submission", {"confirmation_type": "CONFIRM_WITHOUT_PAYMENT",
                                          "price_fingerprint": cart["price_fingerprint"]})  # fmt: skip

        assert later.status_code == 422
        assert guest.read().json()["status"] == "CREATED"

    def test_an_overdue_hold_makes_way(self, world: World) -> None:
        wanted = world.new_sessions(capacity=1, count=1)
        Guest(world).submitted(wanted)
        late = Guest(world)
        cart = late.begin(wanted).json()
        assert codes(late.submit(cart)) == ["session_full"]

        world.edit(lambda tx: tx.run("UPDATE timer SET due_at = %(past)s WHERE status = 'ARMED'", past=NOW - DAY))
        got = late.submit(cart)

        assert got.status_code == 200, got.text


class TestWhatIsRevealed:
    def test_an_address_that_signs_in_gets_an_account_of_its_own_and_the_same_answer(self, world: World) -> None:
        stranger, member = Guest(world), Guest(world, world.rossi.email)

        one, other = stranger.begin([]), member.begin([])

        assert one.status_code == other.status_code == 201
        assert one.json().keys() == other.json().keys()
        assert member.account["id"] != world.rossi_account["id"]

    def test_a_link_opens_one_order_and_not_the_others_of_the_account(self, world: World) -> None:
        first = Guest(world)
        first.begin([])
        other = Guest(world, first.email)
        body = other.begin([]).json()

        assert first.read().json()["id"] != other.read().json()["id"]
        assert world.client.get(f"/orders/{body['id']}").status_code == 401

    def test_asking_for_links_answers_the_same_for_every_address(self, world: World) -> None:
        guest = Guest(world)
        guest.submitted(world.new_sessions(count=1))
        before = len(mails(world, "guest.links"))

        known = world.client.post("/guest-links", json={"organisation": "riverside-centre", "email": guest.email})
        unknown = world.client.post(
            "/guest-links", json={"organisation": "riverside-centre", "email": "no@one.example"}
        )

        assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (204, b"")
        sent = mails(world, "guest.links")[before:]
        assert [(m.recipient.email, len(m.orders)) for m in sent] == [(guest.email, 1)]


class TestLinks:
    def test_the_mail_opens_the_order(self, world: World) -> None:
        guest = Guest(world)
        order = guest.submitted(world.new_sessions(count=1))

        (mail,) = [m for m in mails(world, "guest.links") if m.recipient.email == guest.email]

        assert isinstance(mail, GuestLinks)
        assert mail.orders[0].pay_until is not None
        opened = world.client.get(mail.orders[0].link.removeprefix("https://x.example"))
        assert opened.json()["id"] == order["id"]

    @pytest.mark.parametrize("spoil", [
        lambda link: link[:-6] + ("A" if link[-6] != "A" else "B") + link[-5:],
        lambda link: "A" + link[1:], lambda _: "nonsense",
        lambda link: link.rpartition(".")[0], lambda link: link + "x",
    ])  # fmt: skip
    def test_one_that_was_tampered_with_is_refused(self, world: World, spoil: Any) -> None:
        guest = Guest(world)
        guest.begin([])
        guest.link = spoil(guest.link)

        answers = [guest.read(), guest.post("submission", {"price_fingerprint": "x"}), guest.post("cancellation")]

        assert {(a.status_code, a.json()["code"]) for a in answers} == {(403, "link_invalid")}

    def test_one_of_another_purpose_or_another_secret_is_refused(self, world: World) -> None:
        guest = Guest(world)
        order = UUID(guest.begin([]).json()["id"])
        facts = {"organisation": world.organisation_id.hex, "order": order.hex}
        forged = [sign_link(KEY, "registration", expires_at=NOW + DAY, **facts),
                  sign_link("guessed", LINK_PURPOSE, expires_at=NOW + DAY, **facts),
                  sign_link(KEY, LINK_PURPOSE, expires_at=NOW + DAY, order=order.hex)]  # fmt: skip

        answers = [world.client.get(f"/guest-orders/{link}") for link in forged]

        assert [a.json()["code"] for a in answers] == ["link_invalid"] * 3

    def test_one_that_has_expired_says_so_and_another_is_to_be_had(self, world: World) -> None:
        guest = Guest(world)
        order = UUID(guest.begin([]).json()["id"])
        guest.link = guest_link(KEY, world.organisation_id, order, now=NOW - LINK_FOR)

        answer = guest.read()

        assert (answer.status_code, answer.json()["code"]) == (403, "link_expired")

    def test_one_of_another_organisation_opens_nothing_here(self, world: World) -> None:
        guest = Guest(world)
        order = UUID(guest.begin([]).json()["id"])
        guest.link = guest_link(KEY, uuid4(), order, now=NOW)

        assert guest.read().status_code == 404


class TestLimits:
    def test_one_address_begins_so_many_orders_an_hour(self, world: World) -> None:
        guest = Guest(world)
        answers = [guest.begin([]) for _ in range(BOOK_BY_EMAIL.most + 1)]

        assert [a.status_code for a in answers] == [201] * BOOK_BY_EMAIL.most + [429]
        assert int(answers[-1].headers["retry-after"]) <= 3600

    def test_one_place_begins_so_many_with_whatever_address(self, world: World) -> None:
        statuses = [Guest(world).begin([]).status_code for _ in range(BOOK_BY_ADDRESS.most + 1)]

        assert statuses == [201] * BOOK_BY_ADDRESS.most + [429]

    def test_links_are_not_mailed_again_and_again(self, world: World) -> None:
        body = {"organisation": "riverside-centre", "email": "again@and.example"}

        statuses = [world.client.post("/guest-links", json=body).status_code for _ in range(BY_LINKS.most + 1)]

        assert statuses == [204] * BY_LINKS.most + [429]


class TestRegistration:
    def finish(self, world: World, email: str, body: Any = None) -> httpx.Response:
        asked = world.client.post("/registrations", json={"organisation": "riverside-centre", "email": email})
        assert (asked.status_code, asked.content) == (204, b"")
        mail = [m for m in mails(world, "registration.asked") if m.recipient.email == email][-1]
        assert isinstance(mail, RegistrationAsked)
        assert mail.link is not None
        path = mail.link.removeprefix("https://x.example")
        return world.client.post(path, json=LOGIN if body is None else body)

    def test_takes_the_bookings_of_the_address_along(self, world: World) -> None:
        guest = Guest(world)
        order = guest.submitted(world.new_sessions(count=1))
        account_id = guest.account["id"]

        made = self.finish(world, guest.email)
        signed_in = world.client.post("/sign-ins", json={
            "organisation": "riverside-centre", "email": guest.email, "password": LOGIN["password"]})  # fmt: skip
        seen = world.client.get(f"/orders/{order['id']}")
        world.client.cookies.clear()

        assert made.json() | {"user_id": ""} == {
            "user_id": "", "account_id": str(account_id), "email": guest.email, "is_new_user": True,
            "has_claimed": True,
        }  # fmt: skip
        assert signed_in.status_code == 201
        assert seen.json()["status"] == "SUBMITTED"
        claimed = guest.read()
        assert (claimed.status_code, claimed.json()["code"]) == (403, "link_claimed")

    def test_of_an_address_that_signs_in_keeps_its_login_and_claims_too(self, world: World) -> None:
        guest = Guest(world, world.chen.email)
        guest.begin([])
        account_id = guest.account["id"]

        made = self.finish(world, world.chen.email, {})
        again = self.finish(world, world.chen.email, {})

        assert (made.json()["user_id"], made.json()["is_new_user"]) == (str(world.chen.user_id), False)
        assert (made.json()["account_id"], made.json()["has_claimed"]) == (str(account_id), True)
        assert again.json()["has_claimed"] is False

    def test_of_somebody_who_works_here_makes_them_a_family_too(self, world: World) -> None:
        """Their bookings as a guest open to nobody else from then on."""
        guest = Guest(world, world.staff.email)
        order = guest.submitted(world.new_sessions(count=1))

        made = self.finish(world, world.staff.email, {})
        seen = world.staff.get(f"/orders/{order['id']}", headers={"Act-As": "family"})
        still = world.staff.get("/roll-calls")

        assert made.json()["has_claimed"] is True
        assert (seen.status_code, still.status_code) == (200, 200)

    def test_of_a_new_address_makes_a_family(self, world: World) -> None:
        made = self.finish(world, "new@family.example")

        assert (made.json()["is_new_user"], made.json()["has_claimed"]) == (True, False)

    def test_needs_a_name_and_a_password(self, world: World) -> None:
        answer = self.finish(world, "bare@family.example", {})

        assert [(r["code"], r["field"]) for r in answer.json()["reasons"]] == [("required", "name"),
                                                                             ("required", "password")]  # fmt: skip

    def test_a_link_works_for_three_days(self, world: World) -> None:
        link = sign_link(
            KEY, "registration", expires_at=NOW, organisation=world.organisation_id.hex, email="a@b.example"
        )

        assert world.client.post(f"/registrations/{link}", json={}).json()["code"] == "link_expired"


class TestMerge:
    def test_brings_two_records_of_one_child_together(self, world: World) -> None:
        guest = Guest(world)
        order = guest.submitted(world.new_sessions(count=2))
        mine = world.new_child("Nora B", must_not_collect=["Uncle Bo"])
        double = UUID(order["attendee_id"])
        world.edit(lambda tx: tx.run("UPDATE attendee SET allergy_notes = 'Peanuts' WHERE id = %(id)s", id=double))

        merged = world.admin.post("/attendee-merges", {"keep_id": str(mine["id"]), "merge_id": str(double)})

        assert merged.status_code == 201, merged.text
        assert (merged.json()["orders"], merged.json()["accounts"]) == (1, 1)
        assert guest.read().json()["attendee_id"] == str(mine["id"])
        claims = world.rows(
            "SELECT attendee_id, attendee_key FROM place_claim WHERE order_id = %(id)s", id=UUID(order["id"])
        )
        assert {(c["attendee_id"], c["attendee_key"]) for c in claims} == {(mine["id"], mine["claim_key"])}
        kept = world.admin.get(f"/attendees/{mine['id']}").json()
        assert (kept["allergy_notes"], kept["must_not_collect"]) == ("Peanuts", ["Uncle Bo"])

    def test_is_refused_where_both_are_held_at_the_same_time(self, world: World) -> None:
        one, other = Guest(world), Guest(world)
        slots, at_the_same_time = world.new_sessions(count=1), world.new_sessions(count=1)
        keep, merge = (g.submitted(s)["attendee_id"] for g, s in ((one, slots), (other, at_the_same_time)))

        answer = world.admin.post("/attendee-merges", {"keep_id": keep, "merge_id": merge})

        assert (answer.status_code, codes(answer)) == (409, ["double_booked"])
        assert other.read().json()["attendee_id"] == merge

    def test_of_one_with_itself_or_with_nobody(self, world: World) -> None:
        mia = str(world.mia["id"])

        assert world.admin.post("/attendee-merges", {"keep_id": mia, "merge_id": mia}).status_code == 422
        assert world.admin.post("/attendee-merges", {"keep_id": mia, "merge_id": str(uuid4())}).status_code == 404


def test_two_at_the_same_moment_make_one_account(world: World) -> None:
    guest = Guest(world)

    answers = together(6, lambda _: Guest(world, guest.email).begin([]).status_code)

    assert answers == [201] * 6
    assert guest.account["kind"] == "GUEST"
