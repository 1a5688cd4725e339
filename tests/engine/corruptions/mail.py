"""Ways to break what `engine.invariants.mail` holds, each of them alone."""

from models import MailText
from tests import builders as build
from tests.builders import NOW
from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


@breaks("mail_text_versions_have_no_gap")
def a_version_of_a_text_that_is_gone(world: World) -> None:
    for version in (1, 3):
        build.add(world.tx, MailText, kind="booking_confirmed", language="en", version=version, subject="Booked",
                  body="Welcome!", created_at=NOW)  # fmt: skip
