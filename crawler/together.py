"""Tasks side by side, whose error comes out as it is: callers know our errors by their type, not in groups."""

import asyncio
from types import TracebackType


class Together(asyncio.TaskGroup):
    """A task group that raises the first error alone; the others followed from it."""

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
