"""Every page that the routers declare, who looks at it, and one of everything that addresses name.

A route that is added is fetched, weighed and looked at from that day on: what its address names has to be made here.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from argon2 import PasswordHasher

from attendance.photos import keep_photo, small_jpeg
from billing.debit_returns import ReturnedDebit
from billing.periods import lock_period
from billing.reports.catalogue import ReportName
from catalogue.activities import add_activity
from engine.actor import Actor
from models import (
    AccountUser,
    ActorKind,
    OutboxMessage,
    Passkey,
    ProgramCategory,
    ProgramType,
    RefundDestination,
    Role,
    User,
)
from notifications.choices import stop_link
from notifications.email import compose
from notifications.messages import Organisation
from notifications.samples import sample_of
from notifications.smtp import Mailer
from samples.sample import PASSWORD
from tests import builders as build
from tests.builders import NOW
from tests.web.conftest import CHEN, PEOPLE, SLUG, Centre
from tests.web.staff.rolls import make_roll
from tests.web.test_family_booking import family_class
from tests.web.test_family_consents import picture, write
from tests.web.test_family_forms import WAY, Tab, booked, empty_cart, enter, fill, pick_of, sessions_of, submission
from tests.web.test_family_passes import on_sale
from tests.web.test_family_quotes import quoted
from tests.web.test_family_wallet import top_up
from tests.web.test_finance_bank import came_in
from tests.web.test_office_codes import made
from tests.web.test_office_discounts import made as make_discount
from tests.workflows import centre as riverside
from tests.workflows import endings, test_debit_runs, test_door
from tests.workflows.after_school import make_club
from tests.workflows.centre import make_centre, sundays
from tests.workflows.test_invoice_runs import MAY, THROUGH
from web.admin.discounts import KINDS
from web.admin.programme import SORTS
from web.portals import PORTALS
from web.site import _ROUTERS
from workflows import mandate, passes, payments, refund_request
from workflows.invoice_runs import begin_run, preview_run
from workflows.overdue_fees import charge_overdue
from workflows.registration import registration_link
from workflows.sign_in_links import sign_in_link
from workflows.write_off import write_off

FINN = "finn@berlin.example"  # Berlin collects euros: a Canadian centre has no files for its bank
NOVA = "nova@nothing.example"  # of every role, at a centre that has nothing yet
OTTO = "otto@centre7.example"  # staff of the sample, of none of its sites
NOBODY = ""
FEE = {"after_days": 7, "amount_minor": 500}
# What somebody may call a child: it is a name on every page, and nothing else. It ends by closing what it opens.
ODD = " <img src=x onerror=alert(1)> \u202eאבג\u2066"
CENTRES = {FINN: "berlin", NOVA: "nothing"}  # everybody else is of the sample

# What is no page, and what it is instead. To be told apart from a page is tested: it answers as it says here.
ELSE = {
    "/sign-in": "redirect", "/family/sessions/{session_id}": "redirect",
    "/guest/order/{link}/sessions/{session_id}": "redirect",
    "/at/{centre}/passkey": "application/json", "/staff/words": "application/json",
    "/staff/worker.js": "text/javascript",
    **{f"{portal.home}/passkeys/options": "application/json" for portal in PORTALS.values()},
    **dict.fromkeys(("/family/children/{child_id}/photo", "/admin/children/{child_id}/photo",
                     "/staff/rolls/{session_id}/photos/{attendee_id}"), "image/jpeg"),
    **dict.fromkeys(("/guest/order/{link}/invoice", "/family/documents/invoices/{invoice_id}",
                     "/family/documents/credit-notes/{credit_note_id}", "/family/documents/quotes/{quote_id}",
                     "/family/documents/zero-statements/{statement_id}", "/family/documents/receipts/{payment_id}",
                     "/family/documents/statement"), "application/pdf"),
    "/admin/inbox/{message_id}/files/{number}": "text/calendar", "/admin/import/examples/{example}": "text/plain",
    **dict.fromkeys(("/admin/inbox/{message_id}/html", "/admin/mails/{kind}/{language}/preview"), "mail"),
}  # fmt: skip

# What there is to see of a route, where it is not told by its address alone: `{a|b}` names what stands for `a`.
_RULES = ("auto_cancel_minutes", "order_types", "late_pickup", "payment_reminders", "tax")
_SEEN = (
    "/guest/sign-in/{link|sign_in}", "/guest/registration/{link|registration}", "/mail/stop/{link|stop}",
    "/guest/order/{link|guest}", "/guest/order/{link|guest}/programs/{offering_id|guest_offering}",
    "/guest/order/{link|guest}/sessions/{session_id|seated}", "/guest/order/{link|guest}/seats/{session_id|seated}",
    "/at/{centre}/seats/{session_id|seated}",
    "/guest/order/{link|guest_paid}", "/guest/order/{link|guest_paid}/invoice",
    "/family/bookings", "/family/bookings?show=calendar&month=2026-04", "/family/week?week=2026-04-06",
    "/family/orders/{order_id}", "/family/orders/{order_id|quote}", "/family/seats/{session_id|seated}",
    "/family/queue/{session_id|full}/{child_id}", "/family/bookings/{booking_id}/refund",
    "/family/bookings/{booking_id|paid}/refund",
    *(f"/staff/rolls/{{session_id|roll}}{more}" for more in ("", "/out/{attendance_id}", "/photos/{attendee_id}")),
    "/admin/rolls/{session_id|roll}", "/admin/queues/{session_id|full}", "/admin/orders/{order_id}",
    "/admin/orders/{order_id|cart}/sessions", "/admin/bookings/{booking_id}/closure?last_day=2026-06-30",
    *(f"/admin/import/examples/{{example|{name}}}" for name in ("rows", "mapping", "prices", "guide")),
    "/admin/bookings/new?q=Rossi", "/admin/families?q=Rossi", "/admin/search?q=Rossi",
    *(f"/admin/{name}?site={{site_id}}&day={{day}}" for name in ("closures", "reopenings")),
    *(f"/admin/programme/{{name|{name}}}" for name in SORTS),
    *(f"/admin/programme/{{name|{name}}}/new" for name in SORTS),
    "/admin/programme/{name|terms}/{record_id|term_id}",
    *(f"/admin/rules/{{rule|{name}}}?scope=ORGANISATION" for name in _RULES),
    *(f"/admin/discounts/new?kind={kind.value}&scope=ORGANISATION" for kind in KINDS),
    "/admin/discounts/{order}?scope=ORGANISATION",
    "/finance/families?q=Rossi", "/finance/runs?through=2026-05-01", "/finance/runs/{run_id|invoice_run}",
    "/finance/debits/{run_id|debit_run}", *(f"/finance/reports/{{name|{name.value}}}" for name in ReportName),
    "/finance/reconciliation", "/finance/reconciliation?provider=sandbox&from=2026-03-01&until=2026-03-31",
)  # fmt: skip
_VIEWERS = {
    "/family/offers/{offer_id}": CHEN, "/finance/debits/{run_id}": FINN, "/finance/debits/returns/{file_id}": FINN,
}  # fmt: skip


def _routes(method: str) -> list[str]:
    return sorted({getattr(route, "path", "") for router in _ROUTERS for route in router.routes
                   if method in getattr(route, "methods", ())})  # fmt: skip


ROUTES = ["/", *_routes("GET")]
FORMS = _routes("POST")
# Which record a name of a form's address stands for, where the address of a page does not say it.
_FORMS_NAME = {"{session_id}": "{session_id|roll}", "/finance/debits/{run_id}": "/finance/debits/{run_id|debit_run}",
               "{record_id}": "{record_id|term_id}", "{name}": "{name|terms}", "{rule}": "{rule|tax}"}  # fmt: skip


def route_of(template: str) -> str:
    return re.sub(r"\{(\w+)\|[\w-]+\}", r"{\1}", template.partition("?")[0])


def viewer_of(route: str) -> str:
    """Who has something to see there."""
    home = next((role for role, portal in PORTALS.items() if f"{route}/".startswith(f"{portal.home}/")), None)
    return _VIEWERS.get(route, PEOPLE[home] if home else NOBODY)


def filled(template: str, known: Mapping[str, Any]) -> str:
    """The address; raises KeyError where it names what nobody made."""
    named = re.sub(r"\{\w+\|([\w-]+)\}", lambda one: str(known.get(one[1], one[1])), template)
    return named.format_map(known)


def looks() -> list[tuple[str, str]]:
    """Who looks at what: every route of the application, each as often as there is something else to see."""
    seen = {route_of(template) for template in _SEEN}
    assert seen <= set(ROUTES), seen - set(ROUTES)
    every = [*(route for route in ROUTES if route not in seen), *_SEEN]
    return sorted((viewer_of(route_of(template)), template) for template in every)


def form_of(route: str) -> str:
    """The address that a form is sent to, as a template."""
    for name, record in _FORMS_NAME.items():
        if name != "{session_id}" or "/rolls/" in route:
            route = route.replace(name, record)
    return route


def names_a_record(template: str, known: Mapping[str, Any]) -> bool:
    """Whether the address is about something of one family, or of one centre."""
    return any(_is_id(known.get(word, "")) for word in re.findall(r"(\w+)\}", template.partition("?")[0]))


def _is_id(value: Any) -> bool:
    return isinstance(value, UUID) or re.fullmatch(r"[0-9a-f-]{36}", str(value)) is not None


def make_everything(centre: Centre, url: str, folder: Path) -> dict[str, Any]:
    """One of everything that the addresses name; the mails that were sent lie in that folder."""
    at = riverside_of(centre, url)
    centre.edit(
        lambda tx: tx.run("UPDATE attendee SET name = name || %(odd)s WHERE organisation_id = %(org)s", odd=ODD)
    )
    known: dict[str, Any] = {"centre": SLUG, "link": "", "day": "2026-04-11", **_rows(centre)}
    with enter(centre) as client, enter(centre, CHEN) as other:
        tab, chen = Tab(client, client.get("/family")), Tab(other, other.get("/family"))
        known |= _booked(centre, tab)
        known |= _given_up(centre, tab)
        known |= _quoted(centre, tab)
        known |= _waited_for(centre, tab, chen)
        known |= _in_the_cart(centre, tab)
    known |= _passes(centre)
    known |= _at_the_door(centre)
    _login(at, OTTO, Role.STAFF)
    known |= _of_the_office(centre, at)
    known |= _of_finance(centre, at)
    known |= _in_forms_alone(centre, at)
    known |= _mails(centre, folder)
    return known | _links(centre) | _guest_orders(centre)


def riverside_of(centre: Centre, url: str) -> riverside.Centre:
    """The same centre as the tests of the workflows hold one."""
    (site,) = centre.rows("SELECT s.* FROM site s JOIN user_site x ON x.site_id = s.id LIMIT 1")
    (term,) = centre.rows("SELECT * FROM term WHERE organisation_id = %(org)s AND %(day)s BETWEEN starts_on AND "
                          "ends_on LIMIT 1", day=riverside.FIRST.date())  # fmt: skip
    return riverside.Centre(centre.database, url, centre.organisation_id, site, term)


def _rows(centre: Centre) -> dict[str, Any]:
    """What the sample has anyway."""
    (found,) = centre.rows(
        "SELECT v.id AS venue_id, s.id AS seated, u.id AS user_id FROM venue v JOIN term_product s "
        "ON s.organisation_id = v.organisation_id AND s.venue_id = v.id "
        """JOIN "user" u ON u.organisation_id = v.organisation_id AND u.email = %(staff)s """
        "WHERE v.organisation_id = %(org)s LIMIT 1", staff=PEOPLE[Role.STAFF],
    )  # fmt: skip
    return found


def _booked(centre: Centre, tab: Tab) -> dict[str, Any]:
    """A booking of Mia's, moved to another day at no difference, with its papers."""
    write(centre, "PHOTOS", "Photos of your child")
    booking = booked(tab, centre, "Booked and looked at", hour=8)
    (row,) = centre.rows(
        "SELECT b.id AS booking_id, b.order_id, b.account_id, b.attendee_id AS child_id, b.term_id, "
        "i.id AS invoice_id, l.term_product_id AS session_id, l.term_program_set_id AS offering_id, g.site_id "
        "FROM term_booking b JOIN invoice i ON i.organisation_id = b.organisation_id AND i.booking_id = b.id "
        "JOIN term_booking_line l ON l.organisation_id = b.organisation_id AND l.booking_id = b.id "
        "JOIN term_program_set o ON o.organisation_id = b.organisation_id AND o.id = l.term_program_set_id "
        "JOIN program g ON g.organisation_id = b.organisation_id AND g.id = o.program_id "
        "WHERE b.organisation_id = %(org)s AND b.id = %(id)s", id=booking.rpartition("/")[2],
    )  # fmt: skip
    centre.edit(keep_photo, attendee_id=row["child_id"], jpeg=small_jpeg(picture()), now=centre.clock.now(),
                actor=Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]))  # fmt: skip
    _, other, *_ = sessions_of(centre, f"/{row['offering_id']}")
    change = f"{booking}/change"
    tab.page = tab.open(change).send(change, {"keep": str(other["id"]), "do": "look"})
    assert "Your booking has been changed." in tab.text(tab.send(change, {"keep": str(other["id"]), "do": "make"}))
    (moved,) = centre.rows("SELECT id AS statement_id FROM invoice WHERE booking_id = %(id)s AND series = 'ZS'",
                           id=row["booking_id"])  # fmt: skip
    return row | moved


def _given_up(centre: Centre, tab: Tab) -> dict[str, Any]:
    """A booking that was paid at the desk and given up: its receipt and its credit note."""
    booking = booked(tab, centre, "Given up and looked at", hour=7)
    (order,) = centre.rows("SELECT order_id, id AS booking_id FROM term_booking WHERE organisation_id = %(org)s "
                           "AND id = %(id)s", id=booking.rpartition("/")[2])  # fmt: skip
    payment_id, _ = centre.edit(
        payments.record_manual_payment, order_id=order["order_id"], amount_minor=1050, reason="at the desk",
        provider=payments.CASH, actor=Actor(ActorKind.ADMIN), now=centre.clock.now(),
    )  # fmt: skip
    ending = f"{booking}/cancellation"
    assert "Your booking is cancelled." in tab.text(tab.open(ending).send(ending, {"reason": "we move"}))
    (note,) = centre.rows("SELECT id AS credit_note_id FROM credit_note WHERE booking_id = %(id)s",
                          id=order["booking_id"])  # fmt: skip
    return {"paid": order["booking_id"], "payment_id": payment_id, **note}


def _quoted(centre: Centre, tab: Tab) -> dict[str, Any]:
    order = quoted(tab, centre, "Quoted", hour=9).rpartition("/")[2]
    (paper,) = centre.rows("SELECT id AS quote_id FROM quote WHERE organisation_id = %(org)s AND order_id = %(id)s",
                           id=order)  # fmt: skip
    return {"quote": order, **paper}


def _waited_for(centre: Centre, tab: Tab, chen: Tab) -> dict[str, Any]:
    """A full session that one family waits for, and a place that was offered to another."""
    full = family_class(centre, "Full", capacity=1, hour=10)
    free = family_class(centre, "Free again", capacity=1, hour=11)
    taken = {}
    for address in (full, free):
        fill(tab, centre, address, child=1)
        action = submission(tab)
        taken[address] = tab.client.post(action, data={**tab.hidden(action), **WAY}).headers["location"]
        (session, *_) = sessions_of(centre, address)
        queue = f"/family/queue/{session['id']}/{centre.sample.chen.attendee_ids[0]}"
        chen.open(queue).send(queue, {})
    tab.open(taken[free]).send(f"{taken[free]}/reopening", {}, action=f"{taken[free]}/reopening")
    empty_cart(tab)
    offers = re.findall(r'href="/family/offers/([0-9a-f-]+)"', chen.open("/family").page.text)
    held = taken[full].rpartition("/")[2]
    return {"offer_id": offers[0], "full": sessions_of(centre, full)[0]["id"], "group_id": held}


def _in_the_cart(centre: Centre, tab: Tab) -> dict[str, Any]:
    fill(tab, centre, family_class(centre, "In the cart", hour=12))
    (cart,) = centre.rows("SELECT id FROM term_booking_order WHERE organisation_id = %(org)s AND status = 200")
    return {"cart": cart["id"]}


def _passes(centre: Centre) -> dict[str, Any]:
    product = on_sale(centre, "Ten times")
    top_up(centre, "20.00")
    bought = centre.edit(passes.buy_by_hand, account_id=centre.sample.rossi.account_id, product_id=product,
                         provider="cash", reason="at the desk", actor=Actor(ActorKind.ADMIN),
                         now=centre.clock.now())  # fmt: skip
    return {"product_id": product, "pass_id": bought}


def _at_the_door(centre: Centre) -> dict[str, Any]:
    """A roll with one child that is here and one that left unsigned."""
    roll = make_roll(centre, 3)
    here, left = (roll.rows()[name] for name in ("Child 01", "Child 02"))
    centre.edit(
        lambda tx: tx.run(
            "UPDATE attendee SET name = name || %(odd)s WHERE organisation_id = %(org)s AND id = ANY(%(ids)s)",
            odd=ODD,
            ids=[here["attendee_id"], left["attendee_id"]],
        )
    )
    centre.edit(keep_photo, attendee_id=here["attendee_id"], jpeg=small_jpeg(picture()), now=centre.clock.now(),
                actor=Actor(ActorKind.ADMIN, centre.sample.users[Role.ADMIN]))  # fmt: skip
    with enter(centre, PEOPLE[Role.STAFF]) as client:
        door = Tab(client, client.get(roll.address))
        for row in (here, left):
            marks = {"attendance_id": str(row["id"]), "status": "PRESENT"}
            client.post(f"{roll.address}/marks", data={**door.any_token(), **marks})
        out = f"{roll.address}/out/{left['id']}"
        assert client.post(out, data={**door.open(out).any_token(), "who": "name:Uncle Bob"}).is_redirect
    return {"roll": roll.session_id, "attendance_id": here["id"], "attendee_id": here["attendee_id"],
            "sign_out_id": roll.rows()[f"Child 02{ODD}"]["mark_id"]}  # fmt: skip


def _of_the_office(centre: Centre, at: riverside.Centre) -> dict[str, Any]:
    """A code, a discount, a subscription that is asked for, a fee that waits for its decision."""
    with enter(centre, PEOPLE[Role.ADMIN]) as client:
        office = Tab(client, client.get("/admin"))
        made(office, "SOUND")
        make_discount(office, "FULL_TERM", order="20")
    club, family = make_club(at), at.family("Bauer family")
    asked = club.subscribe(family, family.child("Ida Bauer"), "MON", begins=False)
    test_door.TestLatePickup().late(at, stella_of(centre, at), 20).close()
    return {"code": "SOUND", "order": 20, "subscription_id": asked, "kind": "booking_confirmed", "language": "en"}


def _of_finance(centre: Centre, at: riverside.Centre) -> dict[str, Any]:
    """A refund that is asked for, an invoice run, a line of the bank; in Berlin a run of debits whose one came back."""
    family = at.family("Vogel family", credit_limit_minor=100_000)
    cart = at.submitted(family, family.child("Uli Vogel"), at.course(name="Judo").lines())
    at.do(payments.record_manual_payment, order_id=cart.id, amount_minor=11_30, reason="at the desk", actor=at.admin,
          provider=payments.CASH)  # fmt: skip
    booking = at.booking(cart)["id"]
    at.do(endings.cancel, booking_id=booking, actor=family.actor, reason="we moved")
    at.do(refund_request.ask, booking_id=booking, amount="11.30", reason="we moved", actor=family.actor,
          destination=RefundDestination.ORIGINAL)  # fmt: skip
    request = at.one("SELECT id FROM refund_request WHERE booking_id = %(id)s", id=booking)
    ahead = at.course(*sundays(7), rules=MAY, name="Billed in May")
    at.confirmed(family, family.child("Ada Vogel"), ahead.lines(3, 4))
    with centre.database.transaction(centre.organisation_id) as tx:
        seen = preview_run(tx, through=THROUGH)
    run = at.do(begin_run, through=THROUGH, fingerprint=seen.fingerprint, actor=at.admin)
    with enter(centre, PEOPLE[Role.FINANCE]) as client:
        line = came_in(Tab(client, client.get("/finance")), "looked at").rpartition("/")[2]
    return {"request_id": request["id"], "invoice_run": run["id"], "line_id": line, **_berlin(at)}


def _in_forms_alone(centre: Centre, at: riverside.Centre) -> dict[str, Any]:
    """What has no page of its own, and an address that forms are sent to."""
    office, rossi = at.admin, centre.sample.rossi.account_id
    family = at.family("Lang family", credit_limit_minor=100_000)
    late, karate = at.course(name="Overdue", rules={"overdue_fee": FEE}), at.course(*sundays(2), name="Written off")
    at.confirmed(family, family.child("Jo Lang"), late.lines())
    owed = at.booking(at.confirmed(family, family.child("Max Lang"), karate.lines()))
    charge_overdue(centre.database, now=NOW + timedelta(days=60))
    invoice = at.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=owed["id"])
    written_off = at.do(write_off, invoice_id=invoice["id"], amount_minor=100, reason="moved", actor=office)
    part = at.submitted(family, family.child("Kim Lang"), at.course(name="Paid in part").lines())
    at.do(payments.record_manual_payment, order_id=part.id, amount_minor=3_00, reason="at the desk", actor=office,
          provider=payments.CASH)  # fmt: skip
    door = test_door.Door(at, stella_of(centre, at))
    door.send(door.say("PRESENT", 1, device="left"))
    door.send(door.say("ABSENT", 2, device="right", seen=1))
    given = at.do(mandate.give, account_id=rossi, holder="Rosa Rossi", bank_account=test_debit_runs.IBAN,
                  signed_on=NOW.date(), actor=office)  # fmt: skip
    return {
        "overdue_fee_id": at.one("SELECT id FROM overdue_fee LIMIT 1")["id"], "write_off_id": written_off,
        "review_id": at.one("SELECT id FROM payment_review LIMIT 1")["id"], "conflict_id": door.conflicts()[0].id,
        "mandate_id": given.id, "late_id": at.one("SELECT id FROM late_pickup LIMIT 1")["id"],
        "entry_id": at.one("SELECT id FROM ledger_entry LIMIT 1")["id"], "activity_id": _activity(at),
        "lock_id": at.do(lock_period, month=date(2026, 1, 1), note="", actor=office),
        "passkey_id": at.edit(build.add, Passkey, user_id=centre.sample.users[Role.FAMILY], key_id=b"k" * 32,
                              public_key=b"p" * 64, label="Phone", created_at=NOW)["id"],
    }  # fmt: skip


def stella_of(centre: Centre, at: riverside.Centre) -> Actor:
    return Actor(ActorKind.STAFF, user_id=centre.sample.users[Role.STAFF], site_ids=frozenset({at.site["id"]}))


def _activity(at: riverside.Centre) -> UUID:
    kind = at.edit(build.add, ProgramCategory, name="Day camps", program_type=ProgramType.HOLIDAY)
    camp = at.course(name="Camp", program=at.edit(build.program, at.site, name="Camp", category=kind))
    found: UUID = at.edit(add_activity, camp.offering["id"], day=riverside.FIRST.date(), title="Pirates", capacity=None)
    return found


def _berlin(at: riverside.Centre) -> dict[str, Any]:
    berlin = test_debit_runs.ready(make_centre(at.database, at.url, name="Berlin", currency="EUR"))
    _login(berlin, FINN, Role.FINANCE)
    _, debit = test_debit_runs.waiting(berlin)
    run = test_debit_runs.make(berlin, test_debit_runs.review(berlin))
    test_debit_runs.settle(berlin, run)
    test_debit_runs.come_back(berlin, ReturnedDebit(debit.reference, "AM04", "insufficient funds"), name="march.csv")
    nothing = make_centre(at.database, at.url, name="Nothing")
    nova = _login(nothing, NOVA, *Role)
    nothing.edit(build.add, AccountUser, account_id=nothing.family("Nova family").id, user_id=nova)
    return {"debit_run": run.run_id, "file_id": berlin.one("SELECT id FROM debit_return_file")["id"]}


def _login(centre: riverside.Centre, email: str, *roles: Role) -> UUID:
    made = centre.edit(build.add, User, email=email, name="Nova Finn", roles=[role.value for role in roles],
                       password_hash=PasswordHasher().hash(PASSWORD), created_at=NOW)  # fmt: skip
    found: UUID = made["id"]
    return found


def _mails(centre: Centre, folder: Path) -> dict[str, Any]:
    """A confirmation that was sent while no mail server is set; the first file beside it is the calendar's."""
    message = sample_of("booking_confirmed", Organisation(name="Centre 7", email="office@centre7.example"),
                        currency="CAD", now=NOW)  # fmt: skip
    sent: UUID = centre.edit(build.add, OutboxMessage, topic="order.confirmed", payload={}, created_at=NOW)["id"]
    mailer = Mailer("", 25, "enrolments@centre7.example", folder / "inbox")
    mailer.send(compose(message, message_id=sent, from_address="enrolments@centre7.example", now=NOW))
    return {"message_id": sent, "number": 0}


def _links(centre: Centre) -> dict[str, str]:
    """What mails lead to: coming in, the second half of signing up, and stopping reminders."""
    now, signed = centre.clock.now(), (centre.settings.secret, centre.organisation_id)
    (rosa,) = centre.rows("""SELECT id FROM "user" WHERE organisation_id = %(org)s AND email = %(email)s""",
                          email=PEOPLE[Role.FAMILY])  # fmt: skip
    return {"sign_in": sign_in_link(*signed, rosa["id"], now=now)[0],
            "registration": registration_link(*signed, "rina@new.example", now=now)[0],
            "stop": stop_link(*signed, centre.sample.rossi.account_id, "payment_due", now=now)}  # fmt: skip


def _guest_orders(centre: Centre) -> dict[str, str]:
    """The signed part of the addresses of a guest's cart, and of what another one has paid."""
    address = family_class(centre, "For guests", hour=13).replace("/family/", f"/at/{SLUG}/")
    given = {"pick": pick_of(sessions_of(centre, address)[0]), "date_of_birth": "2017-05-05"}
    links = {"guest_offering": address.rpartition("/")[2]}
    with httpx.Client(base_url=centre.url, headers={"Accept": "text/html"}, timeout=60) as client:
        for key, name in (("guest", "Gil"), ("guest_paid", "Pia")):
            guest = Tab(client, client.get(address))
            asked = {
                **given,
                "child_name": f"{name} Guest",
                "name": f"{name}'s father",
                "email": f"{name}@guest.example",
            }
            order = guest.send(address, asked).headers["location"]
            links[key] = order.rpartition("/")[2]
        guest.open(order).send(f"{order}/submission", {}, action=f"{order}/submission")
    (held,) = centre.rows("SELECT o.id, o.total_minor FROM term_booking_order o "
                          "JOIN attendee t ON t.id = o.attendee_id WHERE t.name = 'Pia Guest'")  # fmt: skip
    centre.edit(payments.record_manual_payment, order_id=held["id"], amount_minor=held["total_minor"], reason="paid",
                provider=payments.CASH, actor=Actor(ActorKind.ADMIN), now=centre.clock.now())  # fmt: skip
    return links
