"""`jisweep defects merge` and `split`: a person's word on which faults are one defect."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book, regrouping
from audits.defects.book import Listed
from audits.defects.regrouping import Said
from reports.cli.defect_line import defect_line
from reports.cli.desk import check_name, with_defects
from reports.cli.options import database_option, lang_option
from reports.cli.running import COMPLETE
from reports.language import Language


@click.command()
@click.argument("keep", metavar="ID", type=int)
@click.argument("others", metavar="OTHER...", type=int, nargs=-1, required=True)
@click.option("--note", required=True, help="Why they are one.")
@click.option("--by", "who", required=True, help="Your name: it is kept with your word.")
@lang_option
@database_option
def merge(keep: int, others: tuple[int, ...], **given: Any) -> int:
    """Make defects one, under the first number; the others' numbers go on as names of it. No sweep undoes that."""
    said = Said(who=given["who"], why=given["note"])

    async def work(connection: AsyncConnection) -> list[Listed]:
        return [await regrouping.merge(connection, said, keep, others)]

    return _say(given, work)


@click.command()
@click.argument("number", metavar="ID", type=int)
@click.option("--on", "patterns", metavar="PATTERN", multiple=True,
              help="Split it on these pages, also later ones: '/fukushi/*'; repeatable.")  # fmt: skip
@click.option("--page", "pages", metavar="ADDRESS", multiple=True, help="Split it on this page; repeatable.")
@click.option("--note", required=True, help="Why they are two.")
@click.option("--by", "who", required=True, help="Your name: it is kept with your word.")
@lang_option
@database_option
def split(number: int, patterns: tuple[str, ...], pages: tuple[str, ...], **given: Any) -> int:
    """Split a defect by pages; or, without any, make a number that was merged into another a defect of its own again."""
    said = Said(who=given["who"], why=given["note"])

    async def work(connection: AsyncConnection) -> list[Listed]:
        before = await book.one(connection, number)
        by_pages = patterns or pages
        off = await (
            regrouping.split(connection, said, number, patterns, pages) if by_pages
            else regrouping.take_back(connection, said, number)
        )  # fmt: skip
        return [off, await book.one(connection, before.id)]

    return _say(given, work)


def _say(given: dict[str, Any], work: Callable[[AsyncConnection], Awaitable[list[Listed]]]) -> int:
    check_name(given["who"])
    language = Language(given["lang"])
    for each in asyncio.run(with_defects(given, work, write=True)):
        click.echo(defect_line(each, language))
    return COMPLETE
