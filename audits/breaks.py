"""Breaks: what keeps the numbers of two sweeps of a site from being a series."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audits.engine import own_rules
from audits.speaking import is_trusted
from audits.statistics.finite import at_least
from db.tables import Sweep
from db.words import Break, Redraw

BY_CHANCE = 1e-4  # probability below which shared pages are no accident of two draws


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the numbers of a sweep stand on, as far as it decides whether another's may be held against them."""

    sweep: Sweep
    scope: frozenset[tuple[Any, ...]]
    frame: int  # pages that the part that speaks for the whole site speaks for
    drawn: NDArray[np.int64] | None  # pages of its random part; None: it has none
    known: bool = False  # an earlier sweep had drawn these pages

    @property
    def place(self) -> tuple[int, int | None]:
        """Where in which order the draw begins: two that begin at the same place are one draw."""
        return self.sweep.seed, self.sweep.draw_from


def breaks(before: Terms, after: Terms) -> Iterator[Break]:
    """Why the numbers of the later sweep do not go on from those of the earlier one."""
    if before.sweep.edition is not after.sweep.edition:
        yield Break.EDITION
    if before.sweep.level is not after.sweep.level:
        yield Break.LEVEL
    if own_rules(before.sweep.rule_set) != own_rules(after.sweep.rule_set):
        yield Break.RULE_SET
    if before.scope != after.scope:
        yield Break.SCOPE
    if not (is_trusted(before.sweep) and is_trusted(after.sweep)):
        yield Break.DOUBTED
    if _not_drawn_anew(before, after):
        yield Break.DRAW


def _not_drawn_anew(before: Terms, after: Terms) -> bool:
    """Whether two random parts are one draw, or one of them is of pages that were drawn before.

    Half a sample that was kept, or one inspected again, is no new draw whatever it is held against: its pages are
    published and repaired first, and speak for no others.
    """
    drawn = [each for each in (before, after) if each.drawn is not None]
    known = any(each.known or each.sweep.redraw is Redraw.HALF for each in drawn)
    return known or are_one_draw(before, after)


def are_one_draw(before: Terms, after: Terms) -> bool:
    """Whether two random parts are one draw, or share more pages than two draws do but once in 10,000 times."""
    if before.drawn is None or after.drawn is None:
        return False
    if before.place == after.place:
        return True
    drawn, again = len(before.drawn), len(after.drawn)
    shared = len(np.intersect1d(before.drawn, after.drawn, assume_unique=True))
    frame = max(before.frame, after.frame)
    return at_least(frame, drawn, again, shared) < BY_CHANCE
