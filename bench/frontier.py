"""What the steps between two levels cost at a million known addresses: seconds and memory of each, without any site.

    python -m bench.frontier --explored 100000 --known 1000000

Fills a database as exploring would have left it, and then runs in this process what decides over all of it at once.
Memory is the greatest of the process so far, from /proc: this needs Linux.
"""

import argparse
import asyncio
import hashlib
import re
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from crawler.census import Census
from crawler.explore import _let_through
from crawler.frontier import waiting_order
from crawler.identity import answered, mark_duplicates
from crawler.limits import Limits
from crawler.links import mark_linked, pack
from crawler.minhash import pack as pack_shape
from crawler.robots import Robots
from crawler.scope import Scope
from db.database import Database
from db.schema import ready
from db.tables import Site, Sweep
from db.types import now
from db.words import Edition, Level, SweepState

ORIGIN = "http://www.example.lg.jp"
LINKS = 30  # of each page
REPEATED = 20  # pages; one in so many says what the one before it says


def address(number: int, explored: int) -> str:
    """Pages in directories, then documents, and addresses with a query."""
    if number < explored:
        return f"{ORIGIN}/{'abcdefgh'[number % 8]}/{number % 997}/page{number}.html"
    if number % 2:
        return f"{ORIGIN}/files/{number % 499}/document{number}.pdf"
    return f"{ORIGIN}/view/{number % 311}.cgi?id={number}&lang=ja"


def fill(path: str, sweep_id: int, site_id: int, explored: int, known: int) -> None:
    """The rows of explored pages at level 1 and of waiting ones at level 2."""
    with sqlite3.connect(path) as database:
        pages = ((number + 1, site_id, address(number, explored)) for number in range(known))
        database.executemany("INSERT INTO page (id, site_id, address) VALUES (?, ?, ?)", pages)
        columns = (
            "sweep_id, page_id, state, depth, found_by, in_sitemap, linked, shown, kinds, tries, closed_roots, rendered, "
            "carried, content_digest, body_digest, wording, text_shape, script_key, title, links"
        )
        marks = ", ".join("?" * 20)
        database.executemany(f"INSERT INTO visit ({columns}) VALUES ({marks})", _visits(sweep_id, explored, known))


def _visits(sweep_id: int, explored: int, known: int) -> Iterator[tuple[Any, ...]]:
    for number in range(known):
        if number >= explored:
            yield sweep_id, number + 1, "found", 2, "link", 0, 0, 0, "[]", 0, 0, 0, 0, *[None] * 7
            continue
        said = number - 1 if number % REPEATED == 0 else number
        digest = hashlib.sha256(str(said).encode()).hexdigest()
        shape = pack_shape(tuple((said * 2654435761 + place) % 2**32 for place in range(32)))
        links = pack(1 + (number * 7919 + place * 104729) % known for place in range(LINKS))
        yield (
            sweep_id, number + 1, "explored", 1, "link", 0, 0, 0, "[]", 0, 0, 0, 0, digest, digest[::-1], digest[:16],
            shape, None, f"題 {said}", links,
        )  # fmt: skip


def memory() -> int:
    """The greatest memory of this process so far, in bytes."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 if found else 0


class Exploration:
    """As much of an exploration as deciding over a level needs: nothing is asked for."""

    def __init__(self, database: Database, sweep: Sweep) -> None:
        self.database = database
        self.sweep = sweep
        self.scope = Scope.around(f"{ORIGIN}/", (), ())
        self.limits = Limits(contact="bench", addresses=10_000_000)
        self.census = Census(sweep.id)
        self.robots = {ORIGIN: Robots.from_answer(404, b"", "jisweep")}  # allows all
        self.met = {ORIGIN}  # no sitemap is looked for

    async def robots_of(self, _: str) -> Robots:
        """The same for all."""
        return self.robots[ORIGIN]


async def measure(explored: int, known: int) -> None:
    """Fill a database, and time each step over it."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/frontier.sqlite"
        async with Database(path) as database:
            await ready(database)
            sweep = await _sweep(database)
            fill(path, sweep.id, sweep.site_id, explored, known)
            print(f"{explored:,} explored pages, {known:,} known addresses; {memory() / 2**20:,.0f} MB before")
            exploration: Any = Exploration(database, sweep)
            for name, step in STEPS.items():
                began = time.monotonic()
                async with database.writing() if "mark" in name else database.reading() as connection:
                    if step is not _let_through:
                        await step(connection, exploration)
                if step is _let_through:
                    await _let_through(exploration, 2)
                print(f"{name:<44} {time.monotonic() - began:>8.1f} s {memory() / 2**20:>8,.0f} MB", flush=True)


STEPS: dict[str, Any] = {
    "read what the level before has brought": lambda connection, each: each.census.read(connection, 1),
    "let the level through": _let_through,
    "put what waits in order": lambda connection, each: waiting_order(connection, each.sweep.id, 2),
    "find pages that may be the same": lambda connection, each: answered(connection, each.sweep.id),
    "mark what is linked": lambda connection, each: mark_linked(connection, each.sweep.id),
    "mark duplicates": lambda connection, each: mark_duplicates(connection, each.sweep.id, f"{ORIGIN}/"),
}


async def _sweep(database: Database) -> Sweep:
    async with database.writing() as connection:
        site = await connection.scalar(
            sa.insert(Site).values(address=f"{ORIGIN}/", created_at=now()).returning(Site.id)
        )
        values: dict[str, Any] = {
            "site_id": site, "state": SweepState.EXPLORING, "edition": Edition.JIS2016, "level": Level.AA, "seed": 1,
            "settings": {}, "depth": 1, "viewport_width": 1, "viewport_height": 1, "locale": "ja-JP",
            "timezone": "Asia/Tokyo", "created_at": now(),
        }  # fmt: skip
        sweep = await connection.scalar(sa.insert(Sweep).values(values).returning(Sweep.id))
    return Sweep(id=sweep, site_id=site)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--explored", type=int, default=100_000)
    parser.add_argument("--known", type=int, default=1_000_000)
    given = parser.parse_args()
    asyncio.run(measure(given.explored, given.known))


if __name__ == "__main__":
    main()
