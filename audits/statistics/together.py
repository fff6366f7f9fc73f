"""What the samples and censuses of several sites say of all their pages together, and of their sites one by one.

All pages: every site is a stratum (Cochran, as in `audits.statistics.strata`). Sites of which all pages were audited have no
sampling error, so they are counted, and only the others bring an interval; that is the same method with its certain part
taken out. Sites one by one: the mean of their shares, between the means of their bounds, which is no 95 % interval but
wider than one, since all bounds are not missed to the same side at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from audits.statistics.strata import Sample


@dataclass(frozen=True, kw_only=True)
class Together:
    """A share over several populations, from 0 to 1, with its bounds."""

    share: float
    low: float
    high: float


def by_pages(samples: Sequence[Sample]) -> Together:
    """The share among all pages. Raises ValueError when there is no sample, or one says nothing of its population."""
    told = [(sample, sample.share) for sample in samples]
    pages = sum(sample.population for sample in samples)
    if not pages or any(share is None for _, share in told):
        raise ValueError("nothing can be said of all populations")
    share = sum(sample.population * (each or 0.0) for sample, each in told) / pages
    counted = [sample for sample in samples if sample.is_census]
    drawn = Sample(strata=tuple(stratum for sample in samples if not sample.is_census for stratum in sample.strata))
    low = high = 0.0
    for sample in counted:
        low += sample.found
        high += sample.found + sample.drawn - sample.audited
    if drawn.strata:
        bounds = drawn.interval
        low += bounds[0] * drawn.population
        high += bounds[1] * drawn.population
    return Together(share=share, low=low / pages, high=high / pages)


def by_sites(samples: Sequence[Sample]) -> Together:
    """The mean of the shares. Raises ValueError when there is no sample, or one says nothing of its population."""
    shares = [sample.share for sample in samples]
    if not shares or any(each is None for each in shares):
        raise ValueError("nothing can be said of all populations")
    bounds = [sample.interval for sample in samples]
    return Together(
        share=sum(each or 0.0 for each in shares) / len(samples),
        low=sum(low for low, _ in bounds) / len(samples),
        high=sum(high for _, high in bounds) / len(samples),
    )
