"""Wrong tries to sign in: when there were too many of a name, or from a client."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from functools import cache
from ipaddress import IPv6Address, ip_address, ip_network

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Trail
from db.words import Done

WITHIN = timedelta(minutes=15)
TRIES = 5  # of one name within that time
TRIES_FROM = 30  # of one client
NETWORK = 64  # bits that all addresses of one client begin with by IPv6 (RFC 6177): it changes the others at will
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
    is_client = await _is_client(connection, who, client, at)
    from_client = await connection.scalar(refused.where(is_client)) or 0
    if from_client >= TRIES_FROM:
        return True
    good = sa.select(sa.func.max(Trail.at)).where(Trail.done == Done.SIGNED_IN, Trail.who == who)
    last_here = await connection.scalar(good.where(is_client, Trail.at > at - KNOWN))
    if last_here is not None:
        of_name = refused.where(Trail.who == who, is_client, Trail.at > last_here)
    else:
        last = await connection.scalar(good.where(Trail.at > since))
        of_name = refused.where(Trail.who == who, Trail.at > (last or since))
    return (await connection.scalar(of_name) or 0) >= TRIES


async def _is_client(
    connection: AsyncConnection, who: str, client: str | None, at: datetime
) -> sa.ColumnElement[bool]:
    """The condition that a line is of a client, for those of a name and the latest refused ones."""
    if client is None or (mine := _network(client)) == client:
        return Trail.address == client
    lately = sa.and_(Trail.done == Done.SIGN_IN_REFUSED, Trail.at > at - WITHIN)
    hers = sa.and_(Trail.done == Done.SIGNED_IN, Trail.who == who, Trail.at > at - KNOWN)
    seen = sa.select(Trail.address).where(sa.or_(lately, hers), Trail.address.contains(":")).distinct()
    return Trail.address.in_([each for each in await connection.scalars(seen) if each and _network(each) == mine])


def _network(client: str) -> str:
    """What all addresses of a client have in common."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if not isinstance(address, IPv6Address) or address.ipv4_mapped:
        return client
    return str(ip_network((int(address), NETWORK), strict=False))


def nobodys(name: str) -> str:
    """What the trail calls a name that no account has: people type passwords there by mistake, which must not be kept.

    Whoever reads the trail cannot try words against it, either: the key is gone when the server ends.
    """
    return f"(?) {hmac.new(_key(), name.encode(), hashlib.sha256).hexdigest()[:8]}"


@cache
def _key() -> bytes:
    return secrets.token_bytes(32)
