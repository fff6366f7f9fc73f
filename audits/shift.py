"""A change between two sweeps, or between the sweeps of several sites, that may be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

from audits.compare import change_between
from audits.statistics.difference import between
from audits.statistics.strata import Sample
from db.words import Change


@dataclass(frozen=True, kw_only=True)
class Shift:
    """A change between two sweeps, or two totals, that may be compared."""

    change: Change
    difference: float  # after less before, from -1 to 1
    low: float  # its 95 % interval, which missing pages widen
    high: float
    counted: bool  # on all pages of both: no estimate


def together(samples: Sequence[Sample]) -> Sample:
    """The pages of all sites as one population, of which each site's strata are strata."""
    return Sample(strata=tuple(stratum for each in samples for stratum in each.strata))


def shift_of(before: Sequence[Sample], after: Sequence[Sample]) -> Shift | None:
    """How the share of the same sites, in the same order, has changed; None without any."""
    if not before:
        return None
    was, now = together(before), together(after)
    low, high = between(was, now)
    assert was.share is not None
    assert now.share is not None
    change = change_between(was, now, low, high)
    counted = was.is_census and now.is_census
    return Shift(change=change, difference=now.share - was.share, low=low, high=high, counted=counted)
