"""Discounts to the cent: order, stacking, caps, what an edit keeps, and that the order of clicks never matters."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.discounts import Candidate, Kept, Offered, Surroundings, discount_lines
from billing.pricing import LineToPrice, Priced, price
from catalogue.discount_values import DiscountKind, discount, discounts
from models import BookingMode

MIA, LEO = UUID(int=1), UUID(int=2)
KARATE, SWIMMING = UUID(int=101), UUID(int=102)
BOOKING, OTHER = UUID(int=201), UUID(int=202)
CENTRE = UUID(int=301)
TODAY, FIRST = date(2026, 4, 1), date(2026, 5, 4)
NOBODY = Surroundings()


def offer(kind: str, order: int = 1, *, percent: str | None = "10", **more: Any) -> Offered:
    """A discount of the centre, 10 % unless told otherwise; what is no field of it is one of its conditions."""
    fields = {name: more.pop(name) for name in ("amount_minor", "stacks", "cap_minor", "on_edit") if name in more}
    reduction = {} if percent is None or "amount_minor" in fields else {"percent": percent}
    return Offered(discount({"kind": kind, "order": order, **reduction, **fields, "conditions": more}), CENTRE)


def session(number: int, *offered: Offered, amount: int = 3000, **more: Any) -> Candidate:
    known: dict[str, Any] = {
        "booking": BOOKING, "attendee_id": MIA, "program_id": KARATE, "mode": BookingMode.CASUAL,
        "local_date": FIRST + timedelta(days=number), "starts_on": FIRST, "booked_on": TODAY,
    }  # fmt: skip
    return Candidate(session_id=UUID(int=1000 + number), amount_minor=amount, offered=offered, **{**known, **more})


def sold(candidates: Sequence[Candidate], *, held: int = 0) -> list[Candidate]:
    """The same sessions as an edit finds them: with what each got, the first ones held."""
    got = discount_lines(candidates, NOBODY)
    return [
        replace(c, kept=Kept(place < held, {
            offered.key: reduction.amount_minor
            for offered, reduction in zip(c.offered, got[c.booking, c.session_id], strict=True)}))
        for place, c in enumerate(candidates)
    ]  # fmt: skip


def given_to(candidates: Sequence[Candidate], around: Surroundings = NOBODY) -> list[int]:
    """What each session gets off, in the order in which they are written down."""
    got = discount_lines(candidates, around)
    return [sum(r.amount_minor for r in got[c.booking, c.session_id]) for c in candidates]


def why(candidate: Candidate, *others: Candidate, around: Surroundings = NOBODY) -> list[str]:
    return [
        r.trace["why"] for r in discount_lines([candidate, *others], around)[candidate.booking, candidate.session_id]
    ]


def total(candidates: Sequence[Candidate], around: Surroundings = NOBODY) -> Priced:
    got = discount_lines(candidates, around)
    return price(
        [LineToPrice(c.attendee_id, c.session_id, "SESSION", "Karate", c.amount_minor, 1, "session price", "HST",
                     Decimal("0.13"), reductions=got[c.booking, c.session_id]) for c in candidates],
        prices_include_tax=True,
    )  # fmt: skip


class TestTheWorkedExample:
    """Five sessions of 30.00 with 10 % off at five; one is held, one of the others is cancelled."""

    @pytest.mark.parametrize(
        ("policy", "becomes", "credited"),
        [("FREEZE", 108_00, 27_00), ("REPRICE_FUTURE", 117_00, 18_00), ("REPRICE_ALL", 120_00, 15_00)],
    )
    def test_holds_to_the_cent(self, policy: str, becomes: int, credited: int) -> None:
        five = [session(n, offer("MULTI_SESSION", sessions=5, on_edit=policy)) for n in range(5)]
        assert total(five).total_minor == 135_00

        left = sold(five, held=1)[:4]

        assert total(left).total_minor == becomes
        assert 135_00 - total(left).total_minor == credited

    def test_the_credit_offsets_what_is_still_open(self) -> None:
        left = sold([session(n, offer("MULTI_SESSION", sessions=5)) for n in range(5)], held=1)[:4]

        assert total(left).total_minor - 100_00 == 17_00

    def test_repricing_the_future_is_the_default(self) -> None:
        assert offer("STAFF").discount.on_edit == "REPRICE_FUTURE"

    def test_a_session_that_is_added_is_judged_with_all(self) -> None:
        four = sold([session(n, offer("MULTI_SESSION", sessions=5)) for n in range(4)], held=1)
        fifth = session(9, offer("MULTI_SESSION", sessions=5))

        assert given_to([*four, fifth]) == [0, 300, 300, 300, 300]


class TestConditions:
    def test_the_second_child_gets_the_sibling_discount_and_the_first_does_not(self) -> None:
        of = offer("SIBLING")
        around = Surroundings(children=(LEO, MIA))

        assert given_to([session(1, of), session(1, of, booking=OTHER, attendee_id=LEO)], around) == [300, 0]
        assert why(session(1, of)) == ["child 1 of the family, given from child 2"]

    def test_every_child_gets_it_where_the_rule_says_so(self) -> None:
        of = offer("SIBLING", every_child=True)

        assert given_to([session(1, of), session(1, of, booking=OTHER, attendee_id=LEO)]) == [300, 300]
        assert given_to([session(1, of)]) == [0]

    @pytest.mark.parametrize("kind", ["FULL_WEEK", "FULL_TERM"])
    def test_a_mode_gets_its_own(self, kind: str) -> None:
        assert given_to([session(1, offer(kind), mode=BookingMode(kind)), session(2, offer(kind))]) == [300, 0]

    def test_an_early_bird_books_until_a_day(self) -> None:
        of = offer("EARLY_BIRD", until="2026-04-01")

        assert given_to([session(1, of), session(2, of, booked_on=TODAY + timedelta(days=1))]) == [300, 0]

    def test_or_so_many_days_before_it_starts(self) -> None:
        of, days = offer("EARLY_BIRD", days_before=33), (FIRST - TODAY).days
        assert days == 33

        assert given_to([session(1, of), session(2, of, booked_on=TODAY + timedelta(days=1))]) == [300, 0]

    def test_a_kept_session_keeps_its_early_bird_date(self) -> None:
        of = offer("EARLY_BIRD", until="2026-04-01", on_edit="REPRICE_ALL")
        kept = sold([session(1, of)])
        added = session(2, of, booked_on=date(2026, 4, 20))

        assert given_to([*kept, added]) == [300, 0]

    def test_programs_combine_also_with_a_confirmed_booking(self) -> None:
        of = offer("COMBINE_BOOKING", programs=[str(SWIMMING)])
        swims = Surroundings(programs={MIA: frozenset({SWIMMING})})

        assert given_to([session(1, of)]) == [0]
        assert given_to([session(1, of)], swims) == [300]
        assert given_to([session(1, of), session(2, program_id=SWIMMING)]) == [300, 0]
        assert given_to([session(1, of)], Surroundings(programs={LEO: frozenset({SWIMMING})})) == [0]

    def test_a_promo_code_is_the_one_that_was_given(self) -> None:
        of = offer("PROMO_CODE", code="spring-26")

        assert given_to([session(1, of)], Surroundings(promo_codes={BOOKING: "SPRING-26"})) == [300]
        assert given_to([session(1, of)], Surroundings(promo_codes={BOOKING: "AUTUMN"})) == [0]
        assert given_to([session(1, of)], Surroundings(promo_codes={OTHER: "SPRING-26"})) == [0]

    def test_staff_get_theirs(self) -> None:
        assert given_to([session(1, offer("STAFF"))], Surroundings(is_staff=True)) == [300]
        assert why(session(1, offer("STAFF"))) == ["not a staff account"]


class TestOrderStackingAndCap:
    STAFF = Surroundings(is_staff=True)

    def test_the_order_is_the_declared_one_and_the_second_is_taken_of_what_is_left(self) -> None:
        both = (offer("STAFF", 2, percent="50", stacks=True), offer("MULTI_SESSION", 1, amount_minor=1000, sessions=2))

        assert given_to([session(1, *both), session(2, *both)], self.STAFF) == [1750, 1750]

    def test_one_that_does_not_stack_goes_where_none_was_given(self) -> None:
        full, staff = offer("FULL_WEEK", 1), offer("STAFF", 2, percent="50")
        week = session(1, full, staff, mode=BookingMode.FULL_WEEK)

        assert given_to([week, session(2, full, staff)], self.STAFF) == [300, 1500]
        assert why(week, around=self.STAFF)[1] == "does not follow another discount"

    def test_an_amount_is_given_once_and_shared(self) -> None:
        assert given_to([session(n, offer("STAFF", amount_minor=1000)) for n in range(3)], self.STAFF) == [
            334,
            333,
            333,
        ]

    def test_an_amount_is_no_more_than_there_is(self) -> None:
        assert given_to([session(1, offer("STAFF", amount_minor=5000))], self.STAFF) == [3000]

    def test_a_cap_is_the_most_that_one_booking_gets(self) -> None:
        assert sum(given_to([session(n, offer("STAFF", cap_minor=500)) for n in range(4)], self.STAFF)) == 500

    def test_what_is_kept_counts_against_the_cap(self) -> None:
        of = offer("MULTI_SESSION", sessions=2, cap_minor=700)
        kept = sold([session(1, of), session(2, of)], held=2)

        assert given_to([*kept, session(3, of), session(4, of)]) == [300, 300, 50, 50]

    def test_a_percentage_is_rounded_once_over_the_booking(self) -> None:
        # 10 % of 0.05 is half a cent: ten sessions alone would each round up to one.
        assert sum(given_to([session(n, offer("STAFF"), amount=5) for n in range(10)], self.STAFF)) == 5

    def test_each_yes_and_no_is_traced_with_the_terms(self) -> None:
        got = discount_lines([session(1, offer("MULTI_SESSION", sessions=5))], NOBODY)[BOOKING, UUID(int=1001)]

        assert [(r.amount_minor, r.trace["rule"], r.trace["why"]) for r in got] == [
            (0, "MULTI_SESSION", "1 session booked, given from 5")
        ]
        assert discount(got[0].trace["terms"]).version == got[0].trace["version"]


TERMS = st.sampled_from([
    {"kind": "SIBLING", "percent": "12.5", "stacks": True}, {"kind": "MULTI_SESSION", "percent": "10",
     "conditions": {"sessions": 3}}, {"kind": "MULTI_SESSION", "amount_minor": 777, "stacks": True,
     "conditions": {"sessions": 2}}, {"kind": "STAFF", "percent": "33.3333", "cap_minor": 1999, "stacks": True},
    {"kind": "EARLY_BIRD", "percent": "5", "conditions": {"days_before": 20}, "stacks": True},
    {"kind": "COMBINE_BOOKING", "amount_minor": 501, "conditions": {"programs": [str(SWIMMING)]}, "stacks": True},
])  # fmt: skip


@st.composite
def edits(draw: st.DrawFn) -> tuple[list[Candidate], Surroundings]:
    """Sessions as an edit leaves them: some kept, some held, some new, of two children under a few rules."""
    policies = st.sampled_from(["FREEZE", "REPRICE_FUTURE", "REPRICE_ALL"])
    terms = draw(st.lists(st.tuples(TERMS, policies), max_size=4))
    rules = [Offered(discount({**t, "order": n, "on_edit": policy}), CENTRE) for n, (t, policy) in enumerate(terms)]
    candidates = []
    for n in range(draw(st.integers(1, 8))):
        child = draw(st.sampled_from([MIA, LEO]))
        made = session(
            n, *(rule for rule in rules if draw(st.booleans())), amount=draw(st.integers(0, 9_999)), attendee_id=child,
            booking=BOOKING if child == MIA else OTHER, program_id=draw(st.sampled_from([KARATE, SWIMMING])),
        )  # fmt: skip
        if draw(st.booleans()):
            gave = {rule.key: draw(st.integers(0, 500)) for rule in made.offered}
            made = replace(made, kept=Kept(draw(st.booleans()), gave))
        candidates.append(made)
    return candidates, Surroundings(
        children=draw(st.sampled_from([(), (LEO,), (MIA, LEO)])), is_staff=draw(st.booleans())
    )


class TestAlways:
    @given(edits(), st.randoms())
    def test_the_order_of_clicks_never_changes_a_cent(
        self, edit: tuple[list[Candidate], Surroundings], dice: Any
    ) -> None:
        candidates, around = edit
        shuffled = list(candidates)
        dice.shuffle(shuffled)

        assert discount_lines(shuffled, around) == discount_lines(candidates, around)
        assert total(shuffled, around).total_minor == total(candidates, around).total_minor

    @given(edits())
    def test_no_session_costs_less_than_nothing_and_the_trace_adds_up(
        self, edit: tuple[list[Candidate], Surroundings]
    ) -> None:
        candidates, around = edit

        for line in total(candidates, around).lines:
            assert 0 <= line.discount_minor <= line.base_minor
            assert (
                line.base_minor + sum(s["amount_minor"] for s in line.trace if s["step"] == "discount")
                == line.gross_minor
            )
            assert all(step["why"] for step in line.trace if step["step"] == "discount")

    @given(edits())
    def test_a_cap_holds_for_what_is_judged_again(self, edit: tuple[list[Candidate], Surroundings]) -> None:
        candidates, around = edit
        got = discount_lines([replace(c, kept=None) for c in candidates], around)

        capped: dict[tuple[UUID, str], int] = {}
        for (booking, _), reductions in got.items():
            for reduction in reductions:
                if "cap_minor" in reduction.trace["terms"]:
                    of = booking, reduction.trace["version"]
                    capped[of] = capped.get(of, 0) + reduction.amount_minor
        assert all(amount <= 1999 for amount in capped.values())


class TestDeclaring:
    def test_the_same_declaration_is_the_same_version(self) -> None:
        assert offer("STAFF").discount.version == offer("STAFF").discount.version
        assert offer("STAFF").discount.version != offer("STAFF", percent="11").discount.version

    @pytest.mark.parametrize(
        ("fields", "says"),
        [
            ({"kind": "MULTI_SESSION"}, "None is not a whole number"),
            ({"kind": "SIBLING", "conditions": {"from_child": 1}}, "1 is not between 2 and 20"),
            ({"kind": "STAFF", "conditions": {"sessions": 3}}, "'sessions' is none of"),
            ({"kind": "EARLY_BIRD"}, "either `until`"),
            ({"kind": "EARLY_BIRD", "conditions": {"until": "soon"}}, "not a date"),
            ({"kind": "COMBINE_BOOKING", "conditions": {"programs": []}}, "is a list of the ids"),
            ({"kind": "PROMO_CODE", "conditions": {"code": "A B"}}, "not a promo code"),
            ({"kind": "PROMO_CODE", "conditions": {"code": "ABC", "limit": 0}}, "0 is not between 1"),
            ({"kind": "PROMO_CODE", "conditions": {"code": "ABC", "from": "2026-05-01", "until": "2026-04-01"}}, "end"),
            ({"kind": "STAFF", "on_edit": ["FREEZE"]}, "is none of FREEZE"),
            ({"kind": "STAFF", "stacks": "yes"}, "true or false"),
        ],
    )
    def test_what_makes_no_sense_is_refused_in_words(self, fields: dict[str, Any], says: str) -> None:
        with pytest.raises(ValueError, match=says):
            discount({"order": 1, "percent": "10", **fields})

    def test_two_of_one_order_or_one_code_are_refused(self) -> None:
        code = {"kind": "PROMO_CODE", "percent": "10", "conditions": {"code": "abc"}}

        with pytest.raises(ValueError, match="same order"):
            discounts([{"kind": "STAFF", "order": 1, "percent": "5"}] * 2)
        with pytest.raises(ValueError, match="same promo code"):
            discounts([{**code, "order": 1}, {**code, "order": 2, "conditions": {"code": "ABC"}}])

    def test_every_kind_can_be_declared(self) -> None:
        asked = {"MULTI_SESSION": {"sessions": 2}, "EARLY_BIRD": {"days_before": 3}, "PROMO_CODE": {"code": "ABC"},
                 "COMBINE_BOOKING": {"programs": [str(KARATE)]}}  # fmt: skip

        assert {offer(kind, **asked.get(kind, {})).discount.kind for kind in DiscountKind} == set(DiscountKind)
