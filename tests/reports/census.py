"""How long the report of a large census takes and how much memory: `python -m tests.reports.census 20000`."""

import asyncio
import resource
import sys
import tempfile
import time
from pathlib import Path

from db import schema
from db.database import Database
from reports.report import write_report
from tests.reports import rows


async def measure(pages: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Database(f"{folder}/census.db") as database:
            await schema.ready(database)
            sweep = await rows.census(database, pages)
            before, started = _memory(), time.perf_counter()
            await write_report(database, sweep, Path(folder, "report"), "ja")
            seconds = time.perf_counter() - started
            size = sum(path.stat().st_size for path in Path(folder, "report").rglob("*")) / 2**20
    print(f"{pages:,} pages: {seconds:.1f} s, {1000 * seconds / pages:.1f} ms a page, {size:.0f} MiB written")
    print(f"memory: {before:.0f} MiB before, {_memory():.0f} MiB at most")


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000))
