"""Who looks at a page and what they get: reads and verbs of a request, and the page or the way on as the answer."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from typing import Annotated, Any, TypeVar
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import Depends
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.attempts import Limit
from api.credentials import Presented, cookie_name, presented
from api.errors import Unauthenticated, request_id_of, status_of
from api.moves import Answer, Call, Principal, Verb, answer_once
from api.state import State
from api.visits import ByLink, GuestCall, GuestVerb, Visit
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, Reason, TermbookError
from engine.fire import Refused
from engine.money import format_money
from models import ActorKind, Role
from web import security
from web.amounts import Amounts
from web.forms import NOTHING_SENT, Form, new_key, typed
from web.portals import PORTALS, Portal
from web.reasons import said
from web.render import page
from web.words import LANGUAGES, Writing, locale_of, preferred, translations
from workflows.guests import Opened

T = TypeVar("T")
Query = Callable[[Transaction, Principal], dict[str, Any]]

# What a page shows of an organisation that is not known yet.
NO_ORGANISATION: Row = {"name": "Termbook", "currency": "EUR", "locale": "en", "time_zone": "UTC"}


class _TakenBack(Exception):
    """Ends a transaction of which nothing is to be kept."""


class FormCall(Call):
    """A form's request: unlike a program's, its refusal is not kept, since one sends the same form again once the
    reason has gone.
    """

    def refuse(self, principal: Principal, refusal: TermbookError) -> Response:
        raise refusal


class Answered(TermbookError):
    """A stored answer that was a refusal, as it was given the first time."""

    def __init__(self, body: dict[str, Any]) -> None:
        reasons = [Reason(**reason) for reason in body.get("reasons", ())]
        super().__init__(body["detail"], reasons=reasons)


class Visitor:
    """Somebody's request for a page, made without any I/O."""

    portal: Portal | None = None

    def __init__(self, request: Request) -> None:
        self.request = request
        self.state: State = request.app.state.termbook
        self.now: datetime = self.state.clock.now()
        self.notices: list[tuple[str, str]] = []
        chosen = security.language_of(request, self.state.settings)
        asked = preferred(request.headers.get("accept-language", ""))
        self.language = chosen if chosen in LANGUAGES else asked
        self._centre: Row | None = None
        if known := getattr(request.state, "centre", None):  # the problem of a request is told as the request would be
            self.meet(known)
        self._anchor, self._is_new = security.anchor_of(request, self.state.settings)

    @property
    def path(self) -> str:
        return self.request.url.path

    @property
    def address(self) -> str:
        """Path and query: where one comes back to."""
        query = self.request.url.query
        return f"{self.path}?{query}" if query else self.path

    def with_cursor(self, cursor: str) -> str:
        """This address, further down its list."""
        return str(self.request.url.include_query_params(cursor=cursor)).partition(self.request.url.netloc)[2]

    @cached_property
    def form_token(self) -> str:
        return security.token_of(self.state.settings, self._anchor)

    def asked(self, name: str, default: str = "") -> str:
        """A parameter of the address."""
        return typed(self.request.query_params.get(name, default))

    def meet(self, centre: Row) -> None:
        """From now on it is spoken as at this centre: in its language, where the browser asks for none of ours."""
        self._centre = self.request.state.centre = centre
        self.language = self.language or locale_of("", centre["locale"]).language

    @property
    def centre(self) -> Row:
        """Where they are, as far as it is known."""
        return self._centre or NO_ORGANISATION

    def say(self, text: str, **facts: Any) -> str:
        """A text in the reader's language, with `%(name)s` filled in."""
        said = str(translations(self._spoken).gettext(text))
        return said % facts if facts else said

    def say_many(self, one: str, many: str, count: int) -> str:
        """A text that counts, in the reader's language: `%(num)s` is the count."""
        return str(translations(self._spoken).ngettext(one, many, count)) % {"num": count}

    def money(self, amount_minor: int) -> str:
        """An amount as the reader writes it."""
        locale = locale_of(self.language, self.centre["locale"])
        return format_money(amount_minor, self.centre["currency"], str(locale))

    def told(self, message: str, facts: dict[str, Any] | None = None) -> str:
        """What the domain said, or a form of what it was sent, in the reader's language."""
        if facts and "%(" in message:
            return self.say(message, **facts)
        centre = self.centre
        locale = locale_of(self.language, centre["locale"])
        return said(locale, message, Amounts(centre["currency"], centre["locale"], str(locale)))

    @property
    def _spoken(self) -> str:
        return self.language or locale_of("", self.centre["locale"]).language

    def answer(
        self, template: str, *, organisation: Row, who: Principal | None, status: int = 200, form: Form = NOTHING_SENT,
        refusal: TermbookError | None = None, **facts: Any,
    ) -> Response:  # fmt: skip
        """The page. `form` and `refusal` are of what was sent and not accepted."""
        self.meet(organisation)
        locale = locale_of(self.language, organisation["locale"])
        writing = Writing(locale, organisation["time_zone"])
        told = security.notices_of(self.request, self.state.settings)
        text = page(locale, template, {
            "visit": self, "who": who, "organisation": organisation, "portal": self.portal, "writing": writing,
            "now": self.now, "today": writing.today(self.now), "notices": told + self.notices,
            "new_key": new_key, "portals": self._other_portals(who),
            "form": form.with_faults(refusal) if refusal else form, "refusal": refusal, **facts,
        })  # fmt: skip
        response = HTMLResponse(text, status, headers=security.headers(self.state.settings))
        if told:
            security.forget_notices(response, self.state.settings)
        if self._is_new:
            security.keep_anchor(response, self.state.settings, self._anchor)
        return response

    def go(self, address: str, said: str = "", *, kind: str = "done") -> Response:
        """On to another page, which says this first."""
        response = RedirectResponse(address, status_code=303, headers=security.headers(self.state.settings))
        if said:
            security.keep_notices(response, self.state.settings, [*self.notices, (kind, said)])
        return response

    def refuse(self, address: str, refusal: TermbookError) -> Response:
        """Back to a page that says why not, in the reader's language."""
        said = "; ".join(self.told(reason.message, reason.facts) for reason in refusal.reasons)
        return self.go(address, said or self.told(refusal.message), kind="bad")

    def _other_portals(self, who: Principal | None) -> list[Portal]:
        roles = who.roles if who else []
        return [PORTALS[role] for role in roles if self.portal is not None and role is not self.portal.role]


class Reader(Visitor, ABC):
    """A request at a centre that is known: what it shows is read in one transaction of its own."""

    @abstractmethod
    def read(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        """What one transaction reads, whatever the language."""

    def known(self, who: Principal) -> Row:
        """What every page of theirs is told: `who`, where they are signed in, and more."""
        return {"who": who}

    @property
    def centre(self) -> Row:
        """Where they are. A notice after a form may be said before anything was read."""
        if self._centre is None:
            self.fetch(lambda *_: None)
        return super().centre

    def fetch(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        """What one transaction reads. The language of texts that are composed in it is settled before."""
        return self.read(self._met(query))

    def _met(self, query: Callable[[Transaction, Principal], T]) -> Callable[[Transaction, Principal], T]:
        def met(tx: Transaction, who: Principal) -> T:
            self.meet(who.organisation)
            return query(tx, who)

        return met

    def show(self, template: str, query: Query | None = None, *, status: int = 200, form: Form = NOTHING_SENT,
             refusal: TermbookError | None = None, **facts: Any) -> Response:  # fmt: skip
        """A page over what one transaction reads."""
        who, found = self.fetch(lambda tx, who: (who, query(tx, who) if query else {}))
        if refusal is not None and status == 200:
            status = status_of(refusal)
        return self.answer(
            template, organisation=who.organisation, status=status, form=form, refusal=refusal,
            **{**self.known(who), **facts, **found},
        )  # fmt: skip

    def foresee(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        """What a verb would come to, in a transaction that is taken back: nothing is kept."""
        found: list[Any] = []

        def work(tx: Transaction, who: Principal) -> None:
            found.append(query(tx, who))
            raise _TakenBack

        try:
            self.fetch(work)
        except _TakenBack:
            return found[-1]
        raise AssertionError("it is always taken back")


class SignedIn(Reader):
    """A request of somebody who is signed in, in the role whose pages they look at."""

    def __init__(self, request: Request, portal: Portal, shown: Presented) -> None:
        super().__init__(request)
        self.portal = portal
        self.call = FormCall(
            self.state.database, self.now, shown, frozenset({ActorKind(portal.role.value.upper())}), portal.role,
            request_id=request_id_of(request),
        )  # fmt: skip

    def read(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        return self.call.fetch(query)

    def move(
        self, form: Form, verb: Verb, *, make_way: Callable[[Refused], bool] | None = None
    ) -> dict[str, Any]:  # fmt: skip
        """Run one verb; a form that is sent twice gets the answer of the first time. Raises what the verb refuses."""
        call = replace(self.call, key=form.key, request_hash=form.key or "")
        response = call.move(self._met(verb), make_way=make_way)
        body: dict[str, Any] = orjson.loads(response.body) if response.body else {}
        if response.status_code >= 400:
            raise Answered(body)
        return body

    def do(
        self, form: Form, step: Callable[[Transaction, Principal], object], *, to: str, said: str,
        again: Callable[[Form, TermbookError], Response],
    ) -> Response:  # fmt: skip
        """One step that a form asks for, and on to the address `to`, which says so; what is refused shows the page
        `again`.
        """

        def verb(tx: Transaction, who: Principal) -> Answer:
            step(tx, who)
            return Answer({})

        try:
            self.move(form, verb)
        except (Conflict, Invalid) as refusal:
            return again(form, refusal)
        return self.go(to, self.say(said))


class Stranger(Reader):
    """A request of somebody who is not signed in, at one centre."""

    def __init__(self, request: Request, slug: str) -> None:
        super().__init__(request)
        self.slug = slug
        self.visit = Visit(self.state, self.now, request.client.host if request.client else "")

    @cached_property
    def organisation_id(self) -> UUID:
        """Raises NotFound."""
        return self.visit.centre(self.slug)

    def count(self, limit: Limit, *parts: str) -> None:
        self.visit.count(self.organisation_id, limit, *parts)

    def read(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        return self.visit.fetch(self.organisation_id, query)

    def known(self, who: Principal) -> Row:
        """Nobody is signed in; the centre is the address's."""
        return {"who": None, "slug": self.slug}

    def move(self, form: Form, verb: Callable[[Transaction, Principal], Answer]) -> dict[str, Any]:
        """Run one verb; a form that is sent twice gets the answer of the first time. Raises what the verb refuses."""
        answer: Answer = self.fetch(
            lambda tx, who: answer_once(tx, key=form.key, now=self.now, work=lambda: verb(tx, who))
        )
        return answer.body or {}


class ByItsLink(Reader):
    """A request by a guest's signed link: all that it reaches is the one order that the link opens."""

    def __init__(self, request: Request, call: GuestCall) -> None:
        super().__init__(request)
        self.call = call

    def read(self, query: Callable[[Transaction, Principal], Any]) -> Any:
        return self.call.fetch(lambda tx, who, _: query(tx, who))

    def known(self, who: Principal) -> Row:
        return {"who": None}

    def move(self, form: Form, verb: GuestVerb, *, make_way: Callable[[Refused], bool] | None = None) -> None:
        """Run one verb; a form that is sent twice gets the answer of the first time. Raises what the verb refuses."""

        def once(tx: Transaction, who: Principal, opened: Opened) -> Answer:
            self.meet(who.organisation)
            return answer_once(tx, key=form.key, now=self.now, work=lambda: verb(tx, who, opened))

        self.call.move(once, make_way=make_way)


def shown_by(request: Request) -> Presented | None:
    """The sign-in that the browser shows; pages know no tokens."""
    state: State = request.app.state.termbook
    return presented(None, request.cookies.get(cookie_name(state.settings.cookie_secure)))


def signed_in(role: Role) -> Callable[[Request], Any]:
    """What the pages of a role need. Raises Unauthenticated, which leads to the sign-in and back."""

    async def visitor(request: Request) -> SignedIn:
        shown = shown_by(request)
        if shown is None:
            raise Unauthenticated("Sign in first.")
        return SignedIn(request, PORTALS[role], shown)

    return visitor


async def stranger(request: Request, centre: str) -> Stranger:
    return Stranger(request, centre)


async def by_its_link(request: Request, call: ByLink) -> ByItsLink:
    return ByItsLink(request, call)


async def anybody(request: Request) -> Visitor:
    return Visitor(request)


Family = Annotated[SignedIn, Depends(signed_in(Role.FAMILY))]
Staff = Annotated[SignedIn, Depends(signed_in(Role.STAFF))]
Admin = Annotated[SignedIn, Depends(signed_in(Role.ADMIN))]
Finance = Annotated[SignedIn, Depends(signed_in(Role.FINANCE))]
AtCentre = Annotated[Stranger, Depends(stranger)]
ByGuest = Annotated[ByItsLink, Depends(by_its_link)]
Anybody = Annotated[Visitor, Depends(anybody)]


def is_own(address: str) -> bool:
    """Whether one may be sent on to this address: it is a page of ours, said without a host."""
    return address.startswith("/") and not address.startswith("//") and "\\" not in address and address.isprintable()


def with_next(address: str, following: str) -> str:
    """An address that leads on to another."""
    return f"{address}?next={quote(following, safe='')}" if following and is_own(following) else address
