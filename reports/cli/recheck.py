"""`jisweep recheck`: the pages of certain defects, now: from "repaired" to "confirmed" in one command."""

import asyncio
import random
import shlex
import sys
from dataclasses import asdict, dataclass, replace
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import recheck as rechecking
from audits.conclude import sweep_row
from audits.cycles import rounds
from audits.defects import book
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
@click.option(
    "--cycle",
    metavar="NAME",
    help="The plan of a cycle: all that is planned or said to be repaired, on all of its sites.",
)
@click.option("--owner", metavar="NAME", help="Of these, only what this owner is to repair.")
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
    if sum(map(bool, (targets, given["repaired"], given["cycle"]))) != 1 or (targets and given["owner"]):
        raise UsageError(
            ja="欠陥の番号かページのアドレス、--repaired URL、--cycle NAME の、どれか一つを指定してください（--owner は後の二つだけ）。",
            en="Name defects or pages, or else --repaired URL or --cycle NAME: one of the three (--owner goes with the last two).",
        )
    return asyncio.run(_recheck(targets, given))


async def _recheck(targets: tuple[str, ...], given: dict[str, Any]) -> int:
    given["again"] = shlex.join(["jisweep", *sys.argv[1:]])
    engine = installed_engine()
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        async with database.reading() as connection:
            aims = await _aims(connection, targets, given)
        told: list[_Told] = []
        async with playwright_driver() as driver:
            browser = given["browser"]
            installed_browser(browser, driver.chromium.executable_path)
            for aim in aims:
                done = await _one(database, aim, Tools(engine=engine, driver=driver, browser=browser), given)
                if done is None:
                    return INTERRUPTED
                told.append(done)
                if not given["as_json"]:
                    _say(done, Language(given["lang"]))
    complete = all(each.complete for each in told)
    if given["as_json"]:
        objects = [_object(each) for each in told]
        say_json({"rechecks": objects, "complete": complete} if given["cycle"] else objects[0])
    return COMPLETE if complete else INCOMPLETE


async def _aims(connection: AsyncConnection, targets: tuple[str, ...], given: dict[str, Any]) -> list[Aim]:
    """What is to be rechecked, by site. Raises UsageError when there is nothing."""
    if targets:
        return [await rechecking.aim_at(connection, [_target(each) for each in targets])]
    if given["repaired"]:
        site = await book.site_of(connection, given["repaired"])
        found = [await rechecking.aim_at_repaired(connection, site, given["owner"])]
    else:
        cycle = await rounds.named(connection, given["cycle"])
        found = [await rechecking.aim_at_plan(connection, each.site, given["owner"]) for each in cycle.sites]
    aims = [each for each in found if each is not None]
    if not aims:
        raise _nothing(given)
    return aims


def _nothing(given: dict[str, Any]) -> UsageError:
    of = given["repaired"] or given["cycle"]
    if given["cycle"]:
        return UsageError(
            ja=f"サイクル「{of}」に、計画した欠陥も、修正済みと申告された欠陥もありません（--owner で絞ったときは、その担当に）。",
            en=f"Nothing is planned or said to be repaired in cycle {of!r} (with --owner, by that one).",
        )
    return UsageError(
        ja=f"{of} に、修正済みと申告された欠陥はありません。jisweep defects list で番号を確かめてください。",
        en=f"Nobody has said of a defect of {of} that it is repaired: jisweep defects list has the numbers.",
    )


@dataclass(frozen=True, kw_only=True)
class _Told:
    """What the recheck of one site has told."""

    sweep: int
    pages: list[Seen]
    defects: list[Moved]

    @property
    def complete(self) -> bool:
        """Whether each page was seen, or nobody waits for it."""
        return all(each.is_told for each in self.pages)


async def _one(database: Database, aim: Aim, tools: Tools, given: dict[str, Any]) -> _Told | None:
    """Recheck one site; None when it was interrupted."""
    async with database.writing() as connection:
        before = await rechecking.states(connection, aim)
        seed = random.SystemRandom().randrange(2**32)
        sweep = await rechecking.begin_recheck(connection, aim, seed)
        await rechecking.choose_pages(connection, sweep, await rechecking.first_look(connection, aim, seed))
        row = await sweep_row(connection, sweep)
    scope = await scope_of(database, row)
    credentials = credentials_for(row, scope, credentials_of(given, scope))
    if not await _run(database, sweep, aim, replace(tools, credentials=credentials), given):
        return None
    async with database.reading() as connection:
        return _Told(
            sweep=sweep, pages=await rechecking.seen(connection, sweep, aim),
            defects=await rechecking.moved(connection, sweep, aim, before),
        )  # fmt: skip


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


def _object(told: _Told) -> dict[str, Any]:
    defects = [
        {
            "id": each.defect.id, "rule": each.defect.rule, "before": each.before.value,
            "state": each.defect.state.value, "checked": each.checked, "seen_pages": each.seen,
            "showing_pages": each.showing, "pages": each.defect.pages, "places": each.defect.places,
        }
        for each in told.defects
    ]  # fmt: skip
    pages = [asdict(each) for each in told.pages]
    return {"sweep": told.sweep, "defects": defects, "pages": pages, "complete": told.complete}


def _say(told: _Told, language: Language) -> None:
    for page in told.pages:
        kind = "page" if page.audited else "lost" if not page.is_told else "moved" if page.moved_to else "gone"
        reason = language.word("reason", page.reason.value) if page.reason else "–"
        places = language.count("place", page.places)
        click.echo(
            one_line(
                language.say(
                    f"recheck.line.{kind}",
                    address=page.address,
                    places=places,
                    reason=reason,
                    to=page.moved_to or "",
                )
            )
        )
    for each in told.defects:
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
