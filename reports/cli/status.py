"""`jisweep status`: did it run, does it run, and does somebody have to see to it."""

import asyncio
from datetime import timedelta

import click

from db.database import Database
from db.schema import present
from db.types import now
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.saying import say_json
from reports.cli.usage import Finite
from reports.ops.standing import Overall, read_standing
from reports.ops.telling import EXIT, as_lines, as_object


@click.command()
@click.option(
    "--since", "hours", type=Finite(0.1, 24 * 400), default=24, show_default=True, metavar="HOURS",
    help="How far back sweeps count that have ended.",
)  # fmt: skip
@click.option("--sites", is_flag=True, help="List each site's last finished sweep, the oldest first.")
@json_option
@lang_option
@database_option
def status(hours: float, sites: bool, as_json: bool, lang: str, database: str) -> int:
    """Say how everything stands; the exit code is for a cron job.

    0: all that ended in the period is complete, and nothing stands still. 3: some sweep is not complete, or was
    stopped by a person, or did not run when it was due. 8: a sweep or a schedule stands still that nobody will move, or nothing ran.
    """
    overall = asyncio.run(_read(database, timedelta(hours=hours)))
    if as_json:
        say_json(as_object(overall))
    else:
        for line in as_lines(overall, lang, sites=sites):
            click.echo(line)
    return EXIT[overall.verdict]


async def _read(url: str, period: timedelta) -> Overall:
    async with Database(url, must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            return await read_standing(connection, now(), period)
