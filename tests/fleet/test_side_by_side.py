"""One process and many sweeps: sites are explored side by side, whoever waits for a recheck is served, endings finish pages."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from audits.asked import ask_recheck
from audits.engine import installed_engine
from audits.fleet.crew import Crew
from audits.fleet.needs import ROOMS, Act
from audits.fleet.queue import take_jobs
from audits.fleet.roster import Roster
from audits.recheck import aim_at
from audits.runner import standing_by
from audits.work import Tools
from db.database import Database
from db.tables import Defect, Visit, Worker
from db.words import Method, VisitState
from tests.audits.swept import plan_for, sweep_now
from tests.cli.servers import Answer, plain
from tests.cli.servers import serving as site_of
from tests.cli.small import small_site
from tests.crawler.servers import Request, Server, http, serving
from tests.fleet.crowd import Crowd, asked, crowd, is_done, wait_for

LONG = 90.0  # seconds
SHORT = 15.0  # before a question that nobody answers is given up
SITES = ROOMS[Act.PREPARE]  # of a process with one place


@asynccontextmanager
async def at_work(database: Database, chromium: str) -> AsyncIterator[None]:
    """One process of one place that runs what is asked for: by jobs on PostgreSQL, else by rounds."""
    engine = installed_engine()

    def tools() -> Tools:
        return Tools(engine=engine, browser=chromium)

    async with Roster(database, "one", engine, 1) as roster:
        if database.is_sqlite:
            async with standing_by(database, tools, places=1, roster=roster):
                yield
            return
        async with Crew(database, tools, places=1, roster=roster) as crew:
            taking = asyncio.create_task(take_jobs(database, crew, roster, 1))
            yield
            crew.closing.set()
            await taking


async def hanging(stack: AsyncExitStack, database: Database) -> tuple[list[Server], asyncio.Event]:
    """Sites that answer when the event is set, not before; a sweep of each is asked for."""
    answer = asyncio.Event()

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        await answer.wait()
        writer.write(http(status="404 Not Found") if request.path == "/robots.txt" else http())

    hosts = [f"127.0.0.{2 + number}" for number in range(SITES)]
    servers = [await stack.enter_async_context(serving(script, host=each)) for each in hosts]
    for each in servers:
        await asked(database, each.address(), method=Method.ALL)
    return servers, answer


def asked_all(servers: list[Server]) -> Callable[[], Awaitable[bool]]:
    """Whether each of them has been asked for something."""

    async def is_true() -> bool:
        return all(each.requests for each in servers)

    return is_true


async def test_sites_that_let_us_wait_are_explored_side_by_side(database: Database, chromium: str) -> None:
    async with AsyncExitStack() as stack:
        servers, answer = await hanging(stack, database)
        async with at_work(database, chromium):
            await wait_for(asked_all(servers), SHORT)
            answer.set()


async def test_a_recheck_does_not_wait_for_sites_that_are_explored(database: Database, chromium: str) -> None:
    with site_of(small_site()) as site:
        tools = Tools(engine=installed_engine(), browser=chromium)
        await sweep_now(database, plan_for(site.url, method=Method.ALL), tools)
        async with AsyncExitStack() as stack:
            servers, answer = await hanging(stack, database)
            async with at_work(database, chromium):
                await wait_for(asked_all(servers), SHORT)
                async with database.writing() as connection:
                    defect = await connection.scalar(sa.select(sa.func.min(Defect.id)))
                    aim = await aim_at(connection, [defect or 0])
                    recheck = await ask_recheck(connection, aim, "佐藤")
                await wait_for(lambda: is_done(database, recheck), LONG)
                answer.set()


@pytest.mark.parametrize("backend", ["postgresql"])
@pytest.mark.parametrize("told", ["SIGTERM", "--drain"])
async def test_a_worker_that_is_told_to_end_finishes_its_page_and_leaves_the_others(
    workers: Crowd, database: Database, told: str
) -> None:
    slow, began = threading.Event(), threading.Event()

    def answer(path: str) -> Answer:
        if path == "/slow.png":
            began.set()
            slow.wait(60)
        if path in ("/", *(f"/{number}.html" for number in range(6))):
            links = "".join(f'<a href="/{number}.html">案内 {number}</a>' for number in range(6))
            return plain(f"案内 {path}", f'{links}<img src="/slow.png" alt="図">')
        return Answer(status=404, body=b"<p>404", type="text/html")

    with site_of(answer) as site:
        sweep = await asked(database, site.url, method=Method.ALL, page_seconds=60.0)
        name = workers.begin(places=1)
        process = workers.running[name]
        await asyncio.to_thread(began.wait, LONG)
        if told == "SIGTERM":
            process.terminate()
        else:
            drain = [
                sys.executable,
                "-m",
                "jisweep",
                "worker",
                "--db",
                workers.url,
                "--drain",
                name,
                "--lang",
                "en",
            ]
            assert b"Asked 1." in await asyncio.to_thread(subprocess.check_output, drain)
        await wait_for(says(workers, "Stopping") if told == "SIGTERM" else is_draining(database), LONG)
        slow.set()
        assert await asyncio.to_thread(process.wait, LONG) == 0, workers.said()
    async with database.reading() as connection:
        visits = (await connection.execute(sa.select(Visit).where(Visit.sweep_id == sweep))).all()
    done = [each for each in visits if each.state is VisitState.AUDITED]
    assert 1 <= len(done) < len(visits), workers.said()
    assert {each.lease_owner for each in visits} == {None}


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_the_second_signal_ends_a_worker_at_once(workers: Crowd, database: Database) -> None:
    never, began = threading.Event(), threading.Event()

    def answer(path: str) -> Answer:
        if path == "/slow.png":
            began.set()
            never.wait(60)
        return plain("案内", '<img src="/slow.png" alt="図">')

    with site_of(answer) as site:
        sweep = await asked(database, site.url, method=Method.ALL, page_seconds=60.0)
        process = workers.running[workers.begin(places=1)]
        await asyncio.to_thread(began.wait, LONG)
        process.terminate()
        await wait_for(says(workers, "Stopping"), LONG)
        process.terminate()
        assert await asyncio.to_thread(process.wait, 20) != 0
        never.set()
    async with database.reading() as connection:
        owners = await connection.scalars(sa.select(Visit.lease_owner).where(Visit.sweep_id == sweep))
        assert set(owners) == {None}


def says(workers: Crowd, what: str) -> Callable[[], Awaitable[bool]]:
    """Whether any of them has written this."""

    async def is_true() -> bool:
        return what in workers.said()

    return is_true


def is_draining(database: Database) -> Callable[[], Awaitable[bool]]:
    """Whether the worker has heard that it is to end: what it looks at is there for as long as a beat."""

    async def is_true() -> bool:
        async with database.reading() as connection:
            row = (await connection.execute(sa.select(Worker.beat_at, Worker.drain_asked_at))).one()
        return row.drain_asked_at is not None and row.beat_at > row.drain_asked_at

    return is_true


@pytest.fixture
def workers(database: Database, chromium: str, tmp_path: Path) -> Iterator[Crowd]:
    """Nobody at work yet."""
    with crowd(database.url.render_as_string(hide_password=False), chromium, tmp_path) as found:
        yield found
