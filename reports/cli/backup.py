"""`jisweep backup` and `jisweep restore`: the whole database as one file, and back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from db import backup as backups
from db.database import Database, hide_password
from reports.cli.copying import Copying, say_aside, say_whole
from reports.cli.options import database_option, json_option, lang_option


@click.command()
@click.argument("place", metavar="FILE|DIR")
@json_option
@lang_option
@database_option
def backup(place: str, **given: Any) -> None:
    """Write the whole database into a new FILE, or one with the time in its name in DIR; sweeps may run meanwhile."""
    asyncio.run(_backup(backups.file_for(place), given))


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--upgrade", "upgrading", is_flag=True, help="Bring a backup of an older schema up to date.")
@json_option
@lang_option
@database_option
def restore(file: Path, upgrading: bool, **given: Any) -> None:
    """Put the backup FILE into a new or empty database."""
    asyncio.run(_restore(file, upgrading, given))


async def _backup(path: Path, given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as source:
        with Copying(given["lang"]) as tell:
            manifest, moved = await backups.back_up(source, path, tell)
    say_aside(moved, manifest.running, given["lang"])
    told = {"backup": str(path), "manifest": str(backups.manifest_of(path)), **manifest.as_json()}
    click.echo(json.dumps(told, ensure_ascii=False) if given["as_json"] else path)


async def _restore(path: Path, upgrading: bool, given: dict[str, Any]) -> None:
    with Copying(given["lang"]) as tell:
        manifest, moved = await backups.restore(path, given["database"], tell, upgrading=upgrading)
    say_aside(moved, [], given["lang"])
    if manifest is None:
        click.echo(
            f"目録 {backups.manifest_of(path)} がないので、バックアップを作ったときの数とは比べていません。"
            if given["lang"] == "ja"
            else f"There is no manifest {backups.manifest_of(path)}: nothing was compared with what was backed up.",
            err=True,
        )
    told = {"database": hide_password(given["database"]), "compared_with_manifest": manifest is not None}
    say_whole(moved, told, given)
