"""The scripts of a page as a key: pages with the same scripts are alike in what rendering adds to them."""

import hashlib
import re

from selectolax.lexbor import LexborHTMLParser

_TYPES = frozenset({  # those of JavaScript are WHATWG MIME Sniffing's, 4.6; browsers take them to the letter
    "", "module", "application/ecmascript", "application/javascript", "application/x-ecmascript", "application/x-javascript",
    "text/ecmascript", "text/javascript", "text/jscript", "text/livescript", "text/x-ecmascript", "text/x-javascript",
    *(f"text/javascript1.{minor}" for minor in range(6)),
})  # fmt: skip
_VALUES = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|\d+")


def script_key(tree: LexborHTMLParser) -> str:
    """A digest of the page's set of scripts, "" when it has none.

    A script counts by its address without the query, or by its code without strings and numbers, which differ
    from page to page where the code does not.
    """
    told: set[str] = set()
    for node in tree.css("script"):
        if (node.attributes.get("type") or "").strip().lower() in _TYPES:
            source = node.attributes.get("src")
            told.add(f"src {source.split('?')[0]}" if source else f"code {_VALUES.sub('_', node.text())}")
    return hashlib.sha256("\n".join(sorted(told)).encode("utf-8", "replace")).hexdigest()[:16] if told else ""
