"""Commands on sweeps: begin one, go on with one, list them, write a report again."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import click
import sqlalchemy as sa

from audits.conclude import conclude, sweep_row
from audits.engine import installed_engine
from audits.sweep import Plan, begin
from audits.work import Tools, credentials_for, manners_of, scope_of
from crawler.browser import installed_browser, playwright_driver
from crawler.fetch import Fetcher
from crawler.gate import Gate
from crawler.limits import Limits
from crawler.start import find_start
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.schema import present, ready
from db.tables import Site, Sweep
from db.words import Method, SweepState, Trust
from reports.cli.choice import choice_options
from reports.cli.credentials import credentials_of, say_signed_in
from reports.cli.options import (
    also_option,
    browser_option,
    crawl_options,
    credentials_options,
    database_option,
    json_option,
    lang_option,
    limits_of,
    out_option,
    plan_of,
    rule_options,
    scope_around,
    start_of,
    with_site_settings,
)
from reports.cli.running import ended, resume_command, run_to_report, show
from reports.ops.log import aside, log_options
from reports.report import check_folder, folder_for, write_report

SOON = 5.0  # seconds that a busy site may ask for at the start, where a person is waiting


@click.command()
@click.argument("url")
@log_options
@json_option
@lang_option
@out_option
@database_option
@browser_option
@crawl_options
@rule_options
@also_option
@choice_options
def sweep(url: str, **given: Any) -> int:
    """Sweep the site that starts at URL: explore, choose pages, audit them, write the report."""
    return asyncio.run(_sweep(url, given))


@click.command()
@click.argument("url")
@log_options
@json_option
@lang_option
@out_option
@database_option
@browser_option
@crawl_options
@rule_options
@also_option
def survey(url: str, **given: Any) -> int:
    """Survey all pages of the site that starts at URL by the conditions of the ministry's survey too."""
    return asyncio.run(_sweep(url, {**given, "method": Method.ALL.value, "survey": True}))


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@log_options
@json_option
@lang_option
@out_option
@database_option
@browser_option
@credentials_options
def resume(sweep_id: int, **given: Any) -> int:
    """Go on with a sweep from where it was; of a finished one, try the pages again that were lost."""
    return asyncio.run(_resume(sweep_id, given))


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@json_option
@lang_option
@out_option
@database_option
def report(sweep_id: int, **given: Any) -> int:
    """Write the report of a sweep (again)."""
    return asyncio.run(_report(sweep_id, given))


@click.command()
@lang_option
@database_option
def sweeps(lang: str, database: str) -> None:
    """List the sweeps of the database."""
    for line in asyncio.run(_sweeps(database, lang)):
        click.echo(line)


async def _sweep(url: str, given: dict[str, Any]) -> int:
    asked = start_of(url)
    given["sign_ins"] = credentials_of(given, scope_around(asked, given["include"], given["exclude"]))
    plan_of(asked, given)  # bad options are said before anything is fetched
    engine = installed_engine()
    if given["out"]:
        check_folder(given["out"])
    async with playwright_driver() as driver:
        installed_browser(given["browser"], driver.chromium.executable_path)
        async with Database(given["database"]) as database:
            await ready(database)
            start, given = await started(database, asked, given)
            tools = Tools(engine=engine, driver=driver, browser=given["browser"], credentials=given["sign_ins"])
            plan = plan_of(start, given)
            sweep_id = await begin(database, plan)
            await _say_begun(database, sweep_id, plan, given["lang"])
            return await run_to_report(database, sweep_id, tools, given)


async def started(database: Database, asked: str, given: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The start address, and what was given with the settings that the site keeps, under either of its addresses."""
    given = await _with_kept(database, asked, given)
    start = await reached(asked, given)
    return start, given if start == asked else await _with_kept(database, start, given)


async def _with_kept(database: Database, address: str, given: dict[str, Any]) -> dict[str, Any]:
    found = await with_site_settings(database, address, given)
    if found["include"] != given["include"]:  # it may take in origins that we sign in to
        scope = scope_around(address, found["include"], found["exclude"])
        found["sign_ins"] = credentials_of(given, scope)
    return found


async def reached(asked: str, given: dict[str, Any]) -> str:
    """The start address after redirects, asked for when the site's window is open. Raises SiteUnreachable."""
    limits = limits_of(given)
    manners = replace(manners_of(limits), longest_pause=SOON)
    say_closed(limits, given["lang"])
    if given["allow_private"]:
        async with Fetcher(manners, None, credentials=given["sign_ins"]) as fetcher:
            return await find_start(fetcher, asked)
    async with Gate() as gate, Fetcher(manners, gate.url, credentials=given["sign_ins"]) as fetcher:
        return await find_start(fetcher, asked)


def say_closed(limits: Limits, lang: str) -> None:
    """Say until when we wait for the window. Raises UsageError when we are to stop instead: nothing has begun."""
    windows, moment = Windows.parse(limits.window), datetime.now(UTC)
    if windows.are_open(moment):
        return
    opens = f"{windows.next_opening(moment):%Y-%m-%d %H:%M %Z}"
    if limits.stop_outside:
        raise UsageError(
            ja=f"いまは時間帯（{limits.window}）の外です。{opens} 以降に始めてください。",
            en=f"This is outside the window ({limits.window}): begin at {opens} or later.",
        )
    aside(
        f"時間帯（{limits.window}）の外なので、{opens} まで待ちます。"
        if lang == "ja"
        else f"Outside the window ({limits.window}): waiting until {opens}."
    )


async def _say_begun(database: Database, sweep_id: int, plan: Plan, lang: str) -> None:
    async with database.reading() as connection:
        seed = (await sweep_row(connection, sweep_id)).seed
    start = plan.scope.start
    aside(
        f"スイープ {sweep_id}: {start}（シード {seed}）"
        if lang == "ja"
        else f"Sweep {sweep_id}: {start} (seed {seed})"
    )
    say_signed_in(plan.limits.signed_in, lang)


async def _resume(sweep_id: int, given: dict[str, Any]) -> int:
    engine = installed_engine()
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            begun = await sweep_row(connection, sweep_id)
        if begun.recheck:
            raise UsageError(
                ja=f"スイープ {sweep_id} は再検査です。同じ jisweep recheck をもう一度実行してください。",
                en=f"Sweep {sweep_id} is a recheck: run the same jisweep recheck again.",
            )
        scope = await scope_of(database, begun)
        credentials = credentials_for(begun, scope, credentials_of(given, scope))
        tools = Tools(engine=engine, browser=given["browser"], credentials=credentials)
        return await run_to_report(database, sweep_id, tools, given, again=True)


async def _report(sweep_id: int, given: dict[str, Any]) -> int:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            state = (await sweep_row(connection, sweep_id)).state
        if state not in (SweepState.AUDITING, SweepState.FINISHED):
            command = resume_command(sweep_id, given)
            raise UsageError(
                ja=f"スイープ {sweep_id} はまだページを選んでいません。{command} で続けてください。",
                en=f"Sweep {sweep_id} has not chosen its pages yet: {command} goes on with it.",
            )
        folder = await folder_for(database, sweep_id, given["out"])
        conclusion = await conclude(database, sweep_id)
        path = await write_report(database, sweep_id, folder, given["lang"])
    show(conclusion, path, given["lang"], given["as_json"])
    return ended(conclusion)


async def _sweeps(url: str, lang: str) -> list[str]:
    async with Database(url, must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            rows = (
                await connection.execute(
                    sa.select(
                        Sweep.id,
                        Sweep.created_at,
                        Sweep.state,
                        Sweep.method,
                        Sweep.recheck,
                        Sweep.trust,
                        Site.address,
                    )
                    .join(Site, Site.id == Sweep.site_id)
                    .order_by(Sweep.id)
                )
            ).all()
    if not rows:
        return ["まだスイープはありません。" if lang == "ja" else "There is no sweep yet."]
    return [
        f"{row.id:>5}  {row.created_at:%Y-%m-%d %H:%M}Z  {_stands(row):<10} "
        f"{'recheck' if row.recheck else row.method.value if row.method else '-':<15} {row.address}"
        for row in rows
    ]


def _stands(row: Any) -> str:
    """The state, or that what a finished one saw does not count."""
    doubted = row.state is SweepState.FINISHED and row.trust in (Trust.SUSPECT, Trust.REJECTED)
    word: str = row.trust.value if doubted else row.state.value
    return word
