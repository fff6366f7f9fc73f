"""How the reader's organisations and sites stand: the start page, and the page of one organisation."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter
from markupsafe import Markup
from starlette.responses import Response

from audits.defects.cover import today
from audits.organisations import shown
from audits.trends.moves import MOVES
from audits.trends.periods import Period
from audits.trends.portrait import Portrait, Unit
from audits.trends.trend import Target, forecast_of
from db.tables import CycleSite, Defect
from reports.access.rights import May
from reports.chart import line_swatch
from reports.language import Language
from reports.overview_view import (
    Aim,
    SiteRow,
    UnitRow,
    aims,
    extent_of,
    left_out_words,
    ministry,
    older_words,
    sentences,
    shift_words,
    summed,
    told,
    waiting_defects,
)
from reports.trend_report import rate_chart
from reports.trend_view import rolled_row
from reports.trend_words import forecast_sentence, why_broken
from reports.web.asking import Asked, Crumb, Reader
from reports.web.overview_tables import Told, overview_tables
from reports.web.units import (
    CUTS,
    Asking,
    Cut,
    cut_by,
    cuts,
    everything,
    organisation_of,
    others,
    others_name,
    painted,
    way_to,
)

router = APIRouter()


@router.get("/")
async def overview(asked: Reader) -> Response:
    """All that the reader may see."""
    return await _answer(asked, await everything(asked), asked.language.say("web.overview.title"), ())


@router.get("/organisations/{organisation}")
async def one(asked: Reader, organisation: int) -> Response:
    """One organisation with all below it."""
    asking = await organisation_of(asked, organisation)
    *above, here = way_to(asked, asking)
    return await _answer(
        asked, asking, here.name, (Crumb(name=asked.language.say("web.overview.title"), href="/"), *above)
    )


async def _answer(asked: Asked, asking: Asking, title: str, crumbs: tuple[Crumb, ...]) -> Response:
    reach, day = asked.who.reach(May.READ), today()
    by = cut_by(asked.request.query_params.get("by"))
    async with asked.reading() as connection:
        waiting = await waiting_defects(connection, day, asking.condition(Defect.site_id, reach))
        targets = await aims(connection, day, asking.condition(CycleSite.site_id, reach))
        cut = await cuts(asked, connection, asking, by)
        portrait = await painted(asked, connection, asking, cut)
    units = _units(asked.language, asking, portrait, waiting)
    points = _points(portrait, cut, by, asking)
    listings = overview_tables(asked, units, _sites(asking, portrait, waiting), points)
    for listing in listings.values():
        if file := listing.file():
            return file
    async with asked.reading() as connection:
        parts: dict[str, Any] = {name: await listing.part(connection) for name, listing in listings.items()}
    whole = portrait.unit(asking.sites)
    return asked.page(
        "overview.html", title, crumbs=crumbs, **parts, **_chart(asked.language, portrait, points, targets), unit=whole,
        lead=_lead(asked, asking, whole), head=units[0] if units else None, aims=targets, ministry=ministry(whole),
        cuts=CUTS, by=by, line_swatch=line_swatch, is_one=asking.organisation is not None, sites_of=len(asking.sites),
        extent_of=lambda row: extent_of(row, asked.language), told=lambda row: told(row, asked.language),
        row=rolled_row(whole.rolled, whole.sites, None), waiting=summed(waiting, asking.sites), here_id=asking.organisation, rates_href=asking.rates_href(),
        left_out=" ".join(filter(None, (left_out_words(whole.rolled, asked.language), older_words(whole.rolled, portrait.faces, asked.language)))),
        shift_words=lambda each: shift_words(each, asked.language),
    )  # fmt: skip


def _lead(asked: Asked, asking: Asking, whole: Unit) -> list[str]:
    """The three sentences, their figures leading to what is behind them."""
    of = {} if asking.organisation is None else {"organisation": str(asking.organisation)}
    behind = {
        "web.overview.rate": dict.fromkeys(("sites", "rate"), asking.rates_href()),
        "web.overview.change": {"sites": "?sites.sort=change#sites"},
        "web.overview.moved": {name: f"/defects?{urlencode({**of, 'latest': name})}" for name in MOVES},
    }

    def say(key: str, **values: Any) -> Markup:
        links = {name: href for name, href in behind.get(key, {}).items() if values[name]}
        shown = {
            name: asked.language.number(values[name]) if isinstance(values[name], int) else values[name]
            for name in links
        }
        return asked.language.marked(
            key,
            **{
                **values,
                **{name: Markup('<a href="{}">{}</a>').format(href, shown[name]) for name, href in links.items()},
            },
        )

    return list(sentences(whole, asked.language, say))


def _points(portrait: Portrait, cut: Sequence[Cut], by: str, asking: Asking) -> list[Told]:
    rolled, sites = portrait.over([each.period for each in cut]), len(asking.sites)
    rows = [rolled_row(each, sites, None) for each in rolled]
    first = next((number for number, row in enumerate(rows) if row.sites), 0)  # before it nothing is known
    rows, cut = rows[first:], cut[first:]
    numbers = {
        id(row): number for number, row in enumerate((row for row in rows if row.breaks and row.estimate), start=1)
    }
    return [
        Told(label=each.label, row=row, number=numbers.get(id(row), 0), href=asking.rates_href(by=by, of=each.key))
        for each, row in zip(cut, rows, strict=True)
    ]


def _chart(
    language: Language, portrait: Portrait, points: Sequence[Told], targets: Sequence[Aim]
) -> dict[str, Any]:
    """The chart, with the target of the cycle that most of the sites are in, and what it foretells."""
    rows = [each.row for each in points]
    if not any(row.estimate and row.estimate.rate is not None for row in rows):
        return {"rates_chart": None, "breaks": [], "foretold": ""}
    rolled = portrait.over([Period(first=row.first, last=row.last) for row in rows])
    forecast = forecast_of(Target(share=targets[0].rate, by=targets[0].on), {}, rolled) if targets else None
    breaks = [(each.number, each.row) for each in points if each.number]
    drawn: Markup = rate_chart(rows, breaks, language, alone=False, forecast=forecast)
    told_of = [(each.number, each.label, why_broken(each.row, language)) for each in points if each.number]
    return {
        "rates_chart": drawn, "breaks": told_of, "foretold": forecast_sentence(forecast, language) if forecast else "",
    }  # fmt: skip


def _units(
    language: Language, asking: Asking, portrait: Portrait, waiting: dict[int, tuple[int, int]]
) -> list[UnitRow]:
    """The organisations, and what belongs to none of them."""

    def row(number: int | None, name: str, depth: int, sites: Sequence[int]) -> UnitRow:
        left, late = summed(waiting, sites)
        return UnitRow(id=number, name=name, depth=depth, unit=portrait.unit(sites), open=left, overdue=late)

    found = [
        row(node.id, node.path[-1] if depth else shown(node.path), depth, asking.tree.sites_below(node.id))
        for node, depth in asking.nodes
        if not depth or asking.tree.sites_below(node.id)
    ]
    if rest := others(asking):
        found.append(row(None, others_name(asking, language), 0, rest))
    return found


def _sites(asking: Asking, portrait: Portrait, waiting: dict[int, tuple[int, int]]) -> list[SiteRow]:
    wanted = set(asking.sites)
    found = []
    for organisation, some in asking.tree.sites.items():
        name = shown(asking.tree.nodes[organisation].path) if organisation is not None else ""
        for site, address in some:
            if site in wanted:
                left, late = waiting.get(site, (0, 0))
                found.append(
                    SiteRow(id=site, address=address, organisation=name, face=portrait.faces[site], open=left, overdue=late)
                )  # fmt: skip
    return sorted(found, key=lambda each: each.address)
