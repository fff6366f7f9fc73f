"""Sites by what people call them: the address that they start at, or a node of the organisation tree."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.book import site_of
from db.errors import UsageError
from db.tables import Organisation, Site


async def sites_named(connection: AsyncConnection, names: Sequence[str]) -> list[int]:
    """The sites with these addresses, and those of these organisations and of all below them; each once, in this order.

    Raises UsageError for an address that no sweep has been to, and for an organisation that has no site.
    """
    found: dict[int, None] = {}
    for name in names:
        sites = [await site_of(connection, name)] if "://" in name else await _below(connection, name)
        found |= dict.fromkeys(sites)
    return list(found)


async def _below(connection: AsyncConnection, name: str) -> Sequence[int]:
    tree = sa.select(Organisation.id).where(Organisation.name == name).cte("tree", recursive=True)
    tree = tree.union(sa.select(Organisation.id).join(tree, Organisation.parent_id == tree.c.id))
    sites = await connection.scalars(
        sa.select(Site.id).where(Site.organisation_id.in_(sa.select(tree.c.id))).order_by(Site.address)
    )
    found = sites.all()
    if not found:
        raise UsageError(
            ja=f"「{name}」は、サイトのアドレスでも、サイトのある組織の名前でもありません。アドレスは https:// から書いてください。",
            en=f"{name!r} is neither the address of a site nor an organisation that has one: write addresses from https:// on.",
        )
    return found
