"""`jisweep compare`: two sweeps of one site, and what may be said of the difference."""

import asyncio

import click

from audits import compare as comparing
from audits.compare import Comparison
from db.database import Database
from db.schema import present
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE, INCOMPLETE
from reports.cli.saying import say_json
from reports.compared import as_json, as_lines


@click.command()
@click.argument("one", metavar="ID", type=int)
@click.argument("other", metavar="ID", type=int)
@json_option
@lang_option
@database_option
def compare(one: int, other: int, as_json: bool, lang: str, database: str) -> int:
    """Compare two sweeps of a site, the earlier one first: how the share of pages with problems has changed."""
    comparison = asyncio.run(_compare(database, one, other))
    _show(comparison, lang, as_json)
    return COMPLETE if comparison.is_whole else INCOMPLETE


async def _compare(url: str, one: int, other: int) -> Comparison:
    async with Database(url, must_exist=True) as database:
        await present(database)
        return await comparing.compare(database, one, other)


def _show(comparison: Comparison, lang: str, as_json_object: bool) -> None:
    if as_json_object:
        say_json(as_json(comparison, lang))
        return
    for line in as_lines(comparison, lang):
        click.echo(line)
