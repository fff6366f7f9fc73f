"""Probes: is the process alive, and can it serve. They need no account and tell nothing but yes or no."""

import time
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import PlainTextResponse

from db.database import Database
from db.errors import JisweepError
from db.schema import Schema, standing

PATHS = ("/healthz", "/readyz")
REMEMBERED = 2.0  # seconds: whoever asks again and again costs the database no more than that


async def healthz(_: Request) -> PlainTextResponse:
    """The process answers; the database is not asked, since no restart of ours would mend it."""
    return _said(200, "ok")


class Readiness:
    """Whether the database can be reached and has this program's schema."""

    def __init__(self, database: Callable[[], Database]) -> None:
        self._database = database
        self._asked_at, self._ready = float("-inf"), False

    async def answer(self, _: Request) -> PlainTextResponse:
        """200 `ready`, or 503 `not ready`; why is for `jisweep status`."""
        if time.monotonic() - self._asked_at > REMEMBERED:
            self._asked_at = time.monotonic()
            try:
                self._ready = await standing(self._database()) is Schema.CURRENT
            except (JisweepError, OSError):
                self._ready = False
        return _said(200, "ready") if self._ready else _said(503, "not ready")


def _said(status: int, text: str) -> PlainTextResponse:
    return PlainTextResponse(f"{text}\n", status, headers={"Cache-Control": "no-store"})
