"""The cart: what was chosen for whom, what it comes to now, and what stands in its way. It keeps no place yet."""

from functools import partial
from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.moves import Answer, Principal
from api.overdue import refuse_while_overdue, release_in_the_way_of_group
from api.reads import carts, group_orders, mandates
from engine.database import Row, Transaction
from engine.errors import Conflict, Invalid, NotFound, TermbookError
from engine.fire import Refused
from models import GroupOrderPolicy, TermBookingConfirmationType
from web.choosing import code_of, unavailable_in, without
from web.family.carts import foresee, keep
from web.family.people import children_of
from web.forms import NOTHING_SENT, Form, Posted
from web.visitor import Family
from workflows import group_order
from workflows.payment_ways import ways_to_pay

router = APIRouter()


@router.get("/family/cart")
def show_cart(visit: Family) -> Response:
    return _page(visit)


def _page(
    visit: Family, *, form: Form = NOTHING_SENT, refusal: TermbookError | None = None, of_term: UUID | None = None
) -> Response:
    def read(tx: Transaction, who: Principal) -> Row:
        rows = carts.lines(tx, who.actor.account_ids)
        terms = {row["term_id"]: row for row in rows}
        return {
            "children": children_of(tx, who),
            "terms": [{"row": row, "lines": [line for line in rows if line["term_id"] == term_id]}
                      for term_id, row in terms.items()],
            "ways": {term_id: ways_to_pay(tx, group_order_id=row["group_id"], actor=who.actor, now=visit.now)
                     for term_id, row in terms.items()},
            "mandates": mandates.standing_of_groups(tx, [row["group_id"] for row in terms.values()]),
        }  # fmt: skip

    found = visit.fetch(read)
    for term in found["terms"]:
        row = term["row"]
        policy = GroupOrderPolicy(row["policy"])
        term["outlook"] = foresee(visit, row["term_id"], carts.wanted(term["lines"]), policy)
        term["unavailable"] = unavailable_in(term["outlook"])
        is_refused = refusal is not None and of_term == row["term_id"]
        term["refusal"] = refusal if is_refused else None
        term["full"] = visit.fetch(partial(_full, term["lines"])) if is_refused else []
    return visit.show("family/cart.html", None, form=form, refusal=refusal, **found)


_FULL = """
SELECT id FROM term_product WHERE organisation_id = %(org)s AND id = ANY(%(ids)s) AND taken >= capacity
"""


def _full(lines: list[Row], tx: Transaction, who: Principal) -> list[Row]:
    """Those that somebody else was faster for: one may wait for each."""
    full = {row["id"] for row in tx.rows(_FULL, ids=[line["session_id"] for line in lines])}
    return [line for line in lines if line["session_id"] in full]


@router.post("/family/cart/{term_id}")
def change_cart(visit: Family, term_id: UUID, form: Posted) -> Response:
    """Take something out, or say what is to happen where not all can be had."""
    try:

        def verb(tx: Transaction, who: Principal) -> Answer:
            rows = carts.lines(tx, who.actor.account_ids, term_id=term_id)
            out = set(form.texts("out"))
            rest = without(rows, lambda row: not out.isdisjoint(
                {f"{row['attendee_id']}.{row[name]}" for name in ("offering_id", "session_id")}))  # fmt: skip
            chosen = form.text("policy")
            policy = GroupOrderPolicy(chosen) if chosen in set(GroupOrderPolicy) else None
            keep(tx, who, visit, term_id, carts.wanted(rest), policy, code_of(form))
            return Answer({})

        visit.move(form, verb)
    except (Conflict, Invalid) as refusal:
        return _page(visit, form=form, refusal=refusal, of_term=term_id)
    return visit.go("/family/cart", visit.say("Cart updated."))


@router.post("/family/cart/{term_id}/submission")
def submit_cart(visit: Family, term_id: UUID, form: Posted) -> Response:
    """Take the places at the price that was shown, and go on to pay."""
    chosen = form.text("way")
    how = TermBookingConfirmationType.__members__.get(chosen)
    policy = GroupOrderPolicy.BEST_EFFORT if form.is_ticked("best_effort") else None
    try:
        if how is None:
            raise Invalid(visit.say("Choose how you'd like to pay."))
        group_id = _settle_policy(visit, form, term_id, policy)

        def verb(tx: Transaction, who: Principal) -> Answer:
            group = group_order.submit(
                tx, group_order_id=group_id, confirmation_type=how, price_fingerprint=form.text("price"),
                schedule_fingerprint=form.text(f"schedule.{chosen}") or None, actor=who.actor, now=visit.now,
            )  # fmt: skip
            refuse_while_overdue(tx, group, now=visit.now)
            return group_orders.submitted(group, who)

        made = visit.move(form, verb, make_way=lambda refusal: _make_way(visit, refusal))
    except (Conflict, Invalid, NotFound) as refusal:
        return _page(visit, form=form, refusal=refusal, of_term=term_id)
    said = visit.say("Some sessions could not be booked. See what was left out below.") if made["left_out"] else ""
    return visit.go(f"/family/checkout/{made['id']}", said, kind="warn")


def _settle_policy(visit: Family, form: Form, term_id: UUID, policy: GroupOrderPolicy | None) -> UUID:
    """The group order that the form is about. One that was submitted by the same form before is found again."""
    given = form.id("group")
    if given is None:
        raise NotFound("There is no such group order.", what="group_order")
    if policy is None:
        return given

    def verb(tx: Transaction, who: Principal) -> UUID:
        rows = carts.lines(tx, who.actor.account_ids, term_id=term_id)
        if not rows or rows[0]["group_id"] != given or rows[0]["policy"] == policy.value:
            return given
        kept = keep(tx, who, visit, term_id, carts.wanted(rows), policy)
        assert kept is not None
        found: UUID = kept["id"]
        return found

    found: UUID = visit.fetch(verb)
    return found


def _make_way(visit: Family, refusal: Refused) -> bool:
    return release_in_the_way_of_group(
        visit.state.database, visit.call.organisation_id, refusal=refusal, now=visit.now
    )  # fmt: skip
