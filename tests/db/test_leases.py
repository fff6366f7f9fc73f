"""A row has one holder at a time, whoever else wants it; what the dead held comes free."""

import asyncio
import json
import socket
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.record import Overtaken, keep_failure
from crawler.browser import PageLost
from db import leases
from db.database import Database
from db.leases import claim_visits, dead_owners, hold_sweep, is_alive, release_sweep, this_process
from db.tables import Sweep, Visit
from db.types import now
from db.words import Reason, VisitState
from tests.db.rows import sweep_with_visits

ELSEWHERE = "another-host/1/1"


async def _claim_all(database: Database, sweep_id: int, owner: str, at_once: int) -> list[int]:
    claimed: list[int] = []
    while True:
        async with database.writing() as connection:
            got = await claim_visits(connection, sweep_id, owner, at_once)
        if not got:
            return claimed
        assert len(got) <= at_once
        claimed += got


async def test_owners_who_race_never_get_the_same_visit(database: Database, database_url: str) -> None:
    sweep_id, visits = await sweep_with_visits(database, 60)
    async with Database(database_url) as other:
        claimed = await asyncio.gather(
            *(_claim_all([database, other][n % 2], sweep_id, f"host/{n}/1", 1 + n % 3) for n in range(6))
        )
    assert sorted(visit for each in claimed for visit in each) == visits


async def test_processes_that_race_never_get_the_same_visit(database: Database, database_url: str) -> None:
    sweep_id, visits = await sweep_with_visits(database, 60)
    command = [sys.executable, "-m", "tests.db.claiming", database_url, str(sweep_id)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]
    claimed = [json.loads((await asyncio.to_thread(each.communicate))[0]) for each in processes]
    assert all(each.returncode == 0 for each in processes)
    assert sorted(claimed[0] + claimed[1]) == visits


async def test_no_more_than_asked_for_are_claimed_oldest_first(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 10)
    async with database.writing() as connection:
        assert await claim_visits(connection, sweep_id, "host/1/1", 3) == visits[:3]
        assert await claim_visits(connection, sweep_id, "host/2/1", 3) == visits[3:6]


async def test_no_more_than_asked_for_are_claimed_however_the_server_plans(database: Database) -> None:
    """A sub-select with a limit may be run anew for each row of a nested loop."""
    if database.is_sqlite:
        return
    sweep_id, visits = await sweep_with_visits(database, 10)
    async with database.writing() as connection:
        for setting in ("hashjoin", "mergejoin", "material", "hashagg", "sort"):
            await connection.execute(sa.text(f"SET LOCAL enable_{setting} = off"))
        assert await claim_visits(connection, sweep_id, "host/1/1", 2) == visits[:2]


async def test_only_selected_visits_of_the_sweep_are_claimed(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 3)
    async with database.writing() as connection:
        await connection.execute(sa.update(Visit).where(Visit.id == visits[0]).values(state=VisitState.AUDITED))
        assert await claim_visits(connection, sweep_id + 1, "host/1/1", 9) == []
        assert await claim_visits(connection, sweep_id, "host/1/1", 9) == visits[1:]


async def test_a_visit_comes_free_when_its_lease_ends(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 2)
    async with database.writing() as connection:
        await claim_visits(connection, sweep_id, ELSEWHERE, 2)
        await connection.execute(
            sa.update(Visit).where(Visit.id == visits[0]).values(lease_until=now() - timedelta(seconds=1))
        )
    async with database.writing() as connection:
        assert await claim_visits(connection, sweep_id, "host/1/1", 2) == visits[:1]


async def test_visits_of_a_dead_process_come_free_at_once(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 3)
    dead = _dead_owner()
    async with database.writing() as connection:
        for owner in (dead, this_process(), ELSEWHERE):
            await claim_visits(connection, sweep_id, owner, 1)
    assert await dead_owners(database, sweep_id) == {dead}
    async with database.writing() as connection:
        assert await claim_visits(connection, sweep_id, "host/1/1", 3, frozenset({dead})) == visits[:1]


async def test_a_sweep_has_one_holder_who_may_renew(database: Database) -> None:
    sweep_id, _ = await sweep_with_visits(database, 1)
    async with database.writing() as connection:
        assert await hold_sweep(connection, sweep_id, ELSEWHERE) is None
        assert await hold_sweep(connection, sweep_id, ELSEWHERE) is None
        assert await hold_sweep(connection, sweep_id, "host/2/1") == ELSEWHERE


async def test_of_two_who_want_a_sweep_at_the_same_moment_one_is_refused(
    database: Database, database_url: str
) -> None:
    sweep_id, _ = await sweep_with_visits(database, 1)
    async with Database(database_url) as other:
        answers = await asyncio.gather(
            _hold_a_while(database, sweep_id, "one/1/1"), _hold_a_while(other, sweep_id, "two/1/1")
        )
    assert answers in (["two/1/1", None], [None, "one/1/1"])


async def _hold_a_while(database: Database, sweep_id: int, owner: str) -> str | None:
    async with database.writing() as connection:
        answer = await hold_sweep(connection, sweep_id, owner)
        await asyncio.sleep(0.2)  # the other one asks before this one commits
        return answer


async def test_a_sweep_comes_free_when_its_lease_ends(database: Database) -> None:
    sweep_id, _ = await sweep_with_visits(database, 1)
    async with database.writing() as connection:
        await hold_sweep(connection, sweep_id, ELSEWHERE)
        await connection.execute(sa.update(Sweep).values(lease_until=now() - timedelta(seconds=1)))
        assert await hold_sweep(connection, sweep_id, "host/2/1") is None


async def test_a_dead_process_loses_its_sweep_at_once_and_a_living_one_does_not(database: Database) -> None:
    sweep_id, _ = await sweep_with_visits(database, 1)
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = f"{socket.gethostname()}/{living.pid}/{leases._started(living.pid)}"
    try:
        async with database.writing() as connection:
            assert await hold_sweep(connection, sweep_id, owner) is None
            assert is_alive(owner) is True
            assert await hold_sweep(connection, sweep_id, this_process()) == owner
    finally:
        living.communicate()
    async with database.writing() as connection:
        assert is_alive(owner) is False
        assert await hold_sweep(connection, sweep_id, this_process()) is None


async def test_a_sweep_given_back_is_free_with_its_visits(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 2)
    async with database.writing() as connection:
        await hold_sweep(connection, sweep_id, "host/1/1")
        await claim_visits(connection, sweep_id, "host/1/1", 1)
        await claim_visits(connection, sweep_id, ELSEWHERE, 1)
        await release_sweep(connection, sweep_id, "host/1/1")
        assert await hold_sweep(connection, sweep_id, "host/2/1") is None
        assert await claim_visits(connection, sweep_id, "host/2/1", 2) == visits[:1]


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    host, pid, started = this_process().rsplit("/", 2)
    assert is_alive(this_process()) is True
    assert is_alive(f"{host}/{pid}/{int(started) + 1}") is False
    assert is_alive(f"another-{host}/{pid}/{started}") is None


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc to see it in")
def test_a_killed_child_that_nobody_has_fetched_counts_as_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = f"{socket.gethostname()}/{child.pid}/{leases._started(child.pid)}"
    child.kill()
    while leases._started(child.pid):
        pass
    assert is_alive(owner) is False
    child.communicate()


def _dead_owner() -> str:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = f"{socket.gethostname()}/{child.pid}/{leases._started(child.pid)}"
    child.communicate()
    return owner


async def test_who_slept_past_its_lease_keeps_nothing_of_a_page_that_another_took(database: Database) -> None:
    sweep_id, visits = await sweep_with_visits(database, 1)
    async with database.writing() as connection:
        await claim_visits(connection, sweep_id, this_process(), 1)
        await connection.execute(sa.update(Visit).values(lease_until=now() - timedelta(seconds=1)))
    async with database.writing() as connection:
        assert await claim_visits(connection, sweep_id, ELSEWHERE, 1) == visits
    lost = PageLost(Reason.TIMED_OUT, "slept")
    with pytest.raises(Overtaken):
        async with database.writing() as connection:
            sweep = await sweep_row(connection, sweep_id)
            await keep_failure(connection, sweep, visits[0], 1, lost)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(Visit.state, Visit.lease_owner, Visit.tries))).one()
    assert (row.state, row.lease_owner) == (VisitState.SELECTED, ELSEWHERE)
