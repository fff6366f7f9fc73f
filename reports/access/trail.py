"""The audit trail: what was done, by whom, to what."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Trail
from db.types import now
from db.words import Done


async def leave(
    connection: AsyncConnection, done: Done, who: str, *, account: int | None = None, address: str | None = None,
    about: str | None = None, **details: Any,
) -> None:  # fmt: skip
    """Add a line. `about` is the path of what it was done to, `address` the client's; secrets have no place in `details`."""
    line = {
        "at": now(), "done": done, "who": who, "account_id": account, "address": address, "about": about, "details": details,
    }  # fmt: skip
    await connection.execute(sa.insert(Trail).values(**line))


async def refused_since(
    connection: AsyncConnection, since: datetime, *, who: str | None = None, address: str | None = None
) -> int:
    """How many sign-ins of a name, or from an address, were refused since then and since the last that was not."""
    of = Trail.who == who if who is not None else Trail.address == address
    good = sa.select(sa.func.max(Trail.at)).where(of, Trail.done == Done.SIGNED_IN).scalar_subquery()
    count = sa.select(sa.func.count()).where(of, Trail.done == Done.SIGN_IN_REFUSED, Trail.at > since)
    if who is not None:
        count = count.where(sa.or_(good.is_(None), Trail.at > good))
    return (await connection.scalar(count)) or 0
