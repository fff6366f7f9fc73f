"""Many workers without browsers on a real PostgreSQL: claims, turns and what they cost, up to where it no longer goes on.

    python -m bench.simulated --workers 10 --workers 50 --workers 200

Each worker is a task with connections of its own and the claims, leases and turns of the real ones; only the page is a
wait, drawn from a distribution, and of what auditing keeps only the end of the visit is written. The server is started for
the run, with a disk that is waited for. What is printed of CPU is of this process: at a whole core it, and not the
database, is the limit.
"""

import asyncio
import json
import resource
import statistics
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from random import Random
from typing import Any

import click
import sqlalchemy as sa

from audits.auditing import AT_ONCE
from audits.sweep import Plan, begin
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.turns import Turns
from db.database import Database
from db.errors import StorageError
from db.leases import claim_visits
from db.schema import ready
from db.tables import Page, Site, Sweep, Turn, Visit
from db.types import now
from db.words import FoundBy, SweepState, VisitState
from tests.db.server import started

SPREAD = 0.6  # of the logarithm of a page's time
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "autovacuum": "on"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is simulated."""

    workers: int
    sites: tuple[int, ...]  # pages of each
    seconds: float  # until the workers are told to stop; 0: until no page is left
    page: float  # median seconds of a page
    gap: float  # between starts on one host
    places: int = 2  # on one host
    killed: int = 0  # workers that end without a word, when a quarter of the pages is done
    seed: int = 1


@dataclass(kw_only=True)
class Seen:
    """What happened."""

    held: dict[int, str] = field(default_factory=dict)  # visit → who claimed it last
    kept: Counter[int] = field(default_factory=Counter)  # visit → results kept
    twice: int = 0  # claims of a visit that a living worker held
    lost: int = 0  # results that were not kept, for the lease was another's
    claims: list[float] = field(default_factory=list)  # seconds
    empty: int = 0
    turns: list[float] = field(default_factory=list)  # seconds of the statements, without the wait
    keeps: list[float] = field(default_factory=list)
    pages: float = 0.0  # seconds of all pages
    sites: dict[int, float] = field(default_factory=dict)  # sweep → seconds until its last page
    troubles: Counter[str] = field(default_factory=Counter)
    waits: list[int] = field(default_factory=list)  # backends that wait for a lock, at each look
    backends: int = 0


async def fill(database: Database, sites: tuple[int, ...]) -> list[int]:
    """Write sweeps with so many selected pages each; returns their ids."""
    ids = []
    for number, pages in enumerate(sites):
        plan = Plan(
            scope=Scope.around(f"http://site{number}.example/"), limits=Limits(contact="https://site.example/")
        )
        sweep = await begin(database, plan)
        async with database.writing() as connection:
            series = sa.func.generate_series(1, pages).table_valued("number").render_derived(name="series")
            site = sa.select(Sweep.site_id).where(Sweep.id == sweep).scalar_subquery()
            start = sa.select(Site.address).where(Site.id == site).scalar_subquery()
            address = start + "p" + sa.cast(series.c.number, sa.String)
            await connection.execute(sa.insert(Page).from_select(["site_id", "address"], sa.select(site, address)))
            fixed = {
                "sweep_id": sweep, "state": VisitState.SELECTED, "depth": 1, "found_by": FoundBy.LINK,
                "in_sitemap": False, "kinds": [], "tries": 0,
            }  # fmt: skip
            values = [sa.literal(value, Visit.__table__.c[name].type) for name, value in fixed.items()]
            chosen = sa.select(Page.id, *values).where(
                Page.site_id == site, Page.address != sa.select(start).scalar_subquery()
            )
            await connection.execute(sa.delete(Visit).where(Visit.sweep_id == sweep))
            await connection.execute(sa.insert(Visit).from_select(["page_id", *fixed], chosen))
            await connection.execute(
                sa.update(Sweep).where(Sweep.id == sweep).values(state=SweepState.AUDITING, finished_at=None)
            )
        ids.append(sweep)
    async with database.writing() as connection:
        await connection.execute(sa.text("ANALYZE"))
    return ids


@dataclass(kw_only=True)
class Worker:
    """One place for a page: claims a few of a site, audits them one by one, goes on to the next site."""

    name: str
    database: Database
    turns: Turns
    asked: Asked
    seen: Seen
    sweeps: list[int]  # that have pages left, as this worker knows
    random: Random
    stop: asyncio.Event
    began: float

    async def run(self) -> None:
        """Work until there is no page, or until stopped."""
        at = self.random.randrange(len(self.sweeps))
        while self.sweeps and not self.stop.is_set():
            at = (at + 1) % len(self.sweeps)
            sweep = self.sweeps[at]
            begun = time.monotonic()
            async with self.database.writing() as connection:
                visits = await claim_visits(connection, sweep, self.name, AT_ONCE)
            self.seen.claims.append(time.monotonic() - begun)
            self.seen.twice += sum(visit in self.seen.held for visit in visits)
            self.seen.held.update(dict.fromkeys(visits, self.name))
            if not visits:
                self.seen.empty += 1
                if await self._left(sweep):
                    await asyncio.sleep(0.2)
                else:
                    self.sweeps.remove(sweep)
            for visit in visits:
                if self.stop.is_set():
                    return
                await self._audit(sweep, visit)

    async def _audit(self, sweep: int, visit: int) -> None:
        while True:
            begun = time.monotonic()
            turn = await self.turns.take(f"site{sweep}", self.asked.places, self.asked.gap)
            self.seen.turns.append(time.monotonic() - begun)
            if not isinstance(turn, float):
                break
            await asyncio.sleep(turn)
        page = self.random.lognormvariate(0.0, SPREAD) * self.asked.page
        await asyncio.sleep(page)
        self.seen.pages += page
        begun = time.monotonic()
        await self.turns.give(turn)
        async with self.database.writing() as connection:
            mine = Visit.id == visit, Visit.state == VisitState.SELECTED, Visit.lease_owner == self.name
            done = await connection.execute(
                sa.update(Visit).where(*mine).values(state=VisitState.AUDITED, lease_owner=None, lease_until=None)
            )
        self.seen.keeps.append(time.monotonic() - begun)
        if done.rowcount:
            self.seen.kept[visit] += 1
            self.seen.sites[sweep] = time.monotonic() - self.began
        else:
            self.seen.lost += 1
        self.seen.held.pop(visit, None)

    async def _left(self, sweep: int) -> bool:
        async with self.database.reading() as connection:
            selected = sa.exists().where(Visit.sweep_id == sweep, Visit.state == VisitState.SELECTED)
            return bool(await connection.scalar(sa.select(selected)))


async def simulate(url: str, asked: Asked) -> tuple[Seen, dict[str, Any]]:
    """Let the workers work on new sweeps of this database; returns what was seen, and it in figures."""
    seen, stop = Seen(), asyncio.Event()
    async with AsyncExitStack() as stack:
        control = await stack.enter_async_context(Database(url))
        await ready(control)
        sweeps = await fill(control, asked.sites)
        workers = []
        for number in range(asked.workers):
            database = await stack.enter_async_context(Database(url))
            turns = await stack.enter_async_context(Turns(database, f"simulated/{number}/1"))
            workers.append(
                Worker(
                    name=f"simulated/{number}/1", database=database, turns=turns, asked=asked, seen=seen,
                    sweeps=list(sweeps), random=Random(f"{asked.seed}/{number}"), stop=stop, began=0.0,
                )
            )  # fmt: skip
        begun, spent = time.monotonic(), _cpu()
        for worker in workers:
            worker.began = begun
        tasks = [asyncio.create_task(_noted(worker, seen)) for worker in workers]
        watching = asyncio.create_task(_watch(control, seen))
        killing = asyncio.create_task(_kill(control, asked, workers, tasks, seen))
        _, going = await asyncio.wait(tasks, timeout=asked.seconds or None)
        stop.set()
        if going:
            await asyncio.wait(going)
        await killing
        watching.cancel()
        lasted, cpu = time.monotonic() - begun, _cpu() - spent
        async with control.reading() as connection:
            deadlocks = await connection.scalar(
                sa.text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
            )
    queue = sum(seen.claims) + sum(seen.turns) + sum(seen.keeps)
    return seen, {
        "workers": asked.workers, "seconds": round(lasted, 1), "pages": len(seen.kept),
        "pages_per_s": round(len(seen.kept) / lasted, 1), "claims_per_s": round(len(seen.claims) / lasted, 1),
        "claim_ms": _quantiles(seen.claims), "turn_ms": _quantiles(seen.turns), "keep_ms": _quantiles(seen.keeps),
        "queue_share": round(queue / (queue + seen.pages), 3), "double_claims": seen.twice, "double_results":
        sum(count > 1 for count in seen.kept.values()), "not_kept": seen.lost, "deadlocks": deadlocks,
        "lock_waits_mean": round(statistics.fmean(seen.waits or [0]), 1), "backends": seen.backends,
        "cpu_share": round(cpu / lasted, 2), "troubles": dict(seen.troubles),
    }  # fmt: skip


async def _noted(worker: Worker, seen: Seen) -> None:
    try:
        await worker.run()
    except StorageError as error:
        seen.troubles[error.en[:80]] += 1


async def _kill(
    control: Database, asked: Asked, workers: list[Worker], tasks: list[asyncio.Task[None]], seen: Seen
) -> None:
    """End some workers with what they hold, and let the time of their leases and turns pass at once."""
    if not asked.killed:
        return
    while len(seen.kept) < sum(asked.sites) / 4:  # noqa: ASYNC110 - a count, which nobody announces
        await asyncio.sleep(0.05)
    for task in tasks[: asked.killed]:
        task.cancel()
    await asyncio.wait(tasks[: asked.killed])
    names = [worker.name for worker in workers[: asked.killed]]
    for visit in [visit for visit, owner in seen.held.items() if owner in names]:
        del seen.held[visit]
    async with control.writing() as connection:
        await connection.execute(sa.update(Visit).where(Visit.lease_owner.in_(names)).values(lease_until=now()))
        await connection.execute(sa.update(Turn).where(Turn.owner.in_(names)).values(until=now()))


async def _watch(control: Database, seen: Seen) -> None:
    while True:
        async with control.reading() as connection:
            waiting, backends = (
                await connection.execute(
                    sa.text(
                        "SELECT count(*) FILTER (WHERE wait_event_type = 'Lock'), count(*) FROM pg_stat_activity"
                        " WHERE datname = current_database()"
                    )
                )
            ).one()
        seen.waits.append(waiting)
        seen.backends = max(seen.backends, backends)
        await asyncio.sleep(0.5)


def _quantiles(values: list[float]) -> list[float]:
    """The middle and the 95th of a hundred, in ms."""
    ordered = sorted(values) or [0.0]
    return [round(1000 * ordered[int(share * (len(ordered) - 1))], 1) for share in (0.5, 0.95)]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@click.command()
@click.option("--workers", multiple=True, type=int, default=(10, 50, 200))
@click.option("--site", "sites", multiple=True, type=int, default=(50, 50_000, *[400] * 40), help="pages of one")
@click.option("--seconds", default=20.0, help="0: until no page is left")
@click.option("--page", default=1.0, help="median seconds of a page")
@click.option("--gap", default=0.0, help="seconds between starts on one host")
@click.option("--places", default=2, help="pages at one host at one time")
@click.option("--killed", default=0, help="workers that end without a word")
def main(
    workers: tuple[int, ...],
    sites: tuple[int, ...],
    seconds: float,
    page: float,
    gap: float,
    places: int,
    killed: int,
) -> None:
    """One line of figures for each number of workers."""
    with started(max_connections=max(workers) * 4 + 20, **DURABLE) as server:
        for each in workers:
            asked = Asked(
                workers=each, sites=sites, seconds=seconds, page=page, gap=gap, places=places, killed=killed
            )
            with server.database() as (_, url):
                seen, figures = asyncio.run(simulate(url, asked))
            ends = {
                f"site_of_{sites[at]}": round(seen.sites.get(at + 1, 0.0), 1) for at in (0, 1) if at < len(sites)
            }
            click.echo(json.dumps({**figures, "last_page_s": ends}))


if __name__ == "__main__":
    main()
