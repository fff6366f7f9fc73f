"""Progress of a sweep, read from its rows: a live line on a terminal, plain lines elsewhere."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Self

import sqlalchemy as sa
from rich.console import Console

from crawler.notes import notes_of
from crawler.windows import Windows
from db.database import Database
from db.tables import Draw, Sweep, Visit
from db.words import About, SweepState, VisitState
from reports.clean import one_line
from reports.language import Language

LIVE, PLAIN = 1.0, 10.0  # seconds between two readings
NEWS = (
    About.PACE,
    About.HOST,
    About.BLOCKED,
    About.CARRY,
    About.TRAFFIC,
)  # of notes that a person at the terminal wants to know of at once
WAITING = (VisitState.FOUND, VisitState.SELECTED)


class Progress:
    """Tells counts, pages a minute and the expected end on standard error while the block runs."""

    def __init__(self, database: Database, sweep_id: int, lang: str) -> None:
        self._database = database
        self._sweep_id = sweep_id
        self._lang = lang
        self._console = Console(stderr=True, highlight=False)
        self._pace = Pace()
        self._last = ""
        self._language = Language(lang)
        self._news: list[dict[str, str]] = []

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
            read = sa.select(Sweep.state, Sweep.settings).where(Sweep.id == self._sweep_id)
            state, settings = (await connection.execute(read)).one()
            notes = await notes_of(connection, self._sweep_id, NEWS)
            rows = await connection.execute(
                sa.select(Visit.state, sa.func.count())
                .where(Visit.sweep_id == self._sweep_id)
                .group_by(Visit.state)
            )
            counts: dict[VisitState, int] = dict(rows.all())
            drawn = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).where(Draw.sweep_id == self._sweep_id)
            chosen = await connection.scalar(drawn) or 0
        self._tell_news(notes)
        if closed := window_closed(settings.get("window", ""), datetime.now(UTC), self._lang):
            return closed
        waiting = sum(counts.get(each, 0) for each in WAITING)
        if state is SweepState.EXPLORING:
            return self._told(state, sum(counts.values()) - waiting, waiting)
        return self._told(state, chosen - waiting, waiting)

    def _tell_news(self, notes: list[dict[str, str]]) -> None:
        """Say once, in a line of its own, what delays the sweep or keeps it from a host."""
        for note in notes:
            if note not in self._news:
                self._news.append(note)
                about = self._language.word("notes.about", note["about"])
                said = self._language.noted(note["said"])
                self._console.print(one_line(f"{about}: {note['address']} ({said})"), soft_wrap=True)

    def _told(self, state: SweepState, done: int, waiting: int) -> str:
        rate = self._pace.per_minute(state, done, time.monotonic())
        exploring = state is SweepState.EXPLORING  # its end is unknown: what is found leads on
        end = "" if exploring or not rate else expected_end(waiting / rate, datetime.now(), self._lang)
        if self._lang == "ja":
            step = "探索" if exploring else "検査"
            unit = "件" if exploring else "ページ"
            return f"{step}: 済み {done:,}、待ち {waiting:,}（毎分 {rate:.0f} {unit}{end and f'、{end}'}）"
        step = "exploring" if exploring else "auditing"
        unit = "addresses" if exploring else "pages"
        return f"{step}: {done:,} done, {waiting:,} waiting ({rate:.0f} {unit}/min{end and f', {end}'})"


class Pace:
    """How fast each step of a sweep goes while this process runs it: what was done before does not count."""

    def __init__(self) -> None:
        self._begun: dict[SweepState, tuple[float, int]] = {}  # step → when it was first seen, how much was done
        self._read = 0.0  # seconds, when the last reading was made

    def per_minute(self, step: SweepState, done: int, at: float) -> float:
        """The step's mean rate up to a reading at `at` seconds; 0 while it is too young to tell.

        A step that began since the last reading began right after it, with nothing done.
        """
        began, before = self._begun.setdefault(step, (self._read, 0) if self._begun else (at, done))
        self._read = at
        minutes = (at - began) / 60
        return (done - before) / minutes if minutes > 0.05 else 0.0


def window_closed(window: str, moment: datetime, lang: str) -> str:
    """That no page is begun now, and from when on they are again; nothing while the window is open."""
    windows = Windows.parse(window)
    if windows.are_open(moment):
        return ""
    opens = f"{windows.next_opening(moment):%m-%d %H:%M %Z}"
    return (
        f"時間帯（{window}）の外: {opens} まで待ちます"
        if lang == "ja"
        else f"outside the window ({window}): waiting until {opens}"
    )


def expected_end(minutes: float, now: datetime, lang: str) -> str:
    """What is left of a step if it goes on as it did, and until when by this machine's clock."""
    if minutes < 1:
        return "残り 1 分未満" if lang == "ja" else "less than a minute left"
    at = now + timedelta(minutes=minutes)
    clock = f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
    hours = minutes >= 120
    left = minutes / 60 if hours else minutes
    if lang == "ja":
        return f"残り約 {left:.0f} {'時間' if hours else '分'}、{clock} ごろまで"
    return f"about {left:.0f} {'h' if hours else 'min'} left, until {clock}"
