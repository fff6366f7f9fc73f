"""The random part of a sample: drawn from the whole frame, or from each of its strata."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.frame import FramePage
from crawler.numbers import in_order
from crawler.strata import WHOLE, allocated, strata_as_drawn, strata_of
from db.tables import Draw, Sweep
from db.words import Method, Part, Stratify

SAMPLE = 40  # pages in all: WAIC's guide, not a rule
RANDOM_OF_MIXED = 30


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """All that a random part depends on, besides the frame."""

    start: str  # address that the site begins at
    seed: int
    share: int  # pages to be drawn
    begin: int = 0  # where in the order of crawler.numbers
    stratify: Stratify | None = None
    strata: frozenset[str] = frozenset()  # that pages have been drawn from; none: the frame is divided now

    @classmethod
    def of(
        cls, start: str, seed: int, method: Method, pages: int | None, at_random: int | None,
        begin: int = 0, stratify: Stratify | None = None,
    ) -> "Drawing":  # fmt: skip
        """The drawing of a method, with the size of its random part as asked for or as usual."""
        return cls(start=start, seed=seed, share=share_of(method, pages, at_random), begin=begin, stratify=stratify)


def drawing_of(sweep: Sweep, start: str, method: Method) -> Drawing:
    """The drawing that a sweep asks for by a method."""
    return Drawing.of(
        start, sweep.seed, method, sweep.pages_asked, sweep.random_asked, sweep.draw_from or 0, sweep.stratify
    )


async def drawn_strata(connection: AsyncConnection, sweep_id: int) -> frozenset[str]:
    """The strata that a sweep's random pages were drawn from."""
    mine = Draw.sweep_id == sweep_id, Draw.part == Part.RANDOM
    return frozenset(
        name or WHOLE for name in await connection.scalars(sa.select(Draw.stratum).where(*mine).distinct())
    )


def share_of(method: Method, pages: int | None, at_random: int | None) -> int:
    """How many pages the random part of a sample has, when there are as many."""
    if method is Method.RANDOM:
        return pages or SAMPLE
    if method is not Method.MIXED:
        return 0
    if at_random is not None:
        return at_random
    return RANDOM_OF_MIXED if pages is None else pages * RANDOM_OF_MIXED // SAMPLE


def orders(frame: Sequence[FramePage], drawing: Drawing) -> dict[str, list[FramePage]]:
    """The pages of each stratum in the order in which they are drawn; one stratum when the frame is not divided."""
    at = {page.address: page for page in frame}
    if drawing.strata:
        stratum = strata_as_drawn(frame, drawing.start, drawing.stratify, drawing.strata)
    else:
        stratum = strata_of(frame, drawing.start, drawing.stratify, drawing.share)
    found: dict[str, list[FramePage]] = {name: [] for name in sorted(set(stratum.values()))}
    for address in in_order(drawing.seed, drawing.begin, at):
        found[stratum[address]].append(at[address])
    return found


def random_part(frame: Sequence[FramePage], drawing: Drawing) -> list[tuple[FramePage, str]]:
    """The pages drawn, each with its stratum, in the order of their numbers."""
    if not drawing.share or not frame:
        return []
    strata = orders(frame, drawing)
    given = allocated(Counter({name: len(pages) for name, pages in strata.items()}), drawing.share)
    drawn = {page.address: (page, name) for name, pages in strata.items() for page in pages[: given[name]]}
    return [drawn[address] for address in in_order(drawing.seed, drawing.begin, drawn)]
