"""One request, one transaction: who asks and whether it was asked before in one statement, one verb, one write.

A key that was answered gets the same answer again; a refusal that wrote nothing is remembered beside it.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson
from psycopg.types.json import Jsonb
from starlette.responses import Response

from api.credentials import Presented
from api.errors import MEDIA_TYPE, InFlight, KeyReused, Unauthenticated, refusal_body, status_of
from engine.actor import Actor
from engine.database import Database, Row, Transaction
from engine.errors import Conflict, NotPermitted, Reason, TermbookError
from engine.fire import Refused
from engine.money import format_money
from models import ActorKind, IdempotencyKey, Role

T = TypeVar("T")

# Where a user has several roles and names none, the first of these counts.
KIND_OF_ROLE = {
    Role.ADMIN: ActorKind.ADMIN,
    Role.FINANCE: ActorKind.FINANCE,
    Role.STAFF: ActorKind.STAFF,
    Role.FAMILY: ActorKind.FAMILY,
}
_REMEMBERED = frozenset({404, 409, 422})


class AnsweredMeanwhile(Conflict):
    """The same request was answered a moment ago; its answer is read in the next attempt."""

    code = "answered_meanwhile"


@dataclass(slots=True)
class Answer:
    """What a verb answers: a body of plain values, and the version that its ETag names."""

    body: dict[str, Any] | None = None
    status: int = 200
    version: int | str | None = None
    location: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        found = {}
        if self.version is not None:
            found["ETag"] = f'"{self.version}"'
        if self.location is not None:
            found["Location"] = self.location
        return found


def etag(shown: Row) -> str:
    """The ETag of a record without a version: the fingerprint of what is shown."""
    return hashlib.sha256(orjson.dumps(shown, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


@dataclass(slots=True)
class Principal:
    """Who asks, as the database knows them, and how their organisation writes money."""

    actor: Actor
    user_id: UUID
    credential_id: UUID
    name: str
    email: str
    roles: list[Role]
    organisation: Row

    @property
    def kind(self) -> ActorKind:
        return self.actor.kind

    def today(self, now: datetime) -> date:
        """The day that it is where the organisation is."""
        return now.astimezone(ZoneInfo(self.organisation["time_zone"])).date()

    def money(self, amount_minor: int) -> str:
        """The amount in words of the organisation's locale."""
        return format_money(amount_minor, self.organisation["currency"], self.organisation["locale"])


def only_admins_override(who: Principal, reason: str) -> None:
    """Raises NotPermitted where somebody else gives a reason to set rules aside."""
    if reason and not who.actor.is_admin:
        message = "Only an admin sets booking window, cut-off and eligibility aside."
        raise NotPermitted(message, reasons=[Reason("not_permitted", message, field="override_reason")])


Verb = Callable[[Transaction, Principal], Answer]


@dataclass(frozen=True, slots=True)
class Call:
    """A request as far as moves care, made without any I/O."""

    database: Database
    now: datetime
    presented: Presented
    allowed: frozenset[ActorKind]
    act_as: Role | None = None
    request_id: str = ""
    key: str | None = None
    request_hash: str = ""
    if_match: str | None = None
    if_none_match: str | None = None

    @property
    def organisation_id(self) -> UUID:
        return self.presented.organisation_id

    @property
    def expected_version(self) -> int | None:
        """The version that `If-Match` names; -1, which is nobody's, where it is none of ours."""
        if self.if_match is None or self.if_match == "*":
            return None
        text = self.if_match.strip('"')
        return int(text) if text.isdecimal() and len(text) < 10 else -1

    def read(self, query: Verb) -> Response:
        """Answer a question in one transaction."""

        answer = self.fetch(query)
        headers = answer.headers
        if self.if_none_match is not None and headers.get("ETag") in self.if_none_match.split(", "):
            return Response(status_code=304, headers=headers)
        return respond(answer.status, answer.body, headers)

    def fetch(self, query: Callable[[Transaction, Principal], T]) -> T:
        """Read something in one transaction, for an answer that is made outside of it."""
        return self.database.run(self.organisation_id, lambda tx: query(tx, authenticate(tx, self)[0]))

    def identify(self) -> tuple[Principal, Response | None]:
        """Who asks, and the answer if this was asked before: for work that cannot be one transaction."""
        principal, stored = self.database.run(self.organisation_id, lambda tx: authenticate(tx, self))
        return principal, None if stored is None else _replay(self, stored)

    def refuse(self, principal: Principal, refusal: TermbookError) -> Response:
        """Remember a refusal under the Idempotency-Key; raises it unless another answer was given meanwhile."""
        if self.key is None or status_of(refusal) not in _REMEMBERED:
            raise refusal
        return _remember_refusal(self, principal.user_id, refusal)

    def move(
        self, verb: Verb, *, make_way: Callable[[Refused], bool] | None = None,
        with_secret: dict[str, str] | None = None,
    ) -> Response:  # fmt: skip
        """Run one verb in one transaction and remember its answer under the Idempotency-Key.

        `make_way` may clear what stands in the way of a refused verb; it is then tried once more. `with_secret` is
        shown in the first answer and remembered nowhere.
        """
        attempt = _Attempt(self, verb, with_secret or {})
        try:
            try:
                return attempt.run()
            except AnsweredMeanwhile:
                return attempt.run()
            except Refused as refusal:
                if make_way is None or not make_way(refusal):
                    raise
                return attempt.run()
        except TermbookError as refusal:
            if attempt.principal is None:
                raise
            return self.refuse(attempt.principal, refusal)


@dataclass(slots=True)
class _Attempt:
    """One run of a move. `principal` is set as soon as the caller is known to be allowed and not yet answered."""

    call: Call
    verb: Verb
    with_secret: dict[str, str]
    principal: Principal | None = None

    def run(self) -> Response:
        return self.call.database.run(self.call.organisation_id, self._work)

    def _work(self, tx: Transaction) -> Response:
        self.principal = None
        principal, stored = authenticate(tx, self.call)
        if stored is not None:
            return _replay(self.call, stored)
        self.principal = principal
        answer = self.verb(tx, principal)
        if self.call.key is not None:
            _remember(tx, self.call, principal.user_id, answer)
        body = {**answer.body, **self.with_secret} if answer.body is not None else None
        return respond(answer.status, body, answer.headers)


_AUTHENTICATE = """
SELECT c.id AS credential_id, u.id AS user_id, u.name, u.email, u.roles,
       ARRAY(SELECT a.account_id FROM account_user a
             WHERE a.organisation_id = u.organisation_id AND a.user_id = u.id) AS account_ids,
       ARRAY(SELECT s.site_id FROM user_site s
             WHERE s.organisation_id = u.organisation_id AND s.user_id = u.id) AS site_ids,
       json_build_object('name', g.name, 'currency', g.currency, 'locale', g.locale,
                         'time_zone', g.time_zone) AS organisation,
       k.request_hash, k.status_code, k.response, k.headers,
       CASE WHEN %(key)s::text IS NULL OR k.key IS NOT NULL THEN true
            ELSE pg_try_advisory_xact_lock(hashtextextended(u.id || %(key)s::text, 0)) END AS is_first
FROM credential c
JOIN "user" u ON u.organisation_id = c.organisation_id AND u.id = c.user_id
JOIN organisation g ON g.id = c.organisation_id
LEFT JOIN idempotency_key k ON k.organisation_id = c.organisation_id AND k.principal_id = u.id AND k.key = %(key)s
WHERE c.organisation_id = %(org)s AND c.secret_hash = %(secret_hash)s AND c.kind = %(kind)s
  AND c.revoked_at IS NULL AND c.expires_at > %(now)s AND u.is_active
"""


def authenticate(tx: Transaction, call: Call) -> tuple[Principal, Row | None]:
    """Who asks, and the stored answer if this was asked before: one statement.

    Raises Unauthenticated, NotPermitted (not with these roles), InFlight, KeyReused.
    """
    row = tx.row(
        _AUTHENTICATE, secret_hash=call.presented.secret_hash, kind=call.presented.kind.value, key=call.key,
        now=call.now,
    )  # fmt: skip
    if row is None:
        raise Unauthenticated("Sign in, or send a token that is valid.")
    principal = _principal(row, call)
    if principal.kind not in call.allowed:
        raise NotPermitted(f"This is not for {principal.kind.value.lower()} users.")
    if row["request_hash"] is not None:
        if row["request_hash"] != call.request_hash:
            raise KeyReused("This Idempotency-Key was used for another request.")
        return principal, row
    if not row["is_first"]:
        raise InFlight("The request with this Idempotency-Key is still being worked on.")
    return principal, None


def _principal(row: Row, call: Call) -> Principal:
    roles = [role for role in KIND_OF_ROLE if role.value in row["roles"]]
    if not roles or (call.act_as is not None and call.act_as not in roles):
        raise NotPermitted("You do not have this role.")
    kind = KIND_OF_ROLE[call.act_as or roles[0]]
    actor = Actor(
        kind, row["user_id"],
        frozenset(row["account_ids"]) if kind is ActorKind.FAMILY else frozenset(),
        frozenset(row["site_ids"]) if kind is ActorKind.STAFF else frozenset(),
    )  # fmt: skip
    return Principal(actor, row["user_id"], row["credential_id"], row["name"], row["email"], roles, row["organisation"])


def _remember(tx: Transaction, call: Call, principal_id: UUID, answer: Answer) -> None:
    tx.batch.add(
        IdempotencyKey,
        [{
            "principal_id": principal_id, "key": call.key, "request_hash": call.request_hash,
            "status_code": answer.status, "response": answer.body or {}, "headers": answer.headers,
            "created_at": call.now,
        }],
    )  # fmt: skip
    tx.batch.on_violation("pk_idempotency_key", AnsweredMeanwhile("The same request was answered a moment ago."))


_ANSWERED = """
SELECT status_code, response, headers FROM idempotency_key
WHERE organisation_id = %(org)s AND principal_id = %(nobody)s AND key = %(key)s
"""
NOBODY = UUID(int=0)  # who asks without a sign-in


def answer_once(tx: Transaction, *, key: str | None, now: datetime, work: Callable[[], Answer]) -> Answer:
    """What a stranger's form comes to: sent again, it gets the answer of the first time. A second one that comes in
    meanwhile waits for the first. The key is nobody else's: it is made of the visit's token and all that was sent.
    """
    if key is None:
        return work()
    tx.run("SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 1))", key=key)
    stored = tx.row(_ANSWERED, nobody=NOBODY, key=key)
    if stored is not None:
        return Answer(stored["response"], stored["status_code"])
    answer = work()
    tx.batch.add(
        IdempotencyKey,
        [{"principal_id": NOBODY, "key": key, "request_hash": key, "status_code": answer.status,
          "response": answer.body or {}, "headers": {}, "created_at": now}],
    )  # fmt: skip
    return answer


_REMEMBER_REFUSAL = """
WITH fresh AS (
    INSERT INTO idempotency_key
        (organisation_id, principal_id, key, request_hash, status_code, response, headers, created_at)
    VALUES (%(org)s, %(principal_id)s, %(key)s, %(request_hash)s, %(status)s, %(body)s, '{}', %(now)s)
    ON CONFLICT DO NOTHING RETURNING status_code, response, headers
)
SELECT *, true AS is_fresh FROM fresh
UNION ALL
SELECT status_code, response, headers, false FROM idempotency_key
WHERE organisation_id = %(org)s AND principal_id = %(principal_id)s AND key = %(key)s
LIMIT 1
"""


def _remember_refusal(call: Call, principal_id: UUID, refusal: TermbookError) -> Response:
    """Keep a refusal beside its key; where another attempt was answered meanwhile, that answer counts."""
    body = orjson.loads(orjson.dumps(refusal_body(refusal), default=str))

    def keep(tx: Transaction) -> Row | None:
        return tx.row(
            _REMEMBER_REFUSAL, principal_id=principal_id, key=call.key, request_hash=call.request_hash,
            status=status_of(refusal), body=Jsonb(body), now=call.now,
        )  # fmt: skip

    kept = call.database.run(call.organisation_id, keep)
    if kept is None or kept["is_fresh"]:
        raise refusal
    return _replay(call, kept)


def _replay(call: Call, stored: Row) -> Response:
    body = stored["response"]
    if stored["status_code"] >= 400:
        body = {**body, "request_id": call.request_id}
    return respond(stored["status_code"], body, {**stored["headers"], "Idempotent-Replayed": "true"})


def respond(status: int, body: dict[str, Any] | None, headers: dict[str, str]) -> Response:
    """An answer as it goes out."""
    if status == 204:
        return Response(status_code=204, headers=headers)
    media_type = MEDIA_TYPE if status >= 400 else "application/json"
    return Response(orjson.dumps(body, default=str), status, headers=headers, media_type=media_type)
