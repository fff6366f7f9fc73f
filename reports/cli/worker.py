"""`jisweep run` and `jisweep worker`: processes that run what people and schedules ask for, until they are told to end."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import click
import uvicorn

from audits.engine import installed_engine
from audits.fleet.crew import Crew
from audits.fleet.queue import take_jobs
from audits.fleet.roster import Roster, ask_to_drain
from audits.runner import standing_by, usual_places
from audits.schedules.keeping import keeping_time
from audits.work import Tools
from crawler.signing_in import Credentials
from db.database import Database
from db.errors import UsageError
from db.schema import present, ready
from reports.cli.credentials import credentials_for_all
from reports.cli.options import browser_option, credentials_options, database_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.web import listening_at, prepare, server_of, serving_options, settings_of
from reports.notices.sending import sending
from reports.notices.settings import read_notices
from reports.ops.listening import listener_of, listening, metrics_options
from reports.ops.log import aside, service_log_options


def fleet_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """What both commands share."""
    for option in (
        click.option("--name", metavar="NAME", envvar="JISWEEP_NAME", default=lambda: f"{socket.gethostname()}-{os.getpid()}",
                     help="Name of this worker among all.  [default: host-process]"),
        click.option("--places", type=click.IntRange(1, 256), metavar="N", envvar="JISWEEP_PLACES",
                     help="Pages at one time, of all sites together.  [default: cores + 1]"),
        credentials_options,
        browser_option,
        lang_option,
        database_option,
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@click.option("--web", "serves", is_flag=True, help="Serve the web application too.")
@serving_options
@fleet_options
def run(**given: Any) -> int:
    """Run what people and schedules ask for, in this process, until SIGTERM or Ctrl-C.

    The first signal finishes the pages in hand, the second ends at once; what is not done is gone on with at the next start.
    """
    return asyncio.run(_run(given))


@click.command()
@click.option(
    "--drain",
    metavar="NAME",
    help="Have the worker of this name finish its pages and end; `*` stands for any letters.",
)
@metrics_options
@service_log_options
@fleet_options
def worker(**given: Any) -> int:
    """Work on sweeps beside other workers, on PostgreSQL, until SIGTERM or Ctrl-C.

    The first signal finishes the pages in hand, the second ends at once.
    """
    if given["drain"]:
        return asyncio.run(_drain(given))
    return asyncio.run(_work(given))


async def _run(given: dict[str, Any]) -> int:
    async with AsyncExitStack() as stack:
        database, roster, tools, places = await _opened(given, stack)
        closing = stack.enter_context(_Signals(given["lang"], roster))
        if given["serves"]:
            await stack.enter_async_context(_Served(given))
        elif given["notices"]:
            await stack.enter_async_context(
                sending(database, read_notices(given["notices"], settings_of(given, runs_sweeps=False).origin))
            )
        await stack.enter_async_context(keeping_time(database))
        await stack.enter_async_context(standing_by(database, tools, places=places, roster=roster, patience=None))
        _say_begun(roster, places, given["lang"])
        await closing.wait()
    return COMPLETE


async def _work(given: dict[str, Any]) -> int:
    async with AsyncExitStack() as stack:
        database, roster, tools, places = await _opened(given, stack)
        closing = stack.enter_context(_Signals(given["lang"], roster))
        await stack.enter_async_context(keeping_time(database))  # whoever is first: each time is kept once
        crew = await stack.enter_async_context(Crew(database, tools, places=places, roster=roster))
        _say_begun(roster, places, given["lang"])
        ending = asyncio.create_task(_close_then(closing, crew))
        try:
            await take_jobs(database, crew, roster, places)
        finally:
            ending.cancel()
    return COMPLETE


async def _close_then(closing: asyncio.Event, crew: Crew) -> None:
    await closing.wait()
    crew.closing.set()


async def _opened(
    given: dict[str, Any], stack: AsyncExitStack
) -> tuple[Database, Roster, Callable[[], Tools], int]:
    engine, metrics = installed_engine(), listener_of(given)
    credentials: Credentials = credentials_for_all(given)
    database = await stack.enter_async_context(Database(given["database"]))
    await ready(database)
    await stack.enter_async_context(listening(metrics, database))
    places = given["places"] or usual_places()
    roster = await stack.enter_async_context(Roster(database, given["name"], engine, places))

    def tools() -> Tools:
        return Tools(engine=engine, browser=given["browser"], credentials=credentials)

    return database, roster, tools, places


def _say_begun(roster: Roster, places: int, lang: str) -> None:
    aside(
        f"ワーカー {roster.name}: 同時に {places} ページまで（Ctrl-C か SIGTERM で、手元のページを終えて止まります）"
        if lang == "ja"
        else f"Worker {roster.name}: up to {places} pages at one time (Ctrl-C or SIGTERM ends it after the pages in hand)"
    )


async def _drain(given: dict[str, Any]) -> int:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            number = await ask_to_drain(connection, given["drain"])
    if not number:
        raise UsageError(
            ja=f"「{given['drain']}」という名前の動いているワーカーはありません。",
            en=f"No running worker is named {given['drain']}.",
        )
    click.echo(f"{number} 台に頼みました。" if given["lang"] == "ja" else f"Asked {number}.")
    return COMPLETE


class _Signals:
    """Gives an event that the first signal sets, or a request to drain; the second signal ends the command at once."""

    def __init__(self, lang: str, roster: Roster) -> None:
        self._closing = roster.draining
        self._lang = lang

    def __enter__(self) -> asyncio.Event:
        task = asyncio.current_task()
        assert task is not None
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, self._stop, task.cancel)
        return self._closing

    def __exit__(self, *_: object) -> None:
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(each)

    def _stop(self, cancel: Callable[[], object]) -> None:
        if self._closing.is_set():
            cancel()
            return
        self._closing.set()
        aside("手元のページを終えてから止まります…" if self._lang == "ja" else "Stopping after the pages in hand …")


class _Served:
    """The web application beside the workers, for as long as the block lasts."""

    def __init__(self, given: dict[str, Any]) -> None:
        self._settings = settings_of(given, runs_sweeps=False)
        self._host, self._port = given["host"], given["port"]
        self._server = uvicorn.Server(server_of(self._settings, self._host, self._port, given["behind"]))
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> None:
        waiting = listening_at(self._host, self._port)
        await prepare(self._settings)
        self._task = asyncio.create_task(self._server._serve([waiting]))  # serve() would take our signals

    async def __aexit__(self, *_: object) -> None:
        assert self._task is not None
        self._server.should_exit = True
        await self._task
