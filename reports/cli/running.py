"""Running a sweep from a terminal: signals, progress, the report, and how it ended."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import click

from audits import sweep as sweeping
from audits.conclude import Conclusion, conclude
from audits.work import Tools
from db.database import Database
from reports.cli.progress import Progress
from reports.cli.saying import say_json
from reports.report import write_report
from reports.summary import as_json, as_lines

COMPLETE, INCOMPLETE, INTERRUPTED = 0, 3, 130


async def run_to_report(
    database: Database, sweep_id: int, tools: Tools, *, out: Path | None, lang: str, as_json_object: bool
) -> int:
    """Take a sweep to its report, with progress on standard error; returns the exit code."""
    stopping = asyncio.Event()
    with stopped_by_signals(stopping, sweep_id, lang):
        async with Progress(database, sweep_id, lang):
            finished = await sweeping.run(database, sweep_id, tools, stopping)
    if not finished:
        click.echo(how_to_go_on(sweep_id, lang), err=True)
        return INTERRUPTED
    conclusion = await conclude(database, sweep_id)
    path = await write_report(database, sweep_id, out or default_folder(sweep_id), lang)
    show(conclusion, path, lang, as_json_object)
    return COMPLETE if conclusion.complete else INCOMPLETE


def show(conclusion: Conclusion, path: Path, lang: str, as_json_object: bool) -> None:
    """Print the numbers of a sweep and where its report is."""
    if as_json_object:
        say_json(as_json(conclusion, str(path)))
        return
    for line in as_lines(conclusion, lang):
        click.echo(line)
    click.echo(f"レポート: {path}" if lang == "ja" else f"Report: {path}")


def default_folder(sweep_id: int) -> Path:
    """Where a report goes when no folder is named."""
    return Path("out") / f"sweep-{sweep_id}"


def how_to_go_on(sweep_id: int, lang: str) -> str:
    """What to type after an interruption."""
    if lang == "ja":
        return f"中断しました。ここまでの結果は保存されています。続けるには: jisweep resume {sweep_id}"
    return f"Interrupted; everything so far is kept. To go on: jisweep resume {sweep_id}"


class stopped_by_signals:
    """While the block runs, the first Ctrl-C or SIGTERM asks to stop after the pages in hand, the second stops."""

    def __init__(self, stopping: asyncio.Event, sweep_id: int, lang: str) -> None:
        self._stopping = stopping
        self._sweep_id = sweep_id
        self._lang = lang

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()
        assert task is not None
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._stop, task.cancel)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is asyncio.CancelledError:
            click.echo(how_to_go_on(self._sweep_id, self._lang), err=True)
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(each)

    def _stop(self, cancel: Callable[[], object]) -> None:
        if self._stopping.is_set():
            cancel()
            return
        self._stopping.set()
        click.echo(
            "\n手元のページを終えてから止まります…"
            if self._lang == "ja"
            else "\nStopping after the pages in hand …",
            err=True,
        )
