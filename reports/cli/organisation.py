"""`jisweep organisation`: the tree of organisations and which sites are whose."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from audits.organisations import Changes, Moved, Tree, read_table, shown, take_in, tree
from crawler.seeds import body_of, text_of
from db.database import Database
from db.schema import present, ready
from reports.clean import one_line, visible
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.language import Language


@click.group()
def organisation() -> None:
    """The tree of organisations, and the sites of each: take it in from a table, and show it."""


@organisation.command("import")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@json_option
@lang_option
@database_option
def import_(file: Path, **given: Any) -> int:
    """Take in a CSV table of organisations and sites: all of it, or nothing when a line is wrong.

    The first line names the columns: organisation (a path such as 東京都/総務局, or a name with a column parent), site.
    """
    asyncio.run(_import(file, given))
    return COMPLETE


@organisation.command("list")
@json_option
@lang_option
@database_option
def list_organisations(**given: Any) -> int:
    """The tree with its sites."""
    asyncio.run(_list(given))
    return COMPLETE


async def _import(file: Path, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    text = text_of(body_of(file, "FILE"))
    async with Database(given["database"]) as database:
        await ready(database)
        async with database.reading() if given["dry_run"] else database.writing() as connection:
            known = await tree(connection)
            rows = read_table(text, str(file), [node.path for node in known.nodes.values()])
            changes = await take_in(connection, rows, dry=given["dry_run"])
    if given["as_json"]:
        say_json({"kept": not given["dry_run"], **_changes_json(changes)})
        return
    for line in _changed(changes, language):
        click.echo(one_line(line))
    click.echo(
        language.say(
            "organisation.dry" if given["dry_run"] else "organisation.kept",
            organisations=len(changes.organisations), sites=len(changes.sites), moved=len(changes.moved),
            unchanged=changes.unchanged,
        )
    )  # fmt: skip


def _changed(changes: Changes, language: Language) -> Iterator[str]:
    for path in changes.organisations:
        yield language.say("organisation.new", path=shown(path))
    for site in changes.sites:
        yield language.say("organisation.new_site", site=site.address, path=shown(site.after))
    for site in changes.moved:
        before = shown(site.before) if site.before else language.say("organisation.nobody")
        yield language.say("organisation.moved", site=site.address, before=before, after=shown(site.after))


def _changes_json(changes: Changes) -> dict[str, Any]:
    def each(site: Moved) -> dict[str, Any]:
        return {
            "site": site.address, "before": None if site.before is None else shown(site.before),
            "organisation": shown(site.after),
        }  # fmt: skip

    return {
        "organisations": [shown(path) for path in changes.organisations],
        "sites": [each(site) for site in changes.sites],
        "moved": [each(site) for site in changes.moved],
        "unchanged": changes.unchanged,
    }


async def _list(given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            found = await tree(connection)
    if given["as_json"]:
        say_json({"organisations": _below_json(found, None), "sites_of_none": _sites_json(found, None)})
        return
    for line in _below(found, None, 0, language):
        click.echo(visible(line))
    for _, address in found.sites.get(None, ()):
        click.echo(language.say("organisation.of_none", site=address))
    if not found.nodes:
        click.echo(language.say("organisation.none"))


def _below(found: Tree, organisation: int | None, depth: int, language: Language) -> Iterator[str]:
    for node in found.children(organisation):
        sites = len(found.sites_below(node.id))
        yield "  " * depth + language.say(
            "organisation.node", name=node.path[-1], sites=language.count("site", sites)
        )
        for _, address in found.sites.get(node.id, ()):
            yield "  " * (depth + 1) + address
        yield from _below(found, node.id, depth + 1, language)


def _below_json(found: Tree, organisation: int | None) -> list[dict[str, Any]]:
    return [
        {
            "path": shown(node.path), "sites": _sites_json(found, node.id), "organisations": _below_json(found, node.id),
        }
        for node in found.children(organisation)
    ]  # fmt: skip


def _sites_json(found: Tree, organisation: int | None) -> list[str]:
    return [address for _, address in found.sites.get(organisation, ())]
