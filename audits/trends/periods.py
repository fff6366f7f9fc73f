"""Periods: the months, quarters or fiscal years that sweeps and events fall into, by Tokyo's clock."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from functools import cached_property

from crawler.windows import TOKYO


class Every(StrEnum):
    """How long a period is."""

    MONTH = "month"
    QUARTER = "quarter"  # of the fiscal year, which begins in April
    YEAR = "year"  # the fiscal year

    @property
    def months(self) -> int:
        """Months of a period."""
        return {Every.MONTH: 1, Every.QUARTER: 3, Every.YEAR: 12}[self]


@dataclass(frozen=True, kw_only=True)
class Period:
    """Days from the first to the last."""

    first: date
    last: date

    @cached_property
    def begins(self) -> datetime:
        """The moment from which on it runs."""
        return datetime.combine(self.first, time(), TOKYO)

    @cached_property
    def ends(self) -> datetime:
        """The moment before which it ends."""
        return datetime.combine(self.last + timedelta(days=1), time(), TOKYO)

    def holds(self, moment: datetime) -> bool:
        """Whether a moment falls into it."""
        return self.begins <= moment < self.ends


def fiscal_year(moment: datetime) -> int:
    """The Japanese fiscal year, from April on."""
    local = moment.astimezone(TOKYO)
    return local.year - (local.month < 4)


def periods(span: Period, every: Every) -> tuple[Period, ...]:
    """The periods that a span of days falls into, in their order; the first and the last are cut to the span."""
    return tuple(_periods(span, every))


def _periods(span: Period, every: Every) -> Iterator[Period]:
    first = span.first
    while first <= span.last:
        following = _following(first, every.months)
        yield Period(first=first, last=min(span.last, following - timedelta(days=1)))
        first = following


def _following(day: date, months: int) -> date:
    """The first day of the next period after the one that a day falls into; years and quarters count from April."""
    since_april = (day.year * 12 + day.month - 4) // months * months + months
    year, month = divmod(since_april + 3, 12)
    return date(year, month + 1, 1)
