"""What taking a sweep into the defects of a large site costs, by what has changed and not by what exists.

    python -m bench.reconcile
    python -m bench.reconcile --pages 50000 --places 20 --share 0.02 --db postgresql://user@host/name

Writes a site as rows, without any browser: pages with half of their places in templates and half in contents. Takes in
a first sweep of all pages, a second one in which a share of the pages has changed, and one in which none has; then
times what people wait for. Memory is the greatest of this process so far, from /proc: this needs Linux.
"""

import argparse
import asyncio
import hashlib
import random
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book
from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from audits.defects.settling import settle
from audits.defects.versions import known_earlier
from audits.fault import Fault
from bench.frontier import memory
from db.database import Database
from db.schema import ready
from db.tables import Defect, DefectEvent, Exemption, Finding, Page, Result, Site, Sweep, Visit
from db.words import DefectState, Edition, ExceptionReason, FoundBy, Level, Method, Outcome, SweepState, VisitState

ORIGIN = "https://www.example.lg.jp"
BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
RULES = tuple(f"rule-{number}" for number in range(60))
TEMPLATES, OF_EACH, CONTENTS, NEW = (
    20,
    60,
    3000,
    100,
)  # templates, defects of each, kinds of faults in contents, new ones
ROWS = 20_000  # written at a time


def digest(*told: object) -> str:
    """A name as the tables hold it."""
    return hashlib.sha256(repr(told).encode()).hexdigest()


def defect_row(number: int, site: int) -> dict[str, Any]:
    """A defect, by its number from 1: first those of the templates."""
    return {
        "id": number, "site_id": site, "digest": digest("defect", number), "rule": RULES[number % len(RULES)],
        "state": DefectState.FOUND, "shape": digest("shape", number % 2000), "framed": False,
    }  # fmt: skip


def places_of(page: int, version: int, places: int) -> list[int]:
    """The defects that a page shows, one for each place."""
    mine = page % TEMPLATES * OF_EACH
    drawn = random.Random(page * 7 + version)
    template = [1 + mine + (page // TEMPLATES + each) % OF_EACH for each in range(places // 2)]
    if version:
        template.pop()  # repaired on this page
    first = 1 + TEMPLATES * OF_EACH
    contents = [first + drawn.randrange(CONTENTS) for _ in range(places - places // 2)]
    if version:
        contents[1] = first + CONTENTS + page % NEW
    return template + contents


async def fill(connection: AsyncConnection, site: int, pages: int) -> None:
    """Pages and defects."""
    await write(
        connection, Page, ({"id": each, "site_id": site, "address": address(each)} for each in range(1, pages + 1))
    )
    numbers = range(1, TEMPLATES * OF_EACH + CONTENTS + NEW + 1)
    await write(connection, Defect, (defect_row(each, site) for each in numbers))
    found = {"old": None, "new": DefectState.FOUND, "who": "jisweep", "why": None, "sweep_id": None, "at": BEGIN}
    await write(connection, DefectEvent, ({"defect_id": each, **found} for each in numbers))


def address(page: int) -> str:
    """Pages in directories."""
    return f"{ORIGIN}/{'abcdefgh'[page % 8]}/{page % 997}/page{page}.html"


async def write(connection: AsyncConnection, table: Any, rows: Iterator[dict[str, Any]]) -> None:
    """Insert rows, some at a time."""
    some: list[dict[str, Any]] = []
    for row in rows:
        some.append(row)
        if len(some) == ROWS:
            await connection.execute(sa.insert(table), some)
            some = []
    if some:
        await connection.execute(sa.insert(table), some)


async def swept(connection: AsyncConnection, site: int, day: int, places: int, results: dict[int, int]) -> int:
    """A finished sweep of all pages, a day later for each; its number. Results that no sweep before had are written."""
    at = BEGIN + timedelta(days=day)
    values: dict[str, Any] = {
        "site_id": site, "state": SweepState.FINISHED, "method": Method.ALL, "edition": Edition.JIS2016, "level": Level.AA,
        "seed": 1, "traffic": [], "settings": {}, "depth": 1, "engine": "axe", "engine_version": "4",
        "rule_set": "bench", "rule_criteria": {rule: ["1.1.1"] for rule in RULES}, "viewport_width": 1, "viewport_height": 1,
        "locale": "ja-JP", "timezone": "Asia/Tokyo", "created_at": at, "finished_at": at,
    }  # fmt: skip
    sweep: int | None = await connection.scalar(sa.insert(Sweep).values(values).returning(Sweep.id))
    assert sweep is not None
    new = {page: result for page, result in results.items() if result > day * len(results)}
    await write(connection, Result, (result_row(result, page, at) for page, result in new.items()))
    found = (row for page, result in new.items() for row in finding_rows(result, page, day, places))
    await write(connection, Finding, found)
    await write(connection, Visit, (visit_row(sweep, page, result, at) for page, result in results.items()))
    return sweep


def result_row(number: int, page: int, at: datetime) -> dict[str, Any]:
    """What a page gave."""
    return {
        "id": number, "digest": digest("result", number), "page_id": page, "engine": "axe", "engine_version": "4",
        "rule_set": "bench", "edition": Edition.JIS2016, "viewport_width": 1, "viewport_height": 1, "taken_at": at,
        "settled": True, "untested": [], "page_width": 1, "page_height": 1,
    }  # fmt: skip


def finding_rows(result: int, page: int, version: int, places: int) -> Iterator[dict[str, Any]]:
    """The places of a result; a tenth cannot be told."""
    for position, defect in enumerate(places_of(page, version, places), start=1):
        said = "logo" if defect <= TEMPLATES * OF_EACH else f"news-{page}-{position}"
        yield {
            "result_id": result, "defect_id": defect, "position": position, "rule": RULES[defect % len(RULES)],
            "outcome": Outcome.CANT_TELL if position % 10 == 0 else Outcome.FAILED, "impact": None, "frame": [],
            "target": [f"#main > div:nth-child({position})"], "checks": [], "box": [0, 0, 1, 1],
            "snippet": f'<a class="kind-{defect}" href="../{said}.html"><img src="{said}.png"></a>',
        }  # fmt: skip


def visit_row(sweep: int, page: int, result: int, at: datetime) -> dict[str, Any]:
    """A page that was audited."""
    return {
        "sweep_id": sweep, "page_id": page, "state": VisitState.AUDITED, "depth": 1, "found_by": FoundBy.LINK,
        "in_sitemap": False, "kinds": [], "tries": 1, "result_id": result, "audited_at": at,
    }  # fmt: skip


async def except_some(connection: AsyncConnection, site: int) -> None:
    """A rule on a pattern, and twenty defects."""
    said = {
        "site_id": site, "reason": ExceptionReason.THIRD_PARTY, "text": "x", "person": "x", "at": BEGIN,
        "until": today() + timedelta(days=365), "defect_id": None, "rule": None, "pattern": None,
    }  # fmt: skip
    rows = [{**said, "rule": RULES[0], "pattern": "/a/*"}, *({**said, "defect_id": each} for each in range(2, 22))]
    await connection.execute(sa.insert(Exemption), rows)


async def rename(connection: AsyncConnection, site: int, pages: int, places: int) -> None:
    """Look faults up as recording pages does, page by page."""
    for page in range(1, pages + 1):
        names = {digest("defect", defect) for defect in places_of(page, 0, places)}
        await known_earlier(connection, site, {Fault(digest=each, earlier=each[::-1], shape="s") for each in names})


@asynccontextmanager
async def opened(url: str | None) -> AsyncIterator[Database]:
    """The database with our tables."""
    with tempfile.TemporaryDirectory() as folder:
        async with Database(url or f"{folder}/bench.sqlite") as database:
            await ready(database)
            yield database


async def timed(name: str, database: Database, work: Callable[..., Awaitable[Any]], *given: Any) -> Any:
    """Do it in one transaction, and print what it took."""
    began, cpu = time.monotonic(), time.process_time()
    async with database.writing() as connection:
        done = await work(connection, *given)
    took, used = time.monotonic() - began, time.process_time() - cpu
    print(f"{name:<46} {took:>8.1f} s {used:>8.1f} s CPU {memory() / 2**20:>8,.0f} MB", flush=True)
    return done


async def measure(url: str | None, pages: int, places: int, share: float) -> None:
    """Fill a database, and time each step over it."""
    async with opened(url) as database:
        async with database.writing() as connection:
            site = await connection.scalar(
                sa.insert(Site).values(address=f"{ORIGIN}/", created_at=BEGIN).returning(Site.id)
            )
        assert site is not None
        drawn = set(random.Random(1).sample(range(1, pages + 1), round(share * pages)))
        print(f"{pages:,} pages, {pages * places:,} places, {len(drawn):,} pages change", flush=True)
        await timed("write the site", database, fill, site, pages)
        results = {page: page for page in range(1, pages + 1)}
        for day, name in enumerate(("first", "changed", "same")):
            if name == "changed":
                results |= {page: page + pages for page in drawn}
            sweep = await timed(f"write the sweep: {name}", database, swept, site, day, places, results)
            said = await timed(f"reconcile: {name}", database, reconcile, sweep)
            print(f"  {asdict(said)}")
        await timed("reconcile: same, again", database, reconcile, sweep)
        await timed("settle, without exceptions", database, settle, site, today())
        await timed("except", database, except_some, site)
        await timed("settle, first", database, settle, site, today())
        await timed("settle, again", database, settle, site, today())
        await timed("known_earlier, 1,000 pages", database, rename, site, 1000, places)
        await timed("book.listed", database, book.listed, site)
        await timed("book.ranked", database, book.ranked, site)
        await timed("book.one", database, book.one, 1)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=50_000)
    parser.add_argument("--places", type=int, default=20, help="of each page")
    parser.add_argument("--share", type=float, default=0.02, help="share of the pages that change")
    parser.add_argument(
        "--db", help="an empty database to write to; without it, a SQLite file that goes afterwards"
    )
    given = parser.parse_args()
    asyncio.run(measure(given.db, given.pages, given.places, given.share))


if __name__ == "__main__":
    main()
