"""What results have of each kind: how much it is, and taking it away from them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.defects.sight import parts
from audits.keeping.lost import DATED
from db.pictures.leaving import note
from db.store import Object
from db.tables import Example, Finding, Picture, Result, Table, Volatile
from db.words import Kept


@dataclass(frozen=True, kw_only=True)
class Amount:
    """How much of a kind there is."""

    results: int = 0  # states of pages
    items: int = 0  # pictures, places or rows
    bytes: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(
            results=self.results + other.results, items=self.items + other.items, bytes=self.bytes + other.bytes
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Gone:
    """What was taken away in one transaction: how much, and by which names."""

    amount: Amount = Amount()
    names: list[str] = field(default_factory=list)

    def __add__(self, other: "Gone") -> "Gone":
        return Gone(amount=self.amount + other.amount, names=self.names + other.names)


def length(connection: AsyncConnection, *columns: Any) -> sa.ColumnElement[int]:
    """The bytes that columns take, as text or as they are."""

    def one(column: Any) -> sa.ColumnElement[int]:
        if isinstance(column.type, sa.JSON):
            column = sa.cast(column, sa.Text)
        if connection.dialect.name == "sqlite":
            return sa.func.length(sa.cast(column, sa.LargeBinary))
        return sa.func.octet_length(column)

    first, *rest = (sa.func.coalesce(one(each), 0, type_=sa.Integer()) for each in columns)
    whole: sa.ColumnElement[int] = first
    for each in rest:
        whole = whole + each
    return whole


OF_PLACES: dict[Kept, tuple[Any, ...]] = {
    Kept.TEXTS: (Finding.snippet, Finding.checks),
    Kept.PLACES: (Finding.frame, Finding.target, Finding.box),
}
EMPTY: dict[Kept, dict[str, Any]] = {
    Kept.PICTURES: {"picture_id": None},
    Kept.TEXTS: {"snippet": "", "checks": []},
    Kept.PLACES: {"frame": [], "target": [], "box": sa.null()},
}


def has(kind: Kept) -> sa.ColumnElement[bool]:
    """Whether a result still has something of a kind."""
    other = aliased(Finding)
    mine = other.result_id == Result.id
    if kind is Kept.PICTURES:
        return sa.or_(Result.picture_id.is_not(None), sa.exists().where(mine, other.picture_id.is_not(None)))
    return sa.and_(DATED[kind].is_(None), sa.exists().where(mine))


async def take_away(
    connection: AsyncConnection,
    kind: Kept,
    results: Sequence[int],
    at: datetime,
    there: Mapping[str, Object | None],
) -> Gone:
    """Empty what results have of a kind; `there` says of those pictures that lie in the store what it has of them."""
    names = [f"result {each}" for each in results]
    of_places = Finding.result_id.in_(results)
    emptied = sa.update(Finding).where(of_places).values(EMPTY[kind])
    if kind is Kept.PICTURES:
        shown = await _shown(connection, results)
        await connection.execute(emptied)
        await _mark(connection, kind, results, at)
        gone = await _drop_pictures(connection, shown, there)
    else:
        size = sa.func.coalesce(sa.func.sum(length(connection, *OF_PLACES[kind])), 0)
        items, size_of = (
            await connection.execute(sa.select(sa.func.count(), size).select_from(Finding).where(of_places))
        ).one()
        await connection.execute(emptied)
        await _mark(connection, kind, results, at)
        gone = Gone(amount=Amount(items=items, bytes=int(size_of)))
    return gone + Gone(amount=Amount(results=len(results)), names=names)


async def _mark(connection: AsyncConnection, kind: Kept, results: Sequence[int], at: datetime) -> None:
    """Say in each result what it has lost; no page that is audited again finds it by its content any more."""
    lost: dict[str, Any] = {DATED[kind].key: at, "digest": sa.bindparam("other")}
    if kind is Kept.PICTURES:
        lost["picture_id"] = None
    named = [{"number": each, "other": sha256(f"disposed {each}".encode()).hexdigest()} for each in results]
    table = Table.metadata.tables[Result.__tablename__]
    await connection.execute(sa.update(table).where(table.c.id == sa.bindparam("number")).values(**lost), named)


async def _shown(connection: AsyncConnection, results: Sequence[int]) -> list[int]:
    """The pictures of results and their places."""
    whole = sa.select(Result.picture_id).where(Result.id.in_(results), Result.picture_id.is_not(None))
    parts = sa.select(Finding.picture_id).where(Finding.result_id.in_(results), Finding.picture_id.is_not(None))
    return sorted(await connection.scalars(sa.union(whole, parts)))


async def outside(connection: AsyncConnection, results: Sequence[int]) -> list[str]:
    """The digests of those pictures of results and their places that lie in the store."""
    found: list[str] = []
    for some in parts(await _shown(connection, results)):
        theirs = Picture.id.in_(some), Picture.image.is_(None)
        found += await connection.scalars(sa.select(Picture.digest).where(*theirs))
    return found


async def _drop_pictures(
    connection: AsyncConnection, pictures: Sequence[int], there: Mapping[str, Object | None]
) -> Gone:
    """Delete the rows of those of some pictures that nothing shows any more, and note what the store has of them."""
    gone = Gone()
    for start in range(0, len(pictures), 500):
        some = Picture.id.in_(pictures[start : start + 500])
        still = (
            sa.exists().where(each.picture_id == Picture.id, each.picture_id.is_not(None))
            for each in (Result, Finding, Example)
        )
        columns = length(connection, Picture.image).label("bytes"), Picture.image.is_(None).label("is_outside")
        query = sa.select(Picture.id, Picture.digest, *columns)
        rows = (await connection.execute(query.where(some, *(~each for each in still)).order_by(Picture.id))).all()
        await connection.execute(sa.delete(Picture).where(Picture.id.in_([row.id for row in rows])))
        found = (there[row.digest] for row in rows if row.is_outside)
        objects = [each for each in found if each is not None]
        await note(connection, objects)
        size = sum(row.bytes for row in rows) + sum(each.size for each in objects)
        names = [f"picture {row.id} {row.digest}" for row in rows]
        gone += Gone(amount=Amount(items=len(rows), bytes=size), names=names)
    return gone


async def drop_sources(connection: AsyncConnection, sources: Sequence[Any]) -> Gone:
    """Empty the sources of templates, rows of `id` and `bytes`; pages that are compared with them are audited anew."""
    numbers = [each.id for each in sources]
    await connection.execute(sa.update(Volatile).where(Volatile.id.in_(numbers)).values(source=None))
    amount = Amount(items=len(numbers), bytes=sum(each.bytes for each in sources))
    return Gone(amount=amount, names=[f"source {each}" for each in numbers])
