"""A centre for each module that tells stories, checked over the whole database at the end."""

import pytest

from engine.database import Database
from tests.workflows.centre import Centre, make_centre


@pytest.fixture(scope="module")
def riverside(checked_database: Database, database_url: str) -> Centre:
    return make_centre(checked_database, database_url)
