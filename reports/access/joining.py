"""From what a directory says of somebody to an account, matched by issuer and subject alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import tree
from db.errors import UsageError
from db.tables import Account
from reports.access import accounts, sessions
from reports.access.directory import Directory


@dataclass(frozen=True, kw_only=True)
class Joined:
    """An account that somebody is signed in to, and what became of it on the way."""

    account: int
    name: str
    acts: tuple[str, ...]  # "made", "joined", "roles"


async def account_of(
    connection: AsyncConnection,
    directory: Directory,
    claims: Mapping[str, Any],
    invitation: str | None,
    at: datetime,
) -> Joined:
    """The account of whom the claims are about; one with an invitation is joined to them first.

    Names and e-mail addresses can be changed by their owners in many directories: they match nothing. Raises UsageError
    for somebody who has no account, and for an account that is closed or would have no role.
    """
    subject = f"{directory.issuer} {claims['sub']}"
    known = await connection.scalar(sa.select(Account.id).where(Account.subject == subject))
    acts: list[str] = []
    if invitation is not None:
        known = await _join(connection, subject, known, invitation, at)
        acts.append("joined")
    grants = directory.grants(claims, await tree(connection)) if directory.mapped else None
    if grants == []:
        if known is not None and await accounts.grants_of(connection, known):
            await accounts.set_grants(connection, known, [])
            await sessions.end_all(connection, known)
        raise NoRole(
            ja="このアカウントに与えられた役割がありません。管理者に頼んでください。",
            en="Your account has no role here: ask an administrator.",
        )
    if known is None:
        if not directory.makes_accounts:
            raise UsageError(
                ja="このシステムの利用者として登録されていません。管理者に招待のリンクを頼んでください。",
                en="You have no account here yet: ask an administrator for a link.",
            )
        name = _text(claims, directory.name) or str(claims["sub"])
        person = _text(claims, directory.person) or name
        if await accounts.is_somebody_elses(connection, person):
            person = f"{person} ({name})"
        known = await accounts.make_account(
            connection, name, person, grants or [], email=_text(claims, "email"), subject=subject
        )
        acts.append("made")
    elif grants is not None and set(grants) != set(await accounts.grants_of(connection, known)):
        await accounts.set_grants(connection, known, grants)
        await sessions.end_all(connection, known)
        acts.append("roles")
    row = (await connection.execute(sa.select(Account.name, Account.closed_at).where(Account.id == known))).one()
    if row.closed_at is not None:
        raise UsageError(
            ja="この利用者は閉じられています。管理者に頼んでください。",
            en="This account is closed: ask an administrator.",
        )
    return Joined(account=known, name=row.name, acts=tuple(acts))


class NoRole(UsageError):
    """The directory gives no role; what was taken from the account stays taken."""


async def _join(
    connection: AsyncConnection, subject: str, known: int | None, invitation: str, at: datetime
) -> int:  # fmt: skip
    account = await accounts.use_invitation(connection, invitation, at)
    if known not in (None, account):
        raise UsageError(
            ja="ディレクトリのあなたは、もう別の利用者に結び付いています。",
            en="The directory's account is joined to another account here already.",
        )
    await connection.execute(sa.update(Account).where(Account.id == account).values(subject=subject))
    await sessions.end_all(connection, account)
    return account


def _text(claims: Mapping[str, Any], claim: str) -> str | None:
    value = claims.get(claim)
    return value if isinstance(value, str) and value.strip() else None
