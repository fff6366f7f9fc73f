"""What the tests of the application share: rows to look at, and the application over HTTP."""

from collections.abc import Iterator

import pytest

from db.database import Database
from tests.reports import rows
from tests.web.serving import Served


@pytest.fixture
async def sweep(database: Database) -> int:
    """The number of a sweep with one of everything."""
    return await rows.mixed(database)


@pytest.fixture
def origin(database_url: str) -> Iterator[str]:
    """Where the application is served, over the test's database."""
    with Served(database_url) as origin:
        yield origin
