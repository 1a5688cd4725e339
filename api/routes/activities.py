"""Activities: what the days of a holiday programme are about. A line of an order chooses them by `activity_ids`."""

from uuid import UUID

from fastapi import APIRouter
from starlette.responses import Response

from api.dependencies import Called
from api.moves import Answer, Principal
from api.operations import ADMIN, EVERYBODY, creates, for_roles
from api.schemas.activities import Activities, Activity, ActivityChange, NewActivity
from catalogue import activities
from engine.database import Transaction
from models import ActorKind

router = APIRouter(tags=["activities"])


@router.get("/offerings/{offering_id}/activities", **for_roles(EVERYBODY, 404, response_model=Activities))
def list_activities(offering_id: UUID, call: Called) -> Response:
    """The activities of an offering with their places, day by day; families see those of published ones."""

    def query(tx: Transaction, who: Principal) -> Answer:
        is_family = who.kind is ActorKind.FAMILY
        return Answer({"items": activities.read_activities(tx, offering_id, published_only=is_family)})

    return call.read(query)


@router.post(
    "/offerings/{offering_id}/activities", **for_roles(ADMIN, *creates(404), status_code=201, response_model=Activity)
)  # fmt: skip
def add_activity(offering_id: UUID, body: NewActivity, call: Called) -> Response:
    """Give a day of a holiday programme a theme. Refused for other programmes, and on a day without a session."""

    def verb(tx: Transaction, _: Principal) -> Answer:
        made = activities.add_activity(tx, offering_id, day=body.date, title=body.title, capacity=body.capacity)
        return Answer(activities.read_activity(tx, made), 201, location=f"/activities/{made}")

    return call.move(verb)


@router.patch("/activities/{activity_id}", **for_roles(ADMIN, *creates(404), response_model=Activity))
def change_activity(activity_id: UUID, body: ActivityChange, call: Called) -> Response:
    """Change its title or its places, never below those that are taken."""

    def verb(tx: Transaction, _: Principal) -> Answer:
        activities.change_activity(tx, activity_id, body.changes())
        return Answer(activities.read_activity(tx, activity_id))

    return call.move(verb)


@router.delete("/activities/{activity_id}", **for_roles(ADMIN, 404, 409, status_code=204))
def remove_activity(activity_id: UUID, call: Called) -> Response:
    """Take it away. Refused while somebody holds a place in it: the refusal names them."""

    def verb(tx: Transaction, _: Principal) -> Answer:
        activities.remove_activity(tx, activity_id)
        return Answer(status=204)

    return call.move(verb)
