"""Requests without a sign-in: who comes from where, which centre they visit, and what a signed link opens to them."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from api.attempts import Limit, count_attempt, subject_of
from api.dependencies import require_declared
from api.moves import Answer, Principal, respond
from api.state import State
from engine.actor import Actor
from engine.database import Row, Transaction
from engine.errors import NotFound
from engine.fire import Refused
from engine.links import LinkInvalid, open_link
from models import ActorKind
from workflows.guests import LINK_PURPOSE, Opened, guest_link, opened

BOOK_BY_ADDRESS = Limit("book without a login from here", most=60, window=timedelta(hours=1))
REGISTER_BY_EMAIL = Limit("register", most=5, window=timedelta(hours=1))
BOOK_BY_EMAIL = Limit("book with this e-mail address", most=20, window=timedelta(hours=1))

T = TypeVar("T")
GuestVerb = Callable[[Transaction, Principal, Opened], Answer]


@dataclass(frozen=True, slots=True)
class Visit:
    """A request of somebody we do not know."""

    state: State
    now: datetime
    address: str

    def centre(self, slug: str) -> UUID:
        """The organisation that is visited. Raises NotFound."""
        found = self.state.database.organisation_by_slug(slug)
        if found is None:
            raise NotFound("There is no such centre.", what="organisation")
        return found

    def count(self, organisation_id: UUID, limit: Limit, *parts: str) -> None:
        """Count this attempt by the parts, in a transaction of its own. Raises TooManyAttempts."""
        subject = subject_of(limit.what, *parts)
        self.state.database.run(organisation_id, lambda tx: count_attempt(tx, limit, subject, now=self.now))

    def run(self, organisation_id: UUID, verb: Callable[[Transaction, Principal], Answer]) -> Response:
        """One verb of a stranger in one transaction."""
        return _respond(self.fetch(organisation_id, verb))

    def fetch(self, organisation_id: UUID, query: Callable[[Transaction, Principal], T]) -> T:
        """What a stranger may read, for an answer that is made outside of the transaction."""
        return self.state.database.run(organisation_id, lambda tx: query(tx, _stranger(tx)))

    def link(self, organisation_id: UUID, order_id: UUID) -> str:
        """A link that opens the order from now on."""
        return guest_link(self.state.settings.secret, organisation_id, order_id, now=self.now)


@dataclass(frozen=True, slots=True)
class GuestCall:
    """A request by a signed link: it reaches the one order that the link names, and nothing else."""

    visit: Visit
    organisation_id: UUID
    order_id: UUID

    def move(self, verb: GuestVerb, *, make_way: Callable[[Refused], bool] | None = None) -> Response:
        """Run one verb in one transaction; `make_way` may clear what stands in its way, it is then tried once more."""
        try:
            return self._run(verb)
        except Refused as refusal:
            if make_way is None or not make_way(refusal):
                raise
            return self._run(verb)

    def fetch(self, query: Callable[[Transaction, Principal, Opened], Any]) -> Any:
        """Read something for an answer that is made outside of the transaction."""

        def work(tx: Transaction) -> Any:
            link = opened(tx, self.order_id)
            return query(tx, _principal(tx, link.actor, name=link.name, email=link.email), link)

        return self.visit.state.database.run(self.organisation_id, work)

    def _run(self, verb: GuestVerb) -> Response:
        return _respond(self.fetch(verb))


async def visit(request: Request) -> Visit:
    """What a route without a sign-in needs, read without any I/O."""
    state: State = request.app.state.termbook
    if request.scope["query_string"]:
        require_declared(request)
    return Visit(state, state.clock.now(), request.client.host if request.client else "")


async def guest_call(link: str, request: Request) -> GuestCall:
    """What a signed link opens. Raises LinkInvalid or LinkExpired."""
    visiting = await visit(request)
    facts = open_link(visiting.state.settings.secret, LINK_PURPOSE, link, now=visiting.now)
    try:
        return GuestCall(visiting, UUID(hex=facts["organisation"]), UUID(hex=facts["order"]))
    except (KeyError, ValueError) as fault:
        raise LinkInvalid("This link is not valid; ask for a new one.") from fault


Visited = Annotated[Visit, Depends(visit)]
ByLink = Annotated[GuestCall, Depends(guest_call)]

_NOBODY = UUID(int=0)


def _stranger(tx: Transaction) -> Principal:
    return _principal(tx, Actor(ActorKind.GUEST))


def _principal(tx: Transaction, actor: Actor, *, name: str = "", email: str = "") -> Principal:
    """Somebody without a user or credential, as reads and answers see them."""
    organisation: Row | None = tx.row("SELECT name, currency, locale, time_zone FROM organisation WHERE id = %(org)s")
    assert organisation is not None
    return Principal(actor, _NOBODY, _NOBODY, name, email, [], organisation)


def _respond(answer: Answer) -> Response:
    return respond(answer.status, answer.body, answer.headers)
