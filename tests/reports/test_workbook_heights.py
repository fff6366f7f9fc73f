"""Rows are as high as their texts need, since not every program works that out."""

from reports.workbook import HIGHEST, LINE, height_of


def test_a_row_is_as_high_as_its_longest_text_in_its_column() -> None:
    assert height_of(["短い", 3, None], [20, 8, 8]) == LINE
    assert height_of(["あ" * 30, "x"], [21, 8]) == 3 * LINE  # ten wide letters in a line
    assert height_of(["one\ntwo\nthree"], [20]) == 3 * LINE
    assert height_of(["あ" * 10_000], [20]) == HIGHEST
