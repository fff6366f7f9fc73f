"""Running a sweep from a terminal: signals, progress, the report, and how it ended."""

import asyncio
import os
import shlex
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from audits import sweep as sweeping
from audits.conclude import Conclusion, conclude, sweep_row
from audits.work import Tools
from crawler.elsewhere import Elsewhere
from crawler.limits import Limits
from crawler.windows import Windows
from db.database import Database, hide_password
from db.words import Trust
from reports.cli.options import DATABASE
from reports.cli.progress import Progress
from reports.cli.saying import say_json
from reports.ops.log import aside
from reports.ops.settings import CONFIG
from reports.report import check_folder, folder_for, write_report
from reports.summary import as_json, as_lines

COMPLETE, INCOMPLETE, INTERRUPTED = 0, 3, 130


async def run_to_report(
    database: Database, sweep_id: int, tools: Tools, given: dict[str, Any], *, again: bool = False
) -> int:
    """Take a sweep to its report, with progress on standard error; returns the exit code."""
    lang = given["lang"]
    out = await folder_for(database, sweep_id, given["out"])
    check_folder(out)
    stopping = asyncio.Event()
    with Elsewhere() as elsewhere:  # what reads the pages writes the report
        tools = replace(tools, elsewhere=elsewhere)
        with stopped_by_signals(stopping, sweep_id, given):
            async with Progress(database, sweep_id, lang):
                finished = await sweeping.run(database, sweep_id, tools, stopping, again=again)
        if not finished:
            await say_stopped(database, sweep_id, given)
            return INTERRUPTED
        conclusion = await conclude(database, sweep_id)
        path = await write_report(database, sweep_id, out, lang, elsewhere)
    show(conclusion, path, lang, given["as_json"])
    return ended(conclusion)


def ended(conclusion: Conclusion) -> int:
    """The exit code of a sweep: one that waits for a person to accept it is as little done as an incomplete one."""
    is_suspect = conclusion.health is not None and conclusion.health.trust is Trust.SUSPECT
    return COMPLETE if conclusion.complete and not is_suspect else INCOMPLETE


async def say_stopped(database: Database, sweep_id: int, given: dict[str, Any]) -> None:
    """Say how to go on with a sweep that was stopped, and when, if it was its window that closed."""
    async with database.reading() as connection:
        limits = Limits.from_row((await sweep_row(connection, sweep_id)).settings)
    windows, moment = Windows.parse(limits.window), datetime.now(UTC)
    if limits.stop_outside and not windows.are_open(moment):
        opens = f"{windows.next_opening(moment):%Y-%m-%d %H:%M %Z}"
        aside(
            f"時間帯（{limits.window}）の外になりました。次は {opens} からです。"
            if given["lang"] == "ja"
            else f"The window ({limits.window}) has closed; it opens again at {opens}."
        )
    aside(how_to_go_on(sweep_id, given))


def show(conclusion: Conclusion, path: Path, lang: str, as_json_object: bool) -> None:
    """Print the numbers of a sweep and where its report is."""
    if as_json_object:
        say_json(as_json(conclusion, str(path)))
        return
    for line in as_lines(conclusion, lang):
        click.echo(line)
    click.echo(f"レポート: {path}" if lang == "ja" else f"Report: {path}")


def resume_command(sweep_id: int, given: dict[str, Any]) -> str:
    """What to type to go on with a sweep, with the database and the folder that this command was given."""
    return command_on("resume", sweep_id, given)


def command_on(name: str, sweep_id: int, given: dict[str, Any]) -> str:
    """A command on a sweep as it is typed, with the database, folder and credentials that this one was given."""
    typed = Path(sys.argv[0])
    found = typed.name != "jisweep" or shutil.which("jisweep") is not None
    config = click.get_current_context().meta.get(CONFIG)
    words = [
        "jisweep" if found else str(typed),
        *(["--config", str(config)] if config else []),
        *name.split(),
        str(sweep_id),
    ]
    if given["database"] != os.environ.get("JISWEEP_DB", DATABASE):
        words += ["--db", hide_password(given["database"])]
    if name == "resume" and given.get("out") and str(given["out"]) != os.environ.get("JISWEEP_OUT"):
        words += ["--out", str(given["out"])]
    if given.get("credentials") and str(given["credentials"]) != os.environ.get("JISWEEP_CREDENTIALS"):
        words += ["--credentials", str(given["credentials"])]
    if given.get("no_credentials"):
        words += ["--no-credentials"]
    return shlex.join(words)


def how_to_go_on(sweep_id: int, given: dict[str, Any]) -> str:
    """What there is to know after an interruption."""
    command = given.get("again") or resume_command(sweep_id, given)
    if given["lang"] == "ja":
        return f"中断しました。ここまでの結果は保存されています。続けるには: {command}"
    return f"Interrupted; everything so far is kept. To go on: {command}"


class stopped_by_signals:
    """While the block runs, the first Ctrl-C or SIGTERM asks to stop after the pages in hand, the second stops."""

    def __init__(self, stopping: asyncio.Event, sweep_id: int, given: dict[str, Any]) -> None:
        self._stopping = stopping
        self._sweep_id = sweep_id
        self._given = given

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._stop, task.cancel)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is asyncio.CancelledError:
            aside(how_to_go_on(self._sweep_id, self._given))
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(each)

    def _stop(self, cancel: Callable[[], object]) -> None:
        if self._stopping.is_set():
            cancel()
            return
        self._stopping.set()
        aside(
            "\n手元のページを終えてから止まります…"
            if self._given["lang"] == "ja"
            else "\nStopping after the pages in hand …"
        )
