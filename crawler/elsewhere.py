"""Further processes for work that only takes time: pages are read and written there while this one asks and stores.

Functions, and what they take and give, go there and back by pickle; they know no network and no database.
"""

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from typing import ParamSpec, Self, TypeVar

MANY = 100  # pages from which the start of a process pays
MOST = 3  # processes

Given = ParamSpec("Given")
Result = TypeVar("Result")


class Elsewhere:
    """`with Elsewhere() as elsewhere:` runs functions; once opened, in further processes that end with the last such block."""

    def __init__(self) -> None:
        self._pool: ProcessPoolExecutor | None = None
        self._is_lost = False
        self._room = 0  # calls that would not wait long for their turn
        self._users = 0

    def __enter__(self) -> Self:
        self._users += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._users -= 1
        if self._users:
            return
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
        self._pool, self._is_lost = None, False

    @property
    def has_room(self) -> bool:
        """Whether a call goes to another process, and soon."""
        return self._pool is not None and self._room > 0

    def open_for(self, pages: int) -> None:
        """Have further processes if there are so many pages to work on that it pays, and processors for them."""
        spare = min(MOST, (os.cpu_count() or 1) - 1)
        if self._pool is None and not self._is_lost and pages >= MANY and spare:
            context = multiprocessing.get_context("spawn")  # a fork would share the locks of other threads
            try:
                self._pool = ProcessPoolExecutor(spare, context, initializer=_end_with_parent)
            except (OSError, NotImplementedError):  # no shared memory here: the work is done in this process
                self._is_lost = True
                return
            self._room = 2 * spare  # one in hand and one that waits keep a process busy

    async def run(self, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Result:
        """What a function gives: from another process, or from this one when there is none or somebody killed it."""
        if self._pool is not None:
            pool = self._pool
            self._room -= 1
            try:
                begun = _begun(pool, function, *given, **named)
            except OSError as error:  # the machine starts no further process
                begun = Future()
                begun.set_exception(BrokenExecutor(str(error)))
            try:
                return await asyncio.wrap_future(begun)
            except BrokenExecutor:
                self._pool, self._is_lost = None, True
                pool.shutdown(wait=False)
            finally:
                self._room += 1
        return function(*given, **named)


def _begun(
    pool: ProcessPoolExecutor, function: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
) -> "Future[Result]":
    """Ctrl-C goes to every process of a terminal; one that is started while it is blocked never hears of it."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        return pool.submit(function, *given, **named)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end_with_parent() -> None:
    """Have this process end when the one that started it was killed: its pipes would keep it waiting for ever."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def wait() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()
