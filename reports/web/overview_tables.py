"""The tables of the overview: organisations, sites and periods, each number leading to the rows behind it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from audits.defects.cover import day_of
from reports.language import Language
from reports.overview_view import SiteRow, UnitRow, no_shift_words, shift_words, told_briefly
from reports.summary import rounded
from reports.trend_view import Row
from reports.trend_words import range_of, why_broken
from reports.web.addresses import rate_href
from reports.web.asking import Asked
from reports.web.listing import Cell, Column, Listing
from reports.web.units import NO_ORGANISATION, rates_href


@dataclass(frozen=True, kw_only=True)
class Told:
    """One period of the chart, with what it is called and the number of the break before it."""

    label: str
    row: Row
    number: int
    href: str  # where its sites are listed


def overview_tables(
    asked: Asked, units: Sequence[UnitRow], sites: Sequence[SiteRow], points: Sequence[Told]
) -> dict[str, Listing]:
    """The three of them by their names."""
    say = asked.language.say
    return {
        "units": Listing(
            asked=asked, id="units", caption=say("web.overview.units_caption"), sort="unit", rows=list(enumerate(units)),
            columns=_unit_columns(asked.language),
        ),
        "sites": Listing(
            asked=asked, id="sites", caption=say("web.overview.sites_caption"), sort="-rate", rows=sites,
            columns=_site_columns(asked.language),
        ),
        "points": Listing(
            asked=asked, id="points", caption=say("web.overview.points_caption"), sort="when", rows=list(enumerate(points)),
            columns=_point_columns(asked.language),
        ),
    }  # fmt: skip


def _rate_columns(
    language: Language, row: Callable[[Any], Row | None], href: Callable[[Any], str | None]
) -> list[Column]:
    """A share with what it stands on, and its interval."""
    say = language.say

    def rate(each: Any) -> Cell:
        found = row(each)
        if found is None or found.estimate is None or found.estimate.rate is None:
            return Cell(text=say("site.no_rate"), value="")
        share = found.estimate.rate
        return Cell(
            text=language.share(share), value=rounded(share), aside=told_briefly(found, language), href=href(each)
        )

    def interval(each: Any) -> Cell:
        found = row(each)
        return Cell(text=range_of(found.estimate, language) if found and found.estimate else "", kind="short")

    def known(each: Any) -> float | None:
        found = row(each)
        return found.estimate.rate if found and found.estimate else None

    return [
        Column(key="rate", heading=say("site.problem_rate"), is_number=True, is_told=True, cell=rate, by=known),
        Column(key="interval", heading=say("trend.interval"), sorts=False, cell=interval),
    ]


def _defect_columns(
    language: Language, of: Callable[[Any], Any], query: Callable[[Any], str | None]
) -> list[Column]:
    """Open and overdue defects, each leading to them."""

    def count(number: int, mine: str | None, more: str = "") -> Cell:
        href = f"/defects?{mine}{more}" if number and mine else None
        return Cell(text=language.number(number), value=number, href=href)

    return [
        Column(
            key="open", heading=language.say("web.sites.open"), is_number=True,
            cell=lambda each: count(of(each).open, query(each)),
        ),
        Column(
            key="overdue", heading=language.say("web.overview.overdue"), is_number=True,
            cell=lambda each: count(of(each).overdue, query(each), "&state=any&overdue=1"),
        ),
    ]  # fmt: skip


def _coverage(pages: tuple[int, int] | None, language: Language, href: str | None) -> Cell:
    audited, known = pages or (0, 0)
    if not known:
        return Cell(text="", value="")
    aside = language.say(
        "web.overview.covered", audited=language.number(audited), known=language.count("page", known)
    )
    return Cell(text=language.share(audited / known), value=rounded(audited / known), aside=aside, href=href)


def _unit_columns(language: Language) -> list[Column]:
    """Of rows numbered as the tree has them."""
    say = language.say

    def name(each: Any) -> Cell:
        of: UnitRow = each[1]
        href = f"/organisations/{of.id}" if of.id is not None else None
        return Cell(text=of.name, href=href, kind=f"depth-{of.depth}")

    def sites(each: Any) -> Cell:
        of: UnitRow = each[1]
        text = say("number.of", part=of.row.sites, whole=of.unit.sites)
        return Cell(text=text, value=of.row.sites, href=below(each))

    def change(each: Any) -> Cell:
        shift = each[1].unit.shift
        if shift is None:
            return Cell(text=say("web.overview.cannot_say"))
        text, extent = shift_words(shift, language)
        compared = say("web.overview.of_compared", sites=language.count("site", len(each[1].unit.compared)))
        return Cell(
            text=text,
            value=rounded(shift.difference),
            aside=f"{extent} {compared}".strip(),
            kind=shift.change.value,
            href=f"{'/' if each[1].id is None else f'/organisations/{each[1].id}'}?sites.sort=change#sites",
        )

    def below(each: Any) -> str:
        return rates_href(each[1].id if each[1].id is not None else NO_ORGANISATION)

    def query(each: Any) -> str | None:
        return f"organisation={NO_ORGANISATION if each[1].id is None else each[1].id}"

    return [
        Column(
            key="unit", heading=say("web.sites.organisation"), cell=name, is_head=True, by=lambda each: each[0],
        ),
        Column(key="sites", heading=say("web.overview.sites"), is_number=True, is_told=True, cell=sites, by=lambda each: each[1].row.sites),
        *_rate_columns(language, lambda each: each[1].row, below),
        Column(
            key="change", heading=say("web.overview.since"), is_number=True, is_told=True, cell=change,
            by=lambda each: each[1].unit.shift.difference if each[1].unit.shift else None,
        ),
        Column(
            key="coverage", heading=say("web.overview.coverage"), is_number=True, is_told=True,
            cell=lambda each: _coverage(each[1].unit.pages, language, below(each)), by=lambda each: _part(each[1].unit.pages),
        ),
        *_defect_columns(language, lambda each: each[1], query),
    ]  # fmt: skip


def _site_columns(language: Language) -> list[Column]:
    say = language.say

    def row(each: Any) -> Row | None:
        face = each.face
        if face.last is None:
            return None
        return Row(
            first=day_of(face.last.point.at), last=day_of(face.last.point.at), at=face.last.point.at, sweep=face.last.point.sweep,
            sites=1, sites_of=1, estimate=face.estimate, by_sites=None, line=face.last.line, breaks=(), incomplete=0,
        )  # fmt: skip

    def change(each: Any) -> Cell:
        shift = each.face.shift
        if shift is None:
            return Cell(text=no_shift_words(each.face, language))
        text, extent = shift_words(shift, language)
        return Cell(
            text=text,
            value=rounded(shift.difference),
            aside=extent,
            kind=shift.change.value,
            href=f"/sites/{each.id}#rates",
        )

    def pages(each: Any) -> tuple[int, int] | None:
        point = each.face.last.point if each.face.last else None
        return (point.audited, point.known) if point else None

    def counted(each: Any) -> str | None:
        last, estimate = each.face.last, each.face.estimate
        return rate_href(last.point.sweep, last.point.method, estimate.problem_pages) if last and estimate else None

    def audited(each: Any) -> str | None:
        return f"/sweeps/{each.face.last.point.sweep}/addresses?show=audited" if each.face.last else None

    def last(each: Any) -> Cell:
        if not each.face.steps:
            return Cell(text=say("web.sites.never"), value="")
        point, speaking = each.face.steps[-1].point, each.face.last
        asides = [] if point.complete else [say("trend.incomplete")]
        if speaking is None:
            asides.append(say("web.overview.silent"))
        elif speaking.point.sweep != point.sweep:
            asides.append(say("web.overview.rate_of", day=language.day(speaking.point.at)))
        return Cell(
            text=language.day(point.at), value=day_of(point.at), href=f"/sweeps/{point.sweep}",
            aside=say("common.comma").join(asides), kind="short",
        )  # fmt: skip

    return [
        Column(
            key="address", heading=say("web.sites.site"), is_head=True,
            cell=lambda each: Cell(
                text=each.address.removeprefix("https://").removesuffix("/"), value=each.address, href=f"/sites/{each.id}",
                aside=each.organisation,
            ),
        ),
        *_rate_columns(language, row, counted),
        Column(
            key="change", heading=say("web.overview.since"), is_number=True, is_told=True, cell=change,
            by=lambda each: each.face.shift.difference if each.face.shift else None,
        ),
        Column(
            key="coverage", heading=say("web.overview.coverage"), is_number=True, is_told=True,
            cell=lambda each: _coverage(pages(each), language, audited(each)), by=lambda each: _part(pages(each)),
        ),
        *_defect_columns(language, lambda each: each, lambda each: f"site={each.id}"),
        Column(
            key="last", heading=say("web.sites.sweep"), is_told=True, cell=last,
            by=lambda each: each.face.steps[-1].point.at if each.face.steps else None,
        ),
    ]  # fmt: skip


def _part(pages: tuple[int, int] | None) -> float | None:
    return pages[0] / pages[1] if pages and pages[1] else None


def _point_columns(language: Language) -> list[Column]:
    """Of rows numbered in time."""
    say = language.say

    def notes(each: Any) -> Cell:
        of: Told = each[1]
        said = [say("trend.broken", number=of.number) + why_broken(of.row, language)] if of.number else []
        if of.row.incomplete:
            said.append(say("trend.incomplete_sites", sites=language.count("site", of.row.incomplete)))
        return Cell(text=" ".join(said))

    def unweighted(each: Any) -> Cell:
        mean = each[1].row.by_sites
        if mean is None:
            return Cell(text="", value="")
        aside = (
            ""
            if mean.low == mean.high
            else say("trend.range", low=language.share(mean.low), high=language.share(mean.high))
        )
        return Cell(text=language.share(mean.share), value=rounded(mean.share), aside=aside, href=each[1].href)

    return [
        Column(
            key="when", heading=say("trend.when"), is_head=True, by=lambda each: each[0],
            cell=lambda each: Cell(
                text=each[1].label,
                aside=say("trend.period", first=language.date(each[1].row.first), last=language.date(each[1].row.last)),
            ),
        ),
        Column(
            key="sites", heading=say("web.overview.sites"), is_number=True, is_told=True, by=lambda each: each[1].row.sites,
            cell=lambda each: Cell(text=say("number.of", part=each[1].row.sites, whole=each[1].row.sites_of), value=each[1].row.sites, href=each[1].href),
        ),
        *_rate_columns(language, lambda each: each[1].row, lambda each: each[1].href),
        Column(key="unweighted", heading=say("trend.unweighted"), is_number=True, is_told=True, sorts=False, cell=unweighted),
        Column(key="notes", heading=say("trend.notes"), sorts=False, cell=notes),
    ]  # fmt: skip
