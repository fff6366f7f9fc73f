"""The shape of a page: what its DOM looks like without its words, so that pages of one template can be found.

A page is taken as the set of the paths to its block elements (tags with their stable classes, a few levels deep) and of
the ids that the parts of its layout have there, the set as minhash values: the share of equal values in two shapes estimates
the share of common members. An id is a member of its own and no step of a path: where each page names its main part
after itself, all paths below it would be that page's alone.
"""

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.minhash import VALUES, Minhash, minhash

DEPTH = 6  # levels below body: deeper ones tell texts apart, not templates
THRESHOLD = 0.6  # share of equal values from which two pages count as one template

_PASSED_OVER = frozenset({
    "script", "style", "link", "meta", "noscript", "template", "br", "wbr",  # never seen
    "a", "abbr", "b", "bdi", "bdo", "big", "cite", "code", "del", "dfn", "em", "font", "i", "ins", "kbd", "mark",
    "q", "ruby", "s", "samp", "small", "span", "strike", "strong", "sub", "sup", "time", "tt", "u", "var",  # inline
})  # fmt: skip
_NAMED = frozenset({"div", "section", "nav", "header", "footer", "main", "aside", "article", "table", "form"})
_STATES = frozenset({"active", "current", "selected", "open", "on", "hover", "first", "last", "odd", "even"})
_GENERATED = re.compile(r"^(?:css|sc|jsx|svelte|js|is|has)-|[0-9a-f]{6,}|(?:\d.*){4,}")
_DIGITS = re.compile(r"\d+")


def shape(tree: LexborHTMLParser) -> Minhash:
    """The 32 minhash values, each below 2**32, of a parsed page."""
    paths = _paths(tree)
    return minhash(np.fromiter(paths, dtype=np.uint64, count=len(paths)))


def cluster(shapes: Sequence[Minhash], threshold: float = THRESHOLD) -> list[int]:
    """For each shape the number of its cluster, counted from 0 in the order given.

    Leader clustering: a shape joins the first cluster whose first member is alike enough, or else begins one.
    """
    matrix = np.array(shapes, dtype=np.uint32).reshape(len(shapes), VALUES)
    labels = np.full(len(shapes), -1)
    waiting = np.arange(len(shapes))
    number = 0
    while waiting.size:
        alike = (matrix[waiting] == matrix[waiting[0]]).mean(axis=1) >= threshold
        alike[0] = True
        labels[waiting[alike]] = number
        waiting = waiting[~alike]
        number += 1
    return [int(label) for label in labels]


def _paths(tree: LexborHTMLParser) -> set[int]:
    """Hashes of the paths of all elements below body, DEPTH levels at most."""
    paths: set[int] = set()
    waiting: list[tuple[LexborNode, int, int]] = [(tree.body, 0, 0)] if tree.body else []
    while waiting:
        parent, path, depth = waiting.pop()
        for node in parent.iter():
            if node.tag in _PASSED_OVER:
                continue
            attributes = node.attributes
            child = zlib.crc32(_label(node.tag or "", attributes.get("class")), path)
            paths.add(child)
            if (name := attributes.get("id")) and node.tag in _NAMED:
                paths.add(zlib.crc32(_DIGITS.sub("0", f"#{name.lower()}").encode("utf-8", "replace"), child))
            if depth + 1 < DEPTH:
                waiting.append((node, child, depth + 1))
    return paths


@lru_cache(maxsize=8192)
def _label(tag: str, classes: str | None) -> bytes:
    """Tag and stable classes: `>div.box.w0`."""
    stable = sorted(set(filter(_is_stable, (classes or "").lower().split())))
    label = f">{tag}.{'.'.join(stable)}"
    return _DIGITS.sub("0", label).encode("utf-8", "replace")


def _is_stable(name: str) -> bool:
    return name not in _STATES and not _GENERATED.search(name)
