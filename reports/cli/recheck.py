"""`jisweep recheck`: the pages of certain defects, now: from "repaired" to "confirmed" in one command."""

import asyncio
import random
import shlex
import sys
from dataclasses import asdict
from typing import Any

import click

from audits import recheck as rechecking
from audits.conclude import sweep_row
from audits.defects.settling import settle_all
from audits.engine import installed_engine
from audits.recheck import Aim, Moved, Seen
from audits.work import Tools, credentials_for, scope_of
from crawler.browser import installed_browser, playwright_driver
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.words import DefectState
from reports.clean import one_line
from reports.cli.credentials import credentials_of
from reports.cli.options import browser_option, credentials_options, database_option, json_option, lang_option
from reports.cli.progress import Progress
from reports.cli.running import COMPLETE, INCOMPLETE, INTERRUPTED, how_to_go_on, stopped_by_signals
from reports.cli.saying import say_json
from reports.language import Language
from reports.ops.log import aside, log_options
from reports.page_view import text_of


@click.command()
@click.argument("targets", metavar="[ID|ADDRESS]...", nargs=-1)
@click.option(
    "--repaired", metavar="URL", help="All defects of the site that starts at URL which somebody has repaired."
)
@log_options
@json_option
@lang_option
@database_option
@browser_option
@credentials_options
def recheck(targets: tuple[str, ...], **given: Any) -> int:
    """Audit the pages of defects again, now, and move the defects by what is seen.

    ID is the number of a defect, ADDRESS that of a page, which stands for all defects that it shows.
    """
    if bool(targets) == bool(given["repaired"]):
        raise UsageError(
            ja="欠陥の番号かページのアドレス、または --repaired URL の、どちらか一方を指定してください。",
            en="Name defects or pages, or else --repaired URL: one of the two.",
        )
    return asyncio.run(_recheck(targets, given))


async def _recheck(targets: tuple[str, ...], given: dict[str, Any]) -> int:
    given["again"] = shlex.join(["jisweep", *sys.argv[1:]])
    engine = installed_engine()
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        async with database.reading() as connection:
            if given["repaired"]:
                aim = await rechecking.aim_at_repaired(connection, given["repaired"])
            else:
                aim = await rechecking.aim_at(connection, [_target(each) for each in targets])
            before = await rechecking.states(connection, aim)
        async with playwright_driver() as driver:
            installed_browser(given["browser"], driver.chromium.executable_path)
            async with database.writing() as connection:
                seed = random.SystemRandom().randrange(2**32)
                sweep = await rechecking.begin_recheck(connection, aim, seed)
                await rechecking.choose_pages(connection, sweep, await rechecking.first_look(connection, aim, seed))
                row = await sweep_row(connection, sweep)
            scope = await scope_of(database, row)
            credentials = credentials_for(row, scope, credentials_of(given, scope))
            tools = Tools(engine=engine, driver=driver, browser=given["browser"], credentials=credentials)
            if not await _run(database, sweep, aim, tools, given):
                return INTERRUPTED
        async with database.reading() as connection:
            pages = await rechecking.seen(connection, sweep, aim)
            defects = await rechecking.moved(connection, sweep, aim, before)
    _say(sweep, pages, defects, given)
    return COMPLETE if all(each.is_told for each in pages) else INCOMPLETE


def _target(text: str) -> int | str:
    """The number of a defect, or an address."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else text


async def _run(database: Database, sweep: int, aim: Aim, tools: Tools, given: dict[str, Any]) -> bool:
    stopping = asyncio.Event()
    with stopped_by_signals(stopping, sweep, given):
        async with Progress(database, sweep, given["lang"]):
            done = await rechecking.run(database, sweep, aim, tools, stopping)
    if not done:
        aside(how_to_go_on(sweep, given))
    return done


def _say(sweep: int, pages: list[Seen], defects: list[Moved], given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    if given["as_json"]:
        told = [
            {
                "id": each.defect.id, "rule": each.defect.rule, "before": each.before.value,
                "state": each.defect.state.value, "checked": each.checked, "seen_pages": each.seen,
                "showing_pages": each.showing, "pages": each.defect.pages, "places": each.defect.places,
            }
            for each in defects
        ]  # fmt: skip
        complete = all(each.is_told for each in pages)
        say_json({"sweep": sweep, "defects": told, "pages": [asdict(each) for each in pages], "complete": complete})
        return
    for page in pages:
        kind = "page" if page.audited else "gone" if page.is_told else "lost"
        reason = language.word("reason", page.reason.value) if page.reason else "–"
        places = language.count("place", page.places)
        click.echo(
            one_line(language.say(f"recheck.line.{kind}", address=page.address, places=places, reason=reason))
        )
    for each in defects:
        click.echo(one_line(language.say(f"recheck.line.{_outcome(each)}", **_words(each, language))))


def _outcome(each: Moved) -> str:
    """What there is to say of a defect."""
    if not each.checked:
        return "unchecked"
    if each.defect.state is DefectState.CONFIRMED:
        return "confirmed" if each.seen else "left"
    return "still" if each.showing else "unseen"


def _words(each: Moved, language: Language) -> dict[str, str]:
    return {
        "id": str(each.defect.id),
        "title": text_of(each.defect.rule, language.lang).title,
        "before": language.word("defect_state", each.before.value),
        "state": language.word("defect_state", each.defect.state.value),
        "seen": language.count("page", each.seen),
        "showing": language.count("page", each.showing),
        "left": language.count("page", each.defect.pages),
        "places": language.count("place", each.defect.places),
    }
