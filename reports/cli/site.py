"""`jisweep site`: what is kept with a site, so that every later sweep of it behaves accordingly."""

import asyncio
from typing import Any

import click

from audits.health import MISSING, SHRUNKEN
from audits.site import KEPT, keep_site_settings, site_settings
from db.database import Database
from db.schema import present, ready
from reports.clean import visible
from reports.cli.options import (
    check_limits,
    contact_option,
    database_option,
    lang_option,
    manners_options,
    scope_around,
    scope_options,
    start_of,
    typed,
)
from reports.cli.usage import Percent
from reports.language import Language


@click.command()
@click.argument("url")
@lang_option
@database_option
@click.option("--show", is_flag=True, help="Only show what is kept; so does giving no option.")
@click.option("--reset", is_flag=True, help="Forget what was kept before.")
@contact_option
@manners_options
@scope_options
@click.option(
    "--suspect-shrunken",
    type=Percent(),
    metavar="PERCENT",
    help=f"A sweep that knows fewer pages than the one before by more than this is suspect.  [default: {100 * SHRUNKEN:g}]",
)
@click.option(
    "--suspect-missing", type=Percent(), metavar="PERCENT",
    help=f"So is one that lacks the results of more of its pages than this.  [default: {100 * MISSING:g}]",
)  # fmt: skip
def site(url: str, **given: Any) -> None:
    """Keep manners and scope with the site at URL: its sweeps use them, unless their command line says otherwise."""
    asyncio.run(_site(start_of(url), given))


async def _site(address: str, given: dict[str, Any]) -> None:
    settings = {name: given[name] for name in KEPT if name in typed()}
    check_limits(settings)
    scope_around(address, given["include"], given["exclude"])
    async with Database(given["database"], must_exist=given["show"]) as database:
        await (present if given["show"] else ready)(database)
        if (settings or given["reset"]) and not given["show"]:
            await keep_site_settings(database, address, settings, reset=given["reset"])
        kept = await site_settings(database, address)
    language = Language(given["lang"])
    click.echo(language.say("line.site" if kept else "line.site_usual", site=address))
    for name in KEPT:
        if name in kept:
            click.echo(f"  {name} = {_shown(kept[name])}")


def _shown(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(visible, value))
    return str(value).lower() if isinstance(value, bool) else str(value)
