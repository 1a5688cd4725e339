"""Runs of direct debits: what waits is looked over, handed to the bank in one file, once, and heard of again.

The review carries a fingerprint of every debit and amount; a run is made of what was reviewed or refused with the fresh
review. A debit is in one run: by a constraint, and because only a PENDING one is handed over. Lock order: accounts,
then orders, each by id.
"""

import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from billing.bank_accounts import read_bank_account
from billing.debit_files import Creditor, DebitOrder, NotCollectable, aba_file, faults, sepa_file
from engine.actor import Actor
from engine.batch import Guarded
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, NotPermitted, Reason
from engine.fire import MovedMeanwhile, announce
from engine.ids import new_id, new_reference
from models import ActorKind, DebitRun, DebitRunEntry, DebitScheme, PaymentStatus
from workflows.direct_debit import settle

_ENTRY = "uq_debit_run_entry_organisation_id_payment_id"


class DebitRunIsStale(Conflict):
    """What waits is not what was reviewed; `facts` hold the fresh fingerprint."""

    code = "debit_run_is_stale"


class NothingToCollect(Conflict):
    """No debit waits that the scheme can collect by that day."""

    code = "nothing_to_collect"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A debit that waits, and what its run would ask for: no more than is open; 0 where it would fail."""

    payment_id: UUID
    order_id: UUID
    account_id: UUID
    account: str
    order: DebitOrder
    why_not: str | None = None


@dataclass(frozen=True, slots=True)
class RunReview:
    """What a run would collect. `left_out` would fail, and says why. Amounts are minor units."""

    scheme: DebitScheme
    collect_on: date
    currency: str
    collected: tuple[Waiting, ...]
    left_out: tuple[Waiting, ...]
    problems: tuple[Reason, ...]

    @property
    def total_minor(self) -> int:
        return sum(waiting.order.amount_minor for waiting in self.collected)

    @property
    def fingerprint(self) -> str:
        """Of every debit and amount, and the day: nobody makes a run that they did not see."""
        figures = [(str(w.payment_id), w.order.amount_minor, w.why_not) for w in (*self.collected, *self.left_out)]
        return hashlib.sha256(repr((self.scheme, self.collect_on, sorted(figures))).encode()).hexdigest()[:32]


# What waits to be collected by that day by a mandate of the scheme, as it stands now.
_WAITING = """
SELECT p.id, p.reference, p.order_id, p.account_id, p.amount_minor, a.name AS account, m.holder,
       m.reference AS mandate_reference, m.status AS mandate_status, m.signed_on, m.iban, m.bank_code, m.account_number,
       v.total_minor
           - coalesce((SELECT sum(x.amount_minor) FROM payment_allocation x
                       WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)::bigint
           - coalesce((SELECT sum(x.amount_minor) FROM credit_allocation x
                       WHERE x.organisation_id = v.organisation_id AND x.invoice_id = v.id), 0)::bigint
           - coalesce((SELECT sum(o.amount_minor) FROM payment o
                       WHERE o.organisation_id = v.organisation_id AND o.invoice_id = v.id AND o.id <> p.id
                         AND o.mandate_id IS NOT NULL
                         AND (o.status = 'PROCESSING' OR o.status = 'PENDING' AND o.id < p.id)), 0)::bigint
           AS open_minor,
       EXISTS (SELECT FROM payment b JOIN debit_run_entry e ON e.organisation_id = b.organisation_id
               AND e.payment_id = b.id
               WHERE b.organisation_id = p.organisation_id AND b.mandate_id = p.mandate_id) AS is_known
FROM payment p
JOIN account a ON a.organisation_id = p.organisation_id AND a.id = p.account_id
JOIN direct_debit_mandate m ON m.organisation_id = p.organisation_id AND m.id = p.mandate_id
JOIN invoice v ON v.organisation_id = p.organisation_id AND v.id = p.invoice_id
WHERE p.organisation_id = %(org)s AND p.mandate_id IS NOT NULL AND p.status = 'PENDING'
  AND p.collect_on <= %(day)s AND (m.iban IS NOT NULL) = %(by_iban)s
ORDER BY p.id
"""


def review_run(tx: Transaction, *, scheme: DebitScheme, collect_on: date, actor: Actor) -> RunReview:
    """What a run on that day would collect, and why anything would stay. Changes nothing. Raises NotPermitted."""
    _require_office(actor)
    organisation = tx.row("SELECT currency FROM organisation WHERE id = %(org)s")
    assert organisation is not None, "the organisation is there"
    rows = tx.rows(_WAITING, day=collect_on, by_iban=scheme is DebitScheme.SEPA)
    seen: set[str] = set()
    waiting = [_waiting(row, seen) for row in rows]
    collected = tuple(one for one in waiting if one.why_not is None)
    problems = faults([one.order for one in collected], scheme=scheme.value, currency=organisation["currency"])
    left_out = tuple(one for one in waiting if one.why_not is not None)
    return RunReview(scheme, collect_on, organisation["currency"], collected, left_out, tuple(problems))


def _waiting(row: Row, seen: set[str]) -> Waiting:
    amount = min(row["amount_minor"], row["open_minor"])
    why_not = None
    if row["mandate_status"] != 200:
        why_not = "the mandate is revoked"
    elif amount <= 0:
        why_not = "nothing is owed any more"
    order = DebitOrder(
        reference=row["reference"], amount_minor=max(amount, 0), holder=row["holder"],
        mandate_reference=row["mandate_reference"], signed_on=row["signed_on"],
        is_first=not row["is_known"] and row["mandate_reference"] not in seen,
        iban=row["iban"] or "", bank_code=row["bank_code"] or "", account_number=row["account_number"] or "",
    )  # fmt: skip
    if why_not is None:
        seen.add(row["mandate_reference"])
    return Waiting(row["id"], row["order_id"], row["account_id"], row["account"], order, why_not)


@dataclass(frozen=True, slots=True)
class MadeRun:
    """A run with the file for the bank."""

    run_id: UUID
    reference: str
    content: str


def make_run(
    tx: Transaction, *, scheme: DebitScheme, collect_on: date, shown_fingerprint: str, actor: Actor, now: datetime
) -> MadeRun:
    """Hand over just what was reviewed: every debit is PROCESSING, or FAILED where it would collect nothing.

    Raises NotPermitted, NotFound (no account of ours for the scheme), DebitRunIsStale, NothingToCollect,
    NotCollectable.
    """
    creditor = _creditor(tx, scheme)
    before = review_run(tx, scheme=scheme, collect_on=collect_on, actor=actor)
    _lock(tx, before)
    review = review_run(tx, scheme=scheme, collect_on=collect_on, actor=actor)
    if review.fingerprint != shown_fingerprint:
        raise DebitRunIsStale("What waits is not what you reviewed; look at it again.", fingerprint=review.fingerprint)
    if not review.collected:
        raise NothingToCollect(f"No debit waits to be collected by {scheme} until {collect_on}.")
    if review.problems:
        raise NotCollectable(review.problems[0].message, reasons=list(review.problems))
    run_id, reference, orders = new_id(), new_reference("DR"), [waiting.order for waiting in review.collected]
    if scheme is DebitScheme.SEPA:
        content = sepa_file(creditor, orders, reference=reference, collect_on=collect_on, now=now)
    else:
        content = aba_file(creditor, orders, collect_on=collect_on)
    _write(tx, review, DebitRun(
        id=run_id, organisation_id=tx.organisation_id, reference=reference, scheme=scheme, collect_on=collect_on,
        debits=len(orders), total_minor=review.total_minor, content=content, made_by=actor.user_id, made_at=now,
    ), now=now)  # fmt: skip
    return MadeRun(run_id, reference, content)


def _write(tx: Transaction, review: RunReview, run: DebitRun, *, now: datetime) -> None:
    tx.batch.add(DebitRun, [run.model_dump(exclude={"organisation_id"}) | {"scheme": run.scheme.value}])
    tx.batch.add(DebitRunEntry, [
        {"id": new_id(), "run_id": run.id, "payment_id": one.payment_id, "amount_minor": one.order.amount_minor}
        for one in review.collected
    ])  # fmt: skip
    tx.batch.on_violation(_ENTRY, MovedMeanwhile("One of the debits went into another run meanwhile."))
    moved = [
        {"id": one.payment_id, "to_status": PaymentStatus.FAILED.value if one.why_not else "PROCESSING",
         "amount_minor": None if one.why_not else one.order.amount_minor, "failure_reason": one.why_not,
         "updated_at": now} for one in (*review.collected, *review.left_out)
    ]  # fmt: skip
    tx.batch.guard(_HAND_OVER, moved, otherwise=lambda _: MovedMeanwhile("One of the debits was moved meanwhile."))
    for one in review.left_out:
        announce(tx.batch, "payment.failed", now=now, payment_id=one.payment_id, reference=one.order.reference,
                 order_id=one.order_id, failure_reason=one.why_not)  # fmt: skip


_HAND_OVER = Guarded(
    name="hand_debits_over",
    sql="UPDATE payment t SET status = r.to_status, amount_minor = coalesce(r.amount_minor, t.amount_minor), "
    "failure_reason = r.failure_reason, updated_at = r.updated_at FROM {rows} "
    "WHERE t.organisation_id = {org} AND t.id = r.id AND t.status = 'PENDING' RETURNING t.id",
    takes="id uuid, to_status text, amount_minor bigint, failure_reason text, updated_at timestamptz",
)


def _lock(tx: Transaction, review: RunReview) -> None:
    """The accounts and orders of all that waits; what is read after it stays as it is."""
    waiting = (*review.collected, *review.left_out)
    for table, ids in (("account", {w.account_id for w in waiting}), ("term_booking_order",
                       {w.order_id for w in waiting})):  # fmt: skip
        tx.rows(f"SELECT id FROM {table} WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id "
                "FOR NO KEY UPDATE", ids=sorted(ids))  # fmt: skip


def _creditor(tx: Transaction, scheme: DebitScheme) -> Creditor:
    row = tx.row(
        "SELECT name, iban, bic, creditor_id, bsb, account_number, bank, user_id FROM collection_account "
        "WHERE organisation_id = %(org)s AND scheme = %(scheme)s", scheme=scheme.value,
    )  # fmt: skip
    if row is None:
        raise NotFound(f"No account of yours is set up to collect by {scheme}.", what="collection_account")
    return Creditor(**row)


_COLLECTED = """
SELECT p.id FROM debit_run_entry e JOIN payment p ON p.organisation_id = e.organisation_id AND p.id = e.payment_id
WHERE e.organisation_id = %(org)s AND e.run_id = %(id)s AND p.status = 'PROCESSING' ORDER BY p.id
"""


def settle_run(database: Database, organisation_id: UUID, *, run_id: UUID, actor: Actor, now: datetime) -> int:
    """The bank has paid the run: every debit that is still under way settles its invoice, each in a transaction of its
    own. What was refused meanwhile stays so; done again, it does what is left. Raises NotPermitted, NotFound.
    """
    _require_office(actor)
    with database.transaction(organisation_id) as tx:
        if tx.row("SELECT 1 FROM debit_run WHERE organisation_id = %(org)s AND id = %(id)s", id=run_id) is None:
            raise NotFound("There is no such run.", what="run")
        waiting = [row["id"] for row in tx.rows(_COLLECTED, id=run_id)]
    for payment_id in waiting:
        database.run(organisation_id, partial(settle, payment_id=payment_id, actor=actor, now=now))
    return len(waiting)


def set_collection_account(tx: Transaction, *, scheme: DebitScheme, actor: Actor, now: datetime, **given: Any) -> None:
    """Where a scheme collects to. Raises NotPermitted, Invalid naming what the scheme lacks, or an
    IBAN whose check digits are wrong.
    """
    if not actor.is_admin:
        raise NotPermitted("An admin says where debits are collected to.")
    needed = ("iban", "creditor_id") if scheme is DebitScheme.SEPA else ("bsb", "account_number", "bank", "user_id")
    missing = [name for name in needed if not given.get(name)]
    if missing:
        raise Invalid(f"{scheme} needs {', '.join(missing)}.", reasons=[
            Reason("required", f"{scheme} needs it.", field=name) for name in missing])  # fmt: skip
    if scheme is DebitScheme.SEPA:
        given["iban"] = read_bank_account(iban=given["iban"], bank_code=None, account_number=None).iban
    tx.run(_SET, id=new_id(), scheme=scheme.value, now=now, **given)


_SET = """
INSERT INTO collection_account
    (organisation_id, id, scheme, name, iban, bic, creditor_id, bsb, account_number, bank, user_id, updated_at)
VALUES (%(org)s, %(id)s, %(scheme)s, %(name)s, %(iban)s, %(bic)s, %(creditor_id)s, %(bsb)s, %(account_number)s,
        %(bank)s, %(user_id)s, %(now)s)
ON CONFLICT (organisation_id, scheme) DO UPDATE SET name = excluded.name, iban = excluded.iban, bic = excluded.bic,
    creditor_id = excluded.creditor_id, bsb = excluded.bsb, account_number = excluded.account_number,
    bank = excluded.bank, user_id = excluded.user_id, updated_at = excluded.updated_at
"""


def _require_office(actor: Actor) -> None:
    if actor.kind not in (ActorKind.ADMIN, ActorKind.FINANCE):
        raise NotPermitted("Debits are collected by admins and finance.")
