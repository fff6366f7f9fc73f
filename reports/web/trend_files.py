"""The trend of a site as files: its points, its criteria in each sweep, and the flow of its defects, as reports have them."""

from collections.abc import Iterable
from typing import Any

from audits.trends.trend import Trend
from reports import tables
from reports.trend_cells import criterion_cells, flow_cells, trend_cells
from reports.trend_view import Of
from reports.web.asking import Asked
from reports.web.listing import FILES, Cell, Column, Listing

NAMES = ("trend", "criteria", "flow")


def wants_trend(asked: Asked) -> bool:
    """Whether one of these files is asked for."""
    given = asked.request.query_params
    return given.get("table") in NAMES and given.get("as") in FILES


def trend_files(asked: Asked, trend: Trend, of: Of) -> list[Listing]:
    """The tables, which are shown in another way on the screen."""
    language = asked.language
    return [
        _listing(asked, "trend", tables.TREND, trend_cells(trend, of, language)),
        _listing(asked, "criteria", tables.CRITERIA, criterion_cells(trend, language)),
        _listing(asked, "flow", tables.FLOW, flow_cells(trend)),
    ]


def _listing(asked: Asked, name: str, columns: tuple[str, ...], rows: Iterable[dict[str, Any]]) -> Listing:
    def column(key: str) -> Column:
        def cell(row: tuple[int, dict[str, Any]]) -> Cell:
            value = row[1].get(key)
            return Cell(text="" if value is None else str(value), value="" if value is None else value)

        heading = asked.language.say(f"{name}_csv.{key}")
        return Column(key=key, heading=heading, cell=cell, by=lambda row: row[0])  # in the order that they come in

    every = [column(key) for key in columns]
    return Listing(asked=asked, id=name, caption=name, sort=columns[0], rows=list(enumerate(rows)), columns=every)
