"""What repairing a defect is worth, and what it takes, in factors that a person can check.

effect = pages × impact × (1 + use), and per repair = effect ÷ repairs. Nothing else weighs.

- pages: that show it where no exception covers it.
- impact: 1 to 4, the order in which the engine grades (minor, moderate, serious, critical); 1 where it has not graded.
- use: the share of the site's counted use that goes to these pages, from 0 to 1, where a traffic file is known; without one 0,
  for nobody knows, and never less than a page that nobody has counted.
- repairs: 1 for a fault in a template; as many as pages for one in contents, and for one of which that is not known.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import KNOWN_AS, parted
from crawler.usage import use_of_pages
from db.tables import Defect, Finding, Look, Page, PartPage, Sweep
from db.words import Impact, Outcome, Region

WEIGHTS = {Impact.MINOR: 1, Impact.MODERATE: 2, Impact.SERIOUS: 3, Impact.CRITICAL: 4}


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The factors of one defect."""

    pages: int
    impact: Impact | None  # the gravest of its places, as the engine grades it
    use: float | None  # share of the site's counted use; None: no traffic is known
    repairs: int

    @property
    def weight(self) -> int:
        """The impact as a number."""
        return WEIGHTS[self.impact] if self.impact else min(WEIGHTS.values())

    @property
    def total(self) -> float:
        """What repairing it is worth."""
        return self.pages * self.weight * (1 + (self.use or 0.0))

    @property
    def per_repair(self) -> float:
        """The same for each repair that it takes."""
        return self.total / self.repairs


def effect_of(
    region: Region | None, pages: Collection[int], impact: Impact | None, use: Mapping[int, int] | None
) -> Effect:
    """The factors of a defect on some pages; `use` are the counts of the site's pages."""
    counted = sum(use.values()) if use else 0
    share = sum(use.get(page, 0) for page in pages) / counted if use and counted else None
    return Effect(
        pages=len(pages), impact=impact, use=share, repairs=1 if region is Region.TEMPLATE else max(1, len(pages))
    )


async def impacts(connection: AsyncConnection, site_id: int) -> dict[int, Impact]:
    """The gravest impact of each defect of a site, on its pages as they were last seen."""
    rows = await connection.execute(
        sa.select(KNOWN_AS, Finding.impact)
        .select_from(Defect)
        .join(Finding, Finding.defect_id == Defect.id)
        .join(Look, Look.result_id == Finding.result_id)
        .outerjoin(PartPage, parted(Look.page_id))
        .where(Defect.site_id == site_id, Finding.outcome == Outcome.FAILED, Finding.impact.is_not(None))
        .distinct()
    )
    found: dict[int, Impact] = {}
    for defect, impact in rows:
        if impact and (defect not in found or WEIGHTS[impact] > WEIGHTS[found[defect]]):
            found[defect] = impact
    return found


async def use_of_site(
    connection: AsyncConnection, site_id: int, usage: Sequence[Sequence[Any]] = ()
) -> dict[int, int] | None:
    """How often pages of a site are used, by page: as given, else as its last sweep that had a traffic file was told.

    None when neither names a page of the site. An address counts for the page that it is spelled like, when there is only one.
    """
    given = list(usage) or await _kept(connection, site_id)
    if not given:
        return None
    rows = await connection.execute(sa.select(Page.address, Page.id).where(Page.site_id == site_id))
    numbers = dict(rows.all())
    counts, _ = use_of_pages(given, list(numbers), {})
    return {numbers[address]: count for address, count in counts.items()} or None


async def _kept(connection: AsyncConnection, site_id: int) -> list[Any]:
    rows = await connection.scalars(
        sa.select(Sweep.traffic).where(Sweep.site_id == site_id, ~Sweep.recheck).order_by(Sweep.id.desc())
    )
    return next((traffic for traffic in rows if traffic), [])
