"""Markers stand in the picture, beside their places, and not on each other."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from reports.markers import PICTURE, SIZE, Marker, markers

BOX = st.tuples(*[st.floats(-500, 3000, width=32)] * 2, *[st.floats(0.5, 900, width=32)] * 2).map(list)


@given(st.lists(BOX | st.none(), max_size=30))
def test_no_marker_lies_on_another_or_outside(boxes: list[list[float] | None]) -> None:
    placed = [marker for marker in markers(boxes, 1280, 4000) if marker]
    across, down = 100 * SIZE / PICTURE, 100 * SIZE * 1280 / PICTURE / 4000
    for marker in placed:
        assert 0 <= marker.left <= 100 - across + 1e-6
        assert 0 <= marker.top <= 100 - down + 1e-6
    for one, two in combinations(placed, 2):
        assert abs(one.left - two.left) > across - 1e-6 or abs(one.top - two.top) > down - 1e-6


def test_places_that_the_picture_does_not_show_have_no_marker() -> None:
    assert markers([None, [0, 2000, 10, 10], [1280, 0, 5, 5], [-20, 0, 10, 10]], 1280, 2000) == [None] * 4


def test_a_page_without_size_has_no_markers() -> None:
    assert markers([[0, 0, 1, 1]], 0, 0) == [None]


def test_the_outline_is_cut_at_the_pictures_edge() -> None:
    (marker,) = markers([[640, 900, 1280, 400]], 1280, 1000)
    assert isinstance(marker, Marker)
    assert marker.box == (50, 90, 50, 10)


def test_a_full_corner_still_gives_every_place_a_marker() -> None:
    assert all(markers([[0, 0, 5, 5]] * 300, 1280, 60))
