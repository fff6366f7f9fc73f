"""Progress of a sweep, read from its rows: a live line on a terminal, plain lines elsewhere."""

import asyncio
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Self

import sqlalchemy as sa
from rich.console import Console

from db.database import Database
from db.tables import Draw, Sweep, Visit
from db.words import SweepState, VisitState

LIVE, PLAIN = 1.0, 10.0  # seconds between two readings
WAITING = (VisitState.FOUND, VisitState.SELECTED)


class Progress:
    """Tells counts, pages a minute and the expected end on standard error while the block runs."""

    def __init__(self, database: Database, sweep_id: int, lang: str) -> None:
        self._database = database
        self._sweep_id = sweep_id
        self._lang = lang
        self._console = Console(stderr=True, highlight=False)
        # step → when it was first seen, and how much was done
        self._begun: dict[SweepState, tuple[float, int]] = {}
        self._last = ""
        self._read = 0.0  # when the rows were last read

    async def __aenter__(self) -> Self:
        self._telling = asyncio.create_task(self._tell())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._telling.cancel()
        with suppress(asyncio.CancelledError):
            await self._telling

    async def _tell(self) -> None:
        if self._console.is_terminal:
            with self._console.status("…") as status:
                while True:
                    status.update(await self._line())
                    await asyncio.sleep(LIVE)
        while True:
            line = await self._line()
            if line != self._last:
                self._console.print(line, soft_wrap=True)
                self._last = line
            await asyncio.sleep(PLAIN)

    async def _line(self) -> str:
        async with self._database.reading() as connection:
            state = await connection.scalar(sa.select(Sweep.state).where(Sweep.id == self._sweep_id))
            rows = await connection.execute(
                sa.select(Visit.state, sa.func.count())
                .where(Visit.sweep_id == self._sweep_id)
                .group_by(Visit.state)
            )
            counts = dict(rows.tuples().all())
            drawn = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).where(Draw.sweep_id == self._sweep_id)
            chosen = await connection.scalar(drawn) or 0
        assert state is not None
        waiting = sum(counts.get(each, 0) for each in WAITING)
        if state is SweepState.EXPLORING:
            return self._told(state, sum(counts.values()) - waiting, waiting)
        return self._told(state, chosen - waiting, waiting)

    def _told(self, state: SweepState, done: int, waiting: int) -> str:
        # a step that began since the last reading began right after it, with nothing done
        first = (self._read, 0) if self._begun else (time.monotonic(), done)
        began, before = self._begun.setdefault(state, first)
        self._read = time.monotonic()
        minutes = (time.monotonic() - began) / 60
        rate = (done - before) / minutes if minutes > 0.05 else 0.0
        exploring = state is SweepState.EXPLORING  # its end is unknown: what is found leads on
        end = "" if exploring or not rate else self._end(waiting / rate)
        if self._lang == "ja":
            step = "探索" if exploring else "検査"
            unit = "件" if exploring else "ページ"
            return f"{step}: 済み {done:,}、待ち {waiting:,}（毎分 {rate:.0f} {unit}{end}）"
        step = "exploring" if exploring else "auditing"
        unit = "addresses" if exploring else "pages"
        return f"{step}: {done:,} done, {waiting:,} waiting ({rate:.0f} {unit}/min{end})"

    def _end(self, minutes: float) -> str:
        """When the step ends if it goes on as it did, by this machine's clock."""
        at = datetime.now() + timedelta(minutes=minutes)
        clock = f"{at:%H:%M}" if minutes < 12 * 60 else f"{at:%Y-%m-%d %H:%M}"
        if self._lang == "ja":
            return f"、残り約 {minutes:.0f} 分、{clock} ごろまで"
        return f", about {minutes:.0f} min left, until {clock}"
