"""Charts as SVG made here: lines with their intervals and breaks, and bars told apart by patterns and not by colour alone.

Each chart has a name and a description for people who do not see it; its numbers stand in a table beside it.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

WIDTH, HEIGHT = 720, 320  # units of the drawing
LEFT, RIGHT, TOP, BOTTOM = 60, 26, 26, 44
TOPS = (0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0)  # shares that an axis may end at
LABELS = 7  # that fit below bars
APART = 82  # units from the middle of a day below to that of the next, so that they do not touch
BESIDE = 9  # that the second line is moved to the right
PATTERNS = ("solid", "hatch", "dots", "cross", "blank")


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A point of a line."""

    x: float  # time
    y: float  # from 0 to the top of the axis
    low: float
    high: float
    line: int | None  # points of one number are joined; None: it stands alone
    broken: str  # number of the break before it, as the list below the chart has it; empty: none
    whole: bool  # False: something was missed


@dataclass(frozen=True, kw_only=True)
class Series:
    """Points that are one kind of number."""

    kind: str  # "first" or "second": circles and a full line, or squares and a dashed one
    marks: Sequence[Mark]


@dataclass(frozen=True, kw_only=True)
class Ahead:
    """What is foreseen for a time, and the target that it is held against."""

    name: str
    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Axis:
    """The values upwards: where they end, and how they are written."""

    top: float
    labels: Sequence[tuple[float, str]]


@dataclass(frozen=True, kw_only=True)
class Bars:
    """One number in each period; the patterns tell the kinds apart, in the order of PATTERNS."""

    values: Sequence[int]


def share_axis(values: Iterable[float], say: Callable[[float], str]) -> Axis:
    """An axis of shares that holds these."""
    most = max(values, default=1.0)
    top = next((each for each in TOPS if each >= most), 1.0)
    return Axis(top=top, labels=[(top * step / 4, say(top * step / 4)) for step in range(5)])


def count_axis(values: Iterable[int], say: Callable[[int], str]) -> Axis:
    """An axis of whole numbers that holds these."""
    most = max(values, default=0)
    step = 1
    while step * 4 < most:
        step = step * 2 if str(step)[0] in "15" else step * 5 // 2
    return Axis(top=float(step * 4), labels=[(float(step * each), say(step * each)) for each in range(5)])


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """The drawing's own coordinates."""

    first: float
    last: float
    top: float

    def x(self, value: float) -> float:
        """Across, for a time."""
        span = self.last - self.first
        part = (value - self.first) / span if span else 0.5
        return round(LEFT + 14 + part * (WIDTH - LEFT - RIGHT - 28), 1)

    def y(self, value: float) -> float:
        """Down, for a value."""
        return round(HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM), 1)


def line_chart(
    name: str, told: str, description: str, axis: Axis, series: Sequence[Series], days: Sequence[tuple[float, str]],
    target: tuple[float, str] | None = None, ahead: Ahead | None = None,
) -> Markup:  # fmt: skip
    """Lines over time. `days` are times with what is written below them, `target` a share with its name.

    `name` is of the chart among those of a page; `told` is its title and `description` what it shows, in words.
    """
    times = [each for each, _ in days] + [mark.x for each in series for mark in each.marks]
    frame = _Frame(first=min(times), last=max([*times, *([ahead.x] if ahead else [])]), top=axis.top)
    drawn = [_grid(axis, frame), *_days(days, frame)]
    if target:
        height = frame.y(target[0])
        drawn.append(
            _svg('<line class="target" x1="{}" x2="{}" y1="{}" y2="{}"/>', LEFT, WIDTH - RIGHT, height, height)
        )
        above = [
            mark.y > target[0] for each in series for mark in each.marks[:1]
        ]  # the name stands where no line begins
        beside = 16 if any(above) and height + 20 < HEIGHT - BOTTOM else -5
        drawn.append(_svg('<text class="label" x="{}" y="{}">{}</text>', LEFT + 4, height + beside, target[1]))
    drawn += [part for each in series for part in _line(each, frame)]
    if ahead:
        drawn += _ahead(ahead, series, frame)
    return _chart(name, told, description, drawn)


def bar_chart(
    name: str, told: str, description: str, axis: Axis, bars: Sequence[Bars], labels: Sequence[str], *, stacked: bool = False
) -> Markup:  # fmt: skip
    """Bars for each period, beside one another or on top of one another."""
    frame = _Frame(first=0, last=1, top=axis.top)
    place = (WIDTH - LEFT - RIGHT) / max(len(labels), 1)
    drawn = [_patterns(name), _grid(axis, frame)]
    width = place * 0.8 / (1 if stacked else max(len(bars), 1))
    every = -(-len(labels) // LABELS)
    for number, label in enumerate(labels):
        left, base = LEFT + number * place + place * 0.1, 0
        for index, kind in enumerate(bars):
            value = kind.values[number]
            above, below = frame.y(base + value), frame.y(base)
            across = left if stacked else left + index * width
            drawn.append(
                _svg(
                    '<rect class="bar {}" fill="url(#{}-{})" x="{}" y="{}" width="{}" height="{}"/>',
                    PATTERNS[index], name, PATTERNS[index], round(across, 1), above, round(width, 1), round(below - above, 1),
                )
            )  # fmt: skip
            base += value if stacked else 0
        if number % every == 0:
            middle = round(LEFT + (number + 0.5) * place, 1)
            drawn.append(_svg('<text class="below" x="{}" y="{}">{}</text>', middle, HEIGHT - BOTTOM + 20, label))
    return _chart(name, told, description, drawn)


def swatch(kind: str) -> Markup:
    """What a pattern looks like, for the legend of a chart of bars."""
    name = f"swatch-{kind}"
    parts = [
        _patterns(name),
        _svg('<rect class="bar {}" fill="url(#{}-{})" x="1" y="1" width="26" height="14"/>', kind, name, kind),
    ]
    return _svg('<svg class="swatch" viewBox="0 0 28 16" aria-hidden="true">{}</svg>', Markup("").join(parts))


def line_swatch(kind: str) -> Markup:
    """What a line looks like, for the legend of a chart of lines."""
    mark = _shape(kind, 14, 8, "")
    return _svg(
        '<svg class="swatch" viewBox="0 0 28 16" aria-hidden="true"><path class="line {}" d="M1 8H27"/>{}</svg>',
        kind,
        mark,
    )


def _chart(name: str, told: str, description: str, drawn: Iterable[Markup]) -> Markup:
    return _svg(
        '<svg class="chart" viewBox="0 0 {} {}" role="img" aria-labelledby="{}-title {}-desc">'
        '<title id="{}-title">{}</title><desc id="{}-desc">{}</desc>{}</svg>',
        WIDTH, HEIGHT, name, name, name, told, name, description, Markup("\n").join(drawn),
    )  # fmt: skip


def _grid(axis: Axis, frame: _Frame) -> Markup:
    lines = []
    for value, label in axis.labels:
        height = frame.y(value)
        lines.append(
            _svg('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>', LEFT, WIDTH - RIGHT, height, height)
        )
        lines.append(_svg('<text class="aside" x="{}" y="{}">{}</text>', LEFT - 8, height + 4, label))
    return Markup("").join(lines)


def _days(days: Sequence[tuple[float, str]], frame: _Frame) -> list[Markup]:
    shown: list[tuple[float, str]] = []
    for time, label in days:
        if not shown or frame.x(time) - shown[-1][0] >= APART:
            shown.append((frame.x(time), label))
    return [
        _svg('<text class="below" x="{}" y="{}">{}</text>', x, HEIGHT - BOTTOM + 20, label) for x, label in shown
    ]


def _line(series: Series, frame: _Frame) -> Iterable[Markup]:
    aside = BESIDE if series.kind == "second" else 0  # that points at one height do not hide one another
    joined: dict[int, list[Mark]] = {}
    for mark in series.marks:
        if mark.line is not None:
            joined.setdefault(mark.line, []).append(mark)
    for marks in joined.values():
        path = "M" + " L".join(f"{frame.x(mark.x) + aside} {frame.y(mark.y)}" for mark in marks)
        yield _svg('<path class="line {}" d="{}"/>', series.kind, path)
    for mark in series.marks:
        x, y = frame.x(mark.x) + aside, frame.y(mark.y)
        if mark.low < mark.high:
            low, high = frame.y(mark.low), frame.y(mark.high)
            yield _svg(
                '<path class="extent {}" d="M{} {}V{}M{} {}h8M{} {}h8"/>',
                series.kind,
                x,
                low,
                high,
                x - 4,
                low,
                x - 4,
                high,
            )
        if mark.broken:
            yield _svg(
                '<line class="break" x1="{}" x2="{}" y1="{}" y2="{}"/>', x - 12, x - 12, TOP, HEIGHT - BOTTOM
            )
            yield _svg('<text class="below" x="{}" y="{}">{}</text>', x - 12, TOP - 8, mark.broken)
        if mark.line is None:
            yield _svg('<path class="alone" d="M{} {}l10 10m0 -10l-10 10"/>', x - 5, y - 5)
        else:
            yield _shape(series.kind, x, y, "" if mark.whole else " partly")


def _shape(kind: str, x: float, y: float, more: str) -> Markup:
    if kind == "second":
        return _svg(
            '<rect class="mark second{}" x="{}" y="{}" width="9" height="9"/>',
            more,
            round(x - 4.5, 1),
            round(y - 4.5, 1),
        )
    return _svg('<circle class="mark first{}" cx="{}" cy="{}" r="5"/>', more, x, y)


def _ahead(ahead: Ahead, series: Sequence[Series], frame: _Frame) -> list[Markup]:
    x, y, low, high = frame.x(ahead.x), frame.y(ahead.y), frame.y(ahead.low), frame.y(ahead.high)
    drawn = []
    last = [mark for mark in series[0].marks if mark.line is not None][-1:]
    for mark in last:
        drawn.append(_svg('<path class="ahead" d="M{} {}L{} {}"/>', frame.x(mark.x), frame.y(mark.y), x, y))
    drawn.append(
        _svg('<rect class="ahead-extent" x="{}" y="{}" width="10" height="{}"/>', x - 5, high, round(low - high, 1))
    )
    drawn.append(_svg('<text class="label end" x="{}" y="{}">{}</text>', x + 12, high - 7, ahead.name))
    return drawn


def _patterns(name: str) -> Markup:
    """The fills of bars: their own names in each chart, since a page has several."""
    inside = {
        "solid": '<rect class="paint" width="8" height="8"/>',
        "hatch": '<rect class="under" width="8" height="8"/><path class="stroke" d="M-2 10L10 -2M-2 2L2 -2M6 10L10 6"/>',
        "dots": '<rect class="under" width="8" height="8"/><circle class="paint" cx="4" cy="4" r="1.8"/>',
        "cross": '<rect class="under" width="8" height="8"/><path class="stroke" d="M0 4H8M4 0V8"/>',
        "blank": '<rect class="under" width="8" height="8"/>',
    }
    return _svg(
        "<defs>{}</defs>",
        Markup("").join(
            _svg('<pattern id="{}-{}" class="{}" width="8" height="8" patternUnits="userSpaceOnUse">', name, kind, kind)
            + _svg(of) + _svg("</pattern>")
            for kind, of in inside.items()
        ),
    )  # fmt: skip


def _svg(template: str, *values: object) -> Markup:
    """A piece of the drawing; every value is escaped that is no piece itself."""
    return Markup(template).format(*values)  # noqa: S704 - templates are ours, values are escaped
