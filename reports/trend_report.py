"""The pages of a trend: a folder with one page of charts and tables, and its numbers as CSV and JSON files."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from markupsafe import Markup

from audits.criteria import NAMES
from audits.statistics.together import Together
from audits.trends.lives import together
from audits.trends.pages import PageHistory
from audits.trends.periods import Period
from audits.trends.trend import Forecast, Trend
from crawler.windows import TOKYO
from db.types import now
from reports import chart, tables
from reports.folder import Folder
from reports.language import Language
from reports.render import Pages, style_sheet
from reports.trend_cells import criterion_cells, flow_cells, look_cells, trend_cells, verdicts
from reports.trend_flow import WITHIN, age_names, flow_values
from reports.trend_json import as_json
from reports.trend_lines import change_lines, summary
from reports.trend_view import Of, Row, criterion_rows, rows_of, site_rows
from reports.trend_words import missing_why, period_label, range_of, reasons, repair_sentence, title, why_broken

FLOWS = ("found", "returned", "confirmed")


@dataclass(frozen=True, kw_only=True)
class Unit:
    """An organisation right below the one that a trend is of."""

    name: str
    row: Row  # in the last period that any site of the trend has a point in


def write_trend(trend: Trend, of: Of, out: Path, lang: str, units: Sequence[Unit] = ()) -> Path:
    """Write the trend into the folder `out`; returns its page. Raises StorageError as `Folder` does."""
    language = Language(lang)
    with Folder(out, f"trend {of.kind} {of.name}") as folder:
        folder.text("report.css", style_sheet())
        folder.text("trend.json", json.dumps(as_json(trend, of), ensure_ascii=False, indent=1))
        _write_tables(folder, trend, of, language)
        pages = Pages(folder, language, {"made": now(), "engine": _engines(trend, language)})
        pages.write("index.html", "trend.html", **trend_values(trend, of, units, language))
    return folder.out / "index.html"


def _write_tables(folder: Folder, trend: Trend, of: Of, language: Language) -> None:
    written: list[tuple[str, tuple[str, ...], Iterator[dict[str, Any]]]] = [
        ("flow", tables.FLOW, flow_cells(trend)),
        ("looks", tables.LOOKS, look_cells(trend, language)) if trend.page else
        ("trend", tables.TREND, trend_cells(trend, of, language)),
    ]  # fmt: skip
    if trend.page is None:
        written.append(("criteria", tables.CRITERIA, criterion_cells(trend, language)))
    for name, columns, rows in written:
        with tables.Table(folder, name, columns, language) as table:
            for row in rows:
                table.add(**row)


def _engines(trend: Trend, language: Language) -> str:
    sweeps = [step.point.terms.sweep for steps in trend.steps.values() for step in steps]
    named = sorted({f"{each.engine} {each.engine_version}" for each in sweeps if each.engine})
    return language.say("common.comma").join(named) or language.say("trend.no_engine")


def trend_values(trend: Trend, of: Of, units: Sequence[Unit], language: Language) -> dict[str, Any]:
    """What the templates of a trend ask for."""
    rows = rows_of(trend, trend.criterion) if trend.page is None else []
    breaks = _breaks(rows)
    labels = [period_label(each.period, trend.every, language) for each in trend.flows]
    return {
        "trend": trend, "of": of, "title": title(trend, of, language), "rows": rows, "breaks": breaks,
        "numbered": [
            (row, next((number for number, each in breaks if each is row), 0), _when(row, trend, language)) for row in rows
        ],
        "lead": [*change_lines(trend, language), *summary(trend, language)],
        "rates": rate_chart(rows, breaks, language, alone=trend.alone, forecast=trend.forecast) if any(row.estimate for row in rows) else None,
        "looks": look_chart(trend.page, language), "flow": _flow_chart(trend, labels, language),
        "ages": _age_chart(trend, labels, language), "flow_values": flow_values, "age_names": age_names(),
        "whole": together(trend.flows), "repair": repair_sentence(trend, language), "units": units,
        "criteria": criterion_rows(trend) if trend.page is None else [],
        "site_rows": site_rows(trend) if not trend.alone else [], "range_of": lambda each: range_of(each, language),
        "reasons": lambda each: reasons(each, language), "why_broken": lambda row: why_broken(row, language), "missing_why": lambda each: missing_why(each, language),
        "swatch": chart.swatch, "line_swatch": chart.line_swatch, "patterns": chart.PATTERNS,
        "labels": labels, "within": WITHIN,
        "names": {edition: of_edition[language.lang != "ja"] for edition, of_edition in NAMES.items()},
        "verdicts": verdicts,
    }  # fmt: skip


def _breaks(rows: Sequence[Row]) -> list[tuple[int, Row]]:
    """The points that begin a new line, or stand alone, numbered as the chart has them."""
    return list(enumerate((row for row in rows if row.breaks and row.estimate), start=1))


def _when(row: Row, trend: Trend, language: Language) -> str:
    if row.sweep is not None:
        return language.date(row.last)
    return period_label(Period(first=row.first, last=row.last), trend.every, language)


def rate_chart(
    rows: Sequence[Row],
    breaks: Sequence[tuple[int, Row]],
    language: Language,
    *,
    alone: bool,
    forecast: Forecast | None,
) -> Markup:
    """The rates of the points that say one, of which there is one at least; `alone`: of one site by itself."""
    told = [row for row in rows if row.at is not None and row.estimate and row.estimate.rate is not None]
    numbers = {id(row): str(number) for number, row in breaks}
    series = [
        chart.Series(kind="first", marks=[
            _mark(row, Together(share=row.estimate.rate or 0.0, low=row.estimate.low, high=row.estimate.high),
                  numbers.get(id(row), ""))
            for row in told if row.estimate
        ]),
    ]  # fmt: skip
    if not alone:
        unweighted = [_mark(row, row.by_sites, "") for row in told if row.by_sites]
        series.append(chart.Series(kind="second", marks=unweighted))
    highest = [mark.high for each in series for mark in each.marks]
    target, ahead = None, None
    if forecast is not None:
        target = forecast.target.share, language.say("trend.target", target=language.share(forecast.target.share))
        highest.append(forecast.target.share)
        if forecast.foreseen is not None:
            seen = forecast.foreseen
            highest.append(seen.high)
            ahead = chart.Ahead(
                name=language.say("trend.foreseen", by=_short(forecast.target.by)), x=seen.time, y=seen.share,
                low=seen.low, high=seen.high,
            )  # fmt: skip
    days = [(mark.x, _short(row.last)) for mark, row in zip(series[0].marks, told, strict=True)]
    return chart.line_chart(
        "rates", language.say("trend.chart.rates"), _described(told, language), chart.share_axis(highest, language.share),
        series, days, target, ahead,
    )  # fmt: skip


def _mark(row: Row, of: Together, broken: str) -> chart.Mark:
    assert row.at is not None
    return chart.Mark(
        x=row.at.timestamp() / 86400, y=of.share, low=of.low, high=of.high, line=row.line, broken=broken,
        whole=not row.incomplete,
    )  # fmt: skip


def _short(day: date) -> str:
    return f"{day.year}-{day.month:02}-{day.day:02}"


def _described(rows: Sequence[Row], language: Language) -> str:
    """The chart in words: from where to where, in how many lines."""
    joined = len({row.line for row in rows if row.line is not None})
    first, last = rows[0].estimate, rows[-1].estimate
    assert first is not None
    assert last is not None
    return language.say(
        "trend.chart.rates_told", points=len(rows), lines=joined, first=language.date(rows[0].last),
        first_rate=language.share(first.rate or 0.0), last=language.date(rows[-1].last),
        last_rate=language.share(last.rate or 0.0),
    )  # fmt: skip


def look_chart(page: PageHistory | None, language: Language) -> Markup | None:
    """The places of one page over time; None where no sweep of them has a result of it."""
    looks = [look for look in page.looks if look.places is not None] if page else []
    if not looks:
        return None
    numbers = {
        id(look): str(number) for number, look in enumerate((each for each in looks if each.breaks), start=1)
    }
    marks = [
        chart.Mark(
            x=look.at.timestamp() / 86400, y=float(look.places or 0), low=0, high=0, line=look.line,
            broken=numbers.get(id(look), ""), whole=True,
        )
        for look in looks
    ]  # fmt: skip
    days = [(mark.x, _short(look.at.astimezone(TOKYO).date())) for mark, look in zip(marks, looks, strict=True)]
    axis = chart.count_axis([look.places or 0 for look in looks], language.number)
    told = language.say(
        "trend.chart.looks_told", looks=len(looks), first=language.count("place", looks[0].places or 0),
        last=language.count("place", looks[-1].places or 0),
    )  # fmt: skip
    series = [chart.Series(kind="first", marks=marks)]
    return chart.line_chart("looks", language.say("trend.chart.looks"), told, axis, series, days)


def _flow_chart(trend: Trend, labels: Sequence[str], language: Language) -> Markup:
    values = [flow_values(each) for each in trend.flows]
    bars = [chart.Bars(values=[each[kind] for each in values]) for kind in FLOWS]
    whole = flow_values(together(trend.flows))
    told = language.say("trend.flow", **whole)
    axis = chart.count_axis([value for each in bars for value in each.values], language.number)
    return chart.bar_chart("flow", language.say("trend.chart.flow"), told, axis, bars, labels)


def _age_chart(trend: Trend, labels: Sequence[str], language: Language) -> Markup:
    bars = [chart.Bars(values=[each.ages[band] for each in trend.flows]) for band in range(len(age_names()))]
    last = trend.flows[-1]
    told = language.say("trend.chart.ages_told", open=sum(last.ages), older=last.ages[-1])
    axis = chart.count_axis([sum(each.ages) for each in trend.flows], language.number)
    return chart.bar_chart("ages", language.say("trend.chart.ages"), told, axis, bars, labels, stacked=True)
