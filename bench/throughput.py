"""Pages a second of a whole sweep, against what the browser alone can do and against the obvious loop.

    python -m bench.throughput                                  the sample site
    python -m bench.throughput --tree DIR --start index.html    a folder of HTML files

Three ways over the same pages, by turns, `--rounds` times:

- sweep: `jisweep sweep --method all`, from the start of the program to the written report;
- ceiling: as many tabs as the sweep uses, each only going to a page and running the same rules of the same engine;
- naive: axe-playwright-python as its documentation shows it, a fresh page each, its own bundled engine.

Prints one table and the differences in what was found. Speeds are medians over the rounds.
"""

import argparse
import asyncio
import json
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Playwright, async_playwright

from audits.engine import Engine, RuleSet, installed_engine, rule_set
from bench.tree import served, served_sample
from crawler.browser import FLAGS, LOCALE, VIEWPORT, Tab, installed_browser
from crawler.fetch import Manners
from db.words import Edition, Level

TABS = 3
MANNERS = Manners(contact="bench")
NEVER_LOAD = ("/kasen/camera", "/kasen/kansoku", "/event/calendar")  # would measure waiting, not work

Found = Counter[tuple[str, str, str]]  # page, rule, target → times


def sweep(address: str, folder: Path, excluded: tuple[str, ...]) -> tuple[float, Path]:
    """Seconds of one whole sweep, and its database."""
    database = folder / f"{time.monotonic_ns()}.sqlite"
    out = folder / database.stem
    command = [
        sys.executable, "-m", "jisweep", "sweep", address, "--method", "all", "--allow-private", "--delay", "0", "--json",
        "--db", str(database), "--out", str(out),
    ]  # fmt: skip
    for pattern in excluded:
        command += ["--exclude", f"{pattern}*=not measured"]
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return seconds, database


def swept(database: Path) -> tuple[list[str], Found]:
    """The audited addresses of a sweep and the failed places outside frames."""
    with sqlite3.connect(database) as rows:
        pages = [
            address
            for (address,) in rows.execute(
                "SELECT address FROM page JOIN visit ON page_id = page.id WHERE state = 'audited' ORDER BY 1"
            )
        ]
        found = Counter(
            (urlsplit(address).path, rule, target)
            for address, rule, target in rows.execute(
                """SELECT address, rule, target FROM finding JOIN result ON result.id = result_id
                   JOIN page ON page.id = result.page_id WHERE outcome = 'failed' AND frame = '[]'""")
        )  # fmt: skip
    return pages, found


async def ceiling(driver: Playwright, pages: list[str], engine: Engine, rules: RuleSet) -> tuple[float, Found]:
    """Seconds of navigation and rules alone, in TABS tabs."""
    found: Found = Counter()
    rest = iter(pages)
    options = json.dumps({"resultTypes": ["violations", "incomplete"], "rules": rules.switches})
    run = f"""axe.run(document, {options}).then(({{violations}}) => JSON.stringify(
        violations.flatMap(({{id, nodes}}) => nodes.map(({{target}}) => [id, target]))))"""

    async def work(tab: Tab) -> None:
        for address in rest:
            await tab.page.goto(address)
            world = await tab.main_world()
            add(found, address, json.loads(await tab.evaluate(world, run)))

    async with AsyncExitStack() as stack:
        tabs = [await stack.enter_async_context(Tab(driver, MANNERS, script=engine.script)) for _ in range(TABS)]
        began = time.monotonic()
        await asyncio.gather(*map(work, tabs))
        return time.monotonic() - began, found


async def naive(driver: Playwright, pages: list[str]) -> tuple[float, Found]:
    """Seconds of the documented loop: one page after the other, each new."""
    found: Found = Counter()
    browser = await driver.chromium.launch(
        executable_path=installed_browser(None, driver.chromium.executable_path), args=[*FLAGS, "--no-sandbox"]
    )
    context = await browser.new_context(locale=LOCALE, viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]})
    began = time.monotonic()
    for address in pages:
        page = await context.new_page()
        await page.goto(address)
        results = await Axe().run(page)
        add(found, address, [
            [rule["id"], node["target"]] for rule in results.response["violations"] for node in rule["nodes"]
        ])  # fmt: skip
        await page.close()
    seconds = time.monotonic() - began
    await browser.close()
    return seconds, found


def add(found: Found, address: str, places: list[list[object]]) -> None:
    """Count the places of one page that lie outside frames, in the form that `swept` gives."""
    for rule, target in places:
        assert isinstance(target, list)
        if len(target) == 1:
            inner = target[0] if isinstance(target[0], list) else target
            found[urlsplit(address).path, str(rule), json.dumps(inner)] += 1


async def measure(address: str, excluded: tuple[str, ...], rounds: int) -> None:
    """Run the three ways by turns and print what came out."""
    engine = installed_engine()
    seconds: dict[str, list[float]] = {"sweep": [], "ceiling": [], "naive": []}
    with tempfile.TemporaryDirectory() as folder:
        async with async_playwright() as driver:
            async with Tab(driver, MANNERS, script=engine.injected) as tab:
                rules = await rule_set(tab, engine, Edition.JIS2016, Level.AA)
            for _ in range(rounds):
                took, database = await asyncio.to_thread(sweep, address, Path(folder), excluded)
                pages, ours = swept(database)
                seconds["sweep"].append(took)
                for way, (took, found) in {
                    "ceiling": await ceiling(driver, pages, engine, rules), "naive": await naive(driver, pages)
                }.items():  # fmt: skip
                    seconds[way].append(took)
                    tell_differences(way, ours, found, rules)
    rates = {way: len(pages) / median(took) for way, took in seconds.items()}
    print(f"\n{len(pages)} pages, {rounds} rounds, {TABS} tabs, axe-core {engine.version}")
    for way, rate in rates.items():
        print(f"{way:<8} {rate:6.2f} pages/s   {', '.join(f'{each:.1f} s' for each in seconds[way])}")
    print(f"sweep ÷ ceiling = {rates['sweep'] / rates['ceiling']:.2f} (aim 0.85)")
    print(f"sweep ÷ naive   = {rates['sweep'] / rates['naive']:.2f} (aim 2.5)")


def tell_differences(way: str, ours: Found, found: Found, rules: RuleSet) -> None:
    """Say which failed places the two do not share, among the rules that the sweep runs."""
    theirs = Counter({place: times for place, times in found.items() if place[1] in rules.criteria})
    only_ours, only_theirs = ours - theirs, theirs - ours
    print(f"{way}: {sum((ours & theirs).values())} places in both, "
          f"{sum(only_ours.values())} only in the sweep, {sum(only_theirs.values())} only in the {way}")  # fmt: skip
    for sign, some in (("+", only_ours), ("-", only_theirs)):
        for place in sorted(some)[:20]:
            print("  ", sign, *place)


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, help="folder of HTML files to serve")
    parser.add_argument("--start", default="", help="start page within the folder")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with served(given.tree) if given.tree else served_sample() as address:
        excluded = () if given.tree else NEVER_LOAD
        asyncio.run(measure(address + given.start, excluded, given.rounds))


if __name__ == "__main__":
    main()
