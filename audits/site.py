"""A site's own settings: how its sweeps behave, and what belongs to it, where nothing else is asked for."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.scope import Exclusion, Scope
from db.database import Database
from db.tables import Site
from db.types import now

MANNERS = ("delay", "per_host", "window", "stop_outside", "obey_meta_robots", "contact", "fresh")  # names of Limits
SCOPE = ("include", "exclude")  # lists of PATTERN, and of PATTERN=REASON
HEALTH = ("suspect_shrunken", "suspect_missing")  # shares from which on a sweep is suspect, see audits.health
KEPT = MANNERS + SCOPE + HEALTH


async def site_settings(database: Database, address: str) -> dict[str, Any]:
    """What a site's sweeps use instead of the usual limits and scope; nothing for a site that is not known."""
    async with database.reading() as connection:
        found = await connection.scalar(sa.select(Site.settings).where(Site.address == address))
    return {name: value for name, value in (found or {}).items() if name in KEPT}


def manners_in(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Those of a site's settings that are limits, by the names of Limits."""
    return {name: settings[name] for name in MANNERS if name in settings}


def kept_scope(settings: Mapping[str, Any], scope: Scope) -> Scope:
    """A scope with the patterns that a site keeps in place of its own. Raises ValueError for one that cannot be read."""
    includes = tuple(settings.get("include", scope.includes))
    kept = settings.get("exclude")
    exclusions = scope.exclusions if kept is None else tuple(Exclusion.parse(each) for each in kept)
    return Scope.around(scope.start, includes=includes, exclusions=exclusions)


async def keep_site_settings(
    database: Database, address: str, settings: dict[str, Any], *, reset: bool = False
) -> None:
    """Keep these settings with the site, beside those kept before or, with `reset`, instead of them."""
    async with database.writing() as connection:
        await keep_in(connection, address, settings, reset=reset)


async def keep_in(
    connection: AsyncConnection, address: str, settings: dict[str, Any], *, reset: bool = False
) -> None:
    """The same in a transaction that is under way."""
    asked = sa.select(Site.settings).where(Site.address == address).with_for_update()
    before = await connection.scalar(asked)
    others = {name: value for name, value in (before or {}).items() if not (reset and name in KEPT)}
    if before is None:
        made = sa.insert(Site).values(address=address, settings=settings, created_at=now())
        await connection.execute(made)
    else:
        changed = sa.update(Site).where(Site.address == address).values(settings=others | settings)
        await connection.execute(changed)
