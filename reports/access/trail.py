"""The audit trail: what was done, by whom, to what."""

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
