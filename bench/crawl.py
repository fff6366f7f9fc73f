"""What exploring finds on a generated site whose truth is known, what it costs, and whether it slows down.

    python -m bench.crawl --pages 1000 --pages 10000 --seed 1
    python -m bench.crawl --pages 100000 -- --per-host 4

Serves the site from a process of its own, runs `jisweep explore` against it as a program, and holds its inventory
against the truth. Prints one table, a column for each size, and then the differences. What stands after `--` goes to
jisweep as it is. Memory is read from /proc, so this needs Linux; without it the two lines say so.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

from bench.generated import ENDS, TRAPS, Kind, Meant, Site

SHOWN = 20  # differences of each kind
NEVER_ENDS = ("--max-addresses", "10000000", "--max-seconds", "864000")
EVERY = 0.5  # seconds between two looks at memory
END = 1000  # requests at the beginning, and at the end, whose rates are compared
PAUSE = 20.0  # seconds without a request from which the host was left alone, because it failed


@dataclass(kw_only=True)
class Served:
    """A generated site that runs, and after it has ended what it was asked for."""

    origin: str
    asked: dict[str, Any] = field(default_factory=dict)


@dataclass(kw_only=True)
class Run:
    """One run of the program: how long, what it said, its time on a processor, and its greatest memory in bytes."""

    seconds: float
    inventory: list[dict[str, Any]]
    own: int | None
    browsers: int | None
    processor: float  # seconds of the own process alone; 0.0: not known


@dataclass(kw_only=True)
class Judged:
    """An inventory held against the truth; lists hold what is wrong, by kind of mistake."""

    found: int = 0  # pages counted at least once
    counted: int = 0  # addresses counted as pages
    traps: Counter[str] = field(default_factory=Counter)  # addresses of traps counted as pages, by trap
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


@contextmanager
def served(pages: int, seed: int) -> Iterator[Served]:
    """The site in a process of its own; what it was asked for is known when the block has ended."""
    command = [sys.executable, "-m", "bench.generated", "--pages", str(pages), "--seed", str(seed)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        site = Served(origin=server.stdout.readline().strip())
        try:
            yield site
        finally:
            said, _ = server.communicate()  # ends its standard input
        site.asked = json.loads(said)


def explore(start: str, folder: Path, more: list[str]) -> Run:
    """Run the program until it has its inventory."""
    command = [
        sys.executable, "-m", "jisweep", "explore", start, "--json", "--allow-private", "--delay", "0", "--lang", "en",
        "--db", str(folder / "crawl.sqlite"), *NEVER_ENDS, *more,
    ]  # fmt: skip
    began = time.monotonic()
    with (folder / "out.json").open("w+") as out, (folder / "said.txt").open("w+") as said:
        with subprocess.Popen(command, stdout=out, stderr=said, text=True) as program:
            watching = Watching(program.pid)
            watching.start()
            code = program.wait()
        seconds = time.monotonic() - began
        watching.join()
        out.seek(0)
        said.seek(0)
        if code not in (0, 3):
            raise SystemExit(f"jisweep explore ended with {code}: {said.read()[-2000:]}")
        inventory = json.load(out)["addresses"]
    return Run(
        seconds=seconds,
        inventory=inventory,
        own=watching.own,
        browsers=watching.browsers,
        processor=watching.processor,
    )


class Watching(threading.Thread):
    """Looks at the memory of a process, and apart from it at that of all its children, until it ends."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self._pid = pid
        self.own: int | None = None  # bytes at most
        self.browsers: int | None = None
        self.processor = 0.0

    def run(self) -> None:
        while (own := _memory(self._pid, "status", "VmHWM")) is not None:
            self.own = max(self.own or 0, own)
            self.processor = _processor(self._pid) or self.processor
            shares = (_memory(child, "smaps_rollup", "Pss") or 0 for child in _children(self._pid))
            self.browsers = max(self.browsers or 0, sum(shares))
            time.sleep(EVERY)


def _memory(pid: int, file: str, name: str) -> int | None:
    """Bytes that /proc tells of a process under a name; None when the process or its memory is gone."""
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{pid}/{file}").read_text(), re.MULTILINE)
    except OSError:
        return None
    return int(found[1]) * 1024 if found else None


def _processor(pid: int) -> float | None:
    """Seconds that a process has had of the processors; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _children(pid: int) -> Iterator[int]:
    """All processes that a process has begun, and theirs."""
    try:
        tasks = [file.read_text().split() for file in Path(f"/proc/{pid}/task").glob("*/children")]
    except OSError:
        return
    for child in {int(each) for task in tasks for each in task}:
        yield child
        yield from _children(child)


def judge(site: Site, origin: str, run: Run, asked: dict[str, Any]) -> Judged:
    """What the inventory has right and wrong."""
    judged = Judged()
    known: dict[str, str] = {}  # path → how it ended
    pages: dict[str, list[str]] = defaultdict(list)  # page → addresses that were counted as it
    for row in run.inventory:
        path = row["address"].removeprefix(origin)
        end = known[path] = row["reason"] or row["state"]
        meant = site.resolve(path)
        if end == "explored":
            judged.counted += 1
            _count(judged, pages, path, meant)
        elif end not in ENDS[meant.kind] and meant.kind is not Kind.PAGE:
            judged.wrong[f"{meant.kind.value} that ended otherwise"].append(f"{path} {end}")
    for page, how in site.all_pages.items():
        if not pages[page]:
            judged.wrong["page missed"].append(f"{page} ({how}) {known.get(page, 'not known')}")
        elif len(pages[page]) > 1:
            judged.wrong["page counted twice"].append(" = ".join(sorted(pages[page])))
    judged.found = sum(bool(pages[page]) for page in site.all_pages)
    judged.wrong["address not known"] += [path for path in site.things_linked() if path not in known]
    both = (*asked["client"], *asked["browser"])
    judged.wrong["unsafe link asked for"] += [path for path in both if site.resolve(path).kind is Kind.UNSAFE]
    judged.wrong["disallowed address asked for"] += [
        path for path in both if site.resolve(path).kind is Kind.CLOSED
    ]
    return judged


def _count(judged: Judged, pages: dict[str, list[str]], path: str, meant: Meant) -> None:
    """Put an address that was counted as a page where it belongs."""
    if meant.kind in (Kind.PAGE, Kind.COPY):
        pages[meant.page].append(path)
    elif meant.kind is Kind.TRAP:
        judged.traps[meant.name] += 1
    else:
        judged.wrong["no page, but counted"].append(f"{path} ({meant.kind.value})")


def gaps(times: list[float]) -> list[float]:
    """Seconds between two requests of the exploring client, but those between which the browser asked."""
    return [later - earlier for earlier, later in pairwise(times) if earlier > 0 < later]


def rate(times: list[float]) -> float:
    """Requests a second of the exploring client, without the time in which the browser asked or the host had a rest."""
    counted = [each for each in gaps(times) if each < PAUSE]
    return len(counted) / sum(counted) if counted else 0.0


def row(site: Site, run: Run, judged: Judged, asked: dict[str, Any]) -> dict[str, str]:
    """The lines of the table for one size."""
    pages = len(site.all_pages)
    kinds = Counter(dict.fromkeys(Kind, 0))
    traps: Counter[str] = Counter(dict.fromkeys(TRAPS, 0))
    for path, times in asked["client"].items():
        meant = site.resolve(path)
        kinds[meant.kind] += times
        if meant.kind is Kind.TRAP:
            traps[meant.name] += times
    client, different = sum(asked["client"].values()), len(asked["client"])
    wrong = judged.wrong
    client_times = [each for each in asked["times"] if each > 0]
    turn = {
        "first": client_times[min(END, len(client_times)) - 1],
        "last": client_times[-min(END, len(client_times))],
    }
    first = [each for each in asked["times"] if abs(each) <= turn["first"]]
    last = [each for each in asked["times"] if abs(each) >= turn["last"]]
    thousands = [asked["times"][each : each + END] for each in range(0, max(len(asked["times"]) - END, 1), END)]
    twice = sum(each.count(" = ") for each in wrong["page counted twice"])
    return {
        "pages": f"{pages:,}",
        "addresses known": f"{len(run.inventory):,}",
        "seconds": f"{run.seconds:,.1f}",
        "pages/s": f"{judged.found / run.seconds:.1f}",
        "own processor time, ms per page": f"{1000 * run.processor / pages:.1f}",
        f"first / last {END} requests, per s": f"{rate(first):.0f} / {rate(last):.0f}",
        f"  usual / slowest {END} of all, per s": f"{median(map(rate, thousands)):.0f} / {min(map(rate, thousands)):.0f}",
        "seconds at rest, as the host failed": f"{sum(each for each in gaps(asked['times']) if each >= PAUSE):,.0f}",
        "requests of the client": f"{client:,}",
        "  for pages, per page": f"{kinds[Kind.PAGE] / pages:.3f}",
        "  and for their copies, per page": f"{(kinds[Kind.PAGE] + kinds[Kind.COPY]) / pages:.3f}",
        "  and for all but traps, per page": f"{(client - kinds[Kind.TRAP]) / pages:.3f}",
        "  for traps": f"{kinds[Kind.TRAP]:,}",
        "  of these for the greatest": "{1:,}".format(*max(traps.items(), key=lambda each: each[1])),
        "  per address asked for": f"{client / different:.3f}",
        "requests of the browser": f"{sum(asked['browser'].values()):,}",
        "recall of pages": f"{judged.found / pages:.2%}",
        "precision of pages": f"{judged.found / max(judged.counted, 1):.2%}",
        "pages missed": f"{len(wrong['page missed']):,}",
        "counted twice": f"{twice:,}",
        "no pages, but counted": f"{len(wrong['no page, but counted']):,}",
        "of traps, counted": f"{sum(judged.traps.values()):,}",
        "other addresses not known": f"{len(wrong['address not known']):,}",
        "unsafe links asked for": f"{len(wrong['unsafe link asked for']):,}",
        "disallowed asked for": f"{len(wrong['disallowed address asked for']):,}",
        "peak memory, own process": _mega(run.own),
        "peak memory, browser and driver": _mega(run.browsers),
    }


def _mega(size: int | None) -> str:
    return "not known (no /proc)" if size is None else f"{size / 2**20:,.0f} MB"


def measure(pages: int, seed: int, more: list[str], keep: Path | None) -> tuple[dict[str, str], Judged]:
    """One size: serve, explore, judge."""
    site = Site(pages, seed)
    with tempfile.TemporaryDirectory() as made:
        folder = keep or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        with served(pages, seed) as at:
            run = explore(f"{at.origin}/", folder, more)
        judged = judge(site, at.origin, run, at.asked)
        lines = row(site, run, judged, at.asked)
        lines["database"] = _mega(sum(file.stat().st_size for file in folder.glob("crawl.sqlite*")))
    return lines, judged


def show(sizes: list[int], columns: list[dict[str, str]], all_judged: list[Judged]) -> None:
    """The table, and then what is wrong, the first of each kind."""
    width = max(len(name) for name in columns[0])
    print()
    for name in columns[0]:
        print(f"{name:<{width}}", *(f"{column[name]:>18}" for column in columns))
    for size, judged in zip(sizes, all_judged, strict=True):
        for mistake, places in sorted(judged.wrong.items()):
            if places:
                print(f"\n{size:,} pages, {mistake}: {len(places):,}")
                print(*(f"  {place}" for place in places[:SHOWN]), sep="\n")
        if judged.traps:
            print(f"\n{size:,} pages, addresses of traps counted as pages")
            print(*(f"  {name}: {count:,}" for name, count in judged.traps.most_common()), sep="\n")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, action="append", help="size; may be given again  [1000 and 10000]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="folder for database and inventory  [thrown away]")
    parser.add_argument("more", nargs="*", help="options of jisweep explore, after --")
    given = parser.parse_args()
    sizes = given.pages or [1000, 10_000]
    results = []
    for size in sizes:
        keep = given.keep / str(size) if given.keep else None
        results.append(measure(size, given.seed, given.more, keep))
    show(sizes, [lines for lines, _ in results], [judged for _, judged in results])


if __name__ == "__main__":
    main()
