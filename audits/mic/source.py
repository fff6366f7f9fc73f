"""The conditions of the ministry's survey that are decided in the source of a page, as it came from the server.

A browser mends what is wrong there, so the page that it shows no longer tells. The source is cut into tags as the
HTML standard says, by one scan of our own: the standard library's parser takes quadratic time for tags that are never
closed, and the others that are installed mend like a browser.
"""

import html
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

SNIPPET = 300  # characters of a tag that are told
MOST = 1000  # places of one condition that are told; a page with more is no less at fault

SPACE = " \t\n\f\r"
NAME = re.compile(rf"[^{SPACE}/>]+")
GAP = re.compile(rf"[{SPACE}/]*")
ATTRIBUTE = re.compile(rf"=?[^{SPACE}/>=]*")
EQUALS = re.compile(rf"[{SPACE}]*=[{SPACE}]*")
UNQUOTED = re.compile(rf"[^{SPACE}>]*")
COMMENT_END = re.compile(r"-->|(?<!<!)--!>")

VOID = frozenset({
    "area", "base", "basefont", "bgsound", "br", "col", "embed", "frame", "hr", "img", "input", "keygen",
    "link", "meta", "param", "source", "track", "wbr",
})  # fmt: skip
# Elements whose inside is text to a browser that runs scripts.
TEXT = frozenset({
    "iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "textarea", "title", "xmp",
})  # fmt: skip
ENDS = {name: re.compile(rf"</{name}(?=[{SPACE}/>])", re.IGNORECASE) for name in TEXT}
DRAWINGS = frozenset({"svg", "math"})
# What may stand before the body without beginning it.
OUTSIDE_BODY = frozenset({
    "html", "head", "base", "basefont", "bgsound", "link", "meta", "noscript", "script", "style", "template",
    "title",
})  # fmt: skip
# HTML that ends a drawing in which it stands.
BREAKS_OUT = frozenset({
    "body", "blockquote", "br", "center", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "hr", "img", "li", "ol", "p", "pre", "table", "ul",
})  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class SourceFault:
    """A place in the source where a condition is met."""

    item: str  # of the condition, "C_423.0"
    line: int  # from 1
    column: int  # from 1, in characters
    snippet: str  # the tag


class Tag(NamedTuple):
    """A start or end tag of the source."""

    name: str
    opens: bool
    attributes: dict[str, str]
    begins: int  # offsets in the source
    ends: int
    closed: bool = False  # written with a slash at its end


def faults(text: str) -> list[SourceFault]:
    """The faults in the source of a page, in its order: conditions C_1000.0 to C_1000.4, C_422.0, C_423.0, C_600.21."""
    reading = _Reading()
    for tag in _tags(text):
        if tag is None:
            reading.text()
        else:
            reading.tag(tag)
    reading.end()
    return list(_placed(text, sorted(reading.found, key=lambda found: found[1].begins)))


def _placed(text: str, found: Iterable[tuple[str, Tag]]) -> Iterator[SourceFault]:
    """The faults with line and column, in the order of their tags."""
    mark = "\n" if "\n" in text else "\r"
    at, line, line_begins = 0, 1, 0
    for item, tag in found:
        line += text.count(mark, at, tag.begins)
        line_begins = max(line_begins, text.rfind(mark, at, tag.begins) + 1)
        at = tag.begins
        snippet = text[at : min(tag.ends, at + SNIPPET)]
        yield SourceFault(item=item, line=line, column=at - line_begins + 1, snippet=snippet)


# ── cutting the source into tags ───────────────────────────────────────────────────────────────────


def _tags(text: str) -> Iterator[Tag | None]:
    """The tags, and None where text that is more than white space stands before one.

    Comments and what is text to a browser are left out. Every character is looked at a bounded number of times:
    whatever is not closed takes the rest of the source.
    """
    at, drawing = 0, 0
    while (begins := text.find("<", at)) != -1:
        if _says(text, at, begins):
            yield None
        tag = _tag(text, begins)
        if tag is None:
            at = _past_other(text, begins, drawing > 0)
            continue
        if tag.ends > len(text):
            return
        yield tag
        drawing = _drawing(drawing, tag)
        at = tag.ends if drawing or not tag.opens or tag.name not in TEXT else _past_text(text, tag)
    if _says(text, at, len(text)):
        yield None


def _says(text: str, begins: int, ends: int) -> bool:
    return bool(text[begins:ends].strip(SPACE + "\ufeff\0"))


def _drawing(depth: int, tag: Tag) -> int:
    """How deep in drawings (SVG, MathML) what follows the tag is."""
    if tag.name in DRAWINGS:
        return max(0, depth + (1 if tag.opens else -1)) if not tag.closed else depth
    return 0 if tag.opens and tag.name in BREAKS_OUT else depth


def _past_other(text: str, at: int, in_drawing: bool) -> int:
    """Where what begins with `<` and is no tag ends: a comment, a declaration, or the mere character."""
    if text.startswith("<!--", at):
        end = COMMENT_END.search(text, at + 2)
        return end.end() if end else len(text)
    if in_drawing and text.startswith("<![CDATA[", at):
        return _after(text, "]]>", at + 9) or len(text)
    if text.startswith(("<!", "<?", "</"), at):
        return _after(text, ">", at + 2) or len(text)
    return at + 1


def _after(text: str, what: str, at: int) -> int:
    """The offset after the next occurrence; 0 when there is none."""
    found = text.find(what, at)
    return found + len(what) if found != -1 else 0


def _past_text(text: str, tag: Tag) -> int:
    """Where the end tag of an element begins whose inside is text."""
    if tag.name == "plaintext":
        return len(text)
    end = ENDS[tag.name].search(text, tag.ends)
    return end.start() if end else len(text)


def _tag(text: str, begins: int) -> Tag | None:
    """The tag at a `<`; None when there is none. One that is not closed ends beyond the source."""
    opens = text[begins + 1 : begins + 2] != "/"
    at = begins + (1 if opens else 2)
    if not text[at : at + 1].isascii() or not text[at : at + 1].isalpha():
        return None
    name = NAME.match(text, at)
    assert name is not None
    attributes: dict[str, str] = {}
    at = name.end()
    while True:
        gap = GAP.match(text, at)
        assert gap is not None
        at = gap.end()
        if text.startswith(">", at):
            closed = gap[0].endswith("/")
            return Tag(sys.intern(name[0].lower()), opens, attributes, begins, at + 1, closed)
        if at >= len(text):
            return Tag("", opens, {}, begins, len(text) + 1)
        at = _attribute(text, at, attributes)


def _attribute(text: str, at: int, attributes: dict[str, str]) -> int:
    """Put the attribute at an offset to the others, unless it is there already; returns where it ends."""
    name = ATTRIBUTE.match(text, at)
    assert name is not None
    equals = EQUALS.match(text, name.end())
    if equals is None:
        attributes.setdefault(name[0].lower(), "")
        return name.end()
    at = equals.end()
    quote = text[at : at + 1]
    if quote in ('"', "'"):
        ends = text.find(quote, at + 1)
        value, at = (text[at + 1 : ends], ends + 1) if ends != -1 else ("", len(text))
    else:
        unquoted = UNQUOTED.match(text, at)
        assert unquoted is not None
        value, at = unquoted[0], unquoted.end()
    attributes.setdefault(name[0].lower(), value)
    return at


# ── judging them ───────────────────────────────────────────────────────────────────────────────────


@dataclass(kw_only=True)
class _Reading:
    """What was read of a source so far."""

    found: list[tuple[str, Tag]] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    first: dict[str, Tag] = field(default_factory=dict)  # html, body and frameset
    in_head: bool = False
    left: bool = False  # the html element was closed
    begun: bool = False  # something for a body stood outside the head
    empty: bool = True  # nothing for a body stood anywhere
    ids: set[str] = field(default_factory=set)
    keys: set[str] = field(default_factory=set)
    open: list[str] = field(default_factory=list)  # names of open elements; html, head and body are not kept
    opened: Counter[str] = field(default_factory=Counter)
    pictures: list[list[Tag]] = field(default_factory=list)  # each with the images in it

    def tag(self, tag: Tag) -> None:
        """Judge a tag, unless it stands in a template, and keep what it opens or closes."""
        if tag.opens and not self.opened["template"]:
            self._judge(tag)
        if tag.name == "head":
            self.in_head = tag.opens and "body" not in self.first
        elif tag.name == "html":
            self.left = self.left or not tag.opens
        elif tag.name != "body" and tag.opens:
            self._open(tag)
        elif tag.name != "body":
            self._close(tag.name)

    def text(self) -> None:
        """Text stands here."""
        self.empty = False
        self.begun = self.begun or not self.in_head

    def end(self) -> None:
        """Judge what the end of the source closes, and whether there is a body."""
        while self.open:
            self._pop()
        if self.empty and not self.first.keys() & {"body", "frameset"}:
            self._tell("C_1000.4", self.first.get("html", Tag("", True, {}, 0, SNIPPET)))

    def _judge(self, tag: Tag) -> None:
        if tag.name in ("html", "body", "frameset"):
            self._judge_frame(tag)
        elif tag.name == "head" and "body" in self.first:
            self._tell("C_1000.1", tag)
        if tag.name not in OUTSIDE_BODY:
            self.text()
        self._judge_attributes(tag)

    def _judge_frame(self, tag: Tag) -> None:
        """Only the first `html` and `body` are in their place, and the first body not everywhere."""
        if tag.name not in self.first:
            self.first[tag.name] = tag
            self._judge_place(tag)
        elif tag.name != "frameset":
            self._tell("C_1000.2" if tag.name == "html" else "C_1000.0", tag)

    def _judge_place(self, tag: Tag) -> None:
        if tag.name == "html" and "body" in self.first:
            self._tell("C_1000.3", self.first["body"])
        elif tag.name == "body" and self.open:
            self._tell("C_1000.4", tag)
        elif tag.name == "body" and (self.begun or self.left):
            self._tell("C_1000.3", tag)

    def _judge_attributes(self, tag: Tag) -> None:
        name = html.unescape(tag.attributes.get("id", ""))
        if name in self.ids:
            self._tell("C_423.0", tag)
        elif name:
            self.ids.add(name)
        keys = set(html.unescape(tag.attributes.get("accesskey", "")).lower().split())
        if keys & self.keys:
            self._tell("C_422.0", tag)
        self.keys |= keys

    def _open(self, tag: Tag) -> None:
        live = not self.opened["template"]
        if tag.name == "img" and live and self.pictures:
            self.pictures[-1].append(tag)
        if tag.name in VOID or (tag.closed and (self.opened["svg"] or self.opened["math"] or tag.name in DRAWINGS)):
            return
        if tag.name == "picture" and live:
            self.pictures.append([tag])
        self.open.append(tag.name)
        self.opened[tag.name] += 1

    def _close(self, name: str) -> None:
        if self.opened[name]:
            while self._pop() != name:
                pass

    def _pop(self) -> str:
        name = self.open.pop()
        self.opened[name] -= 1
        if name == "picture" and not self.opened["template"]:
            picture, *images = self.pictures.pop()
            if len(images) != 1:
                self._tell("C_600.21", picture)
        return name

    def _tell(self, item: str, tag: Tag) -> None:
        self.told[item] += 1
        if self.told[item] <= MOST:
            self.found.append((item, tag))
