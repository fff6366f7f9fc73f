"""Criterion by sweep: what the machine said of each criterion in the last sweeps of a site, with its denominators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from audits.criteria import Criterion, aimed_at
from audits.trends.points import Point
from db.words import Edition, Level
from reports.page_view import State, state_of

AT_ONCE = 8  # sweeps side by side on the screen; the file of the trend has all


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One criterion in one sweep."""

    state: State | None  # None: the sweep did not aim at it
    problem_pages: int = 0
    review_pages: int = 0
    audited: int = 0

    @property
    def share(self) -> float:
        """Of the audited pages, those that fail; only where some were audited."""
        return self.problem_pages / self.audited

    @property
    def shade(self) -> int:
        """How heavy the cell's pattern is, from 1 to 4."""
        return next((step for step, top in enumerate((0.05, 0.2, 0.5), start=1) if self.share <= top), 4)


@dataclass(frozen=True, kw_only=True)
class Column:
    """One sweep."""

    sweep: int
    at: datetime
    audited: int
    known: int


@dataclass(frozen=True, kw_only=True)
class Heat:
    """The table: a row for each criterion, a cell for each sweep."""

    columns: Sequence[Column]
    rows: Sequence[tuple[Criterion, Sequence[Spot]]]
    earlier: int  # sweeps that are not shown: older ones, or judged by another edition


def heat(points: Sequence[Point]) -> Heat | None:
    """Of a site's points in their order; None when there is none."""
    if not points:
        return None
    last = points[-1].terms.sweep
    shown = [each for each in points if each.terms.sweep.edition is last.edition][-AT_ONCE:]
    columns = [Column(sweep=each.sweep, at=each.at, audited=each.audited, known=each.known) for each in shown]
    levels = {each.sweep: each.terms.sweep.level for each in shown}
    rows = [
        (criterion, [_spot(number, point, last.edition, levels[point.sweep]) for point in shown])
        for number, criterion in aimed_at(last.edition, max(levels.values(), key=list(Level).index)).items()
    ]
    return Heat(columns=columns, rows=rows, earlier=len(points) - len(shown))


def _spot(number: str, point: Point, edition: Edition, level: Level) -> Spot:
    if number not in aimed_at(edition, level):
        return Spot(state=None)
    problem, review = point.marked.get(number, (0, 0))
    state = state_of(problem, review, int(number in point.spoken), point.audited)
    return Spot(state=state, problem_pages=problem, review_pages=review, audited=point.audited)
