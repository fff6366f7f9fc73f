"""`jisweep explore`: the inventory of a site alone, without any audit."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from audits.engine import installed_engine
from audits.sweep import begin
from audits.sweep import run as run_sweep
from audits.work import Tools
from crawler.exploration import INFORMS
from db.database import Database
from db.errors import UsageError
from db.schema import ready
from db.words import SweepState, VisitState
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
from reports.cli.saying import say_csv, say_json
from reports.cli.sweeps import started
from reports.language import Language
from reports.read import Address
from reports.tables import INVENTORY, address_row, csv_text


@click.command()
@click.argument("url")
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
    tools = Tools(engine=installed_engine(), browser=given["browser"], credentials=given["sign_ins"])
    stopping = asyncio.Event()
    async with Database(given["database"]) as database:
        await ready(database)
        start, given = await started(database, asked, given)
        plan = plan_of(start, given)
        sweep_id = await begin(database, plan)
        say_signed_in(plan.limits.signed_in, given["lang"])
        with stopped_by_signals(stopping, sweep_id, given):
            async with Progress(database, sweep_id, given["lang"]):
                explored = await run_sweep(database, sweep_id, tools, stopping, until=SweepState.CHOOSING)
        if not explored:
            await say_stopped(database, sweep_id, given)
            return INTERRUPTED
        found, notes = await _inventory(database, sweep_id)
    _show(sweep_id, found, notes, given)
    gaps = any(each.reason is not None and (each.reason.transient or each.reason.limit) for each in found)
    unread = any(note["about"] not in INFORMS for note in notes)
    return INCOMPLETE if gaps or unread else COMPLETE


async def _inventory(database: Database, sweep_id: int) -> tuple[list[Address], list[dict[str, str]]]:
    """Every address of the sweep in the order of addresses, and what exploring could not read."""
    async with database.reading() as connection:
        found = [address async for address in read.without_result(connection, sweep_id)]
        notes = (await read.head(connection, sweep_id)).notes
    return sorted(found, key=lambda each: each.address), notes


def _show(sweep_id: int, found: list[Address], notes: list[dict[str, str]], given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    if given["as_json"]:
        unread = [note for note in notes if note["about"] not in INFORMS]
        say_json({"sweep": sweep_id, "addresses": list(map(asdict, found)), "unexplored_parts": unread})
    elif given["as_csv"]:
        rows = (address_row(each, language) for each in found)
        say_csv(csv_text(rows, "pages", INVENTORY, language))
    else:
        for each in found:
            click.echo(_line(each))
    for line in _sums(found, notes, language):
        click.echo(line, err=given["as_json"] or given["as_csv"])
    click.echo(
        language.say("line.to_audit", command=resume_command(sweep_id, given)),
        err=given["as_json"] or given["as_csv"],
    )


def _line(each: Address) -> str:
    why = (each.reason or each.state).value
    return f"{why:<18} {each.found_by.value:<9} {one_line(each.address)}  {one_line(each.title or '')}".rstrip()


def _sums(found: list[Address], notes: list[dict[str, str]], language: Language) -> Iterator[str]:
    pages = sum(each.state is VisitState.EXPLORED for each in found)
    yield language.say(
        "line.inventory", addresses=language.count("address", len(found)), pages=language.count("page", pages)
    )
    for reason, count in Counter(each.reason for each in found if each.reason).most_common():
        yield f"  {language.word('reason', reason.value)}: {language.number(count)}"
    for note in notes:
        about = language.word("notes.about", note["about"])
        yield one_line(f"  {about}: {note['address']} ({language.noted(note['said'])})")
