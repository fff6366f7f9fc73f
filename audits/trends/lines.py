"""Lines: which points of a site go on from one another, and why the others do not."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from audits.breaks import are_one_draw, breaks
from audits.trends.points import Point
from db.words import Break

ENOUGH = 0.5  # of the pages that a part speaks by must have a result; less may be another picture


@dataclass(frozen=True, kw_only=True)
class Step:
    """A point, and how it follows on the line before it."""

    point: Point
    line: int | None  # number of the line that it lies on, from 0; None: it stands alone
    breaks: tuple[Break, ...]  # why it does not go on from the line before, or stands alone

    @property
    def alone(self) -> bool:
        """Whether nothing may be held against it."""
        return self.line is None


def lines(points: Iterable[Point]) -> list[Step]:
    """The points of one site in their order, joined where one may be held against the other.

    A point goes on from the last one of its line when nothing that the numbers stand on has changed, and when its
    random part is a new draw against all points before. Points that say nothing of the whole site, or of which
    too much is missing, stand alone: the line passes them by.
    """
    told: list[Step] = []
    line: list[Point] = []
    number = -1
    for point in _knowing(points):
        if why := _stands_alone(point, line):
            told.append(Step(point=point, line=None, breaks=(why,)))
            continue
        broken = between(line[-1], point) if line else ()
        if broken or not line:
            line, number = [], number + 1
        line.append(point)
        told.append(Step(point=point, line=number, breaks=broken))
    return told


def last_line(steps: Sequence[Step]) -> list[Step]:
    """The points of the line that is still drawn; none when there is no line."""
    numbers = [step.line for step in steps if step.line is not None]
    return [step for step in steps if numbers and step.line == numbers[-1]]


def between(before: Point, after: Point) -> tuple[Break, ...]:
    """Why the numbers of a later point do not go on from those of an earlier one."""
    found = list(breaks(before.terms, after.terms))
    if before.method is not after.method:
        found.append(Break.METHOD)
    return tuple(found)


def _knowing(points: Iterable[Point]) -> Iterator[Point]:
    """The points, each with whether its random part was drawn before."""
    before: list[Point] = []
    for point in points:
        known = any(are_one_draw(each.terms, point.terms) for each in before)
        before.append(point)
        yield replace(point, terms=replace(point.terms, known=True)) if known else point


def _stands_alone(point: Point, line: Sequence[Point]) -> Break | None:
    sample = point.sample()
    if sample is None:
        return Break.NOT_WHOLE
    too_few = sample.audited < ENOUGH * sample.drawn
    shrunken = bool(line) and not point.complete and point.terms.frame < ENOUGH * line[-1].terms.frame
    return Break.SUSPECT if too_few or shrunken else None
