"""Units and sites as a manager sees them: how they stand, what has changed since the sweeps before, in rows and in sentences."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.cycles.defects import WAITING
from audits.defects.naming import KNOWN
from audits.defects.standing import OPEN
from audits.shift import Shift
from audits.survey import Yardstick, yardsticks
from audits.trends.portrait import Face, Unit
from audits.trends.rollup import Rolled
from db.tables import Cycle, CycleSite, Defect
from db.words import Break
from reports.cycle_view import shift_lines
from reports.language import Language
from reports.trend_view import Row, rolled_row
from reports.trend_words import missing_why, range_of
from reports.trend_words import reasons as break_words

NONE = (0, 0)


@dataclass(frozen=True, kw_only=True)
class UnitRow:
    """An organisation, or what a reader sees in all."""

    id: int | None  # of the organisation; None: it is none
    name: str
    depth: int  # below the first
    unit: Unit
    open: int  # defects
    overdue: int

    @cached_property
    def row(self) -> Row:
        """Its rates as a row of a trend."""
        return rolled_row(self.unit.rolled, self.unit.sites, None)


@dataclass(frozen=True, kw_only=True)
class SiteRow:
    """One site."""

    id: int
    address: str
    organisation: str
    face: Face
    open: int  # defects
    overdue: int


@dataclass(frozen=True, kw_only=True)
class Aim:
    """The target of a cycle that runs, for the share of problem pages of each of its sites."""

    cycle: int
    name: str
    rate: float
    on: date
    sites: int  # of those that are looked at


@dataclass(frozen=True, kw_only=True)
class Ministry:
    """The rate by the ministry's conditions, and the published ones that it may be held against."""

    sites: int
    analysed: int
    problem_pages: int
    versions: tuple[str, ...]
    yardsticks: tuple[Yardstick, ...]

    @property
    def rate(self) -> float:
        """Problem pages ÷ analysed pages."""
        return self.problem_pages / self.analysed


async def waiting_defects(
    connection: AsyncConnection, day: date, within: sa.ColumnElement[bool]
) -> dict[int, tuple[int, int]]:
    """Site → open defects, and those that are overdue on a day: nobody has said yet that they are repaired."""
    is_open = sa.case((Defect.state.in_(OPEN), 1), else_=0)
    is_late = sa.case((sa.and_(Defect.state.in_(WAITING), Defect.due_on < day), 1), else_=0)
    rows = await connection.execute(
        sa.select(Defect.site_id, sa.func.sum(is_open), sa.func.sum(is_late))
        .where(Defect.state.in_({*OPEN, *WAITING}), *KNOWN, within)
        .group_by(Defect.site_id)
    )
    return {site: (int(left), int(late)) for site, left, late in rows}


async def aims(connection: AsyncConnection, day: date, within: sa.ColumnElement[bool]) -> list[Aim]:
    """The targets of open cycles that run on a day, those of most of the sites first."""
    rows = await connection.execute(
        sa.select(Cycle.id, Cycle.name, Cycle.rate, Cycle.target_on, sa.func.count())
        .join(CycleSite, CycleSite.cycle_id == Cycle.id)
        .where(
            Cycle.closed_at.is_(None), Cycle.begins_on <= day, Cycle.ends_on >= day, Cycle.rate.is_not(None), within
        )
        .group_by(Cycle.id, Cycle.name, Cycle.rate, Cycle.target_on)
    )
    found = [Aim(cycle=row[0], name=row[1], rate=row[2] or 0.0, on=row[3], sites=row[4]) for row in rows]
    return sorted(found, key=lambda each: (-each.sites, each.cycle))


def ministry(unit: Unit) -> Ministry | None:
    """What the ministry's conditions say of the sites whose last sweep checked them on all pages; None where none did."""
    told = [each for each in unit.survey if each.analysed]
    if not told:
        return None
    return Ministry(
        sites=len(told), analysed=sum(each.analysed for each in told), problem_pages=sum(each.problem_pages for each in told),
        versions=tuple(sorted({each.version for each in told})), yardsticks=yardsticks(),
    )  # fmt: skip


def summed(waiting: Mapping[int, tuple[int, int]], sites: Collection[int]) -> tuple[int, int]:
    """Open and overdue defects of some sites."""
    found = [waiting.get(site, NONE) for site in sites]
    return sum(left for left, _ in found), sum(late for _, late in found)


def sentences(unit: Unit, language: Language, say: Callable[..., str] | None = None) -> Iterator[str]:
    """How a unit stands, what has changed, and what has become of its defects: one sentence of each, as `say` says it."""
    say = say or language.say
    row, days = rolled_row(unit.rolled, unit.sites, None), unit.days
    if row.estimate is None or row.estimate.rate is None or days is None:
        yield say("web.overview.no_rate", sites=language.count("site", unit.sites))
    else:
        yield say(
            "web.overview.rate", sites_of=language.count("site", unit.sites), sites=language.count("site", row.sites),
            first=language.day(days[0]), last=language.day(days[1]), rate=language.share(row.estimate.rate),
            range=extent_of(row, language), told=told(row, language),
        )  # fmt: skip
    if unit.shift is None:
        yield say("web.overview.no_change")
    else:
        said = (" " if language.lang != "ja" else "").join(shift_lines(unit.shift, language))
        yield say("web.overview.change", sites=language.count("site", len(unit.compared)), said=said)
    moved = unit.moved
    if moved is None:
        yield say("web.overview.no_moved")
    else:
        yield say(
            "web.overview.moved", found=moved.found, newly_checked=moved.newly_checked, confirmed=moved.confirmed,
            returned=moved.returned, unverified=moved.unverified,
        )  # fmt: skip


def left_out_words(rolled: Rolled, language: Language) -> str:
    """Of how many sites a rate says nothing, by reason; nothing where it is of all."""
    if not rolled.missing:
        return ""
    counted = Counter(out_of_rate(why, language) for why in rolled.missing.values())
    reasons = language.say("common.comma").join(
        language.say("web.rates.reason", why=why, sites=language.count("site", number))
        for why, number in counted.most_common()
    )
    return language.say("web.rates.left_out", sites=language.count("site", len(rolled.missing)), reasons=reasons)


def older_words(rolled: Rolled, faces: Mapping[int, Face], language: Language) -> str:
    """Of how many sites a rate is not of the last sweep, as that says none; nothing where it is of all."""
    older = sum(step.point.sweep != faces[site].steps[-1].point.sweep for site, step in rolled.steps.items())
    return language.say("web.overview.older", sites=language.count("site", older)) if older else ""


def out_of_rate(why: Break | None, language: Language) -> str:
    """Why a site is not in the rate of several."""
    if why is Break.RULE_SET:
        return language.say("web.rates.other_rules")
    return missing_why(why, language)


def told(row: Row, language: Language) -> str:
    """What a share stands on; nothing where there is none."""
    estimate = row.estimate
    if estimate is None or estimate.rate is None:
        return ""
    return language.say(
        "trend.told", problem=language.count("page", estimate.problem_pages),
        audited=language.count("page", estimate.audited), frame=language.count("page", estimate.frame),
    )  # fmt: skip


def extent_of(row: Row, language: Language) -> str:
    """The interval of a share by its name, or that it was counted on all pages."""
    if row.estimate is None or row.estimate.rate is None:
        return ""
    extent = range_of(row.estimate, language)
    return extent if row.estimate.low == row.estimate.high else f"{language.say('trend.interval')} {extent}"


def told_briefly(row: Row, language: Language) -> str:
    """Numerator and denominator of a share."""
    estimate = row.estimate
    if estimate is None or estimate.rate is None:
        return ""
    audited = language.count("page", estimate.audited)
    return language.say("web.overview.told", problem=estimate.problem_pages, audited=audited)


def shift_words(shift: Shift, language: Language) -> tuple[str, str]:
    """A change for a cell: its points, and what they show with their interval."""
    word = language.say(f"web.overview.way.{shift.change.value}")
    if shift.low != shift.high:
        low, high = language.points(shift.low), language.points(shift.high)
        word = language.say("web.overview.extent", word=word, low=low, high=high)
    return language.say("web.overview.points", points=language.points(shift.difference)), word


def no_shift_words(face: Face, language: Language) -> str:
    """Why nothing is told of a change of a site."""
    if not face.steps:
        return language.say("web.overview.never")
    if face.breaks:
        return language.say("web.overview.broken", reasons=break_words(face.breaks, language))
    return language.say("web.overview.first")
