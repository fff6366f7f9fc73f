"""Whether a defect keeps its name while real pages change: released versions of a site, swept under one address.

    python -m bench.history V1 V2 V3 --start production/ --pages 'production/*.html'
    python -m bench.history --db FILE V1 V2 V3      only tells what the sweeps kept there say

Serves the folders one after the other at one address, sweeps each with `jisweep sweep --method all --fresh` from the
start (every page that matches is a seed too), and prints what each step did to the defects. Then it holds that against a measure of its own,
which knows nothing of how defects get their names: in each page of two versions the failed elements of a rule are
aligned by their HTML, texts and addresses and all, in the order of the page. Where it takes two elements for one and
their defects differ, the defect may be split; where a defect goes on though none of its elements does, or covers on one
page elements whose tags look unlike, it may be merged. These are candidates: a person decides, and looks at the drawn
ones too.
"""

import argparse
import json
import random
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path
from urllib.parse import quote, urlsplit

from bench.tree import served

ALIKE = 0.75  # of two elements' HTML, from which they may be one element that was edited
UNLIKE = 0.5  # of two elements' tags, below which one defect looks like two
SHOWN = 110  # characters of an element


@dataclass(frozen=True, kw_only=True)
class Element:
    """A failed element of a page in one version."""

    rule: str
    frame: str
    defect: int
    html: str
    target: str


Pages = dict[str, list[Element]]  # path → its failed elements, in the order of the page


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two elements of one page that the alignment takes for one; `before` or `after` is None where it knows no other."""

    path: str
    before: Element | None
    after: Element | None


# ── sweeping ───────────────────────────────────────────────────────────────────────────────────────


def sweep_all(versions: Sequence[Path], start: str, pattern: str, database: Path) -> None:
    """Sweep the versions in their order, each at the address of the first."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        site = folder / "site"
        site.symlink_to(versions[0].resolve())
        with served(site) as origin:
            for version in versions:
                site.unlink()
                site.symlink_to(version.resolve())
                pages = sorted(path.relative_to(version).as_posix() for path in version.glob(pattern))
                seeds = folder / "seeds.txt"
                seeds.write_text("".join(f"{origin}{quote(page)}\n" for page in pages))
                began = time.monotonic()
                said = _sweep(origin + start, database, seeds, folder / version.name)
                print(f"{version.name}: {said['pages']['audited']} of {len(pages)} pages in "
                      f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip


def _sweep(address: str, database: Path, seeds: Path, out: Path) -> dict[str, dict[str, int]]:
    command = [
        sys.executable, "-m", "jisweep", "sweep", address, "--method", "all", "--allow-private", "--delay", "0", "--fresh",
        "--json", "--db", str(database), "--seeds", str(seeds), "--out", str(out),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode not in (0, 3):
        raise SystemExit(done.stderr)
    told: dict[str, dict[str, int]] = json.loads(done.stdout)
    return told


# ── what was kept ──────────────────────────────────────────────────────────────────────────────────


def elements(rows: sqlite3.Connection, sweep: int) -> Pages:
    """The failed elements of every page that a sweep saw, with the defects as they are known now."""
    pages: Pages = {}
    audited = "SELECT address FROM visit JOIN page ON page.id = page_id WHERE sweep_id = ? AND state = 'audited'"
    for (address,) in rows.execute(audited, (sweep,)):
        pages[urlsplit(address).path] = []
    failed = """SELECT address, finding.rule, frame, coalesce(merged_into_id, defect.id), snippet, target
        FROM visit JOIN page ON page.id = visit.page_id JOIN finding ON finding.result_id = visit.result_id
        JOIN defect ON defect.id = defect_id WHERE sweep_id = ? AND visit.state = 'audited' AND outcome = 'failed'
        ORDER BY address, position"""
    for address, rule, frame, defect, html, target in rows.execute(failed, (sweep,)):
        pages[urlsplit(address).path].append(
            Element(rule=rule, frame=frame, defect=defect, html=html, target=target)
        )
    return pages


def events(rows: sqlite3.Connection, sweep: int) -> dict[str, set[int]]:
    """The defects that a sweep took to each state; those that turned out to be older ones are none."""
    told: dict[str, set[int]] = defaultdict(set)
    kept = """SELECT new, defect_id FROM defect_event JOIN defect ON defect.id = defect_id
        WHERE sweep_id = ? AND merged_into_id IS NULL"""
    for new, defect in rows.execute(kept, (sweep,)):
        told[new].add(defect)
    return told


# ── the measure of its own ─────────────────────────────────────────────────────────────────────────


def aligned(before: Pages, after: Pages) -> Iterator[Pair]:
    """The elements of the pages that both versions have, each with the one that it is in the other."""
    for path in sorted(before.keys() & after.keys()):
        kinds = {(each.rule, each.frame) for each in (*before[path], *after[path])}
        for kind in sorted(kinds):
            old, new = (
                [each for each in pages[path] if (each.rule, each.frame) == kind] for pages in (before, after)
            )
            for one, other in _paired(old, new):
                yield Pair(path=path, before=one, after=other)


def _paired(old: list[Element], new: list[Element]) -> Iterator[tuple[Element | None, Element | None]]:
    """The same HTML in the same order first, then what is most alike, then the same text in whatever element."""
    matcher = SequenceMatcher(None, [each.html for each in old], [each.html for each in new], autojunk=False)
    blocks = matcher.get_matching_blocks()
    same = [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
    yield from ((old[a], new[b]) for a, b in same)
    left, right = ({*range(len(some))} - {pair[side] for pair in same} for side, some in enumerate((old, new)))
    scored = sorted(((_likeness(old[a], new[b]), a, b) for a in left for b in right), reverse=True)
    for score, a, b in scored:
        if score >= ALIKE and a in left and b in right:
            left.remove(a)
            right.remove(b)
            yield old[a], new[b]
    for a in sorted(left):
        text = _text(old[a])
        if text and (same_text := [b for b in sorted(right) if _text(new[b]) == text]):
            left.remove(a)
            right.remove(same_text[0])
            yield old[a], new[same_text[0]]
    yield from ((old[a], None) for a in sorted(left))
    yield from ((None, new[b]) for b in sorted(right))


def _likeness(one: Element, other: Element) -> float:
    """How much of the two elements' HTML is the same; where they stand decides between equals."""
    matcher = SequenceMatcher(None, one.html, other.html, autojunk=False)
    if matcher.real_quick_ratio() < ALIKE or matcher.quick_ratio() < ALIKE:
        return 0.0
    return matcher.ratio() + SequenceMatcher(None, one.target, other.target).ratio() / 1000


def _text(element: Element) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", element.html).split())


def looks_like_two(pages: Pages) -> tuple[dict[int, tuple[str, Element, Element]], int]:
    """Defects that cover elements of one page whose tags look unlike, and how many have two places on a page."""
    unlike: dict[int, tuple[str, Element, Element]] = {}
    several: set[int] = set()
    for path, shown in sorted(pages.items()):
        of: dict[int, list[Element]] = defaultdict(list)
        for each in shown:
            of[each.defect].append(each)
        for defect, some in of.items():
            if len(some) > 1:
                several.add(defect)
            first = _tag(some[0])
            far = [each for each in some if SequenceMatcher(None, first, _tag(each)).ratio() < UNLIKE]
            if far:
                unlike.setdefault(defect, (path, some[0], far[0]))
    return unlike, len(several)


def _tag(element: Element) -> str:
    """The element's own tag without the values of addresses and styles, which differ by nature."""
    tag = element.html.split(">")[0]
    return re.sub(r'(href|src|style|id|alt|title|data-[a-z-]+)="[^"]*"', r"\1", tag)


# ── telling ────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Step:
    """What one version changed."""

    name: str
    before: Pages
    after: Pages
    pairs: list[Pair]
    events: dict[str, set[int]]

    @property
    def new(self) -> set[int]:
        """Defects found, without those of which the machine can only not tell."""
        return self.events["found"] & defects_in(self.after)

    @property
    def survivors(self) -> set[int]:
        """Defects that pages of both versions show."""
        return defects_in(self.before) & defects_in(self.after)

    @property
    def kept(self) -> Counter[tuple[int, int]]:
        """How many elements that went on had which defect before and have which now."""
        return Counter((each.before.defect, each.after.defect) for each in self.pairs if each.before and each.after)

    def split(self) -> dict[tuple[int, int], list[Pair]]:
        """Elements that went on under another defect, by the two."""
        found: dict[tuple[int, int], list[Pair]] = defaultdict(list)
        for each in self.pairs:
            if each.before and each.after and each.before.defect != each.after.defect:
                found[each.before.defect, each.after.defect].append(each)
        return found

    def merged(self) -> dict[int, list[Pair]]:
        """Defects that shared pages of both versions show, though none of their elements went on there."""
        on = [set[tuple[int, str]](), set[tuple[int, str]]()]
        for each in self.pairs:
            for side, element in enumerate((each.before, each.after)):
                if element:
                    on[side].add((element.defect, each.path))
        both = {defect for defect, _ in on[0] & on[1]}
        went_on = {before for before, after in self.kept if before == after}
        return {
            defect: [
                each for each in self.pairs
                if defect in {some.defect for some in (each.before, each.after) if some}
            ]
            for defect in sorted(both - went_on)
        }  # fmt: skip


def defects_in(pages: Pages) -> set[int]:
    """The defects that the pages show."""
    return {each.defect for shown in pages.values() for each in shown}


def steps(rows: sqlite3.Connection, names: Sequence[str]) -> Iterator[Step]:
    """Each version after the first against the one before."""
    sweeps = [number for (number,) in rows.execute("SELECT id FROM sweep WHERE NOT recheck ORDER BY id")]
    seen = [elements(rows, each) for each in sweeps]
    for (before, after), sweep, (one, other) in zip(pairwise(seen), sweeps[1:], pairwise(names), strict=True):
        yield Step(
            name=f"{one} → {other}", before=before, after=after, pairs=list(aligned(before, after)),
            events=events(rows, sweep),
        )  # fmt: skip


def tell(rows: sqlite3.Connection, names: Sequence[str], draw: int, seed: int, shown: int) -> None:
    """Print the table of steps, the candidates and the defects drawn for a person to look at."""
    known = list(steps(rows, names))
    first = known[0].before
    places = sum(map(len, first.values()))
    print(f"\n{names[0]}: {len(first)} pages, {len(defects_in(first))} defects, {places} places")
    print("step | pages in both | new | confirmed | returned | unverified | went on | places aligned | "
          "split: places, defects | merged: defects")  # fmt: skip
    total: Counter[str] = Counter()
    for step in known:
        told, kept, split, merged = step.events, step.kept, step.split(), step.merged()
        whole, lost = {one for one, _ in kept}, {one for one, _ in split}
        places, apart = sum(kept.values()), sum(map(len, split.values()))
        total.update(places=places, apart=apart, whole=len(whole), lost=len(lost), went_on=len(step.survivors), merged=len(merged))  # fmt: skip
        print(f"{step.name} | {len(step.before.keys() & step.after.keys())} | {len(step.new)} | "
              f"{len(told['confirmed'])} | {len(told['returned'])} | {len(told['unverified'])} | {len(step.survivors)} | "
              f"{places} | {apart}, {len(lost)} of {len(whole)} | {len(merged)} of {len(step.survivors)}")  # fmt: skip
    print(f"candidates: split {_share(total['lost'], total['whole'])} of defects with an element that went on, "
          f"{_share(total['apart'], total['places'])} of places; merged {_share(total['merged'], total['went_on'])}")  # fmt: skip
    _tell_candidates(known, shown)
    unlike, several = looks_like_two(known[-1].after)
    print(f"\none defect or two, in {names[-1]}: {_share(len(unlike), several)} of those with two places on a page")
    for defect, (path, one, other) in list(unlike.items())[:shown]:
        print(f"  {defect} {one.rule} {path}\n     {_cut(one)}\n     {_cut(other)}")
    _tell_drawn(known, draw, seed)


def _tell_candidates(known: Iterable[Step], shown: int) -> None:
    split = [(step, one, other, pairs) for step in known for (one, other), pairs in step.split().items()]
    print(f"\nsplit candidates: {len(split)}")
    for step, one, other, pairs in split[:shown]:
        pair = pairs[0]
        assert pair.before
        assert pair.after
        there = "both there before" if {one, other} <= defects_in(step.before) else ""
        print(f"  {one} → {other} {pair.before.rule} ×{len(pairs)} {step.name} {pair.path} {there}\n"
              f"     {_cut(pair.before)}\n     {_cut(pair.after)}")  # fmt: skip
    merged = [(step, defect, pairs) for step in known for defect, pairs in step.merged().items()]
    print(f"\nmerge candidates: {len(merged)}")
    for step, defect, pairs in merged[:shown]:
        print(f"  {defect} {step.name}")
        for pair in pairs[:4]:
            print(f"     {pair.path} - {_cut(pair.before)}\n       + {_cut(pair.after)}")


def _tell_drawn(known: Sequence[Step], draw: int, seed: int) -> None:
    drawing = random.Random(seed)
    kinds = {
        "fixed": [(step, each) for step in known for each in sorted(step.events["confirmed"])],
        "new or returned": [(step, each) for step in known for each in sorted(step.new | step.events["returned"])],
        "went on": [(step, each) for step in known for each in sorted(step.survivors)],
    }
    for kind, some in kinds.items():
        drawn = drawing.sample(some, min(len(some), -(-draw // len(kinds))))
        print(f"\n{kind}: {len(drawn)} of {len(some)}, drawn with seed {seed}")
        for step, defect in drawn:
            print(f"  {defect} {step.name}")
            for sign, pages in (("-", step.before), ("+", step.after)):
                places = [(path, each) for path, shown in pages.items() for each in shown if each.defect == defect]
                where = f"{places[0][0]} {places[0][1].rule} {_cut(places[0][1])}" if places else ""
                print(f"     {sign} {len(places)} places {where}")


def _share(count: int, of: int) -> str:
    return f"{count} of {of} ({100 * count / of:.1f} %)" if of else "0 of 0"


def _cut(element: Element | None) -> str:
    if element is None:
        return "(none)"
    return f"[{element.defect}] {' '.join(element.html.split())[:SHOWN]}  @ {element.target[:SHOWN]}"


def main() -> None:
    """Read the command line, sweep unless that is done, and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", type=Path, help="folders of the versions, in their order")
    parser.add_argument(
        "--start", default="", help="start page, or folder, within each; nothing above it is visited"
    )
    parser.add_argument("--pages", default="**/*.html", help="which of their files are pages")
    parser.add_argument("--db", type=Path, help="database; sweeps kept there are not repeated")
    parser.add_argument("--draw", type=int, default=30, help="defects to look at")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--shown", type=int, default=40, help="candidates printed of each kind")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = given.db or Path(folder) / "history.sqlite"
        if not database.exists():
            sweep_all(given.versions, given.start, given.pages, database)
        with sqlite3.connect(database) as rows:
            tell(rows, [each.name for each in given.versions], given.draw, given.seed, given.shown)


if __name__ == "__main__":
    main()
