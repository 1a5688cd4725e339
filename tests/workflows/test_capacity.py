"""More or fewer places in a session: with a reason that is kept, never fewer than are taken."""

import pytest

from engine.errors import Invalid, NotPermitted
from engine.ids import new_id
from tests.workflows.centre import NOW, Centre, sundays
from workflows.capacity import set_capacity


class TestCapacity:
    def test_an_admin_gives_more_and_the_reason_is_kept(self, riverside: Centre) -> None:
        karate = riverside.course(*sundays(1), session={"capacity": 1})

        riverside.do(set_capacity, session_id=karate.ids[0], capacity=3, reason="larger room", actor=riverside.admin)

        kept = riverside.rows("SELECT from_capacity, to_capacity, reason, actor_id, at FROM capacity_change "
                              "WHERE term_product_id = %(id)s", id=karate.ids[0])  # fmt: skip
        assert kept == [{"from_capacity": 1, "to_capacity": 3, "reason": "larger room",
                         "actor_id": riverside.admin.user_id, "at": NOW}]  # fmt: skip

    def test_the_same_again_is_no_change(self, riverside: Centre) -> None:
        karate = riverside.course(*sundays(1), session={"capacity": 4})

        riverside.do(set_capacity, session_id=karate.ids[0], capacity=4, reason="sure", actor=riverside.admin)

        assert riverside.rows("SELECT 1 FROM capacity_change WHERE term_product_id = %(id)s", id=karate.ids[0]) == []

    def test_never_fewer_than_are_taken(self, riverside: Centre) -> None:
        rossi, karate = riverside.family(), riverside.course(*sundays(1))
        riverside.submitted(rossi, rossi.child(), karate.lines())

        with pytest.raises(Invalid, match="1 place is taken") as refusal:
            riverside.do(set_capacity, session_id=karate.ids[0], capacity=0, reason="small", actor=riverside.admin)

        assert [(r.code, r.field) for r in refusal.value.reasons] == [("below_taken", "capacity")]

    def test_is_for_admins(self, riverside: Centre) -> None:
        with pytest.raises(NotPermitted):
            riverside.do(set_capacity, session_id=new_id(), capacity=1, reason="", actor=riverside.family().actor)
