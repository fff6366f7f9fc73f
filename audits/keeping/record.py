"""The record of what was disposed of (データ廃棄記録), as it was written."""

import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.keeping.evidence import Amount
from db.errors import UsageError
from db.tables import Disposal, Site
from db.types import Moment
from db.words import Kept


@dataclass(frozen=True, kw_only=True)
class Entry:
    """What went in one step."""

    id: int
    begun_at: datetime  # of the run
    at: datetime
    who: str
    kind: Kept
    site: str | None
    sweep: int | None
    year: int
    results: int
    items: int
    bytes: int
    term: str
    minimum: str | None
    why: str | None
    digest: str


async def entries(connection: AsyncConnection) -> AsyncIterator[Entry]:
    """All steps of all runs, the first one first."""
    own = [getattr(Disposal, each) for each in Entry.__dataclass_fields__ if each not in ("site", "sweep")]
    query = sa.select(*own, Site.address.label("site"), Disposal.sweep_id.label("sweep"))
    steps = query.outerjoin(Site, Site.id == Disposal.site_id).order_by(Disposal.id)
    async for row in await connection.stream(steps):
        yield Entry(**row._mapping)


async def names_of(connection: AsyncConnection, number: int) -> bytes:
    """What went in a step, by name: the text whose SHA-256 the record bears. Raises UsageError where it does not have it."""
    query = sa.select(Disposal.digest, Disposal.names).where(Disposal.id == number)
    row = (await connection.execute(query)).one_or_none()
    if row is None:
        raise UsageError(
            ja=f"廃棄記録に {number} 番はありません。番号は jisweep retention record --csv で見られます。",
            en=f"The record of disposal has no entry {number}: jisweep retention record --csv shows their numbers.",
        )
    if row.names is None:
        raise UsageError(
            ja=f"廃棄記録の {number} 番は、名前を残していなかった版のものです（SHA-256 は {row.digest}）。",
            en=f"Entry {number} of the record was written by a version that did not keep the names (SHA-256 {row.digest}).",
        )
    return zlib.decompress(row.names)


async def totals(connection: AsyncConnection) -> dict[Kept, tuple[Amount, datetime]]:
    """How much of each kind has gone, and when the last of it went."""
    steps = sa.select(
        Disposal.kind, sa.func.sum(Disposal.results), sa.func.sum(Disposal.items), sa.func.sum(Disposal.bytes),
        sa.type_coerce(sa.func.max(Disposal.at), Moment()),
    ).group_by(Disposal.kind)  # fmt: skip
    return {
        kind: (Amount(results=int(results), items=int(items), bytes=int(size)), at)
        for kind, results, items, size, at in await connection.execute(steps)
    }
