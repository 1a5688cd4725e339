"""What passes have earned: a share of the price with each unit whose session was held, the rest when they run out.

Of a pass without a limit the price is earned by the days of its validity, month by month. Each step posts what is
earned by now less what the pass has earned so far, so a run that was cut off, or a second worker, has nothing to add.
A unit that was given up too late is earned then; one that is given back after its session was held is taken back, as
long as it can be used again.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from uuid import UUID

from billing.ledger import first_open_day, month_of, pass_earned, post
from engine.batch import Batch, Guarded
from engine.database import Database, Row, Transaction
from engine.fire import MovedMeanwhile
from engine.ids import new_id

_PASSES_AT_ONCE = 200

_TO_LOOK_AT = """
SELECT e.id FROM entitlement e JOIN organisation g ON g.id = e.organisation_id
WHERE e.organisation_id = %(org)s AND (
    e.earned_minor < e.net_minor AND e.earned_minor < e.net_minor - e.revoked_net_minor AND (
        e.granted IS NULL OR e.valid_until < (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date
        OR EXISTS (SELECT FROM pass_use u
                   JOIN term_product s ON s.organisation_id = u.organisation_id AND s.id = u.term_product_id
                   WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id AND u.returned_at IS NULL
                     AND u.earned_minor IS NULL AND (s.ends_at <= %(now)s OR u.forfeited_at IS NOT NULL)))
    OR EXISTS (SELECT FROM pass_use u WHERE u.organisation_id = e.organisation_id AND u.entitlement_id = e.id
               AND u.returned_at IS NOT NULL AND u.earned_minor > 0))
ORDER BY e.id
"""
# Who is at work on one is passed over.
_LOCK = """
SELECT id FROM entitlement WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) ORDER BY id
FOR NO KEY UPDATE SKIP LOCKED
"""
_PASSES = """
SELECT e.id, e.account_id, e.net_minor - e.revoked_net_minor AS net_minor, e.earned_minor, e.granted, e.valid_from,
       e.valid_until, (%(now)s::timestamptz AT TIME ZONE g.time_zone)::date AS today
FROM entitlement e JOIN organisation g ON g.id = e.organisation_id
WHERE e.organisation_id = %(org)s AND e.id = ANY(%(ids)s) ORDER BY e.id
"""
# Only what is confirmed was held. Uses in the order of their days, those that were given up by when they were.
_USES = """
SELECT u.id, u.entitlement_id, u.units, u.earned_minor, u.returned_at IS NOT NULL AS is_returned, x.entry_id,
       o.status IN (450, 500) AND (u.forfeited_at IS NOT NULL OR s.ends_at <= %(now)s) AS is_due,
       CASE WHEN u.forfeited_at IS NOT NULL THEN (u.forfeited_at AT TIME ZONE g.time_zone)::date
            ELSE s.local_date END AS day
FROM pass_use u
JOIN organisation g ON g.id = u.organisation_id
JOIN term_booking_order o ON o.organisation_id = u.organisation_id AND o.id = u.order_id
JOIN term_product s ON s.organisation_id = u.organisation_id AND s.id = u.term_product_id
LEFT JOIN LATERAL (SELECT l.id AS entry_id FROM ledger_entry l WHERE l.organisation_id = u.organisation_id
                   AND l.source_kind = 'PASS_USE' AND l.source_id = u.id AND l.purpose = 'EARNED') x ON true
WHERE u.organisation_id = %(org)s AND u.entitlement_id = ANY(%(ids)s)
  AND (u.units > 0 OR u.earned_minor IS NOT NULL) ORDER BY day, u.id
"""
_LOCKED_MONTHS = "SELECT month FROM period_lock WHERE organisation_id = %(org)s AND unlocked_at IS NULL"

_EARN = Guarded(
    name="earn_of_pass",
    sql="UPDATE entitlement e SET earned_minor = r.earned_minor FROM {rows} "
    "WHERE e.organisation_id = {org} AND e.id = r.id RETURNING e.id",
    takes="id uuid, earned_minor bigint",
    is_by_id=True,
)
_NOTE = Guarded(
    name="note_earned_use",
    sql="UPDATE pass_use u SET earned_minor = r.earned_minor FROM {rows} "
    "WHERE u.organisation_id = {org} AND u.id = r.id RETURNING u.id",
    takes="id uuid, earned_minor bigint",
    is_by_id=True,
)


def earn_due(database: Database, *, now: datetime, batch: int = _PASSES_AT_ONCE) -> int:
    """Post what passes have earned by now, in every organisation; as often, and by as many workers, as one likes.
    Returns how many passes earned something.
    """
    count = 0
    for organisation_id in database.organisations():
        with database.transaction(organisation_id) as tx:
            ids = [row["id"] for row in tx.rows(_TO_LOOK_AT, now=now)]
        count += sum(database.run(organisation_id, partial(earn, ids=ids[start : start + batch], now=now))
                     for start in range(0, len(ids), batch))  # fmt: skip
    return count


def earn(tx: Transaction, *, ids: Sequence[UUID], now: datetime) -> int:
    """Post what these passes have earned by now; those that somebody else is at work on are left for the next run."""
    locked = [row["id"] for row in tx.rows(_LOCK, ids=list(ids))]
    if not locked:
        return 0
    months = frozenset(row["month"] for row in tx.rows(_LOCKED_MONTHS))
    uses: dict[UUID, list[Row]] = {}
    for use in tx.rows(_USES, ids=locked, now=now):
        uses.setdefault(use["entitlement_id"], []).append(use)
    return sum(_Earning(tx.batch, row, months, now).run(uses.get(row["id"], []))
               for row in tx.rows(_PASSES, ids=locked, now=now))  # fmt: skip


class _Earning:
    """One pass, with what of it is earned by now."""

    def __init__(self, batch: Batch, row: Row, locked: Collection[date], now: datetime) -> None:
        self.batch, self.row, self.locked, self.now = batch, row, locked, now
        self.earned_minor: int = row["earned_minor"]
        self.is_over = row["valid_until"] < row["today"]

    def run(self, uses: Sequence[Row]) -> bool:
        """Whether anything was posted."""
        if self.row["granted"] is None:
            self._by_days()
        else:
            self._by_units(uses)
        if self.earned_minor == self.row["earned_minor"]:
            return False
        self.batch.guard(_EARN, [{"id": self.row["id"], "earned_minor": self.earned_minor}], otherwise=_meanwhile)
        return True

    def _by_days(self) -> None:
        """Of the months that are over, and of the last days once the pass is."""
        first, last, today = self.row["valid_from"], self.row["valid_until"], self.row["today"]
        until = last if self.is_over else month_of(today) - timedelta(days=1)
        days = max(0, (until - first).days + 1)
        earned = self.row["net_minor"] * days // ((last - first).days + 1)
        self._post("ENTITLEMENT", self.row["id"], f"EARNED_{until}", earned - self.earned_minor, until)

    def _by_units(self, uses: Sequence[Row]) -> None:
        net, granted, today = self.row["net_minor"], self.row["granted"], self.row["today"]
        for use in uses:
            if use["is_returned"] and use["earned_minor"] and not self.is_over:
                self._post("PASS_USE", use["id"], "TAKEN_BACK", -use["earned_minor"], today, undoes=use["entry_id"])
                self._note(use, 0)
        units = sum(use["units"] for use in uses if not use["is_returned"] and use["earned_minor"] is not None)
        for use in uses:
            if use["is_returned"] or use["earned_minor"] is not None or not use["is_due"]:
                continue
            units += use["units"]
            amount = max(0, net * units // granted - self.earned_minor)
            self._post("PASS_USE", use["id"], "EARNED", amount, use["day"])
            self._note(use, amount)
        if self.is_over:
            self._post("ENTITLEMENT", self.row["id"], "BREAKAGE", net - self.earned_minor,
                       self.row["valid_until"] + timedelta(days=1))  # fmt: skip

    def _note(self, use: Row, earned_minor: int) -> None:
        self.batch.guard(_NOTE, [{"id": use["id"], "earned_minor": earned_minor}], otherwise=_meanwhile)

    def _post(
        self, kind: str, source_id: UUID, purpose: str, amount_minor: int, day: date, *, undoes: UUID | None = None
    ) -> None:  # fmt: skip
        self.earned_minor += amount_minor
        post(
            self.batch, source_kind=kind, source_id=source_id, purpose=purpose, account_id=self.row["account_id"],
            postings=pass_earned(amount_minor=amount_minor), posted_on=first_open_day(day, self.locked), event_on=day,
            reverses_id=undoes, entry_id=new_id(), now=self.now,
        )  # fmt: skip


def _meanwhile(_: set[str]) -> MovedMeanwhile:
    return MovedMeanwhile("The same pass was looked at meanwhile.")
