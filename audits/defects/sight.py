"""What a sweep has seen: which pages, when, and by which rules."""

from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

import sqlalchemy as sa

from audits import mic
from crawler.frontier import ROWS
from db.tables import Sweep, Visit
from db.types import Moment
from db.words import VisitState

T = TypeVar("T")


def seen_in(sweep: Sweep) -> tuple[sa.ColumnElement[bool], ...]:
    """The visits of pages that the sweep saw."""
    return Visit.sweep_id == sweep.id, Visit.state == VisitState.AUDITED, Visit.result_id.is_not(None)


def seen_at(sweep: Sweep) -> sa.ColumnElement[Any]:
    """When a page was seen as it is: what was carried was found unchanged when that was decided."""
    if sweep.carried_at is None:
        return sa.type_coerce(Visit.audited_at, Moment())
    return sa.case((Visit.carried, sa.literal(sweep.carried_at, Moment())), else_=Visit.audited_at)


def last_seen(visit: type[Visit], sweep: type[Sweep]) -> sa.ColumnElement[Any]:
    """The same of visits of any sweep, which is joined to them."""
    return sa.case((visit.carried, sa.func.coalesce(sweep.carried_at, visit.audited_at)), else_=visit.audited_at)


def rules_run(sweep: Sweep) -> set[str]:
    """All rules that were run on the pages of a sweep."""
    surveyed = mic.rule_criteria() if sweep.mic else {}
    return {*(sweep.rule_criteria or {}), *(sweep.also_criteria or {}), *surveyed}


def parts(values: Iterable[T], size: int = ROWS) -> Iterator[list[T]]:
    """The values in their order, as many at a time as one statement takes."""
    rest = list(values)
    return (rest[begin : begin + size] for begin in range(0, len(rest), size))
