"""Marks: a small number for each page of a sweep, in a byte each, so that a million pages take a megabyte."""

from collections import defaultdict

CHUNK = 4096  # pages in one piece; a piece without a mark takes nothing


class Marks:
    """A number from 0 to 255 for each page; 0 until it is set."""

    def __init__(self) -> None:
        self._chunks: defaultdict[int, bytearray] = defaultdict(lambda: bytearray(CHUNK))

    def __getitem__(self, page: int) -> int:
        chunk = self._chunks.get(page // CHUNK)
        return chunk[page % CHUNK] if chunk else 0

    def __setitem__(self, page: int, mark: int) -> None:
        self._chunks[page // CHUNK][page % CHUNK] = mark
