"""Minhash (Broder 1997): a set as 32 values; the share of equal values in two estimates how much the sets share."""

import hashlib

import numpy as np
from numpy.typing import NDArray

Minhash = tuple[int, ...]  # VALUES numbers below 2**32

VALUES = 32
_ALL_ONES = 0xFFFFFFFF


def _constants(letter: str) -> NDArray[np.uint64]:
    """One odd 64-bit factor or addend for each value: the same in every process and release."""
    digests = (hashlib.blake2b(f"{letter}{i}".encode(), digest_size=8).digest() for i in range(VALUES))
    return np.array([int.from_bytes(digest, "big") | 1 for digest in digests], dtype=np.uint64)


_FACTORS = _constants("a")
_ADDENDS = _constants("b")


def minhash(hashes: NDArray[np.uint64]) -> Minhash:
    """The values of a set that is given as one hash for each member."""
    if not hashes.size:
        return (_ALL_ONES,) * VALUES
    # Multiply-shift hashing (Dietzfelbinger 1997): products wrap around at 2**64 on purpose.
    mixed = (_FACTORS[:, None] * hashes[None, :] + _ADDENDS[:, None]) >> np.uint64(32)
    return tuple(int(value) for value in mixed.min(axis=1))


def likeness(a: Minhash, b: Minhash) -> float:
    """How alike two sets are, from 0 to 1: the estimated share of common members (Jaccard)."""
    return sum(x == y for x, y in zip(a, b, strict=True)) / VALUES


def pack(values: Minhash) -> bytes:
    """The values as 128 bytes for a row."""
    return np.array(values, dtype="<u4").tobytes()


def unpack(row: bytes) -> Minhash:
    """The values that `pack` put into a row."""
    return tuple(int(value) for value in np.frombuffer(row, dtype="<u4"))
