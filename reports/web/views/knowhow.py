"""Know-how: rules with their texts, examples and how often they fail, criteria, and the A4 sheet of a site."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from audits.checklist import commonest
from audits.criteria import Criterion, criteria
from audits.criteria.anchors import address
from audits.criteria.judging import judging
from audits.examples.book import entries
from audits.failing import Failing, failing, open_by_rule, spoken_of
from audits.mic import PREFIX
from audits.rules import all_rules, rule_text
from db.errors import UsageError
from db.tables import Site
from db.words import Edition
from reports.access.rights import May
from reports.knowhow import knowhow_style, sheet, told_as
from reports.looking_up import all_criteria, rules_about
from reports.site_view import site_name
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing

router = APIRouter()


@router.get("/know-how")
async def knowhow(asked: Reader, q: str = "") -> Response:
    """All rules, or those with some words in their texts; all criteria; and the sites that a sheet can be made of."""
    say = asked.language.say
    async with asked.reading() as connection:
        spoken, sites = await spoken_of(connection), await _sites(asked, connection)
        rules = rules_about(q) if q.strip() else all_rules()
        waiting = await open_by_rule(connection, _mine(asked), rules)
        tables = {
            "rules": rules_table(asked, rules, spoken, waiting, sites=len(sites), caption=say("web.knowhow.rules_caption")),
            "criteria": criteria_table(asked, tuple(all_criteria().values()), spoken),
        }  # fmt: skip
        for table in tables.values():
            if file := table.file():
                return file
        parts = {name: await table.part(connection) for name, table in tables.items()}
    return asked.page(
        "knowhow.html", say("web.knowhow.title"), parts=parts, q=q, sites=sites, every=len(all_rules())
    )


@router.get("/know-how/style.css")
async def style(_: Reader) -> Response:
    """What the sheet adds to the style of all pages."""
    return Response(knowhow_style(), media_type="text/css")


@router.get("/know-how/rules/{rule}")
async def rule(asked: Reader, rule: str) -> Response:
    """What a rule is about, how it is repaired, how often it fails now, and repairs that people have confirmed."""
    if rule not in all_rules():
        raise Refused(404)
    language, text = asked.language, rule_text(rule, asked.language.lang)
    async with asked.reading() as connection:
        spoken = (await spoken_of(connection)).get(rule)
        found, silent = await failing(connection, rule, _mine(asked))
        table = _failing_table(asked, found, rule)
        if file := table.file():
            return file
        part = await table.part(connection)
        shown = [each for each in await entries(connection, rule=rule) if each.confirmed_by and each.anonymous_by]
    return asked.page(
        "rule.html", text.title, crumbs=(_home(asked),), rule=rule, text=text, spoken=spoken,
        criteria=[all_criteria()[number] for number in spoken or ()], failing=part, silent=silent, sites=len(found),
        pages=sum(each.pages for each in found), audited=sum(each.audited for each in found),
        waiting=sum(each.open for each in found),
        examples=[told_as(number, each, language, hidden=True) for number, each in enumerate(shown, start=1)],
    )  # fmt: skip


@router.get("/know-how/criteria/{number}")
async def criterion(asked: Reader, number: str) -> Response:
    """What people have to judge of a criterion, and which rules find faults against it."""
    found = all_criteria().get(number)
    if found is None:
        raise Refused(404)
    language = asked.language
    async with asked.reading() as connection:
        spoken, sites = await spoken_of(connection), await _sites(asked, connection)
        rules = [each for each in all_rules() if number in spoken.get(each, ())]
        waiting = await open_by_rule(connection, _mine(asked), rules)
        caption = language.say("web.knowhow.rules_of", number=number)
        table = rules_table(asked, rules, spoken, waiting, sites=len(sites), caption=caption)
        if file := table.file():
            return file
        part = await table.part(connection)
    editions = [
        (each, criteria(each)[number], address(each, number)) for each in Edition if number in criteria(each)
    ]
    return asked.page(
        "criterion.html", f"{number} {found.name(language.lang)}", crumbs=(_home(asked),), criterion=found,
        about=judging(number), editions=editions, rules=part, known=_is_known(spoken),
    )  # fmt: skip


@router.get("/know-how/checklist")
async def checklist(asked: Reader, site: int | None = None) -> Response:
    """The A4 sheet of the commonest faults of a site, for those who write its pages."""
    say, values, error, name = asked.language.say, {}, "", ""
    async with asked.reading() as connection:
        sites = await _sites(asked, connection)
        if site is not None:
            name = dict(sites).get(site, "")
            if not name:
                raise Refused(404)
            try:
                values = sheet(await commonest(connection, [site]), asked.language)
            except UsageError as refused:
                error = refused.line(asked.language.lang)
    title = say("checklist.title")
    return asked.page(
        "checklist.html", f"{title}{say('common.colon')}{site_name(name)}" if name else title, crumbs=(_home(asked),),
        sites=sites, site=site, error=error, sheet=bool(values), **values,
    )  # fmt: skip


def rules_table(
    asked: Asked, rules: Sequence[str], spoken: dict[str, tuple[str, ...]], waiting: dict[str, tuple[int, int]], *,
    sites: int, caption: str,
) -> Listing:  # fmt: skip
    """Rules with what they speak about, and the open defects on the sites that the reader may see."""
    language, say = asked.language, asked.language.say

    def criteria_of(each: str) -> Cell:
        numbers = spoken.get(each)
        if numbers is None:
            return Cell(text=say("web.knowhow.unknown"))
        return Cell(text=say("common.comma").join(numbers) or say("web.knowhow.advice"))

    def defects(each: str) -> Cell:
        number, on = waiting.get(each, (0, 0))
        aside = say("web.knowhow.on_sites", on=on, sites=sites)
        href = f"/defects?rule={each}" if number else None
        return Cell(text=language.number(number), value=number, aside=aside, href=href)

    columns = [
        Column(
            key="title", heading=say("web.knowhow.rule"), is_head=True, by=lambda each: rule_text(each, language.lang).title,
            cell=lambda each: Cell(text=rule_text(each, language.lang).title, aside=each, href=f"/know-how/rules/{each}"),
        ),
        Column(key="criteria", heading=say("web.knowhow.criteria"), cell=criteria_of),
        Column(
            key="open", heading=say("web.knowhow.open"), is_number=True, cell=defects,
            by=lambda each: waiting.get(each, (0, 0))[0],
        ),
    ]  # fmt: skip
    return Listing(asked=asked, id="rules", caption=caption, columns=columns, sort="-open", rows=rules)


def criteria_table(asked: Asked, found: Sequence[Criterion], spoken: dict[str, tuple[str, ...]]) -> Listing:
    """Criteria with the number of rules that look."""
    language, say = asked.language, asked.language.say
    order = {number: place for place, number in enumerate(all_criteria())}
    jis, later = criteria(Edition.JIS2016), criteria(Edition.WCAG22)

    def editions(each: Criterion) -> Cell:
        told = [name for name, known in (("JIS 2016", jis), ("WCAG 2.2", later)) if each.number in known]
        return Cell(text=say("common.comma").join(told))

    def looking(each: Criterion) -> Cell:
        number = sum(each.number in numbers for numbers in spoken.values())
        if not _is_known(spoken):
            return Cell(text="", value="")
        return Cell(text=language.number(number), value=number, href=f"/know-how/criteria/{each.number}#rules")

    columns = [
        Column(
            key="number", heading=say("web.knowhow.criterion"), is_head=True, by=lambda each: order[each.number],
            cell=lambda each: Cell(text=f"{each.number} {each.name(language.lang)}", href=f"/know-how/criteria/{each.number}"),
        ),
        Column(key="level", heading=say("web.knowhow.level"), cell=lambda each: Cell(text=each.level.value)),
        Column(key="editions", heading=say("web.knowhow.editions"), cell=editions),
        Column(key="rules", heading=say("web.knowhow.looking"), is_number=True, cell=looking),
    ]  # fmt: skip
    caption = say("web.knowhow.criteria_caption")
    return Listing(asked=asked, id="criteria", caption=caption, columns=columns, sort="number", rows=found)


def _failing_table(asked: Asked, found: Sequence[Failing], rule: str) -> Listing:
    language, say = asked.language, asked.language.say
    columns = [
        Column(
            key="site", heading=say("web.knowhow.site"), is_head=True,
            cell=lambda each: Cell(text=each.address, href=f"/sites/{each.site}"),
        ),
        Column(
            key="pages", heading=say("web.knowhow.pages"), is_number=True, by=lambda each: each.pages,
            cell=lambda each: Cell(
                text=language.number(each.pages), value=each.pages,
                href=f"/sweeps/{each.sweep}/addresses?show=audited&rule={rule}" if each.pages else None,
            ),
        ),
        Column(
            key="audited", heading=say("web.knowhow.audited"), is_number=True, by=lambda each: each.audited,
            cell=lambda each: Cell(text=language.number(each.audited), value=each.audited, href=f"/sweeps/{each.sweep}/addresses?show=audited"),
        ),
        Column(
            key="share", heading=say("web.knowhow.share"), is_number=True, by=lambda each: each.pages / each.audited,
            cell=lambda each: Cell(text=language.share(each.pages / each.audited), value=round(each.pages / each.audited, 4)),
        ),
        Column(
            key="open", heading=say("web.knowhow.open"), is_number=True, by=lambda each: each.open,
            cell=lambda each: Cell(
                text=language.number(each.open), value=each.open,
                href=f"/defects?site={each.site}&rule={rule}" if each.open else None,
            ),
        ),
    ]  # fmt: skip
    caption = say("web.knowhow.failing_caption")
    return Listing(asked=asked, id="failing", caption=caption, columns=columns, sort="-share", rows=found)


def _is_known(spoken: dict[str, tuple[str, ...]]) -> bool:
    """Whether a sweep has told which criteria the engine's rules speak about; the ministry's conditions are always known."""
    return any(not rule.startswith(PREFIX) for rule in spoken)


def _mine(asked: Asked) -> sa.ColumnElement[bool]:
    return asked.who.reach(May.READ).within(Site.id)


async def _sites(asked: Asked, connection: AsyncConnection) -> Sequence[Any]:
    return (
        await connection.execute(sa.select(Site.id, Site.address).where(_mine(asked)).order_by(Site.address))
    ).all()


def _home(asked: Asked) -> Crumb:
    return Crumb(name=asked.language.say("web.knowhow.title"), href="/know-how")
