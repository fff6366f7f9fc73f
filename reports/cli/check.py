"""`jisweep check`: are these pages as good as those that were accepted? For acceptance and for pipelines; nothing is stored."""

import asyncio
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from audits import baseline as baselines
from audits.acceptance import Acceptance, as_baseline, hold_against
from audits.baseline import Baseline
from audits.engine import installed_engine
from audits.pages import Checked, audit_pages, scope_of
from audits.work import Tools
from crawler.browser import installed_browser, playwright_driver
from crawler.seeds import body_of, text_of
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.words import Edition, Level, Reason
from reports.acceptance.junit import junit
from reports.acceptance.plain import as_object
from reports.acceptance.sarif import sarif
from reports.acceptance.summary import lines
from reports.acceptance.told import Teller
from reports.cli.credentials import credentials_of, say_signed_in
from reports.cli.options import (
    browser_option,
    database_option,
    json_option,
    lang_option,
    limits_of,
    pace_options,
    page_options,
    rule_options,
)
from reports.cli.running import COMPLETE, INCOMPLETE
from reports.cli.saying import say_json
from reports.cli.targets import addresses_of
from reports.file import check_writable, write_whole
from reports.language import Language

UNREACHABLE, NEW_DEFECTS = 4, 7
NO_ANSWER = frozenset({Reason.DNS, Reason.CERTIFICATE, Reason.CONNECTION, Reason.PRIVATE_ADDRESS})
SOON = 10.0  # seconds between two lines of progress


def _file(name: str, text: str) -> Callable[[Any], Any]:
    return click.option(name, type=click.Path(path_type=Path), metavar="FILE", help=text)


@click.command()
@click.argument("targets", metavar="URL|@FILE...", nargs=-1, required=True)
@_file("--baseline", "What is known already, as --write-baseline wrote it: only what is not in it fails the check.")
@click.option("--baseline-sweep", type=int, metavar="ID", help="What that finished sweep found is known already.")
@_file(
    "--write-baseline",
    "Write what is known after this check, for --baseline of the next; not when it fails against a baseline.",
)
@click.option("--strict", is_flag=True, help="Fail on known defects in new places too.")
@_file("--sarif", "Write the result as SARIF 2.1.0 too.")
@_file("--junit", "Write the result as JUnit XML too.")
@json_option
@lang_option
@database_option
@browser_option
@page_options
@pace_options
@rule_options
def check(targets: tuple[str, ...], **given: Any) -> int:
    """Audit pages now and fail on defects that are new: for acceptance and for pipelines.

    A target is the address of a page, or a text file with one address in each line (@FILE; comments begin with #).

    \b
    Exit codes: 0 no new defects · 7 new defects · 2 usage · 3 a page could not be audited ·
    4 no page could be reached · 5 no browser · 6 database or file cannot be used
    """
    return asyncio.run(_check(addresses_of(targets), given))


async def _check(addresses: list[str], given: dict[str, Any]) -> int:
    _stop_when_told()
    edition, level, language = Edition(given["edition"]), Level(given["level"]), Language(given["lang"])
    limits, engine, scope = limits_of(given), installed_engine(), scope_of(addresses)
    _check_outputs(given)
    known = await _known(given)
    credentials = credentials_of(given, scope)
    say_signed_in(credentials.within(scope).origins, language.lang)
    async with playwright_driver() as driver:
        installed_browser(given["browser"], driver.chromium.executable_path)
        tools = Tools(engine=engine, driver=driver, browser=given["browser"], credentials=credentials)
        told = _Progress(len(addresses), language)
        rules, pages = await audit_pages(addresses, limits, tools, edition, level, told.seen)
    acceptance = hold_against(pages, rules, known)
    teller = Teller(acceptance=acceptance, edition=edition, language=language, strict=given["strict"])
    code = _exit_code(acceptance, strict=given["strict"])
    _write(teller, code, given)
    _say(teller, code, given)
    if given["write_baseline"]:
        if known is None or code != NEW_DEFECTS:
            write_whole(given["write_baseline"], as_baseline(acceptance, engine.version, edition).to_text())
        else:  # a new defect does not become known because nobody looked
            click.echo(language.say("check.not_written", path=given["write_baseline"]), err=True)
    return code


def _stop_when_told() -> None:
    """A pipeline that is cancelled ends us as Ctrl-C does, browsers and all."""
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _exit_code(acceptance: Acceptance, *, strict: bool) -> int:
    """New defects win over pages that are not known."""
    if acceptance.fails(strict=strict):
        return NEW_DEFECTS
    if all(each.reason in NO_ANSWER for each in acceptance.pages):
        return UNREACHABLE
    return INCOMPLETE if acceptance.lost else COMPLETE


def _check_outputs(given: dict[str, Any]) -> None:
    """Refuse files that cannot be written before anything is fetched, and a baseline in place of something else."""
    for name in ("sarif", "junit", "write_baseline"):
        if given[name]:
            check_writable(given[name])
    path: Path | None = given["write_baseline"]
    if path and path.exists() and not baselines.is_ours(text_of(body_of(path, "--write-baseline"))):
        raise UsageError(
            ja=f"{path} は jisweep の既知欠陥ファイルではないため、置き換えません。別の名前にしてください。",
            en=f"{path} is no baseline of jisweep, so it is not replaced: choose another name.",
        )


async def _known(given: dict[str, Any]) -> Baseline | None:
    path, sweep = given["baseline"], given["baseline_sweep"]
    if path and sweep is not None:
        raise UsageError(
            ja="--baseline と --baseline-sweep は、どちらか一つだけ指定できます。",
            en="--baseline and --baseline-sweep exclude each other: give one.",
        )
    if path:
        return baselines.from_text(text_of(body_of(path, "--baseline")), str(path))
    if sweep is None:
        return None
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            return await baselines.of_sweep(connection, sweep)


def _write(teller: Teller, code: int, given: dict[str, Any]) -> None:
    if given["sarif"]:
        write_whole(given["sarif"], sarif(teller, code))
    if given["junit"]:
        write_whole(given["junit"], junit(teller))


def _say(teller: Teller, code: int, given: dict[str, Any]) -> None:
    if given["as_json"]:
        say_json(as_object(teller, code))
        return
    for line in lines(teller):
        click.echo(line)


class _Progress:
    """How many pages are done, on standard error, now and then."""

    def __init__(self, pages: int, language: Language) -> None:
        self._pages, self._language = pages, language
        self._done, self._said = 0, time.monotonic()

    def seen(self, _: Checked) -> None:
        self._done += 1
        if time.monotonic() - self._said >= SOON:
            self._said = time.monotonic()
            click.echo(self._language.say("check.progress", done=self._done, pages=self._pages), err=True)
