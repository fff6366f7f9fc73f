"""`jisweep retention`: how long things are kept, what is past that, and disposing of it with a record."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from time import monotonic
from typing import Any, TypeVar

import click

from audits.defects.book import site_of
from audits.keeping.disposal import dispose
from audits.keeping.evidence import Amount
from audits.keeping.plan import Planned, plan
from audits.keeping.record import Entry, entries, names_of, totals
from audits.keeping.terms import DEFAULTS, MINIMUM, Term, Terms
from db.database import Database
from db.pictures.belonging import within_reach
from db.pictures.leaving import still_there
from db.schema import present
from db.types import now
from db.words import Kept
from reports.clean import one_line
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.progress import PLAIN
from reports.cli.running import COMPLETE
from reports.cli.saying import say_csv, say_json, say_json_list
from reports.language import TOKYO, Language
from reports.ops.log import aside
from reports.tables import csv_text

Command = TypeVar("Command", bound=Callable[..., Any])
COLUMNS = tuple(Entry.__dataclass_fields__)


def term_options(command: Command) -> Command:
    """How long each kind is kept, and the reason for less than the least."""
    command = click.option(
        "--why", metavar="TEXT", envvar="JISWEEP_RETENTION_WHY", help="Reason for keeping times below the least: the record keeps it."
    )(command)  # fmt: skip
    for kind, variable, about in (
        (Kept.SESSIONS, "JISWEEP_RETENTION_SESSIONS", "Sessions that are over, and invitations"),
        (Kept.RUNS, "JISWEEP_RETENTION_RUNS", "Runs of schedules"),
        (Kept.NOTICES, "JISWEEP_RETENTION_NOTICES", "Notices that were sent"),
        (Kept.TRAIL, "JISWEEP_RETENTION_TRAIL", "The trail of the web application"),
        (Kept.PLACES, "JISWEEP_RETENTION_PLACES", "Where findings were: selectors and boxes"),
        (Kept.TEXTS, "JISWEEP_RETENTION_TEXTS", "HTML of findings, and what the checks saw"),
        (Kept.PICTURES, "JISWEEP_RETENTION_PICTURES", "Pictures of pages and places"),
    ):
        command = click.option(
            f"--{kind.value}", metavar="TERM", envvar=variable, default=str(DEFAULTS[kind]), show_default=True,
            help=f"{about}: fiscal years (3y) or days (90d).",
        )(command)  # fmt: skip
    return command


def chosen_options(command: Command) -> Command:
    """Of what."""
    for option in (
        click.option("--site", "sites", metavar="URL", multiple=True, help="Only what is of this site; may be repeated."),
        click.option("--only", "kinds", type=click.Choice([each.value for each in Kept]), multiple=True,
                     help="Only this kind; may be repeated."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def retention() -> None:
    """Keep evidence and logs for their time, and dispose of them with a record."""


@retention.command("show")
@term_options
@json_option
@lang_option
@database_option
def show_terms(**given: Any) -> int:
    """How long each kind is kept, and what was disposed of so far."""
    asyncio.run(_show(given))
    return COMPLETE


@retention.command("plan")
@chosen_options
@term_options
@json_option
@lang_option
@database_option
def plan_disposal(**given: Any) -> int:
    """What `run` would dispose of, and what it would keep and why; nothing is changed."""
    asyncio.run(_plan(given))
    return COMPLETE


@retention.command("run")
@click.option("--as", "who", required=True, metavar="NAME", help="Your name: the record keeps it.")
@chosen_options
@term_options
@json_option
@lang_option
@database_option
def run_disposal(**given: Any) -> int:
    """Dispose of what `plan` tells, a little at a time, while sweeps run; a run that was stopped is run again."""
    asyncio.run(_run(given))
    return COMPLETE


@retention.command("record")
@click.option("--csv", is_flag=True, help="Print every entry as CSV.")
@click.option(
    "--names", "entry", type=int, metavar="NUMBER", help="Print the names in one entry: the text of its SHA-256."
)
@json_option
@lang_option
@database_option
def show_record(**given: Any) -> int:
    """The record of what was disposed of; it is never deleted."""
    asyncio.run(_record(given))
    return COMPLETE


def terms_of(given: dict[str, Any]) -> Terms:
    """The terms that were given, of the kinds that were chosen. Raises UsageError for one that cannot be read."""
    chosen = [Kept(each) for each in given.get("kinds") or ()] or list(Kept)
    if given.get("sites"):
        chosen = [each for each in chosen if each in (Kept.PICTURES, Kept.TEXTS, Kept.PLACES)]
    return Terms(of={kind: Term.parse(given[kind.value]) for kind in chosen}, why=given["why"])


async def _sites(database: Database, given: dict[str, Any]) -> list[int] | None:
    async with database.reading() as connection:
        return [await site_of(connection, each) for each in given["sites"]] or None


async def _show(given: dict[str, Any]) -> None:
    language, terms, at = Language(given["lang"]), terms_of(given), now()
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            gone = await totals(connection)
            left = await still_there(connection)
    if given["as_json"]:
        say_json(
            {
                "terms": [_term_json(terms, kind) | {"ends": terms.of[kind].ends(at).isoformat()} for kind in terms.of],
                "disposed": [_amount_json(amount) | {"kind": kind.value, "last": last.isoformat()} for kind, (amount, last) in gone.items()],
                "left_in_store": left,
            }
        )  # fmt: skip
        return
    for kind, term in terms.of.items():
        words = {
            "kind": _kind(kind, language), "term": _term(term, language), "ends": language.day(term.ends(at)),
            "minimum": _term(MINIMUM[kind], language) if kind in MINIMUM else "",
            "why": terms.why or language.say("keeping.line.no_reason"),
        }  # fmt: skip
        key = "undercut" if kind in terms.undercut else "term" if kind in MINIMUM else "term_free"
        click.echo(one_line(language.say(f"keeping.line.{key}", **words)))
    for kind, (amount, last) in gone.items():
        told = {"kind": _kind(kind, language), "day": language.day(last), **_amount(amount)}
        click.echo(language.say("keeping.line.disposed", **told))
    _say_left(left, language)
    if not gone:
        click.echo(language.say("keeping.line.nothing_yet"))


async def _plan(given: dict[str, Any]) -> None:
    language, terms = Language(given["lang"]), terms_of(given)
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        sites = await _sites(database, given)
        await within_reach(database)
        async with database.snapshot() as connection:
            found = await plan(connection, terms, now(), sites, database.store)
    if given["as_json"]:
        say_json(_plan_json(found))
        return
    for (kind, year), amount in sorted(found.going.items(), key=_order):
        told = {"kind": _kind(kind, language), "year": str(year), **_amount(amount)}
        click.echo(language.say(f"keeping.line.{_of_pages('going', amount)}", **told))
    if not found.going:
        click.echo(language.say("keeping.line.nothing"))
    for (kind, year, hold), number in sorted(found.held.items(), key=_order):
        told = {
            "kind": _kind(kind, language),
            "year": str(year),
            "n": number,
            "why": language.say(f"keeping.hold.{hold.value}"),
        }
        click.echo(language.say("keeping.line.held", **told))
    if found.going:
        click.echo(language.say("keeping.line.planned"))


async def _run(given: dict[str, Any]) -> None:
    language, terms = Language(given["lang"]), terms_of(given)
    terms.check()

    told_at = monotonic()

    def tell(kind: Kept, amount: Amount) -> None:
        nonlocal told_at
        if not given["as_json"] and monotonic() - told_at > PLAIN:
            told_at = monotonic()
            aside(f"{_kind(kind, language)}: {amount.items:,} ({_size(amount.bytes)})")

    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        sites = await _sites(database, given)
        done = await dispose(database, terms, given["who"], now(), sites=sites, tell=tell)
    if given["as_json"]:
        say_json({"disposed": [{"kind": kind.value} | _amount_json(amount) for kind, amount in done.items()]})
        return
    went = {kind: amount for kind, amount in done.items() if amount != Amount()}
    for kind, amount in went.items():
        told = {"kind": _kind(kind, language), **_amount(amount)}
        click.echo(language.say(f"keeping.line.{_of_pages('done', amount)}", **told))
    click.echo(language.say("keeping.line.record" if went else "keeping.line.nothing"))


async def _record(given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.snapshot() as connection:
            if given["entry"] is not None:
                click.echo(await names_of(connection, given["entry"]), nl=False)
            elif given["as_json"]:
                await say_json_list({"at": now().isoformat()}, "record", _entries_json(entries(connection)), {})
            elif given["csv"]:
                begins = True
                async for some in _batches(entries(connection)):
                    rows = [_cells(each, language) for each in some]
                    say_csv(csv_text(rows, "keeping", COLUMNS, language, header=begins), begins=begins)
                    begins = False
            else:
                await _say_entries(entries(connection), language)
                _say_left(await still_there(connection), language)


def _say_left(left: int, language: Language) -> None:
    """What was disposed of and lies in the store still: whoever was to delete it was stopped."""
    if left:
        click.echo(language.say("keeping.line.left", n=left))


async def _say_entries(found: AsyncIterator[Entry], language: Language) -> None:
    """The steps of a run that are of one kind, site and year, together."""
    lines: dict[tuple[Any, ...], Amount] = {}
    async for each in found:
        key = each.begun_at, each.kind, each.year, each.site, each.term, each.who, each.why
        amount = Amount(results=each.results, items=each.items, bytes=each.bytes)
        lines[key] = lines.get(key, Amount()) + amount
    for (at, kind, year, site, term, who, why), amount in lines.items():
        told = {
            "moment": language.moment(at), "kind": _kind(kind, language), "year": str(year), "term": _term(Term.parse(term), language),
            "site": site or language.say("keeping.line.no_site"), "who": who, "why": why or "", **_amount(amount),
        }  # fmt: skip
        click.echo(one_line(language.say(f"keeping.line.{'entry_why' if why else 'entry'}", **told)))
    if not lines:
        click.echo(language.say("keeping.line.nothing_yet"))


async def _entries_json(found: AsyncIterator[Entry]) -> AsyncIterator[dict[str, Any]]:
    async for each in found:
        yield asdict(each) | {
            "kind": each.kind.value,
            "begun_at": each.begun_at.isoformat(),
            "at": each.at.isoformat(),
        }


async def _batches(found: AsyncIterator[Entry], size: int = 1000) -> AsyncIterator[list[Entry]]:
    """Some at a time; the first even when there are none."""
    some: list[Entry] = []
    begins = True
    async for each in found:
        some.append(each)
        if len(some) == size:
            yield some
            some, begins = [], False
    if some or begins:
        yield some


def _cells(each: Entry, language: Language) -> dict[str, Any]:
    clock = "%Y-%m-%d %H:%M:%S"
    return asdict(each) | {
        "kind": _kind(each.kind, language), "begun_at": each.begun_at.astimezone(TOKYO).strftime(clock),
        "at": each.at.astimezone(TOKYO).strftime(clock),
    }  # fmt: skip


def _plan_json(found: Planned) -> dict[str, Any]:
    terms = found.terms
    return {
        "at": found.at.isoformat(),
        "terms": [
            _term_json(terms, kind) | {"ends": terms.of[kind].ends(found.at).isoformat()} for kind in terms.of
        ],
        "going": [
            {"kind": kind.value, "year": year} | _amount_json(amount)
            for (kind, year), amount in sorted(found.going.items(), key=_order)
        ],
        "held": [
            {"kind": kind.value, "year": year, "why": hold.value, "number": number}
            for (kind, year, hold), number in sorted(found.held.items(), key=_order)
        ],
    }


def _term_json(terms: Terms, kind: Kept) -> dict[str, Any]:
    least = MINIMUM.get(kind)
    return {
        "kind": kind.value, "term": str(terms.of[kind]), "minimum": str(least) if least else None,
        "undercuts": kind in terms.undercut, "why": terms.reason(kind),
    }  # fmt: skip


def _amount_json(amount: Amount) -> dict[str, Any]:
    return asdict(amount)


def _order(item: tuple[tuple[Any, ...], Any]) -> tuple[Any, ...]:
    kind, *rest = item[0]
    return (list(Kept).index(kind), *rest)


def _of_pages(key: str, amount: Amount) -> str:
    return f"{key}_pages" if amount.results else key


def _amount(amount: Amount) -> dict[str, Any]:
    return {"items": amount.items, "results": amount.results, "bytes": _size(amount.bytes)}


def _size(size: int) -> str:
    return f"{size / 1024**2:,.1f} MiB"


def _kind(kind: Kept, language: Language) -> str:
    return language.say(f"keeping.kind.{kind.value}")


def _term(term: Term, language: Language) -> str:
    return language.count("fiscal_year" if term.unit == "y" else "day_kept", term.number)
