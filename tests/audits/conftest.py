"""What the tests of audits share: the engine, and the means of a sweep."""

import pytest

from audits.engine import Engine, installed_engine
from audits.work import Tools


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine that a sweep would use."""
    return installed_engine()


@pytest.fixture(scope="session")
def tools(engine: Engine, chromium: str) -> Tools:
    """The means of a sweep."""
    return Tools(engine=engine, browser=chromium)
