"""How long something takes, counted fairly when much of it is not done yet.

Sources: E. L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", Journal of the American Statistical
Association 53 (1958), 457-481 (what is not done yet counts for as long as it was followed); M. Greenwood, "The natural
duration of cancer", Reports on Public Health and Medical Subjects 33 (1926), 1-26 (its variance); R. Brookmeyer and J. Crowley, "A
confidence interval for the median survival time", Biometrics 38 (1982), 29-41, on the scale of log(-log), which keeps the
bounds between 0 and 1 (J. D. Kalbfleisch and R. L. Prentice, The Statistical Analysis of Failure Time Data, 1980).
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log, sqrt

NORMAL = 1.959964  # of a 95 % interval
EXACT = 1e-12  # rounding of products


@dataclass(frozen=True, kw_only=True)
class Left:
    """The share that is not done yet after a time, from then on to the next such time."""

    after: float
    share: float
    low: float  # 95 % bounds; 0 and 1 where nothing bounds it
    high: float


@dataclass(frozen=True, kw_only=True)
class Durations:
    """What durations, and how long the unfinished ones were followed, say."""

    done: int
    unfinished: int
    longest: float | None  # that anything was followed; None: there was nothing
    curve: tuple[Left, ...]  # at each time when something was done

    @property
    def median(self) -> float | None:
        """The time in which half is done; None when that cannot be said yet."""
        return next((each.after for each in self.curve if each.share <= 0.5 + EXACT), None)

    @property
    def median_low(self) -> float | None:
        """The lower 95 % bound of the median; None when even that cannot be said."""
        return next((each.after for each in self.curve if each.low <= 0.5), None)

    @property
    def median_high(self) -> float | None:
        """The upper 95 % bound of the median; None when it has none yet."""
        return next((each.after for each in self.curve if each.high <= 0.5), None)

    def done_within(self, time: float) -> float | None:
        """The share that is done within a time; None when nothing was followed for so long and something is left."""
        share = next((each.share for each in reversed(self.curve) if each.after <= time), 1.0)
        followed = self.longest is not None and self.longest >= time
        return 1.0 - share if followed or share <= EXACT else None


def durations(observed: Iterable[tuple[float, bool]]) -> Durations:
    """From pairs of a time and whether something was done then, or only followed until then."""
    ends: Counter[float] = Counter()
    done: Counter[float] = Counter()
    for time, is_done in observed:
        ends[time] += 1
        done[time] += is_done
    at_risk, share, summed = sum(ends.values()), 1.0, 0.0
    curve: list[Left] = []
    for time in sorted(ends):
        if events := done[time]:
            share *= 1 - events / at_risk
            summed += events / (at_risk * (at_risk - events)) if at_risk > events else 0.0
            low, high = _bounds(share, summed) or (0.0, curve[-1].high if curve else 1.0)
            curve.append(Left(after=time, share=share, low=low, high=high))
        at_risk -= ends[time]
    finished = sum(done.values())
    return Durations(
        done=finished, unfinished=sum(ends.values()) - finished, longest=max(ends, default=None), curve=tuple(curve)
    )


def _bounds(share: float, summed: float) -> tuple[float, float] | None:
    """The bounds of a share; None at the ends, where the variance is not told."""
    if share <= EXACT or share >= 1 - EXACT:
        return None
    spread = exp(NORMAL * sqrt(summed) / abs(log(share)))
    return share**spread, share ** (1 / spread)
