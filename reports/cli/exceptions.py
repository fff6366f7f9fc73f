"""`jisweep defects except`, `exceptions`, `end-exception` and `review`: faults that are left as they are for a time."""

import asyncio
from datetime import datetime
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book, excepting
from audits.defects.cover import today
from audits.defects.excepting import Said, Told
from db.errors import UsageError
from db.words import ExceptionReason
from reports.clean import one_line
from reports.cli.desk import check_name, with_defects
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_csv, say_json
from reports.exception_view import exception_json, exception_row, exception_words, standing
from reports.language import Language
from reports.tables import EXCEPTIONS, csv_text


@click.command("except")
@click.argument("what", metavar="ID... | URL", nargs=-1, required=True)
@click.option("--rule", help="Except what this rule finds at the site that starts at URL; with --on.")
@click.option("--on", "pattern", metavar="PATTERN", help="On these pages: '/map/*' or 'https://host/*'.")
@click.option("--page", "pages", metavar="ADDRESS", multiple=True,
              help="Except the defects on this page alone; repeatable.  [default: wherever they show]")  # fmt: skip
@click.option("--reason", required=True, type=click.Choice([each.value for each in ExceptionReason]), help="Why.")
@click.option("--text", required=True, help="Why, in your own words.")
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
              help="The last day of the exception, in Tokyo; it ends by itself.")  # fmt: skip
@click.option("--by", "who", required=True, help="Your name: it is kept with the exception.")
@lang_option
@database_option
def except_(what: tuple[str, ...], **given: Any) -> int:
    """Leave defects, or what a rule finds on some pages, as they are until a day: the machine's numbers stay."""
    check_name(given["who"])
    asyncio.run(_except(what, given))
    return COMPLETE


@click.command()
@click.argument("url")
@click.option("--csv", is_flag=True, help="Print the whole list as CSV.")
@json_option
@lang_option
@database_option
def exceptions(url: str, **given: Any) -> int:
    """The exceptions of the site that starts at URL, running and ended, with what each covers now."""
    asyncio.run(_list(url, given))
    return COMPLETE


@click.command("end-exception")
@click.argument("number", metavar="N", type=int)
@click.option("--by", "who", required=True, help="Your name: it is kept with the exception.")
@lang_option
@database_option
def end_exception(number: int, **given: Any) -> int:
    """End exception N today, before its last day; what it covered is to be repaired again."""
    check_name(given["who"])

    async def work(connection: AsyncConnection) -> list[Told]:
        await excepting.end(connection, number, given["who"])
        return await excepting.numbers_told(connection, [number])

    _say(asyncio.run(with_defects(given, work, write=True)), Language(given["lang"]))
    return COMPLETE


@click.command()
@click.argument("number", metavar="N", type=int)
@click.option("--agree/--disagree", "agrees", default=None, required=True,
              help="Whether it is right; an exception that you disagree with ends.")  # fmt: skip
@click.option("--text", required=True, help="What you have looked at.")
@click.option("--by", "who", required=True, help="Your name, another than that of who said the exception.")
@lang_option
@database_option
def review(number: int, **given: Any) -> int:
    """Say of exception N, such as a false alarm, what another person thinks who has looked."""
    check_name(given["who"])

    async def work(connection: AsyncConnection) -> list[Told]:
        await excepting.review(connection, number, given["who"], given["text"], agrees=given["agrees"])
        return await excepting.numbers_told(connection, [number])

    _say(asyncio.run(with_defects(given, work, write=True)), Language(given["lang"]))
    return COMPLETE


async def _except(what: tuple[str, ...], given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    until: datetime = given["until"]
    said = Said(
        reason=ExceptionReason(given["reason"]), text=given["text"], person=given["who"], until=until.date()
    )
    by_rule = given["rule"] is not None or given["pattern"] is not None
    if by_rule and (given["rule"] is None or given["pattern"] is None or given["pages"] or len(what) != 1):
        raise UsageError(
            ja="規則の例外には、--rule と --on とサイトのアドレス1つを書いてください（--page は使えません）。",
            en="An exception of a rule needs --rule, --on and the address of one site, and no --page.",
        )
    numbers = [] if by_rule else [_number(each) for each in what]

    async def work(connection: AsyncConnection) -> list[Told]:
        if by_rule:
            site = await book.site_of(connection, what[0])
            added = [await excepting.except_rule(connection, said, site, given["rule"], given["pattern"])]
        else:
            named = await book.held(connection, numbers)
            added = await excepting.except_defects(connection, said, named, given["pages"])
        return await excepting.numbers_told(connection, added)

    _say(await with_defects(given, work, write=True), language)
    click.echo(language.say("exceptions.line.from"))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise UsageError(
            ja=f"「{text}」は欠陥の番号ではありません。規則の例外には --rule と --on を付けてください。",
            en=f"{text!r} is no number of a defect: an exception of a rule needs --rule and --on.",
        )
    return int(text)


async def _list(url: str, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    day = today()

    async def read(connection: AsyncConnection) -> list[Told]:
        return await excepting.told(connection, await book.site_of(connection, url), day)

    found = await with_defects(given, read)
    if given["csv"]:
        say_csv(csv_text([exception_row(each, language) for each in found], "exceptions", EXCEPTIONS, language))
    elif given["as_json"]:
        say_json({"day": day.isoformat(), "exceptions": [exception_json(each) for each in found]})
    elif not found:
        click.echo(language.say("exceptions.line.none"))
    else:
        _say(found, language)


def _say(found: list[Told], language: Language) -> None:
    for each in found:
        words = exception_words(each.exemption, each.rule, each.page, language)
        extent = {"pages": language.count("page", each.pages), "places": language.count("place", each.places)}
        click.echo(one_line(language.say(f"exceptions.line.{standing(each)}", **words, **extent)))
