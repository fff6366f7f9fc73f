"""Wrong tries to sign in: when there were too many of a name, or from a client."""

import hashlib
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Trail
from db.words import Done

WITHIN = timedelta(minutes=15)
TRIES = 5  # of one name within that time
TRIES_FROM = 30  # of one client
KNOWN = timedelta(days=30)  # a client that signed in as a name is known to it
LOCK = 8_341_001  # of PostgreSQL


async def one_at_a_time(connection: AsyncConnection) -> None:
    """Wait until no other transaction decides on a try: many at once must not all pass the same count."""
    if connection.dialect.name == "postgresql":  # SQLite has one writer
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(LOCK)))


async def too_many(connection: AsyncConnection, who: str, client: str | None, at: datetime) -> bool:
    """Whether no further try is let through now.

    From a client where a name has signed in, only its own tries of that name count: nobody locks its owner out from elsewhere.
    """
    since = at - WITHIN
    refused = sa.select(sa.func.count()).where(Trail.done == Done.SIGN_IN_REFUSED, Trail.at > since)
    from_client = await connection.scalar(refused.where(Trail.address == client)) or 0
    if from_client >= TRIES_FROM:
        return True
    good = sa.select(sa.func.max(Trail.at)).where(Trail.done == Done.SIGNED_IN, Trail.who == who)
    last_here = await connection.scalar(good.where(Trail.address == client, Trail.at > at - KNOWN))
    if last_here is not None:
        of_name = refused.where(Trail.who == who, Trail.address == client, Trail.at > last_here)
    else:
        last = await connection.scalar(good.where(Trail.at > since))
        of_name = refused.where(Trail.who == who, Trail.at > (last or since))
    return (await connection.scalar(of_name) or 0) >= TRIES


def nobodys(name: str) -> str:
    """What the trail calls a name that no account has: people type passwords there by mistake, which must not be kept."""
    return f"(?) {hashlib.sha256(name.encode()).hexdigest()[:8]}"
