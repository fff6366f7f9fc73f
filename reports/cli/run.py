"""`jisweep run` and `jisweep worker`: processes that take on what was asked for, until they are told to end."""

import asyncio
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from audits import fleet
from audits.engine import installed_engine
from audits.runner import standing_by, usual_places
from audits.work import Tools
from crawler.browser import installed_browser, playwright_driver
from db.database import Database
from db.errors import UsageError
from db.schema import present, ready
from reports.cli.options import browser_option, database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json


@click.command()
@click.option(
    "--sweeps", type=click.IntRange(1, 100), metavar="N", envvar="JISWEEP_SWEEPS",
    help="Sweeps side by side.  [default: processors + 1]",
)  # fmt: skip
@browser_option
@lang_option
@database_option
def run(sweeps: int | None, browser: str | None, lang: str, database: str) -> int:
    """Run the sweeps and rechecks that are asked for, in this process, until it is told to end.

    The first Ctrl-C or SIGTERM finishes the pages in hand, the second stops at once; either way nothing is lost.
    """
    return asyncio.run(_run(sweeps, browser, lang, database))


@click.command()
@click.option(
    "--name", default=socket.gethostname, metavar="NAME", envvar="JISWEEP_WORKER",
    help="Name of this worker, for people.  [default: the machine's]",
)  # fmt: skip
@click.option(
    "--pages", type=click.IntRange(1, 100), metavar="N", envvar="JISWEEP_PAGES",
    help="Pages at one time.  [default: processors + 1]",
)  # fmt: skip
@click.option("--drain", metavar="NAME", help="Have the workers of that name end after the pages in hand, and end.")
@click.option("--list", "lists", is_flag=True, help="List the workers, and end.")
@browser_option
@json_option
@lang_option
@database_option
def worker(**given: Any) -> int:
    """Take part in the sweeps of a PostgreSQL database, with any number of workers on any number of machines.

    The first Ctrl-C or SIGTERM finishes the pages in hand, the second stops at once; either way nothing is lost.
    """
    return asyncio.run(_worker(given))


async def _run(sweeps: int | None, browser: str | None, lang: str, database: str) -> int:
    await _browser_is_there(browser)
    async with Database(database) as opened:
        await ready(opened)
        ending = asyncio.Event()
        with _told_to_end(ending, lang):
            async with standing_by(
                opened, lambda: Tools(engine=installed_engine(), browser=browser), sweeps=sweeps
            ):
                _say(
                    "頼まれたスイープを待っています（Ctrl-C で終わります）",
                    "Waiting for sweeps (Ctrl-C ends it)",
                    lang,
                )
                await ending.wait()
    return COMPLETE


async def _worker(given: dict[str, Any]) -> int:
    lang = given["lang"]
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        if given["drain"]:
            return await _drain(database, given["drain"], lang)
        if given["lists"]:
            return await _list(database, given["as_json"])
        await _browser_is_there(given["browser"])
        ending = asyncio.Event()
        part = fleet.Fleet(
            database=database, tools=lambda: Tools(engine=installed_engine(), browser=given["browser"]),
            name=given["name"], at_once=given["pages"] or usual_places(), closing=ending,
        )  # fmt: skip
        with _told_to_end(ending, lang):
            _say(
                f"ワーカー {part.name} を始めます（Ctrl-C で終わります）",
                f"Worker {part.name} (Ctrl-C ends it)",
                lang,
            )
            await part.run()
    return COMPLETE


async def _drain(database: Database, name: str, lang: str) -> int:
    async with database.writing() as connection:
        count = await fleet.drain(connection, name)
    if not count:
        raise UsageError(
            ja=f"「{name}」という動いているワーカーはありません。jisweep worker --list で確かめてください。",
            en=f"No worker of the name {name!r} runs: jisweep worker --list tells which do.",
        )
    _say(
        f"{count} 個のワーカーは、手元のページを終えてから終わります。",
        f"{count} end after the pages in hand.",
        lang,
    )
    return COMPLETE


async def _list(database: Database, as_json: bool) -> int:
    async with database.reading() as connection:
        found = await fleet.workers(connection)
    if as_json:
        say_json({"workers": [fleet.told(each) for each in found]})
        return COMPLETE
    for each in found:
        told = fleet.told(each)
        sweeps = ", ".join(map(str, told["sweeps"])) or "-"
        click.echo(
            f"{told['name']}  {told['state']}  {each.owner}  {each.seen_at:%Y-%m-%d %H:%M:%S}Z  {sweeps}  {each.said or ''}".rstrip()
        )
    return COMPLETE


async def _browser_is_there(configured: str | None) -> None:
    """Raises BrowserMissing now, not when the first sweep is due."""
    async with playwright_driver() as driver:
        installed_browser(configured, driver.chromium.executable_path)


@contextmanager
def _told_to_end(ending: asyncio.Event, lang: str) -> Iterator[None]:
    """The first Ctrl-C or SIGTERM sets `ending`, the second cancels the block."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def told() -> None:
        if ending.is_set():
            task.cancel()
            return
        ending.set()
        _say("手元のページを終えてから終わります…", "Ending after the pages in hand …", lang)

    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told)
    try:
        yield
    finally:
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)


def _say(ja: str, en: str, lang: str) -> None:
    click.echo(ja if lang == "ja" else en, err=True)
