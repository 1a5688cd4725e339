"""What a family chooses of: its children, what they hold and what lies in its cart, which its ticks go into."""

from collections.abc import Collection, Sequence
from uuid import UUID

from api.moves import Answer, Principal
from api.reads import carts, programmes
from engine.database import Row, Transaction
from models import TermBookingOrderType, TermBookingStatus
from web import choosing
from web.choosing import code_of, merged
from web.family.carts import foresee, keep
from web.family.people import children_of
from web.family.programs import why_not
from web.forms import Form
from web.visitor import Family


def read_choice(
    tx: Transaction, who: Principal, offerings: Collection[Row], sessions: Sequence[Row], *, term_id: UUID
) -> Row:  # fmt: skip
    """All that a page of these sessions shows to the family."""
    children = children_of(tx, who)
    ids = [session["id"] for session in sessions]
    held = programmes.held(tx, [child["id"] for child in children], ids, who.actor.account_ids)
    return choosing.read_choice(
        tx, offerings, sessions, term_id=term_id, children=children,
        why_not={(child["id"], offering["id"]): why_not(offering, child)
                 for child in children for offering in offerings},
        held={f"{row['attendee_id']}.{row['session_id']}": _held(row) for row in held},
        in_cart=carts.lines(tx, who.actor.account_ids, term_id=term_id),
    )  # fmt: skip


def _held(row: Row) -> Row:
    """What a box says where there is nothing to tick any more."""
    is_waiting = row["order_type"] == TermBookingOrderType.WAITING_LIST
    is_booked = row["booking_id"] is not None
    where = f"/family/bookings/{row['booking_id']}" if is_booked else f"/family/orders/{row['order_id']}"
    return {"is_waiting": is_waiting, "is_booked": is_booked, "address": where,
            "is_held": row["status"] == TermBookingStatus.SUBMITTED}  # fmt: skip


def outlook_of(visit: Family, seen: Row, lines: dict[UUID, list[Row]] | None, code: str | None = None) -> Row:
    """What the cart comes to with these lines in place of what it holds of the page's sessions, else as it stands."""
    kept = carts.wanted(seen["in_cart"])
    if lines is not None:
        kept = merged(kept, lines, seen["replaced"])
    return foresee(visit, seen["term_id"], kept, promo_code=code)


def put_into_cart(visit: Family, form: Form, seen: Row, lines: dict[UUID, list[Row]]) -> Row:
    """Keep them in the cart; what it comes to, empty where it holds nothing now."""

    def verb(tx: Transaction, who: Principal) -> Answer:
        kept = carts.wanted(carts.lines(tx, who.actor.account_ids, term_id=seen["term_id"]))
        wanted = merged(kept, lines, seen["replaced"])
        return Answer(keep(tx, who, visit, seen["term_id"], wanted, promo_code=code_of(form)))

    return visit.move(form, verb)
