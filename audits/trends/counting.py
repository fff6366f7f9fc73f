"""Counting points: the rows of some finished sweeps read in a number of statements that does not grow with them."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.breaks import Terms
from audits.counts import NOT_PAGES
from audits.criteria import aimed_at
from audits.defects.naming import KNOWN
from audits.sampled import part_of
from audits.statistics.strata import Stratum
from audits.trends.moves import MOVES
from audits.trends.points import Moved, Point, Surveyed, spoken_by
from crawler.frame import FramePage, is_gone
from crawler.notes import unread_parts
from crawler.strata import WHOLE, strata_as_drawn
from db.tables import Assertion, Defect, DefectEvent, Draw, Page, ScopeRule, Site, Sweep, Visit
from db.words import Assertor, Edition, Level, Method, Part, Reason, VisitState

COLUMNS = (  # of a sweep, that its point is made from
    Sweep.id, Sweep.site_id, Sweep.finished_at, Sweep.method, Sweep.edition, Sweep.level, Sweep.rule_set, Sweep.seed,
    Sweep.draw_from, Sweep.redraw, Sweep.earlier_draw_id, Sweep.stratify, Sweep.settings, Sweep.engine,
    Sweep.engine_version, Sweep.reconciled_at, Sweep.mic,
)  # fmt: skip


async def count_points(connection: AsyncConnection, sweeps: sa.Select[int]) -> list[Point]:
    """The points of finished sweeps, in the order in which they ended."""
    return await _Reading(connection, sweeps).points()


@dataclass(kw_only=True)
class _Pages:
    """The addresses of a sweep while they are counted."""

    known: int = 0
    audited: int = 0
    lost: int = 0
    waiting: int = 0
    frame: int = 0
    because: frozenset[Reason] = frozenset()


class _Reading:
    """Some sweeps while their rows are read, each kind of row with one statement."""

    def __init__(self, connection: AsyncConnection, sweeps: sa.Select[int]) -> None:
        self._connection, self._sweeps = connection, sweeps

    async def points(self) -> list[Point]:
        """The points of the sweeps."""
        rows = await self._connection.execute(
            sa.select(*COLUMNS).where(Sweep.id.in_(self._sweeps)).order_by(Sweep.finished_at, Sweep.id)
        )
        sweeps = [Sweep(**dict(row)) for row in rows.mappings()]
        if not sweeps:
            return []
        pages, drawn = await self._pages(), await self._drawn()
        failing, sizes = await self._failing(), await self._sizes(sweeps, pages, drawn)
        by_chance, scopes = await self._by_chance(), await self._scopes(sweeps)
        moved, surveyed, marked = await self._moved(), await self._surveyed(), await self._marked()
        unread = await unread_parts(self._connection, self._sweeps)
        criteria = await spoken_by(self._connection, self._sweeps)
        spoken: dict[tuple[str | None, Edition, Level], frozenset[str]] = {}
        for each in sweeps:
            key = each.rule_set, each.edition, each.level
            if key not in spoken:
                speaking = {number for numbers in criteria[each.rule_set or ""].values() for number in numbers}
                spoken[key] = frozenset(speaking & aimed_at(each.edition, each.level).keys())
        return [
            self._point(
                sweep, pages[sweep.id], drawn[sweep.id], failing[sweep.id], sizes[sweep.id],
                Terms(
                    sweep=sweep, scope=scopes[sweep.id], frame=sum(sizes[sweep.id].values()),
                    drawn=by_chance.get(sweep.id) if part_of(sweep.method) is Part.RANDOM else None,
                ),
                spoken[sweep.rule_set, sweep.edition, sweep.level], marked[sweep.id], unread[sweep.id],
                moved[sweep.id] if sweep.reconciled_at else None, surveyed.get(sweep.id),
            )
            for sweep in sweeps
        ]  # fmt: skip

    def _point(
        self, sweep: Sweep, pages: _Pages, drawn: Mapping[tuple[Part, str], Any],
        failing: Mapping[tuple[Part, str, str], int], sizes: Mapping[str, int], terms: Terms, spoken: frozenset[str],
        marked: Mapping[str, tuple[int, int]], unread: int, moved: Moved | None, surveyed: Surveyed | None,
    ) -> Point:  # fmt: skip
        assert sweep.finished_at is not None
        part = part_of(sweep.method)
        names = sorted(sizes) if part and any(kind is part for kind, _ in drawn) else []
        found: dict[str, tuple[int, ...]] = {}
        if part:
            for number in {number for kind, _, number in failing if kind is part}:
                found[number] = tuple(failing.get((part, name, number), 0) for name in names)
        strata = []
        for name in names:
            row = drawn.get((part, name)) if part else None
            of = (row.drawn, int(row.audited), int(row.problems)) if row else (0, 0, 0)
            strata.append(Stratum(population=sizes[name], drawn=of[0], audited=of[1], found=of[2]))
        return Point(
            site=sweep.site_id, at=sweep.finished_at, method=sweep.method, known=pages.known, audited=pages.audited,
            lost=pages.lost, waiting=pages.waiting, because=tuple(sorted(pages.because)),
            unread=unread, strata=tuple(strata), found=found,
            spoken=spoken, marked=marked, moved=moved, survey=surveyed, terms=terms,
        )  # fmt: skip

    async def _pages(self) -> dict[int, _Pages]:
        """The addresses of each sweep by how they ended."""
        chosen = sa.exists().where(Draw.visit_id == Visit.id).label("chosen")
        visits = (
            sa.select(Visit.sweep_id, Visit.state, Visit.reason, chosen, is_gone().label("gone"))
            .where(Visit.sweep_id.in_(self._sweeps))
            .subquery()
        )
        rows: Any = await self._connection.execute(
            sa.select(*visits.c, sa.func.count().label("number")).group_by(*visits.c)
        )
        found: dict[int, _Pages] = defaultdict(_Pages)
        for sweep, state, reason, is_chosen, gone, number in rows:
            pages = found[sweep]
            pages.known += number if is_chosen or reason not in NOT_PAGES else 0
            pages.audited += number if state is VisitState.AUDITED else 0
            pages.lost += number if is_chosen and state is VisitState.UNAUDITED and not gone else 0
            pages.waiting += number if state in (VisitState.FOUND, VisitState.SELECTED) else 0
            pages.frame += number if state is VisitState.NOT_CHOSEN or (is_chosen and not gone) else 0
            if state is VisitState.UNAUDITED and reason and (reason.transient or reason.limit):
                pages.because |= {reason}
        return found

    async def _drawn(self) -> dict[int, dict[tuple[Part, str], Any]]:
        """Sweep → part and stratum → pages drawn, with a result, and with a problem of level A or AA."""
        fails = sa.exists().where(*_failed(), Assertion.level.in_(Level.AA.included))
        has_result = Visit.state == VisitState.AUDITED
        chosen = self._chosen(
            sa.case((has_result, 1), else_=0).label("has_result"),
            sa.case((sa.and_(has_result, fails), 1), else_=0).label("fails"),
        ).subquery()
        key = chosen.c.sweep_id, chosen.c.part, chosen.c.stratum
        rows = await self._connection.execute(
            sa.select(
                *key, sa.func.count().label("drawn"), sa.func.sum(chosen.c.has_result).label("audited"),
                sa.func.sum(chosen.c.fails).label("problems"),
            ).group_by(*key)
        )  # fmt: skip
        found: dict[int, dict[tuple[Part, str], Any]] = defaultdict(dict)
        for row in rows:
            found[row.sweep_id][row.part, row.stratum] = row
        return found

    async def _failing(self) -> dict[int, dict[tuple[Part, str, str], int]]:
        """Sweep → part, stratum and criterion → pages with a result that fail it."""
        chosen = (
            self._chosen(Assertion.criterion)
            .join(Assertion, Assertion.result_id == Visit.result_id)
            .where(*_failed(), Visit.state == VisitState.AUDITED)
            .subquery()
        )
        rows: Any = await self._connection.execute(sa.select(*chosen.c, sa.func.count()).group_by(*chosen.c))
        found: dict[int, dict[tuple[Part, str, str], int]] = defaultdict(dict)
        for sweep, part, stratum, number, pages in rows:
            found[sweep][part, stratum, number] = pages
        return found

    def _chosen(self, *columns: sa.ColumnElement[Any] | sa.orm.InstrumentedAttribute[Any]) -> sa.Select[Any]:
        """The pages of the parts that speak for whole sites, each with its part and stratum."""
        return (
            sa.select(
                Draw.sweep_id,
                Draw.part,
                sa.func.coalesce(Draw.stratum, sa.literal(WHOLE)).label("stratum"),
                *columns,
            )
            .join(Visit, Visit.id == Draw.visit_id)
            .where(Draw.sweep_id.in_(self._sweeps), Draw.part != Part.REPRESENTATIVE, ~is_gone())
        )

    async def _sizes(
        self, sweeps: list[Sweep], pages: Mapping[int, _Pages], drawn: Mapping[int, Mapping[tuple[Part, str], Any]]
    ) -> dict[int, dict[str, int]]:
        """How many pages each stratum of the frames has, without chosen ones that proved not to exist."""
        divided = {each.id: each for each in sweeps if each.stratify and part_of(each.method) is Part.RANDOM}
        sizes = {each.id: {} if each.id in divided else {WHOLE: pages[each.id].frame} for each in sweeps}
        for sweep in sweeps:
            if part_of(sweep.method) is Part.CENSUS:
                sizes[sweep.id] = {
                    WHOLE: sum(row.drawn for (kind, _), row in drawn[sweep.id].items() if kind is Part.CENSUS)
                }
        if not divided:
            return sizes
        starts = dict(
            (await self._connection.execute(
                sa.select(Site.id, Site.address).where(Site.id.in_({each.site_id for each in divided.values()}))
            )).all()
        )  # fmt: skip
        chosen = sa.exists().where(Draw.visit_id == Visit.id).label("chosen")
        stratum = (
            sa.select(Draw.stratum).where(Draw.visit_id == Visit.id, Draw.part == Part.RANDOM).scalar_subquery()
        )
        rows = await self._connection.stream(
            sa.select(
                Visit.sweep_id, Visit.id, Visit.template, Page.address, is_gone().label("gone"), stratum.label("stratum")
            )
            .join(Page, Page.id == Visit.page_id)
            .where(
                Visit.sweep_id.in_(self._sweeps.where(Sweep.stratify.is_not(None))),
                sa.or_(Visit.state == VisitState.NOT_CHOSEN, chosen),
            )
            .order_by(Visit.sweep_id)
        )  # fmt: skip
        frame: list[Any] = []  # of one sweep at a time: all of them may be too long to be held
        async for row in rows:
            if frame and frame[0].sweep_id != row.sweep_id:
                self._divide(frame, divided, starts, sizes)
                frame = []
            frame.append(row)
        self._divide(frame, divided, starts, sizes)
        return sizes

    def _divide(
        self,
        frame: list[Any],
        divided: Mapping[int, Sweep],
        starts: Mapping[int, str],
        sizes: dict[int, dict[str, int]],
    ) -> None:
        sweep = divided.get(frame[0].sweep_id) if frame else None
        if sweep is not None:
            sizes[sweep.id] = _by_stratum(sweep, starts[sweep.site_id], frame)

    async def _marked(self) -> dict[int, dict[str, tuple[int, int]]]:
        """Sweep → criterion → audited pages with a failed place, and with one that cannot be told."""
        failed, cant_tell = Assertion.failed_places, Assertion.cant_tell_places
        pages = [sa.func.sum(sa.case((places > 0, 1), else_=0)) for places in (failed, cant_tell)]
        rows = await self._connection.execute(
            sa.select(Visit.sweep_id, Assertion.criterion, *pages)
            .join(Assertion, Assertion.result_id == Visit.result_id)
            .where(Visit.sweep_id.in_(self._sweeps), Visit.state == VisitState.AUDITED, Assertion.assertor == Assertor.AXE)
            .group_by(Visit.sweep_id, Assertion.criterion)
        )  # fmt: skip
        found: dict[int, dict[str, tuple[int, int]]] = defaultdict(dict)
        for sweep, number, failing, open_ in rows:
            found[sweep][number] = int(failing), int(open_)
        return found

    async def _by_chance(self) -> dict[int, Any]:
        """Sweep → the pages of its random part."""
        rows = await self._connection.execute(
            sa.select(Draw.sweep_id, Visit.page_id)
            .join(Visit, Visit.id == Draw.visit_id)
            .where(Draw.sweep_id.in_(self._sweeps), Draw.part == Part.RANDOM, ~is_gone())
        )
        found: dict[int, list[int]] = defaultdict(list)
        for sweep, page in rows:
            found[sweep].append(page)
        return {sweep: np.array(sorted(pages), dtype=np.int64) for sweep, pages in found.items()}

    async def _moved(self) -> dict[int, Moved]:
        """Sweep → how many defects it has moved where to; names that went into others are none, nor what no page has shown."""
        number = {name: sa.func.sum(sa.case((moved, 1), else_=0)).label(name) for name, moved in MOVES.items()}
        rows = await self._connection.execute(
            sa.select(DefectEvent.sweep_id, *number.values())
            .join(Defect, Defect.id == DefectEvent.defect_id)
            .where(DefectEvent.sweep_id.in_(self._sweeps), *KNOWN)
            .group_by(DefectEvent.sweep_id)
        )
        return defaultdict(
            Moved, {row.sweep_id: Moved(**{name: int(getattr(row, name)) for name in MOVES}) for row in rows}
        )

    async def _surveyed(self) -> dict[int, Surveyed]:
        """What the ministry's conditions say of sweeps of all pages that checked them."""
        mine = (
            Visit.sweep_id.in_(self._sweeps), Sweep.mic.is_not(None), Sweep.method == Method.ALL,
            Visit.state == VisitState.AUDITED,
        )  # fmt: skip
        fails = sa.exists().where(
            Assertion.result_id == Visit.result_id, Assertion.assertor == Assertor.MIC, Assertion.failed_places > 0,
            Assertion.level.in_(Level.AA.included),
        )  # fmt: skip
        problem = sa.func.sum(sa.case((fails, 1), else_=0))
        rows = await self._connection.execute(
            sa.select(Visit.sweep_id, Sweep.mic, sa.func.count(), problem)
            .join(Sweep, Sweep.id == Visit.sweep_id)
            .where(*mine)
            .group_by(Visit.sweep_id, Sweep.mic)
        )
        return {
            sweep: Surveyed(version=version or "", analysed=analysed, problem_pages=int(problems))
            for sweep, version, analysed, problems in rows
        }

    async def _scopes(self, sweeps: list[Sweep]) -> dict[int, frozenset[tuple[Any, ...]]]:
        """What decides which addresses belong to each sweep, as `audits.counts.scope_of` reads it of one."""
        found: dict[int, set[tuple[Any, ...]]] = {
            each.id: {("signed in", origin) for origin in (each.settings or {}).get("signed_in", ())}
            for each in sweeps
        }
        rows = await self._connection.execute(
            sa.select(ScopeRule.sweep_id, ScopeRule.kind, ScopeRule.pattern).where(
                ScopeRule.sweep_id.in_(self._sweeps)
            )
        )
        for sweep, kind, pattern in rows:
            found[sweep].add((kind, pattern))
        return {sweep: frozenset(scope) for sweep, scope in found.items()}


def _failed() -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Assertion.result_id == Visit.result_id, Assertion.assertor == Assertor.AXE, Assertion.failed_places > 0,
    )  # fmt: skip


def _by_stratum(sweep: Sweep, start: str, rows: list[Any]) -> dict[str, int]:
    frame = [FramePage(visit=row.id, address=row.address, kinds=(), template=row.template or 0) for row in rows]
    drawn = frozenset(row.stratum for row in rows if row.stratum is not None)
    stratum = strata_as_drawn(frame, start, sweep.stratify, drawn)
    living = Counter(stratum[row.address] for row in rows if not row.gone)
    return {name: living[name] for name in stratum.values()}
