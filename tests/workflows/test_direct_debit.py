"""Mandates and debits: given, activated, collected, settled, refused and returned; no status of a booking moves."""

from typing import Any
from uuid import UUID

import pytest

from billing.bank_accounts import BankAccount
from engine.actor import Actor
from engine.database import Row
from engine.errors import Invalid, NotFound, NotPermitted
from engine.fire import NotAllowedNow
from engine.ids import new_id
from engine.outbox import read_message
from models import ActorKind, PaymentStatus
from models import MandateStatus as M
from models import TermBookingStatus as S
from notifications.email import compose
from tests.workflows.centre import DAY, NOW, Cart, Centre, Family, refused, sundays
from workflows import direct_debit as debits
from workflows import mandate, payments
from workflows.messages import compose_message
from workflows.payment_use import Use

FINANCE = Actor(ActorKind.FINANCE, user_id=new_id())
BANK = BankAccount(iban="DE89370400440532013000")
TODAY = NOW.date()


def give(centre: Centre, family: Family, **known: Any) -> mandate.Mandate:
    known = {"account_id": family.id, "holder": "Carla Rossi", "bank_account": BANK, "signed_on": TODAY,
             "actor": family.actor, **known}  # fmt: skip
    found: mandate.Mandate = centre.do(mandate.give, **known)
    return found


def activate(centre: Centre, given: mandate.Mandate, **known: Any) -> Any:
    return centre.do(mandate.activate, mandate_id=given.id, **{"actor": FINANCE, **known})


def read(centre: Centre, given: mandate.Mandate) -> Row:
    return centre.one("SELECT status, version, signed_on FROM direct_debit_mandate WHERE id = %(id)s", id=given.id)


def invoiced(centre: Centre, *, mandated: bool = True) -> tuple[Family, Cart, UUID]:
    """A family with a confirmed enrolment of 22.60 that nobody has paid, and a mandate in force."""
    rossi, karate = centre.family(email="rossi@example.org"), centre.course(*sundays(2))
    if mandated:
        activate(centre, give(centre, rossi))
    cart = centre.confirmed(rossi, rossi.child(), karate.lines())
    invoice_id: UUID = centre.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])[
        "id"
    ]
    return rossi, cart, invoice_id


def collect(centre: Centre, invoice_id: UUID, **known: Any) -> debits.Debit:
    found: debits.Debit = centre.do(debits.collect, invoice_id=invoice_id, **{"actor": FINANCE, **known})
    return found


def hear(centre: Centre, word: Any, debit: debits.Debit, **known: Any) -> Any:
    return centre.do(word, payment_id=debit.payment_id, **{"actor": FINANCE, **known})


def payment(centre: Centre, debit: debits.Debit) -> Row:
    return centre.one("SELECT * FROM payment WHERE id = %(id)s", id=debit.payment_id)


def balance(centre: Centre, family: Family, ledger_account: str) -> int:
    found: int = centre.one(
        "SELECT coalesce(sum(amount_minor), 0)::bigint AS minor FROM ledger_posting "
        "WHERE account_id = %(id)s AND ledger_account = %(ledger)s", id=family.id, ledger=ledger_account,
    )["minor"]  # fmt: skip
    return found


class TestMandate:
    def test_is_given_by_the_family_and_activated_by_the_office(self, riverside: Centre) -> None:
        given = give(riverside, riverside.family())
        assert read(riverside, given) == {"status": M.PENDING, "version": 1, "signed_on": TODAY}

        activate(riverside, given)

        assert read(riverside, given) == {"status": M.ACTIVE, "version": 2, "signed_on": TODAY}

    def test_a_family_does_not_activate_its_own(self, riverside: Centre) -> None:
        rossi = riverside.family()
        given = give(riverside, rossi)

        with pytest.raises(NotPermitted):
            activate(riverside, given, actor=rossi.actor)

        assert read(riverside, given)["status"] == M.PENDING

    def test_says_when_it_was_signed(self, riverside: Centre) -> None:
        given = give(riverside, riverside.family(), signed_on=None)

        assert [r.code for r in refused(lambda: activate(riverside, given))] == ["not_signed"]
        assert [r.code for r in refused(lambda: activate(riverside, given, signed_on=TODAY + DAY))] == ["not_signed"]
        activate(riverside, given, signed_on=TODAY - DAY)

        assert read(riverside, given) == {"status": M.ACTIVE, "version": 2, "signed_on": TODAY - DAY}

    def test_is_not_signed_tomorrow(self, riverside: Centre) -> None:
        with pytest.raises(Invalid) as refusal:
            give(riverside, riverside.family(), signed_on=TODAY + DAY)

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("in_the_future", "signed_on")]

    def test_a_second_one_waits_only_when_the_first_is_active_and_replaces_it(self, riverside: Centre) -> None:
        rossi = riverside.family()
        first = give(riverside, rossi)
        with pytest.raises(mandate.MandateWaits):
            give(riverside, rossi)
        activate(riverside, first)

        second = give(riverside, rossi)
        activate(riverside, second)

        assert (read(riverside, first)["status"], read(riverside, second)["status"]) == (M.REVOKED, M.ACTIVE)
        reason = riverside.one("SELECT reason FROM status_event WHERE subject_id = %(id)s AND trigger = 'revoke'",
                               id=first.id)  # fmt: skip
        assert reason["reason"] == f"replaced by {second.reference}"

    def test_is_withdrawn_by_the_family_once(self, riverside: Centre) -> None:
        rossi = riverside.family()
        given = give(riverside, rossi)

        riverside.do(mandate.revoke, mandate_id=given.id, actor=rossi.actor, reason="we change banks")

        assert read(riverside, given)["status"] == M.REVOKED
        with pytest.raises(NotAllowedNow):
            riverside.do(mandate.revoke, mandate_id=given.id, actor=rossi.actor)
        with pytest.raises(NotAllowedNow):
            activate(riverside, given)

    def test_is_not_there_for_another_family(self, riverside: Centre) -> None:
        rossi, chen = riverside.family(), riverside.family("Chen family")
        given = give(riverside, rossi)

        with pytest.raises(NotFound):
            riverside.do(mandate.revoke, mandate_id=given.id, actor=chen.actor)
        with pytest.raises(NotFound):
            give(riverside, rossi, actor=chen.actor)

    def test_of_a_family_with_one_account_needs_no_account(self, riverside: Centre) -> None:
        rossi = riverside.family()

        assert give(riverside, rossi, account_id=None).account_id == rossi.id
        with pytest.raises(Invalid):
            give(riverside, rossi, account_id=None, actor=FINANCE)


class TestCollecting:
    def test_asks_for_what_is_open_and_settles_the_invoice(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = invoiced(riverside)

        debit = collect(riverside, invoice_id)
        assert (debit.amount_minor, debit.status, debit.collect_on) == (2260, PaymentStatus.PENDING, TODAY)
        assert hear(riverside, debits.present, debit).status is PaymentStatus.PROCESSING
        use = hear(riverside, debits.settle, debit)

        assert use is Use.SETTLED
        assert (riverside.booking(cart)["payment_state"], riverside.status(cart)) == ("PAID", S.APPROVED)
        assert balance(riverside, rossi, "RECEIVABLE") == balance(riverside, rossi, "CUSTOMER_CREDIT") == 0

    def test_a_part_leaves_the_rest_open(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = invoiced(riverside)

        hear(riverside, debits.settle, collect(riverside, invoice_id, amount_minor=1000))

        assert (riverside.booking(cart)["payment_state"], balance(riverside, rossi, "RECEIVABLE")) == ("OPEN", 1260)
        assert collect(riverside, invoice_id).amount_minor == 1260

    def test_is_refused_without_mandate_twice_or_for_too_much(self, riverside: Centre) -> None:
        _, _, without = invoiced(riverside, mandated=False)
        _, _, invoice_id = invoiced(riverside)
        collect(riverside, invoice_id, amount_minor=1000)

        assert [r.code for r in refused(lambda: collect(riverside, without))] == ["no_mandate"]
        again = refused(lambda: collect(riverside, invoice_id, amount_minor=2261))
        assert [(r.code, r.field) for r in again] == [("debit_under_way", None), ("amount_not_open", "amount_minor")]
        with pytest.raises(Invalid):
            collect(riverside, invoice_id, collect_on=TODAY - DAY)
        with pytest.raises(NotFound):
            collect(riverside, new_id())

    def test_is_for_the_office(self, riverside: Centre) -> None:
        rossi, _, invoice_id = invoiced(riverside)

        with pytest.raises(NotPermitted):
            collect(riverside, invoice_id, actor=rossi.actor)

    def test_asks_for_no_more_than_is_open_when_it_is_handed_over(self, riverside: Centre) -> None:
        _, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        riverside.pull(payments.record_manual_payment, cart, amount_minor=1000, reason="cash")

        handed = hear(riverside, debits.present, debit)

        assert (handed.amount_minor, handed.status) == (1260, PaymentStatus.PROCESSING)

    @pytest.mark.parametrize("why", ["paid", "revoked"])
    def test_fails_at_the_hand_over_where_it_has_no_ground_any_more(self, riverside: Centre, why: str) -> None:
        rossi, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        if why == "paid":
            riverside.pull(payments.record_manual_payment, cart, amount_minor=2260, reason="cash")
        else:
            given = riverside.one("SELECT id FROM direct_debit_mandate WHERE account_id = %(id)s", id=rossi.id)
            riverside.do(mandate.revoke, mandate_id=given["id"], actor=rossi.actor)

        assert hear(riverside, debits.present, debit).status is PaymentStatus.FAILED

        reason = {"paid": "nothing is owed any more", "revoked": "the mandate is revoked"}[why]
        assert payment(riverside, debit)["failure_reason"] == reason


class TestTheBanksWord:
    def test_a_refused_debit_leaves_the_invoice_open_and_the_family_is_told(self, riverside: Centre) -> None:
        _, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        hear(riverside, debits.present, debit)

        hear(riverside, debits.refuse, debit, reason="account closed")

        assert (payment(riverside, debit)["status"], payment(riverside, debit)["failure_reason"]) == (
            "FAILED", "account closed",
        )  # fmt: skip
        assert (riverside.booking(cart)["payment_state"], riverside.status(cart)) == ("OPEN", S.APPROVED)
        assert "Your bank did not pay the direct debit of $22.60" in letter(riverside, debit, "payment.failed")

    def test_a_returned_debit_opens_the_receivable_again_and_moves_no_status(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        hear(riverside, debits.settle, debit)
        before = riverside.history(cart)

        hear(riverside, debits.return_debit, debit, reason="insufficient funds", now=NOW + 5 * DAY)

        booking = riverside.booking(cart)
        assert (booking["payment_state"], booking["status"], riverside.history(cart)) == ("OPEN", S.APPROVED, before)
        assert (payment(riverside, debit)["status"], payment(riverside, debit)["returned_at"]) == (
            "FAILED", NOW + 5 * DAY,
        )  # fmt: skip
        assert balance(riverside, rossi, "RECEIVABLE") == 2260
        assert balance(riverside, rossi, "CUSTOMER_CREDIT") == balance(riverside, rossi, "BANK") == 0
        text = letter(riverside, debit, "payment.returned")
        assert "Your bank has returned the direct debit of $22.60" in text
        assert "insufficient funds" in text

    def test_it_is_collected_again_only_when_the_office_asks(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        hear(riverside, debits.settle, debit)
        hear(riverside, debits.return_debit, debit, reason="insufficient funds")

        again = collect(riverside, invoice_id)
        hear(riverside, debits.settle, again)

        assert (riverside.booking(cart)["payment_state"], balance(riverside, rossi, "RECEIVABLE")) == ("PAID", 0)

    def test_or_the_family_pays_it_itself(self, riverside: Centre) -> None:
        rossi, cart, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        hear(riverside, debits.settle, debit)
        hear(riverside, debits.return_debit, debit, reason="insufficient funds")

        started = riverside.pull(payments.start_payment, cart, provider="sandbox", actor=rossi.actor)

        assert started.amount_minor == 2260

    @pytest.mark.parametrize(
        ("words", "word"),
        [
            ([], debits.return_debit), ([debits.present], debits.present), ([debits.settle], debits.settle),
            ([debits.settle], debits.refuse), ([debits.settle, debits.return_debit], debits.return_debit),
        ],
    )  # fmt: skip
    def test_an_answer_that_finds_no_such_debit_is_refused(self, riverside: Centre, words: Any, word: Any) -> None:
        _, _, invoice_id = invoiced(riverside)
        debit = collect(riverside, invoice_id)
        reason = {"reason": "x"}
        for said in words:
            hear(riverside, said, debit, **(reason if said is debits.return_debit else {}))
        before = payment(riverside, debit)

        with pytest.raises(debits.DebitNotThere):
            hear(riverside, word, debit, **(reason if word in (debits.return_debit, debits.refuse) else {}))

        assert payment(riverside, debit) == before


def letter(centre: Centre, debit: debits.Debit, topic: str) -> str:
    """The mail that the family gets."""
    entry = centre.one("SELECT id FROM outbox_message WHERE topic = %(topic)s AND payload->>'payment_id' = %(id)s",
                       topic=topic, id=str(debit.payment_id))  # fmt: skip
    with centre.database.transaction(centre.organisation_id) as tx:
        message = compose_message(tx, read_message(tx, entry["id"]), base_url="https://example.org", secret="s")
    assert message is not None
    mail = compose(message, message_id=new_id(), from_address="office@example.org", now=NOW)
    text: str = mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    return text
