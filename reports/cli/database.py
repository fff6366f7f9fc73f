"""Commands on the database: `jisweep db upgrade`, `jisweep db check`, `jisweep db move`."""

import asyncio
from typing import Any

import click

from db.database import Database, hide_password
from db.errors import StorageError
from db.moving import running_sweeps, transfer
from db.pictures.rows import count
from db.schema import Schema, differences, present, standing, upgrade
from reports.cli.copying import Copying, say_aside, say_whole
from reports.cli.options import json_option, lang_option, store_option


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


@db.command(name="move")
@click.option("--from", "source", metavar="URL", required=True, help="The database to copy: it is left as it is.")
@click.option(
    "--to", "target", metavar="URL", required=True, help="A new SQLite file, or an empty PostgreSQL database."
)
@json_option
@lang_option
@store_option
def move_command(source: str, target: str, **given: Any) -> None:
    """Copy all of a database into another one, of either kind, and compare the two."""
    asyncio.run(_move(source, target, given))


async def _move(source: str, target: str, given: dict[str, Any]) -> None:
    async with Database(source, read_only=True) as database:
        await present(database)
        running = await running_sweeps(database)
        with Copying(given["lang"]) as tell:
            moved = await transfer(database, target, tell)
        async with database.reading() as connection:
            outside = (await count(connection)).in_store
    say_aside(moved, running, given["lang"])
    if outside:
        click.echo(
            f"画像 {outside:,} 枚は保管場所にあり、そのままです。移した先でも同じ保管場所（--store、設定の store）を使ってください。"
            if given["lang"] == "ja"
            else f"Pictures that stay in the store: {outside:,}. Name the same one (--store, or the setting store) for the new database.",
            err=True,
        )
    told = {"from": hide_password(source), "to": hide_password(target), "pictures_in_store": outside}
    say_whole(moved, told, given)


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
