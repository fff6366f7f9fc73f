"""An HTML document as the crawler reads it without a browser: its links, its title, its shape.

Scripts do not run here; a link that only a script makes is found later, in the browser. `noscript` counts.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler import content as contents
from crawler import encoding as encodings
from crawler import prescan
from crawler.address import canonical
from crawler.content import Content
from crawler.minhash import Minhash
from crawler.owners import Owners
from crawler.scripts import script_key
from crawler.shape import shape
from crawler.unsafe import is_file, is_title, says_act
from crawler.written import written

NESTING = 5_000  # elements; the parser's time grows with the square, and browsers stop nesting at 512
NAME = 1_000  # characters of a link's text from which it is no name of an act
WITHIN = 1_000_000  # elements and texts in all links of a document together that are read for their names
ATTRIBUTES = 1_000  # of one element, for the same reason

_LINKS = "a[href], a[xlink\\:href], area[href], frame[src], iframe[src], link[href][rel], meta[http-equiv][content]"
_FOLLOWED = frozenset({"canonical", "alternate", "next", "prev"})
# What a script asks before it does something that cannot be undone
_ASKS = re.compile(r"confirm\s*\(", re.IGNORECASE)
_UNDONE = re.compile(r"削除|ログアウト|退会|解約|取り?消|解除|delete|remove|log ?out|unsubscribe", re.IGNORECASE)
_REFRESH = re.compile(
    r"\s*[\d.]*\s*[;,\s]\s*(?:url\s*=\s*)?(?P<quote>[\"']?)(?P<address>.*)", re.IGNORECASE | re.DOTALL
)
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/<>]*+)[^<>]*?(/?)>")
_OVERLOADED = re.compile(rf"<[a-zA-Z][^\s<>]*+(?:\s++[^\s<>]++){{{ATTRIBUTES}}}")
_NEVER_DEEP = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr",  # empty
    "p", "li", "dt", "dd", "option", "tr", "td", "th", "thead", "tbody", "tfoot", "rt", "rp",  # closed by the next
})  # fmt: skip
# A shadow root that the source declares shows where it stands, as an element that its host's end closes
_DECLARED = re.compile(r"<template(?=\s[^<>]*?shadowrootmode\s*=)", re.IGNORECASE)
_ROOT = "shadow-root"
READER = 11  # to be raised when something else is read from a page: later sweeps then read unchanged pages anew
_IN_FORMS = 'input, textarea, [role="search"], [formaction]'
_OTHER_FIELDS = frozenset({"password", "email", "tel", "file"})  # types of input elements


@dataclass(frozen=True, kw_only=True)
class Document:
    """What one HTML answer says."""

    title: str  # white space collapsed; "" when there is none
    links: tuple[str, ...]  # canonical, each once, in document order but for those in code, which are last
    written: tuple[str, ...]  # of these, what stands in the code of links, buttons and jump menus
    unread: int  # further ones of these whose address only a script knows, and frames written within written ones
    unsafe: frozenset[str]  # of the links, what a link that speaks of an act leads to; never the page itself
    canonical: str | None  # the address that the page names as its own
    closed_roots: bool  # it declares closed shadow roots
    script_key: str  # names its set of scripts; "" when it has none
    forms: int  # forms other than a site search
    sends_to: tuple[str, ...]  # where these send to: method and canonical address, each once
    headings: tuple[str, ...]  # texts of its h1 elements
    shape: Minhash  # of its DOM, see crawler.shape
    content: Content
    metas: tuple[tuple[str, str], ...] = ()  # its meta elements, name and content: see crawler.robots_meta
    cut: str = ""  # why its end was not read


def decode(body: bytes, content_type: str | None) -> tuple[str, str]:
    """Text and WHATWG encoding name, decided in the order BOM, HTTP, meta, detection. Never raises."""
    name, body = prescan.of_mark(body)
    name = name or prescan.of_header(content_type) or prescan.of_html(body) or _detected(body)
    return encodings.decode(body, name), name


def read(body: bytes, content_type: str | None, address: str) -> Document:
    """The document at a canonical address. Never raises, whatever the bytes."""
    whole, encoding = decode(body, content_type)
    text, cut = _bounded(whole)
    tree = LexborHTMLParser(_DECLARED.sub(f"<{_ROOT}", text))
    base, title = _base(tree, address), _title(tree)
    coded = list(written(tree))
    in_code = [(node, target) for node, target in coded if target is not None]
    inner = [LexborHTMLParser(_attribute(frame, "srcdoc")) for frame in tree.css("iframe[srcdoc]")]
    own = list(_links(tree, base, encoding))
    links = [*own, *(each for one in inner for each in _links(one, _base(one, base), encoding))]
    from_code = list(_resolved(in_code, base, encoding))
    leading = [*((link, node) for link, node in links if not _is_place(node)), *from_code]
    forms = [(form, within) for form, within in _forms(tree) if not _is_search(form, within)]
    asking, names, targets = _Asking(), _Names(), (link for link, _ in leading)
    unsafe = frozenset(link for link, node in leading if link != address and _is_act(node, link, asking, names))
    return Document(
        title=title,
        links=tuple(dict.fromkeys(link for link, _ in (*links, *from_code))),
        written=tuple(dict.fromkeys(link for link, _ in from_code)),
        unread=len(coded) - len(in_code) + sum(len(one.css("iframe[srcdoc]")) for one in inner),
        unsafe=unsafe,
        canonical=next((link for link, node in own if "canonical" in _relations(node)), None),
        closed_roots=tree.css_first(f'{_ROOT}[shadowrootmode="closed" i]') is not None,
        script_key=script_key(tree),
        forms=len(forms),
        sends_to=tuple(dict.fromkeys(each for form in forms for each in _sends_to(*form, base, address))),
        headings=tuple(_collapsed(node.text()) for node in tree.css("h1")),
        shape=shape(tree),
        metas=tuple((_attribute(node, "name"), _attribute(node, "content")) for node in tree.css("meta[name]")),
        cut=cut or names.cut,
        content=contents.content(tree, title, targets, base, whole[len(text) :]),  # last: it takes elements out
    )


def _detected(body: bytes) -> str:
    """The first encoding in which all of the body makes sense, as browsers guess it in Japan."""
    if body.isascii():
        return "iso-2022-jp" if b"\x1b$" in body else "utf-8"
    counted = {name: encodings.decode(body, name).count("\ufffd") for name in ("utf-8", "euc-jp", "shift_jis")}
    best = min(counted, key=lambda name: counted[name])
    return best if counted[best] * 100 <= len(body) else "windows-1252"


def _bounded(text: str) -> tuple[str, str]:
    """The text, cut before what keeps the parser busy for minutes, nesting or attributes without end; and why."""
    overloaded = _OVERLOADED.search(text)
    text = text[: overloaded.start()] if overloaded else text
    deep = _too_deep(text) if text.count("<") > NESTING else None
    if deep is not None:
        return text[:deep], f"more than {NESTING} elements within each other: the rest was not read"
    return text, f"more than {ATTRIBUTES} attributes of one element: the rest was not read" if overloaded else ""


def _too_deep(text: str) -> int | None:
    """Where the nesting passes NESTING; None when it does not. Counts open elements, roughly but quickly."""
    opened: Counter[str] = Counter()
    depth = 0
    for tag in _TAG.finditer(text):
        name = tag[2].lower()
        if tag[1]:
            closed = min(opened[name], 1)
            opened[name] -= closed
            depth -= closed
        elif name not in _NEVER_DEEP and not (tag[3] and opened["svg"]):
            opened[name] += 1
            depth += 1
            if depth > NESTING:
                return tag.start()
    return None


def _base(tree: LexborHTMLParser, address: str) -> str:
    """The address that relative links start from: the first base element's, or the document's."""
    named = tree.css_first("base[href]")
    return (canonical(_attribute(named, "href"), address) if named else None) or address


def _links(tree: LexborHTMLParser, base: str, encoding: str) -> Iterator[tuple[str, LexborNode]]:
    """Where the elements of a document lead, of which some are no links, in its order."""
    return _resolved(((node, _target(node)) for node in tree.css(_LINKS)), base, encoding)


def _resolved(
    targets: Iterable[tuple[LexborNode, str | None]], base: str, encoding: str
) -> Iterator[tuple[str, LexborNode]]:
    for node, target in targets:
        address = None if target is None else canonical(target, base, encoding)
        if address:
            yield address, node


def _is_place(node: LexborNode) -> bool:
    """Whether a link leads to a place on its own page, which it names by whatever address that was read at."""
    return _attribute(node, "href").lstrip().startswith("#")


def _target(node: LexborNode) -> str | None:
    """What an element links to, as written; None when it is nothing to follow."""
    if node.tag in ("frame", "iframe"):
        return _attribute(node, "src") or None
    if node.tag == "link":
        return _attribute(node, "href") if _relations(node) & _FOLLOWED else None
    if node.tag == "meta":
        return _refresh_target(node)
    if "download" in node.attributes:
        return None
    return _attribute(node, "href" if "href" in node.attributes else "xlink:href")


def _refresh_target(meta: LexborNode) -> str | None:
    """Where a meta refresh leads (HTML "shared declarative refresh steps"), or None."""
    if _attribute(meta, "http-equiv").strip().lower() != "refresh":
        return None
    found = _REFRESH.fullmatch(_attribute(meta, "content"))
    if not found:
        return None
    target = found["address"]
    return (target.partition(found["quote"])[0] if found["quote"] else target).strip() or None


def _is_act(link: LexborNode, address: str, asking: "_Asking", names: "_Names") -> bool:
    """Whether a link's words, or its markup for scripts, speak of an act, not of a document or a place in one."""
    place = _attribute(link, "href").partition("#")[2]
    if _attribute(link, "data-method").strip().lower() not in ("", "get"):
        return True
    if any(map(_asks_first, (_attribute(link, "onclick"), unquote(_attribute(link, "href"))))):
        return True
    if asking.around(link):
        return True
    words = names.of(link)
    return words is None or (says_act(words) and not (is_file(address) and (place or is_title(words))))


def _asks_first(code: str) -> bool:
    """Whether code asks before it does something that cannot be undone."""
    begin = 0
    while (asks := _ASKS.search(code, begin)) is not None:
        begin = code.find(")", asks.end())
        if begin < 0:
            return _UNDONE.search(code, asks.end()) is not None
        if _UNDONE.search(code, asks.end(), begin):
            return True
    return False


class _Asking:
    """Whether what runs when an option is chosen, its menu's code and its form's, asks first; each is read once."""

    def __init__(self) -> None:
        self._asks: dict[int, bool] = {}  # by element

    def around(self, link: LexborNode) -> bool:
        passed: list[LexborNode] = []
        at = link.parent
        while at is not None and at.tag in ("optgroup", "select", "form") and at.mem_id not in self._asks:
            passed.append(at)
            at = at.parent
        asks = at is not None and self._asks.get(at.mem_id, False)
        for each in reversed(passed):
            code = _attribute(each, "onchange"), _attribute(each, "onsubmit")
            asks = self._asks[each.mem_id] = asks or any(map(_asks_first, code))
        return asks


class _Names:
    """What the links of a document are called, as far as they can be read: they may stand within each other."""

    def __init__(self) -> None:
        self._left = WITHIN

    @property
    def cut(self) -> str:
        """Why not all of them were read; "" when they were."""
        said = f"more than {WITHIN} elements and texts in links: those whose names were not read were not followed"
        return "" if self._left else said

    def of(self, link: LexborNode) -> str | None:
        """To a screen reader, by its text, by its picture, or by its title; None where that was not read."""
        named = _collapsed(_attribute(link, "aria-label")) or self._shown_by(link)
        if named is None:
            return None
        named = named or _collapsed(_attribute(link, "title"))
        return named or (_collapsed(_attribute(link, "value")) if link.tag == "input" else "")

    def _shown_by(self, link: LexborNode) -> str | None:
        """The text of a link, or else of its picture; "" where it holds more than a name has, which is none of an act."""
        text, picture = "", ""
        for each in link.traverse(include_text=True):
            if not self._left:
                return None
            self._left -= 1
            if each.tag == "-text":
                text += each.text_content or ""
                if len(text) > NAME:
                    return ""
            elif each.tag == "img" and not picture:
                picture = _collapsed(_attribute(each, "alt"))
        return _collapsed(text) or picture


def _relations(node: LexborNode) -> set[str]:
    return set(_attribute(node, "rel").lower().split())


def _title(tree: LexborHTMLParser) -> str:
    found = tree.css_first("head title") or tree.css_first("body > title")
    return _collapsed(found.text()) if found else ""


def _forms(tree: LexborHTMLParser) -> Iterator[tuple[LexborNode, list[LexborNode]]]:
    """The forms, each with what of its own tells what it is for, and where it sends to."""
    owners = Owners()
    within: dict[int, list[LexborNode]] = defaultdict(list)
    for each in tree.css(_IN_FORMS):
        form = owners.of(each)
        if form is not None:
            within[form.mem_id].append(each)
    return ((form, within[form.mem_id]) for form in tree.css("form"))


def _sends_to(form: LexborNode, within: list[LexborNode], base: str, address: str) -> Iterator[str]:
    """Where a form sends to, by itself and by its buttons; what it sends by GET replaces the target's query."""
    method = "POST" if _attribute(form, "method").strip().lower() == "post" else "GET"
    buttons = (_attribute(each, "formaction") for each in within if "formaction" in each.attributes)
    given = [_attribute(form, "action"), *buttons]
    for action in given:
        target = canonical(action, base) if action.strip() else address
        if target is not None and not any(mark in target for mark in " \n"):
            yield f"{method} {target.partition('?')[0] if method == 'GET' else target}"


def _is_search(form: LexborNode, within: list[LexborNode]) -> bool:
    """Whether a form is a site search: marked as one, or sent by GET with a single field to type in."""
    types = Counter(_attribute(each, "type").lower() for each in within if each.tag == "input")
    if types["search"] or any(_attribute(each, "role") == "search" for each in within) or _is_marked_search(form):
        return True
    has_other = not _OTHER_FIELDS.isdisjoint(types) or any(each.tag == "textarea" for each in within)
    if _attribute(form, "method").strip().lower() == "post" or has_other:
        return False
    return types[""] + types["text"] == 1


def _is_marked_search(form: LexborNode) -> bool:
    around = (form, form.parent, form.parent.parent if form.parent else None)
    return any(node and (_attribute(node, "role") == "search" or node.tag == "search") for node in around)


def _attribute(node: LexborNode | None, name: str) -> str:
    return (node.attributes.get(name) or "") if node else ""


def _collapsed(text: str) -> str:
    return " ".join(text.split())
