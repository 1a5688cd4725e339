"""Runs of direct debits: reviewed, made once, given to the bank, and heard of again, each debit once."""

from typing import Any
from uuid import UUID

import pytest
from sepaxml.validation import try_valid_xml

from billing.bank_accounts import BankAccount
from billing.bank_files import BankFileUnreadable
from billing.debit_files import SEPA_SCHEMA, NotCollectable, debits_of_part
from billing.debit_returns import ReturnedDebit, read_aba_returns, read_camt_returns, read_pain002
from engine.database import Database
from engine.errors import Invalid, NotFound, NotPermitted
from engine.fire import MovedMeanwhile
from models import DebitScheme, ReturnFormat
from tests.engine.later import together
from tests.workflows.centre import NOW, Centre, Family, make_centre, sundays
from tests.workflows.test_direct_debit import FINANCE, activate, balance, collect, give
from workflows import debit_returns, debit_runs, mandate
from workflows.debit_runs import DebitRunIsStale, NothingToCollect, RunReview

SEPA, ABA = DebitScheme.SEPA, DebitScheme.ABA
TODAY = NOW.date()
CREDITOR = {"name": "Centre 7 e.V.", "iban": "DE89370400440532013000", "bic": "", "creditor_id": "DE98ZZZ09999999999",
            "bsb": "", "account_number": "", "bank": "", "user_id": ""}  # fmt: skip
USER = {"name": "Centre 7 Pty", "iban": "", "bic": "", "creditor_id": "", "bsb": "062000",
        "account_number": "12223123", "bank": "CBA", "user_id": "301500"}  # fmt: skip
IBAN = BankAccount(iban="DE02120300000000202051")
BSB = BankAccount(bank_code="733123", account_number="123456")


@pytest.fixture(scope="module")
def berlin(checked_database: Database, database_url: str) -> Centre:
    return ready(make_centre(checked_database, database_url, name="Berlin", currency="EUR"))


@pytest.fixture(scope="module")
def sydney(checked_database: Database, database_url: str) -> Centre:
    return ready(make_centre(checked_database, database_url, name="Sydney", currency="AUD"), ABA, USER)


def ready(centre: Centre, scheme: DebitScheme = SEPA, account: dict[str, str] = CREDITOR) -> Centre:
    centre.do(debit_runs.set_collection_account, scheme=scheme, actor=centre.admin, **account)
    return centre


def waiting(
    centre: Centre, bank_account: BankAccount = IBAN, *, holder: str = "Zoë Müller-Łukasz"
) -> tuple[Family, Any]:
    """A family that owes 22.60 and whose debit over that waits for the bank."""
    family = centre.family()
    activate(centre, give(centre, family, bank_account=bank_account, holder=holder))
    return family, owing(centre, family)


def owing(centre: Centre, family: Family, child: str = "Mia Rossi") -> Any:
    """A debit over 22.60, for a booking of that child."""
    cart = centre.confirmed(family, family.child(child), centre.course(*sundays(2)).lines())
    invoice = centre.one("SELECT id FROM invoice WHERE booking_id = %(id)s", id=centre.booking(cart)["id"])
    return collect(centre, invoice["id"])


def review(centre: Centre, scheme: DebitScheme = SEPA) -> RunReview:
    with centre.database.transaction(centre.organisation_id) as tx:
        return debit_runs.review_run(tx, scheme=scheme, collect_on=TODAY, actor=FINANCE)


def make(centre: Centre, seen: RunReview) -> debit_runs.MadeRun:
    made: debit_runs.MadeRun = centre.do(
        debit_runs.make_run, scheme=seen.scheme, collect_on=seen.collect_on, shown_fingerprint=seen.fingerprint,
        actor=FINANCE,
    )  # fmt: skip
    return made


def settle(centre: Centre, run: debit_runs.MadeRun) -> int:
    return debit_runs.settle_run(centre.database, centre.organisation_id, run_id=run.run_id, actor=FINANCE, now=NOW)


def come_back(centre: Centre, *returned: ReturnedDebit, name: str) -> list[tuple[str, str]]:
    file_id: UUID = centre.do(
        debit_returns.import_returns, filename=name, content=name, kind=ReturnFormat.CSV, returned=returned,
        actor=FINANCE,
    )  # fmt: skip
    with centre.database.transaction(centre.organisation_id) as tx:
        found = tx.rows("SELECT reference, outcome FROM debit_return WHERE file_id = %(id)s ORDER BY position",
                        id=file_id)  # fmt: skip
    return [(row["reference"], row["outcome"]) for row in found]


def status(centre: Centre, debit: Any) -> str:
    found: str = centre.one("SELECT status FROM payment WHERE id = %(id)s", id=debit.payment_id)["status"]
    return found


class TestRun:
    def test_hands_over_what_was_reviewed_in_a_valid_file_once(self, berlin: Centre) -> None:
        _, debit = waiting(berlin)
        seen = review(berlin)

        made = make(berlin, seen)

        try_valid_xml(made.content.encode(), SEPA_SCHEMA)
        assert f"<EndToEndId>{debit.reference}</EndToEndId>" in made.content
        assert f"<MsgId>{made.reference}</MsgId>" in made.content
        assert '<InstdAmt Ccy="EUR">22.60</InstdAmt>' in made.content
        assert status(berlin, debit) == "PROCESSING"
        with pytest.raises(DebitRunIsStale):
            make(berlin, seen)

    def test_says_first_of_a_mandate_and_recurring_after(self, berlin: Centre) -> None:
        waiting(berlin)
        made = make(berlin, review(berlin))

        assert "<SeqTp>FRST</SeqTp>" in made.content
        assert made.content == berlin.one("SELECT content FROM debit_run WHERE id = %(id)s", id=made.run_id)["content"]

    def test_is_refused_when_something_else_waits_by_now(self, berlin: Centre) -> None:
        waiting(berlin)
        seen = review(berlin)
        _, late = waiting(berlin)

        with pytest.raises(DebitRunIsStale) as refusal:
            make(berlin, seen)

        assert refusal.value.facts["fingerprint"] == review(berlin).fingerprint
        assert status(berlin, late) == "PENDING"
        make(berlin, review(berlin))

    def test_lets_fail_what_would_collect_nothing(self, berlin: Centre) -> None:
        family, debit = waiting(berlin)
        waiting(berlin)
        given = berlin.one("SELECT id FROM direct_debit_mandate WHERE account_id = %(id)s AND status = 200",
                           id=family.id)  # fmt: skip
        berlin.do(mandate.revoke, mandate_id=given["id"], actor=family.actor, reason="")
        seen = review(berlin)

        make(berlin, seen)

        assert [(one.payment_id, one.why_not) for one in seen.left_out] == [
            (debit.payment_id, "the mandate is revoked"),
        ]  # fmt: skip
        assert status(berlin, debit) == "FAILED"

    def test_of_nothing_or_without_an_account_is_refused(self, berlin: Centre, sydney: Centre) -> None:
        with pytest.raises(NothingToCollect):
            make(berlin, review(berlin))
        with pytest.raises(NotFound, match="SEPA"):
            make(sydney, review(sydney))

    def test_is_collected_to_no_account_whose_digits_do_not_check(self, berlin: Centre) -> None:
        with pytest.raises(Invalid) as refusal:
            ready(berlin, account={**CREDITOR, "iban": "DE88370400440532013000"})

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("bank_account_invalid", "iban")]
        assert berlin.one("SELECT iban FROM collection_account WHERE scheme = 'SEPA'")["iban"] == CREDITOR["iban"]

    def test_in_another_currency_is_refused(self, sydney: Centre) -> None:
        ready(sydney, SEPA, CREDITOR)
        waiting(sydney)

        with pytest.raises(NotCollectable, match="SEPA collects EUR"):
            make(sydney, review(sydney))

    def test_is_not_for_families(self, berlin: Centre) -> None:
        family, _ = waiting(berlin)

        with pytest.raises(NotPermitted):
            berlin.do(debit_runs.make_run, scheme=SEPA, collect_on=TODAY, shown_fingerprint="", actor=family.actor)
        make(berlin, review(berlin))

    def test_that_the_bank_has_paid_settles_its_invoices(self, berlin: Centre) -> None:
        family, debit = waiting(berlin)
        made = make(berlin, review(berlin))

        assert (settle(berlin, made), settle(berlin, made)) == (1, 0)
        assert (status(berlin, debit), balance(berlin, family, "RECEIVABLE"), balance(berlin, family, "BANK")) == (
            "SUCCESS", 0, 2260,
        )  # fmt: skip


class TestAba:
    def test_is_written_in_records_of_120_characters_that_add_up(self, sydney: Centre) -> None:
        _, debit = waiting(sydney, BSB)

        made = make(sydney, review(sydney, ABA))

        head, line, foot = made.content.splitlines()
        assert {len(head), len(line), len(foot)} == {120}
        assert (head[:1], head[18:23], head[56:62], head[74:80]) == ("0", "01CBA", "301500", f"{TODAY:%d%m%y}")
        assert line[:30] == "1733-123   123456 130000002260"
        assert (line[30:62].strip(), line[62:80].strip(), line[80:96]) == (
            "Zoe Muller-Lukasz", debit.reference, "062-000 12223123",
        )  # fmt: skip
        assert (foot[:8], foot[20:50], foot[74:80]) == ("7999-999", "000000226000000000000000002260", "000001")

    def test_of_an_account_that_it_cannot_name_says_whose(self, sydney: Centre) -> None:
        _, debit = waiting(sydney, BankAccount(bank_code="ABC123", account_number="123456"))

        with pytest.raises(NotCollectable) as refusal:
            make(sydney, review(sydney, ABA))

        assert [reason.facts for reason in refusal.value.reasons] == [{"reference": debit.reference}]


class TestReturns:
    def test_fail_what_is_under_way_and_take_back_what_was_paid(self, berlin: Centre) -> None:
        (one, paid), (other, moving) = waiting(berlin), waiting(berlin)
        made = make(berlin, review(berlin))
        come_back(berlin, ReturnedDebit(moving.reference, "AC04", "the account is closed"), name="early")
        settle(berlin, made)

        told = come_back(berlin, ReturnedDebit(paid.reference, "AM04", "insufficient funds"),
                         ReturnedDebit("PM-00000000", "AM04", ""), name="late")  # fmt: skip

        assert told == [(paid.reference, "RETURNED"), ("PM-00000000", "UNKNOWN")]
        assert [status(berlin, debit) for debit in (paid, moving)] == ["FAILED", "FAILED"]
        assert [balance(berlin, family, "RECEIVABLE") for family in (one, other)] == [2260, 2260]
        assert balance(berlin, one, "BANK") == 0

    def test_told_twice_change_the_debit_once(self, berlin: Centre) -> None:
        family, debit = waiting(berlin)
        settle(berlin, make(berlin, review(berlin)))
        returned = ReturnedDebit(debit.reference, "MD06", "the payer asked for it back")

        first = come_back(berlin, returned, name="the same file")
        again = come_back(berlin, returned, name="the same file")
        elsewhere = come_back(berlin, returned, name="another file")

        assert (first, again, elsewhere) == (
            [(debit.reference, "RETURNED")], [(debit.reference, "RETURNED")], [(debit.reference, "ALREADY")],
        )  # fmt: skip
        assert balance(berlin, family, "RECEIVABLE") == 2260

    def test_imported_by_several_at_once_change_the_debit_once(self, berlin: Centre) -> None:
        family, debit = waiting(berlin)
        settle(berlin, make(berlin, review(berlin)))

        told = together(4, lambda n: come_back(berlin, ReturnedDebit(debit.reference, "AM04", ""), name=f"raced {n}"))

        assert sorted(outcome for [(_, outcome)] in told) == ["ALREADY", "ALREADY", "ALREADY", "RETURNED"]
        assert balance(berlin, family, "RECEIVABLE") == 2260

    def test_of_a_whole_run_fail_all_of_it(self, berlin: Centre) -> None:
        debits = [waiting(berlin)[1] for _ in range(2)]
        made = make(berlin, review(berlin))

        come_back(berlin, ReturnedDebit("", "AC01", "", run_reference=made.reference), name="run refused")

        assert [status(berlin, debit) for debit in debits] == ["FAILED", "FAILED"]

    def test_of_a_part_of_its_file_fail_what_stands_in_that_part(self, berlin: Centre) -> None:
        family, first = waiting(berlin)
        settle(berlin, make(berlin, review(berlin)))
        again = owing(berlin, family, "Leo")
        fresh = [waiting(berlin)[1] for _ in range(2)]
        made = make(berlin, review(berlin))
        [part] = [part for part in (f"{made.reference}-1", f"{made.reference}-2")
                  if fresh[0].reference in debits_of_part(made.content, part)]  # fmt: skip

        told = come_back(berlin, *read_pain002(refused_part(made.reference, part)), name="a part refused")

        assert told == [(debit.reference, "REFUSED") for debit in fresh]
        assert [status(berlin, debit) for debit in (*fresh, again, first)] == ["FAILED"] * 2 + ["PROCESSING", "SUCCESS"]

    def test_of_a_part_that_no_file_of_ours_has_is_refused(self, berlin: Centre) -> None:
        debit = waiting(berlin)[1]
        made = make(berlin, review(berlin))

        with pytest.raises(BankFileUnreadable, match="names no debit"):
            come_back(berlin, *read_pain002(refused_part(made.reference, f"{made.reference}-9")), name="no such part")

        assert status(berlin, debit) == "PROCESSING"


def refused_part(run: str, part: str) -> str:
    """A status report that refuses a payment information block and names no transaction of it."""
    return (f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
            f"<OrgnlGrpInfAndSts><OrgnlMsgId>{run}</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
            f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{part}</OrgnlPmtInfId><PmtInfSts>RJCT</PmtInfSts>"
            f"<StsRsnInf><Rsn><Cd>AC01</Cd></Rsn></StsRsnInf></OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>"
            )  # fmt: skip


class TestFiles:
    def test_of_pain002_tell_what_was_refused(self) -> None:
        transaction = ("<TxInfAndSts><OrgnlEndToEndId>{}</OrgnlEndToEndId><TxSts>{}</TxSts><StsRsnInf><Rsn>"
                       "<Cd>AC04</Cd></Rsn></StsRsnInf></TxInfAndSts>")  # fmt: skip
        body = transaction.format("PM-1", "RJCT") + transaction.format("PM-2", "ACSC")
        content = (f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"><CstmrPmtStsRpt>'
                   f"<OrgnlGrpInfAndSts><OrgnlMsgId>DR-1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
                   f"<OrgnlPmtInfAndSts>{body}</OrgnlPmtInfAndSts></CstmrPmtStsRpt></Document>")  # fmt: skip

        assert read_pain002(content) == [ReturnedDebit("PM-1", "AC04", "the account is closed")]
        assert read_pain002(content.replace("PART", "RJCT"))[0].run_reference == "DR-1"

    def test_of_camt_tell_the_entries_that_came_back(self) -> None:
        from tests.billing.test_bank_files import CAMT

        assert read_camt_returns(CAMT) == [ReturnedDebit("PM-7Q2M9XKD", "AM04", "insufficient funds")]

    def test_of_aba_tell_the_records_of_type_2(self) -> None:
        record = f"2733-123   1234566{'13'}0000002260{'ZOE MULLER':32}{'PM-7Q2M9XKD':18}062-000 12223123{'CENTRE 7':16}"
        content = f"0{'':119}\r\n{record:120}\r\n7{'':119}\r\n"

        assert read_aba_returns(content) == [ReturnedDebit("PM-7Q2M9XKD", "6", "refer to the payer")]
        with pytest.raises(BankFileUnreadable, match="Line 2"):
            read_aba_returns(content.replace("ZOE", "Z"))


def race(centre: Centre) -> list[bool]:
    """Several make the run that all of them reviewed."""
    seen = review(centre)

    def attempt(_: int) -> bool:
        try:
            make(centre, seen)
        except (DebitRunIsStale, MovedMeanwhile):
            return False
        return True

    return together(6, attempt)


class TestRace:
    def test_of_several_one_makes_the_run(self, berlin: Centre) -> None:
        for _ in range(3):
            waiting(berlin)

        assert race(berlin).count(True) == 1
