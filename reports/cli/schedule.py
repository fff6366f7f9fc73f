"""`jisweep schedule`: sweeps that come again by the calendar; `jisweep web` and `jisweep run` keep them."""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import click
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import tree
from audits.schedules import book
from audits.schedules.book import PRIORITIES, Kept, Wanted
from audits.schedules.planned import as_row
from audits.schedules.times import When
from audits.sweep import Plan
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.seeds import read_seeds
from db.database import Database, insert_new
from db.errors import UsageError
from db.schema import present, ready
from db.tables import ScheduledRun, Site
from db.types import now
from db.words import Days, Edition, Level
from reports.clean import one_line
from reports.cli.choice import choice_of, draw_options
from reports.cli.desk import check_name
from reports.cli.options import (
    also_option,
    check_also,
    check_limits,
    contact_option,
    database_option,
    document_options,
    json_option,
    lang_option,
    limits_in,
    manners_options,
    reach_options,
    rule_options,
    start_of,
    typed,
)
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.language import Language
from reports.schedule_view import (
    as_json,
    next_words,
    priority_words,
    run_as_json,
    run_words,
    time_words,
    when_words,
)

T = TypeVar("T")
SHOWN = 50  # runs


@click.group()
def schedule() -> None:
    """Sweeps that come again by the calendar; a running jisweep web, run or worker keeps them."""


def by_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Who does it."""
    return click.option(
        "--by",
        "who",
        default=getpass.getuser,
        help="Your name: it is kept.  [default: your account on this machine]",
    )(command)


@schedule.command()
@click.argument("name")
@click.option("--cron", required=True, metavar="EXPRESSION",
              help="When: minute, hour, day, month, weekday, as in '0 22 * * 5'; at most once an hour.")  # fmt: skip
@click.option("--zone", default="Asia/Tokyo", show_default=True, help="Time zone of the clock that it is read by.")
@click.option("--days", type=click.Choice([each.value for each in Days]), default=Days.EVERY.value, show_default=True,
              help="Days that count: every one, workdays of public offices only, or moved from days off to the next workday.")  # fmt: skip
@click.option("--site", metavar="URL", help="Sweep the site that starts at URL.")
@click.option("--organisation", metavar="PATH",
              help="Sweep all sites that an organisation, and those below it, have when it is due.")  # fmt: skip
@click.option("--priority", type=click.Choice(list(PRIORITIES)), default="normal", show_default=True,
              help="Among the sweeps that wait: high comes before those that people ask for, normal and low after.")  # fmt: skip
@click.option("--survey", is_flag=True, help="Survey all pages by the conditions of the ministry's survey too.")
@by_option
@draw_options
@rule_options
@also_option
@document_options
@contact_option
@manners_options
@reach_options
@json_option
@lang_option
@database_option
def add(name: str, **given: Any) -> int:
    """Make a schedule. Scope and manners of its sweeps are those that the site keeps, unless they are typed here."""
    check_name(given["who"])
    plan = _plan(given)
    when = When(cron=given["cron"], zone=given["zone"], days=Days(given["days"]))

    async def work(connection: AsyncConnection) -> Kept:
        site, organisation = None, None
        if given["site"]:
            start = start_of(given["site"])
            await connection.execute(
                insert_new(connection, Site).values(address=start, settings={}, created_at=now())
            )
            site = await connection.scalar(sa.select(Site.id).where(Site.address == start))
        if given["organisation"]:
            organisation = (await tree(connection)).named(given["organisation"]).id
        wanted = Wanted(
            name=name, when=when, plan=plan, site=site, organisation=organisation, window=given["window"],
            priority=PRIORITIES[given["priority"]],
        )  # fmt: skip
        await book.add(connection, wanted, given["who"], now())
        return await book.named(connection, name)

    language = Language(given["lang"])
    kept = _work(given, work, write=True, new=True)
    if given["as_json"]:
        say_json({"schedule": as_json(kept, now())})
        return COMPLETE
    click.echo(language.say("schedule.line.added", name=kept.row.name))
    _say(kept, language)
    return COMPLETE


@schedule.command("list")
@json_option
@lang_option
@database_option
def list_schedules(**given: Any) -> int:
    """All schedules with their next times and what came of the last one."""
    language = Language(given["lang"])

    async def work(connection: AsyncConnection) -> list[tuple[Kept, Any]]:
        return [(each, await book.last_runs(connection, each.row.id)) for each in await book.schedules(connection)]

    found = _work(given, work)
    if given["as_json"]:
        say_json({"schedules": [{**as_json(each, now()), "last": list(map(run_as_json, last))} for each, last in found]})  # fmt: skip
        return COMPLETE
    if not found:
        click.echo(language.say("schedule.line.none"))
    for each, last in found:
        click.echo(one_line(each.row.name))
        _say(each, language)
        if last:
            moment = time_words(last[0].due, each.row.zone, language)
            click.echo("  " + language.say("schedule.line.last", moment=moment))
            for run in last:
                click.echo("    " + _run_line(run, language))
    return COMPLETE


@schedule.command("next")
@click.argument("name")
@click.option("--number", type=click.IntRange(1, 100), default=5, show_default=True, help="How many times.")
@json_option
@lang_option
@database_option
def next_times(name: str, **given: Any) -> int:
    """The next times of a schedule."""
    language = Language(given["lang"])
    kept = _work(given, lambda connection: book.named(connection, name))
    if given["as_json"]:
        say_json({"name": kept.row.name, "next": [each.isoformat() for each in kept.next(now(), given["number"])]})
        return COMPLETE
    for line in next_words(kept, now(), language, given["number"]):
        click.echo(line)
    return COMPLETE


@schedule.command()
@click.argument("name", required=False)
@json_option
@lang_option
@database_option
def runs(name: str | None, **given: Any) -> int:
    """What came of the last due times, of one schedule or of all: the last 50 sites and times."""
    language = Language(given["lang"])

    async def work(connection: AsyncConnection) -> list[Any]:
        of = () if name is None else (ScheduledRun.schedule_id == (await book.named(connection, name)).row.id,)
        last = book.runs().where(*of).order_by(ScheduledRun.due_at.desc(), ScheduledRun.id).limit(SHOWN)
        return list(await connection.execute(last))

    found = _work(given, work)
    if given["as_json"]:
        say_json({"runs": list(map(run_as_json, found))})
        return COMPLETE
    if not found:
        click.echo(language.say("schedule.no_run"))
    for run in found:
        moment = time_words(run.due, run.zone, language)
        click.echo(f"{moment}  {one_line(run.schedule)}  {_run_line(run, language)}")
    return COMPLETE


@schedule.command()
@click.argument("name")
@by_option
@lang_option
@database_option
def pause(name: str, **given: Any) -> int:
    """Have nothing due until it is resumed; sweeps that it has begun go on."""
    check_name(given["who"])
    return _act(
        name, given, "paused", lambda connection, kept: book.pause(connection, kept.row.id, given["who"], now())
    )


@schedule.command()
@click.argument("name")
@lang_option
@database_option
def resume(name: str, **given: Any) -> int:
    """Have it due again from now on; what would have been due meanwhile is not made up for."""
    return _act(name, given, "resumed", lambda connection, kept: book.resume(connection, kept.row.id, now()))


@schedule.command()
@click.argument("name")
@by_option
@lang_option
@database_option
def remove(name: str, **given: Any) -> int:
    """Have nothing due any more; its sweeps stay, and runs tells what came of its times."""
    check_name(given["who"])
    return _act(
        name, given, "removed", lambda connection, kept: book.remove(connection, kept.row.id, given["who"], now())
    )


def _act(
    name: str, given: dict[str, Any], word: str, act: Callable[[AsyncConnection, Kept], Awaitable[None]]
) -> int:
    async def work(connection: AsyncConnection) -> str:
        kept = await book.named(connection, name)
        await act(connection, kept)
        return kept.row.name

    told = _work(given, work, write=True)
    click.echo(Language(given["lang"]).say(f"schedule.line.{word}", name=told))
    return COMPLETE


def _plan(given: dict[str, Any]) -> dict[str, Any]:
    """What a command line says of each sweep. Raises UsageError."""
    if given["seeds"] and not given["site"]:
        raise UsageError(
            ja="--seeds は --site と一緒に使います（アドレスは一つのサイトのものです）。",
            en="--seeds goes with --site: addresses belong to one site.",
        )
    check_limits(given)
    check_also(given)
    limits = limits_in({name: given[name] for name in typed() & given.keys()})
    contact, _ = limits.pop("contact", None), limits.pop("window", None)
    if contact is not None:
        limits["contact"] = contact  # typed: it counts whatever the site says
    if "widen" in limits:
        limits["widen"] = list(limits["widen"])
    plan = Plan(
        scope=Scope.around("https://www.example.lg.jp/"), limits=Limits(contact=given["contact"]),
        seeds=tuple(address for file in given["seeds"] for address in read_seeds(file)),
        **choice_of("", {**given, **({"method": "all"} if given["survey"] else {})}),
        edition=Edition(given["edition"]), also=Edition(given["also"]) if given["also"] else None,
        level=Level(given["level"]), survey=given["survey"],
    )  # fmt: skip
    return as_row(plan, given["contact"], limits)


def _work(
    given: dict[str, Any],
    work: Callable[[AsyncConnection], Awaitable[T]],
    *,
    write: bool = False,
    new: bool = False,
) -> T:
    async def run() -> T:
        async with Database(given["database"], must_exist=not new) as database:
            await (ready if new else present)(database)
            async with database.writing() if write else database.reading() as connection:
                return await work(connection)

    return asyncio.run(run())


def _say(kept: Kept, language: Language) -> None:
    lines = [
        language.say("schedule.line.target", target=one_line(kept.target)),
        when_words(kept.when, language),
        language.say("schedule.line.priority", priority=priority_words(kept.row.priority, language)),
    ]
    if kept.row.window:
        lines.append(language.say("schedule.line.window", window=one_line(kept.row.window)))
    lines += [language.say("schedule.line.next"), *(f"  {each}" for each in next_words(kept, now(), language))]
    for line in lines:
        click.echo(f"  {line}")


def _run_line(run: Any, language: Language) -> str:
    told = language.say("common.comma").join(run_words(run, language))
    return one_line(f"{run.site or language.say('schedule.nowhere')}  {told}")
