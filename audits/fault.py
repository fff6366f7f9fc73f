"""Which findings show one and the same fault, on whatever page: the identity of a defect, version 3.

A fault is a rule, the element as its template makes it, the ancestors next to it that say something, and the region of
the page that it stands in. What changes from page to page or from day to day has no part in it: numbers, names drawn
at random, states that scripts switch on, bare boxes around, where a box is put (`col-sm-6`, `mt-4`), which
working day a cell of a calendar is, the box around the whole page, ids, texts. So a fault of a header is one fault on all
pages, and pictures without a text alternative in the articles of a site are one kind of fault on many.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

VERSION = "fault-3"
EARLIER = "fault-2"  # knew boxes by where they are put, and links by roles that people try on them
NEAR = 3  # ancestors that say something and belong to a fault

Link = Sequence[Any]  # tag, id, classes, role: an element of the way up

_WORD = re.compile(r"[A-Za-z0-9]+")
_DRAWN = re.compile(r"(?=\D*\d)(?=[^A-Za-z]*[A-Za-z])[A-Za-z0-9]{5,}")  # letters and digits in one
_DIGITS = re.compile(r"\d+")
_STATES = frozenset(
    [
        "active",
        "current",
        "selected",
        "open",
        "opened",
        "closed",
        "show",
        "shown",
        "hide",
        "hidden",
        "hover",
        "focus",
        "focused",
        "visited",
        "disabled",
        "enabled",
        "collapsed",
        "collapse",
        "collapsing",
        "expanded",
        "loaded",
        "loading",
        "lazyload",
        "lazyloaded",
        "first",
        "last",
        "odd",
        "even",
        "new",
        "visible",
        "invisible",
        "animated",
        "sticky",
        "fixed",
        "stuck",
    ]
)
_PLACING = re.compile(  # classes that put a box somewhere, of Bootstrap, UIkit and their like
    r"(?:uk-)?(?:row|clearfix|no-gutters|gutters?-.+|container(?:-(?:fluid|sm|md|lg|xl|xxl))?"
    r"|(?:col|offset|order)(?:-(?:xs|sm|md|lg|xl|xxl|push|pull|offset|auto|first|last|\d+))*"
    r"|[mp][trblsexy]?(?:-(?:sm|md|lg|xl|xxl))?-(?:n?\d+|auto)|(?:margin|padding)(?:-.+)?"
    r"|m?[wh]-\d+|(?:child-)?width-.+|grid(?:-.+)?|border(?:-(?:top|bottom|left|right|start|end))?-0"
    r"|d(?:-(?:sm|md|lg|xl|xxl|print))?-(?:none|inline|inline-block|block|flex|inline-flex|grid|table|table-cell)"
    r"|(?:flex|align|justify)(?:-.+)?|(?:float|pull)-(?:none|left|right|start|end)"
    r"|text(?:-(?:sm|md|lg|xl|xxl))?-(?:left|center|right|start|end|justify|nowrap))"
)
_DAY = re.compile(r"(?<![a-z])(?:mon|tue|tues|wed|wednes|thu|thur|thurs|fri)(?:day)?(?![a-z])")
_TIME = re.compile(r"(?:[a-z]+-)?(?:past|future)")  # states that the calendar switches
_BOXES = frozenset({"div", "span", "center", "font", "b", "i", "strong", "em"})
_LANDMARKS = {
    "header": "header", "footer": "footer", "nav": "nav", "main": "main", "aside": "side", "banner": "header",
    "contentinfo": "footer", "navigation": "nav", "complementary": "side", "search": "search", "dialog": "dialog",
    "menu": "nav", "navi": "nav", "gnav": "nav", "gnavi": "nav", "globalnav": "nav", "foot": "footer", "head": "header",
    "sidebar": "side", "side": "side", "content": "main", "contents": "main", "breadcrumb": "breadcrumb",
    "breadcrumbs": "breadcrumb", "pankuzu": "breadcrumb", "topicpath": "breadcrumb",
}  # fmt: skip
_TAGS = frozenset({"header", "footer", "nav", "main", "aside", "dialog"})
_ROLES = frozenset({"banner", "contentinfo", "navigation", "main", "complementary", "search", "dialog"})
_PREFIX = re.compile(r"^(?:tmp|l|g|js|site|page|global|the|wrap)[-_]")
_FRAMES = ("html", "body")


@dataclass(frozen=True, kw_only=True)
class Fault:
    """Names of a fault: by all that identifies it, and by its element alone."""

    digest: str
    earlier: str  # its digest in the version before: a defect that is known by it goes on under that one's name
    shape: str  # faults of one rule with equal shapes may be one that has moved within its pages


def fault_of(rule: str, frame: Sequence[Any], chain: Sequence[Link], snippet: str) -> Fault:
    """The fault that a finding shows; `chain` leads from its element to the root, and is empty where nobody knows it."""
    digest, shape = _names(VERSION, rule, frame, chain, _lasting_of(chain), snippet)
    earlier, _ = _names(EARLIER, rule, frame, chain, chain, snippet)
    return Fault(digest=digest, earlier=earlier, shape=shape)


def _names(
    version: str, rule: str, frame: Sequence[Any], chain: Sequence[Link], told: Sequence[Link], snippet: str
) -> tuple[str, str]:
    """Digest and shape in one version; `told` is what the version takes of the chain's elements."""
    if not chain:
        own: list[Any] = [_steady(snippet)]
        return _digest([version, rule, len(frame), own, [], ""]), _digest([version, rule, own])
    own = _described(told[0])
    near: list[list[Any]] = []
    region = ""
    reach = 0
    for link, said in zip(chain[1:], told[1:], strict=True):
        if link[0] in _FRAMES:
            break
        region = region_of(link)
        if region:
            break
        if reach < NEAR and _says_something(link):
            reach += 1  # what only puts a box somewhere is passed, and counts
            if _says_something(said):
                near.append(_described(said))
    region = region or (region_of(chain[0]) if chain[0][0] not in _FRAMES else "")
    return _digest([version, rule, len(frame), own, near, region]), _digest([version, rule, len(frame), own])


def region_of(link: Link) -> str:
    """The landmark that an element is, by its tag, role, id or a class that says so whole; empty when it is none."""
    tag, name, classes, role = link
    if role in _ROLES:
        return _LANDMARKS[role]
    if tag in _TAGS:
        return _LANDMARKS[tag]
    named = (_PREFIX.sub("", each.lower()) for each in (name, *classes) if each)
    return next((_LANDMARKS[each] for each in named if each in _LANDMARKS), "")


def _described(link: Link) -> list[Any]:
    tag, _, classes, role = link
    named = [] if tag in _FRAMES else sorted(_named(classes))  # scripts and kinds of pages put theirs there
    return [tag, role, named]


def _lasting_of(chain: Sequence[Link]) -> list[Link]:
    """What stays of each element; the box right below the body, far around, holds the page and says as little."""
    told = [_lasting(link) for link in chain]
    outermost = next((place for place, link in enumerate(chain) if link[0] in _FRAMES), 0) - 1
    if outermost >= NEAR and chain[outermost][0] == "div":
        told[outermost] = ["div", "", [], ""]
    return told


def _lasting(link: Link) -> Link:
    """What stays of an element: no classes that only put it somewhere or go by the date, no role where its tag says it."""
    tag, name, classes, role = link
    known = (_DAY.sub("day", each.lower()) if _DAY.search(each.lower()) else each for each in classes)
    kept = [each for each in known if not (_PLACING.fullmatch(each.lower()) or _TIME.fullmatch(each.lower()))]
    return [tag, name, kept, role if tag in _BOXES else ""]


def _says_something(link: Link) -> bool:
    tag, _, classes, role = link
    return bool(tag not in _BOXES or role or _named(classes))


def _named(classes: Iterable[str]) -> set[str]:
    """The classes that a template gives, without what a script switches and what a tool draws."""
    kept = (
        each
        for each in classes
        if each.lower() not in _STATES and not each.lower().startswith(("is-", "has-", "js-"))
    )
    return {_steady(each) for each in kept}


def _steady(text: str) -> str:
    """The text with what looks drawn at random, and numbers, made alike."""
    return _DIGITS.sub("0", _WORD.sub(lambda found: "~" if _DRAWN.fullmatch(found[0]) else found[0], text))


def _digest(told: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(told, ensure_ascii=False).encode()).hexdigest()
