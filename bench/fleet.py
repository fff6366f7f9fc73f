"""One worker process against several on this machine: pages an hour, and what the queue costs of each page.

    python -m bench.fleet --tree DIR --start index.html --pages 200 --crew 2 --crew 1,1

Each crew is the places of its workers: `2` is one worker with two, `1,1` two workers with one each. The server is started for
the run and counts what its statements take; what belongs to jobs, needs, claims, leases, turns and beats is the queue's.
"""

import argparse
import asyncio
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench.tree import served
from crawler.browser import installed_browser, playwright_driver
from db.database import Database
from db.schema import ready
from db.tables import Sweep, Visit
from db.words import Method, SweepState
from tests.db.server import started
from tests.fleet.crowd import asked, crowd, is_done, wait_for

LONG = 3600.0  # seconds that one crew may take
QUEUE = {
    "jobs": r"procrastinate|pg_notify|LISTEN|advisory",
    "turns": r"\b(turn|host)\b",
    "claims": r"lease_(owner|until)",
    "beats": r"\bworker\b",
}  # of a statement's text; the first that fits


async def measure(url: str, start: str, pages: int, crew: list[int]) -> dict[str, Any]:
    """Let a crew audit a random sample of so many pages, in an empty database; returns figures."""
    async with playwright_driver() as driver:
        browser = installed_browser(None, driver.chromium.executable_path)
    with tempfile.TemporaryDirectory() as folder:
        async with Database(url) as database:
            await ready(database)
            async with database.writing() as connection:
                await connection.execute(sa.text("CREATE EXTENSION pg_stat_statements"))
            sweep = await asked(database, start, method=Method.RANDOM, pages=pages)

            async def is_open() -> bool:
                async with database.reading() as connection:
                    return await connection.scalar(sa.select(Sweep.state)) is SweepState.AUDITING

            async def is_over() -> bool:
                return await is_done(database, sweep)

            with crowd(url, browser, Path(folder)) as workers:
                for places in crew:
                    workers.begin(places=places)
                await wait_for(is_open, LONG)
                async with database.writing() as connection:
                    await connection.execute(sa.text("SELECT pg_stat_statements_reset()"))
                begun = time.monotonic()
                await wait_for(is_over, LONG)
                lasted = time.monotonic() - begun
            async with database.reading() as connection:
                audited = await connection.scalar(sa.select(sa.func.count(Visit.result_id)))
                rows = await connection.execute(
                    sa.text(
                        "SELECT query, calls, total_exec_time FROM pg_stat_statements"
                        " JOIN pg_database ON pg_database.oid = dbid WHERE datname = current_database()"
                    )
                )
                spent: dict[str, float] = dict.fromkeys((*QUEUE, "other"), 0.0)
                calls = dict.fromkeys(spent, 0)
                for query, number, milliseconds in rows:
                    kind = next((kind for kind, words in QUEUE.items() if re.search(words, query)), "other")
                    spent[kind] += milliseconds
                    calls[kind] += number
    assert audited
    queue = sum(spent[kind] for kind in QUEUE)
    return {
        "crew": crew, "pages": audited, "seconds": round(lasted, 1), "pages_per_hour": round(3600 * audited / lasted),
        "ms_of_a_page": {kind: round(each / audited, 2) for kind, each in spent.items()},
        "statements_of_a_page": {kind: round(each / audited, 1) for kind, each in calls.items()},
        "queue_share": round(queue / (1000 * lasted * sum(crew)), 4),
    }  # fmt: skip


def main(tree: Path, start: str, pages: int, crews: list[list[int]]) -> None:
    """One line of figures for each crew, in their order."""
    counting = {"synchronous_commit": "on", "shared_preload_libraries": "pg_stat_statements"}
    with served(tree) as address, started(**counting) as server:
        for crew in crews:
            with server.database() as (_, url):
                print(json.dumps(asyncio.run(measure(url, address + start, pages, crew))), flush=True)


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--tree", type=Path, required=True, help="folder of HTML files")
    words.add_argument("--start", default="index.html", help="first page, relative to the folder")
    words.add_argument("--pages", type=int, default=200)
    words.add_argument("--crew", action="append", required=True, help="places of each worker, with commas")
    given = words.parse_args()
    split = [[int(each) for each in crew.split(",")] for crew in given.crew]
    main(given.tree, given.start, given.pages, split)
