"""`jisweep publish`: the documents of a test that an office publishes."""

import asyncio
from pathlib import Path
from typing import Any

import click

from audits.declaring import read_details
from db.database import Database
from db.schema import present
from reports.cli.options import database_option, lang_option
from reports.cli.running import COMPLETE, INCOMPLETE
from reports.language import Language
from reports.publish.content import Content
from reports.publish.details_template import template, write_template
from reports.publish.documents import NAMES, write_documents
from reports.publish.facts import facts_of


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@lang_option
@database_option
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the documents.  [default: out/publish-ID]")  # fmt: skip
@click.option("--details", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="What only people know (TOML).  [default: what the notation was set with]")  # fmt: skip
@click.option("--details-template", "as_template", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write such a file with explanations, to be filled in, and nothing else.")  # fmt: skip
def publish(sweep_id: int, **given: Any) -> int:
    """Write the documents of a test: result, policy draft, yearly sheet, what is missing, JSON-LD."""
    return asyncio.run(_publish(sweep_id, given))


async def _publish(sweep_id: int, given: dict[str, Any]) -> int:
    language = Language(given["lang"])
    details = read_details(given["details"]) if given["details"] else None
    out = given["out"] or Path("out") / f"publish-{sweep_id}"
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        if given["as_template"]:
            write_template(given["as_template"], template(await facts_of(database, sweep_id, details), language))
            click.echo(language.say("publish.template_written", path=str(given["as_template"])))
            return COMPLETE
        facts = await write_documents(database, sweep_id, out, details, given["lang"])
    content = Content(facts, language)
    for name in NAMES:
        click.echo(language.say("publish.written", path=str(out / name)))
    click.echo(content.notation()[0])
    if content.incomplete is None:
        return COMPLETE
    click.echo(language.say("publish.unfinished", because=" ".join(content.incomplete_because)), err=True)
    return INCOMPLETE
