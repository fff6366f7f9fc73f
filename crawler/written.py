"""Addresses that stand, letter by letter, in the code of a link, a button or a jump menu.

Only literals are read: an address that a script puts together is not known before the script runs, and is counted.
"""

import re
from collections.abc import Iterator
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
    for node in tree.css(_MARKUP):
        if node.tag == "select":
            yield from _options(node)
        else:
            yield from ((node, each) for each in _of_code(node))


def _options(select: LexborNode) -> Iterator[tuple[LexborNode, str | None]]:
    """The options of a jump menu: one that acts when it is chosen from, or by its form's button."""
    changed, pressed = _attribute(select, "onchange"), _code_around(select)
    if not changed and not _GOES.search(pressed):
        return
    options = [(node, _attribute(node, "value").strip()) for node in select.css("option[value]")]
    found = [(node, value) for node, value in options if _ADDRESS.fullmatch(value)]
    yield from found
    if not found and _JUMPS.search(changed):
        yield select, None


def _code_around(select: LexborNode) -> str:
    """The code of the form that a menu belongs to."""
    form = select.parent
    while form is not None and form.tag != "form":
        form = form.parent
    if form is None:
        return ""
    code = [_attribute(form, "onsubmit"), *(_attribute(node, "onclick") for node in form.css("[onclick]"))]
    return ";".join(code)[:LONGEST]


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
    if (
        found is None
        or found[3] != found[1]
        or code[: found.start()].endswith(("+", "+ "))
        or code[found.end() :][:2].lstrip().startswith("+")
    ):
        return
    text = found[2].replace("\\/", "/")
    if "\\" not in text and not (found[1] == "`" and "${" in text) and _ADDRESS.fullmatch(text):
        yield text


def _attribute(node: LexborNode, name: str) -> str:
    return node.attributes.get(name) or ""
