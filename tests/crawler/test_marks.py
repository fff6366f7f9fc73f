"""A mark for each page, wherever its number lies."""

from crawler.marks import Marks


def test_marks_are_kept_page_by_page() -> None:
    marks = Marks()
    marks[5] = 1
    marks[4096] = 255
    marks[10**9] = 2
    assert [marks[page] for page in (0, 5, 4095, 4096, 4097, 10**9, 10**9 + 1)] == [0, 1, 0, 255, 0, 2, 0]
