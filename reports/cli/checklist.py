"""`jisweep checklist`: what goes wrong most on sites, on one sheet for editors, and tips for the site-building standard."""

import asyncio
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.checklist import TOP, Commonest, commonest
from audits.sites_named import sites_named
from reports.cli.desk import with_defects
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.knowhow import write_checklist
from reports.language import Language


@click.command()
@click.argument("sites", metavar="URL|ORGANISATION...", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for the pages.")
@json_option
@lang_option
@database_option
def checklist(sites: tuple[str, ...], **given: Any) -> int:
    """Write the ten commonest faults of contents of sites as a checklist on one A4 page, and tips for templates.

    ORGANISATION stands for the sites of an organisation and of all below it.
    """

    async def read(connection: AsyncConnection) -> Commonest:
        return await commonest(connection, await sites_named(connection, sites))

    found = asyncio.run(with_defects(given, read))
    language = Language(given["lang"])
    path = write_checklist(found, given["out"], language.lang, sites)
    if given["as_json"]:
        say_json(_object(found, path))
        return COMPLETE
    said = {
        "contents": len(found.contents), "shown": min(TOP, len(found.contents)), "templates": len(found.templates),
        "audited": language.count("page", found.audited), "known": language.count("page", found.known), "path": path,
    }  # fmt: skip
    click.echo(language.say("checklist.line.written", **said))
    if len(found.rule_sets) > 1:
        click.echo(language.say("checklist.rule_sets", count=len(found.rule_sets)))
    return COMPLETE


def _object(found: Commonest, path: Path) -> dict[str, Any]:
    def told(region: str) -> list[dict[str, Any]]:
        return [
            {
                "rule": each.rule, "criteria": [criterion.number for criterion in each.criteria], "pages": each.pages,
                "places": each.places, "audited": each.audited,
            }
            for each in getattr(found, region)
        ]  # fmt: skip

    sweeps = [
        {"sweep": each.sweep, "site": each.site, "audited": each.audited, "known": each.known,
         "finished_at": each.finished_at.isoformat(), "rule_set": each.rule_set}
        for each in found.sources
    ]  # fmt: skip
    return {
        "checklist": str(path), "sweeps": sweeps, "audited": found.audited, "known": found.known,
        "rule_sets": list(found.rule_sets), "contents": told("contents"), "templates": told("templates"), "excepted_places": found.excepted,
    }  # fmt: skip
