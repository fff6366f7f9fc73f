"""What a page says of itself to crawlers: noindex and nofollow, in its own markup or in its answer's header.

They are wishes about search engines, kept with the visit; only a sweep that is told to obey them lets them decide.
"""

import re
from collections.abc import Iterable, Iterator

_MEANING = {"noindex": ("noindex",), "nofollow": ("nofollow",), "none": ("noindex", "nofollow")}
_NAMED = re.compile(r"\s*([\w-]+)\s*:(.*)", re.DOTALL)
_RULES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")  # no crawlers' names


def said_of(metas: Iterable[tuple[str, str]], headers: Iterable[str], product: str) -> str | None:
    """`noindex`, `nofollow` or `noindex, nofollow`; None when the page says neither to all crawlers or to us.

    `metas` are names and contents of meta elements, `headers` the values of X-Robots-Tag, whose rules may be
    preceded by the name of the crawler that they are for. `product` is our own name.
    """
    texts = [content for name, content in metas if name.strip().lower() in ("robots", product.lower())]
    texts += [rules for value in headers for name, rules in [_named(value)] if name in ("", product.lower())]
    found = {word for text in texts for word in _words(text)}
    return ", ".join(sorted(found)) or None


def _named(value: str) -> tuple[str, str]:
    found = _NAMED.fullmatch(value)
    if not found or found[1].lower() in _RULES:
        return "", value
    return found[1].lower(), found[2]


def _words(text: str) -> Iterator[str]:
    for word in text.lower().split(","):
        yield from _MEANING.get(word.strip(), ())
