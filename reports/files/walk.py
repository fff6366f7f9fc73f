"""The pages of a sweep one after the other, as every file takes them: memory stays flat however many there are."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import Conclusion, conclude, sweep_row
from audits.counts import report_order
from audits.defects.cover import Cover
from audits.excepted import cover_of
from audits.keeping.lost import check_whole
from db.database import Database
from reports import read
from reports.language import Language
from reports.page_view import PageView, page_view
from reports.read import Address, Head
from reports.read_pages import audited

BATCH = 20


@dataclass(frozen=True, kw_only=True)
class Walk:
    """A sweep that is read for a file."""

    connection: AsyncConnection
    head: Head
    conclusion: Conclusion
    language: Language
    cover: Cover

    async def pages(self) -> AsyncIterator[PageView]:
        """The audited pages in the order of the report, with its numbers."""
        visits = await report_order(self.connection, self.head.id)
        for first in range(0, len(visits), BATCH):
            batch = await audited(self.connection, visits[first : first + BATCH])
            for number, page in enumerate(batch, start=first + 1):
                yield page_view(number, page, self.head, self.conclusion.criteria, self.language.lang, self.cover)

    def without_result(self) -> AsyncIterator[Address]:
        """All other addresses, each with the reason."""
        return read.without_result(self.connection, self.head.id)


@asynccontextmanager
async def walking(database: Database, sweep_id: int, lang: str) -> AsyncIterator[Walk]:
    """A sweep, finished or not, open for a file. Raises UsageError when there is none of that number, or its evidence was disposed of."""
    conclusion = await conclude(database, sweep_id)
    async with database.reading() as connection:
        await check_whole(connection, sweep_id)
        head = await read.head(connection, sweep_id)
        _, cover = await cover_of(connection, await sweep_row(connection, sweep_id))
        yield Walk(connection=connection, head=head, conclusion=conclusion, language=Language(lang), cover=cover)
