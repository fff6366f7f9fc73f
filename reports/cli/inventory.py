"""`jisweep explore`: the inventory of a site alone, without any audit."""

import asyncio
from collections import Counter
from typing import Any

import click
import sqlalchemy as sa
from sqlalchemy.orm import aliased

from audits.engine import installed_engine
from audits.sweep import begin
from audits.sweep import run as run_sweep
from audits.work import Tools
from db.database import Database
from db.schema import ready
from db.tables import Page, Visit
from db.words import SweepState, VisitState
from reports.clean import one_line
from reports.cli.options import (
    browser_option,
    crawl_options,
    database_option,
    json_option,
    lang_option,
    plan_of,
    start_of,
)
from reports.cli.progress import Progress
from reports.cli.running import COMPLETE, INCOMPLETE, INTERRUPTED, how_to_go_on, stopped_by_signals
from reports.cli.saying import say_json
from reports.cli.sweeps import reached
from reports.language import Language


@click.command()
@click.argument("url")
@json_option
@lang_option
@database_option
@browser_option
@crawl_options
def explore(url: str, **given: Any) -> int:
    """List every address of the site at URL: how it was found, its state, and the reason."""
    return asyncio.run(_explore(url, given))


async def _explore(url: str, given: dict[str, Any]) -> int:
    lang = given["lang"]
    asked = start_of(url)
    plan_of(asked, given)
    tools = Tools(engine=installed_engine(), browser=given["browser"])
    stopping = asyncio.Event()
    async with Database(given["database"]) as database:
        await ready(database)
        sweep_id = await begin(database, plan_of(await reached(asked, given), given))
        with stopped_by_signals(stopping, sweep_id, lang):
            async with Progress(database, sweep_id, lang):
                explored = await run_sweep(database, sweep_id, tools, stopping, until=SweepState.CHOOSING)
        if not explored:
            click.echo(how_to_go_on(sweep_id, lang), err=True)
            return INTERRUPTED
        rows = await _inventory(database, sweep_id)
    _show(sweep_id, rows, lang, given["as_json"])
    gaps = any(row["reason"] is not None and (row["reason"].transient or row["reason"].limit) for row in rows)
    return INCOMPLETE if gaps else COMPLETE


async def _inventory(database: Database, sweep_id: int) -> list[dict[str, Any]]:
    """Every address of the sweep in the order of addresses."""
    found_on = aliased(Page)
    async with database.reading() as connection:
        rows = await connection.execute(
            sa.select(
                Page.address, Visit.state, Visit.reason, Visit.detail, Visit.found_by,
                found_on.address.label("found_on"), Visit.in_sitemap, Visit.depth, Visit.http_status,
                Visit.content_type, Visit.title,
            )
            .join(Page, Page.id == Visit.page_id)
            .outerjoin(found_on, found_on.id == Visit.found_on_id)
            .where(Visit.sweep_id == sweep_id)
            .order_by(Page.address)
        )  # fmt: skip
        return [dict(row) for row in rows.mappings()]


def _show(sweep_id: int, rows: list[dict[str, Any]], lang: str, as_json: bool) -> None:
    if as_json:
        say_json({"sweep": sweep_id, "addresses": rows})
        return
    language = Language(lang)
    for row in rows:
        why = row["reason"] or row["state"]
        click.echo(
            f"{why.value:<18} {row['found_by'].value:<9} {one_line(row['address'])}  {one_line(row['title'] or '')}"
        )
    counts = Counter(row["state"] for row in rows)
    pages = counts[VisitState.EXPLORED]
    click.echo(
        f"スイープ {sweep_id}: アドレス {len(rows):,} 件、うちページ {pages:,} 件。検査するには: jisweep resume {sweep_id}"
        if lang == "ja"
        else f"Sweep {sweep_id}: {len(rows):,} addresses, {pages:,} of them pages. To audit: jisweep resume {sweep_id}"
    )
    for reason, count in Counter(row["reason"] for row in rows if row["reason"]).most_common():
        click.echo(f"  {language.word('reason', reason.value)}: {count:,}")
