"""`jisweep backup` and `jisweep restore`: the whole database as one file, and back."""

import asyncio
import json
from pathlib import Path
from typing import Any

import click

from db import backup as backups
from db.database import Database, hide_password
from db.pictures.belonging import needed
from db.pictures.checking import Checked, look_outside
from reports.cli.copying import Copying, say_aside, say_lacking, say_outside, say_whole
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE, INCOMPLETE


@click.command()
@click.argument("place", metavar="FILE|DIR")
@click.option("--with-pictures", "along", is_flag=True, help="Take the pictures in the store along, into the FILE.")
@json_option
@lang_option
@database_option
def backup(place: str, along: bool, **given: Any) -> int:
    """Write the whole database into a new FILE, or one with the time in its name in DIR; sweeps may run meanwhile."""
    return asyncio.run(_backup(backups.file_for(place), given, along=along))


@click.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--upgrade", "upgrading", is_flag=True, help="Bring a backup of an older schema up to date.")
@json_option
@lang_option
@database_option
def restore(file: Path, upgrading: bool, **given: Any) -> int:
    """Put the backup FILE into a new or empty database, and see that the pictures outside of it are there."""
    return asyncio.run(_restore(file, upgrading, given))


async def _backup(path: Path, given: dict[str, Any], *, along: bool) -> int:
    async with Database(given["database"], must_exist=True) as source:
        if along:
            needed(source)
        with Copying(given["lang"]) as tell:
            manifest, moved = await backups.back_up(source, path, tell, along=along)
    say_aside(moved, manifest.running, given["lang"])
    outside = manifest.pictures["in_store"] if manifest.pictures else 0
    say_outside(0 if along else outside, given["lang"])
    if along and outside:
        say_lacking(outside, given["lang"])
    told = {"backup": str(path), "manifest": str(backups.manifest_of(path)), **manifest.as_json()}
    click.echo(json.dumps(told, ensure_ascii=False) if given["as_json"] else path)
    return INCOMPLETE if along and outside else COMPLETE


async def _restore(path: Path, upgrading: bool, given: dict[str, Any]) -> int:
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
    lacking = await _lacking(given)
    say_lacking(lacking, given["lang"])
    told = {
        "database": hide_password(given["database"]), "compared_with_manifest": manifest is not None,
        "pictures_lacking": lacking,
    }  # fmt: skip
    say_whole(moved, told, given)
    return INCOMPLETE if lacking else COMPLETE


async def _lacking(given: dict[str, Any]) -> int:
    """How many pictures outside of the database are not to be had, or not what they were."""
    async with Database(given["database"], must_exist=True) as database:
        checked = Checked()
        with Copying(given["lang"]) as tell:
            await look_outside(database, checked, tell)
    return len(checked.missing) + len(checked.damaged)
