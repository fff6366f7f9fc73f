"""The pages of a sweep that numbers for the whole site may come from: drawn at random, or all of them, by strata."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.statistics.strata import Sample, Stratum
from crawler.draw import drawn_strata
from crawler.frame import chosen_frame, is_gone
from crawler.strata import WHOLE, strata_as_drawn
from db.tables import Draw, Finding, Site, Sweep, Visit
from db.words import Method, Outcome, Part, VisitState


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A share of problem pages in the whole frame, from the random part only (shares from 0 to 1)."""

    frame: int  # pages that the random part was drawn from, without those drawn that proved not to exist
    drawn: int  # without these as well, but with the pages that took their place
    audited: int  # drawn pages with a result
    problem_pages: int
    rate: float | None  # among the audited, strata by their sizes; None when a stratum has no result
    low: float  # 95 % interval for a finite population, with drawn pages that were lost taken for clean …
    high: float  # … and taken for problem pages

    @classmethod
    def of(cls, sample: Sample) -> "Estimate | None":
        """What a sample says of the frame; None when it says nothing of the whole."""
        if not sample.speaks:
            return None
        low, high = sample.interval
        return cls(
            frame=sample.population, drawn=sample.drawn, audited=sample.audited, problem_pages=sample.found,
            rate=sample.share, low=low, high=high,
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Sampled:
    """One part of a sample page by page: arrays of one length, in the order of page numbers."""

    part: Part
    sizes: Mapping[int, int]  # stratum → pages that could have been drawn
    names: Mapping[int, str] = field(default_factory=dict)  # stratum → its name, see crawler.strata
    pages: NDArray[np.int64]
    strata: NDArray[np.int64]
    audited: NDArray[np.bool_]
    failing: Mapping[str, NDArray[np.bool_]]  # rule → pages with a failed place

    def fails(self, rules: Iterable[str]) -> NDArray[np.bool_]:
        """Which pages fail one of the rules; a page without a result fails none."""
        found = np.zeros(len(self.pages), dtype=bool)
        for rule in rules:
            if rule in self.failing:
                found |= self.failing[rule]
        return found

    def sample(self, rules: Iterable[str], *, without: Iterable[str] = ()) -> Sample:
        """What the part says of pages that fail one of the rules, and none of others, in every stratum."""
        return self.sample_of(self.fails(rules) & ~self.fails(without))

    def sample_of(self, fails: NDArray[np.bool_]) -> Sample:
        """What the part says of pages like these, chosen page by page, in every stratum."""
        return Sample(
            strata=tuple(
                Stratum(
                    population=size,
                    drawn=int(np.sum(self.strata == stratum)),
                    audited=int(np.sum(self.audited & (self.strata == stratum))),
                    found=int(np.sum(fails & (self.strata == stratum))),
                )
                for stratum, size in sorted(self.sizes.items())
            )
        )


def part_of(method: Method | None) -> Part | None:
    """The part that speaks for the whole site; purposive pages never do."""
    parts = {Method.ALL: Part.CENSUS, Method.RANDOM: Part.RANDOM, Method.MIXED: Part.RANDOM}
    return parts.get(method) if method else None


async def sampled(connection: AsyncConnection, sweep: Sweep, part: Part) -> Sampled | None:
    """Read one part of a sample; None when no page belongs to it.

    An address that proved to be no page was never one of those to be drawn: it counts neither as drawn nor as a page.
    """
    rows = (
        await connection.execute(
            sa.select(Visit.page_id, Visit.state, Draw.stratum)
            .join(Draw, Draw.visit_id == Visit.id)
            .where(Draw.sweep_id == sweep.id, Draw.part == part, ~is_gone())
            .order_by(Visit.page_id)
        )
    ).all()
    if not rows:
        return None
    pages = np.array([row[0] for row in rows], dtype=np.int64)
    sizes = await frame_by_stratum(connection, sweep) if part is Part.RANDOM else {WHOLE: len(rows)}
    number = {name: index for index, name in enumerate(sorted(sizes))}
    return Sampled(
        part=part,
        sizes={number[name]: size for name, size in sizes.items()},
        names={index: name for name, index in number.items()},
        pages=pages,
        strata=np.array([number[row[2] or WHOLE] for row in rows], dtype=np.int64),
        audited=np.array([row[1] is VisitState.AUDITED for row in rows], dtype=bool),
        failing=await _failing(connection, sweep, part, pages),
    )


async def frame_by_stratum(connection: AsyncConnection, sweep: Sweep) -> dict[str, int]:
    """How many pages of the frame each stratum has, without chosen ones that proved not to exist."""
    if sweep.stratify is None or sweep.method is None:
        return {WHOLE: await _frame_size(connection, sweep.id)}
    start = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id)) or ""
    frame = await chosen_frame(connection, sweep.id)
    stratum = strata_as_drawn(frame, start, sweep.stratify, await drawn_strata(connection, sweep.id))
    chosen = sa.exists().where(Draw.visit_id == Visit.id)
    gone = set(await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep.id, chosen, is_gone())))
    living = Counter(stratum[page.address] for page in frame if page.visit not in gone)
    return {name: living[name] for name in stratum.values()}


async def _frame_size(connection: AsyncConnection, sweep_id: int) -> int:
    """The chosen pages that exist and the not chosen: counted, since a frame may be too long to be held."""
    chosen = sa.exists().where(Draw.visit_id == Visit.id)
    could_be = sa.or_(Visit.state == VisitState.NOT_CHOSEN, sa.and_(chosen, ~is_gone()))
    counted = sa.select(sa.func.count()).where(Visit.sweep_id == sweep_id, could_be)
    return await connection.scalar(counted) or 0


async def _failing(
    connection: AsyncConnection, sweep: Sweep, part: Part, pages: NDArray[np.int64]
) -> dict[str, NDArray[np.bool_]]:
    rows = await connection.stream(
        sa.select(Finding.rule, Visit.page_id)
        .join(Visit, Visit.result_id == Finding.result_id)
        .join(Draw, Draw.visit_id == Visit.id)
        .where(
            Draw.sweep_id == sweep.id,
            Draw.part == part,
            Visit.state == VisitState.AUDITED,
            Finding.outcome == Outcome.FAILED,
            Finding.rule.in_([*(sweep.rule_criteria or {}), *(sweep.also_criteria or {})]),
        )
        .distinct()
    )
    failing: dict[str, NDArray[np.bool_]] = {}
    async for rule, page in rows:
        found = failing.setdefault(rule, np.zeros(len(pages), dtype=bool))
        found[np.searchsorted(pages, page)] = True
    return failing
