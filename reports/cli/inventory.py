"""`jisweep explore`: the inventory of a site alone, without any audit."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

import click

from audits.engine import installed_engine
from audits.sweep import begin
from audits.sweep import run as run_sweep
from audits.work import Tools
from db.database import Database
from db.errors import UsageError
from db.schema import ready
from db.words import About, Reason, SweepState, VisitState
from reports import read
from reports.clean import one_line
from reports.cli.credentials import credentials_of, say_signed_in
from reports.cli.options import (
    browser_option,
    crawl_options,
    database_option,
    json_option,
    lang_option,
    plan_of,
    scope_around,
    start_of,
)
from reports.cli.progress import Progress
from reports.cli.running import COMPLETE, INCOMPLETE, INTERRUPTED, resume_command, say_stopped, stopped_by_signals
from reports.cli.saying import say_csv, say_json_list
from reports.cli.sweeps import started
from reports.language import Language
from reports.ops.log import log_options
from reports.read import Address
from reports.tables import INVENTORY, address_row, csv_text

AT_ONCE = 1000  # lines of a CSV file that are made at one time


@click.command()
@click.argument("url")
@log_options
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="Print the addresses as CSV on standard output.")
@lang_option
@database_option
@browser_option
@crawl_options
def explore(url: str, **given: Any) -> int:
    """List every address of the site at URL: how it was found, its state, and the reason."""
    return asyncio.run(_explore(url, given))


async def _explore(url: str, given: dict[str, Any]) -> int:
    if given["as_json"] and given["as_csv"]:
        raise UsageError(
            ja="--json と --csv は、どちらか一つだけ指定できます。",
            en="--json and --csv exclude each other: give one.",
        )
    asked = start_of(url)
    given["sign_ins"] = credentials_of(given, scope_around(asked, given["include"], given["exclude"]))
    plan_of(asked, given)
    engine = installed_engine()
    stopping = asyncio.Event()
    async with Database(given["database"]) as database:
        await ready(database)
        start, given = await started(database, asked, given)
        tools = Tools(engine=engine, browser=given["browser"], credentials=given["sign_ins"])
        plan = plan_of(start, given)
        sweep_id = await begin(database, plan)
        say_signed_in(plan.limits.signed_in, given["lang"])
        with stopped_by_signals(stopping, sweep_id, given):
            async with Progress(database, sweep_id, given["lang"]):
                explored = await run_sweep(database, sweep_id, tools, stopping, until=SweepState.CHOOSING)
        if not explored:
            await say_stopped(database, sweep_id, given)
            return INTERRUPTED
        async with database.reading() as connection:
            notes = (await read.head(connection, sweep_id)).notes
            counted = _Counted()
            found = counted.passing(read.without_result(connection, sweep_id, by_address=True))
            gone: BrokenPipeError | None = None
            try:
                await _show(sweep_id, found, notes, given)
            except BrokenPipeError as error:  # of our output: not to be taken for the database's
                gone = error
        if gone is not None:
            raise gone
    _say_sums(sweep_id, counted, notes, given)
    gaps = any(reason.transient or reason.limit for reason in counted.reasons)
    unread = any(not About(note["about"]).informs for note in notes)
    return INCOMPLETE if gaps or unread else COMPLETE


@dataclass
class _Counted:
    """How many addresses were shown, and how they ended: a site's list may be too long to be held."""

    addresses: int = 0
    pages: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)

    async def passing(self, found: AsyncIterator[Address]) -> AsyncIterator[Address]:
        """The same addresses, counted."""
        async for each in found:
            self.addresses += 1
            self.pages += each.state is VisitState.EXPLORED
            if each.reason:
                self.reasons[each.reason] += 1
            yield each


async def _show(
    sweep_id: int, found: AsyncIterator[Address], notes: list[dict[str, str]], given: dict[str, Any]
) -> None:
    if given["as_json"]:
        unread = [note for note in notes if not About(note["about"]).informs]
        rows = (asdict(each) async for each in found)
        await say_json_list({"sweep": sweep_id}, "addresses", rows, {"unexplored_parts": unread})
    elif given["as_csv"]:
        await _show_csv(found, Language(given["lang"]))
    else:
        async for each in found:
            click.echo(_line(each))


async def _show_csv(found: AsyncIterator[Address], language: Language) -> None:
    begins, some = True, []
    async for each in found:
        some.append(address_row(each, language))
        if len(some) == AT_ONCE:
            say_csv(csv_text(some, "pages", INVENTORY, language, header=begins), begins=begins)
            begins, some = False, []
    if some or begins:
        say_csv(csv_text(some, "pages", INVENTORY, language, header=begins), begins=begins)


def _say_sums(sweep_id: int, counted: _Counted, notes: list[dict[str, str]], given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    aside = given["as_json"] or given["as_csv"]
    for line in _sums(counted, notes, language):
        click.echo(line, err=aside)
    click.echo(language.say("line.to_audit", command=resume_command(sweep_id, given)), err=aside)


def _line(each: Address) -> str:
    why = (each.reason or each.state).value
    return f"{why:<18} {each.found_by.value:<9} {one_line(each.address)}  {one_line(each.title or '')}".rstrip()


def _sums(counted: _Counted, notes: list[dict[str, str]], language: Language) -> Iterator[str]:
    yield language.say(
        "line.inventory",
        addresses=language.count("address", counted.addresses),
        pages=language.count("page", counted.pages),
    )
    for reason, count in counted.reasons.most_common():
        yield f"  {language.word('reason', reason.value)}: {language.number(count)}"
    for note in notes:
        about = language.word("notes.about", note["about"])
        yield one_line(f"  {about}: {note['address']} ({language.noted(note['said'])})")
