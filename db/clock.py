"""The database's clock: leases and turns go by it alone, so that no machine's own clock can end or stretch one."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from db.types import Moment


class _Later(FunctionElement[datetime]):
    """So many seconds after the present, by the database's clock."""

    type = Moment()
    name = "later"
    inherit_cache = True


def later(span: timedelta) -> _Later:
    """The moment so long after the present, as the statement runs."""
    return _Later(sa.literal(span.total_seconds(), sa.Float()))


def seconds_after(seconds: sa.ColumnElement[float]) -> _Later:
    """The moment so many seconds after the present, as a column says."""
    return _Later(seconds)


def present() -> _Later:
    """The present moment, as the statement runs."""
    return later(timedelta())


async def clock_of(connection: AsyncConnection) -> Callable[[], datetime]:
    """A clock that says from now on what the database's would, whatever this machine's own is set to."""
    began, read = time.monotonic(), (await connection.execute(sa.select(present()))).scalar_one()
    return lambda: read + timedelta(seconds=time.monotonic() - began)


def seconds_until(moment: sa.ColumnElement[datetime]) -> sa.ColumnElement[float]:
    """How far a moment lies ahead, in seconds; less than 0 when it is over."""
    return _Until(moment)


class _Until(FunctionElement[float]):
    type = sa.Float()
    name = "until"
    inherit_cache = True


@compiles(_Later, "postgresql")
def _later_on_postgresql(element: Any, compiler: Any, **words: Any) -> str:
    return f"(clock_timestamp() + make_interval(secs => {compiler.process(element.clauses, **words)}))"


@compiles(_Later, "sqlite")
def _later_on_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    # as Moment keeps it, to the microsecond; SQLite's clock goes to the millisecond
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {compiler.process(element.clauses, **words)} || ' seconds') || '000')"


@compiles(_Until, "postgresql")
def _until_on_postgresql(element: Any, compiler: Any, **words: Any) -> str:
    return f"extract(epoch FROM {compiler.process(element.clauses, **words)} - clock_timestamp())::float8"


@compiles(_Until, "sqlite")
def _until_on_sqlite(element: Any, compiler: Any, **words: Any) -> str:
    return f"((julianday({compiler.process(element.clauses, **words)}) - julianday('now')) * 86400.0)"
