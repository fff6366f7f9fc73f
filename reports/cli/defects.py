"""`jisweep defects`: which faults a site has, which to repair first, and what became of them."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import asdict
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import book, regrouping
from audits.defects.book import Listed, Order, Plan
from audits.defects.element import elements
from audits.defects.ground import Ground, ground_of
from audits.defects.reconcile import reconcile
from audits.page import cut
from audits.trends.kept import keep_points
from db.tables import Sweep
from db.words import DefectState, Impact
from reports.clean import one_line
from reports.cli.defect_line import defect_line
from reports.cli.desk import check_name, with_defects
from reports.cli.exceptions import end_exception, except_, exceptions, review
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.planning import planned, take_in_plan, traffic_option, usage_of
from reports.cli.regrouping import merge, split
from reports.cli.running import COMPLETE
from reports.cli.saying import say_csv, say_json
from reports.effect_view import ground_lines, impact_words, use_words
from reports.folder import check_new
from reports.language import Language
from reports.page_view import text_of
from reports.plan_book import SHOWN, Planned, write_plan_book
from reports.summary import rounded
from reports.tables import DEFECTS, csv_text


@click.group()
def defects() -> None:
    """Faults wherever they show on a site: list, show, plan, except, say that they are repaired. Sweeps confirm."""


for _command in (except_, exceptions, end_exception, review, merge, split):
    defects.add_command(_command)


@defects.command("list")
@click.argument("url")
@click.option("--state", "states", multiple=True, type=click.Choice([each.value for each in DefectState]),
              help="Only defects of this state; repeatable.")  # fmt: skip
@click.option("--csv", is_flag=True, help="Print the whole list as CSV.")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="Defects to print.")
@click.option(
    "--order",
    type=click.Choice([each.value for each in Order]),
    default=Order.CLEAN.value,
    show_default=True,
    help="What comes first: what cleans the most pages, or the most effect for each repair.",
)
@traffic_option
@json_option
@lang_option
@database_option
def list_defects(url: str, **given: Any) -> int:
    """The defects of the site that starts at URL in the order of repair, with the reasons for it."""
    asyncio.run(_list(url, given))
    return COMPLETE


@defects.command()
@click.argument("defect", metavar="ID", type=int)
@json_option
@lang_option
@database_option
def show(defect: int, **given: Any) -> int:
    """One defect: where it shows, and its life."""
    asyncio.run(_show(defect, given))
    return COMPLETE


@defects.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--owner", required=True, help="Who repairs it.")
@click.option("--due", type=click.DateTime(["%Y-%m-%d"]), help="Until when.")
@click.option("--way", help="How it is to be repaired.")
@click.option("--by", "who", required=True, help="Your name: it is kept with the plan.")
@lang_option
@database_option
def plan(numbers: tuple[int, ...], **given: Any) -> int:
    """Plan the repair of defects."""
    due: datetime | None = given["due"]
    owner, way, who = given["owner"], given["way"], given["who"]

    async def each(connection: AsyncConnection, defect: Listed) -> None:
        await book.plan(connection, defect, who, Plan(owner=owner, due_on=due.date() if due else None, way=way))

    asyncio.run(_each(numbers, given, each))
    return COMPLETE


@defects.command()
@click.argument("numbers", metavar="ID...", type=int, nargs=-1, required=True)
@click.option("--note", help="What was done.")
@click.option("--by", "who", required=True, help="Your name: it is kept with the claim.")
@lang_option
@database_option
def repaired(numbers: tuple[int, ...], **given: Any) -> int:
    """Say that defects are repaired: the next sweep that sees their pages confirms it, or not."""

    async def each(connection: AsyncConnection, defect: Listed) -> None:
        await book.say_repaired(connection, defect, given["who"], given["note"])

    asyncio.run(_each(numbers, given, each))
    return COMPLETE


@defects.command()
@click.argument("url")
@click.option("-o", "out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", required=True,
              help="Where the workbook (.xlsx) goes.")  # fmt: skip
@traffic_option
@lang_option
@database_option
def export(url: str, **given: Any) -> int:
    """Write the improvement plan of the site that starts at URL as a workbook, in the order of repair."""
    asyncio.run(_export(url, given))
    return COMPLETE


@defects.command("import")
@click.argument("url")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--by", "who", required=True, help="Your name: it is kept with the plan.")
@lang_option
@database_option
def import_(url: str, file: Path, **given: Any) -> int:
    """Take in a plan that people have filled: all of it, or nothing when a cell is wrong."""
    asyncio.run(_import(url, file, given))
    return COMPLETE


@defects.command("reconcile")
@click.argument("sweep", metavar="SWEEP", type=int)
@lang_option
@database_option
def reconcile_sweep(sweep: int, **given: Any) -> int:
    """Take a sweep into the defects of its site again; sweeps do that by themselves when they finish."""

    async def take_in(connection: AsyncConnection) -> Any:
        said = await reconcile(connection, sweep)
        await keep_points(connection, Sweep.id == sweep)
        return said

    said = asyncio.run(with_defects(given, take_in, write=True))
    click.echo(Language(given["lang"]).say("defects.line.reconciled", **asdict(said)))
    return COMPLETE


async def _list(url: str, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    states = {DefectState(each) for each in given["states"]}

    async def read(
        connection: AsyncConnection,
    ) -> tuple[int, list[book.Ranked], list[Listed], dict[int, str], Ground]:
        site = await book.site_of(connection, url)
        usage = usage_of(given["traffic"], await book.address_of(connection, site))
        ranked = await book.ranked(connection, site, order=Order(given["order"]), usage=usage)
        listed = await book.listed(connection, site)
        return *ranked, listed, await elements(connection, listed), await ground_of(connection, site)

    pages, ranked, listed, html, ground = await with_defects(given, read)
    clean = {each.defect.id: each for each in ranked}
    order = [each.defect for each in ranked]
    order += [each for each in listed if each.id not in clean]
    chosen = [each for each in order if not states or each.state in states]
    if given["csv"]:
        say_csv(csv_text([_row(each, clean, html, language) for each in chosen], "defects", DEFECTS, language))
        return
    if given["as_json"]:
        say_json(
            {
                "problem_pages": pages,
                "problem_pages_unseen": ground.unseen,
                "pages_looked_at": ground.looked_at,
                "pages_known": ground.known,
                "defects": [_object(each, clean, html) for each in chosen],
            }
        )
        return
    if not chosen:
        click.echo(language.say("defects.line.none"))
        return
    for each in chosen[: given["top"]]:
        click.echo(defect_line(each, language))
        _say_element(html.get(each.id))
        if each.id in clean:
            click.echo(_why(clean[each.id], language))
    if len(chosen) > given["top"]:
        click.echo(language.say("defects.line.more", more=len(chosen) - given["top"]))
    if pages and not states:
        for line in _reach(pages, ranked, given["top"], language):
            click.echo(line)
        for line in ground_lines(ground, language):
            click.echo(line)


def _reach(pages: int, ranked: list[book.Ranked], top: int, language: Language) -> Iterator[str]:
    """What repairing the first defects reaches, and what exceptions leave as it is."""
    if ranked:
        first = ranked[:top]
        reached, keep = first[-1].clean, first[-1].excepted
        yield language.say(
            "defects.line.reach_but" if keep else "defects.line.reach", number=len(first),
            clean=language.count("page", reached), keep=language.count("page", keep),
            pages=language.count("page", pages), share=language.share(reached / pages),
        )  # fmt: skip
    excepted = pages - (ranked[-1].clean if ranked else 0)
    if excepted:
        yield language.say("defects.line.only_excepted", excepted=language.count("page", excepted))


async def _export(url: str, given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    check_new(given["out"])

    async def read(connection: AsyncConnection) -> Planned:
        site = await book.site_of(connection, url)
        address = await book.address_of(connection, site)
        usage = usage_of(given["traffic"], address)
        return await planned(connection, {site: address}, about=address, title=address, usage=usage)

    number = write_plan_book(given["out"], await with_defects(given, read), language)
    click.echo(language.say("plan_book.line.exported", file=given["out"], number=language.number(number)))


async def _import(url: str, file: Path, given: dict[str, Any]) -> None:
    async def about(connection: AsyncConnection) -> tuple[str, list[int]]:
        site = await book.site_of(connection, url)
        return await book.address_of(connection, site), [site]

    await take_in_plan(file, given, about)


async def _show(number: int, given: dict[str, Any]) -> None:
    language = Language(given["lang"])

    async def read(
        connection: AsyncConnection,
    ) -> tuple[Listed, list[book.Event], list[book.Shown], list[int], list[regrouping.Told], dict[int, str]]:
        found = await book.one(connection, number)
        return (
            found, await book.events(connection, found.id), await book.pages(connection, found.id),
            await regrouping.names(connection, found.id), await regrouping.told(connection, found.id),
            await elements(connection, [found]),
        )  # fmt: skip

    defect, events, pages, names, regrouped, html = await with_defects(given, read)
    if given["as_json"]:
        life = [
            {**asdict(each), "at": each.at.isoformat(), "old": each.old and each.old.value, "new": each.new.value}
            for each in events
        ]
        words = [{**asdict(each), "act": each.act.value, "at": each.at.isoformat()} for each in regrouped]
        say_json(
            {
                **_object(defect, {}, html), "events": life, "on": [asdict(each) for each in pages], "names": names,
                "regrouped": words,
            }
        )  # fmt: skip
        return
    text = text_of(defect.rule, language.lang)
    click.echo(defect_line(defect, language))
    _say_element(html.get(defect.id))
    if text.how:
        click.echo(f"→ {text.how}")
    for event in events:
        click.echo(
            one_line(
                language.say(
                    "defects.line.event", at=language.moment(event.at), state=language.word("defect_state", event.new.value),
                    who=event.who, why=language.word("defects.why", event.why) if event.why else "–",
                )
            )
        )  # fmt: skip
    for each in regrouped:
        key = f"defects.line.{each.act.value}"
        told = language.say(key, defect=str(each.defect), other=str(each.other), who=each.who, why=each.why)
        click.echo(one_line(f"{language.moment(each.at)}　{told}"))
    if names:
        click.echo(language.say("defects.line.names", numbers=", ".join(map(str, names))))
    for page in pages:
        key = "page_excepted" if page.exception else "page" if page.places else "clean"
        said = {
            "address": page.address,
            "places": language.count("place", page.places),
            "number": str(page.exception),
        }
        click.echo(one_line(language.say(f"defects.line.{key}", **said)))


async def _each(
    numbers: tuple[int, ...], given: dict[str, Any], step: Callable[[AsyncConnection, Listed], Awaitable[None]]
) -> None:
    """Take one step with each defect; all or none of them."""
    check_name(given["who"])
    language = Language(given["lang"])

    async def work(connection: AsyncConnection) -> list[Listed]:
        await book.held(connection, numbers)
        for number in numbers:
            await step(connection, await book.one(connection, number))
        return [await book.one(connection, number) for number in numbers]

    for each in await with_defects(given, work, write=True):
        click.echo(defect_line(each, language))


def _why(step: book.Ranked, language: Language) -> str:
    """The factors that give a defect its place by effect."""
    effect = step.effect
    return language.say(
        "defects.line.why", effect=f"{effect.total:,.1f}", pages=language.count("page", effect.pages),
        impact=impact_words(effect.impact, language), use=use_words(effect.use, language),
        repairs=effect.repairs, place=step.by_effect,
    )  # fmt: skip


def _say_element(html: str | None) -> None:
    """The element of a defect: what tells it from another of its rule."""
    if html:
        click.echo(f"    {one_line(cut(html, SHOWN))}")


def _object(each: Listed, clean: dict[int, book.Ranked], html: Mapping[int, str]) -> dict[str, Any]:
    effect = clean[each.id].effect if each.id in clean else None
    return {
        **asdict(each),
        "state": each.state.value,
        "region": each.region and each.region.value,
        "due_on": each.due_on.isoformat() if isinstance(each.due_on, date) else None,
        "element": html.get(each.id),
        "clean_pages": rank.clean if (rank := clean.get(each.id)) else None,
        "clean_but_excepted": rank.excepted if rank else None,
        "impact": effect and effect.impact and effect.impact.value,
        "use": effect and rounded(effect.use),
        "repairs": effect and effect.repairs,
        "effect": effect and rounded(effect.total),
        "by_effect": rank.by_effect if rank else None,
    }


def _row(
    each: Listed, clean: dict[int, book.Ranked], html: Mapping[int, str], language: Language
) -> dict[str, Any]:
    return {
        **_object(each, clean, html),
        "title": text_of(each.rule, language.lang).title,
        "state": language.word("defect_state", each.state.value),
        "region": language.say(f"defects.region.{each.region.value if each.region else 'unknown'}"),
        "impact": language.say(f"impact.{impact.value}") if (impact := _impact(each, clean)) else None,
    }


def _impact(each: Listed, clean: dict[int, book.Ranked]) -> Impact | None:
    return clean[each.id].effect.impact if each.id in clean else None
