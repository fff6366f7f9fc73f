"""Permanent random numbers: each address has its own for a seed, and a random part is the next ones from a place on.

Since an address keeps its number, a draw is the same on every machine, a page that proves not to exist is followed by
the next one, and a later draw that begins further on keeps of an earlier one what it is to keep. Why each page has the
same chance all the same is told in docs/decisions/0012-permanent-random-numbers.md.
"""

import hashlib
from collections.abc import Iterable, Sequence

from db.words import Redraw

BITS = 53  # so that a number is one of [0, 1) exactly, in whatever language it is worked out again
ROUND = 1 << BITS


def number_of(seed: int, address: str) -> int:
    """The number of an address: the first 53 bits of SHA-256 of the seed in digits, a newline and the address."""
    digest = hashlib.sha256(f"{seed}\n{address}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> (64 - BITS)


def in_order(seed: int, begin: int, addresses: Iterable[str]) -> list[str]:
    """Addresses in the order in which they are drawn: by number from `begin` on, around to it again."""
    return sorted(addresses, key=lambda address: ((number_of(seed, address) - begin) % ROUND, address))


def later_begin(seed: int, begin: int, drawn: Sequence[str], redraw: Redraw) -> int:
    """Where a later draw begins: right behind the last page that it is not to keep.

    `drawn` are the pages of the earlier random part, which began at `begin`. Of an odd number the smaller half is kept.
    """
    order = in_order(seed, begin, drawn)
    dropped = len(order) if redraw is Redraw.WHOLLY else (len(order) + 1) // 2
    return (number_of(seed, order[dropped - 1]) + 1) % ROUND if dropped else begin
