"""What a reader gets of a page, apart from how it looks: the evidence by which two addresses are told to be one page."""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.address import canonical, spelling_key
from crawler.minhash import Minhash, minhash

SHINGLE = 8  # characters: Japanese has no spaces to part words by
NONE = "none"  # in place of a text alternative that is not there
TELLING = 50  # characters from which words tell a page from others
FEW_LINKS, LITTLE_TEXT = 5, 1200  # links and characters up to which a page may be a notice, and no more

_UNREAD = ["script", "style", "noscript", "template"]
_EMBEDDED = (
    "img, iframe[src], iframe[srcdoc], frame[src], embed[src], object[data], video[src], audio[src], source[src],"
    " source[srcset]"
)
_FILES = (
    ".gif",
    ".jpeg",
    ".jpg",
    ".png",
    ".svg",
    ".webp",
    ".ico",
    ".bmp",
    ".mp3",
    ".mp4",
    ".webm",
    ".pdf",
)  # the query chooses no other
_MARKED = "input:not([type=hidden i]), select, textarea, button, label, area, [aria-label], [aria-hidden], [role], [style]"
_SAYING = frozenset(
    {"type", "value", "alt", "title", "placeholder", "role", "aria-label", "aria-hidden", "style", "disabled"}
)
_DIGITS = re.compile(r"\d+")
_REFERENCE = re.compile(r"(?=[A-Za-z._:/#-]*\d)[\dA-Za-z._:/#-]+")  # any digit within makes it one
_FACTORS = np.array([pow(0x9E3779B97F4A7C15, power, 2**64) for power in range(1, SHINGLE + 1)], dtype=np.uint64)


@dataclass(frozen=True, kw_only=True)
class Content:
    """What a page says: its words and what is embedded, for the most part as digests."""

    digest: str | None  # equal: a reader gets the same; None: it says too little to be told from others
    wording: str  # of the words without numbers and the embedded files: equal for all days of an empty calendar
    notice: str | None  # the same without what may be a reference number; None: it says more than a notice
    shape: Minhash  # of the words: how much of two texts is the same
    words: str  # title and words
    numbers: tuple[str, ...]  # of these, in their order
    steady: str  # of all that `digest` tells but the numbers, and how links are spelled


def content(tree: LexborHTMLParser, title: str, links: Iterable[str], base: str, unread: str = "") -> Content:
    """The content of a parsed page. Takes what nobody reads out of the tree: the last thing to do with it.

    `unread` is the end of a document that was not parsed: compared as it stands, so that the page is like no other one.

    Of links counts where they lead, without the query; of pictures also their text alternative, which is read out, and
    whether there is one; of controls, labels and named parts what they say of themselves; of frames, and of pictures that a
    program makes, the query too. Left out is what differs from answer to answer of one page: scripts, other attributes,
    hidden fields, session numbers.
    """
    embedded = [(_sources(node, base), node.attributes.get("alt", NONE)) for node in tree.css(_EMBEDDED)]
    marked = [_marks(node) for node in tree.css(_MARKED)]
    tree.strip_tags(_UNREAD)
    words = " ".join(tree.body.text(separator=" ").split()) if tree.body else ""
    targets = sorted({link.partition("?")[0] for link in links})
    few = not unread and len(targets) <= FEW_LINKS and len(title) + len(words) <= LITTLE_TEXT
    telling = len(words.replace(" ", "")) >= TELLING
    silent = [_DIGITS.sub("", each) for each in (title, words)]
    return Content(
        digest=_digest([title, words, embedded, targets, marked, unread]) if telling else None,
        wording=_digest([*silent, embedded])[:16],
        notice=_digest([*(_REFERENCE.sub("", each) for each in (title, words)), embedded])[:16] if few else None,
        shape=minhash(_shingles(_digest([words, unread]) if unread else words)),
        words=f"{title} {words}",
        numbers=tuple(_DIGITS.findall(f"{title} {words}")),
        steady=_digest([*silent, embedded, sorted({spelling_key(each) for each in targets}), marked, unread]),
    )


def _sources(node: LexborNode, base: str) -> list[str]:
    """What an element shows, or one of which it shows."""
    if "srcdoc" in node.attributes:  # a frame shows that, whatever its address
        return [node.attributes["srcdoc"] or ""]
    written = node.attributes.get("src") or node.attributes.get("data") or ""
    candidates = _candidates(node.attributes.get("srcset") or "")
    return [_source(each, base) for each in (written, *candidates) if each]


def _candidates(srcset: str) -> Iterator[str]:
    """The addresses of a srcset, without what is said of each (HTML "parse a srcset attribute")."""
    is_next = True
    for token in srcset.split():
        if not is_next:
            _, comma, token = token.partition(",")
            is_next = bool(comma)
        if is_next and (address := token.strip(",")):
            yield address
            is_next = token.endswith(",")


def _source(written: str, base: str) -> str:
    source = canonical(written, base) or written
    path, _, query = source.partition("?")
    return path if not query or path.lower().endswith(_FILES) else source


def _marks(node: LexborNode) -> list[str]:
    """What a control, a label or a named part says of itself, to eyes or to a screen reader."""
    told = [f"{name}={value or ''}" for name, value in sorted(node.attributes.items()) if name in _SAYING]
    return [node.tag or "", *told]


def _digest(told: Sequence[object]) -> str:
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _shingles(words: str) -> NDArray[np.uint64]:
    """One hash for each run of SHINGLE characters."""
    characters = np.frombuffer(words.encode("utf-32-le", "surrogatepass"), dtype="<u4").astype(np.uint64)
    count = max(len(characters) - SHINGLE + 1, min(len(characters), 1))
    hashes = np.zeros(count, dtype=np.uint64)
    for place, factor in enumerate(_FACTORS):
        part = characters[place : place + count]
        hashes[: len(part)] += part * factor  # wraps around at 2**64 on purpose
    return np.unique(hashes ^ (hashes >> np.uint64(29)))
