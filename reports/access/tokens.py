"""Tokens of the API: what a program shows to act for an account, with no more than its scopes."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.errors import UsageError
from db.tables import Account, Token
from reports.access.rights import May, Rights, rights_of
from reports.access.secrets import digest_of, new_secret

PREFIX = "jisweep_"  # by which leak scanners know one
LONGEST = 365  # days that a token serves at most
NAMED = 100  # characters of its name
NOTED = timedelta(minutes=1)  # that it is in use is written no more often


async def make_token(
    connection: AsyncConnection, rights: Rights, name: str, scopes: Sequence[str], days: int, at: datetime
) -> tuple[int, str]:
    """A token for the account with these rights: its number, and the secret, which is known now and never again.

    Raises UsageError for a name that is no name, for more days than a year, and for scopes that the account itself lacks.
    """
    name = " ".join(name.split())
    if not name or len(name) > NAMED or not name.isprintable():
        raise UsageError(
            ja=f"何に使うトークンか分かる名前を、{NAMED} 文字までで書いてください。",
            en=f"Give the token a name that tells its use, of at most {NAMED} characters.",
        )
    if not 1 <= days <= LONGEST:
        raise UsageError(
            ja=f"期限は 1 日から {LONGEST} 日までです。", en=f"A token serves for 1 to {LONGEST} days."
        )
    own = [act.value for act in May if rights.may(act)]
    if not scopes or not set(scopes) <= set(own):
        raise UsageError(
            ja="できることを、自分の権限の中から一つ以上選んでください。",
            en="Choose at least one thing that the token may do, of those that you may do.",
        )
    secret = PREFIX + new_secret()
    made = {
        "digest": digest_of(secret), "account_id": rights.account, "name": name,
        "scopes": [each for each in own if each in scopes], "created_at": at, "ends_at": at + timedelta(days=days),
    }  # fmt: skip
    number: int | None = await connection.scalar(sa.insert(Token).values(**made).returning(Token.id))
    assert number is not None
    return number, secret


async def end_token(connection: AsyncConnection, account: int, token: int, at: datetime) -> str | None:
    """End a token of an account; its name, None when the account has no such token that serves."""
    ended = (
        sa.update(Token)
        .where(Token.id == token, Token.account_id == account, Token.ended_at.is_(None))
        .values(ended_at=at)
        .returning(Token.name)
    )
    return (await connection.execute(ended)).scalar_one_or_none()


async def end_tokens(connection: AsyncConnection, account: int, at: datetime) -> None:
    """End all tokens of an account."""
    of = sa.update(Token).where(Token.account_id == account, Token.ended_at.is_(None))
    await connection.execute(of.values(ended_at=at))


async def bearer(connection: AsyncConnection, secret: str, at: datetime) -> Rights | None:
    """What the bearer of a token may do: what its account may do now, as far as the token's scopes go.

    None for a token that is nobody's, has ended, or is of a closed account. The connection must be one that may write:
    that the token is in use is noted, at most once in a minute.
    """
    token = await _token(connection, secret, at)
    if token is None:
        return None
    if _is_due(token, at):
        await _note(connection, token, at)
    return await _rights(connection, token)


async def bearer_in(database: Database, secret: str, at: datetime) -> Rights | None:
    """The same for a request that only reads: it writes in a transaction of its own, when it is time to."""
    async with database.reading() as connection:
        token = await _token(connection, secret, at)
        rights = await _rights(connection, token) if token is not None else None
    if token is not None and _is_due(token, at):
        async with database.writing() as connection:
            await _note(connection, token, at)
    return rights


async def _token(connection: AsyncConnection, secret: str, at: datetime) -> sa.Row[Any] | None:
    if not secret.startswith(PREFIX):
        return None
    query = (
        sa.select(Token.id, Token.scopes, Token.used_at, Account.id.label("account"), Account.name, Account.person)
        .join(Account, Account.id == Token.account_id)
        .where(Token.digest == digest_of(secret), Token.ends_at > at)
        .where(Token.ended_at.is_(None), Account.closed_at.is_(None))
    )
    return (await connection.execute(query)).one_or_none()


async def _rights(connection: AsyncConnection, token: sa.Row[Any]) -> Rights:
    return (await rights_of(connection, token.account, token.name, token.person)).only(token.scopes)


def _is_due(token: sa.Row[Any], at: datetime) -> bool:
    return token.used_at is None or at - token.used_at > NOTED


async def _note(connection: AsyncConnection, token: sa.Row[Any], at: datetime) -> None:
    await connection.execute(sa.update(Token).where(Token.id == token.id).values(used_at=at))
