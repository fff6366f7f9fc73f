"""Sources of templates that sweeps have kept, to learn which parts of them are volatile."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.keeping.evidence import length
from audits.keeping.holding import SiteSweeps
from db.tables import Visit, Volatile


async def sources_of(connection: AsyncConnection, sweeps: SiteSweeps) -> Sequence[Any]:
    """Those of a site's sweeps whose results may go: id, sweep_id and bytes; without what sweeps to come are held against.

    A page that was carried goes by what was learned when its result was taken, years ago.
    """
    needed = sa.select(Visit.volatile_id).where(
        Visit.sweep_id.in_(sorted(sweeps.leads)), Visit.volatile_id.is_not(None)
    )
    free = Volatile.sweep_id.in_(sorted(sweeps.free)), Volatile.source.is_not(None), Volatile.id.not_in(needed)
    size = length(connection, Volatile.source).label("bytes")
    query = sa.select(Volatile.id, Volatile.sweep_id, size).where(*free).order_by(Volatile.id)
    return (await connection.execute(query)).all()
