"""What exceptions say of a sweep: a second number of problem pages beside the machine's own, which never knows of them."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.counts import audited_in
from audits.defects.cover import Cover, cover_at, cover_on, day_of, named, today
from audits.defects.naming import KNOWN_AS, ROOT, parted
from audits.sampled import Estimate, Sampled
from db.database import streamed
from db.tables import Defect, Exemption, Finding, Page, PartPage, Sweep, Visit
from db.words import ExceptionReason, Outcome

NAMED = 1000  # defects that one statement names


@dataclass(frozen=True, kw_only=True)
class Extent:
    """How much of a sweep something covers, of what makes problem pages."""

    pages: int  # audited pages with a place of it
    places: int


@dataclass(frozen=True, kw_only=True)
class InForce:
    """An exception that was in force, and what it covers of the sweep."""

    exemption: Exemption
    rule: str  # that it is of, or that found its defect
    page: str | None  # address of the one page that it is of
    extent: Extent


@dataclass(frozen=True, kw_only=True)
class Excepted:
    """A sweep with the exceptions that were in force when it finished."""

    day: date
    failed: int  # places on audited pages, covered or not
    problem_pages: int  # audited pages with a failed place of level A or AA that no exception covers
    estimate: Estimate | None  # of these in the whole frame, from the random part
    reasons: dict[ExceptionReason, Extent]  # a place that several cover counts for the one that was said first
    in_force: tuple[InForce, ...]  # with all that each covers


async def cover_of(connection: AsyncConnection, sweep: Sweep) -> tuple[date, Cover]:
    """The exceptions of a sweep's site that were in force when it finished, or are today; and that day.

    What is said or ended after the sweep, also on the same day, changes no report of it.
    """
    if sweep.finished_at is None:
        return today(), await cover_on(connection, sweep.site_id, today())
    return day_of(sweep.finished_at), await cover_at(connection, sweep.site_id, sweep.finished_at)


async def excepted(
    connection: AsyncConnection, sweep: Sweep, rules: Sequence[str], by_chance: Sampled | None
) -> Excepted | None:
    """Count what exceptions cover among the places that these rules found; None when none was in force."""
    day, cover = await cover_of(connection, sweep)
    if not cover:
        return None
    counted = _Counted()
    rows = streamed(connection, _places(sweep, rules, cover))
    async for page, address, rule, defect, places in rows:
        if by := cover.all_of(defect=defect, rule=rule, page=page, address=address):
            counted.add(page, places, by)
    shown = (await connection.execute(_all_places(sweep, rules))).all()
    still = sorted(page for page, places in shown if places > counted.covered[page])
    names = await named(connection, cover.exemptions)
    return Excepted(
        day=day,
        failed=sum(places for _, places in shown),
        problem_pages=len(still),
        estimate=Estimate.of(by_chance.sample_of(np.isin(by_chance.pages, still))) if by_chance else None,
        reasons={
            reason: counted.extent(reason) for reason in ExceptionReason if counted.places[reason]
        },
        in_force=tuple(
            InForce(exemption=each, rule=names[each.id][0], page=names[each.id][1], extent=counted.extent(each.id))
            for each in cover.exemptions
        ),
    )  # fmt: skip


def _all_places(sweep: Sweep, rules: Sequence[str]) -> sa.Select[int, int]:
    """Failed places on audited pages by page."""
    return (
        sa.select(Visit.page_id, sa.func.count())
        .join(Finding, Finding.result_id == Visit.result_id)
        .where(audited_in(sweep.id), Finding.outcome == Outcome.FAILED, Finding.rule.in_(rules))
        .group_by(Visit.page_id)
    )


def _places(sweep: Sweep, rules: Sequence[str], cover: Cover) -> sa.Select[int, str, str, int, int]:
    """The same by defect, known by the name that it goes by: of the rules and defects that exceptions name."""
    defects = sorted(cover.defects)
    split = sa.select(PartPage.defect_id).where(PartPage.part_id.in_(defects))
    names = sa.select(Defect.id).where(
        Defect.site_id == sweep.site_id, sa.or_(ROOT.in_(defects), ROOT.in_(split))
    )  # decides before anything is joined to a place
    touched = sa.and_(
        sa.or_(Finding.rule.in_(cover.rules), Finding.defect_id.in_(names)),
        sa.or_(Finding.rule.in_(cover.rules), KNOWN_AS.in_(defects)),
    )
    return (
        sa.select(Visit.page_id, Page.address, Finding.rule, KNOWN_AS, sa.func.count())
        .select_from(Visit)
        .join(Page, Page.id == Visit.page_id)
        .join(Finding, Finding.result_id == Visit.result_id)
        .join(Defect, Defect.id == Finding.defect_id)
        .outerjoin(PartPage, parted(Visit.page_id))
        .where(audited_in(sweep.id), Finding.outcome == Outcome.FAILED, Finding.rule.in_(rules))
        .where(touched if len(defects) <= NAMED else sa.true())
        .group_by(Visit.page_id, Page.address, Finding.rule, KNOWN_AS)
    )


class _Counted:
    """Pages and places while they are counted, by reason and by the number of an exception."""

    def __init__(self) -> None:
        self.covered: Counter[int] = Counter()  # page → places
        self.places: Counter[ExceptionReason | int] = Counter()
        self._pages: dict[ExceptionReason | int, set[int]] = defaultdict(set)

    def add(self, page: int, places: int, by: Sequence[Exemption]) -> None:
        """Add a defect's places on a page, and the exceptions that cover them."""
        self.covered[page] += places
        keys: list[ExceptionReason | int] = [by[0].reason, *(each.id for each in by)]
        for key in keys:
            self.places[key] += places
            self._pages[key].add(page)

    def extent(self, key: ExceptionReason | int) -> Extent:
        """What has been counted for a reason or an exception."""
        return Extent(pages=len(self._pages[key]), places=self.places[key])
