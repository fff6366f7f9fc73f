"""`jisweep examples`: repairs to show to others, with what stood there before and what stands there now."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import sweep_row
from audits.criteria import Criterion
from audits.defects import book as defects
from audits.defects.settling import settle_all
from audits.engine import installed_engine
from audits.examples import book
from audits.examples.after import After, look
from audits.examples.before import Before, before_of
from audits.examples.book import Candidate, Entry
from audits.sites_named import sites_named
from audits.work import Tools, credentials_for, scope_of
from crawler.browser import PageLost, installed_browser, playwright_driver
from crawler.start import unreachable
from db.database import Database
from db.errors import UsageError
from db.pictures.rows import adding
from db.schema import present
from db.store import configured
from reports.clean import one_line
from reports.cli.credentials import credentials_of
from reports.cli.desk import check_name, with_defects
from reports.cli.options import browser_option, credentials_options, database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.knowhow import write_book
from reports.language import Language
from reports.page_view import text_of


@click.group()
def examples() -> None:
    """Confirmed repairs as an example book (実例集): choose them, hold before against after, write the book."""


@examples.command()
@click.argument("sites", metavar="URL|ORGANISATION...", nargs=-1, required=True)
@json_option
@lang_option
@database_option
def candidates(sites: tuple[str, ...], **given: Any) -> int:
    """The confirmed defects of sites, by success criterion, with how they were repaired."""

    async def read(connection: AsyncConnection) -> list[Candidate]:
        return await book.candidates(connection, await sites_named(connection, sites))

    found = asyncio.run(with_defects(given, read))
    language = Language(given["lang"])
    if given["as_json"]:
        say_json({"candidates": [_candidate(each) for each in found]})
    for each in () if given["as_json"] else found:
        said = {
            "criterion": _numbers(each.criteria), "id": str(each.defect.id), "title": text_of(each.defect.rule, language.lang).title,
            "site": each.site, "pages": language.count("page", each.defect.pages_ever),
            "day": language.day(each.confirmed_at), "way": _way(each), "examples": each.examples,
        }  # fmt: skip
        click.echo(one_line(language.say("examples.line.candidate", **said)))
    if not found and not given["as_json"]:
        click.echo(language.say("examples.line.none"))
    return COMPLETE


@examples.command()
@click.argument("defect", metavar="DEFECT", type=int)
@click.option("--by", "who", required=True, help="Your name: it is kept with the example.")
@click.option("--page", "address", metavar="ADDRESS", help="The page to show, of those that had the fault.")
@click.option(
    "--element", metavar="SELECTOR", help="The repaired element, where it was not found or is another one."
)
@click.option("--note", help="What there is to say of the repair.")
@json_option
@lang_option
@database_option
@browser_option
@credentials_options
def take(defect: int, **given: Any) -> int:
    """Open the page of the confirmed DEFECT now, and keep what stands there in place of the fault."""
    check_name(given["who"])
    asyncio.run(_take(defect, given))
    return COMPLETE


@examples.command("list")
@click.argument("sites", metavar="[URL|ORGANISATION]...", nargs=-1)
@json_option
@lang_option
@database_option
def list_examples(sites: tuple[str, ...], **given: Any) -> int:
    """The examples that were taken, of sites or of all."""
    language = Language(given["lang"])
    found = asyncio.run(with_defects(given, _reading(sites)))
    if given["as_json"]:
        say_json({"examples": [_example(each) for each in found]})
        return COMPLETE
    for each in found:
        click.echo(one_line(language.say("examples.line.one", **_words(each, language))))
    if not found:
        click.echo(language.say("examples.line.nothing"))
    return COMPLETE


@examples.command()
@click.argument("numbers", metavar="NUMBER...", type=int, nargs=-1, required=True)
@click.option("--by", "who", required=True, help="Your name: it is kept with the example, and stands in the book.")
@click.option("--after", "file", type=click.File(encoding="utf-8"), metavar="FILE",
              help="HTML to show as the after, in your own words, of one example.")  # fmt: skip
@click.option("--anonymous", "anonymously", is_flag=True,
              help="You have read it in the anonymous book, and nothing in it names anybody.")  # fmt: skip
@lang_option
@database_option
def confirm(numbers: tuple[int, ...], **given: Any) -> int:
    """Say that you have held before and after of examples against each other, and that they belong together."""
    check_name(given["who"])
    if given["file"] is not None and len(numbers) != 1:
        raise UsageError(ja="--after は、実例1件に使います。", en="--after is of one example.")
    written = None if given["file"] is None else given["file"].read()

    async def work(connection: AsyncConnection) -> list[Entry]:
        for number in numbers:
            await book.confirm(connection, number, given["who"], written=written, anonymously=given["anonymously"])
        return [each for each in await book.entries(connection) if each.id in numbers]

    language = Language(given["lang"])
    for each in asyncio.run(with_defects(given, work, write=True)):
        click.echo(one_line(language.say("examples.line.one", **_words(each, language))))
    return COMPLETE


@examples.command()
@click.argument("numbers", metavar="NUMBER...", type=int, nargs=-1, required=True)
@click.option("--by", "who", required=True, help="Your name: it is kept.")
@lang_option
@database_option
def drop(numbers: tuple[int, ...], **given: Any) -> int:
    """Take examples out of all books to come."""
    check_name(given["who"])

    async def work(connection: AsyncConnection) -> None:
        for number in numbers:
            await book.drop(connection, number, given["who"])

    asyncio.run(with_defects(given, work, write=True))
    for number in numbers:
        click.echo(Language(given["lang"]).say("examples.line.dropped", id=str(number)))
    return COMPLETE


@examples.command()
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", required=True, help="Folder for the book.")
@click.option("--site", "sites", multiple=True, metavar="URL|ORGANISATION",
              help="Only examples of these sites; repeatable.  [default: all]")  # fmt: skip
@click.option("--anonymous", "hidden", is_flag=True,
              help="Without pictures, addresses, names, words and numbers of the sites.")  # fmt: skip
@click.option("--drafts", is_flag=True, help="With examples that no person has confirmed, marked.")
@lang_option
@database_option
def write(sites: tuple[str, ...], **given: Any) -> int:
    """Write the example book: one page by success criterion, to read or to print."""

    async def work(connection: AsyncConnection) -> tuple[int, Path, int]:
        found = await _reading(sites)(connection)
        hidden, drafts = given["hidden"], given["drafts"]
        path, left = await write_book(
            connection, found, given["out"], given["lang"], hidden=hidden, drafts=drafts, store=configured()
        )
        return len(found) - left, path, left

    language = Language(given["lang"])
    written, path, left = asyncio.run(with_defects(given, work))
    click.echo(language.say("examples.line.written", count=language.count("example", written), path=path))
    if left:
        click.echo(language.say("examples.line.left", count=language.count("example", left)))
    return COMPLETE


def _reading(sites: tuple[str, ...]) -> Any:
    async def read(connection: AsyncConnection) -> list[Entry]:
        return await book.entries(connection, await sites_named(connection, sites) if sites else None)

    return read


async def _take(number: int, given: dict[str, Any]) -> None:
    engine = installed_engine()
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await settle_all(database)
        async with database.reading() as connection:
            before = await before_of(connection, await defects.one(connection, number), given["address"])
            row = await sweep_row(connection, before.sweep)
        scope = await scope_of(database, row)
        credentials = credentials_for(row, scope, credentials_of(given, scope))
        async with playwright_driver() as driver:
            installed_browser(given["browser"], driver.chromium.executable_path)
            tools = Tools(engine=engine, driver=driver, browser=given["browser"], credentials=credentials)
            try:
                after = await look(database, before, tools, given["element"])
            except PageLost as lost:
                raise unreachable(before.address, lost.reason, lost.detail) from lost
        images = [after.picture.image] if after.picture is not None else []
        async with adding(database, images) as (connection, placed):
            taken = await book.take(connection, before, after, given["who"], given["note"], placed)
            [entry] = [each for each in await book.entries(connection) if each.id == taken]
    _say_taken(entry, before, after, given)


def _say_taken(entry: Entry, before: Before, after: After, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    if given["as_json"]:
        say_json(_example(entry))
        return
    click.echo(one_line(language.say("examples.line.one", **_words(entry, language))))
    click.echo(one_line(language.say("examples.line.before", html=before.snippet)))
    if after.html is not None:
        click.echo(one_line(language.say("examples.line.after", html=after.html)))
    click.echo(language.say(f"examples.matched.{after.matched.value}", person=given["who"]))
    if after.html is not None and not entry.differs:
        click.echo(language.say("examples.elsewhere"))
        click.echo(one_line(f"{language.say('examples.around')} {after.around or '–'}"))
    click.echo(language.say("examples.line.next", id=str(entry.id)))


def _numbers(found: tuple[Criterion, ...]) -> str:
    return " ".join(each.number for each in found) or "–"


def _way(each: Candidate) -> str:
    return " / ".join((*((each.defect.way,) if each.defect.way else ()), *each.notes)) or "–"


def _words(each: Entry, language: Language) -> dict[str, str]:
    state = "draft" if not each.confirmed_by else "anonymous" if each.anonymous_by else "confirmed"
    return {
        "id": str(each.id),
        "criterion": _numbers(each.criteria),
        "title": text_of(each.rule, language.lang).title,
        "defect": str(each.defect),
        "page": each.page,
        "state": language.say(f"examples.line.{state}", person=each.anonymous_by or each.confirmed_by or ""),
    }


def _candidate(each: Candidate) -> dict[str, Any]:
    return {
        "defect": each.defect.id, "rule": each.defect.rule, "site": each.site,
        "criteria": [criterion.number for criterion in each.criteria], "pages_ever": each.defect.pages_ever,
        "confirmed_at": each.confirmed_at.isoformat(), "way": each.defect.way, "notes": list(each.notes),
        "examples": each.examples,
    }  # fmt: skip


def _example(each: Entry) -> dict[str, Any]:
    shots = {
        name: None if shot is None else asdict(shot)
        for name, shot in (("before_picture", each.before_picture), ("after_picture", each.after_picture))
    }
    kept = ("id", "site", "page", "defect", "rule", "before", "after", "around", "way", "taken_by", "confirmed_by")
    return {
        **{name: getattr(each, name) for name in kept}, **shots, "state": each.state.value, "matched": each.matched.value,
        "criteria": [criterion.number for criterion in each.criteria], "notes": list(each.notes),
        "taken_at": each.taken_at.isoformat(), "anonymous_by": each.anonymous_by,
    }  # fmt: skip
