"""`jisweep export`: a sweep as one file."""

import asyncio
from pathlib import Path
from typing import Any

import click

from crawler.address import canonical
from db.database import Database
from db.errors import UsageError
from db.schema import present
from reports.cli.options import browser_option, database_option, lang_option
from reports.cli.running import COMPLETE
from reports.files.kinds import FileKind, write_file


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@click.option(
    "--as", "kind", type=click.Choice([each.value for each in FileKind]), required=True,
    help="html (the report in a ZIP archive), pdf, xlsx (Excel), json, sarif or earl (JSON-LD).",
)  # fmt: skip
@click.option(
    "-o", "--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", required=True,
    help="The file; one that is there is replaced when the new one is whole.",
)  # fmt: skip
@click.option("--page", metavar="ADDRESS", help="Only the report of this page (pdf).")
@browser_option
@lang_option
@database_option
def export(sweep_id: int, kind: str, out: Path, page: str | None, **given: Any) -> int:
    """Write a sweep as one file, for a meeting, an office's spreadsheet or a program."""
    asyncio.run(_export(sweep_id, FileKind(kind), out, page, given))
    return COMPLETE


async def _export(sweep_id: int, kind: FileKind, out: Path, page: str | None, given: dict[str, Any]) -> None:
    address = canonical(page) if page else None
    if page and address is None:
        raise UsageError(ja=f"「{page}」はアドレスとして読めません。", en=f"{page!r} cannot be read as an address.")
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        await write_file(database, sweep_id, kind, out, given["lang"], page=address, browser=given["browser"])
    click.echo(str(out))
