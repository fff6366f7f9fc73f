"""Sessions: an account is signed in until it signs out, is idle for too long, or the day is over."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Account, Session
from reports.access.secrets import digest_of, new_secret

IDLE = timedelta(hours=2)
WHOLE = timedelta(hours=12)
RENEWED = timedelta(minutes=30)  # a secret serves no longer
ON_THEIR_WAY = timedelta(minutes=1)  # requests may still bear the secret before
NOTED = timedelta(minutes=1)  # that it is in use is written no more often


@dataclass(frozen=True, kw_only=True)
class SignedIn:
    """The account of a session, and the new secret when the browser needs one."""

    account: int
    name: str
    person: str
    digest: str
    secret: str | None  # to be given to the browser


async def begin(connection: AsyncConnection, account: int, at: datetime, address: str | None = None) -> str:
    """Sign an account in, from a client's address; the secret is for its browser. Sessions that are over are taken away."""
    over = sa.or_(Session.created_at < at - WHOLE, Session.seen_at < at - IDLE)
    await connection.execute(sa.delete(Session).where(Session.account_id == account, over))
    secret = new_secret()
    kept = {
        "digest": digest_of(secret), "account_id": account, "created_at": at, "renewed_at": at, "seen_at": at,
        "address": address,
    }  # fmt: skip
    await connection.execute(sa.insert(Session).values(**kept))
    return secret


async def find(connection: AsyncConnection, secret: str, at: datetime) -> SignedIn | None:
    """Who a secret belongs to; None when it belongs to nobody, or no longer."""
    digest = digest_of(secret)
    query = (
        sa.select(Session, Account.name, Account.person, Account.closed_at)
        .join(Account, Account.id == Session.account_id)
        .where(sa.or_(Session.digest == digest, Session.before == digest))
    )
    row = (await connection.execute(query)).one_or_none()
    if row is None or row.closed_at is not None or at - row.created_at > WHOLE or at - row.seen_at > IDLE:
        return None
    if row.digest != digest and at - row.renewed_at > ON_THEIR_WAY:
        return None
    return SignedIn(account=row.account_id, name=row.name, person=row.person, digest=row.digest, secret=None)


async def needs_writing(connection: AsyncConnection, digest: str, at: datetime) -> bool:
    """Whether it is time to note that a session is in use."""
    seen = await connection.scalar(sa.select(Session.seen_at).where(Session.digest == digest))
    return seen is not None and at - seen > NOTED


async def keep(connection: AsyncConnection, digest: str, at: datetime) -> str | None:
    """Note that a session is in use; its new secret when the one before has served long enough."""
    found = sa.select(Session.renewed_at).where(Session.digest == digest)
    renewed = await connection.scalar(found)
    if renewed is None or at - renewed <= RENEWED:
        await connection.execute(sa.update(Session).where(Session.digest == digest).values(seen_at=at))
        return None
    secret = new_secret()
    new = {"digest": digest_of(secret), "before": digest, "renewed_at": at, "seen_at": at}
    changed = await connection.execute(sa.update(Session).where(Session.digest == digest).values(**new))
    return secret if changed.rowcount else None


async def end(connection: AsyncConnection, secret: str) -> None:
    """Sign out."""
    digest = digest_of(secret)
    await connection.execute(sa.delete(Session).where(sa.or_(Session.digest == digest, Session.before == digest)))


async def of_account(connection: AsyncConnection, account: int, at: datetime) -> list[sa.Row[Any]]:
    """The sessions of an account that are not over, the last used first: digest, created_at, seen_at, address."""
    query = sa.select(Session.digest, Session.created_at, Session.seen_at, Session.address)
    lasting = query.where(
        Session.account_id == account, Session.created_at >= at - WHOLE, Session.seen_at >= at - IDLE
    )
    return list(await connection.execute(lasting.order_by(Session.seen_at.desc(), Session.digest)))


async def end_one(connection: AsyncConnection, account: int, digest: str) -> bool:
    """End a session of an account; whether it had such a one."""
    of = sa.or_(Session.digest == digest, Session.before == digest)
    ended = await connection.execute(sa.delete(Session).where(Session.account_id == account, of))
    return ended.rowcount > 0


async def end_all(connection: AsyncConnection, account: int) -> None:
    """Sign an account out everywhere: its password or its roles have changed, or it was closed."""
    await connection.execute(sa.delete(Session).where(Session.account_id == account))
