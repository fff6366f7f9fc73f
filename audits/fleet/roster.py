"""What each worker says of itself: that it lives, what it has in hand, what it leaves to others and why."""

import asyncio
import logging
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from importlib.metadata import version
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.engine import NAME, Engine
from crawler.document import READER
from db.clock import later, present
from db.database import Database
from db.errors import StorageError, UsageError
from db.leases import this_process
from db.tables import Worker
from db.types import now

BEAT = 5.0  # seconds
SILENT = timedelta(minutes=-1)  # who has said nothing for so long is taken for dead

log = logging.getLogger(__name__)


class Roster:
    """This process's row among the workers: `async with Roster(database, name, engine, places) as roster`.

    `draining` is set when somebody asks in the row that it take on nothing more. Raises UsageError for a name that another
    living worker bears.
    """

    def __init__(self, database: Database, name: str, engine: Engine, places: int) -> None:
        self.draining = asyncio.Event()
        self.name = name
        self._database = database
        self._engine = f"{NAME} {engine.version}"
        self._places = places
        self._leaves: dict[str, Any] = {}
        self._hand: list[int] = []
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        async with self._database.writing() as connection:
            others = Worker.name == self.name, Worker.owner != this_process(), _lives()
            if await connection.scalar(sa.select(sa.exists().where(*others))):
                raise UsageError(
                    ja=f"「{self.name}」という名前のワーカーは動いています。--name で別の名前にしてください。",
                    en=f"A worker named {self.name} is running: choose another name with --name.",
                )
            await connection.execute(sa.delete(Worker).where(Worker.name == self.name))
            row = {
                "name": self.name, "owner": this_process(), "version": version("jisweep"), "engine": self._engine,
                "reader": READER, "places": self._places, "started_at": now(), "beat_at": present(), "hand": self._told(),
            }  # fmt: skip
            await connection.execute(sa.insert(Worker).values(row))
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._beating is not None
        self._beating.cancel()
        with suppress(asyncio.CancelledError):
            await self._beating
        with suppress(StorageError):
            async with self._database.writing() as connection:
                ended = {"ended_at": now(), "hand": {"sweeps": [], "leaves": self._leaves}}
                await connection.execute(sa.update(Worker).where(*self._mine()).values(ended))

    def has_in_hand(self, sweeps: list[int]) -> None:
        """Note the sweeps in hand, to be told with the next beat."""
        self._hand = sweeps

    def leaves(self, sweep_id: int, asked_at: datetime) -> bool:
        """Whether this worker has left the sweep to others since it was last asked for."""
        return bool(self._leaves.get(str(sweep_id), {}).get("asked_at") == asked_at.isoformat())

    async def leave(self, sweep_id: int, asked_at: datetime, why: Mapping[str, str]) -> bool:
        """Leave a sweep to others; False when no living worker is left that has not done so too."""
        self._leaves[str(sweep_id)] = {"asked_at": asked_at.isoformat(), **why}
        async with self._database.writing() as connection:
            await connection.execute(sa.update(Worker).where(*self._mine()).values(hand=self._told()))
            others = await connection.scalars(sa.select(Worker.hand).where(_lives(), Worker.name != self.name))
            told = [each.get("leaves", {}).get(str(sweep_id), {}).get("asked_at") for each in others]
        return any(each != asked_at.isoformat() for each in told)

    async def beat(self) -> None:
        """Say that this worker lives, and heed what is asked of it."""
        told = {"beat_at": present(), "hand": self._told(), "ended_at": None}
        async with self._database.writing() as connection:
            drain = await connection.execute(
                sa.update(Worker).where(*self._mine()).values(told).returning(Worker.drain_asked_at)
            )
            asked = drain.first()
        if asked is not None and asked.drain_asked_at is not None:
            self.draining.set()

    def _mine(self) -> tuple[sa.ColumnElement[bool], ...]:
        return Worker.name == self.name, Worker.owner == this_process()

    def _told(self) -> dict[str, Any]:
        return {"sweeps": self._hand, "leaves": self._leaves}

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT)
            try:
                await self.beat()
            except StorageError as error:
                log.warning("%s", error)


def _lives() -> sa.ColumnElement[bool]:
    return sa.and_(Worker.ended_at.is_(None), Worker.beat_at >= later(SILENT))


async def ask_to_drain(connection: AsyncConnection, name: str) -> int:
    """Ask workers to finish their pages and end: one by its name, several by a pattern with `*`; how many were asked."""
    like = re.sub(r"([%_\\])", r"\\\1", name).replace("*", "%")
    asked = await connection.execute(
        sa.update(Worker).where(Worker.name.like(like, escape="\\"), _lives()).values(drain_asked_at=present())
    )
    return int(asked.rowcount)
