"""`jisweep notation`: what each notation still lacks, and the notation that a named person sets or takes back."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from audits.declaring import WORDS, read_details
from audits.jis_test import NotationRefused, declare
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.words import Notation
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE, command_on
from reports.cli.saying import say_json
from reports.language import LANGUAGES, Language
from reports.publish.documents import current
from reports.publish.facts import Facts, facts_of, lack_line
from reports.site_view import site_name

NONE = "none"
CHOICES = (*WORDS, NONE, *(each.value for each in Notation))


@click.command()
@click.argument("sweep_id", metavar="ID", type=int)
@json_option
@lang_option
@database_option
@click.option("--set", "chosen", type=click.Choice(CHOICES), metavar="NOTATION",
              help="Set 準拠, 一部準拠 or 配慮 (or conforming, partially, considerate), or take it back with none.")  # fmt: skip
@click.option("--by", metavar="NAME", help="Who sets it; needed with --set.")
@click.option("--details", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="What only people know (TOML): see jisweep publish --details-template.")  # fmt: skip
def notation(sweep_id: int, **given: Any) -> int:
    """Say what each notation (準拠, 一部準拠, 配慮) still lacks for a test, or set one in a person's name."""
    return asyncio.run(_notation(sweep_id, given))


async def _notation(sweep_id: int, given: dict[str, Any]) -> int:
    language, by = Language(given["lang"]), " ".join((given["by"] or "").split())
    _check(given["chosen"], by)
    details = read_details(given["details"]) if given["details"] else None
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        facts = await facts_of(database, sweep_id, details)
        if given["chosen"]:
            await _set(database, facts, given["chosen"], by)
            facts = await facts_of(database, sweep_id, details)
    if given["as_json"]:
        say_json(_as_json(facts, language))
        return COMPLETE
    for line in _kept(facts, given, by, language) if given["chosen"] else _lines(facts, given, language):
        click.echo(line)
    return COMPLETE


def _check(chosen: str | None, by: str) -> None:
    """A notation is a named person's."""
    if bool(chosen) != bool(by):
        ja, en = (Language(lang).say(f"notation.{'by' if chosen else 'set'}_needed") for lang in LANGUAGES)
        raise UsageError(ja=ja, en=en)


async def _set(database: Database, facts: Facts, chosen: str, by: str) -> None:
    wanted = None if chosen == NONE else WORDS.get(chosen) or Notation(chosen)
    try:
        await declare(database, facts.head.id, wanted, by, facts.details)
    except NotationRefused as refused:
        ja, en = ("\n".join(_refusal(refused, facts, Language(lang))) for lang in LANGUAGES)
        raise UsageError(ja=ja, en=en) from refused


def _refusal(refused: NotationRefused, facts: Facts, language: Language) -> Iterator[str]:
    word = language.say(f"notation.{refused.notation.value}")
    yield language.say("notation.refused", notation=word, count=len(refused.missing))
    for lack in refused.missing:
        yield f"  - {lack_line(lack, facts, language)}"


def _kept(facts: Facts, given: dict[str, Any], by: str, language: Language) -> Iterator[str]:
    standing = facts.standing
    if standing is None or standing.notation is None:
        yield language.say("notation.kept_none", person=by)
        return
    command = f"{command_on('publish', facts.head.id, given)} --out DIR"
    word = language.say(f"notation.{standing.notation.value}")
    yield language.say("notation.kept", notation=word, person=by, command=command)


def _lines(facts: Facts, given: dict[str, Any], language: Language) -> Iterator[str]:
    yield language.say("notation.head", id=str(facts.head.id), site=site_name(facts.head.site))
    for line in current(facts, language):
        yield f"  {line}"
    for each in Notation:
        word, missing = language.say(f"notation.{each.value}"), facts.missing(each)
        yield ""
        if missing:
            yield language.say("notation.missing", notation=word, count=len(missing))
            yield from (f"  - {lack_line(lack, facts, language)}" for lack in missing)
        else:
            yield language.say("notation.ready", notation=word)
            short = next(key for key, value in WORDS.items() if value is each)
            command = f"{command_on('notation', facts.head.id, given)} --set {short} --by NAME --details FILE.toml"
            yield "  " + language.say("notation.ready_do", command=command)


def _as_json(facts: Facts, language: Language) -> dict[str, Any]:
    standing = facts.standing
    return {
        "sweep": facts.head.id,
        "site": facts.head.site,
        "level": facts.aim.value,
        "notations": {
            each.value: {
                "word": next(word for word, value in WORDS.items() if value is each),
                "missing": [
                    {"lack": lack.value, "text": lack_line(lack, facts, language)} for lack in facts.missing(each)
                ],
            }
            for each in Notation
        },
        "set": None if standing is None else {
            "notation": standing.notation.value if standing.notation else None,
            "by": standing.person,
            "at": standing.at.isoformat(),
            "stands": standing.notation is not None and not standing.missing,
        },
    }  # fmt: skip
