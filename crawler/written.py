"""Addresses that stand, letter by letter, in the code of a link, a button or a jump menu.

Only literals are read: an address that a script puts together is not known before the script runs, and is counted.
"""

import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

LONGEST = 2_000  # characters of one element's code that are read

_MARKUP = 'a[href^="javascript:" i], area[href^="javascript:" i], [onclick], select'
_ADDRESS = re.compile(
    r"(?:https?:)?//[^\s<>{}/][^\s<>{}]*|\.{0,2}/(?![/*])[^\s<>{}]*"
    r"|[^\s<>{}:?#]+\.(?:html?|shtml|xhtml|php|jsp|do|cgi|aspx?|pl|action)(?:[?#][^\s<>{}]*)?",
    re.IGNORECASE,
)
_LITERAL = re.compile(
    r"""(["'`])((?:\\.|(?!\1)[^\\])*+)(\1|\\?\Z)""", re.DOTALL
)  # one without its end takes all the rest
# What makes a literal a part of something longer: behind it, and before it
_GOES_ON = re.compile(r"\s*[+.\[]")
_CONTINUES = re.compile(r"(?:\+|\+=|\.concat\s*\((?:[^()]*,)?)\s*\Z")
# What opens another page, up to where its address stands; an object's own `open` is none
_GOES = re.compile(
    r"(?<![\w$])(?:location(?:\.href)?\s*=(?!=)|location\.(?:assign|replace)\s*\("
    r"|(?<!\.)open\s*\(|(?:window|self|parent|top)\.open\s*\()\s*"
)
_IDLE = re.compile(
    r"(?:return\s+)?(?:void\b\s*\(?\s*\d*\s*\)?|true|false|null|undefined|\d+"
    r"|(?:(?:window|self|parent|top)\.)*(?:print|close|stop|focus|blur|alert|scroll\w*|history\.\w+)\s*\([^()]*\)"
    r"|[\w.$\[\]'\"]+\.submit\(\))?"  # a form, which is another matter
)
_JUMPS = re.compile(r"location|open\s*\(|jump|goto", re.IGNORECASE)


def written(tree: LexborHTMLParser) -> Iterator[tuple[LexborNode, str | None]]:
    """Elements whose code leads on, with each address as written; None where none can be read."""
    found = tree.css(_MARKUP)
    forms = _Forms(found)
    for node in found:
        if node.tag == "select":
            yield from _options(node, forms.code_around(node))
        else:
            yield from ((node, each) for each in _of_code(node))


def _options(select: LexborNode, pressed: str) -> Iterator[tuple[LexborNode, str | None]]:
    """The options of a jump menu: one that acts when it is chosen from, or by its form's button."""
    changed = _attribute(select, "onchange")
    if not changed and not _GOES.search(pressed):
        return
    options = [(node, _attribute(node, "value").strip()) for node in select.css("option[value]")]
    found = [(node, value) for node, value in options if _ADDRESS.fullmatch(value)]
    yield from found
    if not found and _JUMPS.search(changed):
        yield select, None


class _Forms:
    """The code of each form with a menu; no element is looked at twice, however many menus and buttons there are."""

    def __init__(self, elements: Sequence[LexborNode]) -> None:
        self._forms: dict[int, LexborNode | None] = {}  # around an element, as far as asked
        self._code: dict[int, str] = {}
        buttons = [each for each in elements if each.tag != "select" and "onclick" in each.attributes]
        if any(each.tag == "select" for each in elements):
            for each in buttons:
                self._add(self._around(each), _attribute(each, "onclick"))

    def code_around(self, element: LexborNode) -> str:
        """The code of the form that an element stands in: of its buttons, and what runs before it is sent."""
        form = self._around(element)
        return "" if form is None else f"{_attribute(form, 'onsubmit')[:LONGEST]};{self._code.get(form.mem_id, '')}"

    def _add(self, form: LexborNode | None, code: str) -> None:
        if form is not None and len(known := self._code.get(form.mem_id, "")) < LONGEST:
            self._code[form.mem_id] = f"{known};{code}"[:LONGEST]

    def _around(self, element: LexborNode) -> LexborNode | None:
        passed: list[int] = []
        at = element.parent
        while at is not None and at.tag != "form" and at.mem_id not in self._forms:
            passed.append(at.mem_id)
            at = at.parent
        form = at if at is None or at.tag == "form" else self._forms[at.mem_id]
        self._forms |= dict.fromkeys(passed, form)
        return form


def _of_code(node: LexborNode) -> Iterator[str | None]:
    scheme, _, called = _attribute(node, "href").strip().partition(":")
    leads = scheme.lower() == "javascript"
    called = unquote(called)[:LONGEST] if leads else ""
    clicked = _attribute(node, "onclick")[:LONGEST]
    goes = [found.end() for found in _GOES.finditer(clicked)]
    read = [*_literals(called), *(each for at in goes for each in _literal(_LITERAL.match(clicked, at), clicked))]
    yield from read
    unread = goes or not all(_IDLE.fullmatch(each.strip()) for each in called.split(";"))
    if unread and not read and (leads or _leads_nowhere(node)):
        yield None


def _leads_nowhere(node: LexborNode) -> bool:
    """Whether an element, but for its code, is no link to another place."""
    return _attribute(node, "href").strip().startswith("#") or "href" not in node.attributes


def _literals(code: str) -> Iterator[str]:
    for found in _LITERAL.finditer(code):
        yield from _literal(found, code)


def _literal(found: re.Match[str] | None, code: str) -> Iterator[str]:
    """The address that a literal is, unless it is only a part of one."""
    if found is None or found[3] != found[1]:
        return
    if _GOES_ON.match(code, found.end()) or _CONTINUES.search(code[: found.start()]):
        return
    text = found[2].replace("\\/", "/")
    if "\\" not in text and not (found[1] == "`" and "${" in text) and _ADDRESS.fullmatch(text):
        yield text


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""
