"""Random faults while real workers run sweeps on PostgreSQL: each page must have one result, and the numbers be an undisturbed run's.

    python -m bench.faults --faults 100 --seed 1

Starts a server of its own, a small site and two workers; asks for sweeps as long as faults are to come. What the faults are, and
which of them are simulated, tests/fleet/faults.py says. Prints what was done, and ends with 1 when a number differs.
"""

import argparse
import asyncio
import random
import tempfile
import time
from pathlib import Path

from audits.engine import installed_engine
from audits.work import Tools
from crawler.browser import installed_browser, playwright_driver
from db.database import Database
from db.schema import ready
from db.words import Method
from tests.audits.swept import plan_for, sweep_now
from tests.cli.servers import serving
from tests.cli.small import small_site
from tests.db.server import Server, started
from tests.fleet.crowd import asked, crowd, is_done, told, wait_for
from tests.fleet.faults import Faults, each_page_has_one_result

AT_ONCE = 3  # sweeps
LONG = 900.0  # seconds that the last sweeps may take


async def main(server: Server, url: str, start: str, number: int, seed: int) -> int:
    """Bring the faults about; returns how many sweeps say something else than the undisturbed one."""
    chance, began = random.Random(seed), time.monotonic()
    async with playwright_driver() as driver:
        browser = installed_browser(None, driver.chromium.executable_path)
    tools = Tools(engine=installed_engine(), browser=browser)
    with tempfile.TemporaryDirectory() as folder:
        async with Database(url) as database:
            await ready(database)
            undisturbed = await sweep_now(database, plan_for(start, method=Method.ALL), tools)
            before = await told(database, undisturbed)
            its = await each_page_has_one_result(database, undisturbed)
            sweeps = [await asked(database, start, method=Method.ALL) for _ in range(AT_ONCE)]
            with crowd(url, browser, Path(folder)) as workers:
                faults = Faults(database, server, workers, chance)
                faults.crew()
                while sum(faults.done.values()) < number:
                    await asyncio.sleep(chance.uniform(5, 20))
                    kind = await faults.one()
                    done = [await is_done(database, each) for each in sweeps]
                    print(
                        f"{time.monotonic() - began:6.0f} s  {kind:10} {sum(done)} of {len(sweeps)} done",
                        flush=True,
                    )
                    while len(sweeps) - sum(done) < AT_ONCE:
                        sweeps.append(await asked(database, start, method=Method.ALL))
                        done.append(False)
                faults.crew()
                for sweep in sweeps:
                    await wait_for(lambda sweep=sweep: is_done(database, sweep), LONG)
            other = 0
            for sweep in sweeps:
                pages = await each_page_has_one_result(database, sweep)
                other += pages != its or await told(database, sweep) != before
    print(f"{dict(faults.done)}; {len(sweeps)} sweeps, of which {other} differ")
    return other


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--faults", type=int, default=100)
    words.add_argument("--seed", type=int, default=1)
    given = words.parse_args()
    with started(synchronous_commit="on") as own, own.database() as (_, place), serving(small_site()) as site:
        raise SystemExit(1 if asyncio.run(main(own, place, site.url, given.faults, given.seed)) else 0)
