"""A sweep that goes on in copies of its database, of one kind and the other, ends as one that nobody disturbed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from audits.sweep import begin, run
from audits.work import Tools
from db.backup import back_up, restore
from db.database import Database
from db.moving import running_sweeps
from db.tables import Sweep, Visit
from db.words import Method, SweepState, VisitState
from tests.audits.swept import CALENDAR, plan_for
from tests.cli.stored import VISIT, rows_of
from tests.db.server import Server
from tests.site import SampleSite

SWEEP = 1
SECONDS = 300  # for a step at most
Ready = Callable[[Database], Awaitable[bool]]


def quiet(*_: object) -> None:
    """Nobody is told."""


@pytest.fixture
def empty_postgres(postgres: Server) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with postgres.database() as (_, url):
        yield url


async def test_a_sweep_backed_up_while_it_runs_and_resumed_elsewhere_three_times_gives_the_same_numbers(
    sqlite_template: Path, empty_postgres: str, sample_site: SampleSite, tools: Tools, tmp_path: Path
) -> None:
    plan = plan_for(sample_site.url, exclusions=(CALENDAR,), method=Method.MIXED, pages=30, at_random=20, seed=8341)
    places = [
        str(tmp_path / "first.sqlite"),
        str(tmp_path / "second.sqlite"),
        empty_postgres,
        str(tmp_path / "last.sqlite"),
    ]
    Path(places[0]).write_bytes(sqlite_template.read_bytes())
    async with Database(places[0]) as first:
        assert await begin(first, plan) == SWEEP
        async with goes_on(first, tools) as undisturbed:
            await copied(first, _explores, places[1], tmp_path / "exploring.sqlite")
            async with asyncio.timeout(SECONDS):
                assert await undisturbed
    for place, following, audited in zip(places[1:], places[2:], (6, 16), strict=False):
        async with Database(place) as here, goes_on(here, tools):
            await copied(here, _has_audited(audited), following, tmp_path / f"audited-{audited}.sqlite")
    async with Database(places[3]) as last, goes_on(last, tools) as ending, asyncio.timeout(SECONDS):
        assert await ending
    whole, moved = [await asyncio.to_thread(told_by, each) for each in (places[0], places[3])]
    assert moved == whole
    assert whole["numbers"]["pages"]["audited"] == 30


def told_by(url: str) -> dict[str, Any]:
    """All that a sweep left, but for the digests of bodies that bear another token with each answer."""
    told = rows_of(url)
    for visit in told["visits"]:
        if "/shinsei/" in visit[0]:
            del visit[1 + VISIT.index("body_digest")]
    return told


@asynccontextmanager
async def goes_on(database: Database, tools: Tools) -> AsyncIterator[asyncio.Task[bool]]:
    """The sweep at work beside the block, after which it is broken off, unless it is done."""
    task = asyncio.create_task(run(database, SWEEP, tools, asyncio.Event()))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])


async def copied(database: Database, ready: Ready, target: str, backup: Path) -> None:
    """Once it is so far, back up what is at work, and restore that elsewhere."""
    async with asyncio.timeout(SECONDS):
        while not await ready(database):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    manifest, _ = await back_up(database, backup, quiet)
    assert manifest.running == [SWEEP]
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Sweep.state)) is not SweepState.FINISHED
    await restore(backup, target, quiet, upgrading=False)
    async with Database(target) as copy:
        assert await running_sweeps(copy) == []
        assert await ready(copy)
        async with copy.reading() as connection:
            left = sa.select(sa.func.count()).where(Visit.state.in_((VisitState.FOUND, VisitState.SELECTED)))
            assert await connection.scalar(left), "there is something to go on with"


async def _explores(database: Database) -> bool:
    async with database.reading() as connection:
        asked = await connection.scalar(sa.select(sa.func.count()).where(Visit.state != VisitState.FOUND))
        return await connection.scalar(sa.select(Sweep.state)) is SweepState.EXPLORING and (asked or 0) > 20


def _has_audited(number: int) -> Ready:
    async def ready(database: Database) -> bool:
        async with database.reading() as connection:
            done = await connection.scalar(sa.select(sa.func.count()).where(Visit.state == VisitState.AUDITED))
            return (done or 0) >= number

    return ready
