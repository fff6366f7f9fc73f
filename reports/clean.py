"""Text of crawled pages, made fit to be shown: nothing invisible, no scripts behind links, no formulas."""

import re
from typing import Any
from urllib.parse import urlsplit

# Controls, direction overrides, zero-width signs, halves of surrogate pairs: they hide or reorder text
INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\ufffe\uffff]"
)
# What a spreadsheet takes for the beginning of a formula; the full-width ones where it runs in Japanese
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠", "−")


def visible(text: str) -> str:
    """The text with every invisible character written as its code: `⟨U+202E⟩`."""
    if text.isprintable():  # most are, and none of the invisible ones is
        return text
    return INVISIBLE.sub(_written_out, text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The text in one line, with single spaces."""
    return visible(" ".join(text.split()))


def web_link(address: str) -> str | None:
    """The address when a reader may follow it: http or https only."""
    try:
        return address if urlsplit(address).scheme in ("http", "https") else None
    except ValueError:
        return None


def cell(value: Any) -> Any:
    """A value for a spreadsheet: text that would be run as a formula is marked as text with `'`."""
    if not isinstance(value, str):
        return value
    return visible(f"'{value}" if value.startswith(FORMULA) else value)


def _written_out(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
