"""What a later sweep of a site costs: nothing changed, and a share of the pages changed, against the first sweep.

    python -m bench.again --tree DIR --start index.html
    python -m bench.again --tree DIR --start index.html --share 0.05

Copies the folder of HTML files, serves the copy, and runs `jisweep sweep --method all` as a program three times, from
its start to the written report: first, again, and again after a paragraph with a fault was put into a share of the
pages. Prints one table, and what is wrong with the results: pages that were carried although they were changed, or
whose findings are not those of a sweep that carries nothing.
"""

import argparse
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from bench.tree import served

FAULT = b'<p>&nbsp;<img src="changed.png" width="9" height="9"></p>'
AIMS = {"again": 20.0, "changed": 8.0}  # times as fast as the first sweep


def sweep(address: str, folder: Path, *options: str) -> tuple[float, dict[str, Any]]:
    """Seconds of one whole sweep, and what it said."""
    command = [
        sys.executable, "-m", "jisweep", "sweep", address, "--method", "all", "--allow-private", "--delay", "0",
        "--max-addresses", "10000000", "--json", "--db", str(folder / "bench.sqlite"),
        "--out", str(folder / f"out-{time.monotonic_ns()}"), *options,
    ]  # fmt: skip
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - began
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    return seconds, json.loads(done.stdout)


def change(tree: Path, share: float) -> set[Path]:
    """Put a fault at the end of a share of the pages, drawn at random; returns their files."""
    pages = sorted(path for path in tree.rglob("*.html") if b"</body>" in path.read_bytes())
    drawn = random.Random(1).sample(pages, round(share * len(pages)))
    for path in drawn:
        path.write_bytes(path.read_bytes().replace(b"</body>", FAULT + b"</body>"))
    return set(drawn)


def findings(database: Path, number: int) -> dict[str, Counter[tuple[str, ...]]]:
    """The findings of a sweep by the path of the page."""
    found: dict[str, Counter[tuple[str, ...]]] = {}
    with sqlite3.connect(database) as rows:
        audited = """SELECT address, rule, outcome, frame, target FROM visit JOIN page ON page.id = visit.page_id
            LEFT JOIN finding ON finding.result_id = visit.result_id WHERE sweep_id = ? AND state = 'audited'"""
        for address, *told in rows.execute(audited, (number,)):
            found.setdefault(unquote(urlsplit(address).path), Counter()).update([tuple(map(str, told))])
    return found


def carried(database: Path, number: int) -> set[str]:
    """The paths of the pages that a sweep carried."""
    with sqlite3.connect(database) as rows:
        said = "SELECT address FROM visit JOIN page ON page.id = page_id WHERE sweep_id = ? AND carried"
        return {unquote(urlsplit(address).path) for (address,) in rows.execute(said, (number,))}


def measure(tree: Path, start: str, share: float) -> None:
    """Run the sweeps and print what came out."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy = folder / "tree"
        shutil.copytree(tree, copy, ignore_dangling_symlinks=True)
        with served(copy) as origin:
            runs = {"first": sweep(origin + start, folder), "again": sweep(origin + start, folder)}
            changed = {f"/{path.relative_to(copy).as_posix()}" for path in change(copy, share)}
            runs["changed"] = sweep(origin + start, folder)
            _, fresh = sweep(origin + start, folder, "--fresh")
        for run, (seconds, said) in runs.items():
            times = runs["first"][0] / seconds
            aim = f"   {times:5.1f} times as fast (aim {AIMS[run]:g})" if run in AIMS else ""
            pages, leaned = said["pages"], said["carried"]
            print(f"{run:<8} {seconds:7.1f} s   {pages['audited']} pages, {leaned['pages']} carried, "
                  f"{leaned['rechecked']} of those drawn to be audited anyway, {leaned['disagreeing']} disagree{aim}")  # fmt: skip
        database = folder / "bench.sqlite"
        last = runs["changed"][1]["sweep"]
        wrong = sorted(carried(database, last) & changed)
        ours, truth = findings(database, last), findings(database, fresh["sweep"])
        differing = sorted(path for path in ours.keys() | truth.keys() if ours.get(path) != truth.get(path))
        print(f"{len(changed)} files changed; carried although changed: {len(wrong)} {wrong[:20]}")
        print(f"pages whose findings differ from a fresh sweep's: {len(differing)} {differing[:20]}")


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, required=True, help="folder of HTML files to serve")
    parser.add_argument("--start", default="", help="start page within the folder")
    parser.add_argument("--share", type=float, default=0.05, help="share of the pages that is changed")
    given = parser.parse_args()
    measure(given.tree, given.start, given.share)


if __name__ == "__main__":
    main()
