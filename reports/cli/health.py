"""`jisweep health`, `accept` and `reject`: whether a sweep counts, and a person's word where that is in doubt."""

import asyncio
from typing import Any

import click

from audits import trust
from audits.conclude import site_sweep
from audits.health import health_of
from db.database import Database
from db.schema import present
from db.words import Trust
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE, INCOMPLETE
from reports.cli.saying import say_json
from reports.health_view import health_json, health_lines
from reports.language import Language

as_name = click.option(
    "--as", "who", required=True, metavar="NAME", help="Your name: it is kept with the decision."
)
why_option = click.option("--why", required=True, metavar="TEXT", help="Your reason: it is kept, too.")


@click.command()
@click.argument("sweep", type=int)
@json_option
@lang_option
@database_option
def health(sweep: int, **given: Any) -> int:
    """Say whether SWEEP counts, and what that stands on; exit code 3 while it is suspect."""
    return asyncio.run(_health(sweep, given))


@click.command()
@click.argument("sweep", type=int)
@as_name
@why_option
@lang_option
@database_option
def accept(sweep: int, **given: Any) -> int:
    """Let the suspect SWEEP count: defects and trends take it in now."""
    return asyncio.run(_decide(sweep, Trust.ACCEPTED, given))


@click.command()
@click.argument("sweep", type=int)
@as_name
@why_option
@lang_option
@database_option
def reject(sweep: int, **given: Any) -> int:
    """Have the suspect SWEEP never count."""
    return asyncio.run(_decide(sweep, Trust.REJECTED, given))


async def _health(sweep: int, given: dict[str, Any]) -> int:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            await site_sweep(connection, sweep)
            found = await health_of(connection, sweep)
    language = Language(given["lang"])
    if given["as_json"]:
        say_json({"sweep": sweep, "health": health_json(found)})
    else:
        for line in health_lines(found, language) if found else [language.say("health.not_judged")]:
            click.echo(line)
    return INCOMPLETE if found is not None and found.trust is Trust.SUSPECT else COMPLETE


async def _decide(sweep: int, word: Trust, given: dict[str, Any]) -> int:
    act = trust.accept if word is Trust.ACCEPTED else trust.reject
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            await act(connection, sweep, given["who"], given["why"])
    click.echo(Language(given["lang"]).say(f"health.{word.value}_line", number=str(sweep)))
    return COMPLETE
