"""Pages a second of a whole sweep, against what the browser alone can do and against the obvious loop.

    python -m bench.throughput                                  the sample site
    python -m bench.throughput --tree DIR --start index.html    a folder of HTML files
    python -m bench.throughput … --without naive                two of the three

Three ways over the same pages, `--rounds` times, by turns of a few seconds (see bench.turns), after a sweep that only lists the pages:

- sweep: `jisweep sweep --method all`, from the start of the program to the written report;
- ceiling: as many tabs as the sweep uses, each only going to a page and running the same rules of the same engine;
- naive: axe-playwright-python as its documentation shows it, a fresh page each, its own bundled engine.

Prints one table and the differences in what was found. Speeds are medians over the rounds.
"""

import argparse
import asyncio
import json
import sqlite3
import sys
import tempfile
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Playwright, async_playwright

from audits.engine import Engine, RuleSet, installed_engine, rule_set
from bench.tree import served, served_sample
from bench.turns import READY, Program, by_turns
from crawler.browser import FLAGS, LOCALE, VIEWPORT, Tab, installed_browser
from crawler.fetch import Manners
from db.words import Edition, Level

TABS = 3
MANNERS = Manners(contact="bench")
AIMS = {"ceiling": 0.85, "naive": 2.5}  # the sweep's speed in theirs
NEVER_LOAD = ("/kasen/camera", "/kasen/kansoku", "/event/calendar")  # would measure waiting, not work

Found = Counter[tuple[str, str, str]]  # page, rule, target → times


def sweep(address: str, database: Path, excluded: tuple[str, ...]) -> Program:
    """A whole sweep into a new database."""
    command = [
        sys.executable, "-m", "jisweep", "sweep", address, "--method", "all", "--allow-private", "--delay", "0", "--json",
        "--db", str(database), "--out", str(database.with_suffix("")),
    ]  # fmt: skip
    for pattern in excluded:
        command += ["--exclude", f"{pattern}*=not measured"]
    return Program(command=command, good=(0, 3))


def alone(way: str, pages: list[str], found: Path) -> Program:
    """One of the other two ways over some pages, which writes what it found."""
    listed = found.with_suffix(".pages")
    listed.write_text("\n".join(pages), encoding="utf-8")
    return Program(
        command=[sys.executable, "-m", "bench.throughput", "--alone", way, str(listed), str(found)], prepares=True
    )


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


async def ceiling(driver: Playwright, pages: list[str], engine: Engine, rules: RuleSet) -> Found:
    """Navigation and rules alone, in TABS tabs."""
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
        await begin()
        await asyncio.gather(*map(work, tabs))
    return found


async def naive(driver: Playwright, pages: list[str]) -> Found:
    """The documented loop: one page after the other, each new."""
    found: Found = Counter()
    browser = await driver.chromium.launch(
        executable_path=installed_browser(None, driver.chromium.executable_path), args=[*FLAGS, "--no-sandbox"]
    )
    context = await browser.new_context(locale=LOCALE, viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]})
    await begin()
    for address in pages:
        page = await context.new_page()
        await page.goto(address)
        results = await Axe().run(page)
        add(found, address, [
            [rule["id"], node["target"]] for rule in results.response["violations"] for node in rule["nodes"]
        ])  # fmt: skip
        await page.close()
    await browser.close()
    return found


async def begin() -> None:
    """Say that the preparations are made, and wait until it is our turn."""
    print(READY, flush=True)
    await asyncio.to_thread(sys.stdin.readline)


async def go_alone(way: str, listed: Path, found: Path) -> None:
    """One of the two over the pages of a list; what it finds of the rules that the sweep runs is written to a file."""
    pages = listed.read_text(encoding="utf-8").split("\n")
    engine = installed_engine()
    async with async_playwright() as driver:
        async with Tab(driver, MANNERS, script=engine.injected) as tab:
            rules = await rule_set(tab, engine, Edition.JIS2016, Level.AA)
        places = await (ceiling(driver, pages, engine, rules) if way == "ceiling" else naive(driver, pages))
    ours = [[*place, times] for place, times in places.items() if place[1] in rules.criteria]
    found.write_text(json.dumps(ours), encoding="utf-8")


def add(found: Found, address: str, places: list[list[object]]) -> None:
    """Count the places of one page that lie outside frames, in the form that `swept` gives."""
    for rule, target in places:
        assert isinstance(target, list)
        if len(target) == 1:
            inner = target[0] if isinstance(target[0], list) else target
            found[urlsplit(address).path, str(rule), json.dumps(inner)] += 1


def measure(address: str, excluded: tuple[str, ...], ways: list[str], rounds: int) -> None:
    """Run the ways by turns and print what came out."""
    seconds: dict[str, list[float]] = {way: [] for way in ("sweep", *ways)}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        by_turns([sweep(address, folder / "list.sqlite", excluded)])
        pages, _ = swept(folder / "list.sqlite")
        for number in range(rounds):
            database = folder / f"{number}.sqlite"
            programs = {way: alone(way, pages, folder / f"{way}-{number}.json") for way in ways}
            programs["sweep"] = sweep(address, database, excluded)
            by_turns(list(programs.values()))
            again, ours = swept(database)
            if again != pages:
                raise SystemExit("the sweeps did not audit the same pages")
            for way, program in programs.items():
                seconds[way].append(program.seconds)
            for way in ways:
                listed = json.loads((folder / f"{way}-{number}.json").read_text(encoding="utf-8"))
                tell_differences(
                    way, ours, Counter({(page, rule, target): times for page, rule, target, times in listed})
                )
    rates = {way: len(pages) / median(took) for way, took in seconds.items()}
    print(f"\n{len(pages)} pages, {rounds} rounds, {TABS} tabs, axe-core {installed_engine().version}")
    for way, rate in rates.items():
        print(f"{way:<8} {rate:6.2f} pages/s   {', '.join(f'{each:.1f} s' for each in seconds[way])}")
    for way in ways:
        ratios = ", ".join(f"{a / b:.3f}" for a, b in zip(seconds[way], seconds["sweep"], strict=True))
        print(f"sweep ÷ {way:<7} = {rates['sweep'] / rates[way]:.2f} (aim {AIMS[way]}; rounds: {ratios})")


def tell_differences(way: str, ours: Found, theirs: Found) -> None:
    """Say which failed places the two do not share."""
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
    parser.add_argument("--without", choices=AIMS, action="append", default=[])
    parser.add_argument("--alone", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        way, listed, found = given.alone
        asyncio.run(go_alone(way, Path(listed), Path(found)))
        return
    with served(given.tree) if given.tree else served_sample() as address:
        excluded = () if given.tree else NEVER_LOAD
        ways = [way for way in AIMS if way not in given.without]
        measure(address + given.start, excluded, ways, given.rounds)


if __name__ == "__main__":
    main()
