"""A centre for each module that tells stories, checked over the whole database at the end."""

from collections.abc import Iterator

import pytest

from engine.database import Database
from engine.replay import replay, report
from tests.workflows.centre import Centre, make_centre
from workflows.charts import edges


@pytest.fixture(scope="module")
def riverside(checked_database: Database, database_url: str) -> Iterator[Centre]:
    """What the stories of a module did stands in the history too: that alone leads to the same statuses and places."""
    centre = make_centre(checked_database, database_url)
    yield centre
    replayed = replay(checked_database, edges=edges(), organisation_id=centre.organisation_id)
    assert not replayed.breaches, report(replayed)
