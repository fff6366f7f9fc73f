"""Where the work at hand stands, for the log: which sweep and which page a line is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

SWEEP: ContextVar[int | None] = ContextVar("sweep", default=None)
PAGE: ContextVar[str | None] = ContextVar("page", default=None)


@contextmanager
def about(*, sweep: int | None = None, page: str | None = None) -> Iterator[None]:
    """Have what is logged within the block, and in tasks begun there, say what it is about."""
    was = SWEEP.get(), PAGE.get()
    SWEEP.set(was[0] if sweep is None else sweep)
    PAGE.set(was[1] if page is None else page)
    try:
        yield
    finally:
        SWEEP.set(was[0])
        PAGE.set(was[1])
