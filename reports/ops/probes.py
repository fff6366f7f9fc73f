"""Probes: is the process alive, and can it serve. They need no account and tell nothing but yes or no."""

import asyncio
import time
from collections.abc import Callable

from sqlalchemy.exc import DBAPIError
from starlette.requests import Request
from starlette.responses import PlainTextResponse

from db.database import Database
from db.errors import JisweepError
from db.schema import Schema, standing

PATHS = ("/healthz", "/readyz")
PATIENCE = 3.0  # seconds for the database to answer
REMEMBERED = 2.0  # seconds: whoever asks again and again costs the database no more than that


async def healthz(_: Request) -> PlainTextResponse:
    """The process answers; the database is not asked, since no restart of ours would mend it."""
    return _said(200, "ok")


class Readiness:
    """Whether the database can be reached and has this program's schema."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._asked_at, self._ready = float("-inf"), False
        self._asking = asyncio.Lock()

    async def answer(self, _: Request) -> PlainTextResponse:
        """200 `ready`, or 503 `not ready`; why is for `jisweep status`."""
        async with self._asking:  # one connection at most, however long the database takes
            if time.monotonic() - self._asked_at > REMEMBERED:
                self._ready = await self._can_serve()
                self._asked_at = time.monotonic()
        return _said(200, "ready") if self._ready else _said(503, "not ready")

    async def _can_serve(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                return await standing(self._database()) is Schema.CURRENT
        except (JisweepError, OSError, DBAPIError, TimeoutError):
            return False


def _said(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", status, headers={"Cache-Control": "no-store"})
