"""Accounts: made, invited, signed in by password, changed, closed and opened again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.persons import same_person
from db.errors import UsageError
from db.tables import Account, FormerName, Invitation, RoleGrant, Token
from db.types import now
from db.words import Role
from reports.access import sessions
from reports.access.passwords import hashed
from reports.access.secrets import digest_of, new_secret

INVITED = timedelta(hours=24)
LONGEST_NAME = 200  # characters


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A role, and where it holds: everywhere, in an organisation and below, or on one site."""

    role: Role
    organisation: int | None = None
    site: int | None = None


async def make_account(
    connection: AsyncConnection, name: str, person: str, grants: Sequence[Grant], *, email: str | None = None,
    subject: str | None = None,
) -> int:  # fmt: skip
    """A new account without a password. Raises UsageError for a name, or a person's, that is taken or cannot be one."""
    named = await _named(connection, name, person, email)
    made = {**named, "subject": subject, "created_at": now()}
    account: int | None = await connection.scalar(sa.insert(Account).values(**made).returning(Account.id))
    assert account is not None
    await set_grants(connection, account, grants)
    return account


async def rename(connection: AsyncConnection, account: int, name: str, person: str, email: str | None) -> None:
    """Change how an account is called. Raises UsageError for a name, or a person's, that is taken or cannot be one.

    It stays the same person's: what was said under the name before is held to be theirs.
    """
    named = await _named(connection, name, person, email, account)
    was = await connection.scalar(sa.select(Account.person).where(Account.id == account))
    if was is not None and was != named["person"]:
        own = FormerName.account_id == account
        await connection.execute(sa.delete(FormerName).where(own, FormerName.person.in_([was, named["person"]])))
        await connection.execute(sa.insert(FormerName).values(account_id=account, person=was, until=now()))
    await connection.execute(sa.update(Account).where(Account.id == account).values(**named))


async def _named(
    connection: AsyncConnection, name: str, person: str, email: str | None, account: int | None = None
) -> dict[str, str | None]:
    name, person, email = (" ".join(each.split()) for each in (name, person, email or ""))
    if not name or not person:
        raise UsageError(ja="利用者名と氏名を書いてください。", en="Give both the account's name and the person's.")
    if any(len(each) > LONGEST_NAME or not each.isprintable() for each in (name, person, email)):
        raise UsageError(
            ja=f"利用者名、氏名、メールは、それぞれ {LONGEST_NAME} 文字までの見える文字で書いてください。",
            en=f"Write name, person and e-mail in visible characters, each at most {LONGEST_NAME}.",
        )
    holder = await connection.scalar(sa.select(Account.id).where(Account.name == name))
    if holder not in (None, account):
        raise UsageError(ja=f"利用者名 {name} はもう使われています。", en=f"The name {name} is taken.")
    if await is_somebody_elses(connection, person, account):
        raise UsageError(
            ja=f"氏名 {person} の利用者がほかにいます。判定や例外は氏名で残るので、区別できるように書いてください（例: {person}（総務局））。",
            en=f"Another account has the person {person}: judgements and exceptions bear that name, so tell the two apart, as in {person} (Finance).",
        )
    return {"name": name, "person": person, "email": email or None}


async def is_somebody_elses(connection: AsyncConnection, person: str, account: int | None = None) -> bool:
    """Whether an account, open or closed, other than this bears a person's name, or did: under it they would judge and agree as the other."""
    borne = sa.union_all(sa.select(Account.id, Account.person), sa.select(FormerName.account_id, FormerName.person))
    rows = await connection.execute(borne)
    return any(number != account and same_person(other, person) for number, other in rows)


async def set_grants(connection: AsyncConnection, account: int, grants: Sequence[Grant]) -> None:
    """Give an account these roles and no others."""
    await connection.execute(sa.delete(RoleGrant).where(RoleGrant.account_id == account))
    for each in dict.fromkeys(grants):
        row = {"role": each.role, "organisation_id": each.organisation, "site_id": each.site}
        await connection.execute(sa.insert(RoleGrant).values(account_id=account, **row))


async def grants_of(connection: AsyncConnection, account: int) -> list[Grant]:
    """The roles of an account, in the order in which they were given."""
    query = sa.select(RoleGrant.role, RoleGrant.organisation_id, RoleGrant.site_id).order_by(RoleGrant.id)
    rows = await connection.execute(query.where(RoleGrant.account_id == account))
    return [Grant(role=role, organisation=organisation, site=site) for role, organisation, site in rows]


async def change_grants(connection: AsyncConnection, account: int, grants: Sequence[Grant]) -> bool:
    """Give an account these roles and no others, and sign it out everywhere; whether anything has changed.

    Raises UsageError when nobody would be left who may change roles.
    """
    before = await grants_of(connection, account)
    if set(before) == set(grants):
        return False
    if not any(_administers(each) for each in grants):
        await _not_the_last(connection, account)
    await set_grants(connection, account, grants)
    await sessions.end_all(connection, account)
    return True


async def close(connection: AsyncConnection, account: int, at: datetime) -> None:
    """Let an account sign in no more; its sessions, links and tokens end. Raises UsageError for the last administrator."""
    await _not_the_last(connection, account)
    await connection.execute(
        sa.update(Account).where(Account.id == account, Account.closed_at.is_(None)).values(closed_at=at)
    )
    await sessions.end_all(connection, account)
    await connection.execute(sa.delete(Invitation).where(Invitation.account_id == account))
    await connection.execute(
        sa.update(Token).where(Token.account_id == account, Token.ended_at.is_(None)).values(ended_at=at)
    )


async def reopen(connection: AsyncConnection, account: int) -> None:
    """Let an account sign in again, with the password that it had; tokens that ended stay ended."""
    await connection.execute(sa.update(Account).where(Account.id == account).values(closed_at=None))


def _administers(grant: Grant) -> bool:
    return grant == Grant(role=Role.ADMINISTRATOR)


async def _not_the_last(connection: AsyncConnection, account: int) -> None:
    """Raises UsageError when an account is the only one left that may change roles."""
    if (
        connection.dialect.name == "postgresql"
    ):  # two administrators may take each other away; SQLite has one writer
        await connection.execute(sa.text("LOCK TABLE account, role_grant IN SHARE ROW EXCLUSIVE MODE"))
    everywhere = RoleGrant.organisation_id.is_(None) & RoleGrant.site_id.is_(None)
    may = (
        sa.select(Account.id)
        .join(RoleGrant, RoleGrant.account_id == Account.id)
        .where(RoleGrant.role == Role.ADMINISTRATOR, everywhere, Account.closed_at.is_(None), _can_sign_in())
    )
    left = set(await connection.scalars(may))
    if left == {account}:
        raise UsageError(
            ja="最後の管理者です。先に、ほかの人を管理者にしてください（その人がサインインできることも必要です）。",
            en="This is the last administrator: make somebody else one first, who can sign in.",
        )


async def invite(connection: AsyncConnection, account: int) -> str:
    """The secret of a link that sets the account's password, once, within a day; earlier links end."""
    await connection.execute(sa.delete(Invitation).where(Invitation.account_id == account))
    secret = new_secret()
    kept = {"digest": digest_of(secret), "account_id": account, "ends_at": now() + INVITED}
    await connection.execute(sa.insert(Invitation).values(**kept))
    return secret


async def invited(connection: AsyncConnection, digest: str, at: datetime) -> sa.Row[int, str, str] | None:
    """Id, name and person of the account that a link is for; None when it is used, over or nobody's."""
    query = (
        sa.select(Account.id, Account.name, Account.person)
        .join(Invitation, Invitation.account_id == Account.id)
        .where(Invitation.digest == digest, Invitation.used_at.is_(None), Invitation.ends_at > at)
        .where(Account.closed_at.is_(None))
    )
    return (await connection.execute(query)).one_or_none()


async def use_invitation(connection: AsyncConnection, digest: str, at: datetime) -> int:
    """The account that a link is for, which serves no more. Raises UsageError for one that served before."""
    is_open = sa.select(Account.id).where(Account.closed_at.is_(None))
    used = (
        sa.update(Invitation)
        .where(Invitation.digest == digest, Invitation.used_at.is_(None), Invitation.ends_at > at)
        .where(Invitation.account_id.in_(is_open))
        .values(used_at=at)
        .returning(Invitation.account_id)
    )
    account: int | None = await connection.scalar(used)
    if account is None:
        raise UsageError(
            ja="このリンクはもう使えません。管理者に新しいリンクを頼んでください。",
            en="This link no longer works: ask an administrator for a new one.",
        )
    return account


async def accept(connection: AsyncConnection, secret: str, password: str, at: datetime) -> int:
    """Set the password of the account that a link is for. Raises UsageError for a link that no longer serves."""
    kept = await hashed(password)
    account = await use_invitation(connection, digest_of(secret), at)
    await set_password(connection, account, kept)
    return account


async def set_password(connection: AsyncConnection, account: int, kept: str) -> None:
    """Keep the hash of a password, and sign the account out everywhere; links that would set another one end."""
    await connection.execute(sa.update(Account).where(Account.id == account).values(password=kept))
    await connection.execute(
        sa.delete(Invitation).where(Invitation.account_id == account, Invitation.used_at.is_(None))
    )
    await sessions.end_all(connection, account)


async def account_for(
    connection: AsyncConnection, name: str
) -> sa.Row[int, str, str, str | None, datetime | None] | None:
    """Id, name, person, password hash and when it was closed, of a name."""
    query = sa.select(Account.id, Account.name, Account.person, Account.password, Account.closed_at)
    return (await connection.execute(query.where(Account.name == name))).one_or_none()


def _can_sign_in() -> sa.ColumnElement[bool]:
    return sa.or_(Account.password.is_not(None), Account.subject.is_not(None))


async def is_first(connection: AsyncConnection) -> bool:
    """Whether nobody can sign in yet: there is no account with a password or a directory's subject."""
    return await connection.scalar(sa.select(Account.id).where(_can_sign_in()).limit(1)) is None


async def first_invitation(connection: AsyncConnection) -> str | None:
    """The secret of the link that sets the first administrator's password; None when somebody can sign in already."""
    if not await is_first(connection):
        return None
    account = await connection.scalar(sa.select(Account.id).where(Account.name == "admin"))
    if account is None:
        everything = [Grant(role=Role.ADMINISTRATOR)]
        account = await make_account(connection, "admin", "管理者", everything)
    return await invite(connection, account)
