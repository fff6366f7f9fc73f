"""The pages that a page links to, as a few bytes in its row: their ids, sorted, as differences."""

import zlib
from collections.abc import Iterable

import numpy as np


def pack(pages: Iterable[int]) -> bytes:
    """The ids, each once, in the form that `Visit.links` keeps: about two bytes for a link."""
    ids = np.array(sorted(set(pages)), dtype="<i8")
    return zlib.compress(np.diff(ids, prepend=0).astype("<i8").tobytes(), level=6)


def unpack(row: bytes) -> list[int]:
    """The ids that `pack` put into a row, in order."""
    return [int(each) for each in np.cumsum(np.frombuffer(zlib.decompress(row), dtype="<i8"))]
