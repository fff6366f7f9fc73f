"""Where a share is heading: a straight line through its log odds, with a 95 % prediction interval that says how little is known.

Log odds keep every bound between 0 and 1. The scatter about the line is taken for no less than what the points themselves leave
open: their own intervals, and the chance that is in any count (so censuses on a straight line make no certainty either).

Sources: D. R. Cox, The Analysis of Binary Data (Methuen 1970), chapter 3, and J. J. Gart and J. R. Zweifel, "On the bias of various
estimators of the logit and its variance", Biometrika 54 (1967), 181-187 (log odds with a half added to either side, and their
variance); N. R. Draper and H. Smith, Applied Regression Analysis, 3rd ed. (Wiley 1998), section 3.2 (the prediction interval).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt

from audits.statistics.survival import NORMAL

LEAST = 3  # points that make a line with a scatter
# Student's t that 2.5 % exceed, by degrees of freedom from 1; beyond the table its last, which is wider than need be
STUDENT = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131, 2.120,
    2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A share at a time, as it was found."""

    time: float  # days
    share: float
    pages: int  # that it was counted on
    low: float  # 95 % bounds; the share itself where it was counted on all pages
    high: float

    @property
    def log_odds(self) -> float:
        """The log odds, a half page added on either side."""
        return _log_odds(self.share, self.pages)

    @property
    def variance(self) -> float:
        """How much of them is left to chance, by the count or, where that is more, by the interval."""
        having = self.share * self.pages
        by_count = 1 / (having + 0.5) + 1 / (self.pages - having + 0.5)
        width = _log_odds(self.high, self.pages) - _log_odds(self.low, self.pages)
        return max(by_count, (width / (2 * NORMAL)) ** 2)


@dataclass(frozen=True, kw_only=True)
class Foreseen:
    """Where the line and its 95 % prediction interval are at a time, as shares."""

    time: float
    share: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line through points, which foretells as far ahead as it reaches back."""

    first: float  # time of the first point
    last: float
    points: int
    centre: float
    level: float  # log odds at the centre
    slope: float  # log odds a day
    spread: float  # of the points about it
    squares: float  # of their distances from the centre

    @property
    def reach(self) -> float:
        """The time up to which it says anything."""
        return self.last + (self.last - self.first)

    def at(self, time: float) -> Foreseen:
        """What it says of a time. Raises ValueError beyond its reach."""
        if time > self.reach:
            raise ValueError(f"{time} lies beyond {self.reach}")
        away = time - self.centre
        middle = self.level + self.slope * away
        student = STUDENT[min(self.points - 2, len(STUDENT)) - 1]
        aside = student * self.spread * sqrt(1 + 1 / self.points + away**2 / self.squares)
        return Foreseen(time=time, share=_share(middle), low=_share(middle - aside), high=_share(middle + aside))

    def falls_to(self, share: float) -> float | None:
        """When the line itself comes down to a share; None when it does not within its reach."""
        if self.slope >= 0 or not 0 < share < 1:
            return None
        time = self.centre + (log(share / (1 - share)) - self.level) / self.slope
        return max(time, self.last) if time <= self.reach else None


def line_through(points: Sequence[Observed]) -> Line | None:
    """The least-squares line through the log odds; None with fewer than three points, or all at one time."""
    if len(points) < LEAST:
        return None
    centre = sum(each.time for each in points) / len(points)
    squares = sum((each.time - centre) ** 2 for each in points)
    if not squares:
        return None
    level = sum(each.log_odds for each in points) / len(points)
    slope = sum((each.time - centre) * (each.log_odds - level) for each in points) / squares
    left = sum((each.log_odds - level - slope * (each.time - centre)) ** 2 for each in points) / (len(points) - 2)
    variance = max(left, sum(each.variance for each in points) / len(points))
    times = [each.time for each in points]
    return Line(
        first=min(times), last=max(times), points=len(points), centre=centre, level=level, slope=slope,
        spread=sqrt(variance), squares=squares,
    )  # fmt: skip


def _log_odds(share: float, pages: int) -> float:
    return log((share * pages + 0.5) / ((1 - share) * pages + 0.5))


def _share(log_odds: float) -> float:
    return 1 / (1 + exp(-log_odds)) if log_odds > -700 else 0.0
