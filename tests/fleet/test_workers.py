"""Real workers on one PostgreSQL: whatever happens to them, each page has one result, and the numbers are an undisturbed run's."""

import asyncio
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from audits.engine import installed_engine
from audits.fleet.crew import Crew
from audits.fleet.needs import Need, needs
from audits.work import Tools
from db.database import Database
from db.errors import StorageError
from db.schema import ready
from db.tables import Visit
from db.words import Method
from tests.audits.swept import plan_for, sweep_now
from tests.cli.servers import Site, serving
from tests.cli.small import small_site
from tests.conftest import leave_out
from tests.db.server import PostgresMissing, Server, started
from tests.fleet.crowd import Crowd, asked, audited, crowd, is_done, told, wait_for
from tests.fleet.faults import Faults, disturbed, each_page_has_one_result

LONG = 300.0  # seconds


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server that a test may restart; what it has committed it keeps."""
    try:
        with started(synchronous_commit="on") as server:
            yield server
    except PostgresMissing as error:
        leave_out(str(error))


@pytest.fixture
def empty(own_server: Server) -> Iterator[str]:
    """A new database on it, with nothing in it."""
    with own_server.database() as (_, url):
        yield url


@pytest.fixture
async def fleet(empty: str, chromium: str, tmp_path: Path) -> AsyncIterator[tuple[Database, Crowd]]:
    """A database and nobody at work on it yet."""
    async with Database(empty) as database:
        await ready(database)
        with crowd(empty, chromium, tmp_path) as workers:
            yield database, workers


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serving(small_site()) as found:
        yield found


async def test_workers_that_die_freeze_and_lose_the_database_say_what_an_undisturbed_sweep_says(
    fleet: tuple[Database, Crowd], own_server: Server, site: Site, chromium: str
) -> None:
    database, workers = fleet
    tools = Tools(engine=installed_engine(), browser=chromium)
    undisturbed = await sweep_now(database, plan_for(site.url, method=Method.ALL), tools)
    before = await told(database, undisturbed)
    pages = await each_page_has_one_result(database, undisturbed)
    sweeps = [await asked(database, site.url, method=Method.ALL) for _ in range(4)]

    async def all_done() -> bool:
        return all([await is_done(database, each) for each in sweeps])

    async def some_page_is_audited() -> bool:
        return sum([await audited(database, each) for each in sweeps]) > 0

    faults = Faults(database, own_server, workers, random.Random(7))
    faults.crew()
    await wait_for(some_page_is_audited, LONG)
    count = await disturbed(faults, all_done, 8, (2.0, 6.0))
    assert count >= 4, workers.said()
    try:
        await wait_for(all_done, LONG)
    except TimeoutError:
        pytest.fail(workers.said()[-8000:])
    for sweep in sweeps:
        assert await told(database, sweep) == before
        assert await each_page_has_one_result(database, sweep) == pages
    print(dict(faults.done))


async def test_pages_in_hand_when_the_database_goes_away_are_free_as_soon_as_it_is_back(
    fleet: tuple[Database, Crowd], own_server: Server, site: Site, chromium: str
) -> None:
    database, _ = fleet
    sweep = await asked(database, site.url, method=Method.ALL)

    async def need() -> Need:
        async with database.reading() as connection:
            return (await needs(connection, only=sweep))[0]

    async def held() -> int:
        async with database.reading() as connection:
            mine = Visit.sweep_id == sweep, Visit.lease_owner.is_not(None)
            return await connection.scalar(sa.select(sa.func.count()).where(*mine)) or 0

    async def some_are_held() -> bool:
        return await held() > 0

    tools = Tools(engine=installed_engine(), browser=chromium)
    async with Crew(database, lambda: tools, places=1) as crew:
        await crew.see_to(await need())
        auditing = asyncio.create_task(crew.see_to(await need()))
        await wait_for(some_are_held, 60)
        await asyncio.to_thread(own_server.restart, "immediate", 8)
        with pytest.raises(StorageError):
            await auditing
        assert await held() == 0
