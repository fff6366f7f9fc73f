"""What the plans of a site and of a cycle have in common on the command line: what is written, and how one is taken in."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book, excepting, regrouping
from audits.defects.cover import today
from audits.defects.element import elements
from audits.defects.ground import Ground, ground_of
from audits.defects.naming import hold_names
from crawler.usage import read_usage
from reports.cli.desk import check_name, with_defects
from reports.language import Language
from reports.plan_book import Change, Planned, read_plan_book

Command = TypeVar("Command", bound=Callable[..., Any])


def traffic_option(command: Command) -> Command:
    """What the use of pages is read from."""
    return click.option(
        "--traffic", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
        help="CSV of address and count: how much pages are used.  [default: as the site's last sweep was told]",
    )(command)  # fmt: skip


def usage_of(path: Path | None, start: str) -> list[tuple[str, int]]:
    """The counts of a traffic file, all of them; none without a file. Raises UsageError for what cannot be read."""
    return read_usage(path, start, most=None) if path else []


async def planned(
    connection: AsyncConnection, sites: Mapping[int, str], *, about: str, title: str,
    usage: Sequence[tuple[str, int]] = (), by_owner: bool = False,
) -> Planned:  # fmt: skip
    """What a plan says of one site or several, by number and start address."""
    pages, ranked = await book.ranked(connection, list(sites), usage=usage)
    listed = {site: await book.listed(connection, site) for site in sites}
    everything = [each for mine in listed.values() for each in mine]
    in_order = {each.defect.id for each in ranked}
    return Planned(
        about=about, title=title, pages=pages, ranked=ranked, by_owner=by_owner, day=today(),
        others=[each for each in everything if each.id not in in_order and each.pages],
        exceptions=[each for site in sites for each in await excepting.told(connection, site, today())],
        sites={each.id: sites[site] for site, mine in listed.items() for each in mine},
        ground=sum([await ground_of(connection, site) for site in sites], Ground()),
        elements=await elements(connection, everything),
    )  # fmt: skip


async def take_in_plan(
    file: Path, given: dict[str, Any], about: Callable[[AsyncConnection], Awaitable[tuple[str, list[int]]]]
) -> None:
    """Take in a plan that people have filled: all of it, or nothing. `about` names what it is of, and the sites."""
    check_name(given["who"])
    language = Language(given["lang"])

    async def work(connection: AsyncConnection) -> list[Change]:
        name, sites = await about(connection)
        for site in sorted(sites):
            await hold_names(connection, site)
        known = {each.id: each for site in sites for each in await book.listed(connection, site)}
        for site in sites:
            names = await regrouping.known_as(connection, site)
            known |= {name: known[defect] for name, defect in names.items() if defect in known}
        changes = read_plan_book(file, name, known)
        for each in changes:
            await book.plan(connection, each.defect, given["who"], each.plan)
        return changes

    changes = await with_defects(given, work, write=True)
    kept = sum(each.plan.owner is not None for each in changes)
    click.echo(
        language.say(
            "plan_book.line.imported", planned=language.number(kept), dropped=language.number(len(changes) - kept)
        )
    )
