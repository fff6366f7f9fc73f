"""`jisweep cycle`: a remediation round over many sites, from its baseline to its closing report."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.cycles import closing, rounds
from audits.cycles.progress import Progress
from audits.cycles.rounds import Round, Target
from audits.defects import book
from audits.defects.settling import settle_all
from db.database import Database
from db.schema import present
from reports.clean import one_line
from reports.cli.desk import check_name, with_defects
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.planning import planned, take_in_plan, traffic_option, usage_of
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.cli.usage import Percent
from reports.cycle_report import about_cycle, check_place, write_cycle_report
from reports.cycle_view import as_json, as_lines, list_line
from reports.folder import check_new
from reports.language import Language
from reports.plan_book import Planned, write_plan_book

Command = TypeVar("Command", bound=Callable[..., Any])
DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def cycle() -> None:
    """A remediation round over many sites: baseline, plan, repairs, confirming sweeps, closing report."""


def target_options(command: Command) -> Command:
    """What a cycle is to reach, and what its sites are measured from."""
    for option in (
        click.option("--baseline", "baselines", metavar="SWEEP", multiple=True, type=int,
                     help="Measure the site of this sweep from it; repeatable.  [default: the last that had finished on "
                          "the first day, else the first after it]"),
        click.option("--target-by", type=DAY, metavar="YYYY-MM-DD",
                     help="Until when the targets are to be reached.  [default: the last day]"),
        click.option("--defects", type=click.IntRange(0), metavar="N",
                     help="Target: at most so many open defects on all sites together."),
        click.option("--rate", type=Percent(), metavar="PERCENT",
                     help="Target: at most this share of the pages of each site has problems."),
    ):  # fmt: skip
        command = option(command)
    return command


@cycle.command("begin")
@click.argument("name")
@click.option("--from", "begins", required=True, type=DAY, metavar="YYYY-MM-DD", help="The first day, in Tokyo.")
@click.option("--to", "ends", required=True, type=DAY, metavar="YYYY-MM-DD", help="The last day, in Tokyo.")
@click.option("--site", "sites", metavar="URL", multiple=True, required=True, help="A site; repeatable.")
@target_options
@lang_option
@database_option
def begin_cycle(name: str, **given: Any) -> int:
    """Begin a cycle over the sites that start at these addresses."""
    language = Language(given["lang"])
    days = given["begins"].date(), given["ends"].date()
    target = Target(rate=given["rate"], defects=given["defects"], on=_day(given["target_by"]) or days[1])

    async def work(connection: AsyncConnection) -> int:
        sites = await _numbers(connection, given["sites"])
        await rounds.begin(connection, name, days, target, sites, given["baselines"])
        return len(sites)

    number = asyncio.run(with_defects(given, work, write=True))
    click.echo(language.say("cycle.line.begun", name=name, sites=number))
    return COMPLETE


@cycle.command("change")
@click.argument("name")
@click.option("--from", "begins", type=DAY, metavar="YYYY-MM-DD", help="Another first day.")
@click.option("--to", "ends", type=DAY, metavar="YYYY-MM-DD",
              help="Another last day; targets that were due on the last day go along.")  # fmt: skip
@click.option("--site", "sites", metavar="URL", multiple=True, help="A further site; repeatable.")
@click.option("--drop-site", "dropped", metavar="URL", multiple=True, help="A site to take out; repeatable.")
@click.option("--no-targets", is_flag=True, help="Drop the targets that there were.")
@target_options
@lang_option
@database_option
def change_cycle(name: str, **given: Any) -> int:
    """Give an open cycle other days, sites, targets or baselines."""

    async def work(connection: AsyncConnection) -> None:
        found = await rounds.named(connection, name)
        days = _day(given["begins"]) or found.begins_on, _day(given["ends"]) or found.ends_on
        before = Target(rate=None, defects=None, on=found.target.on) if given["no_targets"] else found.target
        due = days[1] if before.on == found.ends_on else before.on
        target = Target(
            rate=before.rate if given["rate"] is None else given["rate"],
            defects=before.defects if given["defects"] is None else given["defects"],
            on=_day(given["target_by"]) or due,
        )
        await rounds.change(
            connection, found, days, target, more=await _numbers(connection, given["sites"]),
            fewer=await _numbers(connection, given["dropped"]), baselines=given["baselines"],
        )  # fmt: skip

    asyncio.run(with_defects(given, work, write=True))
    click.echo(Language(given["lang"]).say("cycle.line.changed", name=name))
    return COMPLETE


@cycle.command("list")
@lang_option
@database_option
def list_cycles(**given: Any) -> int:
    """All cycles, the last to begin first."""
    language = Language(given["lang"])
    found = asyncio.run(with_defects(given, lambda connection: rounds.rounds(connection)))
    for each in found:
        click.echo(one_line(list_line(each, language)))
    if not found:
        click.echo(language.say("cycle.line.no_cycle"))
    return COMPLETE


@cycle.command()
@click.argument("name")
@json_option
@lang_option
@database_option
def show(name: str, **given: Any) -> int:
    """A cycle site by site and as a whole: rates, changes that may be told, defects, targets."""
    _, found = asyncio.run(_told(name, given))
    if given["as_json"]:
        say_json(as_json(found))
        return COMPLETE
    for line in as_lines(found, Language(given["lang"])):
        click.echo(line)
    return COMPLETE


@cycle.command()
@click.argument("name")
@click.option("-o", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", required=True,
              help="Where the workbook (.xlsx) goes.")  # fmt: skip
@traffic_option
@lang_option
@database_option
def export(name: str, **given: Any) -> int:
    """Write one improvement plan over all sites of a cycle as a workbook, the defects of each owner together."""
    language = Language(given["lang"])
    check_new(given["out"])

    async def read(connection: AsyncConnection) -> Planned:
        found = await rounds.named(connection, name)
        found.check_open()
        sites = {each.site: each.address for each in found.sites}
        usage = usage_of(given["traffic"], found.sites[0].address)
        return await planned(connection, sites, about=about_cycle(name), title=name, usage=usage, by_owner=True)

    number = write_plan_book(given["out"], asyncio.run(with_defects(given, read)), language)
    click.echo(language.say("plan_book.line.exported", file=given["out"], number=language.number(number)))
    return COMPLETE


@cycle.command("import")
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--by", "who", required=True, help="Your name: it is kept with the plan.")
@lang_option
@database_option
def import_(name: str, file: Path, **given: Any) -> int:
    """Take in a plan that people have filled: all of it, or nothing when a cell is wrong."""

    async def about(connection: AsyncConnection) -> tuple[str, list[int]]:
        found = await rounds.named(connection, name)
        found.check_open()
        return about_cycle(name), [each.site for each in found.sites]

    asyncio.run(take_in_plan(file, given, about))
    return COMPLETE


@cycle.command()
@click.argument("name")
@click.option("--by", "who", required=True, help="Your name: it is kept with the cycle.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the report.  [default: out/cycle-ID]")  # fmt: skip
@lang_option
@database_option
def close(name: str, **given: Any) -> int:
    """Close a cycle: what it says is kept for good, and its closing report is written."""
    check_name(given["who"])
    asyncio.run(_close(name, given))
    return COMPLETE


@cycle.command()
@click.argument("name")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR",
              help="Folder for the report.  [default: out/cycle-ID]")  # fmt: skip
@lang_option
@database_option
def report(name: str, **given: Any) -> int:
    """Write the report of a cycle, closed or not: a page, CSV files and JSON."""
    place, found = asyncio.run(_told(name, given))
    _write(found, given["out"] or place, given["lang"])
    return COMPLETE


async def _told(name: str, given: dict[str, Any]) -> tuple[Path, Progress]:
    """What a cycle says, and where its report goes if nobody says otherwise."""
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        found = await _named(database, name)
        return _place(found), await closing.told(database, found)


async def _close(name: str, given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        found = await _named(database, name)
        found.check_open()
        place = given["out"] or _place(found)
        check_place(name, place)
        said = await closing.close(database, found, given["who"])
    for line in as_lines(said, Language(given["lang"])):
        click.echo(line)
    _write(said, place, given["lang"])


async def _named(database: Database, name: str) -> Round:
    async with database.reading() as connection:
        return await rounds.named(connection, name)


def _place(found: Round) -> Path:
    return Path("out") / f"cycle-{found.id}"


def _write(found: Progress, out: Path, lang: str) -> None:
    path = write_cycle_report(found, out, lang)
    click.echo(Language(lang).say("cycle.line.report", path=str(path)))


async def _numbers(connection: AsyncConnection, addresses: Sequence[str]) -> list[int]:
    """The sites that start at addresses, each once. Raises UsageError for one that is not known."""
    return list(dict.fromkeys([await book.site_of(connection, each) for each in addresses]))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
