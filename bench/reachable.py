"""Whether exploring a folder of HTML files finds the pages that its files say links lead to, each once.

    python -m bench.reachable usr/share/doc/python3.11/html
    python -m bench.reachable usr/share/doc/openjdk-17-jre-headless --start index.html -- --per-host 4

Serves the folder on loopback and runs `jisweep explore` against it as a program. Which files links reach from the
start is worked out from the files themselves, by code that the crawler does not share (bench/files.py). Prints a
table, and then every difference by its reason, with examples. What jisweep calls the same page is compared in the
files. What stands after `--` goes to jisweep as it is. Ends with 1 when a difference has no reason that holds.
"""

import argparse
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bench.crawl import Run, explore
from bench.files import Folder, Kind, Reached
from bench.tree import served

SHOWN = 20  # examples of each class
SCRIPTED = ("rendered", "clicked")
GIVEN = ("start", "seed", "sitemap")
REFUSED = ("robots", "excluded")  # what the site or the operator does not want; a file is no act, nor a trap

Rows = dict[str, dict[str, Any]]  # inventory by address


@dataclass(kw_only=True)
class Compared:
    """An inventory held against the files; differences by class, those of `wrong` are none that should be."""

    reached: Reached
    found: dict[str, list[str]]  # name of a page → addresses counted as it
    missing: set[str] = field(default_factory=set)  # what jisweep says is not there
    others: set[str] = field(default_factory=set)  # what it says is no HTML
    explained: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    wrong: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))


def compare(folder: Folder, origin: str, start: str, rows: Rows) -> Compared:
    """Every difference between what links reach in the files and what was found."""
    named: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for address, row in rows.items():
        named[folder.name(address.removeprefix(origin))].append(row)
    found = {name: _counted(those) for name, those in named.items() if _counted(those)}
    compared = Compared(reached=folder.reached(start), found=found)
    for name in sorted(compared.reached.pages - found.keys()):
        _explain_unfound(compared, folder, origin, name, named[name])
    for name, addresses in sorted(found.items()):
        compared.wrong["counted, and refused"] += [each for each in addresses if rows[each]["reason"]]
        if len(addresses) > 1:
            compared.wrong["counted twice"].append(" = ".join(addresses))
        if name not in compared.reached.pages:
            _explain_found(compared, folder, name, rows, addresses[0])
    compared.missing = {
        name for name, those in named.items() if any(each["reason"] == "not_found" for each in those)
    }
    compared.others = {name for name, those in named.items() if any(each["reason"] == "not_html" for each in those)}
    _differ(compared, "address of nothing", compared.reached.missing, compared.missing)
    _differ(compared, "file that is no HTML", compared.reached.others, compared.others)
    return compared


def _counted(rows: list[dict[str, Any]]) -> list[str]:
    return [row["address"] for row in rows if row["state"] == "explored"]


def _explain_unfound(
    compared: Compared, folder: Folder, origin: str, name: str, rows: list[dict[str, Any]]
) -> None:
    """Why a page that links reach is not counted under its own name."""
    for row in rows:
        reason, detail = row["reason"], row["detail"] or ""
        if reason == "duplicate":
            other = folder.name((row["leads_to"] or "").removeprefix(origin))
            same = _sameness(folder, name, other)
            why = detail.rpartition("(")[2].rstrip(")")
            place = compared.wrong if same is None else compared.explained
            place[f"only reachable: duplicate ({why}); {same or 'the files differ'}"].append(f"{name} = {other}")
            return
        if reason in REFUSED or (reason == "empty" and not folder.body(name).strip()):
            compared.explained[f"only reachable: {reason}"].append(f"{name} {detail}")
            return
    said = " ".join(f"{row['reason'] or row['state']} {row['detail'] or ''}" for row in rows)
    compared.wrong[f"only reachable: {rows[0]['reason'] if rows else 'not known'}"].append(f"{name} {said}")


def _sameness(folder: Folder, name: str, other: str) -> str | None:
    """In which way two pages say the same; None when they do not."""
    if Kind.PAGE is not folder.kind(name) or Kind.PAGE is not folder.kind(other):
        return None
    if folder.body(name) == folder.body(other):
        return "the same bytes"
    return "the same words, pictures and links" if folder.read(name).told == folder.read(other).told else None


def _explain_found(compared: Compared, folder: Folder, name: str, rows: Rows, address: str) -> None:
    """Why a page is counted that links in the files do not reach."""
    if folder.kind(name) is Kind.MISSING:
        compared.wrong["only found: there is no such file"].append(address)
        return
    way = [rows[address]]
    while way[-1]["found_by"] not in (*SCRIPTED, *GIVEN) and way[-1]["found_on"] in rows:
        way.append(rows[way[-1]["found_on"]])
    by = way[-1]["found_by"]
    said = f"{name} on {way[-1]['found_on']}" + (f", {len(way) - 1} links further" if way[1:] else "")
    if by in SCRIPTED:
        compared.explained[f"only found: by a link that scripts make ({by})"].append(said)
    elif by in GIVEN and name not in compared.reached.saved:
        compared.explained[f"only found: {by}"].append(said)
    else:
        compared.wrong["only found: by a link that the files do not have"].append(
            f"{name} on {rows[address]['found_on']}"
        )


def _differ(compared: Compared, what: str, here: set[str], there: set[str]) -> None:
    compared.wrong[f"{what}: linked to, not in the inventory"] += sorted(here - there)
    compared.wrong[f"{what}: in the inventory, not linked to"] += sorted(there - here)


def table(run: Run, compared: Compared, files: int) -> dict[str, str]:
    """The lines of the table."""
    reached, found = compared.reached.pages, compared.found.keys()
    return {
        "HTML files in the folder": f"{files:,}",
        "files reachable by links": f"{len(reached):,}",
        "pages found by jisweep": f"{sum(map(len, compared.found.values())):,}",
        "  in both": f"{len(reached & found):,}",
        "  only reachable": f"{len(reached - found):,}",
        "  only found": f"{len(found - reached):,}",
        "differences without a reason": f"{sum(map(len, compared.wrong.values())):,}",
        "addresses of nothing, in the files / jisweep": f"{len(compared.reached.missing):,} / {len(compared.missing):,}",
        "linked files that are no HTML, the same": f"{len(compared.reached.others):,} / {len(compared.others):,}",
        "addresses in the inventory": f"{len(run.inventory):,}",
        "seconds": f"{run.seconds:,.1f}",
        "pages/s": f"{len(found) / run.seconds:.1f}",
    }


def show(lines: dict[str, str], compared: Compared) -> None:
    """The table, and then the differences, the first of each class."""
    width = max(map(len, lines))
    print(*(f"{name:<{width}} {value:>18}" for name, value in lines.items()), sep="\n")
    for verdict, classes in (("explained", compared.explained), ("UNEXPLAINED", compared.wrong)):
        for name, places in sorted(classes.items()):
            if places:
                print(f"\n{verdict}, {name}: {len(places):,}")
                print(*(f"  {place}" for place in places[:SHOWN]), sep="\n")


def main() -> int:
    """Read the command line, explore and compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--start", default="", help="page in the folder to begin with  [its index]")
    parser.add_argument("--keep", type=Path, help="folder for database and inventory  [thrown away]")
    parser.add_argument("more", nargs="*", help="options of jisweep explore, after --")
    given = parser.parse_args()
    if not given.folder.is_dir():
        parser.error(f"{given.folder} is no folder")
    start = "/" + quote(given.start.lstrip("/"))
    with tempfile.TemporaryDirectory() as made, served(given.folder) as at:
        origin = at.rstrip("/")
        kept = given.keep or Path(made)
        kept.mkdir(parents=True, exist_ok=True)
        run = explore(f"{origin}{start}", kept, given.more)
    rows = {row["address"]: row for row in run.inventory}
    folder = Folder(given.folder, origin)
    compared, files = compare(folder, origin, start, rows), folder.pages()
    compared.explained["neither: no link leads to the file"] += sorted(
        files - compared.reached.pages - compared.found.keys()
    )
    show(table(run, compared, len(files)), compared)
    return 1 if any(compared.wrong.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
