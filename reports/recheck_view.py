"""The last recheck of a page, or of a defect: how far it is, and what it has told."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.asked import WANTED
from audits.defects.sight import rules_run
from audits.recheck import aim_of
from db.tables import Occurrence, Sweep, Visit
from db.words import DefectState, Reason, SweepState, VisitState
from reports.language import Language
from reports.page_view import text_of
from reports.read_defects import Known, known

LAST = 20  # rechecks of a site that are looked through
SHOWN = 20  # defects that are told one by one


class Stage(StrEnum):
    """Where a recheck stands."""

    WAITING = "waiting"  # nothing of it has been seen yet
    RUNNING = "running"
    STOPPED = "stopped"  # somebody stopped it, or its terminal did
    HALTED = "halted"  # the application could not go on, and says why
    DONE = "done"


@dataclass(frozen=True, kw_only=True)
class Rechecked:
    """A recheck as a page or a defect shows it."""

    sweep: int
    by: str | None
    at: datetime
    stage: Stage
    done: int  # pages
    pages: int
    halted: str  # why, in the reader's language
    told: tuple[
        tuple[str, str], ...
    ]  # of each defect: confirmed, still, unseen, gone, lost or unchecked, and the sentence
    more: int  # defects that are not told

    @property
    def moving(self) -> bool:
        """Whether more is to come by itself."""
        return self.stage in (Stage.WAITING, Stage.RUNNING)


async def last_recheck(
    connection: AsyncConnection,
    site: int,
    language: Language,
    *,
    page: int | None = None,
    defect: int | None = None,
) -> Rechecked | None:
    """The last recheck of a site that was begun for a page, or for a defect.

    None without one, and when what it saw is no longer the last: a later sweep has seen the page, or a page of the defect.
    """
    query = sa.select(Sweep, WANTED.label("wanted")).where(
        Sweep.site_id == site, Sweep.recheck, Sweep.aim.is_not(None)
    )
    rows = (await connection.execute(query.order_by(Sweep.id.desc()).limit(LAST))).mappings().all()
    sweeps = [(Sweep(**{name: row[name] for name in row if name != "wanted"}), bool(row["wanted"])) for row in rows]
    numbers = {number for sweep, _ in sweeps for number in aim_of(sweep)[0].pages} if defect is not None else set()
    names = await known(connection, sorted(numbers))
    for sweep, is_wanted in sweeps:
        aim, before = aim_of(sweep)
        mine = [
            number for number, pages in aim.pages.items()
            if (page is None or page in pages) and (defect is None or (number in names and names[number].id == defect))
        ]  # fmt: skip
        if mine:
            told = await _Told(connection, sweep, language, before, page).whole(mine, wanted=is_wanted)
            is_past = told.stage is Stage.DONE and await _seen_since(connection, sweep, page, defect)
            return None if is_past else told
    return None


async def _seen_since(connection: AsyncConnection, sweep: Sweep, page: int | None, defect: int | None) -> bool:
    """Whether a later sweep, or recheck, that was taken in saw the page, or a page of the defect."""
    pages = sa.select(Occurrence.page_id).where(Occurrence.defect_id == defect)
    seen = Visit.page_id == page if page is not None else Visit.page_id.in_(pages)
    query = (
        sa.select(Visit.id)
        .join(Sweep, Sweep.id == Visit.sweep_id)
        .where(seen, Sweep.id > sweep.id, Sweep.reconciled_at.is_not(None), Visit.state == VisitState.AUDITED)
    )
    return await connection.scalar(query.limit(1)) is not None


class _Told:
    """One recheck while its rows are read."""

    def __init__(
        self, connection: AsyncConnection, sweep: Sweep, language: Language, before: Mapping[int, DefectState],
        page: int | None,
    ) -> None:  # fmt: skip
        self._connection, self._sweep, self._language, self._before = connection, sweep, language, before
        self._page = page

    async def whole(self, defects: Sequence[int], *, wanted: bool) -> Rechecked:
        """All of it, of some of its defects."""
        sweep = self._sweep
        query = sa.select(Visit.state, sa.func.count()).where(Visit.sweep_id == sweep.id).group_by(Visit.state)
        states: Counter[VisitState] = Counter(dict((await self._connection.execute(query)).all()))
        done = states[VisitState.AUDITED] + states[VisitState.UNAUDITED]
        stage = _stage(sweep, done, wanted=wanted)
        if self._page is not None:
            self._page = await self._now(self._page)
        told = [] if stage is not Stage.DONE else await self._defects(defects[:SHOWN])
        halted = (sweep.halted or {}).get(self._language.lang, "") if stage is Stage.HALTED else ""
        return Rechecked(
            sweep=sweep.id, by=sweep.asked_by, at=sweep.finished_at or sweep.created_at, stage=stage, done=done,
            pages=states.total(), halted=halted, told=tuple(told), more=max(0, len(defects) - SHOWN),
        )  # fmt: skip

    async def _defects(self, numbers: Sequence[int]) -> list[tuple[str, str]]:
        names = await known(self._connection, numbers)
        now_known = {each.id: each for each in names.values()}
        ran = rules_run(self._sweep)
        visited = await self._visited(list(now_known))
        before = {names[number].id: state for number, state in self._before.items() if number in names}
        lost = await self._lost() if self._page is not None else None
        return [
            self._line(
                each, before.get(each.id, each.state), visited.get(each.id, (0, 0)), lost, checked=each.rule in ran
            )
            for each in now_known.values()
        ]

    async def _visited(self, defects: Sequence[int]) -> dict[int, tuple[int, int]]:
        """Of the pages of each defect: how many the recheck saw, and how many of these show it."""
        shows = sa.func.sum(sa.case((Occurrence.places > 0, 1), else_=0))
        query = (
            sa.select(Occurrence.defect_id, sa.func.count(), shows)
            .join(Visit, Visit.page_id == Occurrence.page_id)
            .where(
                Visit.sweep_id == self._sweep.id, Visit.state == VisitState.AUDITED, Occurrence.defect_id.in_(defects)
            )
            .group_by(Occurrence.defect_id)
        )  # fmt: skip
        if self._page is not None:
            query = query.where(Visit.page_id == self._page)
        return {defect: (seen, int(showing)) for defect, seen, showing in await self._connection.execute(query)}

    async def _now(self, page: int) -> int:
        """The page that a page has proved to have moved to, or itself."""
        query = sa.select(Visit.leads_to_id).where(Visit.sweep_id == self._sweep.id, Visit.page_id == page)
        return await self._connection.scalar(query) or page

    async def _lost(self) -> Reason | None:
        """Why the recheck has no result of the page."""
        query = sa.select(Visit.reason).where(Visit.sweep_id == self._sweep.id, Visit.page_id == self._page)
        return await self._connection.scalar(query)

    def _line(
        self, each: Known, before: DefectState, visited: tuple[int, int], lost: Reason | None, *, checked: bool
    ) -> tuple[str, str]:
        seen, showing = visited
        language = self._language
        words: dict[str, Any] = {
            "id": str(each.id), "title": text_of(each.rule, language.lang).title,
            "before": language.word("defect_state", before.value), "state": language.word("defect_state", each.state.value),
            "seen": language.count("page", seen), "showing": language.count("page", showing),
            "left": language.count("page", each.pages), "reason": language.word("reason", lost.value) if lost else "",
        }  # fmt: skip
        kind = _kind(each, seen, showing, lost, checked=checked)
        return kind, language.say(f"web.recheck.{kind}", **words)


def _stage(sweep: Sweep, done: int, *, wanted: bool) -> Stage:
    if wanted:  # also when it is about to see the pages that are left
        return Stage.RUNNING if done else Stage.WAITING
    if sweep.halted:
        return Stage.HALTED
    return Stage.DONE if sweep.state is SweepState.FINISHED and sweep.reconciled_at is not None else Stage.STOPPED


def _kind(each: Known, seen: int, showing: int, lost: Reason | None, *, checked: bool) -> str:
    """What can be said of a defect: nothing that was not seen is called repaired."""
    if not checked:
        return "unchecked"
    if showing:
        return "still"
    if lost is not None or not seen:
        return "gone" if lost is Reason.NOT_FOUND and each.state is DefectState.CONFIRMED else "lost"
    return "confirmed" if each.state is DefectState.CONFIRMED else "unseen"
