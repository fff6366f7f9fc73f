"""The commands of `jisweep sample`."""

import asyncio
import json
import shlex
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from audits.conclude import sweep_row
from audits.proposing import freeze as freeze_sample
from audits.proposing import proposed, start_of
from audits.sample_document import differences, document
from crawler.sample import CENSUS_UP_TO, Proposal
from crawler.strata import together
from db.database import Database
from db.errors import StorageError, UsageError
from db.schema import present
from db.words import Part
from reports.cli.choice import NAMES, choice_of, choice_options
from reports.cli.options import database_option, lang_option, typed
from reports.cli.running import COMPLETE, INCOMPLETE, command_on, resume_command
from reports.cli.saying import say_csv
from reports.language import Language
from reports.left_out import left_out_lines
from reports.sample_table import csv_of, read_table, table, words_of, write_table

SUCH = 3  # unknown addresses of a traffic file that are shown


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@lang_option
@database_option
@choice_options
@click.option(
    "-o", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Where the table goes, .csv or .xlsx.  [default: CSV on standard output]",
)  # fmt: skip
def propose(sweep_id: int, **given: Any) -> None:
    """Write the sample that is proposed for an explored sweep as a table to be looked through and edited."""
    asyncio.run(_propose(sweep_id, given))


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@lang_option
@database_option
@click.option("--by", metavar="NAME", required=True, help="Who has looked it through; the report says so.")
def freeze(sweep_id: int, file: Path, **given: Any) -> None:
    """Freeze the sample as the edited table FILE gives it; it is never changed after that."""
    asyncio.run(_freeze(sweep_id, file, given))


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@lang_option
@database_option
@click.option(
    "-o", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="Where the document goes.  [default: standard output]",
)  # fmt: skip
def export(sweep_id: int, **given: Any) -> None:
    """Write frame, seed, parameters and draw of a sweep as one JSON document."""
    asyncio.run(_export(sweep_id, given))


@click.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@lang_option
def verify(file: Path, lang: str) -> int:
    """Draw again from the frame and the seed of an exported document alone, and say whether it is the same."""
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        said = getattr(error, "strerror", None) or str(error)
        raise UsageError(ja=f"{file} を読めません（{said}）。", en=f"{file} cannot be read ({said}).") from error
    language = Language(lang)
    found = differences(told)
    for each in found:
        click.echo(language.say("proposal.differs", what=language.say(f"proposal.differs_in.{each}")))
    if not found:
        frame, random = (language.count("page", len(told[name])) for name in ("frame", "random"))
        click.echo(language.say("proposal.same", frame=frame, random=random, seed=str(told["seed"])))
    return INCOMPLETE if found else COMPLETE


async def _propose(sweep_id: int, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            start = await start_of(connection, await sweep_row(connection, sweep_id))
        wishes = choice_of(start, given) if typed() & set(NAMES) else None
        proposal = await proposed(database, sweep_id, wishes)
    rows = table(proposal, language)
    if given["out"]:
        write_table(given["out"], rows)
    else:
        say_csv(csv_of(rows))
    for line in _said(proposal, language):
        click.echo(line, err=True)
    command = f"{command_on('sample freeze', sweep_id, given)} {shlex.quote(str(given['out'] or 'FILE'))} --by NAME"
    click.echo(language.say("proposal.next", command=command), err=True)


async def _freeze(sweep_id: int, file: Path, given: dict[str, Any]) -> None:
    language, by = Language(given["lang"]), " ".join(given["by"].split())
    if not by:
        raise UsageError(ja="--by に名前を書いてください。", en="--by needs a name.")
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        frozen = await freeze_sample(database, sweep_id, read_table(file), by, words_of)
    for line in left_out_lines(frozen.left_out, language):
        click.echo(line)
    command = resume_command(sweep_id, given)
    counted = language.count("page", len({choice.visit for choice in frozen.choices}))
    click.echo(language.say("proposal.frozen", sweep=str(sweep_id), person=by, pages=counted, command=command))


async def _export(sweep_id: int, given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            told = await document(connection, await sweep_row(connection, sweep_id))
    text = json.dumps(told, ensure_ascii=False, indent=1) + "\n"
    if given["out"] is None:
        click.echo(text.encode("utf-8", "replace"), nl=False)
        return
    try:
        given["out"].write_text(text, encoding="utf-8", newline="\n", errors="replace")
    except OSError as error:
        raise StorageError(
            ja=f"{given['out']} に書き込めません（{error.strerror}）。",
            en=f"Cannot write to {given['out']} ({error.strerror}).",
        ) from error


def _said(proposal: Proposal, language: Language) -> Iterator[str]:
    """What the person who looks a proposal through should know of it."""
    known, limit = (language.count("page", number) for number in (len(proposal.frame), CENSUS_UP_TO))
    yield language.say("proposal.advice", known=known, limit=limit)
    parts = Counter(each.part for each in proposal.choices)
    yield language.say(
        "proposal.chosen", method=language.say(f"method.{proposal.method.value}"), seed=str(proposal.drawing.seed),
        representative=language.count("page", parts[Part.REPRESENTATIVE] + parts[Part.CENSUS]),
        random=language.count("page", parts[Part.RANDOM]),
    )  # fmt: skip
    if put_together := together(
        proposal.frame, proposal.drawing.start, proposal.drawing.stratify, proposal.drawing.share
    ):
        strata = language.say("common.comma").join(map(language.stratum, put_together))
        yield language.say("proposal.merged", strata=strata)
    for line in left_out_lines(proposal.left_out, language):
        yield line + language.say("left_out.in_table")
    for address in proposal.by_hand:
        yield language.say("proposal.by_hand_line", address=address)
    if proposal.unknown:
        such = language.say("common.comma").join(proposal.unknown[:SUCH])
        yield language.say("proposal.unknown", count=len(proposal.unknown), such=such)
