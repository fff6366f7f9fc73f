"""What is said of a trend in words."""

from collections.abc import Sequence
from typing import Any

from audits.sampled import Estimate
from audits.trends.periods import Every, Period
from audits.trends.rollup import Change
from audits.trends.trend import Forecast, Outlook, Trend
from db.words import Break
from reports.language import Language
from reports.trend_flow import at_least
from reports.trend_view import Of, Row


def why_broken(row: Row, language: Language) -> str:
    """Why a point does not go on from the one before, of several sites with how many of them."""
    said = reasons(row.breaks, language)
    if row.came or row.went or row.broken:
        said += language.say("trend.broken_by", came=row.came, went=row.went, broken=row.broken)
    return said


def reasons(breaks: Sequence[Break], language: Language) -> str:
    """Why a line breaks, in words."""
    return language.say("common.comma").join(language.say(f"break.{each.value}") for each in breaks)


def title(trend: Trend, of: Of, language: Language) -> str:
    """What the trend is of."""
    key = "trend.of" if trend.page is None else "trend.page_of"
    what = (
        language.say(f"{key}_criterion", number=trend.criterion) if trend.criterion else language.say(f"{key}_all")
    )
    return language.say(
        "trend.title",
        name=of.name,
        first=language.date(trend.span.first),
        last=language.date(trend.span.last),
        what=what,
    )


def range_of(estimate: Estimate, language: Language) -> str:
    """The bounds of a share, or that it was counted on all pages."""
    if estimate.low == estimate.high:
        return language.say("trend.counted")
    return language.say("trend.range", low=language.share(estimate.low), high=language.share(estimate.high))


def period_label(period: Period, every: Every, language: Language) -> str:
    """A period as an axis has it: its month, quarter or fiscal year."""
    day = period.first
    fiscal = day.year if day.month >= 4 else day.year - 1
    if every is Every.MONTH:
        return f"{day.year}-{day.month:02}"
    if every is Every.YEAR:
        return language.say("trend.fiscal_year", year=str(fiscal))
    return language.say("trend.quarter", year=str(fiscal), quarter=(day.month - 4) % 12 // 3 + 1)


def missing_why(why: Break | None, language: Language) -> str:
    """Why a site is missing in a period."""
    return language.say(f"break.{why.value}") if why else language.say("trend.not_swept")


def change_values(change: Change, language: Language) -> dict[str, Any]:
    """The comparable sites before and after, in words."""
    return {
        "sites": language.count("site", change.after.sites),
        "before": language.share(change.before.by_pages.share), "after": language.share(change.after.by_pages.share),
        "mean_before": language.share(change.before.by_sites.share),
        "mean_after": language.share(change.after.by_sites.share),
    }  # fmt: skip


def repair_sentence(trend: Trend, language: Language) -> str:
    """How long repair took, with what is not repaired yet."""
    repair, taken = trend.repair, trend.repair.taken
    counts = {
        "found": taken.done + taken.unfinished, "confirmed": taken.done, "open": repair.open,
        "unverified": repair.unverified, "excepted": repair.excepted,
    }  # fmt: skip
    if not counts["found"]:
        return language.say("trend.repair.none")
    if taken.median is not None:
        low = language.say("trend.days", days=_whole(taken.median_low or 0.0))
        high = taken.median_high
        upper = (
            language.say("trend.days", days=_whole(high)) if high is not None else language.say("trend.no_upper")
        )
        return language.say(
            "trend.repair.median",
            median=language.say("trend.days", days=_whole(taken.median)),
            low=low,
            high=upper,
            **counts,
        )
    return language.say(
        "trend.repair.at_least", days=language.say("trend.days", days=_whole(at_least(taken) or 0.0)), **counts
    )


def _whole(days: float) -> int:
    return round(days)


def forecast_sentence(forecast: Forecast, language: Language) -> str:
    """What may be said of the target."""
    said = {
        "target": language.share(forecast.target.share), "by": language.date(forecast.target.by), "points": forecast.points,
        "reach": language.date(forecast.reach) if forecast.reach else "–",
    }  # fmt: skip
    foreseen = forecast.foreseen
    if foreseen is None:
        return language.say(f"trend.forecast.{forecast.outlook.value}", **said)
    told = language.say(
        f"trend.forecast.{forecast.outlook.value}", **said, rate=language.share(foreseen.share),
        low=language.share(foreseen.low), high=language.share(foreseen.high),
    )  # fmt: skip
    if forecast.reached_on is not None and forecast.outlook in (Outlook.OPEN, Outlook.BEYOND):
        told += language.say("trend.forecast.line", day=language.date(forecast.reached_on))
    return told
