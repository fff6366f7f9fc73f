"""Accounts: made, invited, signed in by password, and closed."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import sqlalchemy as sa
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.errors import UsageError
from db.tables import Account, Invitation, RoleGrant
from db.types import now
from db.words import Role
from reports.access import sessions
from reports.access.secrets import digest_of, new_secret

SHORTEST = 12  # characters of a password (NIST SP 800-63B asks for length, not for signs)
LONGEST = 200
INVITED = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role, and where it holds: everywhere, in an organisation and below, or on one site."""

    role: Role
    organisation: int | None = None
    site: int | None = None


async def make_account(
    connection: AsyncConnection, name: str, person: str, grants: Sequence[Grant], *, email: str | None = None
) -> int:
    """A new account without a password. Raises UsageError for a name that is taken or empty."""
    name, person = " ".join(name.split()), " ".join(person.split())
    if not name or not person:
        raise UsageError(ja="利用者名と氏名を書いてください。", en="Give both the account's name and the person's.")
    if await connection.scalar(sa.select(Account.id).where(Account.name == name)) is not None:
        raise UsageError(ja=f"利用者名 {name} はもう使われています。", en=f"The name {name} is taken.")
    made = {"name": name, "person": person, "email": email, "created_at": now()}
    account: int | None = await connection.scalar(sa.insert(Account).values(**made).returning(Account.id))
    assert account is not None
    await set_grants(connection, account, grants)
    return account


async def set_grants(connection: AsyncConnection, account: int, grants: Sequence[Grant]) -> None:
    """Give an account these roles and no others."""
    await connection.execute(sa.delete(RoleGrant).where(RoleGrant.account_id == account))
    for each in grants:
        row = {"role": each.role, "organisation_id": each.organisation, "site_id": each.site}
        await connection.execute(sa.insert(RoleGrant).values(account_id=account, **row))


async def invite(connection: AsyncConnection, account: int) -> str:
    """The secret of a link that sets the account's password, once, within a day; earlier links end."""
    await connection.execute(sa.delete(Invitation).where(Invitation.account_id == account))
    secret = new_secret()
    kept = {"digest": digest_of(secret), "account_id": account, "ends_at": now() + INVITED}
    await connection.execute(sa.insert(Invitation).values(**kept))
    return secret


async def invited(connection: AsyncConnection, secret: str, at: datetime) -> sa.Row[int, str, str] | None:
    """Id, name and person of the account that a link is for; None when it is used, over or nobody's."""
    query = (
        sa.select(Account.id, Account.name, Account.person)
        .join(Invitation, Invitation.account_id == Account.id)
        .where(Invitation.digest == digest_of(secret), Invitation.used_at.is_(None), Invitation.ends_at > at)
        .where(Account.closed_at.is_(None))
    )
    return (await connection.execute(query)).one_or_none()


async def accept(connection: AsyncConnection, secret: str, password: str, at: datetime) -> int:
    """Set the password of the account that a link is for. Raises UsageError for a link that no longer serves."""
    check_password(password)
    hashed = await asyncio.to_thread(hasher().hash, password)
    digest = digest_of(secret)
    used = (
        sa.update(Invitation)
        .where(Invitation.digest == digest, Invitation.used_at.is_(None), Invitation.ends_at > at)
        .values(used_at=at)
        .returning(Invitation.account_id)
    )
    account: int | None = await connection.scalar(used)
    if account is None:
        raise UsageError(
            ja="このリンクはもう使えません。管理者に新しいリンクを頼んでください。",
            en="This link no longer works: ask an administrator for a new one.",
        )
    await connection.execute(sa.update(Account).where(Account.id == account).values(password=hashed))
    await sessions.end_all(connection, account)
    return account


def check_password(password: str) -> None:
    """Raises UsageError for a password that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            ja=f"パスワードは{SHORTEST}文字以上{LONGEST}文字以下にしてください。",
            en=f"A password has {SHORTEST} to {LONGEST} characters.",
        )


async def account_for(
    connection: AsyncConnection, name: str
) -> sa.Row[int, str, str, str | None, datetime | None] | None:
    """Id, name, person, password hash and when it was closed, of a name."""
    query = sa.select(Account.id, Account.name, Account.person, Account.password, Account.closed_at)
    return (await connection.execute(query.where(Account.name == name))).one_or_none()


def fits(hashed: str | None, password: str) -> bool:
    """Whether a password is the account's; it takes as long for an account that has none, or for nobody."""
    try:
        return hasher().verify(hashed or _nobodys(), password) and hashed is not None
    except (VerificationError, InvalidHashError):
        return False


async def in_thread(hashed: str | None, password: str) -> bool:
    """The same as `fits`, while others are served."""
    return await asyncio.to_thread(fits, hashed, password)


async def is_first(connection: AsyncConnection) -> bool:
    """Whether nobody can sign in yet: there is no account with a password or a directory's subject."""
    usable = sa.or_(Account.password.is_not(None), Account.subject.is_not(None))
    return await connection.scalar(sa.select(Account.id).where(usable).limit(1)) is None


async def first_invitation(connection: AsyncConnection) -> str | None:
    """The secret of the link that sets the first administrator's password; None when somebody can sign in already."""
    if not await is_first(connection):
        return None
    account = await connection.scalar(sa.select(Account.id).where(Account.name == "admin"))
    if account is None:
        everything = [Grant(role=Role.ADMINISTRATOR)]
        account = await make_account(connection, "admin", "管理者", everything)
    return await invite(connection, account)


@cache
def hasher() -> PasswordHasher:
    """argon2id with the library's own parameters (RFC 9106, low memory)."""
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return hasher().hash(new_secret())
