"""The sites behind a rate of several: by which sweep each is in it, or why it is not."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from audits.organisations import shown
from audits.trends.lines import Step
from audits.trends.rollup import Rolled
from reports.clean import one_line
from reports.language import Language
from reports.overview_view import extent_of, out_of_rate, told, told_briefly
from reports.trend_view import rolled_row, site_row
from reports.trend_words import reasons as break_words
from reports.web.addresses import rate_href
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.units import Asking, asking_of, cut_by, cuts, painted, way_to

router = APIRouter()


@router.get("/rates")
async def rates(asked: Reader, organisation: str = "", by: str = "", of: str = "") -> Response:
    """Of an organisation, or all that the reader may see; in a period, or as they stand now."""
    asking = await asking_of(asked, organisation)
    async with asked.reading() as connection:
        cut = await cuts(asked, connection, asking, cut_by(by)) if of else []
        at = next((number for number, each in enumerate(cut) if each.key == of), None)
        if of and at is None:
            raise Refused(404)
        portrait = await painted(asked, connection, asking, cut)
    rolled = portrait.unit(asking.sites).rolled if at is None else portrait.over([each.period for each in cut])[at]
    steps = {site: _last(rolled, site, face.steps) for site, face in portrait.faces.items()}
    newer = {site: _newer(rolled, site, face.steps) for site, face in portrait.faces.items()}
    listing = _sites(asked, asking, rolled, steps, newer)
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    language, say = asked.language, asked.language.say
    return asked.page(
        "rates.html", say("web.rates.title", of=say("web.rates.whole") if at is None else one_line(cut[at].label)),
        crumbs=(Crumb(name=say("web.overview.title"), href="/"), *way_to(asked, asking)), sites=part,
        lead=_lead(rolled, len(asking.sites), language),
    )  # fmt: skip


def _last(rolled: Rolled, site: int, steps: Any) -> Step | None:
    """The sweep of a site that is in the rate; of one that is not, its last sweep of the period."""
    mine = [step for step in steps if rolled.period.holds(step.point.at)]
    return rolled.steps.get(site) or (mine[-1] if mine else None)


def _newer(rolled: Rolled, site: int, steps: Sequence[Step]) -> Step | None:
    """The last sweep of the period of a site in the rate, where the rate is of one before, as the last says none."""
    mine = [step for step in steps if rolled.period.holds(step.point.at)]
    return mine[-1] if site in rolled.steps and mine[-1] is not rolled.steps[site] else None


def _lead(rolled: Rolled, sites: int, language: Language) -> str:
    row, sites_of = rolled_row(rolled, sites, None), language.count("site", sites)
    if row.estimate is None or row.estimate.rate is None:
        return language.say("web.rates.no_rate", sites_of=sites_of)
    return language.say(
        "web.rates.rate", rate=language.share(row.estimate.rate), told=told(row, language), range=extent_of(row, language),
        sites=language.count("site", row.sites), sites_of=sites_of,
    )  # fmt: skip


def _sites(
    asked: Asked, asking: Asking, rolled: Rolled, steps: Mapping[int, Step | None], newer: Mapping[int, Step | None]
) -> Listing:
    language, say = asked.language, asked.language.say
    wanted = set(asking.sites)
    rows = [
        (site, address, shown(asking.tree.nodes[node].path) if node is not None else "")
        for node, some in asking.tree.sites.items()
        for site, address in some
        if site in wanted
    ]

    def counted(row: Any) -> Cell:
        if row[0] in rolled.steps:
            return Cell(text=say("web.rates.is_in"))
        return Cell(text=say("web.rates.is_out", why=out_of_rate(rolled.missing[row[0]], language)))

    def rate(row: Any) -> Cell:
        step = steps[row[0]]
        found = site_row(step, None) if step else None
        if step is None or found is None or found.estimate is None or found.estimate.rate is None:
            return Cell(text="", value="")
        href = rate_href(step.point.sweep, step.point.method, found.estimate.problem_pages)
        return Cell(
            text=language.share(found.estimate.rate), value=found.estimate.rate, aside=told_briefly(found, language), href=href
        )  # fmt: skip

    def sweep(row: Any) -> Cell:
        step = steps[row[0]]
        if step is None:
            return Cell(text="", value="")
        name, day = say("trend.sweep", sweep=str(step.point.sweep)), language.day(step.point.at)
        newest = newer[row[0]]
        later = say("trend.sweep", sweep=str(newest.point.sweep)) if newest else ""
        return Cell(
            text=name, value=step.point.sweep, href=f"/sweeps/{step.point.sweep}",
            aside=say("web.rates.older", day=day, later=later, on=language.day(newest.point.at), why=break_words(newest.breaks, language)) if newest else day,
        )  # fmt: skip

    return Listing(
        asked=asked, id="sites", caption=say("web.rates.caption"), sort="counted", rows=sorted(rows, key=lambda row: row[1]),
        columns=[
            Column(
                key="address", heading=say("web.sites.site"), is_head=True,
                cell=lambda row: Cell(
                    text=row[1].removeprefix("https://").removesuffix("/"), value=row[1], href=f"/sites/{row[0]}", aside=row[2]
                ),
            ),
            Column(key="counted", heading=say("web.rates.counted"), cell=counted, by=lambda row: row[0] not in rolled.steps),
            Column(key="rate", heading=say("site.problem_rate"), is_number=True, is_told=True, cell=rate),
            Column(key="sweep", heading=say("web.rates.sweep"), is_told=True, cell=sweep),
        ],
    )  # fmt: skip
