"""The makeup credit: from an absence that was told in time to the session that makes up for it.

The diagram is generated from the chart: `termbook diagram`. It is booked as a line of kind MakeupSession of any order
of type Booking, whose submit books the credit and whose end gives it back.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

from sqlmodel import SQLModel

from catalogue.rule_values import Makeup
from engine.actor import SYSTEM, Actor
from engine.batch import Batch
from engine.chart import Chart, Step
from engine.database import Database, Row, Transaction
from engine.errors import NotFound, Reason
from engine.fire import Subject, announce, begin, fire
from engine.ids import new_id, new_reference
from models import ActorKind, MakeupCredit, MakeupReach
from models import MakeupStatus as M

_ADMIN_OR_SYSTEM = frozenset({ActorKind.ADMIN, ActorKind.SYSTEM})
_SYSTEM = frozenset({ActorKind.SYSTEM})


def has_revocation_reason(credit: "Credit", *, reason: str, **_: Any) -> Iterator[Reason]:
    """What is taken from a family is explained."""
    if not reason.strip():
        yield Reason("reason_required", f"Say why {credit.reference} is taken back.", field="reason",
                     rule="admin_with_reason")  # fmt: skip


def is_withdrawn(credit: "Credit", **_: Any) -> Iterator[Reason]:
    """What an admin took back stays taken."""
    if not credit.is_withdrawn:
        yield Reason("revoked", f"{credit.reference} was taken back.", rule="makeup")


def renew(credit: "Credit", *, expires_at: datetime, **_: Any) -> None:
    """It is valid from the absence that was told last."""
    credit.change(expires_at=expires_at, is_withdrawn=False, reminded_at=None)


def note_session(credit: "Credit", *, order_id: UUID, session_id: UUID, **_: Any) -> None:
    """It says who has booked what with it."""
    credit.change(order_id=order_id, session_id=session_id)


def forget_session(credit: "Credit", **_: Any) -> None:
    """Nothing is booked with it any more."""
    credit.change(order_id=None, session_id=None)


CHART = Chart(
    name="makeup_credit",
    states=(M.AVAILABLE, M.BOOKED, M.USED, M.EXPIRED, M.REVOKED),
    initial=(M.AVAILABLE,),
    steps=(
        #     trigger      source       target       who               guards                    effects, tells
        Step("book",      M.AVAILABLE, M.BOOKED,    _SYSTEM,          (),                       (note_session,)),
        Step("give_back", M.BOOKED,    M.AVAILABLE, _SYSTEM,          (),                       (forget_session,)),
        Step("use",       M.BOOKED,    M.USED,      _SYSTEM,          (),                       ()),
        Step("expire",    M.AVAILABLE, M.EXPIRED,   _SYSTEM,          (),                       (), "makeup.expired"),
        Step("expire",    M.BOOKED,    M.EXPIRED,   _SYSTEM,          (),                       (forget_session,)),
        Step("revoke",    M.AVAILABLE, M.REVOKED,   _ADMIN_OR_SYSTEM, (has_revocation_reason,), (), "makeup.revoked"),
        Step("withdraw",  M.AVAILABLE, M.REVOKED,   _SYSTEM,          (),                       ()),
        Step("renew",     M.REVOKED,   M.AVAILABLE, _SYSTEM,          (is_withdrawn,),     (renew,), "makeup.granted"),
    ),
)  # fmt: skip


@dataclass(kw_only=True)
class Credit(Subject):
    """A makeup credit as the verbs see it."""

    table: ClassVar[type[SQLModel]] = MakeupCredit
    expires_at: datetime
    validity_days: int
    reach: MakeupReach = MakeupReach.PROGRAM
    is_withdrawn: bool = False
    order_id: UUID | None = None
    session_id: UUID | None = None
    program_id: UUID | None = None
    category_id: UUID | None = None
    account_id: UUID | None = None
    attendee_id: UUID | None = None

    @classmethod
    def of(cls, row: Row) -> "Credit":
        """The credit of a row, or of the JSON of one."""
        known: Row = {**row, "status": M(row["status"]), "reach": MakeupReach(row["reach"])}
        for name in ("id", "order_id", "session_id", "program_id", "category_id", "account_id", "attendee_id"):
            known[name] = UUID(str(known[name])) if known.get(name) else None
        if isinstance(known["expires_at"], str):
            known["expires_at"] = datetime.fromisoformat(known["expires_at"])
        return cls(**known)


# The columns of a credit, of the alias `m`: for `Credit.of`.
AS_JSON = """json_build_object('id', m.id, 'reference', m.reference, 'status', m.status, 'version', m.version,
                     'expires_at', m.expires_at, 'validity_days', m.validity_days, 'order_id', m.order_id,
                     'session_id', m.session_id, 'program_id', m.program_id, 'account_id', m.account_id,
                     'attendee_id', m.attendee_id, 'reach', m.reach, 'is_withdrawn', m.is_withdrawn)"""
COLUMNS = """m.id, m.reference, m.status, m.version, m.expires_at, m.validity_days, m.order_id, m.session_id,
       m.program_id, m.account_id, m.attendee_id, m.reach, m.is_withdrawn"""


def grant(
    batch: Batch, rule: Makeup, *, attendance_id: UUID, account_id: UUID, attendee_id: UUID, program_id: UUID,
    term_id: UUID, actor: Actor, now: datetime,
) -> Credit:  # fmt: skip
    """Give a credit for an absence; the caller knows that the rule allows it."""
    credit = Credit(
        id=new_id(), reference=new_reference("MC"), status=M.AVAILABLE, version=1,
        expires_at=now + timedelta(days=rule.validity_days), validity_days=rule.validity_days, reach=rule.reach,
    )  # fmt: skip
    row = {
        "reference": credit.reference, "account_id": account_id, "attendee_id": attendee_id,
        "attendance_id": attendance_id, "program_id": program_id, "term_id": term_id,
        "validity_days": rule.validity_days, "reach": rule.reach.value,
        "expires_at": credit.expires_at, "order_id": None, "session_id": None, "created_at": now, "updated_at": now,
    }  # fmt: skip
    begin(batch, CHART, credit, row=row, actor=actor, now=now)
    announce(batch, "makeup.granted", now=now, subject_id=credit.id, reference=credit.reference)
    return credit


def find_of_absence(tx: Transaction, attendance_id: UUID) -> Credit | None:
    """The credit that an absence gave before; the attendee is locked."""
    row = tx.row(_OF_ABSENCE, id=attendance_id)
    return Credit.of(row) if row else None


_OF_ABSENCE = f"""
SELECT {COLUMNS} FROM makeup_credit m WHERE m.organisation_id = %(org)s AND m.attendance_id = %(id)s FOR NO KEY UPDATE
"""


def renew_withdrawn(batch: Batch, credit: Credit, rule: Makeup, *, now: datetime) -> Credit:
    """The absence was told, taken back, and told again: its credit is valid from now."""
    fire(batch, CHART, credit, "renew", actor=SYSTEM, now=now, reason="the absence was told again",
         expires_at=now + timedelta(days=rule.validity_days))  # fmt: skip
    return credit


def book(batch: Batch, credit: Credit, *, order_id: UUID, session_id: UUID, now: datetime) -> None:
    """An order takes a session with it."""
    fire(batch, CHART, credit, "book", actor=SYSTEM, now=now, order_id=order_id, session_id=session_id,
         changes={"order_id": str(order_id), "session_id": str(session_id)})  # fmt: skip


def give_back(
    batch: Batch, credits_: Sequence[Credit], *, now: datetime, reason: str, is_renewed: bool = False
) -> None:  # fmt: skip
    """What was booked with them is given up: they can be booked again, unless they have expired meanwhile.

    `is_renewed`: the centre gave it up, so that a credit is valid as long again as when it was given.
    """
    for credit in credits_:
        if is_renewed:
            credit.change(expires_at=max(credit.expires_at, now + timedelta(days=credit.validity_days)))
        trigger = "give_back" if credit.expires_at > now else "expire"
        fire(batch, CHART, credit, trigger, actor=SYSTEM, now=now, reason=reason)


def use(batch: Batch, credits_: Sequence[Credit], *, now: datetime, reason: str) -> None:
    """The sessions were held, or given up too late: the credits are spent."""
    for credit in credits_:
        fire(batch, CHART, credit, "use", actor=SYSTEM, now=now, reason=reason)


def revoke(tx: Transaction, *, credit_id: UUID, actor: Actor, now: datetime, reason: str) -> Credit:
    """Take a credit back that nobody has booked yet. Raises NotFound, NotAllowedNow, Refused (without a reason)."""
    credit = lock_credit(tx, credit_id, actor=actor)
    fire(tx.batch, CHART, credit, "revoke", actor=actor, now=now, reason=reason)
    return credit


_LOCK = f"""
SELECT {COLUMNS} FROM makeup_credit m JOIN account a ON a.organisation_id = m.organisation_id AND a.id = m.account_id
WHERE m.organisation_id = %(org)s AND m.id = %(id)s FOR NO KEY UPDATE OF a, m
"""


def lock_credit(tx: Transaction, credit_id: UUID, *, actor: Actor) -> Credit:
    """Lock a credit after its account. Raises NotFound, also for another family's."""
    row = tx.row(_LOCK, id=credit_id)
    if row is None or not actor.may_see_account(row["account_id"]):
        raise NotFound("There is no such makeup credit.", what="makeup credit")
    return Credit.of(row)


_EXPIRED = f"""
SELECT {COLUMNS} FROM makeup_credit m
WHERE m.organisation_id = %(org)s AND m.status = 100 AND m.expires_at <= %(now)s
ORDER BY m.expires_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED
"""


def expire_credits(database: Database, *, now: datetime, batch: int = 500) -> int:
    """Write down up to `batch` credits of each organisation that ran out; they are void before, too."""

    def expire(tx: Transaction) -> int:
        found = tx.rows(_EXPIRED, now=now, limit=batch)
        for row in found:
            fire(tx.batch, CHART, Credit.of(row), "expire", actor=SYSTEM, now=now, reason="nobody booked it in time")
        return len(found)

    return sum(database.run(organisation_id, expire) for organisation_id in database.organisations())


# So many days before its end a family is reminded of a credit that was given for longer.
_REMIND_DAYS = 7
_REMIND = """
UPDATE makeup_credit m SET reminded_at = %(now)s FROM (
    SELECT id FROM makeup_credit WHERE organisation_id = %(org)s AND status = 100 AND reminded_at IS NULL
      AND expires_at > %(now)s AND expires_at <= %(until)s AND validity_days > %(days)s
    ORDER BY expires_at LIMIT %(limit)s FOR NO KEY UPDATE SKIP LOCKED) due
WHERE m.organisation_id = %(org)s AND m.id = due.id RETURNING m.id, m.reference
"""


def remind_of_credits(database: Database, *, now: datetime, batch: int = 500) -> int:
    """Tell families of up to `batch` credits of each organisation that are about to run out, once of each."""

    def remind(tx: Transaction) -> int:
        found = tx.rows(_REMIND, now=now, until=now + timedelta(days=_REMIND_DAYS), days=_REMIND_DAYS, limit=batch)
        for row in found:
            announce(tx.batch, "makeup.expiring", now=now, subject_id=row["id"], reference=row["reference"])
        return len(found)

    return sum(database.run(organisation_id, remind) for organisation_id in database.organisations())
