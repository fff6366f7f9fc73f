"""The frontier: the addresses of a sweep as rows, from found to explored."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from db.database import insert_new
from db.tables import Page, Sweep, Table, Visit
from db.words import FoundBy, Reason, VisitState

T = TypeVar("T")
ROWS = 500  # rows in one statement: SQLite allows 32,766 variables
MET = 20_000  # addresses that are kept in memory with their pages: navigation is met on every page
READ_AHEAD = 10_000  # ids that are fetched at one time


@dataclass(frozen=True, kw_only=True)
class Waiting:
    """An address that is still to be asked for."""

    visit: int
    page: int
    address: str
    depth: int
    found_by: FoundBy


_WAITING = (
    Visit.id.label("visit"), Visit.page_id.label("page"), Page.address, Visit.depth, Visit.found_by,
)  # fmt: skip


async def add_addresses(
    connection: AsyncConnection,
    sweep: Sweep,
    addresses: Iterable[str],
    *,
    found_by: FoundBy,
    depth: int,
    found_on: int | None = None,
    in_sitemap: bool = False,
    met: dict[str, int] | None = None,
) -> dict[str, int]:
    """Put addresses that the sweep does not know yet on the frontier; returns the page of each.

    Known ones stay as they are, but for the sitemap. In `met` the caller keeps the pages that the sweep was seen to
    know, so that what each page links to is not asked for each time.

    All rows go in one order, and callers change their own visit only afterwards: of two transactions that add the
    same addresses one waits for the other, never each for the other (PostgreSQL).
    """
    given = set(addresses)
    met = {} if met is None or in_sitemap else met
    pages = {each: met[each] for each in given if each in met}
    slices = list(_slices(sorted(given - pages.keys())))
    known = [await _known(connection, sweep, some) for some in slices]
    if len(met) > MET:
        met.clear()
    met.update({address: page for batch in known for address, (page, visited) in batch.items() if visited})
    for place, some in enumerate(slices):
        new = [{"site_id": sweep.site_id, "address": each} for each in some if each not in known[place]]
        if new:
            await _insert_new(connection, Page, new)
            known[place] = await _known(connection, sweep, some)
    found = [page for batch in known for page, visited in batch.values() if not visited]
    await _add_visits(connection, sweep, found, found_by, depth, found_on, in_sitemap)
    if in_sitemap:
        for batch in known:
            ids = [page for page, _ in batch.values()]
            listed = sa.update(Visit).where(Visit.sweep_id == sweep.id, Visit.page_id.in_(ids))
            await connection.execute(listed.values(in_sitemap=True))
    return pages | {address: page for batch in known for address, (page, _) in batch.items()}


async def add_pages(
    connection: AsyncConnection,
    sweep: Sweep,
    pages: Iterable[int],
    *,
    found_by: FoundBy,
    depth: int,
    found_on: int | None,
) -> None:
    """Put pages that the site knows but the sweep does not know yet on the frontier, as addresses are."""
    found: list[int] = []
    for some in _slices(sorted(set(pages))):
        visited = sa.select(Visit.page_id).where(Visit.sweep_id == sweep.id, Visit.page_id.in_(some))
        known = set(await connection.scalars(visited))
        found += [page for page in some if page not in known]
    await _add_visits(connection, sweep, found, found_by, depth, found_on)


async def _add_visits(
    connection: AsyncConnection, sweep: Sweep, pages: list[int], found_by: FoundBy, depth: int,
    found_on: int | None, in_sitemap: bool = False,
) -> None:  # fmt: skip
    rows: list[dict[str, Any]] = [
        {
            "sweep_id": sweep.id,
            "page_id": page,
            "state": VisitState.FOUND,
            "depth": depth,
            "found_by": found_by,
            "found_on_id": found_on,
            "in_sitemap": in_sitemap,
            "linked": found_by in (FoundBy.LINK, FoundBy.REDIRECT),
            "shown": found_by in (FoundBy.RENDERED, FoundBy.CLICKED),
            "kinds": [],
            "tries": 0,
        }
        for page in sorted(pages)  # in one order: see add_addresses
    ]
    for some in _slices(rows):
        await _insert_new(connection, Visit, some)


async def _known(connection: AsyncConnection, sweep: Sweep, addresses: list[str]) -> dict[str, tuple[int, bool]]:
    """The pages of the site among these addresses, and whether the sweep knows them: most links lead to such."""
    rows = await connection.execute(
        sa.select(Page.address, Page.id, Visit.id.is_not(None))
        .outerjoin(Visit, sa.and_(Visit.page_id == Page.id, Visit.sweep_id == sweep.id))
        .where(Page.site_id == sweep.site_id, Page.address.in_(addresses))
    )
    return {address: (page, visited) for address, page, visited in rows}


async def waiting_order(connection: AsyncConnection, sweep_id: int, depth: int) -> "array[int]":
    """The visits of a depth that have not been asked for."""
    return await in_order(connection, sweep_id, Visit.state == VisitState.FOUND, Visit.depth == depth)


# Pages with a content; those that a look ended as duplicates tell the next look what they told that one
READ = sa.or_(
    Visit.state == VisitState.EXPLORED,
    sa.and_(Visit.reason == Reason.DUPLICATE, Visit.content_digest.is_not(None)),
)


async def in_order(connection: AsyncConnection, sweep_id: int, *where: sa.ColumnElement[bool]) -> "array[int]":
    """The visits for which something holds, in the order of their addresses: eight bytes each, to be read in slices."""
    rows = await connection.stream_scalars(
        sa.select(Visit.id)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.sweep_id == sweep_id, *where)
        .order_by(Page.address)
    )
    order = array("q")
    async for some in rows.partitions(READ_AHEAD):
        order.extend(some)
    return order


Many = TypeVar("Many", "array[int]", list[str])


def slices(order: Many) -> Iterator[Many]:
    """The parts of an order, each small enough for one statement."""
    return (order[begin : begin + ROWS] for begin in range(0, len(order), ROWS))


async def waiting(connection: AsyncConnection, visits: Collection[int]) -> list[Waiting]:
    """Those of the visits that still have not been asked for, in the order of their addresses."""
    rows = await connection.execute(
        sa.select(*_WAITING)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.id.in_(visits), Visit.state == VisitState.FOUND)
        .order_by(Page.address)
    )
    return [Waiting(**row) for row in rows.mappings()]


async def visited(connection: AsyncConnection, visit: int) -> Waiting:
    """An address of the sweep again."""
    rows = await connection.execute(
        sa.select(*_WAITING).join(Page, Page.id == Visit.page_id).where(Visit.id == visit)
    )
    return Waiting(**rows.mappings().one())


async def scripted_order(connection: AsyncConnection, sweep_id: int, depth: int) -> "array[int]":
    """The explored pages of a depth that have scripts and were not rendered."""
    return await in_order(
        connection,
        sweep_id,
        Visit.state == VisitState.EXPLORED,
        Visit.depth == depth,
        Visit.script_key.is_not(None),
        ~Visit.rendered,
    )


async def scripted(connection: AsyncConnection, visits: Collection[int]) -> list[tuple[Waiting, str]]:
    """Visits with their script keys, in the order of their addresses."""
    rows = await connection.execute(
        sa.select(*_WAITING, Visit.script_key)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.id.in_(visits))
        .order_by(Page.address)
    )
    return [
        (Waiting(**{name: row[name] for name in Waiting.__dataclass_fields__}), row["script_key"])
        for row in rows.mappings()
    ]


async def render_evidence(connection: AsyncConnection, sweep_id: int, key: str) -> tuple[int, bool]:
    """How many pages with a script key were rendered, and whether that found any new address."""
    rendered = sa.select(Visit.page_id).where(Visit.sweep_id == sweep_id, Visit.script_key == key, Visit.rendered)
    tried = await connection.scalar(sa.select(sa.func.count()).select_from(rendered.subquery()))
    gained = await connection.scalar(
        sa.select(
            sa.exists().where(
                Visit.sweep_id == sweep_id,
                Visit.found_by == FoundBy.RENDERED,
                Visit.found_on_id.in_(rendered),
            )
        )
    )
    return tried or 0, bool(gained)


async def count_asked(connection: AsyncConnection, sweep_id: int, depth: int) -> int:
    """How many addresses nearer than the depth were let through to be asked for."""
    counted = await connection.scalar(
        sa.select(sa.func.count())
        .select_from(Visit)
        .where(
            Visit.sweep_id == sweep_id,
            Visit.depth < depth,
            sa.or_(Visit.reason.is_(None), Visit.reason.not_in(REFUSED_UNASKED)),
        )
    )
    return counted or 0


REFUSED_UNASKED = (
    Reason.OUT_OF_SCOPE,
    Reason.EXCLUDED,
    Reason.ROBOTS,
    Reason.ROBOTS_UNREACHABLE,
    Reason.PAGE_LIMIT,
    Reason.PATTERN_LIMIT,
    Reason.TRAP,
    Reason.UNSAFE,
    Reason.DEPTH_LIMIT,
    Reason.TIME_LIMIT,
)


async def end_visit(connection: AsyncConnection, visit: int, reason: Reason, detail: str, **facts: Any) -> None:
    """Record that an address gets no result, and why."""
    await connection.execute(
        sa.update(Visit)
        .where(Visit.id == visit)
        .values(state=VisitState.UNAUDITED, reason=reason, detail=detail[:500] or None, **facts)
    )


async def leave_unsafe(connection: AsyncConnection, sweep_id: int, pages: Collection[int], detail: str) -> None:
    """Never ask for these pages, to which a link that speaks of an act leads, unless that has been done already."""
    await connection.execute(
        sa.update(Visit)
        .where(Visit.sweep_id == sweep_id, Visit.page_id.in_(pages), Visit.state == VisitState.FOUND)
        .values(state=VisitState.UNAUDITED, reason=Reason.UNSAFE, detail=detail)
    )


async def postpone(connection: AsyncConnection, visits: Sequence[int], depth: int) -> None:
    """Move addresses that wait to another level."""
    for begin in range(0, len(visits), ROWS):
        some = visits[begin : begin + ROWS]
        await connection.execute(sa.update(Visit).where(Visit.id.in_(some)).values(depth=depth))


async def bring_up(connection: AsyncConnection, sweep_id: int, depth: int) -> None:
    """Move all addresses that wait to one level."""
    waiting = Visit.sweep_id == sweep_id, Visit.state == VisitState.FOUND
    await connection.execute(sa.update(Visit).where(*waiting).values(depth=depth))


async def release_unproven(connection: AsyncConnection, sweep_id: int, depth: int) -> bool:
    """Put addresses that were taken for duplicates unasked on a level, where the other one gave no page after all."""
    other = aliased(Visit)
    gave_none = sa.exists().where(
        other.sweep_id == sweep_id,
        other.page_id == Visit.leads_to_id,
        other.state == VisitState.UNAUDITED,
        other.reason.not_in((Reason.DUPLICATE, Reason.REDIRECT)),
    )
    released = await connection.execute(
        sa.update(Visit)
        .where(
            Visit.sweep_id == sweep_id, Visit.reason == Reason.DUPLICATE, Visit.http_status.is_(None), gave_none
        )
        .values(state=VisitState.FOUND, reason=None, detail=None, leads_to_id=None, depth=depth)
    )  # fmt: skip
    return bool(released.rowcount)


async def end_all_waiting(connection: AsyncConnection, sweep_id: int, reason: Reason) -> None:
    """Record one reason for every address that is still waiting."""
    await connection.execute(
        sa.update(Visit)
        .where(Visit.sweep_id == sweep_id, Visit.state == VisitState.FOUND)
        .values(state=VisitState.UNAUDITED, reason=reason)
    )


async def _insert_new(connection: AsyncConnection, table: type[Table], rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await connection.execute(insert_new(connection, table), list(rows))


def _slices(values: Collection[T]) -> Iterator[list[T]]:
    rest = iter(values)
    while some := list(islice(rest, ROWS)):
        yield some
