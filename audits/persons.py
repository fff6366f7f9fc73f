"""Persons: by which names one and the same may be known. Words bear the name that a person had; two of one person are never two persons'."""

import unicodedata
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import Account, FormerName


def same_person(one: str, other: str) -> bool:
    """Whether two spellings name one person."""
    return spelled(one) == spelled(other)


def spelled(person: str) -> str:
    """A name by which two spellings of one person are the same."""
    return "".join(unicodedata.normalize("NFKC", person).casefold().split())


def known_as(name: Any) -> sa.ColumnElement[str]:
    """The name that a person goes by today, of a column with a name that they had."""
    today = (
        sa.select(Account.person)
        .join(FormerName, FormerName.account_id == Account.id)
        .where(FormerName.person == name)
    )
    return sa.func.coalesce(today.scalar_subquery(), name, type_=sa.String())


async def are_one(connection: AsyncConnection, one: str, other: str) -> bool:
    """Whether two names are of one person: two spellings, or names of one account before and after it was renamed."""
    names = [await connection.scalar(sa.select(known_as(sa.literal(each)))) or each for each in (one, other)]
    return same_person(*names)
