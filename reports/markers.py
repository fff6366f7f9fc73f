"""Numbered markers on the picture of a page: each beside its place, none on top of another."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

PICTURE = 800  # CSS px, the least width at which the report shows a picture
SIZE = 28  # CSS px, a marker's width and height


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Where a marker and the outline of its place stand, in per cent of the picture."""

    left: float
    top: float
    box: tuple[float, float, float, float]  # left, top, width, height

    def at(self, width: float, height: float) -> dict[str, float]:
        """The marker's corner and the outline of its place in a picture of this size, rounded to a tenth."""
        across, down = width / 100, height / 100
        left, top, wide, high = self.box
        found = {
            "x": self.left * across, "y": self.top * down, "left": left * across, "top": top * down,
            "width": wide * across, "height": high * down,
        }  # fmt: skip
        return {name: round(value, 1) for name, value in found.items()}

    @property
    def style(self) -> str:
        """Position of the marker as CSS."""
        return f"left:{self.left:.3f}%;top:{self.top:.3f}%"

    @property
    def box_style(self) -> str:
        """Position and size of the outline as CSS."""
        return "left:{:.3f}%;top:{:.3f}%;width:{:.3f}%;height:{:.3f}%".format(*self.box)


def markers(boxes: Sequence[list[float] | None], width: float, height: float) -> list[Marker | None]:
    """A marker for each box (x, y, width, height) inside a picture of this size; None for one outside it."""
    if width <= 0 or height <= 0:
        return [None for _ in boxes]
    size = SIZE * width / PICTURE  # in the units of the boxes
    free = _Free(size, width, height)
    return [_marker(box, free, width, height) for box in boxes]


class _Free:
    """Finds room for the next marker; earlier markers are kept in squares of their own size."""

    def __init__(self, size: float, width: float, height: float) -> None:
        self.size, self.width, self.height = size, width, height
        self._taken: dict[tuple[int, int], list[tuple[float, float]]] = defaultdict(list)

    def take(self, x: float, y: float) -> tuple[float, float]:
        """The free spot nearest to the wish to the right and below; the wish itself where all is full."""
        wish = self._inside(x, y)
        found = next((spot for spot in self._wishes(*wish) if self._is_free(*spot)), wish)
        self._taken[self._square(*found)].append(found)
        return found

    def _wishes(self, x: float, y: float) -> Iterator[tuple[float, float]]:
        step = self.size * 1.01
        away = -step if x + 8 * step > self.width else step
        for index in range(96):
            yield self._inside(x + away * (index % 8), y + step * (index // 8))

    def _inside(self, x: float, y: float) -> tuple[float, float]:
        return (
            max(0.0, min(x, self.width - self.size)),
            max(0.0, min(y, self.height - self.size)),
        )

    def _square(self, x: float, y: float) -> tuple[int, int]:
        return int(x // self.size), int(y // self.size)

    def _is_free(self, x: float, y: float) -> bool:
        column, row = self._square(x, y)
        near = ((column + across, row + down) for across in (-1, 0, 1) for down in (-1, 0, 1))
        return not any(
            abs(x - left) < self.size and abs(y - top) < self.size
            for square in near
            for left, top in self._taken.get(square, ())
        )


def _marker(box: list[float] | None, free: _Free, width: float, height: float) -> Marker | None:
    if box is None or box[0] >= width or box[1] >= height or box[0] + box[2] <= 0 or box[1] + box[3] <= 0:
        return None
    left, top = max(0.0, box[0]), max(0.0, box[1])
    right, bottom = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    x, y = free.take(left - free.size / 2, top - free.size / 2)
    return Marker(
        left=100 * x / width,
        top=100 * y / height,
        box=(
            100 * left / width,
            100 * top / height,
            100 * (right - left) / width,
            100 * (bottom - top) / height,
        ),
    )
