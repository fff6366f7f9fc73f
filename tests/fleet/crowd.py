"""Real worker processes on one PostgreSQL database, and what can go wrong with them."""

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from audits.asked import ask_again
from audits.conclude import conclude
from audits.sweep import begin
from db.database import Database
from db.errors import StorageError
from db.tables import Sweep, Visit
from db.words import SweepState
from reports.summary import as_json
from tests.audits.swept import plan_for

ITS_OWN = ("sweep", "seed", "rule_set_before", "health")  # of a summary: not of the site


@dataclass(kw_only=True)
class Crowd:
    """Worker processes by their names; `end` ends them all."""

    url: str
    browser: str
    folder: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    begun: int = 0

    def begin(self, *, places: int = 2, preload: str = "", shift: str = "") -> str:
        """Start another worker; returns its name."""
        self.begun += 1
        name = f"w{self.begun}"
        words = [
            "-m",
            "jisweep",
            "worker",
            "--db",
            self.url,
            "--browser",
            self.browser,
            "--name",
            name,
            "--places",
            str(places),
        ]
        more = (
            {
                "LD_PRELOAD": preload,
                "FAKETIME": shift,
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
                "PYTHONPATH": self._for_it_alone(),
            }
            if preload
            else {}
        )
        with (self.folder / f"{name}.log").open("wb") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, *words, "--lang", "en", "--no-credentials"], stderr=log, stdout=log,
                env={**os.environ, **more}, start_new_session=True,
            )  # fmt: skip
        return name

    def _for_it_alone(self) -> str:
        """A folder with what keeps a worker's children, its browsers, from getting its clock."""
        path = self.folder / "clock"
        path.mkdir(exist_ok=True)
        (path / "sitecustomize.py").write_text('import os\nos.environ.pop("LD_PRELOAD", None)\n')
        return os.pathsep.join([str(path), *filter(None, [os.environ.get("PYTHONPATH")])])

    def kill(self, name: str) -> None:
        """End a worker and its browsers by SIGKILL."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def freeze(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self.running[name].send_signal(signal.SIGCONT)

    def end(self) -> None:
        """End all, as an operator does; those that do not heed it are killed."""
        for process in self.running.values():
            process.send_signal(signal.SIGCONT)
            process.send_signal(signal.SIGTERM)
        for name in list(self.running):
            try:
                self.running[name].wait(30)
            except subprocess.TimeoutExpired:
                self.kill(name)

    def said(self) -> str:
        """What all of them wrote."""
        return "\n".join(f"{each.name}: {each.read_text()}" for each in sorted(self.folder.glob("w*.log")))


@contextmanager
def crowd(url: str, browser: str, folder: Path) -> Iterator[Crowd]:
    """Workers that end with the block."""
    found = Crowd(url=url, browser=browser, folder=folder)
    try:
        yield found
    finally:
        found.end()


async def asked(database: Database, start: str, **given: Any) -> int:
    """A sweep that the workers are to run."""
    sweep = await begin(database, plan_for(start, seed=7, **given))
    async with database.writing() as connection:
        await ask_again(connection, sweep, "佐藤")
    return sweep


async def is_done(database: Database, sweep: int) -> bool:
    """Whether it is finished, and let go; a database that is away says nothing yet."""
    try:
        async with database.reading() as connection:
            row = (
                await connection.execute(
                    sa.select(Sweep.state, Sweep.asked_at, Sweep.halted).where(Sweep.id == sweep)
                )
            ).one()
    except StorageError:
        return False
    assert row.halted is None, row.halted
    return row.state is SweepState.FINISHED and row.asked_at is None


async def audited(database: Database, sweep: int) -> int:
    """How many of its pages have a result now."""
    async with database.reading() as connection:
        mine = Visit.sweep_id == sweep, Visit.result_id.is_not(None)
        return int(await connection.scalar(sa.select(sa.func.count()).where(*mine)) or 0)


async def wait_for(true: Any, seconds: float) -> None:
    """Wait until something that is asked for is true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def told(database: Database, sweep: int) -> dict[str, Any]:
    """What a sweep says of its site, without what is the sweep's own."""
    said = as_json(await conclude(database, sweep), None)
    kept = {name: value for name, value in said.items() if name not in ITS_OWN}
    return dict(json.loads(json.dumps(kept)))


async def cut(url: str, chance: random.Random) -> None:
    """End some of the connections to the database, as a broken network does."""
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    try:
        mine = "datname = current_database() AND pid <> pg_backend_pid()"
        rows = await connection.fetch(f"SELECT pid FROM pg_stat_activity WHERE {mine}")
        for row in rows:
            if chance.random() < 0.5:
                await connection.execute("SELECT pg_terminate_backend($1)", row["pid"])
    finally:
        await connection.close()
