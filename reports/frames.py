"""The records as pandas DataFrames, for notebooks: the same rows, columns and meanings as the API's.

from reports.frames import Frames
frames = Frames("out/jisweep.sqlite")
frames.findings(1).groupby("rule").page.nunique().sort_values()
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Collection, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any, TypeVar

import pandas as pd
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import conclude
from db.database import Database
from db.schema import present
from reports import records
from reports.summary import as_json

T = TypeVar("T")


class Frames:
    """The records of a database (a SQLite file or a SQLAlchemy URL); each call reads anew.

    Raises UsageError and StorageError as the commands do. Works inside a notebook, whose event loop is its own.
    """

    def __init__(self, database: str) -> None:
        self._url = database

    def organisations(self) -> pd.DataFrame:
        """id, parent, name."""
        return self._frame(records.organisations())

    def sites(self) -> pd.DataFrame:
        """id, address, organisation, created_at."""
        return self._frame(records.sites())

    def sweeps(self) -> pd.DataFrame:
        """All sweeps, with the conditions that two must share before their numbers are compared."""
        return self._frame(records.sweeps())

    def visits(self, sweep: int) -> pd.DataFrame:
        """Every address of a sweep; `failed_places`, those that enter the rate, is NA where there is no result, which is not clean."""
        frame = self._run(self._read_of(sweep, records.visits))
        return frame.astype({"failed_places": "Int64", "open_questions": "Int64"})

    def findings(self, sweep: int) -> pd.DataFrame:
        """Every place that a sweep found, and whether it `counts` in the rate; frame, target and box as JSON text."""
        return self._run(self._read_of(sweep, records.findings))

    def defects(self, site: int | None = None) -> pd.DataFrame:
        """The defects of all sites, or of one."""
        query = records.defects()
        return self._frame(query if site is None else query.where(query.selected_columns.site == site))

    def events(self, defect: int) -> pd.DataFrame:
        """The life of a defect."""
        return self._frame(records.events(defect))

    def cycles(self) -> pd.DataFrame:
        """The remediation rounds."""
        return self._frame(records.cycles())

    def criteria(self, sweep: int) -> pd.DataFrame:
        """The criteria of a sweep: number, level, problem_pages, places, needs_review_pages, state (never met)."""
        told = self._run(self._concluded(sweep))
        rows = [{"number": number, **each} for number, each in told["criteria"].items()]
        return pd.DataFrame(rows).drop(columns=["estimate"], errors="ignore")

    def conclusion(self, sweep: int) -> dict[str, Any]:
        """What `jisweep sweep --json` prints."""
        return self._run(self._concluded(sweep))

    async def _concluded(self, sweep: int) -> dict[str, Any]:
        async with Database(self._url, must_exist=True) as database:
            await present(database)
            return as_json(await conclude(database, sweep), None)

    def _frame(self, query: records.Query) -> pd.DataFrame:
        return self._run(self._read(query))

    async def _read(self, query: records.Query) -> pd.DataFrame:
        async with self._reading() as connection:
            return await _framed(connection, query)

    async def _read_of(self, sweep: int, query: Callable[[int, Collection[str]], records.Query]) -> pd.DataFrame:
        async with self._reading() as connection:
            return await _framed(connection, query(sweep, await records.counting(connection, sweep)))

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[AsyncConnection]:
        async with Database(self._url, must_exist=True) as database:
            await present(database)
            async with database.reading() as connection:
                yield connection

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        """In a thread of its own: a notebook's loop is running already."""
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, work).result()


async def _framed(connection: AsyncConnection, query: records.Query) -> pd.DataFrame:
    answer = await connection.execute(query.order_by(_first(query)))
    rows = [[_plain(value) for value in row] for row in answer]
    return pd.DataFrame(rows, columns=list(answer.keys()))


def _first(query: records.Query) -> Any:
    """The first column, which is the id."""
    return next(iter(query.selected_columns))


def _plain(value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    return json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value
