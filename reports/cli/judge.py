"""`jisweep judge`: people judge the pages of a test in a workbook, and what they say is kept."""

import asyncio
from pathlib import Path
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import site_sweep
from audits.jis_test import JisTest, jis_test
from audits.judging import JudgedPage, keep_judgements, pages_to_judge, state_of_test
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.tables import Site
from db.words import SweepState
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.saying import say_json
from reports.folder import check_new
from reports.judge_book import progress, read_judge_book, said_of, write_judge_book
from reports.language import Language
from reports.report import written_report


@click.group()
def judge() -> None:
    """Judge the pages of a test by people: a workbook out, the filled workbook in."""


@judge.command()
@click.argument("sweep_id", metavar="ID", type=int)
@click.option("-o", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", required=True,
              help="Where the workbook (.xlsx) goes.")  # fmt: skip
@click.option("--report", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Folder of the sweep's report, which the workbook links to.  [default: out/sweep-ID, if it is there]")  # fmt: skip
@lang_option
@database_option
def export(sweep_id: int, **given: Any) -> None:
    """Write the workbook in which people judge the pages of sweep ID."""
    asyncio.run(_export(sweep_id, given))


@judge.command("import")
@click.argument("sweep_id", metavar="ID", type=int)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@lang_option
@database_option
def import_(sweep_id: int, file: Path, **given: Any) -> None:
    """Take in the judgements of a filled workbook: all of them, or none when a cell is wrong."""
    asyncio.run(_import(sweep_id, file, given))


@judge.command()
@click.argument("sweep_id", metavar="ID", type=int)
@json_option
@lang_option
@database_option
def status(sweep_id: int, **given: Any) -> None:
    """Say how far the judgement of sweep ID has come, and where people differ."""
    asyncio.run(_status(sweep_id, given))


async def _export(sweep_id: int, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    check_new(given["out"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            key, pages = await _state(connection, sweep_id)
        report = await written_report(database, sweep_id, given["report"])
    if not pages:
        raise UsageError(ja=Language("ja").say("judge.line.no_page"), en=Language("en").say("judge.line.no_page"))
    write_judge_book(given["out"], key, pages, language, report)
    lines = sum(len(page.items) for page in pages)
    said = {"pages": language.count("page", len(pages)), "lines": language.number(lines)}
    click.echo(language.say("judge.line.exported", file=given["out"], **said))
    told = "judge.line.linked" if report else "judge.line.unlinked"
    click.echo(language.say(told, folder=report or "", sweep=sweep_id))


async def _import(sweep_id: int, file: Path, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            key, pages = await _state(connection, sweep_id)
            answers = read_judge_book(file, key, pages)
            new = await keep_judgements(connection, sweep_id, answers.person, answers.judgements)
        # What is kept is said before anything is worked out from it.
        click.echo(language.say("judge.line.imported", person=answers.person, new=language.number(new)))
        test = await jis_test(database, sweep_id)
    for line in progress(test, language):
        click.echo(line)


async def _status(sweep_id: int, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        test = await jis_test(database, sweep_id)
        async with database.reading() as connection:
            _, pages = await _state(connection, sweep_id)
    disputes = [(page, item) for page in pages for item in page.items if item.disputed]
    if given["as_json"]:
        say_json(_as_json(test, disputes, language))
        return
    for line in progress(test, language):
        click.echo(line)
    for each in test.criteria:
        counts = {"met": each.met, "not_met": each.not_met, "not_applicable": each.not_applicable}
        name = each.criterion.name(language.lang)
        click.echo(
            language.say(
                "judge.line.criterion", number=each.criterion.number, name=name, unjudged=each.unjudged, **counts
            )
        )
    for page, item in disputes:
        told = {"address": page.address, "number": item.criterion.number, "said": said_of(item, language)}
        click.echo(language.say("judge.line.dispute", **told))


def _as_json(test: JisTest, disputes: list[tuple[JudgedPage, Any]], language: Language) -> dict[str, Any]:
    return {
        "sweep": test.sweep.id,
        "pages": test.pages,
        "lost": test.lost,
        "judged": test.judged,
        "people": list(test.people),
        "criteria": {
            each.criterion.number: {
                "level": each.criterion.level.value,
                "verdict": each.verdict.value,
                "met": each.met,
                "not_met": each.not_met,
                "not_applicable": each.not_applicable,
                "unjudged": each.unjudged,
                "disputed": each.disputed,
                "reasons": [reason for reason, _ in each.reasons],
            }
            for each in test.criteria
        },
        "disputes": [
            {"address": page.address, "criterion": item.criterion.number, "said": said_of(item, language)}
            for page, item in disputes
        ],
    }


async def _state(connection: AsyncConnection, sweep_id: int) -> tuple[dict[str, Any], list[JudgedPage]]:
    """What names the state of a test, and its pages. Raises UsageError unless there is such a sweep, finished."""
    sweep = await site_sweep(connection, sweep_id)
    if sweep.state is not SweepState.FINISHED:
        raise UsageError(
            ja=f"スイープ {sweep_id} は終わっていません。jisweep resume {sweep_id} で終えてから判定してください。",
            en=f"Sweep {sweep_id} is not finished: jisweep resume {sweep_id} first, then judge what it has seen.",
        )
    site = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id))
    key = {
        "site": site, "sweep": sweep_id, "begun": sweep.created_at.isoformat(),
        "state": await state_of_test(connection, sweep_id),
    }  # fmt: skip
    return key, [page async for page in pages_to_judge(connection, sweep)]
