"""HTML of crawled pages to be read: its parts in colours, and nothing of it more than text; and the way to it in the live page."""

import re
from collections.abc import Iterator
from html import unescape
from urllib.parse import quote

from markupsafe import Markup, escape

from reports.clean import visible, web_link

_OUTSIDE = re.compile(r"<!--.*?(?:-->|\Z)|</?[A-Za-z][^\s/>]*|[^<]+|<", re.S)
_INSIDE = re.compile(r"""/?>|=\s*(?:"[^"]*(?:"|\Z)|'[^']*(?:'|\Z)|[^\s"'>]+)|[^\s=/>"']+|\s+|.""", re.S)
_TAG = re.compile(r"<[^>]*(?:>|\Z)")
_WORDS = 60  # characters of a place's words that are looked for in the live page


def highlighted(snippet: str) -> Markup:
    """A snippet as HTML to show: tags, attributes, values and comments are spans of a class; also of what is cut off or broken."""
    return Markup("").join(_parts(visible(snippet)))


def live_link(address: str, snippet: str, *, framed: bool) -> str | None:
    """Where the live page shows a place: its address, with its words as a text fragment where it has some.

    None for an address that nobody should follow. A frame's words are not found from outside, so they are left out.
    """
    link = web_link(address)
    words = " ".join(unescape(_TAG.sub(" ", snippet)).split())
    if link is None or framed or not words or visible(words) != words:
        return link
    begin = words if len(words) <= _WORDS else words[:_WORDS].rpartition(" ")[0] or words[: _WORDS // 2]
    mark = ":~:text=" if "#" in link else "#:~:text="
    return f"{link}{mark}{quote(begin, safe='').replace('-', '%2D')}"


def _parts(text: str) -> Iterator[Markup]:
    at, inside = 0, False
    while at < len(text):
        found = (_INSIDE if inside else _OUTSIDE).match(text, at)
        assert found is not None  # both take any character
        piece, at = found[0], found.end()
        if not inside:
            inside = piece.startswith("<") and not piece.startswith("<!--") and len(piece) > 1
            yield _span("tag" if inside else "remark" if piece.startswith("<!--") else "", piece)
        elif piece.endswith(">") and piece in (">", "/>"):
            inside = False
            yield _span("tag", piece)
        else:
            yield _span("value" if piece.startswith("=") else "" if piece.isspace() else "name", piece)


def _span(kind: str, piece: str) -> Markup:
    return Markup('<span class="h-{}">{}</span>').format(kind, piece) if kind else escape(piece)
