"""`jisweep store`: where the pictures are, whether they are all there, and taking them elsewhere."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import click

from db.database import Database
from db.pictures.belonging import needed, ours, settle
from db.pictures.checking import Checked
from db.pictures.checking import check as check_pictures
from db.pictures.moving import move_into_database, move_into_store
from db.pictures.rows import count
from db.schema import present
from reports.cli.copying import Copying
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE, INCOMPLETE

SHOWN = 20  # digests on a terminal; JSON has all


@click.group()
def store() -> None:
    """Look after the pictures, in the database or outside of it."""


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    return json_option(lang_option(database_option(command)))


@store.command()
@_options
def show(**given: Any) -> int:
    """Say where the pictures are, how many, and how large."""
    asyncio.run(_show(given))
    return COMPLETE


@store.command()
@click.option("--remove", "removing", is_flag=True,
              help="Delete what no row of this database names and nobody has written for a day.")  # fmt: skip
@_options
def check(removing: bool, **given: Any) -> int:
    """Read every picture and compare it with its digest; exit code 3 when one is missing or damaged."""
    return asyncio.run(_check(given, removing=removing))


@store.command()
@click.option("--to", "to", type=click.Choice(["store", "database"]), required=True, help="Where pictures go.")
@_options
def move(to: str, **given: Any) -> int:
    """Take the pictures out of the database into the store, or back; sweeps may run, and a second call goes on."""
    return asyncio.run(_move(given, into_store=to == "store"))


@store.command()
@_options
def begin(**given: Any) -> int:
    """Take an empty store into use in place of one that is lost, whose pictures stay missing; or, on a restored database, the store over."""
    asyncio.run(_begin(given))
    return COMPLETE


async def _show(given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            counted = await count(connection)
        await ours(database)
        objects = size = 0
        if database.store is not None:
            async for part in database.store.listed():
                objects += len(part.objects)
                size += sum(each.size for each in part.objects)
        place = database.store.place if database.store is not None else None
    told = {"store": place, **asdict(counted), "objects": objects, "bytes_in_store": size}
    if given["as_json"]:
        click.echo(json.dumps(told, ensure_ascii=False))
        return
    ja = given["lang"] == "ja"
    if place is None:
        click.echo(
            "保管場所: なし（新しい画像はデータベースに入ります）"
            if ja
            else "Store: none (new pictures go into the database)"
        )
    else:
        click.echo(f"保管場所: {place}" if ja else f"Store: {place}")
    click.echo(
        f"データベースの中の画像: {counted.in_database:,} 枚（{_mb(counted.bytes_in_database)}）"
        if ja
        else f"Pictures in the database: {counted.in_database:,} ({_mb(counted.bytes_in_database)})"
    )
    click.echo(
        f"保管場所の画像: {counted.in_store:,} 枚（ファイル {objects:,}、{_mb(size)}）"
        if ja
        else f"Pictures in the store: {counted.in_store:,} ({objects:,} objects, {_mb(size)})"
    )


async def _check(given: dict[str, Any], *, removing: bool) -> int:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        with Copying(given["lang"]) as tell:
            checked = await check_pictures(database, tell, removing=removing)
    if given["as_json"]:
        click.echo(json.dumps(asdict(checked), ensure_ascii=False))
    else:
        _say_checked(checked, given["lang"] == "ja")
    return COMPLETE if checked.is_whole else INCOMPLETE


def _say_checked(checked: Checked, ja: bool) -> None:
    whole = "すべてそろっています。" if ja else "All are there."
    click.echo(
        f"画像 {checked.pictures:,} 枚を読みました。{whole if checked.is_whole else ''}"
        if ja
        else f"Read {checked.pictures:,} pictures. {whole if checked.is_whole else ''}".rstrip()
    )
    for digests, words in (
        (checked.missing, ("保管場所にない画像", "Missing")), (checked.damaged, ("壊れている画像", "Damaged")),
    ):  # fmt: skip
        _say_digests(digests, words[0] if ja else words[1], ja)
    for number, japanese, english in (
        (checked.garbage, f"どの行も指していないファイル: {checked.garbage:,}（{_mb(checked.garbage_bytes)}）。消したもの: {checked.removed:,}",
         f"Objects that no row names: {checked.garbage:,} ({_mb(checked.garbage_bytes)}); deleted: {checked.removed:,}"),
        (checked.young, f"書かれたばかりで、まだ行のないファイル: {checked.young:,}", f"Objects written within a day, without a row yet: {checked.young:,}"),
        (checked.foreign, f"jisweep のものでないファイル（触りません）: {checked.foreign:,}", f"Objects that are not jisweep's (left alone): {checked.foreign:,}"),
    ):  # fmt: skip
        if number:
            click.echo(japanese if ja else english)


def _say_digests(digests: list[str], words: str, ja: bool) -> None:
    if not digests:
        return
    click.echo(f"{words}: {len(digests):,}")
    for each in digests[:SHOWN]:
        click.echo(f"  {each}")
    if more := len(digests) - SHOWN if len(digests) > SHOWN else 0:
        click.echo(f"  ほか {more:,}（--json ですべて）" if ja else f"  and {more:,} more (all with --json)")


async def _move(given: dict[str, Any], *, into_store: bool) -> int:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        with Copying(given["lang"]) as tell:
            moved = await (move_into_store if into_store else move_into_database)(database, tell)
    ja = given["lang"] == "ja"
    if given["as_json"]:
        click.echo(json.dumps(asdict(moved), ensure_ascii=False))
    else:
        click.echo(
            f"画像 {moved.moved:,} 枚（{_mb(moved.bytes)}）を移しました。"
            if ja
            else f"Moved {moved.moved:,} pictures ({_mb(moved.bytes)})."
        )
        _say_digests(
            moved.left,
            "内容が要約値と合わないか、ないので、移さなかった画像"
            if ja
            else "Left where they are: damaged or missing",
            ja,
        )
    return INCOMPLETE if moved.left else COMPLETE


async def _begin(given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle(database, anew=True)
        place = needed(database).place
    if given["as_json"]:
        click.echo(json.dumps({"store": place}, ensure_ascii=False))
    else:
        click.echo(f"{place} を使います。" if given["lang"] == "ja" else f"{place} is in use.")


def _mb(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
