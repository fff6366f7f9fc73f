"""A customer's whole database as rows: an organisation tree with its sites, their sweeps, findings, defects and plans.

Everything follows from the numbers asked for and one seed: the same database each time. A third of the sites is measured by
samples with strata, the others by all pages; most pages stay as they were from one sweep to the next.
"""

import struct
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from random import Random
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.criteria import criteria
from audits.defects.cover import day_of
from bench.generated import BUREAUS, SLUGS, WORDS
from bench.reconcile import ROWS, digest
from db.tables import (
    Assertion,
    Cycle,
    CycleSite,
    Defect,
    DefectEvent,
    Draw,
    Exemption,
    Finding,
    Judgement,
    Look,
    Occurrence,
    Organisation,
    Page,
    Picture,
    Result,
    ScopeRule,
    Site,
    Sweep,
    Visit,
)
from db.types import now
from db.words import (
    Assertor,
    DefectState,
    Edition,
    ExceptionReason,
    FoundBy,
    Impact,
    JudgementOutcome,
    Level,
    Method,
    Outcome,
    Part,
    Reason,
    Region,
    ScopeKind,
    Stratify,
    SweepState,
    VisitState,
)

RULES: Mapping[str, tuple[Impact, list[str]]] = {
    "image-alt": (Impact.CRITICAL, ["1.1.1"]), "color-contrast": (Impact.SERIOUS, ["1.4.3"]),
    "link-name": (Impact.SERIOUS, ["2.4.4", "4.1.2"]), "label": (Impact.CRITICAL, ["4.1.2"]),
    "html-has-lang": (Impact.SERIOUS, ["3.1.1"]), "document-title": (Impact.SERIOUS, ["2.4.2"]),
    "list": (Impact.SERIOUS, ["1.3.1"]), "frame-title": (Impact.SERIOUS, ["4.1.2"]),
    "button-name": (Impact.CRITICAL, ["4.1.2"]), "link-in-text-block": (Impact.SERIOUS, ["1.4.1"]),
    "region": (Impact.MODERATE, []), "heading-order": (Impact.MODERATE, []),
}  # fmt: skip
NAMES = tuple(RULES)
DIRECTORIES = 8  # first parts of the paths of a site
TEMPLATES, OF_EACH = 6, 6  # templates of a site, and defects of each
OFTEN = 90  # days between two sweeps of a site
ORDER = (
    Organisation, Site, Picture, Cycle, Sweep, CycleSite, ScopeRule, Page, Defect, DefectEvent, Result, Finding, Assertion,
    Visit, Draw, Judgement, Occurrence, Look, Exemption,
)  # fmt: skip
NUMBERED = (Organisation, Site, Picture, Cycle, Sweep, Page, Defect, Result, Visit)  # by us: servers are told


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How large the database is to be."""

    sites: int
    findings: int
    sweeps: int  # of each site
    places: int  # on a page that has some, on the average
    share: float = 0.12  # of the pages, that change from one sweep to the next


@dataclass(kw_only=True)
class Rows:
    """Rows on their way into the database, in the order in which they refer to one another."""

    connection: AsyncConnection
    waiting: dict[type[Any], list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    numbers: Counter[type[Any]] = field(default_factory=Counter)
    written: Counter[type[Any]] = field(default_factory=Counter)

    def number(self, table: type[Any]) -> int:
        """The next number of a table."""
        self.numbers[table] += 1
        return self.numbers[table]

    async def flush(self, *, beyond: int = 0) -> None:
        """Write what waits, when that is more than some rows."""
        if sum(map(len, self.waiting.values())) <= beyond:
            return
        for table in ORDER:
            rows = self.waiting.pop(table, [])
            for begin in range(0, len(rows), ROWS):
                await self.connection.execute(sa.insert(table), rows[begin : begin + ROWS])
            self.written[table] += len(rows)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A site before it is written: its pages, and which version of which page each sweep saw."""

    number: int
    pages: int
    sampled: bool
    seen: tuple[Mapping[int, int], ...]  # sweep by sweep: page → version

    @property
    def states(self) -> set[tuple[int, int]]:
        """Pages with their versions: one result each."""
        return {
            (page, version)
            for sweep, seen in enumerate(self.seen)
            for page, version in seen.items()
            if not is_lost(self.number, sweep, page)
        }


async def fill(connection: AsyncConnection, asked: Asked) -> Counter[type[Any]]:
    """Write the whole database; how many rows of each table it has."""
    rows = Rows(connection=connection)
    end = now().replace(microsecond=0) - timedelta(days=3)
    leaves = _organisations(rows, asked.sites)
    rows.waiting[Picture].append(_picture(rows.number(Picture)))
    plans = _plans(asked)
    results = sum(len(plan.states) for plan in plans)
    dirty = sum(is_dirty(page, version) for plan in plans for page, version in plan.states)
    of_each, more = divmod(asked.findings, max(dirty, 1))
    left = _Left(of_each=of_each, more=more)
    cycles = _cycles(rows, end)
    for plan in plans:
        _Site(rows, plan, leaves, end, left, cycles).write()
        await rows.flush(beyond=4 * ROWS)
    await rows.flush()
    assert rows.written[Result] == results
    await _tell_numbers(connection, rows)
    return rows.written


@dataclass(kw_only=True)
class _Left:
    """How many places pages with faults have, so that all of them come to the number asked for."""

    of_each: int
    more: int
    dealt: int = 0

    def places(self) -> int:
        """Of the next page: half of the mean and one and a half, by turns, and one more while some are left."""
        self.dealt += 1
        half = self.of_each // 2
        return self.of_each + (half if self.dealt % 2 else -half) + (self.dealt <= self.more)


def is_lost(site: int, sweep: int, page: int) -> bool:
    """Whether a page that was to be audited gave no result."""
    return (page * 31 + site * 17 + sweep) % 211 == 7


def is_dirty(page: int, version: int) -> bool:
    """Whether a page in a version shows any fault; what changes gets clean now and then."""
    return (page * 7 + version * 3) % 10 > 2 + version


def _plans(asked: Asked) -> list[_Plan]:
    """Sites of very different sizes, so many pages in all that the places fit."""
    pages_wanted = asked.findings / asked.places / (1 + asked.share * (asked.sweeps - 1)) / 0.7
    weights = [1 / (number + 4) ** 0.7 for number in range(asked.sites)]
    chance = Random(8341)
    plans = []
    for number, weight in enumerate(weights, start=1):
        pages = max(12, round(pages_wanted * weight / sum(weights)))
        sampled = number % 3 == 0 and pages >= 60
        plans.append(_Plan(number=number, pages=pages, sampled=sampled, seen=_seen(chance, pages, sampled, asked)))
    return plans


def _seen(chance: Random, pages: int, sampled: bool, asked: Asked) -> tuple[Mapping[int, int], ...]:
    versions = [0] * pages
    seen = []
    for sweep in range(asked.sweeps):
        if sweep:
            for page in chance.sample(range(pages), round(asked.share * pages)):
                versions[page] += 1
        drawn = {0, *chance.sample(range(pages), max(40, pages // 3))} if sampled else range(pages)
        seen.append({page: versions[page] for page in sorted(drawn)})
    return tuple(seen)


def _organisations(rows: Rows, sites: int) -> list[int]:
    """都 → 局 → 部 → 課; the numbers of the last, one for about five sites."""
    root = _organisation(rows, None, "東京都")
    bureaus = [_organisation(rows, root, name) for name in BUREAUS]
    departments = [_organisation(rows, bureau, f"{word}部") for bureau in bureaus for word in WORDS[:4]]
    return [
        _organisation(rows, departments[number % len(departments)], f"{WORDS[-1 - number % len(WORDS)]}課")
        for number in range(max(1, sites // 5))
    ]


def _organisation(rows: Rows, parent: int | None, name: str) -> int:
    number = rows.number(Organisation)
    rows.waiting[Organisation].append({"id": number, "parent_id": parent, "name": name})
    return number


def _cycles(rows: Rows, end: datetime) -> tuple[int, int]:
    """A round that is over and one that runs, each with a target."""
    told = []
    for name, begins, ends, rate in (("令和7年度 第2回", 330, 150, 0.8), ("令和8年度 第1回", 140, -60, 0.6)):
        number = rows.number(Cycle)
        first, last = day_of(end - timedelta(days=begins)), day_of(end - timedelta(days=ends))
        rows.waiting[Cycle].append({
            "id": number, "name": name, "begins_on": first, "ends_on": last, "rate": rate, "defects": 20_000,
            "target_on": last, "closed_by": None, "closed_at": None, "closing": None,
        })  # fmt: skip
        told.append(number)
    return told[0], told[1]


class _Site:
    """One site while its rows are made."""

    def __init__(
        self, rows: Rows, plan: _Plan, leaves: list[int], end: datetime, left: _Left, cycles: tuple[int, int]
    ) -> None:
        self._rows, self._plan, self._left, self._cycles = rows, plan, left, cycles
        self._site = rows.number(Site)
        slug = SLUGS[plan.number % len(SLUGS)]
        self._origin = f"https://{slug}{plan.number}.metro.example.lg.jp/"
        self._organisation = leaves[plan.number % len(leaves)] if plan.number % 50 else None
        last = end - timedelta(days=plan.number % 60, hours=plan.number % 24)
        self._times = [last - timedelta(days=OFTEN * back) for back in reversed(range(len(plan.seen)))]
        self._pages = [rows.number(Page) for _ in range(plan.pages)]
        self._faults: dict[tuple[int, int], list[int]] = {}  # page and version → kind of defect of each place
        self._results: dict[tuple[int, int], int] = {}
        self._defects: dict[int, int] = {}  # kind → number
        self._showed: dict[int, dict[int, int]] = defaultdict(dict)  # kind → page → places at its last look

    def write(self) -> None:
        """All rows of the site."""
        self._add(
            Site, id=self._site, organisation_id=self._organisation, address=self._origin, settings={},
            created_at=self._times[0] - timedelta(days=1),
        )  # fmt: skip
        for number, page in enumerate(self._pages):
            self._add(Page, id=page, site_id=self._site, address=self._address(number))
        sweeps = [self._sweep(number, seen) for number, seen in enumerate(self._plan.seen)]
        self._looks(sweeps)
        self._lives(sweeps)
        for cycle, baseline in zip(self._cycles, (sweeps[0], sweeps[max(0, len(sweeps) - 2)]), strict=True):
            self._add(CycleSite, cycle_id=cycle, site_id=self._site, baseline_id=baseline)

    def _add(self, table: type[Any], **row: Any) -> None:
        self._rows.waiting[table].append(row)

    def _address(self, page: int) -> str:
        if page == 0:
            return self._origin
        return f"{self._origin}{SLUGS[page % DIRECTORIES]}/{page % 97}/page{page}.html"

    def _sweep(self, number: int, seen: Mapping[int, int]) -> int:
        at, sweep, sampled = self._times[number], self._rows.number(Sweep), self._plan.sampled
        self._add(
            Sweep, id=sweep, site_id=self._site, state=SweepState.FINISHED, method_asked=None,
            method=Method.RANDOM if sampled else Method.ALL, edition=Edition.JIS2016, level=Level.AA, seed=sweep * 7919,
            stratify=Stratify.DIRECTORY if sampled else None, traffic=[], settings={}, depth=4,
            engine="axe-core", engine_version="4.14.1", rule_set="axe-core-4.14.1/jis2016/AA",
            rule_criteria={rule: numbers for rule, (_, numbers) in RULES.items()}, browser="Chromium 156.0.7000.0",
            viewport_width=1280, viewport_height=1024, locale="ja-JP", timezone="Asia/Tokyo", created_at=at - timedelta(hours=5),
            explored_at=at - timedelta(hours=4), chosen_at=at - timedelta(hours=4), finished_at=at, reconciled_at=at,
        )  # fmt: skip
        self._add(
            ScopeRule,
            sweep_id=sweep,
            kind=ScopeKind.EXCLUDE,
            pattern="/kako/*",
            reason="古い資料で元データがないため",
        )
        for page in range(self._plan.pages):
            lost = page in seen and is_lost(self._plan.number, number, page)
            self._visit(sweep, at, page, seen.get(page), lost=lost)
        return sweep

    def _visit(self, sweep: int, at: datetime, page: int, version: int | None, *, lost: bool) -> None:
        visit = self._rows.number(Visit)
        known = version is not None and (page, version) in self._results
        result = self._result(page, version, at) if version is not None and not lost else None
        state = VisitState.AUDITED if result else VisitState.UNAUDITED if lost else VisitState.NOT_CHOSEN
        word = WORDS[page % len(WORDS)]
        self._add(
            Visit, id=visit, sweep_id=sweep, page_id=self._pages[page], state=state,
            reason=Reason.TIMED_OUT if lost else None, detail=None, depth=min(page, 1 + page % 5), found_by=FoundBy.LINK,
            in_sitemap=page % 2 == 0, linked=True, http_status=200, content_type="text/html", size=40_000 + page,
            title=f"{word}のお知らせ {page}", kinds=["top"] if page == 0 else [], template=page % TEMPLATES, tries=1, result_id=result,
            audited_at=at - timedelta(hours=1) if result else None, carried=bool(result and known),
        )  # fmt: skip
        if version is not None:
            sampled = self._plan.sampled
            self._add(
                Draw, sweep_id=sweep, visit_id=visit, part=Part.RANDOM if sampled else Part.CENSUS, rank=page + 1,
                stratum=(f"/{SLUGS[page % DIRECTORIES]}/" if page else "/") if sampled else None,
            )  # fmt: skip

    def _result(self, page: int, version: int, at: datetime) -> int:
        if known := self._results.get((page, version)):
            return known
        result = self._rows.number(Result)
        self._results[page, version] = result
        self._add(
            Result, id=result, digest=digest("result", result), page_id=self._pages[page], engine="axe-core",
            engine_version="4.14.1", rule_set="axe-core-4.14.1/jis2016/AA", edition=Edition.JIS2016, viewport_width=1280,
            viewport_height=1024, taken_at=at - timedelta(hours=1), settled=page % 40 > 0, untested=[], picture_id=1, page_width=1280,
            page_height=2400, pictured_height=2400,
        )  # fmt: skip
        places = self._left.places() if is_dirty(page, version) else 0
        kinds = [self._kind(page, version, position) for position in range(places)]
        self._faults[page, version] = kinds
        failed: Counter[str] = Counter()
        open_: Counter[str] = Counter()
        for position, kind in enumerate(kinds, start=1):
            rule = NAMES[kind % len(NAMES)]
            outcome = Outcome.CANT_TELL if position % 10 == 0 else Outcome.FAILED
            for number in RULES[rule][1]:
                (failed if outcome is Outcome.FAILED else open_)[number] += 1
            self._add(
                Finding, result_id=result, defect_id=self._defect(kind), position=position, rule=rule, outcome=outcome,
                impact=RULES[rule][0], frame=[], target=[f"#main > div:nth-child({position}) > a"], checks=[],
                snippet=f'<a class="kind-{kind}" href="../news{page}-{position}.html"><img src="news{position}.png"></a>',
                box=[40 + position % 7 * 150, 20 + position * 17 % 2300, 120, 24],
            )  # fmt: skip
        for number in sorted(failed.keys() | open_.keys()):
            self._add(
                Assertion, result_id=result, criterion=number, assertor=Assertor.AXE, level=_levels()[number],
                failed_places=failed[number], cant_tell_places=open_[number],
            )  # fmt: skip
        return result

    def _kind(self, page: int, version: int, position: int) -> int:
        """Which defect of its site a place shows: one of the page's template, or of its contents."""
        if position % 2 == 0:
            return page % TEMPLATES * OF_EACH + (position // 2 + version) % OF_EACH
        return TEMPLATES * OF_EACH + (page * 13 + position // 2 * 5 + version * 3) % max(8, self._plan.pages)

    def _defect(self, kind: int) -> int:
        if kind not in self._defects:
            self._defects[kind] = self._rows.number(Defect)
        return self._defects[kind]

    def _looks(self, sweeps: list[int]) -> None:
        """What each page showed when it was last seen, and what it had shown before."""
        last: dict[int, tuple[int, int]] = {}
        for number, seen in enumerate(self._plan.seen):
            for page, version in seen.items():
                if not is_lost(self._plan.number, number, page):
                    last[page] = number, version
        for (page, _), kinds in self._faults.items():
            for kind in kinds:
                self._showed[kind].setdefault(page, 0)
        for page, (number, version) in last.items():
            for kind, places in Counter(self._faults[page, version]).items():
                self._showed[kind][page] = places
            self._add(
                Look, page_id=self._pages[page], result_id=self._results[page, version], sweep_id=sweeps[number],
                at=self._times[number],
            )  # fmt: skip

    def _lives(self, sweeps: list[int]) -> None:
        """The defects, each with its pages, its state and the steps that led there."""
        for kind, defect in self._defects.items():
            pages = self._showed[kind]
            there = any(pages.values())
            state = _state(defect) if there else DefectState.CONFIRMED
            owned = there and defect % 3 == 0
            self._add(
                Defect, id=defect, site_id=self._site, digest=digest("defect", defect), rule=NAMES[kind % len(NAMES)], state=state,
                shape=digest("shape", kind), framed=False,
                region=Region.TEMPLATE if kind < TEMPLATES * OF_EACH else Region.CONTENT,
                owner=f"{WORDS[defect % len(WORDS)]}担当" if owned else None,
                due_on=day_of(self._times[-1] + timedelta(days=defect % 90 - 60)) if owned else None, way=None,
            )  # fmt: skip
            for page, places in pages.items():
                self._add(Occurrence, defect_id=defect, page_id=self._pages[page], places=places)
            steps = [DefectState.FOUND]
            if state is not DefectState.FOUND:
                steps.append(state)
            if state is DefectState.RETURNED:
                steps.insert(1, DefectState.CONFIRMED)
            for number, (old, new) in enumerate(zip([None, *steps], steps, strict=False)):
                at = min(number + defect % 2, len(sweeps) - 1)
                self._add(
                    DefectEvent, defect_id=defect, sweep_id=sweeps[at], old=old, new=new, who="jisweep", why=None,
                    at=self._times[at] + timedelta(minutes=number),
                )  # fmt: skip
            if state is DefectState.EXCEPTED:
                self._add(
                    Exemption, site_id=self._site, defect_id=defect, reason=ExceptionReason.THIRD_PARTY, text="地図は別の会社のもの",
                    person="佐藤", at=self._times[-1], until=day_of(self._times[-1]) + timedelta(days=200), restated=False,
                )  # fmt: skip


def _state(defect: int) -> DefectState:
    """Most wait to be repaired."""
    states = {
        0: DefectState.REPAIRED, 1: DefectState.UNVERIFIED, 2: DefectState.EXCEPTED, 3: DefectState.RETURNED,
    }  # fmt: skip
    return states.get(defect % 20, DefectState.PLANNED if defect % 3 == 0 else DefectState.FOUND)


@cache
def _levels() -> Mapping[str, Level]:
    return {number: each.level for number, each in criteria(Edition.JIS2016).items()}


def _picture(number: int) -> dict[str, Any]:
    """One picture that all pages share: a grey ground of a page's size."""
    width, height = 1280, 2400
    raw = (b"\0" + b"\xee" * width) * height

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    image = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return {
        "id": number, "digest": digest("picture"), "media_type": "image/png", "width": width, "height": height, "image": image,
    }  # fmt: skip


async def judged(connection: AsyncConnection, sweep: int) -> int:
    """Let a person judge one criterion after the other on the first pages of a sweep; how many words that were."""
    pages = sa.select(Visit.id).where(Visit.sweep_id == sweep, Visit.state == VisitState.AUDITED)
    visits = list(await connection.scalars(pages.order_by(Visit.id).limit(40)))
    rows = [
        {
            "visit_id": visit, "criterion": number, "finding_id": None, "reason": None, "person": "鈴木", "at": now(),
            "outcome": JudgementOutcome.NOT_MET if visit % 9 == 0 else JudgementOutcome.MET,
        }
        for visit in visits for number in list(_levels())[:20]
    ]  # fmt: skip
    await connection.execute(sa.insert(Judgement), rows)
    return len(rows)


async def _tell_numbers(connection: AsyncConnection, rows: Rows) -> None:
    """PostgreSQL goes on counting where we ended, and learns how large the tables are."""
    if connection.dialect.name != "postgresql":
        return
    for table in NUMBERED:
        name = table.__tablename__
        await connection.execute(sa.select(sa.func.setval(f"{name}_id_seq", rows.numbers[table])))
    await connection.execute(sa.text("ANALYZE"))


def sizes(written: Counter[type[Any]]) -> Iterator[str]:
    """How many rows of each table, in a line."""
    for table in ORDER:
        yield f"{table.__tablename__} {written[table]:,}"
