"""Commands on the database: `jisweep db upgrade`, `jisweep db check`."""

import asyncio

import click

from db.database import Database
from db.errors import StorageError
from db.schema import Schema, differences, standing, upgrade


@click.group()
def db() -> None:
    """Look after the database."""


@db.command(name="upgrade")
@click.option("--db", "database", metavar="URL", default="jisweep.sqlite", envvar="JISWEEP_DB", show_default=True)
def upgrade_command(database: str) -> None:
    """Bring the database to this version's schema. Back it up first."""
    asyncio.run(_upgrade(database))
    click.echo("ok")


@db.command(name="check")
@click.option("--db", "database", metavar="URL", default="jisweep.sqlite", envvar="JISWEEP_DB", show_default=True)
def check_command(database: str) -> int:
    """Say how the database's schema stands to this version's; exit code 0 when it is current."""
    found = asyncio.run(_check(database))
    click.echo(found.value)
    return 0 if found is Schema.CURRENT else StorageError.exit_code


async def _upgrade(url: str) -> None:
    async with Database(url) as database:
        await upgrade(database)


async def _check(url: str) -> Schema:
    async with Database(url, must_exist=True) as database:
        found = await standing(database)
        unlike = await differences(database) if found is Schema.CURRENT else []
    if unlike:
        raise StorageError(
            ja=f"データベースの表が定義と違います: {'; '.join(unlike)}",
            en=f"The tables differ from their definition: {'; '.join(unlike)}",
        )
    return found
