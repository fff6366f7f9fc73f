"""What can go wrong with workers and their database, each once or at random, while sweeps are under way.

What takes minutes, that a lease ends, is brought about by setting its end in the rows. The full disk is simulated: a trigger
refuses every write with the server's own code for it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from db.clock import later
from db.database import Database
from db.tables import Sweep, Turn, Visit
from db.words import VisitState
from tests.db.server import Server
from tests.fleet.crowd import Crowd, cut

FAKETIME = next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))), None)
FULL = (  # each by itself, since one that locks two tables may meet a worker that has them the other way about
    """CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'No space left on device (simulated)' USING ERRCODE = '53100'; END $$""",
    "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON visit FOR EACH STATEMENT EXECUTE FUNCTION full_disk()",
    "CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON result FOR EACH STATEMENT EXECUTE FUNCTION full_disk()",
)
ROOM = ("DROP TRIGGER full_disk ON visit", "DROP TRIGGER full_disk ON result", "DROP FUNCTION full_disk")
WORKERS = 2


class Faults:
    """Brings faults about; there are always as many workers at the end of one as before."""

    def __init__(self, database: Database, server: Server, workers: Crowd, chance: random.Random) -> None:
        self.done: Counter[str] = Counter()
        self._database = database
        self._server = server
        self._workers = workers
        self.chance = chance
        self._kinds: dict[str, Callable[[], Awaitable[None]]] = {
            "killed": self._kill, "frozen": self._freeze, "cut": self._cut, "crashed": self._crash,
            "restarted": self._restart, "full": self._fill, "drained": self._drain,
        }  # fmt: skip
        if FAKETIME is not None:
            self._kinds["clock"] = self._other_clock

    async def one(self) -> str:
        """A fault at random, each kind before one comes again; returns which."""
        least = min(self.done[kind] for kind in self._kinds)
        kind = self.chance.choice([each for each in self._kinds if self.done[each] == least])
        await self._kinds[kind]()
        self.done[kind] += 1
        return kind

    def crew(self) -> None:
        """Have as many workers as there should be."""
        for name, process in list(self._workers.running.items()):
            if process.poll() is not None:
                self._workers.running.pop(name)
        while len(self._workers.running) < WORKERS:
            self._workers.begin()

    def _someone(self) -> str:
        self.crew()
        return self.chance.choice(sorted(self._workers.running))

    async def _kill(self) -> None:
        self._workers.kill(self._someone())
        self.crew()

    async def _freeze(self) -> None:
        name = self._someone()
        self._workers.freeze(name)
        await asyncio.sleep(1)  # whatever statement it was in has ended
        pid = self._workers.running[name].pid
        past = later(timedelta(seconds=-1))
        async with self._database.writing() as connection:
            for table, owner, until in (
                (Visit, Visit.lease_owner, "lease_until"),
                (Sweep, Sweep.lease_owner, "lease_until"),
                (Turn, Turn.owner, "until"),
            ):
                its = sa.update(table).where(owner.like(f"%/{pid}/%")).values({until: past})
                await connection.execute(its.execution_options(synchronize_session=False))
        await asyncio.sleep(self.chance.uniform(1, 4))  # the other one takes over
        self._workers.thaw(name)

    async def _cut(self) -> None:
        await cut(self._workers.url, self.chance)

    async def _crash(self) -> None:
        await self._restarted("immediate")

    async def _restart(self) -> None:
        await self._restarted("fast")

    async def _restarted(self, mode: str) -> None:
        assert self._server.restart is not None
        await asyncio.to_thread(self._server.restart, mode, 0)

    async def _fill(self) -> None:
        await self._run(FULL)
        await asyncio.sleep(2)
        await self._run(ROOM)

    async def _drain(self) -> None:
        """As a deployment does."""
        name = self._someone()
        self._workers.running[name].terminate()
        await asyncio.to_thread(self._workers.running[name].wait, 60)
        self.crew()

    async def _other_clock(self) -> None:
        """One worker's clock is an hour ahead, or behind."""
        self._workers.kill(self._someone())
        self._workers.begin(preload=str(FAKETIME), shift=self.chance.choice(["+1h", "-1h"]))

    async def _run(self, statements: Sequence[str]) -> None:
        plain = make_url(self._workers.url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        try:
            for each in statements:
                await connection.execute(each)
        finally:
            await connection.close()


async def each_page_has_one_result(database: Database, sweep: int) -> int:
    """Every chosen page has a result or a reason, nothing is held, no place is told twice; how many pages. Raises AssertionError."""
    async with database.reading() as connection:
        visits = (await connection.execute(sa.select(Visit).where(Visit.sweep_id == sweep))).all()
        assert all(each.state is not VisitState.SELECTED and each.lease_owner is None for each in visits)
        assert all((each.result_id is not None) is (each.state is VisitState.AUDITED) for each in visits)
        assert len({each.page_id for each in visits}) == len(visits)
        held = await connection.scalar(sa.select(Sweep.lease_owner).where(Sweep.id == sweep))
        assert held is None
        return sum(each.state is VisitState.AUDITED for each in visits)


async def disturbed(
    faults: Faults, done: Callable[[], Awaitable[bool]], number: int, pause: tuple[float, float]
) -> int:
    """Bring about so many faults, with pauses, or until all is done; returns how many there were."""
    faults.crew()
    count = 0
    while count < number and not await done():
        await asyncio.sleep(faults.chance.uniform(*pause))
        await faults.one()
        count += 1
    faults.crew()
    return count
