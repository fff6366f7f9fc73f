"""Tasks side by side: such that end together, and such that are done again and again beside something else."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from types import TracebackType

from db.errors import StorageError

log = logging.getLogger(__name__)


class Together(asyncio.TaskGroup):
    """A task group that raises the first error alone, as callers know our errors by their type; the others followed from it."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Wait for all tasks, as a task group does."""
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            first = _first(group)
            raise first from first.__cause__


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


@asynccontextmanager
async def again_and_again(step: Callable[[], Awaitable[object]], seconds: float, what: str) -> AsyncIterator[None]:
    """Take a step each time so many seconds have passed since the last one, while the block runs.

    It goes on whatever comes of a step; `what` says in the log what went wrong. The end breaks a step off.
    """

    async def go() -> None:
        while True:
            try:
                await step()
            except StorageError as error:
                log.error("%s: %s", what, error)
            except Exception:
                log.exception(what)
            await asyncio.sleep(seconds)

    going = asyncio.create_task(go())
    try:
        yield
    finally:
        going.cancel()
        with suppress(asyncio.CancelledError):
            await going
