"""Ways to break what `engine.invariants.consents` holds, each of them alone."""

from models import Consent, ConsentText
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


@breaks("withdrawn_consents_were_given")
def a_consent_that_was_taken_back_and_never_given(world: World) -> None:
    text = build.add(world.tx, ConsentText, code="PHOTOS", version=1, title="Photos", body="We take photos.",
                     created_at=NOW)  # fmt: skip
    build.add(world.tx, Consent, attendee_id=world.ana["id"], text_id=text["id"], answer="WITHDRAWN",
              actor_kind="FAMILY", at=NOW)  # fmt: skip
