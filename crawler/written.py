"""Addresses that stand, letter by letter, in the code of a link, a button or a jump menu.

Only literals are read: an address that a script puts together is not known before the script runs, and is counted.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from urllib.parse import unquote

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.owners import Owners

LONGEST = 2_000  # characters of one element's code that are read; what opens a page behind them is counted

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
    owners = Owners()
    leading = _leading(found, owners)
    for node in found:
        if node.tag == "select":
            form = owners.of(node)
            yield from _options(node, form is not None and form.mem_id in leading)
        else:
            yield from ((node, each) for each in _of_code(node))


def _options(select: LexborNode, is_led: bool) -> Iterator[tuple[LexborNode, str | None]]:
    """The options of a jump menu: one that acts when it is chosen from, or is led on by its form's button."""
    changed = _attribute(select, "onchange")
    if not changed and not is_led:
        return
    options = [(node, _attribute(node, "value").strip()) for node in select.css("option[value]")]
    found = [(node, value) for node, value in options if _ADDRESS.fullmatch(value)]
    yield from found
    if not found and _JUMPS.search(changed):
        yield select, None


def _leading(elements: Sequence[LexborNode], owners: Owners) -> set[int]:
    """The forms with a button, or with something that runs before they are sent, that opens another page."""
    forms = {form.mem_id: form for each in elements if each.tag == "select" and (form := owners.of(each))}
    found = {known for known, form in forms.items() if _GOES.search(_attribute(form, "onsubmit"))}
    for each in elements if forms else ():
        form = owners.of(each) if each.tag != "select" else None
        if form is not None and form.mem_id not in found and _GOES.search(_attribute(each, "onclick")):
            found.add(form.mem_id)
    return found


def _of_code(node: LexborNode) -> Iterator[str | None]:
    scheme, _, called = _attribute(node, "href").strip().partition(":")
    leads = scheme.lower() == "javascript"
    called, clicked = unquote(called) if leads else "", _attribute(node, "onclick")
    beyond = len(called) > LONGEST or _GOES.search(clicked, LONGEST) is not None
    called, clicked = called[:LONGEST], clicked[:LONGEST]
    gone_to = [list(_literal(_LITERAL.match(clicked, at.end()), clicked)) for at in _GOES.finditer(clicked)]
    read = [*_literals(called), *chain(*gone_to)]
    yield from read
    unread = beyond or not all(gone_to)
    if not read:
        unread = unread or not all(_IDLE.fullmatch(each.strip()) for each in called.split(";"))
    if unread and (leads or _leads_nowhere(node)):
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
