"""`jisweep sample`: choosing pages before anything is audited. `plan` says how many; which, the others."""

import asyncio

import click
import sqlalchemy as sa

from audits.conclude import sweep_row
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.tables import Draw, Visit
from db.words import VisitState
from reports.cli.options import database_option, lang_option
from reports.cli.sampling import export, freeze, propose, verify
from reports.cli.usage import Percent, Points
from reports.language import Language
from reports.planned import lines


@click.group()
def sample() -> None:
    """Choose pages: how many, which, and the list of them, frozen, exported and verified."""


for command in (propose, freeze, export, verify):
    sample.add_command(command)


@sample.command()
@click.argument("sweep_id", metavar="[ID]", type=int, required=False)
@click.option("--pages", type=click.IntRange(1, 10_000_000), metavar="N",
              help="Pages of the site, where no sweep or exploration ID knows them.")  # fmt: skip
@click.option("--precision", type=Points(), default=5.0, show_default=True, metavar="POINTS",
              help="Wanted half width of the interval, in percentage points.")  # fmt: skip
@click.option("--rate", type=Percent(), default=50.0, show_default=True, metavar="PERCENT",
              help="Expected share of pages with problems; 50 is the worst case.")  # fmt: skip
@lang_option
@database_option
def plan(sweep_id: int | None, pages: int | None, precision: float, rate: float, lang: str, database: str) -> None:
    """Say how many pages to draw at random for a wanted precision, and what 40 can and cannot show."""
    if (sweep_id is None) == (pages is None):
        raise UsageError(
            ja="ページの数を --pages で書くか、調査の番号 ID を書いてください（どちらか一つ）。",
            en="Give the number of pages with --pages, or the ID of a sweep: one of the two.",
        )
    population = pages if pages is not None else asyncio.run(_frame(database, sweep_id or 0))
    for line in lines(population, precision, rate, Language(lang)):
        click.echo(line)


async def _frame(url: str, sweep_id: int) -> int:
    """Pages that a sweep could draw from. Raises UsageError when it has found none."""
    async with Database(url, must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            await sweep_row(connection, sweep_id)
            chosen = sa.exists().where(Draw.visit_id == Visit.id)
            open_to = Visit.state.in_((VisitState.EXPLORED, VisitState.NOT_CHOSEN))
            counted = sa.select(sa.func.count()).where(Visit.sweep_id == sweep_id, open_to | chosen)
            population = await connection.scalar(counted) or 0
    if not population:
        raise UsageError(
            ja=f"スイープ {sweep_id} はまだページを見つけていません。jisweep resume {sweep_id} で続けてください。",
            en=f"Sweep {sweep_id} has found no pages yet: jisweep resume {sweep_id} goes on with it.",
        )
    return population
