"""Sweeps of one site put straight into the tables: a frame of numbered pages, those drawn, and which of them fail."""

from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from db.database import Database
from db.tables import Draw, Page, ScopeRule, Visit
from db.words import FoundBy, Method, Part, Reason, ScopeKind, VisitState
from tests.reports.rows import Writer

ADDRESS = "https://www.example.metro.tokyo.lg.jp/"


async def swept(
    database: Database,
    *,
    frame: int,
    drawn: Collection[int],
    failing: Mapping[str, Collection[int]],
    lost: Collection[int] = (),
    purposive: Collection[int] = (),
    excluded: str | None = None,
    **values: Any,
) -> int:
    """A sweep; `drawn`, `lost` and `purposive` are numbers of pages, `failing` the pages that fail a rule."""
    census = len(drawn) == frame
    part = Part.CENSUS if census else Part.RANDOM
    async with database.writing() as connection:
        writer = Writer(connection)
        usual = {"method": Method.ALL if census else Method.MIXED}
        await writer.begin(**{"address": ADDRESS, **usual, **values})
        if excluded:
            await writer.insert(
                ScopeRule, sweep_id=writer.sweep, kind=ScopeKind.EXCLUDE, pattern=excluded, reason="理由"
            )
        await _not_chosen(writer, [n for n in range(frame) if n not in {*drawn, *purposive}])
        for number in sorted({*drawn, *purposive}):
            visit = await writer.visit(address(number))
            for rank, (kind, pages) in enumerate(((part, drawn), (Part.REPRESENTATIVE, purposive))):
                if number in pages:
                    await writer.insert(Draw, sweep_id=writer.sweep, visit_id=visit, part=kind, rank=number + rank)
            if number in lost:
                ended = {"state": VisitState.UNAUDITED, "reason": Reason.CRASHED}
                await connection.execute(sa.update(Visit).where(Visit.id == visit).values(**ended))
                continue
            result = await writer.result(visit)
            for rule, pages in failing.items():
                if number in pages:
                    await writer.finding(result, rule)
            await writer.assertions(result)
    return writer.sweep


def address(number: int) -> str:
    """The address of a numbered page."""
    return f"{ADDRESS}p/{number}.html"


async def _not_chosen(writer: Writer, numbers: list[int]) -> None:
    pages = sa.select(Page.address, Page.id).where(Page.site_id == writer.site)
    known = {row.address: row.id for row in await writer.connection.execute(pages)}
    missing = [{"site_id": writer.site, "address": address(n)} for n in numbers if address(n) not in known]
    if missing:
        await writer.connection.execute(sa.insert(Page), missing)
        known = {row.address: row.id for row in await writer.connection.execute(pages)}
    if numbers:
        await writer.connection.execute(
            sa.insert(Visit),
            [
                {"sweep_id": writer.sweep, "page_id": known[address(n)], "state": VisitState.NOT_CHOSEN, "depth": 2,
                 "found_by": FoundBy.LINK, "in_sitemap": False, "kinds": [], "rendered": False, "tries": 0}
                for n in numbers
            ],
        )  # fmt: skip
