"""Progress of a sweep, read from its rows: a live line on a terminal, plain lines elsewhere."""

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Self

from rich.console import Console

from audits.bearings import about
from crawler.notes import notes_of
from db.database import Database
from db.words import About, SweepState
from reports.clean import one_line
from reports.language import Language
from reports.ops.log import is_json
from reports.progress import progress_line, read_progress, window_closed

LIVE, PLAIN, LOGGED = 1.0, 10.0, 60.0  # seconds between two readings
NEWS = (
    About.PACE,
    About.HOST,
    About.BLOCKED,
    About.CARRY,
    About.TRAFFIC,
)  # of notes that a person at the terminal wants to know of at once
log = logging.getLogger(__name__)


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
        if is_json():
            while True:
                with about(sweep=self._sweep_id):
                    log.info("%s", await self._line())
                await asyncio.sleep(LOGGED)
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
            reading = await read_progress(connection, self._sweep_id)
            notes = await notes_of(connection, self._sweep_id, NEWS)
        self._tell_news(notes)
        if closed := window_closed(reading.window, datetime.now(UTC), self._lang):
            return closed
        rate = self._pace.per_minute(reading.state, reading.done, time.monotonic())
        return progress_line(reading, rate, self._lang)

    def _tell_news(self, notes: list[dict[str, str]]) -> None:
        """Say once, in a line of its own, what delays the sweep or keeps it from a host."""
        for note in notes:
            if note not in self._news:
                self._news.append(note)
                about = self._language.word("notes.about", note["about"])
                said = self._language.noted(note["said"])
                line = one_line(f"{about}: {note['address']} ({said})")
                if is_json():
                    log.warning("%s", line)
                else:
                    self._console.print(line, soft_wrap=True)


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
