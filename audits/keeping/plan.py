"""What a run would dispose of, and what it would leave: counted, and nothing changed."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.defects.sight import parts
from audits.keeping.evidence import OF_PLACES, Amount, has, length
from audits.keeping.holding import Hold, SiteSweeps, compared, result_holds, site_sweeps
from audits.keeping.logs import logs_of
from audits.keeping.lost import DATED
from audits.keeping.sources import sources_of
from audits.keeping.terms import Terms
from audits.trends.periods import fiscal_year
from db.store import Store
from db.tables import Example, Finding, Picture, Result, Site, Visit
from db.words import Kept

Key = tuple[Kept, int]  # kind and fiscal year


@dataclass(kw_only=True)
class Planned:
    """What is past its term, by kind and fiscal year: what would go, and what is held and why."""

    at: datetime
    terms: Terms
    going: dict[Key, Amount] = field(default_factory=lambda: defaultdict(Amount))
    held: dict[tuple[Kept, int, Hold], int] = field(default_factory=lambda: defaultdict(int))  # results or rows
    outside: dict[str, int] = field(default_factory=dict)  # digests of pictures that lie in the store → year


async def plan(
    connection: AsyncConnection, terms: Terms, at: datetime, sites: Sequence[int] | None = None,
    store: Store | None = None,
) -> Planned:  # fmt: skip
    """Count what a run at a moment would do, with all sites or some; logs are of no site, and counted with all alone.

    Raises StorageError when the store, where pictures may lie, cannot be used.
    """
    found = Planned(at=at, terms=terms)
    numbers = sorted(await connection.scalars(sa.select(Site.id))) if sites is None else sites
    for kind in (each for each in DATED if each in terms.of):
        for site in numbers:
            await _of_site(connection, found, kind, site)
    if sites is None:
        await _of_logs(connection, found)
    if store is not None and found.outside:
        async for part in store.listed():
            for each in part.objects:
                if (year := found.outside.get(each.digest)) is not None:
                    found.going[Kept.PICTURES, year] += Amount(bytes=each.size)
    return found


async def _of_site(connection: AsyncConnection, found: Planned, kind: Kept, site: int) -> None:
    sweeps = await site_sweeps(connection, site, found.terms.of[kind].ends(found.at))
    if not sweeps.finished:
        return
    going: dict[int, int] = {}  # result → fiscal year
    for result, sweep, hold in await _results(connection, kind, site, sweeps):
        year = fiscal_year(sweeps.finished[sweep])
        if hold is None:
            going[result] = year
        else:
            found.held[kind, year, hold] += 1
    if kind is Kept.PICTURES:
        await _pictures(connection, found, going)
    else:
        await _places(connection, found, kind, going)
    if kind is Kept.TEXTS:
        for source in await sources_of(connection, sweeps):
            year = fiscal_year(sweeps.free[source.sweep_id])
            found.going[kind, year] += Amount(items=1, bytes=source.bytes)


async def _results(
    connection: AsyncConnection, kind: Kept, site: int, sweeps: SiteSweeps
) -> list[tuple[int, int, Hold | None]]:
    """The results of a site's sweeps past their term that have something of a kind: the last such sweep, and what holds them."""
    first: dict[int, int] = {}
    for sweep in sorted(sweeps.finished, reverse=True):
        mine = Visit.sweep_id == sweep, Visit.result_id.is_not(None)
        for result in await connection.scalars(sa.select(Visit.result_id).where(*mine)):
            if result is not None:
                first.setdefault(result, sweep)
    checked = set(await compared(connection, site)) if kind is Kept.PLACES else set()
    holds = result_holds(sweeps.free)
    found: list[tuple[int, int, Hold | None]] = []
    for some in parts(sorted(first)):
        columns = [condition.label(hold.value) for hold, condition in holds.items()]
        rows = await connection.execute(sa.select(Result.id, *columns).where(Result.id.in_(some), has(kind)))
        for row in rows:
            sweep = first[row.id]
            hold = sweeps.held.get(sweep) or next((each for each in holds if row._mapping[each.value]), None)
            found.append((row.id, sweep, hold or (Hold.CHECK if row.id in checked else None)))
    return found


async def _places(connection: AsyncConnection, found: Planned, kind: Kept, going: Mapping[int, int]) -> None:
    size = sa.func.sum(length(connection, *OF_PLACES[kind]))
    for some in parts(sorted(going)):
        rows = await connection.execute(
            sa.select(Finding.result_id, sa.func.count(), size)
            .where(Finding.result_id.in_(some))
            .group_by(Finding.result_id)
        )
        for result, items, size_of in rows:
            found.going[kind, going[result]] += Amount(results=1, items=items, bytes=int(size_of))


async def _pictures(connection: AsyncConnection, found: Planned, going: Mapping[int, int]) -> None:
    """A picture goes with the last that shows it."""
    shown: dict[int, tuple[int, int]] = {}  # picture → how often, the earliest year
    for some in parts(sorted(going)):
        whole = sa.select(Result.id, Result.picture_id).where(Result.id.in_(some), Result.picture_id.is_not(None))
        place = sa.select(Finding.result_id, Finding.picture_id)
        of_places = place.where(Finding.result_id.in_(some), Finding.picture_id.is_not(None))
        rows = (await connection.execute(sa.union_all(whole, of_places))).all()
        for result, picture in rows:
            assert picture is not None
            often, year = shown.get(picture, (0, going[result]))
            shown[picture] = often + 1, min(year, going[result])
    for result in going:
        found.going[Kept.PICTURES, going[result]] += Amount(results=1)
    counts = [
        sa.select(sa.func.count()).where(each.picture_id == Picture.id).correlate(Picture).scalar_subquery()
        for each in (aliased(Result), aliased(Finding), aliased(Example))
    ]
    everywhere = (counts[0] + counts[1] + counts[2]).label("often")
    for some in parts(sorted(shown)):
        size = length(connection, Picture.image).label("bytes")
        columns = Picture.id, everywhere, size, Picture.digest, Picture.image.is_(None).label("is_outside")
        for row in await connection.execute(sa.select(*columns).where(Picture.id.in_(some))):
            often, year = shown[row.id]
            if often == row.often:
                found.going[Kept.PICTURES, year] += Amount(items=1, bytes=row.bytes)
                if row.is_outside:
                    found.outside[row.digest] = year


async def _of_logs(connection: AsyncConnection, found: Planned) -> None:
    for log in logs_of(tuple(found.terms.of)):
        past = log.past(found.terms.of[log.kind].ends(found.at), found.at)
        query = log.query(connection).add_columns(log.holds.label("holds")).where(past)
        async for row in await connection.stream(query):
            key = log.kind, fiscal_year(row.at)
            if log.held is not None and row.holds:
                found.held[*key, log.held[0]] += 1
            else:
                found.going[key] += Amount(items=1, bytes=row.bytes)
